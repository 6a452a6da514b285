//! `clawdbot-desktop`: the tray application. It hosts the gateway in its own process and
//! shows WebChat in a window whose frames never leave that process.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod alerts;
mod app;
mod bridge;
mod clipboard;
mod error;
mod host;
mod launch;
mod lifecycle;
mod links;
mod logging;
mod login;
mod media;
mod phrases;
mod platform;
mod sidecar;
mod tray;
mod window;

use app::Setup;
use clawdbot_config::{Env, Paths};
use launch::Launch;
use phrases::Phrases;
use platform::{Here, Platform as _};

fn main() -> anyhow::Result<()> {
    if Here::hand_over() {
        return Ok(());
    }
    let launch = Launch::parse(std::env::args());
    let phrases = Phrases::for_locale(sys_locale::get_locale().as_deref());
    let env = Env::from_process();
    let paths = Paths::resolve(&env, None);
    let log = logging::init(&paths);
    app::run(Setup { launch, phrases, env, paths }, log)
}
