//! Linux: freedesktop notifications.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use clawdbot_remote::is_for_child;
use keyring_core::api::CredentialStoreApi as _;
use notify_rust::{Hint, Notification, get_capabilities};
use webkit2gtk::glib;
use zbus_secret_service_keyring_store::Store as SecretService;

use super::{Note, Platform, unix};
use crate::login;

/// Where the running app listens for further starts: the identifier in `tauri.conf.json` and the
/// names of `tauri-plugin-single-instance`.
const RUNNING_NAME: &str = "com.clawdbot.desktop.SingleInstance";
const RUNNING_PATH: &str = "/com/clawdbot/desktop/SingleInstance";
const RUNNING_INTERFACE: &str = "org.SingleInstance.DBus";

/// The identifier in `tauri.conf.json`, which names the app's own directories.
const IDENTIFIER: &str = "com.clawdbot.desktop";

/// Where the library writes login entries, below the home directory.
const LOGIN_ENTRIES: &str = ".config/autostart";

/// The notification server, and what the library says when a notification went without a click.
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";
const CLOSED: &str = "__closed";

/// GDK loads OpenGL, and with it a compiler, before it is known whether anything will be drawn; this
/// variable keeps it from that and is read once, as it starts.
const GDK_GL: &str = "GDK_GL";
const NO_GL: &str = "disable";

/// Under which name every keyring answers (freedesktop.org's Secret Service API).
const KEYRING: &str = "org.freedesktop.secrets";

/// The app on Linux.
pub(crate) struct Linux;

impl Platform for Linux {
    const TOOLTIP_START: &str = "";

    fn end_requested() -> io::Result<impl Future<Output = &'static str> + Send + 'static> {
        unix::end_requested()
    }

    fn notify(
        note: &Note,
        shown: impl FnOnce(u32),
    ) -> Result<Option<String>, notify_rust::error::Error> {
        // A server that reads markup would hide or obey what looks like tags.
        let markup = get_capabilities()?.iter().any(|name| name == "body-markup");
        let body = if markup { escape(&note.body) } else { note.body.clone() };
        let mut notification = Notification::new();
        notification
            .appname("Clawdbot")
            .icon("clawdbot-desktop")
            .hint(Hint::DesktopEntry("Clawdbot".to_owned()))
            .summary(&note.title)
            .body(&body)
            .action("default", note.action);
        for button in &note.buttons {
            notification.action(button.id, button.label);
        }
        let handle = notification.show()?;
        shown(handle.id());
        let mut clicked = None;
        handle.wait_for_action(|action| {
            clicked = (action != CLOSED).then(|| action.to_owned());
        });
        Ok(clicked)
    }

    fn take_back(id: u32) -> Result<(), notify_rust::error::Error> {
        let bus = zbus::blocking::Connection::session()?;
        bus.call_method(
            Some(NOTIFICATIONS),
            "/org/freedesktop/Notifications",
            Some(NOTIFICATIONS),
            "CloseNotification",
            &id,
        )?;
        Ok(())
    }

    fn has_display() -> bool {
        gtk::init().is_ok()
    }

    fn is_running() -> bool {
        let asked = || {
            let bus = zbus::blocking::Connection::session()?;
            let name = RUNNING_NAME.try_into()?;
            Ok::<_, zbus::Error>(zbus::blocking::fdo::DBusProxy::new(&bus)?.name_has_owner(name)?)
        };
        asked().unwrap_or_default()
    }

    fn hand_over() -> bool {
        let Ok(bus) = zbus::blocking::Connection::session() else { return false };
        let args: Vec<String> =
            std::env::args_os().map(|arg| arg.to_string_lossy().into()).collect();
        let directory = std::env::current_dir().unwrap_or_default();
        let message = (args, directory.to_string_lossy());
        let (name, interface) = (Some(RUNNING_NAME), Some(RUNNING_INTERFACE));
        bus.call_method(name, RUNNING_PATH, interface, "ExecuteCallback", &message).is_ok()
    }

    fn start_light() {
        if std::env::var_os(GDK_GL).is_none()
            && let Err(error) = glib::setenv(GDK_GL, NO_GL, false)
        {
            tracing::debug!(%error, "OpenGL is loaded for nothing");
        }
    }

