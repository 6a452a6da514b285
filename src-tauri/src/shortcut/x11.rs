//! On X11. The plugin looks for keys twenty times a second there, which is most of what an idle app
//! would do; here the X server is waited for.

use std::convert::Infallible;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::net::{Shutdown, shutdown};
use tauri::AppHandle;
use tauri_plugin_global_shortcut::{Code, Modifiers, Shortcut};
use tokio::task::{JoinError, spawn_blocking};
use x11rb::connection::Connection as _;
use x11rb::errors::{ConnectError, ConnectionError, ReplyError};
use x11rb::protocol::xproto::{ConnectionExt as _, Grab, GrabMode, Keycode, ModMask, Window};
use x11rb::protocol::{ErrorKind, Event};
use x11rb::rust_connection::RustConnection;
use xkeysym::{Keysym, key};

use super::{ShortcutError, tell};
use crate::window;

/// For the X server a lock that is on is a pressed modifier: Num Lock and Caps Lock.
const LOCKS: [ModMask; 2] = [ModMask::M2, ModMask::LOCK];

/// There is nothing to prepare.
pub(super) fn prepare(_app: &AppHandle) -> Result<(), ShortcutError> {
    Ok(())
}

/// Opens the prompt at each press. Dropping it gives the keys back.
pub(super) async fn listen(
    app: &AppHandle,
    shortcut: Shortcut,
) -> Result<Infallible, ShortcutError> {
    let mut keys = spawn_blocking(move || Keys::new(shortcut)).await??;
    let _held = Held(keys.connection.stream().as_fd().try_clone_to_owned()?);
    let app = app.clone();
    spawn_blocking(move || keys.wait(&app)).await?
}

/// Ends the connection, and whoever waits for it, with this.
struct Held(OwnedFd);

impl Drop for Held {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = shutdown(&self.0, Shutdown::Both);
    }
}

/// Keys of the whole screen; they end with the connection.
struct Keys {
    connection: RustConnection,
    root: Window,
    symbol: Keysym,
    modifiers: ModMask,
    /// Where the symbol was last: a layout without it has the same keys in the same places.
    place: Option<Keycode>,
}

impl Keys {
    fn new(shortcut: Shortcut) -> Result<Self, ShortcutError> {
        let symbol = symbol(shortcut.key).ok_or(ShortcutError::Unknown)?;
        let (connection, screen) = RustConnection::connect(None)?;
        let root = connection.setup().roots[screen].root;
        let modifiers = modifiers(shortcut.mods);
        Ok(Self { connection, root, symbol, modifiers, place: None })
    }

    /// What keeps it from the keys now may be over with the next layout.
    fn wait(&mut self, app: &AppHandle) -> Result<Infallible, ShortcutError> {
        tell(app, self.take())?;
        loop {
            match self.connection.wait_for_event()? {
                Event::KeyPress(_) => window::open_quick(app),
                // Another layout may have the key in another place.
                Event::MappingNotify(_) => tell(app, self.take())?,
                _ => {}
            }
        }
    }

    fn take(&mut self) -> Result<(), ShortcutError> {
        self.connection.ungrab_key(Grab::ANY, self.root, ModMask::ANY)?.check()?;
        self.place = self.find()?.or(self.place);
        let key = self.place.ok_or(ShortcutError::Unknown)?;
        let [num, caps] = LOCKS;
        for locks in [ModMask::default(), num, caps, num | caps] {
            let modifiers = self.modifiers | locks;
            let (mode, root) = (GrabMode::ASYNC, self.root);
            self.connection.grab_key(false, root, modifiers, key, mode, mode)?.check()?;
        }
        Ok(())
    }

    /// Where the keyboard of this moment has the symbol.
    fn find(&self) -> Result<Option<Keycode>, ReplyError> {
        let setup = self.connection.setup();
        let (first, last) = (setup.min_keycode, setup.max_keycode);
        let keyboard = self.connection.get_keyboard_mapping(first, last - first + 1)?.reply()?;
        let mut places =
            (first..=last).zip(keyboard.keysyms.chunks(keyboard.keysyms_per_keycode.max(1).into()));
        let symbol = self.symbol.raw();
        Ok(places.find(|(_, symbols)| symbols.contains(&symbol)).map(|(place, _)| place))
    }
}

