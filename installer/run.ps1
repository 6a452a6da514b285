# Builds Clawdbot from this folder and starts it. Not tested on Windows yet.
#   installer\run.ps1 [-Headless] [-BuildOnly]
param([switch]$Headless, [switch]$BuildOnly)
$ErrorActionPreference = "Stop"
$root = Split-Path -Parent $PSScriptRoot
$target = if ($env:CARGO_TARGET_DIR) { $env:CARGO_TARGET_DIR } else { Join-Path $root "target" }

function Stop-With([string]$Message) {
    Write-Host "Stopped: $Message" -ForegroundColor Red
    exit 1
}

function Invoke-Step([string]$Title, [scriptblock]$Step) {
    Write-Host "`n== $Title"
    & $Step
    if ($LASTEXITCODE -ne 0) { Stop-With "$Title did not work; the program's own words are above." }
}

if (-not (Get-Command cargo -ErrorAction SilentlyContinue)) {
    Stop-With "Rust is missing. Install it from https://rustup.rs with the Visual Studio C++ build tools, then run this again."
}
if (-not (Get-Command npm -ErrorAction SilentlyContinue)) {
    Stop-With "Node.js is missing. Install version 20.19, 22.13, 24 or newer from https://nodejs.org, then run this again."
}

Push-Location (Join-Path $root "src-ui")
try {
    Invoke-Step "Fetching what WebChat needs" { npm ci --no-audit --no-fund }
    Invoke-Step "Building WebChat" { npm run build }
} finally {
    Pop-Location
}

$packages = @("-p", "clawdbot-cli")
if (-not $Headless) { $packages += @("-p", "clawdbot-desktop", "--features", "clawdbot-desktop/custom-protocol") }
Push-Location $root
try {
    # Cargo only watches the embedded files it knew at the last build.
    foreach ($file in "crates\gateway\src\ui.rs", "src-tauri\build.rs") { (Get-Item $file).LastWriteTime = Get-Date }
    Invoke-Step "Building the programs (some minutes the first time)" { cargo build --release --locked @packages }
} finally {
    Pop-Location
}

$built = Join-Path $target "release"
if ($BuildOnly) {
    Write-Host "`n== Built in $built"
} elseif ($Headless) {
    Write-Host "`n== Starting the gateway; Ctrl+C stops it"
    Write-Host "   Access token: $built\clawdbot.exe config get gateway.auth.token"
    & (Join-Path $built "clawdbot.exe") gateway --allow-unconfigured
    exit $LASTEXITCODE
} else {
    Write-Host "`n== Starting the tray app and opening WebChat"
    Start-Process (Join-Path $built "clawdbot-desktop.exe") -ArgumentList "--open"
}
