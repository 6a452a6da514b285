#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::{MAIN, database, user};
use crate::Store;

const DIR: &str = "CLAWDBOT_STORE_TEST_DIR";

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn assert_private(state: &Path) {
    assert_eq!(mode(state), 0o700);
    let names: Vec<_> =
        std::fs::read_dir(state).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(names.len() >= 4, "database, log, index and lock: {names:?}");
    for path in names {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

/// Not a test by itself: its parent sets the umask, which belongs to the whole process.
#[tokio::test]
#[ignore = "runs as a child under umask 000"]
async fn child() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let path = database(dir.as_ref());
    let (store, _) = Store::open(&path).unwrap();
    store.append(MAIN, user("private")).await.unwrap();
    assert_private(path.parent().unwrap());
    println!("all private");
}

#[test]
fn files_are_private_under_any_umask() {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new("sh")
        .args(["-c", "umask 000 && exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "tests::modes::child", "--ignored", "--nocapture"])
        .env(DIR, dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("all private"), "{text}");
}

#[tokio::test]
async fn a_file_that_others_could_read_is_tightened() {
    let store = super::TestStore::new();
    store.append(MAIN, user("private")).await.unwrap();
    store.close().await.unwrap();
    std::fs::set_permissions(store.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let (store, _) = store.reopen().await;
    store.append(MAIN, user("still private")).await.unwrap();
    assert_private(store.path().parent().unwrap());
}
