#!/usr/bin/env bash
# Builds Clawdbot from this folder and starts it; see --help.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=installer/lib.sh
. "$root/installer/lib.sh"

usage() {
  cat <<'TEXT'
Usage: installer/run.sh [--headless] [--build-only]

Builds Clawdbot and starts it: the tray app with WebChat where there is a screen,
otherwise the gateway alone, in this terminal. A second run starts within seconds;
if the app is running already, it shows its window.

  --headless     the gateway alone, even where there is a screen
  --build-only   build, but start nothing
  --help         show this text

Needs Rust and Node.js 20.19, 22.13 or 24, or newer. Missing system packages are listed and then
installed with apt (Debian, Ubuntu); elsewhere this says which ones to install.
CLAWDBOT_STATE_DIR chooses where Clawdbot keeps its files (~/.clawdbot otherwise).
TEXT
}

headless=false build_only=false
for argument in "$@"; do
  case $argument in
    --headless) headless=true ;;
    --build-only) build_only=true ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && fail "There is no option $argument." ;;
  esac
done
if ! $headless && ! is_macos && [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
  note "There is no screen here, so this is the gateway without the tray app."
  headless=true
fi

profile="${CLAWDBOT_PROFILE:-${OPENCLAW_PROFILE:-}}"
state="${CLAWDBOT_STATE_DIR:-${OPENCLAW_STATE_DIR:-$HOME/.clawdbot${profile:+-$profile}}}"

# Prints "PID URL" of the gateway that uses the state directory, if one answers.
running_gateway() {
  node "$root/installer/running.mjs" "$state/gateway.lock"
}

# is_app PID: whether that process is the tray app. Linux keeps 15 letters of a name.
is_app() {
  local name
  name=$(ps -p "$1" -o comm=) || return 1
  case ${name##*/} in clawdbot-deskto*) ;; *) return 1 ;; esac
}

show_address() {
  note "WebChat: $1"
  note "It asks for the access token, which this prints: $built/clawdbot config get gateway.auth.token"
}

prepare_system() {
  local packages=()
  if is_macos; then
    has cc || fail "The C compiler is missing." "Run: xcode-select --install"
    note "macOS is not tested yet; please report what does not work."
    return 0
  fi
  if ! has cc; then packages+=(build-essential); fi
  if ! $headless; then
    packages+=(libwebkit2gtk-4.1-dev libayatana-appindicator3-dev librsvg2-dev pkg-config)
    if ! has fc-list || [ -z "$(fc-list)" ]; then packages+=(fonts-dejavu-core); fi
  fi
  if has apt-get && has dpkg-query; then
    if [ ${#packages[@]} -gt 0 ]; then install_packages "to build with" "${packages[@]}"; fi
    return 0
  fi
  has cc || fail "There is no C compiler, and no apt-get to install one." \
    "Install gcc or clang with your package manager, then run this again."
  $headless || { has pkg-config && pkg-config --exists webkit2gtk-4.1 librsvg-2.0 ayatana-appindicator3-0.1; } ||
    fail "Packages are missing, and this is neither Debian nor Ubuntu, so install them yourself:" \
      "Fedora:   webkit2gtk4.1-devel libayatana-appindicator-gtk3-devel librsvg2-devel pkgconf gcc" \
      "Arch:     webkit2gtk-4.1 libayatana-appindicator librsvg pkgconf gcc" \
      "openSUSE: webkit2gtk3-devel libayatana-appindicator3-devel librsvg-devel pkgconf gcc" \
      "Or build the gateway alone: installer/run.sh --headless"
}

# wait_for_gateway PID: prints "PID URL" once the gateway of process PID answers; fails when PID ends first.
wait_for_gateway() {
  local found
  for _ in $(seq 60); do
    found=$(running_gateway)
    if [ "${found%% *}" = "$1" ]; then
      printf '%s\n' "$found"
      return 0
    fi
    kill -0 "$1" 2>/dev/null || return 1
    sleep 0.25
  done
  return 1
}

start_app() {
  local log="$state/logs/desktop.out" app found
  (umask 077 && mkdir -p "$state/logs" && touch "$log")
  say "Starting the tray app and opening WebChat"
  nohup "$built/clawdbot-desktop" --open >>"$log" 2>&1 </dev/null &
  app=$!
  if found=$(wait_for_gateway "$app"); then
    show_address "${found#* }"
    note "Logs: $state/logs"
  elif kill -0 "$app" 2>/dev/null; then
    note "The app runs, but its gateway does not answer on a port; the tray icon says why."
    note "Logs: $state/logs"
  elif wait "$app"; then
    note "The app was running already; its window is open."
    note "It is still the build it was started with: for a newer one, quit it in its tray menu, then run this again."
  else
    tail -n 5 "$log" >&2
    fail "The app ended right away; its last words are above." "The whole story is in $state/logs"
  fi
}

start_gateway() {
  local gateway found status
  say "Starting the gateway; Ctrl+C stops it"
  "$built/clawdbot" gateway --allow-unconfigured &
  gateway=$!
  trap 'kill -TERM "$gateway" 2>/dev/null || true' INT TERM HUP
  if found=$(wait_for_gateway "$gateway"); then show_address "${found#* }"; fi
  # A trapped signal ends `wait` early; the gateway still has to finish its work.
  status=0
  wait "$gateway" || status=$?
  while kill -0 "$gateway" 2>/dev/null; do
    status=0
    wait "$gateway" || status=$?
  done
  if [ "$status" -ne 0 ]; then fail "The gateway ended with an error; its own words are above."; fi
}

require_tools
if ! $build_only; then
  found=$(running_gateway)
  # The tray app is asked to show its window instead, after the build.
  if [ -n "$found" ] && { $headless || ! is_app "${found%% *}"; }; then
    say "A gateway is already running (process ${found%% *})"
    show_address "${found#* }"
    exit 0
  fi
fi
prepare_system
build_ui
say "Building the programs (some minutes the first time)"
if $headless; then
  build_release clawdbot-cli
else
  # The app looks for the clawdbot command beside itself, which is where Cargo puts both.
  build_release clawdbot-cli clawdbot-desktop
fi
if $build_only; then
  say "Built in $built"
elif $headless; then
  start_gateway
else
  start_app
fi
