//! The menu itself, made whole from a view.

use tauri::AppHandle;
use tauri::menu::{CheckMenuItem, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};

use super::view::Entry;

type Item = Box<dyn IsMenuItem<tauri::Wry>>;

pub(super) fn build(app: &AppHandle, entries: &[Entry]) -> tauri::Result<Menu<tauri::Wry>> {
    let menu = Menu::new(app)?;
    for entry in entries {
        menu.append(&*item(app, entry)?)?;
    }
    Ok(menu)
}

fn item(app: &AppHandle, entry: &Entry) -> tauri::Result<Item> {
    let none = None::<&str>;
    Ok(match entry {
        Entry::Line(text) => Box::new(MenuItem::new(app, plain(text), false, none)?),
        Entry::Separator => Box::new(PredefinedMenuItem::separator(app)?),
        Entry::Item(action, text) => {
            Box::new(MenuItem::with_id(app, action.id(), plain(text), true, none)?)
        }
        Entry::Greyed(action, text) => {
            Box::new(MenuItem::with_id(app, action.id(), plain(text), false, none)?)
        }
        Entry::Check(action, text, on) => {
            Box::new(CheckMenuItem::with_id(app, action.id(), plain(text), true, *on, none)?)
        }
        Entry::Menu(text, entries) => {
            let menu = Submenu::new(app, plain(text), true)?;
            for entry in entries {
                menu.append(&*item(app, entry)?)?;
            }
            Box::new(menu)
        }
    })
}

/// An ampersand of somebody's title is no keyboard mnemonic.
fn plain(text: &str) -> String {
    text.replace('&', "&&")
}
