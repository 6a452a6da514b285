//! `clawdbot-desktop`: the tray application. It hosts the gateway in its own process and
//! shows WebChat in a window whose frames never leave that process.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod alerts;
mod app;
mod bridge;
mod clipboard;
mod commands;
mod connection;
mod credential;
mod diagnostics;
mod error;
mod feed;
mod host;
mod launch;
mod lifecycle;
mod links;
mod logging;
mod login;
mod media;
mod outside;
mod page;
mod phrases;
mod platform;
mod settings;
mod shortcut;
mod show;
mod sidecar;
mod text;
mod tray;
mod uninstall;
mod window;
mod wire;
mod words;

use std::process::ExitCode;

use app::Setup;
use clawdbot_config::{Document, Env, Paths};
use clawdbot_remote::helper;
use launch::Launch;
use platform::{Here, Platform as _};
use settings::{Language, SettingsStore};

fn main() -> anyhow::Result<ExitCode> {
    let helper = helper::run(|name| std::env::var_os(name), std::env::args_os().skip(1));
    if let Some(code) = helper {
        return Ok(code);
    }
    if std::env::args().nth(1).as_deref() == Some(page::ARGUMENT) {
        logging::to_the_app();
        page::run()?;
        return Ok(ExitCode::SUCCESS);
    }
    if std::env::args().nth(1).as_deref() == Some(credential::ARGUMENT) {
        let (paths, env) = surroundings(Env::from_process());
        credential::run(&paths, &env)?;
        return Ok(ExitCode::SUCCESS);
    }
    if std::env::args().any(|arg| arg == uninstall::ARGUMENT) {
        let (paths, env) = surroundings(Env::from_process());
        uninstall::run(&paths, &env)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(answer) = launch::Answer::to(std::env::args()) {
        return Ok(answer.give());
    }
    let env = Env::from_process();
    Here::start_light();
    if Here::hand_over() {
        return Ok(ExitCode::SUCCESS);
    }
    anyhow::ensure!(
        Here::has_display(),
        "There is no display here to show a window on. Start it in a desktop session, or run the gateway alone: clawdbot gateway"
    );
    let launch = Launch::parse(std::env::args());
    let (paths, env) = surroundings(env);
    let log = logging::init(&paths);
    let language = Language::of_locale(sys_locale::get_locale().as_deref());
    let settings = SettingsStore::open(&paths.state_dir, language);
    app::run(Setup { launch, env, paths, settings }, log)?;
    Ok(ExitCode::SUCCESS)
}

/// Where everything is, and the environment with what `.env` in the state directory adds.
fn surroundings(mut env: Env) -> (Paths, Env) {
    let paths = Paths::resolve(&env, None);
    // One that others can change is not read; the command line names it.
    let _ = env.add_file(&paths.state_dir.join(".env"));
    match Document::load(&paths.config, &env) {
        Ok(loaded) => (paths.with_log(&loaded.config.logging), env),
        Err(_) => (paths, env),
    }
}
