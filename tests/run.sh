#!/usr/bin/env bash
# Runs every test; see --help. The last line says how many passed and failed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=installer/lib.sh
. "$root/installer/lib.sh"
out="$root/tests/out"
passed=0 failed=0 report=""

usage() {
  cat <<'TEXT'
Usage: tests/run.sh [all|rust|ui|e2e|desktop]

  rust      formatting, lints and tests of the Rust crates without the desktop app
  ui        type check, tests, build and size budget of WebChat
  e2e       WebChat in a browser against the real gateway
  desktop   lints, tests and the real tray app on a private screen
  all       all of it, the quick things first (the default)

Missing system packages are listed and then installed with apt. Logs and pictures
are kept in tests/out. Ends with a non-zero status if anything failed.
TEXT
}

# step NAME TITLE COMMAND...: runs it, keeps its output, counts its test cases.
step() {
  local name=$1 title=$2 log="$out/logs/$1.log" started=$SECONDS outcome=ok good bad
  shift 2
  say "$title"
  if ! (cd "$root" && "$@") 2>&1 | tee "$log"; then outcome=FAILED; fi
  read -r good bad < <(count_cases "$log")
  if [ $((good + bad)) -eq 0 ] && [ "$outcome" = ok ]; then good=1; fi
  if [ "$bad" -gt 0 ]; then outcome=FAILED; fi
  if [ "$outcome" = FAILED ] && [ "$bad" -eq 0 ]; then bad=1; fi
  passed=$((passed + good)) failed=$((failed + bad))
  report+=$(printf '%-6s  %5d passed %5d failed %5d s  %s (%s)' \
    "$outcome" "$good" "$bad" $((SECONDS - started)) "$title" "tests/out/logs/$name.log")$'\n'
}

# Adds up what cargo test, vitest, node --test and unittest print at the end.
count_cases() {
  awk '
    /^test result:/ { good += $4; bad += $6 }
    /^ +Tests  / { for (i = 2; i < NF; i++) { if ($(i + 1) ~ /^passed/) good += $i; if ($(i + 1) ~ /^failed/) bad += $i } }
    $2 == "pass" && NF == 3 && $3 ~ /^[0-9]+$/ { good += $3 }
    ($2 == "fail" || $2 == "cancelled") && NF == 3 && $3 ~ /^[0-9]+$/ { bad += $3 }
    /^Ran [0-9]+ tests? in / { ran = $2 }
    /^(OK|FAILED)( \(.*\))?$/ && ran != "" {
      n = split($0, part, /[(), ]+/)
      for (i = 2; i <= n; i++) {
        split(part[i], pair, "=")
        if (pair[1] == "failures" || pair[1] == "errors") { ran -= pair[2]; bad += pair[2] }
        if (pair[1] == "skipped") ran -= pair[2]
      }
      good += ran; ran = ""
    }
    END { print good + 0, bad + 0 }
  ' "$1"
}

