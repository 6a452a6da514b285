//! What lies on the disk.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// Digest of every file below `dir`: equal before and after means that nothing was persisted. Logs
/// and SQLite's shared memory do not count.
pub fn fingerprint(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files(dir)
        .into_iter()
        .filter(|path| !path.starts_with(dir.join("logs")))
        .filter(|path| !path.to_string_lossy().ends_with("-shm"))
        .map(|path| {
            let digest = Sha256::digest(std::fs::read(&path).unwrap());
            (path, digest.to_vec())
        })
        .collect()
}

/// Files below `dir` that contain `needle`, also inside binary files.
pub fn grep(dir: &Path, needle: &str) -> Vec<PathBuf> {
    let found = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    };
    files(dir).into_iter().filter(found).collect()
}

/// Everything at and below `dir` with its permission bits.
pub fn modes(dir: &Path) -> BTreeMap<PathBuf, u32> {
    let mut all = vec![dir.to_owned()];
    walk(dir, &mut all);
    let mode = |path: &PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    all.into_iter().map(|path| (path.clone(), mode(&path))).collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    walk(dir, &mut all);
    all.retain(|path| path.is_file());
    all
}

fn walk(dir: &Path, all: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, all);
        }
        all.push(path);
    }
}