    fn started() {
        // A setting of the person's own stays.
        if std::env::var_os(GDK_GL).is_some_and(|value| value == NO_GL) {
            glib::unsetenv(GDK_GL);
        }
    }

    fn prepare_login_entry(home: &Path) -> io::Result<()> {
        unix::private_dir(&home.join(LOGIN_ENTRIES))
    }

    fn mend_login_entry(home: &Path) -> io::Result<()> {
        let written = home.join(LOGIN_ENTRIES).join(login_entry_name());
        let entry = fs::read_to_string(&written)?;
        // Made anew, because whoever can write there chooses what starts (LOC-01).
        fs::remove_file(&written)?;
        // The library does not ask where the person's configuration is.
        let path = Self::login_entry().unwrap_or(written);
        if let Some(directory) = path.parent() {
            unix::private_dir(directory)?;
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(with_quoted_program(&entry).as_bytes())
    }

    fn login_entry() -> Option<PathBuf> {
        Some(config_home()?.join("autostart").join(login_entry_name()))
    }

    fn forget_scheme(scheme: &str) -> io::Result<bool> {
        let Some(list) = config_home().map(|home| home.join("mimeapps.list")) else {
            return Ok(false);
        };
        let Ok(text) = fs::read_to_string(&list) else { return Ok(false) };
        let chosen = format!("x-scheme-handler/{scheme}=");
        let rest: Vec<&str> = text.lines().filter(|line| !line.starts_with(&chosen)).collect();
        if rest.len() == text.lines().count() {
            return Ok(false);
        }
        clawdbot_config::write(&list, &(rest.join("\n") + "\n"))?;
        Ok(true)
    }

    fn window_data() -> Vec<PathBuf> {
        let data = std::env::var_os("XDG_DATA_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share")));
        [data, config_home()].into_iter().flatten().map(|home| home.join(IDENTIFIER)).collect()
    }

    fn this_program() -> io::Result<PathBuf> {
        Ok(PathBuf::from("/proc/self/exe"))
    }

    fn take_stdout() -> io::Result<File> {
        unix::take_stdout()
    }

    fn is_service(pid: u32) -> bool {
        let groups = |process: &str| fs::read_to_string(format!("/proc/{process}/cgroup"));
        let theirs = groups(&pid.to_string()).unwrap_or_default();
        // What is in the same unit as this app was started beside it, not by the service manager.
        groups("self").ok().as_ref() != Some(&theirs) && theirs.lines().any(is_service_group)
    }

    fn is_own_process(pid: u32) -> bool {
        let owner = fs::metadata(format!("/proc/{pid}")).map(|process| process.uid());
        owner.is_ok_and(|owner| owner == rustix::process::getuid().as_raw())
    }

    fn end_process(pid: u32) -> impl Future<Output = bool> + Send {
        unix::end_process(pid)
    }

    fn keyring_entry(
        service: &str,
        name: &str,
    ) -> Result<Option<keyring_core::Entry>, keyring_core::Error> {
        if !has_keyring() {
            return Ok(None);
        }
        // Opened each time: the library keeps its first attempt for ever, and a keyring may be
        // started again.
        SecretService::new()?.build(service, name, None).map(Some)
    }

    /// The program inherits the environment, but no secrets (LOC-02). It outlives the app.
    fn open(what: &OsStr) -> io::Result<()> {
        let mut problem = io::ErrorKind::NotFound.into();
        for mut command in open::commands(what) {
            for (name, _) in std::env::vars_os() {
                if !is_for_child(&name.to_string_lossy()) {
                    command.env_remove(name);
                }
            }
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.process_group(0);
            match tokio::process::Command::from(command).spawn() {
                Ok(_) => return Ok(()),
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }

    fn private_dir(path: &Path) -> io::Result<()> {
        unix::private_dir(path)
    }
}

/// Whether a keyring runs in this session, or would be started by a question to it.
fn has_keyring() -> bool {
    let asked = || {
        let bus = zbus::blocking::Connection::session()?;
        let bus = zbus::blocking::fdo::DBusProxy::new(&bus)?;
        let running = bus.list_names()?;
        Ok::<_, zbus::Error>(running.into_iter().chain(bus.list_activatable_names()?).collect())
    };
    let names: Vec<_> = asked().unwrap_or_default();
    names.iter().any(|name| name.as_str() == KEYRING)
}

/// One that is not absolute does not count (XDG Base Directory Specification).
fn config_home() -> Option<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".config"));
    let named = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    named.filter(|path| path.is_absolute()).or_else(home)
}