scripts_are_clean() {
  shellcheck -x -P "$root" installer/*.sh tests/*.sh tests/*/*.sh crates/cli/src/onboard/*.sh .ci/run
}

build_programs() {
  build_ui
  build_release "$@"
}

install_if_apt() {
  if has apt-get && has dpkg-query; then install_packages "$@"; fi
}

prepare_rust() {
  # The service tests start a service manager of their own, and check units.
  if [ "$(uname -s)" = Linux ]; then install_if_apt "for the service tests" systemd iproute2; fi
  if ! has cc; then install_if_apt "to build with" build-essential; fi
  install_if_apt "for the tests of the SSH tunnel" openssh-server openssh-client
}

# rustup's minimal profile leaves both out.
prepare_lints() {
  if cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1; then return 0; fi
  say "Installing rustfmt and clippy"
  { has rustup && rustup component add rustfmt clippy; } ||
    fail "cargo fmt and cargo clippy are needed, and rustup could not install them." \
      "Run: rustup component add rustfmt clippy" \
      "Without rustup, install the packages rustfmt and clippy that belong to your Rust. Then run this again."
}

prepare_e2e() {
  if find_browser >/dev/null; then return 0; fi
  if grep -qs '^ID=ubuntu' /etc/os-release; then
    # Ubuntu's package only fetches a snap, which is not for a test to install.
    note "No browser was found, so the browser tests will fail. Run: sudo snap install chromium"
    note "(or install Google Chrome), then run this again."
  else
    install_if_apt "for the browser tests" chromium
  fi
}

prepare_desktop() {
  install_if_apt "for the desktop tests" \
    libwebkit2gtk-4.1-dev libayatana-appindicator3-dev librsvg2-dev pkg-config \
    xvfb xauth x11-xkb-utils dbus dbus-x11 at-spi2-core webkit2gtk-driver xdotool wmctrl x11-utils x11-apps \
    imagemagick openbox dunst libglib2.0-bin libgl1-mesa-dri fonts-dejavu-core adwaita-icon-theme \
    iproute2 procps python3-venv desktop-file-utils rpm openssh-server openssh-client \
    gnome-keyring libsecret-tools openssl util-linux libpam-oath oathtool
  # Ubuntu's are a snap; without them the tests of WebChat in a browser beside the app are left out.
  if ! grep -qs '^ID=ubuntu' /etc/os-release; then
    install_if_apt "for WebChat in a browser beside the app" chromium chromium-driver
  fi
}

check_formatting() { step fmt "Formatting" cargo fmt --all --check; }

check_scripts() {
  install_if_apt "to check the scripts" shellcheck
  step shellcheck "Shell scripts" scripts_are_clean
}

check_ui() {
  step ui-build "WebChat: build" build_ui
  step ui-test "WebChat: types and tests" npm --prefix src-ui test
  step ui-size "WebChat: size budget" npm --prefix src-ui run size
}

check_rust() {
  step clippy "Lints" cargo clippy --locked --all-targets -- -D warnings
  step rust "Rust tests" cargo test --locked --no-fail-fast
}

check_e2e() {
  step e2e "WebChat in a browser" env CLAWDBOT_BIN="$built/clawdbot" tests/e2e/run.sh
}

check_desktop() {
  step desktop-clippy "Desktop app: lints" cargo clippy --locked -p clawdbot-desktop --all-targets -- -D warnings
  step desktop-unit "Desktop app: unit tests" cargo test --locked --no-fail-fast -p clawdbot-desktop
}

check_desktop_run() {
  step packages "Packages" installer/package.sh --no-build
  step desktop "Desktop app on a private screen" env \
    CLAWDBOT_BIN="$built/clawdbot" CLAWDBOT_DESKTOP_BIN="$built/clawdbot-desktop" tests/desktop/run.sh
}

run_part() {
  case $1 in
    rust)
      prepare_rust
      prepare_lints
      check_formatting
      check_rust
      ;;
    ui) check_ui ;;
    e2e)
      prepare_rust
      prepare_e2e
      step build "Release build" build_programs clawdbot-cli
      check_e2e
      ;;
    desktop)
      prepare_rust
      prepare_lints
      prepare_desktop
      step build "Release build" build_programs clawdbot-cli clawdbot-desktop
      check_desktop
      check_desktop_run
      ;;
    all)
      prepare_lints
      check_scripts
      check_formatting
      check_ui
      prepare_rust
      prepare_e2e
      prepare_desktop
      check_rust
      check_desktop
      step build "Release build" build_programs clawdbot-cli clawdbot-desktop
      check_e2e
      check_desktop_run
      ;;
  esac
}

# The totals are the last line, however the run ends.
summarize() {
  local status=$?
  if [ "$status" -ne 0 ]; then failed=$((failed + 1)); fi
  say "Results"
  printf '%s\n%d passed, %d failed\n' "$report" "$passed" "$failed"
  if [ "$failed" -gt 0 ]; then exit 1; fi
}

part=${1:-all}
case $part in
  all | rust | ui | e2e | desktop) ;;
  -h | --help) usage && exit 0 ;;
  *) usage >&2 && fail "There is no part $part." ;;
esac
export NO_COLOR=1 CARGO_TERM_COLOR=never
mkdir -p "$out/logs"
trap summarize EXIT
require_tools
run_part "$part"
