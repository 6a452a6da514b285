//! Files that people edit while the program runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tracing::warn;

/// An editor saves in several steps; this long after the last one a file counts as saved.
const SETTLE: Duration = Duration::from_millis(300);

/// Tells when one of some files has been written, replaced or removed. Dropped, it watches no more.
pub struct FileWatch {
    files: Arc<Mutex<Vec<PathBuf>>>,
    changed: Arc<Notify>,
    /// Without one, only [`Notify::notify_one`] on `changed` is heard.
    watcher: Option<RecommendedWatcher>,
    directories: Vec<PathBuf>,
}

impl FileWatch {
    /// Watches these files. `changed` may be told by others as well.
    pub fn new(files: Vec<PathBuf>, changed: Arc<Notify>) -> Self {
        let files = Arc::new(Mutex::new(files));
        let (watched, tell) = (files.clone(), changed.clone());
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // The database lives in the same directory and is written all the time.
            let Ok(event) = event else { return };
            if event.kind.is_access() {
                return;
            }
            let files = watched.lock().unwrap_or_else(PoisonError::into_inner);
            if event.paths.iter().any(|path| files.contains(path)) {
                tell.notify_one();
            }
        });
        let watcher =
            watcher.inspect_err(|error| warn!(%error, "changes of files will not be noticed")).ok();
        let mut watch = Self { files, changed, watcher, directories: Vec::new() };
        watch.look();
        watch
    }

    /// Watches these files instead.
    pub fn turn_to(&mut self, files: Vec<PathBuf>) {
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = files;
        self.look();
    }

    /// Resolves some time after a change, when nothing more comes.
    pub async fn settled(&self) {
        self.changed.notified().await;
        while tokio::time::timeout(SETTLE, self.changed.notified()).await.is_ok() {}
    }

    /// Watches directories, because editors and [`clawdbot_config::write`] replace files.
    fn look(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        for directory in files.iter().filter_map(|file| file.parent()).map(Path::to_owned) {
            if self.directories.contains(&directory) {
                continue;
            }
            if let Err(error) = watcher.watch(&directory, RecursiveMode::NonRecursive) {
                warn!(%error, dir = %directory.display(), "changes there will not be noticed");
            }
            self.directories.push(directory);
        }
    }
}
