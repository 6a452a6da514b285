//! The state directory, the workspace, the database and the disk.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clawdbot_store::Store;

use super::{Facts, Finding, Severity};

/// Less free space than this is too little for the database and its log.
const LOW_DISK: u64 = 64 * 1024 * 1024;
/// A file this far in the future was written by another clock.
const SKEW: Duration = Duration::from_secs(5 * 60);

pub(super) fn state_dir_unusable<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    if !facts.paths.state_dir.exists() {
        return Vec::new();
    }
    let Err(error) = facts.paths.prepare() else { return Vec::new() };
    // What everybody may write is the next check's, which can mend it.
    if error.code() == "STATE_DIR_WORLD_WRITABLE" {
        return Vec::new();
    }
    vec![Finding::new(
        Severity::Critical,
        error.to_string(),
        "The gateway does not start before that.",
    )]
}

pub(super) fn state_dir_permissions<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let paths = facts.paths;
    let dirs = [&paths.state_dir, &paths.media_dir, &paths.logs_dir];
    dirs.into_iter()
        .filter_map(|dir| too_open(dir, 0o077).map(|mode| (dir, mode)))
        .map(|(dir, mode)| tighten(dir, mode, 0o700, "Others on this computer can look into it"))
        .collect()
}

pub(super) fn state_file_permissions<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let mut files = entries(&facts.paths.state_dir);
    files.extend(entries(&facts.paths.logs_dir));
    if facts.paths.config.parent() != Some(&facts.paths.state_dir) {
        files.push(facts.paths.config.clone());
    }
    files
        .iter()
        .filter_map(|file| too_open(file, 0o077).map(|mode| (file, mode)))
        .map(|(file, mode)| {
            tighten(file, mode, 0o600, "Others on this computer can read or change it")
        })
        .collect()
}

pub(super) fn workspace<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let paths = facts.paths;
    let mut dirs = vec![paths.workspace_default.clone()];
    if let Some(loaded) = facts.config() {
        let agents = &loaded.config.agents;
        let named = agents.all().into_iter().filter_map(|agent| agent.workspace);
        dirs.extend(named.chain(agents.defaults.workspace.clone()).map(|text| paths.expand(&text)));
    }
    dirs.sort();
    dirs.dedup();
    dirs.iter()
        .filter_map(|dir| too_open(dir, 0o002).map(|mode| (dir, mode)))
        .map(|(dir, mode)| {
            let why =
                "Anybody on this computer can tell the assistant what to do through its files";
            tighten(dir, mode, mode & !0o002, why)
        })
        .collect()
}

pub(super) fn disk_full<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let Some(free) = free_space(&facts.paths.state_dir) else { return Vec::new() };
    if free >= LOW_DISK {
        return Vec::new();
    }
    vec![Finding::new(
        Severity::Critical,
        format!(
            "the disk of {} has {} MiB left; messages cannot be stored when it is full",
            facts.paths.state_dir.display(),
            free / 1024 / 1024
        ),
        "Make room, for example in the log and media directories, or move the state with CLAWDBOT_STATE_DIR.",
    )]
}

pub(super) fn database<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let path = &facts.paths.database;
    // A running gateway has it, and has looked at it when it started.
    if facts.running.is_some() || !path.exists() {
        return Vec::new();
    }
    let Some(damage) = Store::damage(path) else { return Vec::new() };
    let finding = Finding::new(
        Severity::Critical,
        format!("the database is damaged: {damage}"),
        "Repairing sets the damaged file aside and carries over what can be read.",
    );
    vec![finding.fixed_by(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Store::suspect(path, &damage);
        let (store, recovery) = Store::open(path)?;
        runtime.block_on(store.close())?;
        Ok(match recovery.quarantined {
            Some(aside) => format!(
                "set aside as {}; {} records carried over",
                aside.display(),
                recovery.salvaged
            ),
            None => "the database opens again".to_owned(),
        })
    })]
}

pub(super) fn clock<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let paths = facts.paths;
    let files = [&paths.database, &paths.log_file, &paths.config];
    let ahead = files.into_iter().find_map(|file| {
        let written = std::fs::metadata(file).ok()?.modified().ok()?;
        let ahead = written.duration_since(facts.now).ok()?;
        (ahead > SKEW).then_some((file, ahead))
    });
    let Some((file, ahead)) = ahead else { return Vec::new() };
    vec![Finding::new(
        Severity::Warning,
        format!(
            "the clock of this computer is behind: {} was written {} minutes in the future. Signed connections and schedules need the right time",
            file.display(),
            ahead.as_secs() / 60
        ),
        "Switch on time synchronisation, for example with: timedatectl set-ntp true",
    )]
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}

fn tighten<'a>(path: &Path, mode: u32, wanted: u32, why: &str) -> Finding<'a> {
    let remedy = format!("Run: chmod {wanted:o} '{}'", path.display());
    let message = format!("{} has the permissions {mode:o}. {why}", path.display());
    let path = path.to_owned();
    Finding::new(Severity::Critical, message, remedy).fixed_by(move || {
        set_mode(&path, wanted)?;
        Ok(format!("permissions of {} are {wanted:o}", path.display()))
    })
}

/// The permissions, where they hold any of these bits.
#[cfg(unix)]
fn too_open(path: &Path, bits: u32) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let meta = std::fs::symlink_metadata(path).ok().filter(|meta| !meta.is_symlink())?;
    let mode = meta.permissions().mode() & 0o777;
    (mode & bits != 0).then_some(mode)
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

#[cfg(unix)]
fn free_space(path: &Path) -> Option<u64> {
    let existing = path.ancestors().find(|path| path.exists())?;
    let disk = rustix::fs::statvfs(existing).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

// Windows keeps a profile's files for its user by inheritance.
#[cfg(not(unix))]
fn too_open(_path: &Path, _bits: u32) -> Option<u32> {
    None
}

#[cfg(not(unix))]
fn set_mode(_path: &Path, _mode: u32) -> std::io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn free_space(_path: &Path) -> Option<u64> {
    None
}
