#!/usr/bin/env bash
# Runs the browser tests: run.sh [node --test arguments]
#   CLAWDBOT_BIN  the clawdbot command, built after WebChat
#   CHROMIUM      the browser; found by itself otherwise
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=installer/lib.sh
. "$root/installer/lib.sh"
CLAWDBOT_BIN=$(realpath "${CLAWDBOT_BIN:?is not set; give the path of clawdbot}")
export CLAWDBOT_BIN

cd "$root/tests/e2e"
install_npm
if [ $# -eq 0 ]; then set -- *.test.mjs; fi
exec node --test --test-reporter=spec --test-concurrency=1 "$@"
