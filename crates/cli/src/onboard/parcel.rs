//! What moves to a server: the state, the workspaces and the program, as one tar archive.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use clawdbot_config::{Loaded, Paths, edit, parse_object};
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};
use walkdir::{DirEntry, WalkDir};

/// Of the state directory what belongs to this computer alone: its key as a client, the app's settings
/// and secrets of other gateways, what is published from here, the lock and the log.
const OWN: [&str; 7] = [
    "identity",
    "desktop.json",
    "remote-secrets.json",
    "tailscale-route.json",
    "gateway.lock",
    "logs",
    "clawdbot.edit.json5",
];
const PRIVATE: u32 = 0o600;

/// What moves, and where it goes.
#[derive(Debug)]
pub(super) struct Parcel {
    /// The state first.
    places: Vec<Place>,
    config: String,
    /// What could not be taken along.
    pub(super) left: Vec<PathBuf>,
}

#[derive(Debug)]
struct Place {
    from: PathBuf,
    /// Below the home directory over there.
    to: String,
    is_state: bool,
}

/// Why a parcel cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ParcelError {
    #[error("cannot read {path}: {source}. Check its permissions.")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} changed while it was copied. End whatever writes there, and try again.")]
    Changed { path: PathBuf },
    #[error("the copy cannot be sent: {0}")]
    Send(io::Error),
    /// Its last part, which may be all that was missing there, or not even that.
    #[error("the end of the copy cannot be sent: {0}")]
    End(io::Error),
}

impl Parcel {
    pub(super) fn of(paths: &Paths, loaded: &Loaded) -> Self {
        let suffix = paths.profile.as_ref().map(|name| format!("-{name}")).unwrap_or_default();
        let to = format!(".clawdbot{suffix}");
        let state = Place { from: paths.state_dir.clone(), to, is_state: true };
        let mut parcel = Self {
            places: vec![state],
            config: at_home(loaded.raw.as_deref().unwrap_or_default(), &paths.home),
            left: Vec::new(),
        };
        let included = loaded.included.iter().filter(|file| !file.starts_with(&paths.state_dir));
        parcel.left.extend(included.cloned());
        let agents = &loaded.config.agents;
        let named = agents.all().into_iter().filter_map(|agent| agent.workspace);
        let named: Vec<String> = named.chain(agents.defaults.workspace.clone()).collect();
        let mut found: Vec<(PathBuf, Option<String>)> = named
            .iter()
            .map(|text| paths.expand(text))
            .map(|dir| (dir.clone(), below(&dir, &paths.home)))
            .collect();
        if agents.defaults.workspace.is_none() {
            found.push((paths.workspace_default.clone(), Some(format!("clawd{suffix}"))));
        }
        // Those above come before those inside them.
        found.sort();
        for (from, to) in found.into_iter().filter(|(dir, _)| dir.is_dir()) {
            parcel.add(from, to);
        }
        parcel
    }

    fn add(&mut self, from: PathBuf, to: Option<String>) {
        if self.places.iter().any(|place| from.starts_with(&place.from)) {
            return;
        }
        let holds_state = self.places.iter().any(|place| place.from.starts_with(&from));
        match to {
            Some(to) if !holds_state => self.places.push(Place { from, to, is_state: false }),
            _ => self.left.push(from),
        }
    }