fn modifiers(wanted: Modifiers) -> ModMask {
    let names = [
        (Modifiers::SHIFT, ModMask::SHIFT),
        (Modifiers::CONTROL, ModMask::CONTROL),
        (Modifiers::ALT, ModMask::M1),
        (Modifiers::SUPER, ModMask::M4),
        (Modifiers::META, ModMask::M4),
    ];
    let held = names.into_iter().filter(|(name, _)| wanted.contains(*name));
    held.fold(ModMask::default(), |mask, (_, held)| mask | held)
}

/// What is printed on the key, as the X server names it: the keys that the settings record.
fn symbol(code: Code) -> Option<Keysym> {
    let name = code.to_string();
    let printed = name.strip_prefix("Key").or_else(|| name.strip_prefix("Digit"));
    if let Some(printed) = printed.and_then(|printed| printed.chars().next()) {
        return Some(Keysym::from_char(printed.to_ascii_lowercase()));
    }
    if let Some(number) = name.strip_prefix('F').and_then(|number| number.parse::<u32>().ok()) {
        return (1..=24).contains(&number).then(|| Keysym::new(key::F1 + number - 1));
    }
    let symbol = match code {
        Code::Comma => key::comma,
        Code::Period => key::period,
        Code::Slash => key::slash,
        Code::Minus => key::minus,
        Code::Equal => key::equal,
        Code::Semicolon => key::semicolon,
        Code::Quote => key::apostrophe,
        Code::Backquote => key::grave,
        Code::Backslash => key::backslash,
        Code::BracketLeft => key::bracketleft,
        Code::BracketRight => key::bracketright,
        Code::Space => key::space,
        Code::Enter => key::Return,
        Code::Tab => key::Tab,
        Code::Escape => key::Escape,
        Code::Backspace => key::BackSpace,
        Code::Delete => key::Delete,
        Code::Insert => key::Insert,
        Code::Home => key::Home,
        Code::End => key::End,
        Code::PageUp => key::Page_Up,
        Code::PageDown => key::Page_Down,
        Code::ArrowUp => key::Up,
        Code::ArrowDown => key::Down,
        Code::ArrowLeft => key::Left,
        Code::ArrowRight => key::Right,
        _ => return None,
    };
    Some(Keysym::new(symbol))
}

impl From<ReplyError> for ShortcutError {
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::X11Error(error) if error.error_kind == ErrorKind::Access => Self::Taken,
            error => Self::desktop(error),
        }
    }
}

macro_rules! of_the_desktop {
    ($($error:ty),*) => {$(
        impl From<$error> for ShortcutError {
            fn from(error: $error) -> Self {
                Self::desktop(error)
            }
        }
    )*};
}

of_the_desktop!(io::Error, JoinError, ConnectError, ConnectionError);

#[cfg(test)]
mod tests {
    use tauri_plugin_global_shortcut::Shortcut;
    use x11rb::protocol::xproto::ModMask;
    use xkeysym::key;

    use super::{modifiers, symbol};

    #[test]
    fn keys_have_the_names_of_the_x_server() {
        for (text, expected, mask) in [
            ("CmdOrCtrl+Shift+K", key::k, ModMask::CONTROL | ModMask::SHIFT),
            ("Ctrl+Alt+Space", key::space, ModMask::CONTROL | ModMask::M1),
            ("Super+F12", key::F12, ModMask::M4),
            ("Alt+7", key::_7, ModMask::M1),
            ("Ctrl+Up", key::Up, ModMask::CONTROL),
        ] {
            let shortcut: Shortcut = text.parse().unwrap();
            assert_eq!(symbol(shortcut.key).unwrap().raw(), expected, "{text}");
            assert_eq!(modifiers(shortcut.mods), mask, "{text}");
        }
        let unknown: Shortcut = "Ctrl+MediaPlay".parse().unwrap();
        assert_eq!(symbol(unknown.key), None);
    }
}
