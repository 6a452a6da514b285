#!/usr/bin/env bash
# Runs the browser tests: run.sh [node --test arguments]
#   CLAWDBOT_BIN  the clawdbot command, built after WebChat
#   CHROMIUM      the browser; found by itself otherwise
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=installer/lib.sh
. "$root/installer/lib.sh"
CLAWDBOT_BIN=$(realpath "${CLAWDBOT_BIN:?is not set; give the path of clawdbot}")
CHROMIUM=$(find_browser) ||
  fail "No browser was found for the browser tests." \
    "Install one: apt-get install chromium (Debian), snap install chromium (Ubuntu), or Google Chrome." \
    "Or set CHROMIUM to the path of one. Then run this again."
export CLAWDBOT_BIN CHROMIUM

cd "$root/tests/e2e"
install_npm
if [ $# -eq 0 ]; then set -- *.test.mjs; fi
exec node --test --test-reporter=spec --test-concurrency=1 "$@"