    /// Where its parts go, in their order.
    pub(super) fn places(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|place| place.to.as_str())
    }

    /// How many bytes of files will be sent.
    pub(super) fn bytes(&self, program: Option<&Path>) -> u64 {
        let files = self.places.iter().flat_map(Place::entries).flatten();
        let size = |entry: DirEntry| entry.metadata().ok().filter(fs::Metadata::is_file);
        let program = program.and_then(|program| fs::metadata(program).ok());
        files.filter_map(size).chain(program).map(|meta| meta.len()).sum()
    }

    /// Writes all of it.
    pub(super) fn write(&self, program: Option<&Path>, to: impl Write) -> Result<(), ParcelError> {
        let mut tar = Builder::new(to);
        if let Some(program) = program {
            file(&mut tar, program, Path::new("program"))?;
        }
        for (number, place) in self.places.iter().enumerate() {
            let root = PathBuf::from(number.to_string());
            let from = place.root();
            for entry in place.entries() {
                let entry = entry.map_err(|error| place.unreadable(error))?;
                let inside = entry.path().strip_prefix(&from).unwrap_or(entry.path());
                append(&mut tar, &entry, &root.join(inside))?;
            }
        }
        text(&mut tar, "0/clawdbot.json", &self.config)?;
        text(&mut tar, "complete", "").map_err(|error| match error {
            ParcelError::Send(error) => ParcelError::End(error),
            other => other,
        })?;
        tar.into_inner().and_then(|mut to| to.flush()).map_err(ParcelError::End)
    }
}

impl Place {
    /// Where its files are, should the place itself be a link.
    fn root(&self) -> PathBuf {
        fs::canonicalize(&self.from).unwrap_or_else(|_| self.from.clone())
    }

    /// Everything in it but what stays here; links in it are not followed.
    fn entries(&self) -> impl Iterator<Item = walkdir::Result<DirEntry>> + use<> {
        let is_state = self.is_state;
        let stays = move |entry: &DirEntry| {
            let is_own =
                |name: &OsStr| OWN.iter().chain(&["clawdbot.json"]).any(|own| name == *own);
            is_state && entry.depth() == 1 && is_own(entry.file_name())
        };
        WalkDir::new(self.root()).into_iter().filter_entry(move |entry| !stays(entry))
    }

    fn unreadable(&self, error: walkdir::Error) -> ParcelError {
        let path = error.path().unwrap_or(&self.from).to_owned();
        let source = error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into());
        ParcelError::Read { path, source }
    }
}

/// The path below the home directory, if it can be told over there as a line.
fn below(path: &Path, home: &Path) -> Option<String> {
    let inside = path.strip_prefix(home).ok()?;
    let text = inside.to_str()?;
    let plain = inside.components().all(|part| matches!(part, Component::Normal(_)));
    let strange = text.is_empty() || text.starts_with('-') || text.contains(char::is_control);
    (plain && !strange).then(|| text.to_owned())
}

/// The same configuration with workspaces that are named from the root of this computer named from
/// the home directory.
fn at_home(raw: &str, home: &Path) -> String {
    let Ok(value) = parse_object(raw) else { return raw.to_owned() };
    let list = value.pointer("/agents/list").and_then(Value::as_array).map_or(0, Vec::len);
    let mut places = vec![vec!["agents".to_owned(), "defaults".into(), "workspace".into()]];
    places.extend((0..list).map(|index| {
        vec!["agents".to_owned(), "list".into(), index.to_string(), "workspace".into()]
    }));
    let mut raw = raw.to_owned();
    for place in places {
        let named = value.pointer(&format!("/{}", place.join("/"))).and_then(Value::as_str);
        let Some(inside) = named.and_then(|text| below(Path::new(text), home)) else { continue };
        let place: Vec<&str> = place.iter().map(String::as_str).collect();
        if let Ok(edited) = edit(&raw, &place, Some(json!(format!("~/{inside}")))) {
            raw = edited;
        }
    }
    raw
}

fn append(tar: &mut Builder<impl Write>, entry: &DirEntry, name: &Path) -> Result<(), ParcelError> {
    let unreadable = |source| ParcelError::Read { path: entry.path().to_owned(), source };
    let kind = entry.file_type();
    if kind.is_file() {
        return file(tar, entry.path(), name);
    }
    let mut header = Header::new_gnu();
    header.set_metadata(&entry.metadata().map_err(|error| unreadable(error.into()))?);
    if kind.is_dir() {
        tar.append_data(&mut header, name, io::empty()).map_err(ParcelError::Send)
    } else if kind.is_symlink() {
        let target = fs::read_link(entry.path()).map_err(unreadable)?;
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, name, target).map_err(ParcelError::Send)
    } else {
        // Sockets and pipes mean nothing elsewhere.
        Ok(())
    }
}

