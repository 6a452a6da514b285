//! The parts of the app, put together.

use std::path::PathBuf;
use std::sync::Arc;

use clawdbot_config::{Env, Paths};
use clawdbot_gateway::FileWatch;
use tauri::{App, AppHandle, Manager};
use tokio::sync::{mpsc, watch};
use tracing_appender::non_blocking::WorkerGuard;

use crate::bridge::Bridge;
use crate::clipboard::Clipboard;
use crate::connection::asks::{self, Asks};
use crate::connection::commands as connection_commands;
use crate::connection::{Access, Probes, Vault};
use crate::diagnostics::commands::Place;
use crate::feed::Feed;
use crate::host::Host;
use crate::launch::Launch;
use crate::logging::LogDir;
use crate::platform::{Here, Platform as _};
use crate::settings::SettingsStore;
use crate::settings::commands::Surroundings;
use crate::shortcut::{self, Trouble};
use crate::sidecar::SidecarError;
use crate::tray::{Sources, Tray};
use crate::{alerts, lifecycle, login, outside, settings, show, sidecar, tray, window};

/// Questions of `ssh` that may wait for the page at once.
const MAX_QUESTIONS: usize = 8;

/// Everything `main` found out about the surroundings.
pub(crate) struct Setup {
    pub(crate) launch: Launch,
    pub(crate) env: Env,
    pub(crate) paths: Paths,
    pub(crate) settings: SettingsStore,
}

/// Runs the app until it is asked to quit.
pub(crate) fn run(setup: Setup, mut log: Option<WorkerGuard>) -> anyhow::Result<()> {
    let app = tauri::Builder::default()
        // First, so that a second start ends before it touches anything.
        .plugin(tauri_plugin_single_instance::init(on_second_start))
        .plugin(
            tauri_plugin_autostart::Builder::new()
                .args([login::ARGUMENT])
                .app_name(login::NAME)
                .build(),
        )
        .plugin(tauri_plugin_shell::init())
        .manage(Bridge::default())
        .manage(Clipboard::default())
        .manage(show::Waiting::default())
        .manage(Asks::default())
        .manage(Probes::default())
        .manage(LogDir(setup.paths.logs_dir.clone()))
        .manage(Surroundings::of(&setup.env, &setup.paths))
        .manage(Trouble::default())
        .manage(setup.settings.clone())
        .manage(Place { paths: setup.paths.clone(), env: setup.env.clone() })
        .setup(move |app| {
            start(app, setup);
            Ok(())
        })
        .build(context())?;
    Here::started();
    app.run(move |app, event| lifecycle::on_run_event(app, &event, &mut log));
    Ok(())
}

/// What Tauri made of `tauri.conf.json` and of the pages.
pub(crate) fn context() -> tauri::Context {
    tauri::generate_context!()
}

/// A second start shows the window of the first, unless the desktop made it at login.
fn on_second_start(app: &AppHandle, args: Vec<String>, _directory: String) {
    let launch = Launch::parse(args);
    match launch.link {
        Some(link) => outside::propose(app, &link),
        None if !launch.hidden => window::open(app),
        None => {}
    }
}

/// The tray is made here, so that it is there at once; all else happens in the background.
fn start(app: &mut App, setup: Setup) {
    let Setup { launch, env, paths, settings } = setup;
    let app = app.handle();
    lifecycle::catch_signals(app.clone());
    let files = [paths.config.clone(), settings.path().to_owned()];
    let host = start_host(app, paths, env, &settings, launch.hidden);
    tauri::async_runtime::spawn(follow_files(files, host.clone(), settings.clone()));
    window::prepare(app);
    let (feed, moments) = Feed::start(host.clone());
    app.manage(feed.clone());
    let (note, notes) = watch::channel(None);
    let asks = app.state::<Asks>().watch();
    let sources =
        Sources { host: host.clone(), feed, settings: settings.clone(), note: notes, asks };
    start_tray(app, &launch, sources);
    if let Some(link) = &launch.link {
        outside::propose(app, link);
    }
    tauri::async_runtime::spawn(alerts::follow_port(app.clone(), host.clone()));
    tauri::async_runtime::spawn(alerts::follow_connection(app.clone(), host.clone()));
    tauri::async_runtime::spawn(alerts::follow_asks(app.clone()));
    tauri::async_runtime::spawn(alerts::follow_feed(app.clone(), moments));
    tauri::async_runtime::spawn(settings::commands::follow(app.clone(), settings.clone()));
    if app.state::<Surroundings>().shortcut_supported {
        shortcut::start(app, settings);
    }
    tauri::async_runtime::spawn(check_sidecar(app.clone(), host, note));
}

/// Follows whoever writes into the files that decide how the app behaves.
async fn follow_files(files: [PathBuf; 2], host: Host, settings: SettingsStore) {
    let watch = FileWatch::new(files.into(), Arc::default());
    loop {
        watch.settled().await;
        let settings = settings.clone();
        let _ = tauri::async_runtime::spawn_blocking(move || settings.reload()).await;
        host.config_changed().await;
    }
}

/// Everything that a gateway here or elsewhere needs from the app.
fn start_host(
    app: &AppHandle,
    paths: Paths,
    env: Env,
    settings: &SettingsStore,
    at_login: bool,
) -> Host {
    let (questions, asked) = mpsc::channel(MAX_QUESTIONS);
    let access = Access { env: env.clone(), vault: Vault::new(&paths.state_dir), questions };
    app.manage(access.clone());
    let host = Host::start(paths, env, access, at_login);
    app.manage(host.clone());
    tauri::async_runtime::spawn(asks::follow(app.clone(), asked));
    tauri::async_runtime::spawn(connection_commands::follow(
        app.clone(),
        host.clone(),
        settings.clone(),
    ));
    host
}

/// Without a tray there is a window instead, which the app ends with, and with `--no-tray` nothing
/// but that. The first start shows its questions.
fn start_tray(app: &AppHandle, launch: &Launch, sources: Sources) {
    if launch.no_tray {
        window::end_with_last(app, true);
        return window::open(app);
    }
    let tray = Tray::build(app, sources.settings.language());
    // Whoever starts it hidden has another way to end it.
    window::end_with_last(app, tray.is_err() && !launch.hidden);
    let first = !sources.settings.current().first_run_done;
    if launch.open || ((first || tray.is_err()) && !launch.hidden) {
        window::open(app);
    }
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let tray = match tray {
            Ok(tray) => tray,
            Err(error) => {
                tracing::warn!(%error, "the desktop has no tray yet");
                let tray = tray::when_possible(&app, &sources.settings).await;
                window::end_with_last(&app, false);
                tray
            }
        };
        tray::follow(tray, sources).await;
    });
}

/// Checks the terminal command once the gateway no longer needs the processor for its start.
async fn check_sidecar(app: AppHandle, host: Host, note: watch::Sender<Option<SidecarError>>) {
    let _ = host.gateway().await;
    if let Err(error) = sidecar::check(&app).await {
        tracing::warn!(code = error.code(), %error, "the clawdbot command cannot be used");
        note.send_replace(Some(error));
    }
}
