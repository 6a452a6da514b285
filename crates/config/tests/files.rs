//! Paths, and what happens on disk.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::fs;
use std::path::Path;

use clawdbot_config::{DEV_PORT, Document, Env, Paths, keep_last_good, last_good_path, write};

fn env(vars: &[(&str, &str)]) -> Env {
    vars.iter().copied().collect()
}

#[test]
fn paths_follow_home_profile_and_environment() {
    let home = env(&[("HOME", "/home/u")]);
    let paths = Paths::resolve(&home, None);
    assert_eq!(paths.config, Path::new("/home/u/.clawdbot/clawdbot.json"));
    assert_eq!(paths.database, Path::new("/home/u/.clawdbot/clawdbot.sqlite"));
    assert_eq!(paths.log_file, Path::new("/home/u/.clawdbot/logs/gateway.log"));
    assert_eq!(paths.workspace_default, Path::new("/home/u/clawd"));
    assert_eq!(paths.default_port(), 18789);

    let dev = Paths::resolve(&home, Some("dev"));
    assert_eq!(dev.state_dir, Path::new("/home/u/.clawdbot-dev"));
    assert_eq!(dev.workspace_default, Path::new("/home/u/clawd-dev"));
    assert_eq!(dev.default_port(), DEV_PORT);

    let told = env(&[
        ("HOME", "/home/u"),
        ("CLAWDBOT_STATE_DIR", "~/s"),
        ("OPENCLAW_CONFIG_PATH", "/etc/c.json"),
        ("CLAWDBOT_PROFILE", "dev"),
    ]);
    let paths = Paths::resolve(&told, None);
    assert_eq!(
        (paths.state_dir.as_path(), paths.config.as_path()),
        (Path::new("/home/u/s"), Path::new("/etc/c.json"))
    );
    assert_eq!(paths.expand("~/x"), Path::new("/home/u/x"));
    assert_eq!(paths.profile.as_deref(), Some("dev"));
}

#[test]
fn a_profile_name_cannot_leave_the_home_directory() {
    let paths = Paths::resolve(&env(&[("HOME", "/home/u")]), Some("../../etc"));
    assert_eq!(paths.state_dir, Path::new("/home/u/.clawdbot-------etc"));
}

#[test]
fn without_a_home_nothing_is_created() {
    let error = Paths::resolve(&Env::default(), None).prepare().unwrap_err();
    assert_eq!(error.code(), "STATE_DIR_NOT_ABSOLUTE");
    assert!(error.to_string().contains("set HOME"), "{error}");
}

#[test]
fn writing_keeps_the_previous_text_and_leaves_no_temporary_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/clawdbot.json");
    write(&path, "{ a: 1 }").unwrap();
    write(&path, "{ a: 2 }").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "{ a: 2 }");
    assert_eq!(fs::read_to_string(path.with_extension("json.bak")).unwrap(), "{ a: 1 }");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 2);
}

#[test]
fn a_failed_write_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clawdbot.json");
    fs::create_dir(&path).unwrap();
    assert!(write(&path, "{}").is_err());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_broken_document_stays_and_the_error_says_how_to_go_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clawdbot.json");
    let broken = "{\n  gateway: { port: 'x' },\n}";

    fs::write(&path, broken).unwrap();
    let error = Document::load(&path, &Env::default()).unwrap_err();
    assert_eq!((error.code(), &error.last_good), ("CONFIG_INVALID", &None));

    write(&path, "{}").unwrap();
    Document::load(&path, &Env::default()).unwrap();
    keep_last_good(&path).unwrap();
    fs::write(&path, broken).unwrap();
    let error = Document::load(&path, &Env::default()).unwrap_err();
    let copy = last_good_path(&path);
    assert_eq!(
        error.to_string(),
        format!(
            "{path} cannot be used; it was left unchanged.\n  line 2, column 20: gateway.port: expected a whole number from 1 to 65535, found another text\nFix the lines above, or go back to the last version that worked: cp '{copy}' '{path}'",
            path = path.display(),
            copy = copy.display(),
        )
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), broken);
    assert_eq!(fs::read_to_string(copy).unwrap(), "{}");
}

