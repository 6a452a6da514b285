#!/usr/bin/env bash
# Makes packages of what is built; see --help.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=installer/lib.sh
. "$root/installer/lib.sh"

usage() {
  cat <<'TEXT'
Usage: installer/package.sh [--no-build] [FORMAT...]

Makes packages with both programs, the desktop entry, icons, completions and manual
pages, and writes SHA256SUMS beside them. Without a format: deb and rpm on Linux, app and dmg on macOS.
Others are appimage (Linux), nsis and msi (Windows); see https://tauri.app/distribute.

  --no-build   take the release programs that are there
  --help       show this text
TEXT
}

build=true formats=()
for argument in "$@"; do
  case $argument in
    --no-build) build=false ;;
    -h | --help) usage && exit 0 ;;
    -*) usage >&2 && fail "There is no option $argument." ;;
    *) formats+=("$argument") ;;
  esac
done
if [ ${#formats[@]} -eq 0 ]; then
  if is_macos; then formats=(app dmg); else formats=(deb rpm); fi
fi

build_programs() {
  say "Building WebChat and both programs"
  npm --prefix "$root/src-ui" ci --no-fund --no-audit
  npm --prefix "$root/src-ui" run build
  (cd "$root" && cargo build --release --locked -p clawdbot-cli -p clawdbot-desktop \
    --features clawdbot-desktop/custom-protocol)
}

# Puts everything where the bundler looks for it.
collect() {
  local triple suffix="" package="$target/package"
  triple=$(rustc -vV | sed -n 's/^host: //p')
  case $triple in *windows*) suffix=.exe ;; esac
  for program in clawdbot clawdbot-desktop; do
    [ -x "$built/$program$suffix" ] ||
      fail "There is no $built/$program$suffix." "Run this without --no-build."
  done
  mkdir -p "$root/src-tauri/binaries"
  cp "$built/clawdbot$suffix" "$root/src-tauri/binaries/clawdbot-$triple$suffix"
  rm -rf "$package"
  mkdir -p "$package"
  "$built/clawdbot$suffix" completion bash >"$package/clawdbot.bash"
  "$built/clawdbot$suffix" completion zsh >"$package/_clawdbot"
  "$built/clawdbot$suffix" completion fish >"$package/clawdbot.fish"
  "$built/clawdbot$suffix" man "$package/man1"
  cp "$root/installer/linux/clawdbot-desktop.1" "$package/man1/"
  gzip -n -9 "$package/man1"/*.1
}

bundle() {
  local list
  list=$(IFS=, && printf '%s' "${formats[*]}")
  say "Making $list"
  # TAURI_CONFIG_EXTRA: more of tauri.conf.json, for example the certificate to sign with.
  (cd "$root/src-tauri" && npx --yes @tauri-apps/cli@2 bundle --bundles "$list" \
    --config tauri.bundle.conf.json ${TAURI_CONFIG_EXTRA:+--config "$TAURI_CONFIG_EXTRA"})
}

checksums() {
  local files
  cd "$built/bundle"
  files=$(find . -type f \( -name '*.deb' -o -name '*.rpm' -o -name '*.AppImage' -o -name '*.dmg' \
    -o -name '*.msi' -o -name '*-setup.exe' \) | sort)
  [ -n "$files" ] || fail "The bundler made nothing."
  : >SHA256SUMS
  while read -r file; do
    (cd "$(dirname "$file")" && sha256sum "$(basename "$file")") >>SHA256SUMS
    note "$built/bundle/${file#./}"
  done <<<"$files"
  note "$built/bundle/SHA256SUMS"
}

require_tools
if $build; then build_programs; fi
collect
bundle
checksums