fn file(tar: &mut Builder<impl Write>, path: &Path, name: &Path) -> Result<(), ParcelError> {
    let unreadable = |source| ParcelError::Read { path: path.to_owned(), source };
    let mut from = File::open(path).map_err(unreadable)?;
    let meta = from.metadata().map_err(unreadable)?;
    let mut header = Header::new_gnu();
    header.set_metadata(&meta);
    let mut part = (&mut from).take(meta.len());
    tar.append_data(&mut header, name, &mut part).map_err(ParcelError::Send)?;
    if part.limit() > 0 {
        return Err(ParcelError::Changed { path: path.to_owned() });
    }
    Ok(())
}

fn text(tar: &mut Builder<impl Write>, name: &str, text: &str) -> Result<(), ParcelError> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(PRIVATE);
    header.set_size(text.len() as u64);
    tar.append_data(&mut header, name, text.as_bytes()).map_err(ParcelError::Send)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workspaces_are_named_from_the_home_directory_and_comments_stay() {
        let raw = "{ agents: { // mine\n defaults: { workspace: '/home/me/work' },\n list: [{ id: 'a', workspace: '~/b' }, { id: 'c', workspace: '/srv/c' }] } }";
        let there = at_home(raw, Path::new("/home/me"));
        assert_eq!(there.replace('"', "'"), raw.replace("/home/me/work", "~/work"));
    }

    #[test]
    fn only_what_a_line_can_tell_goes_below_the_home_directory() {
        let home = Path::new("/home/me");
        assert_eq!(below(Path::new("/home/me/a b/c"), home).as_deref(), Some("a b/c"));
        for odd in ["/home/me", "/srv/x", "/home/me/../x", "/home/me/a\nb", "/home/me/-rf"] {
            assert_eq!(below(Path::new(odd), home), None, "{odd}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_parcel_holds_all_but_what_belongs_to_this_computer() {
        let home = tempfile::tempdir().unwrap();
        let env = [("HOME", home.path().to_str().unwrap())].into_iter().collect();
        let paths = Paths::resolve(&env, None);
        paths.prepare().unwrap();
        let put = |name: &str| {
            let file = home.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, name).unwrap();
        };
        put(".clawdbot/clawdbot.sqlite");
        put(".clawdbot/identity/device.json");
        put(".clawdbot/media/inbound/a.png");
        put("clawd/notes.md");
        put("other/secret");
        // Named like the state, and a link to where the files are.
        put("disk/identity/me.md");
        std::os::unix::fs::symlink("disk", home.path().join(".clawdbot-work")).unwrap();
        let config =
            "{ agents: { list: [{ id: 'main' }, { id: 'b', workspace: '~/.clawdbot-work' }] } }";
        fs::write(&paths.config, config).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", home.path().join("clawd/link")).unwrap();
        let loaded = clawdbot_config::Document::load(&paths.config, &env).unwrap();
        let parcel = Parcel::of(&paths, &loaded);
        assert_eq!(parcel.places().collect::<Vec<_>>(), [".clawdbot", ".clawdbot-work", "clawd"]);
        let mut sent = Vec::new();
        parcel.write(None, &mut sent).unwrap();
        let mut names: Vec<String> = tar::Archive::new(sent.as_slice())
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        names.sort();
        assert_eq!(
            names,
            ["0/", "0/clawdbot.json", "0/clawdbot.sqlite", "0/media", "0/media/inbound"]
                .into_iter()
                .chain(["0/media/inbound/a.png", "1/", "1/identity", "1/identity/me.md"])
                .chain(["2/", "2/link", "2/notes.md", "complete"])
                .collect::<Vec<_>>()
        );
    }
}
