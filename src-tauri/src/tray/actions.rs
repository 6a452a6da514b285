//! What the entries of the tray menu do.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tauri::{AppHandle, Manager};

use super::LoginItem;
use crate::clipboard::Clipboard;
use crate::host::{Host, HostState};
use crate::logging::LogDir;
use crate::settings::SettingsStore;
use crate::{lifecycle, login, window};

/// An entry that does something.
#[derive(Clone, Copy)]
pub(super) enum Action {
    OpenWebChat,
    CopyAddress,
    Restart,
    OpenLogs,
    StartAtLogin,
    Quit,
}

impl Action {
    const ALL: [Self; 6] = [
        Self::OpenWebChat,
        Self::CopyAddress,
        Self::Restart,
        Self::OpenLogs,
        Self::StartAtLogin,
        Self::Quit,
    ];

    pub(super) fn id(self) -> &'static str {
        match self {
            Self::OpenWebChat => "open-webchat",
            Self::CopyAddress => "copy-address",
            Self::Restart => "restart",
            Self::OpenLogs => "open-logs",
            Self::StartAtLogin => "start-at-login",
            Self::Quit => "quit",
        }
    }
}

pub(super) fn on_menu(app: &AppHandle, id: &str) {
    match Action::ALL.into_iter().find(|action| action.id() == id) {
        Some(Action::OpenWebChat) => window::open(app),
        Some(Action::CopyAddress) => copy_address(app),
        Some(Action::Restart) => app.state::<Host>().restart(),
        Some(Action::OpenLogs) => open_logs(app),
        Some(Action::StartAtLogin) => toggle_login(app),
        Some(Action::Quit) => lifecycle::quit(app),
        None => {}
    }
}

fn copy_address(app: &AppHandle) {
    let address = match &*app.state::<Host>().watch().borrow() {
        HostState::Running(running) => running.status.address,
        _ => None,
    };
    let Some(address) = address else { return };
    let app = app.clone();
    tauri::async_runtime::spawn_blocking(move || {
        let url = format!("http://{}/", reachable(address));
        if let Err(error) = app.state::<Clipboard>().copy(url) {
            tracing::warn!(%error, "the address was not copied");
        }
    });
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
        if let Err(error) = open::that_detached(&directory) {
            tracing::warn!(%error, directory = %directory.display(), "the logs were not opened");
        }
    });
}

/// Turns the login entry on or off; the tick then shows what the system really has.
fn toggle_login(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn_blocking(move || {
        if let Err(error) = login::set(&app, !login::is_on(&app)) {
            tracing::warn!(code = error.code(), %error, "start at login was not changed");
        }
        app.state::<SettingsStore>().announce();
        let tick = app.state::<LoginItem>().0.set_checked(login::is_on(&app));
        if let Err(error) = tick {
            tracing::warn!(%error, "the tray was not updated");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::reachable;

    #[test]
    fn the_copied_address_can_be_opened() {
        let copied = |address: &str| reachable(address.parse().unwrap()).to_string();
        assert_eq!(copied("0.0.0.0:18789"), "127.0.0.1:18789");
        assert_eq!(copied("192.168.1.4:18789"), "192.168.1.4:18789");
        assert_eq!(copied("[::]:1"), "127.0.0.1:1");
    }
}
