//! The page's commands: one line each. The page asks in the window process, which the capability
//! files guard; the work is done here, where the state is.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use tauri::{AppHandle, Manager};
use tokio::sync::mpsc;

use crate::connection::Probes;
use crate::error::CommandError;
use crate::host::Host;
use crate::settings::SettingsStore;
use crate::window::PageChannel;
use crate::wire::{Label, Outcome};
use crate::{bridge, connection, diagnostics, links, settings, show};

/// What a page asked for.
pub(crate) struct Call {
    pub(crate) label: Label,
    pub(crate) command: String,
    pub(crate) args: Args,
}

/// The arguments of a command.
pub(crate) struct Args {
    pub(crate) values: Map<String, Value>,
    /// The way back to the page, for channels.
    pub(crate) lines: mpsc::Sender<String>,
}

impl Args {
    /// The argument of that name; `None` for an optional one that is missing.
    fn get<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<T, CommandError> {
        let value = self.values.remove(name).unwrap_or_default();
        serde_json::from_value(value).map_err(|error| CommandError::argument(name, &error))
    }

    fn channel(&mut self, name: &'static str) -> Result<PageChannel, CommandError> {
        Ok(PageChannel::new(self.get(name)?, self.lines.clone()))
    }
}

/// Deals with a command that must run in the order of the calls, or gives it back.
pub(crate) fn at_once(app: &AppHandle, mut call: Call) -> Result<Outcome, Call> {
    let result = match call.command.as_str() {
        "gateway_send" => call
            .args
            .get("frame")
            .and_then(|frame| bridge::gateway_send(call.label, frame, &app.state()))
            .and_then(raw),
        "gateway_took" => call
            .args
            .get("frames")
            .map(|frames| bridge::gateway_took(call.label, frames, &app.state()))
            .and_then(raw),
        "gateway_close" => {
            bridge::gateway_close(call.label, &app.state());
            raw(())
        }
        _ => return Err(call),
    };
    Ok(outcome(result, app))
}

/// Deals with any other command.
pub(crate) async fn run(app: AppHandle, call: Call) -> Outcome {
    outcome(dispatch(&app, call).await, &app)
}

async fn dispatch(app: &AppHandle, call: Call) -> Result<Box<RawValue>, CommandError> {
    let Call { label, command, mut args } = call;
    match command.as_str() {
        "gateway_open" => {
            let on_frame = args.channel("onFrame")?;
            raw(bridge::gateway_open(label, on_frame, app.state(), app.state()).await?)
        }
        "open_external" => raw(links::open_external(args.get("url")?).await?),
        "show_take" => raw(show::show_take(&app.state())),
        "connection_read" => raw(connection::commands::connection_read(app)),
        "connection_use" => {
            let (target, credential) = (args.get("target")?, args.get("credential")?);
            raw(connection::commands::connection_use(app, target, credential).await?)
        }
        "connection_test" => {
            let (target, credential) = (args.get("target")?, args.get("credential")?);
            let on_step = args.channel("onStep")?;
            raw(connection::commands::connection_test(app, label, target, credential, on_step)
                .await?)
        }
        "connection_test_stop" => {
            app.state::<Probes>().end(label);
            raw(())
        }
        "connection_stop" => {
            app.state::<Host>().pause();
            raw(())
        }
        "connection_retry" => {
            app.state::<Host>().retry();
            raw(())
        }
        "connection_take_over" => raw(connection::commands::connection_take_over(app).await?),
        "connection_hand_back" => {
            app.state::<Host>().hand_back();
            raw(())
        }
        "ask_answer" => {
            let (id, value) = (args.get("id")?, args.get("value")?);
            raw(connection::commands::ask_answer(app, id, value)?)
        }
        "tailscale_read" => raw(connection::tailscale::tailscale_read(app).await),
        "tailscale_use" => raw(connection::tailscale::tailscale_use(app, args.get("mode")?).await?),
        "settings_read" => raw(settings::commands::settings_read(app.clone()).await?),
        "settings_write" => {
            let patch = args.get("patch")?;
            raw(settings::commands::settings_write(patch, app.clone(), app.state()).await?)
        }
        "diagnostics_read" => raw(diagnostics::commands::diagnostics_read(app).await?),
        "diagnostics_bundle" => raw(diagnostics::commands::diagnostics_bundle(app.clone()).await?),
        "settings_export" => raw(diagnostics::commands::settings_export(app.clone()).await?),
        "log_tail" => {
            let cursor = args.get("cursor")?;
            raw(diagnostics::commands::log_tail(cursor, app.clone()).await?)
        }
        "qr_code" => raw(diagnostics::commands::qr_code(&args.get::<String>("text")?)?),
        "open_path" => {
            let what = args.get("what")?;
            raw(diagnostics::commands::open_path(what, app.state()).await?)
        }
        _ => Err(CommandError::unknown(&command)),
    }
}

fn raw(value: impl Serialize) -> Result<Box<RawValue>, CommandError> {
    to_raw_value(&value).map_err(|error| CommandError::argument("result", &error))
}

fn outcome(result: Result<Box<RawValue>, CommandError>, app: &AppHandle) -> Outcome {
    match result {
        Ok(value) => Outcome::Done(value),
        Err(error) => {
            let told = error.told(app.state::<SettingsStore>().language());
            Outcome::Refused(to_raw_value(&told).unwrap_or_default())
        }
    }
}
