# shellcheck shell=sh
# The far end of `clawdbot onboard --server`, for any POSIX shell. `profile` is set before. It reads the
# places that the parcel goes to, says what is here, waits for an order and then for the parcel, a tar
# archive. What it says begins with @clawdbot. Nothing is changed before the order, and what is put in
# place is taken away again if no gateway answers from it.
set -u
umask 077
say() { printf '@clawdbot %s\n' "$*"; }
fail() {
  reason=$1
  shift
  if [ $# -gt 0 ]; then say because "$*"; fi
  say failed "$reason"
  exit 1
}
last() { tail -n 1 "$1" 2>/dev/null; }
is_full() { [ -L "$1" ] || { [ -e "$1" ] && { [ ! -d "$1" ] || [ -n "$(ls -A "$1")" ]; }; }; }
run() { "$program" ${profile:+--profile "$profile"} "$@"; }
has_manager() { [ "$(uname -s)" = Darwin ] || systemctl --user show --property=Version >/dev/null 2>&1; }

cd || fail home
set --
while IFS= read -r place; do
  [ "$place" = . ] && break
  set -- "$@" "$place"
done
say os "$(uname -s)"
say arch "$(uname -m)"
for place; do
  if is_full "$place"; then say taken "$place"; fi
done
own="$PWD/.local/bin/clawdbot"
program=
# Not every system has it.
limit=
if command -v timeout >/dev/null 2>&1; then limit='timeout 20'; fi
for found in "$own" "$(command -v clawdbot)"; do
  if [ -x "$found" ] && version=$($limit "$found" --version 2>/dev/null </dev/null); then
    program=$found
    say version "$version"
    break
  fi
done
say ready
IFS= read -r order || exit 0

parcel=$(mktemp -d "$PWD/.clawdbot-moving.XXXXXX") || fail directory
gateway=
trap 'if [ -n "$gateway" ]; then kill "$gateway" 2>/dev/null; fi; rm -rf "$parcel"' EXIT
trap 'exit 1' HUP INT PIPE TERM
mkdir "$parcel/in" || fail directory
tar -x -o -f - -C "$parcel/in" 2>"$parcel/said" || fail unpack "$(last "$parcel/said")"
[ -f "$parcel/in/complete" ] || fail unpack "the end of the archive is missing"
# Some systems keep no permissions to send along.
chmod 700 "$parcel/in/0" || fail unpack
say unpacked

stamp=$(date +%Y%m%d-%H%M%S)
before=$program
was_replaced=
was_service=
was_stopped=
placed=0
# Puts a part of the parcel in its place. What was there keeps its name and gets an ending.
put() {
  if is_full "$2"; then
    mv "$2" "$2.before-$stamp" || return 1
  elif [ -d "$2" ]; then
    rmdir "$2" || return 1
  fi
  # From here on what is in this place is only a copy.
  placed=$(($1 + 1))
  case $2 in */*) mkdir -p "${2%/*}" || return 1 ;; esac
  mv "$parcel/in/$1" "$2"
}
# Back to how it was, the program and the service that were here included.
undo() {
  number=0
  for place; do
    [ "$number" -lt "$placed" ] || break
    rm -rf "$place"
    if is_full "$place.before-$stamp"; then mv "$place.before-$stamp" "$place"; fi
    number=$((number + 1))
  done
  if [ -n "$was_replaced" ]; then mv -f "$own.before-$stamp" "$own"; fi
  if [ -n "$before" ]; then program=$before; fi
  if [ -n "$was_service" ] && run gateway install >/dev/null 2>"$parcel/back" </dev/null; then
    echo "✓ the service that was here before runs again"
  elif [ -n "$was_stopped" ]; then
    echo "The gateway that was here before is stopped. Start it again here. $(last "$parcel/back")"
  fi
}
left=
uninstall() {
  run gateway uninstall >"$parcel/left" 2>&1 </dev/null ||
    left="; and its service cannot be removed there ($(last "$parcel/left")), run there: clawdbot gateway uninstall"
}

if [ -f "$parcel/in/program" ]; then
  chmod 755 "$parcel/in/program"
  "$parcel/in/program" --version >/dev/null 2>"$parcel/said" </dev/null ||
    fail program "$(last "$parcel/said")"
  mkdir -p "${own%/*}" || fail place "$own"
  if is_full "$own"; then
    mv "$own" "$own.before-$stamp" || fail place "$own"
    was_replaced=yes
  fi
  if ! mv "$parcel/in/program" "$own"; then
    undo "$@"
    fail place "$own"
  fi
  program=$own
fi
if [ "$order" = replace ]; then
  if ! run gateway stop >"$parcel/said" 2>&1 </dev/null; then
    undo "$@"
    fail stop "$(last "$parcel/said")"
  fi
  case $(last "$parcel/said") in
    *'service stopped') was_service=yes was_stopped=yes ;;
    *'gateway stopped'*) was_stopped=yes ;;
  esac
fi
number=0
for place; do
  if [ "$order" != replace ] && is_full "$place"; then
    undo "$@"
    fail taken "$place"
  fi
  if ! put "$number" "$place" 2>"$parcel/said"; then
    undo "$@"
    fail place "$place: $(last "$parcel/said")"
  fi
  number=$((number + 1))
done
for place; do
  if [ -e "$place.before-$stamp" ]; then say aside "$place.before-$stamp"; fi
done

answers() {
  tries=0
  until run health --timeout 2000 >/dev/null 2>"$parcel/health"; do
    tries=$((tries + 1))
    [ $tries -lt 30 ] && "$@" || return 1
    sleep 1
  done
}
is_alive() { kill -0 "$gateway" 2>/dev/null; }
if has_manager; then
  # Otherwise the service would end together with this connection.
  if [ "$(loginctl show-user "$(id -un)" --property=Linger 2>/dev/null)" != Linger=yes ] &&
    loginctl enable-linger >/dev/null 2>&1; then
    echo "✓ lingering enabled, so that the service goes on when you log out"
  fi
  if ! run gateway install >"$parcel/said" 2>&1 </dev/null; then
    # It may be there already and only not run.
    uninstall
    undo "$@"
    fail service "$(last "$parcel/said")$left"
  fi
  cat "$parcel/said"
  if ! answers true; then
    uninstall
    undo "$@"
    fail silent "$(last "$parcel/health")$left"
  fi
  say service
else
  # Not by the function, which would be a process of its own; it is to answer and to do nothing else.
  CLAWDBOT_SKIP_CRON=1 CLAWDBOT_SKIP_BOOT=1 \
  "$program" ${profile:+--profile "$profile"} gateway >/dev/null 2>"$parcel/said" </dev/null &
  gateway=$!
  if ! answers is_alive; then
    kill "$gateway" 2>/dev/null
    wait "$gateway"
    gateway=
    undo "$@"
    fail silent "$(last "$parcel/said")"
  fi
  kill "$gateway"
  wait "$gateway"
  gateway=
  say foreground "$program"
fi
if [ -n "$was_replaced" ]; then rm -rf "$own.before-$stamp"; fi
say "done"
