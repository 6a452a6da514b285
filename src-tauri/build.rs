//! Declares the page's commands, so that each one needs its own permission.

const COMMANDS: &[&str] = &[
    "gateway_open",
    "gateway_send",
    "gateway_took",
    "gateway_close",
    "open_external",
    "page_painted",
    "window_close",
    "show_take",
    "connection_read",
    "connection_use",
    "connection_test",
    "connection_test_stop",
    "connection_stop",
    "connection_retry",
    "connection_take_over",
    "connection_hand_back",
    "ask_answer",
    "tailscale_read",
    "tailscale_use",
    "settings_read",
    "settings_write",
    "diagnostics_read",
    "diagnostics_bundle",
    "settings_export",
    "log_tail",
    "qr_code",
    "open_path",
];

fn main() {
    println!("cargo::rerun-if-changed=../src-ui/dist");
    let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
    let attributes = tauri_build::Attributes::new().app_manifest(manifest);
    if let Err(error) = tauri_build::try_build(attributes) {
        panic!("{error:#}");
    }
}