fn login_entry_name() -> String {
    format!("{}.desktop", login::NAME)
}

/// The plugin writes the program's path as it is, which only works without spaces. The rules are
/// those of the desktop entry specification: quote the argument, then escape the string.
fn with_quoted_program(entry: &str) -> String {
    let mut mended = String::with_capacity(entry.len());
    for line in entry.lines() {
        let program = line
            .strip_prefix("Exec=")
            .and_then(|command| command.strip_suffix(login::ARGUMENT))
            .map(str::trim_end);
        match program {
            Some(program) => {
                let program = quote(program);
                mended.push_str(&format!("Exec={program} {}", login::ARGUMENT));
            }
            None => mended.push_str(line),
        }
        mended.push('\n');
    }
    mended
}

fn quote(program: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.+:@".contains(c);
    if program.chars().all(plain) {
        return program.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in program.chars() {
        match c {
            '\\' => quoted.push_str(r"\\\\"),
            '"' | '`' | '$' => quoted.extend(["\\\\", c.encode_utf8(&mut [0; 4])]),
            '%' => quoted.push_str("%%"),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Desktops start programs in units of their own, which nobody starts again.
fn is_service_group(line: &str) -> bool {
    let unit = line.rsplit('/').next().unwrap_or_default();
    unit.ends_with(".service") && !unit.starts_with("app-") && !unit.starts_with("dbus-")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::{
        IDENTIFIER, RUNNING_NAME, RUNNING_PATH, escape, is_service_group, quote,
        with_quoted_program,
    };

    #[test]
    fn a_second_start_knocks_where_the_first_one_listens() {
        let config: serde_json::Value =
            serde_json::from_str(include_str!("../../tauri.conf.json")).unwrap();
        let identifier = config["identifier"].as_str().unwrap();
        assert_eq!(IDENTIFIER, identifier);
        assert_eq!(RUNNING_NAME, format!("{identifier}.SingleInstance"));
        assert_eq!(RUNNING_PATH, format!("/{}", RUNNING_NAME.replace('.', "/")));
    }

    #[test]
    fn a_program_is_quoted_when_it_must_be() {
        assert_eq!(quote("/usr/bin/clawdbot-desktop"), "/usr/bin/clawdbot-desktop");
        assert_eq!(quote("/home/a b/x"), "\"/home/a b/x\"");
        assert_eq!(quote("/100%/$x"), r#""/100%%/\\$x""#);
        assert_eq!(quote(r"/a\b"), r#""/a\\\\b""#);
    }

    #[test]
    fn only_the_program_changes() {
        let entry = "[Desktop Entry]\nExec=/a b/c --hidden\nTerminal=false\n";
        let mended = "[Desktop Entry]\nExec=\"/a b/c\" --hidden\nTerminal=false\n";
        assert_eq!(with_quoted_program(entry), mended);
    }

    #[test]
    fn a_service_is_told_from_a_program_of_the_desktop() {
        let user = "0::/user.slice/user-1000.slice/user@1000.service/app.slice";
        assert!(is_service_group(&format!("{user}/clawdbot-gateway.service")));
        assert!(is_service_group("1:name=systemd:/system.slice/clawdbot.service"));
        assert!(!is_service_group(&format!("{user}/app-org.gnome.Terminal.slice/vte-1.scope")));
        assert!(!is_service_group(&format!("{user}/app-Clawdbot@autostart.service")));
        assert!(!is_service_group("0::/"));
    }

    #[test]
    fn markup_stays_text() {
        assert_eq!(escape("<b>a & b</b>"), "&lt;b&gt;a &amp; b&lt;/b&gt;");
    }
}