#[test]
fn bytes_that_are_no_text_are_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clawdbot.json");
    fs::write(&path, b"{ a: '\xff' }").unwrap();
    let error = Document::load(&path, &Env::default()).unwrap_err();
    assert!(error.to_string().contains("cannot be read: expected UTF-8 text"), "{error}");
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
    use std::process::Command;

    use super::*;

    fn prepare(state_dir: &Path) -> Result<(), (&'static str, String)> {
        let env = env(&[("CLAWDBOT_STATE_DIR", state_dir.to_str().unwrap())]);
        Paths::resolve(&env, None).prepare().map_err(|error| (error.code(), error.to_string()))
    }

    #[test]
    fn a_state_directory_that_others_control_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real");
        fs::create_dir(&real).unwrap();

        fs::set_permissions(&real, fs::Permissions::from_mode(0o777)).unwrap();
        let (code, text) = prepare(&real).unwrap_err();
        assert_eq!(code, "STATE_DIR_WORLD_WRITABLE");
        assert!(text.contains(&format!("run: chmod 700 {real:?}")), "{text}");

        fs::set_permissions(&real, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(prepare(&real), Ok(()));

        let link = dir.path().join("link");
        symlink(&real, &link).unwrap();
        assert_eq!(prepare(&link).unwrap_err().0, "STATE_DIR_SYMLINK");

        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(prepare(&file).unwrap_err().0, "STATE_DIR_NOT_A_DIRECTORY");
    }

    #[test]
    fn a_state_directory_of_another_user_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let foreign = dir.path().join("foreign");
        fs::create_dir(&foreign).unwrap();
        // Only root may give a directory away; anyone else meets one that is root's.
        let foreign =
            if chown(&foreign, Some(12_345), None).is_ok() { foreign } else { "/usr".into() };
        assert_eq!(prepare(&foreign).unwrap_err().0, "STATE_DIR_FOREIGN_OWNER");
    }

    #[test]
    fn a_pipe_in_place_of_the_document_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clawdbot.json");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let error = Document::load(&path, &Env::default()).unwrap_err();
        assert!(error.to_string().contains("expected a regular file"), "{error}");
        assert!(write(&path, "{}").is_err());
    }

    #[test]
    fn a_linked_document_is_replaced_where_it_really_is() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real.json"), dir.path().join("clawdbot.json"));
        fs::write(&real, "{}").unwrap();
        symlink(&real, &link).unwrap();
        write(&link, "{ a: 1 }").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "{ a: 1 }");
    }

    /// The umask belongs to the whole process, so this test runs itself in a process of its own.
    #[test]
    fn files_are_private_under_umask_000() {
        const STATE: &str = "CLAWDBOT_TEST_UMASK_STATE";
        if let Ok(state) = std::env::var(STATE) {
            let paths = Paths::resolve(&env(&[("CLAWDBOT_STATE_DIR", &state)]), None);
            paths.prepare().unwrap();
            write(&paths.config, "{}").unwrap();
            write(&paths.config, "{ a: 1 }").unwrap();
            keep_last_good(&paths.config).unwrap();
            fs::write(Path::new(&state).join("proof"), "").unwrap();
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("above/state");
        let child = Command::new("sh")
            .args(["-c", "umask 000; exec \"$0\" --exact unix::files_are_private_under_umask_000"])
            .arg(std::env::current_exe().unwrap())
            .env(STATE, &state)
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));

        let mode = |name: &str| fs::metadata(state.join(name)).unwrap().mode() & 0o777;
        assert_eq!(mode("proof"), 0o666, "the umask was in force");
        for dir in ["", "..", "media", "logs"] {
            assert_eq!(mode(dir), 0o700, "{dir}");
        }
        for file in ["clawdbot.json", "clawdbot.json.bak", "clawdbot.json.last-good"] {
            assert_eq!(mode(file), 0o600, "{file}");
        }
    }
}
