//! Notices when what a command would run is no longer what was looked at.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use super::plan::Plan;

/// The directory and the code of one command as they were.
pub(super) struct Witness {
    cwd: (PathBuf, Option<Place>),
    code: Vec<(PathBuf, Option<State>)>,
}

/// Which file or directory it is.
type Place = (u64, u64);
/// Which file it is, and when anything about it last changed; nobody can set that time back.
type State = (Place, u64, i64, i64);

impl Witness {
    pub(super) fn of(plan: &Plan) -> Self {
        let code = plan.code().into_iter();
        Self {
            cwd: (plan.cwd.clone(), place(&plan.cwd)),
            code: code.map(|path| (path.clone(), state(&path))).collect(),
        }
    }

    /// Whether everything is as it was.
    pub(super) fn holds(&self) -> bool {
        let (dir, before) = &self.cwd;
        let same_dir = std::fs::canonicalize(dir).is_ok_and(|now| now == *dir);
        same_dir
            && place(dir) == *before
            && self.code.iter().all(|(path, before)| state(path) == *before)
    }
}

fn place(path: &Path) -> Option<Place> {
    path.metadata().ok().map(|meta| identity(&meta).0)
}

fn state(path: &Path) -> Option<State> {
    path.metadata().ok().map(|meta| identity(&meta))
}

#[cfg(unix)]
fn identity(meta: &Metadata) -> State {
    use std::os::unix::fs::MetadataExt as _;
    ((meta.dev(), meta.ino()), meta.size(), meta.ctime(), meta.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(meta: &Metadata) -> State {
    let changed = meta.modified().ok();
    let since = changed.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let nanos = since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
    ((0, 0), meta.len(), nanos, 0)
}
