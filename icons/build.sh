#!/bin/sh
# Draws every icon size from the SVG sources in icons/src; the results are committed.
set -eu
cd "$(dirname "$0")"
tauri="npx --yes @tauri-apps/cli@2"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

$tauri icon src/app.svg --output "$scratch/app"
for file in 32x32.png 128x128.png 128x128@2x.png icon.png icon.ico icon.icns; do
  cp "$scratch/app/$file" .
done

for state in starting ready working waiting paused away error; do
  $tauri icon "src/tray-$state.svg" --png 64 --output "$scratch/$state"
  cp "$scratch/$state/64x64.png" "tray-$state.png"
done
