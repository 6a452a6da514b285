//! Commands of the pages, on their way to the app. Tauri has checked them against the
//! capability files before they come here.

use serde_json::{Map, Value};
use tauri::ipc::{Invoke, InvokeBody};
use tauri::{Manager, Webview};

use super::closing::close_when_made;
use super::line::Line;
use crate::wire::{FromWindow, Label};

/// The commands that end here.
const PAINTED: &str = "page_painted";
const CLOSE: &str = "window_close";

/// Hands a command to the app, which answers when it is done.
pub(super) fn on_invoke(invoke: Invoke) -> bool {
    let Invoke { message, resolver, .. } = invoke;
    let webview = message.webview();
    let line = webview.state::<Line>();
    let Some(label) = Label::parse(webview.label()) else { return false };
    if message.command() == PAINTED {
        line.say(&FromWindow::Painted { label });
        resolver.resolve(());
        return true;
    }
    if message.command() == CLOSE {
        let (app, label) = (webview.app_handle().clone(), label.as_str().to_owned());
        tauri::async_runtime::spawn(async move { close_when_made(&app, label).await });
        resolver.resolve(());
        return true;
    }
    let InvokeBody::Json(Value::Object(args)) = message.payload() else { return false };
    let args = with_channels(args.clone(), &webview, &line);
    let command = message.command().to_owned();
    let id = line.await_answer(resolver);
    line.say(&FromWindow::Call { id, label, command, args });
    true
}

/// Channels are the arguments whose name begins with `on`.
fn with_channels(
    mut args: Map<String, Value>,
    webview: &Webview,
    line: &Line,
) -> Map<String, Value> {
    for (name, value) in &mut args {
        let named =
            name.strip_prefix("on").is_some_and(|rest| rest.starts_with(char::is_uppercase));
        if named {
            let channel = value.as_str().and_then(|id| line.open_channel(webview.clone(), id));
            *value = channel.into();
        }
    }
    args
}
