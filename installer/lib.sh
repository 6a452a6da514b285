# shellcheck shell=bash
# What installer/run.sh and tests/run.sh share. The caller sets `root` and `set -euo pipefail`.

# shellcheck disable=SC2154 # root comes from the caller
target="${CARGO_TARGET_DIR:-$root/target}"
# shellcheck disable=SC2034 # for the callers
built="$target/release"

say() { printf '\n== %s\n' "$*"; }
note() { printf '   %s\n' "$*"; }
fail() {
  printf '\nStopped: %s\n' "$1" >&2
  shift
  if [ $# -gt 0 ]; then printf '         %s\n' "$@" >&2; fi
  exit 1
}

is_macos() { [ "$(uname -s)" = Darwin ]; }
has() { command -v "$1" >/dev/null 2>&1; }

# require_tools: Rust and Node have to be there, and new enough; everything else can be installed.
require_tools() {
  if ! has cargo && [ -x "$HOME/.cargo/bin/cargo" ]; then PATH="$HOME/.cargo/bin:$PATH"; fi
  has cargo || fail "Rust is missing (no cargo on the PATH)." \
    "Install it from https://rustup.rs, open a new terminal, then run this again."
  if ! has node || ! has npm; then
    fail "Node.js is missing (node and npm are both needed)." \
      "Install version 24 from https://nodejs.org ($node_versions will do), then run this again."
  fi
  require_rust_version
  require_node_version
}

require_rust_version() {
  local needed found
  needed=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$root/Cargo.toml")
  found=$(cd "$root" && rustc --version | cut -d ' ' -f 2) ||
    fail "Rust does not start; its own words are above." "Run: rustup default stable"
  [ "$(printf '%s\n' "$needed" "$found" | sort -V | head -n 1)" = "$needed" ] ||
    fail "Rust $found is too old; $needed or newer is needed." \
      "Run: rustup update stable" \
      "If Rust is not from rustup, install it from https://rustup.rs. Then run this again."
}

# What Vite and jsdom both support.
node_versions="20.19 or newer in 20, 22.13 or newer in 22, or 24 and newer"

require_node_version() {
  node -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    const fits = (major === 20 && minor >= 19) || (major === 22 && minor >= 13) || major >= 24;
    process.exit(fits ? 0 : 1)' ||
    fail "Node.js $(node --version) does not fit; it has to be $node_versions." \
      "Install one from https://nodejs.org, then run this again."
}

# find_browser: prints the browser for the tests; Ubuntu has a command that only asks for its snap.
find_browser() {
  local browser
  for browser in ${CHROMIUM:+"$CHROMIUM"} chromium chromium-browser google-chrome; do
    if "$browser" --version >/dev/null 2>&1; then
      command -v "$browser"
      return 0
    fi
  done
  return 1
}

package_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# install_packages PURPOSE PACKAGE...: installs the ones that are not there yet.
install_packages() {
  local purpose=$1 package missing=() as_root=()
  shift
  for package in "$@"; do
    if ! package_installed "$package"; then missing+=("$package"); fi
  done
  if [ ${#missing[@]} -eq 0 ]; then return 0; fi
  say "Installing packages $purpose"
  note "${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    has sudo || fail "Installing packages needs an administrator, and there is no sudo." \
      "As root, run: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq)
  "${as_root[@]}" update ||
    fail "apt-get could not read the package lists; its own words are above." \
      "Check the network and /etc/apt/sources.list, then run this again."
  "${as_root[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt-get could not install the packages; its own words are above." \
      "Repair that (often: apt-get -f install), then run this again."
}

# build_ui: builds WebChat unless the last build is newer than every source.
build_ui() {
  local stamp="$target/webchat.stamp" ui="$root/src-ui"
  if [ -f "$stamp" ] && [ -f "$ui/dist/index.html" ] && [ -d "$ui/node_modules" ] && ! ui_changed_since "$stamp"; then
    note "WebChat is up to date"
    return 0
  fi
  say "Building WebChat"
  mkdir -p "$target"
  # Taken before the build, so that an edit during the build counts as newer.
  touch "$stamp.new"
  (cd "$ui" && install_npm && npm run build) ||
    fail "WebChat could not be built; npm's own words are above." \
      "Check the network if a download failed, then run this again."
  mv "$stamp.new" "$stamp"
}

# install_npm: what package-lock.json in this folder lists, unless it is there already.
install_npm() {
  if cmp -s package-lock.json node_modules/.installed; then return 0; fi
  npm ci --no-audit --no-fund && cp package-lock.json node_modules/.installed
}

ui_changed_since() {
  [ -n "$(find "$root/src-ui" -mindepth 1 \( -name node_modules -o -name dist \) -prune -o -newer "$1" -print | head -n 1)" ]
}

# build_release PACKAGE...: the programs as they are shipped, in $built.
build_release() {
  local package packages=()
  for package in "$@"; do packages+=(-p "$package"); done
  case " $* " in *" clawdbot-desktop "*) packages+=(--features clawdbot-desktop/custom-protocol) ;; esac
  (cd "$root" && cargo build --release --locked "${packages[@]}") ||
    fail "The programs could not be built; the compiler's own words are above." \
      "If a download failed, check the network and run this again: finished parts are kept."
}
