#!/bin/sh
# Runs the desktop tests: run.sh [unittest arguments]
#   CLAWDBOT_DESKTOP_BIN  the app, built with the feature custom-protocol
#   CLAWDBOT_BIN          the clawdbot command
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out="$here/../out"
: "${CLAWDBOT_DESKTOP_BIN:?is not set; give the path of clawdbot-desktop}"
: "${CLAWDBOT_BIN:?is not set; give the path of clawdbot}"
export CLAWDBOT_DESKTOP_BIN CLAWDBOT_BIN

mkdir -p "$out"
if ! cmp -s "$here/requirements.txt" "$out/venv/requirements.txt"; then
  python3 -m venv "$out/venv"
  "$out/venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$out/venv/requirements.txt"
fi

cd "$here"
if [ $# -eq 0 ]; then
  set -- discover -p 'test_*.py' -v
fi
exec env PYTHONDONTWRITEBYTECODE=1 "$out/venv/bin/python" -W ignore::DeprecationWarning -m unittest "$@"
