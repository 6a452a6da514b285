//! What the entries of the tray menu do.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::Value;
use tauri::{AppHandle, Manager};

use crate::clipboard::Clipboard;
use crate::feed::{Decision, Feed};
use crate::host::{Host, HostState};
use crate::logging::LogDir;
use crate::platform::{Here, Platform as _};
use crate::settings::SettingsStore;
use crate::show::{self, Page};
use crate::{lifecycle, login, window};

/// An entry that does something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    OpenWebChat,
    /// The conversation with that session key.
    Chat(String),
    /// The approval with that id.
    AllowOnce(String),
    Deny(String),
    CopyAddress,
    Pause,
    Restart,
    StartAtLogin,
    Settings,
    Diagnostics,
    OpenLogs,
    Quit,
}

impl Action {
    /// The entry's id in the menu.
    pub(super) fn id(&self) -> String {
        let (name, value) = match self {
            Self::OpenWebChat => ("open-webchat", ""),
            Self::Chat(key) => ("chat", key.as_str()),
            Self::AllowOnce(id) => ("allow-once", id.as_str()),
            Self::Deny(id) => ("deny", id.as_str()),
            Self::CopyAddress => ("copy-address", ""),
            Self::Pause => ("pause", ""),
            Self::Restart => ("restart", ""),
            Self::StartAtLogin => ("start-at-login", ""),
            Self::Settings => ("settings", ""),
            Self::Diagnostics => ("diagnostics", ""),
            Self::OpenLogs => ("open-logs", ""),
            Self::Quit => ("quit", ""),
        };
        format!("{name} {value}")
    }

    fn parse(id: &str) -> Option<Self> {
        let (name, value) = id.split_once(' ')?;
        Some(match name {
            "open-webchat" => Self::OpenWebChat,
            "chat" => Self::Chat(value.to_owned()),
            "allow-once" => Self::AllowOnce(value.to_owned()),
            "deny" => Self::Deny(value.to_owned()),
            "copy-address" => Self::CopyAddress,
            "pause" => Self::Pause,
            "restart" => Self::Restart,
            "start-at-login" => Self::StartAtLogin,
            "settings" => Self::Settings,
            "diagnostics" => Self::Diagnostics,
            "open-logs" => Self::OpenLogs,
            "quit" => Self::Quit,
            _ => return None,
        })
    }
}

pub(super) fn on_menu(app: &AppHandle, id: &str) {
    match Action::parse(id) {
        Some(Action::OpenWebChat) => window::open(app),
        Some(Action::Chat(key)) => show::chat(app, &key),
        Some(Action::AllowOnce(id)) => app.state::<Feed>().decide(Decision::AllowOnce(id)),
        Some(Action::Deny(id)) => app.state::<Feed>().decide(Decision::Deny(id)),
        Some(Action::CopyAddress) => copy_address(app),
        Some(Action::Pause) => toggle_pause(app),
        Some(Action::Restart) => app.state::<Host>().restart(),
        Some(Action::StartAtLogin) => toggle_login(app),
        Some(Action::Settings) => show::page(app, Page::Settings, Value::Null),
        Some(Action::Diagnostics) => show::page(app, Page::Diagnostics, Value::Null),
        Some(Action::OpenLogs) => open_logs(app),
        Some(Action::Quit) => lifecycle::quit(app),
        None => {}
    }
}

/// What is under way goes on; what comes waits until the tick is taken away again.
fn toggle_pause(app: &AppHandle) {
    if let HostState::Running(running) = &*app.state::<Host>().watch().borrow() {
        running.gateway.pause(!running.status.paused);
    }
}

fn copy_address(app: &AppHandle) {
    let Some(url) = browser_address(app) else { return };
    let app = app.clone();
    tauri::async_runtime::spawn_blocking(move || {
        if let Err(error) = app.state::<Clipboard>().copy(url) {
            tracing::warn!(%error, "the address was not copied");
        }
    });
}

/// Where a browser on this computer finds WebChat.
pub(crate) fn browser_address(app: &AppHandle) -> Option<String> {
    let address = match &*app.state::<Host>().watch().borrow() {
        HostState::Running(running) => running.status.address?,
        _ => return None,
    };
    Some(format!("http://{}/", reachable(address)))
}

/// A gateway that listens on every address is reached through the loopback one.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}

fn open_logs(app: &AppHandle) {
    let directory = app.state::<LogDir>().0.clone();
    tauri::async_runtime::spawn_blocking(move || {
        if let Err(error) = Here::open(directory.as_os_str()) {
            tracing::warn!(%error, directory = %directory.display(), "the logs were not opened");
        }
    });
}

/// Turns the login entry on or off; the tick then shows what the system really has.
fn toggle_login(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn_blocking(move || {
        if let Err(error) = login::toggle(&app) {
            tracing::warn!(code = error.code(), %error, "start at login was not changed");
        }
        // The desktop ticks the entry by itself, so it is put right in either case.
        app.state::<SettingsStore>().announce();
    });
}

#[cfg(test)]
mod tests {
    use super::{Action, reachable};

    #[test]
    fn the_copied_address_can_be_opened() {
        let copied = |address: &str| reachable(address.parse().unwrap()).to_string();
        assert_eq!(copied("0.0.0.0:18789"), "127.0.0.1:18789");
        assert_eq!(copied("192.168.1.4:18789"), "192.168.1.4:18789");
        assert_eq!(copied("[::]:1"), "127.0.0.1:1");
    }

    #[test]
    fn an_id_names_the_action_and_what_it_is_about() {
        let about = "agent:main:a b".to_owned();
        for action in [Action::Quit, Action::Chat(about.clone()), Action::Deny(about)] {
            assert_eq!(Action::parse(&action.id()), Some(action));
        }
        assert_eq!(Action::parse("quit"), None);
        assert_eq!(Action::parse("format-disk "), None);
    }
}
