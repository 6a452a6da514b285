//! Finding programs where nobody else can have put them.

use std::path::{Path, PathBuf};

/// Looks for `name` in the absolute entries of `PATH` and then in `places`. Only files that their
/// owner alone can change count, and the owner is the administrator or this user. The working
/// directory is never looked into (TS-01).
pub(crate) fn find(name: &str, path: Option<&str>, places: &[&str]) -> Option<PathBuf> {
    let here = std::env::current_dir().ok();
    let listed = std::env::split_paths(path.unwrap_or_default())
        .filter(|dir| dir.is_absolute() && Some(dir) != here.as_ref())
        .map(|dir| dir.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)));
    listed.chain(places.iter().map(PathBuf::from)).find(|file| is_safe(file))
}

#[cfg(unix)]
fn is_safe(file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let me = rustix::process::getuid().as_raw();
    std::fs::metadata(file).is_ok_and(|found| {
        found.is_file()
            && found.mode() & 0o111 != 0
            && found.mode() & 0o022 == 0
            && (found.uid() == 0 || found.uid() == me)
    })
}

#[cfg(not(unix))]
fn is_safe(file: &Path) -> bool {
    file.is_file()
}

/// The environment for another program: secrets of this product and of model providers are none of
/// its business (LOC-02).
pub(crate) fn env_for_child<'a>(
    env: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<(String, String)> {
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    env.filter(|(name, _)| is_for_child(name)).map(own).collect()
}

/// Whether other programs may see a variable of that name: it is none that holds what opens a gateway
/// or pays a model (LOC-02).
pub fn is_for_child(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    !(upper.starts_with("CLAWDBOT_")
        || upper.starts_with("OPENCLAW_")
        || upper.ends_with("_API_KEY")
        || upper.starts_with("SSH_ASKPASS"))
}

#[cfg(test)]
mod tests {
    use super::is_for_child;

    #[test]
    fn secrets_stay_out_of_its_environment_loc_02() {
        for name in ["CLAWDBOT_GATEWAY_TOKEN", "OPENCLAW_X", "OPENAI_API_KEY", "SSH_ASKPASS"] {
            assert!(!is_for_child(name), "{name}");
        }
        for name in ["HOME", "SSH_AUTH_SOCK", "AWS_SESSION_TOKEN"] {
            assert!(is_for_child(name), "{name}");
        }
    }
}
