use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{MAIN, TestStore, begin, database, fields, user};
use crate::{SessionChange, Store};

/// A closed store with a few hundred messages, a document, and a run that is going on.
async fn closed_store() -> tempfile::TempDir {
    let store = TestStore::new();
    store.put_doc("device", "d1", &json!({ "name": "phone" })).await.unwrap();
    for n in 0..300 {
        store.append(MAIN, user(&format!("message {n} {}", "words ".repeat(100)))).await.unwrap();
    }
    store.close().await.unwrap();
    store.dir
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// Overwrites `bytes` bytes at `at`.
fn scribble(path: &Path, at: u64, bytes: usize) {
    let mut file = File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&vec![0xA5; bytes]).unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_kept_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = database(dir.path());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "this was never a database ".repeat(500)).unwrap();
    fs::write(suffixed(&path, "-wal"), "nor a log").unwrap();

    let (store, recovery) = Store::open(&path).unwrap();
    let aside = recovery.quarantined.unwrap();
    assert!(aside.file_name().unwrap().to_str().unwrap().starts_with("clawdbot.db.damaged-20"));
    assert!(fs::read_to_string(&aside).unwrap().starts_with("this was never"));
    assert_eq!(fs::read_to_string(suffixed(&aside, "-wal")).unwrap(), "nor a log");
    let (store, recovery) = TestStore { store, dir }.reopen().await;
    assert!(recovery.quarantined.is_none(), "the new database is whole");
    store.append(MAIN, user("works")).await.unwrap();
}

#[tokio::test]
async fn a_log_whose_database_is_empty_or_gone_is_kept() {
    for gone in [false, true] {
        let dir = closed_store().await;
        let path = database(dir.path());
        if gone {
            fs::remove_file(&path).unwrap()
        } else {
            File::create(&path).map(drop).unwrap()
        }
        fs::write(suffixed(&path, "-wal"), "pages").unwrap();
        let (_store, recovery) = Store::open(&path).unwrap();
        let aside = recovery.quarantined.unwrap();
        assert_eq!(fs::read_to_string(suffixed(&aside, "-wal")).unwrap(), "pages");
    }
}

#[tokio::test]
async fn two_damaged_files_in_one_second_do_not_overwrite_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let path = database(dir.path());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut aside = Vec::new();
    for content in ["one ", "two ", "three "] {
        fs::write(&path, content.repeat(500)).unwrap();
        let (store, recovery) = Store::open(&path).unwrap();
        store.close().await.unwrap();
        aside.push((content, recovery.quarantined.unwrap()));
    }
    for (content, path) in aside {
        assert!(fs::read_to_string(path).unwrap().starts_with(content));
    }
}

#[tokio::test]
async fn an_empty_file_is_a_new_database() {
    let dir = tempfile::tempdir().unwrap();
    let path = database(dir.path());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    File::create(&path).unwrap();
    let (store, recovery) = Store::open(&path).unwrap();
    assert!(recovery.quarantined.is_none());
    store.append(MAIN, user("works")).await.unwrap();
}

#[tokio::test]
async fn a_truncated_database_is_kept_and_what_is_readable_copied() {
    let dir = closed_store().await;
    let path = database(dir.path());
    let size = fs::metadata(&path).unwrap().len();
    File::options().write(true).open(&path).unwrap().set_len(size / 2 / 4096 * 4096).unwrap();

    let (store, recovery) = Store::open(&path).unwrap();
    assert_eq!(fs::metadata(recovery.quarantined.unwrap()).unwrap().len(), size / 2 / 4096 * 4096);
    let store = TestStore { store, dir };
    assert_numbered_without_gaps(&store).await;
    store.append(MAIN, user("works")).await.unwrap();
}

#[tokio::test]
async fn damage_inside_is_reported_then_settled_at_the_next_start() {
    let dir = closed_store().await;
    let path = database(dir.path());
    let size = fs::metadata(&path).unwrap().len();
    scribble(&path, size / 2 / 4096 * 4096, 8 * 4096);

    let (store, recovery) = Store::open(&path).unwrap();
    assert!(recovery.quarantined.is_none(), "opening does not read every page");
    let store = TestStore { store, dir };
    let q = crate::HistoryQuery { limit: 1_000, ..crate::HistoryQuery::default() };
    assert_eq!(store.history(MAIN, q).await.unwrap_err().code(), "STORE_CORRUPT");

    let (store, recovery) = store.reopen().await;
    assert!(recovery.quarantined.unwrap().exists());
    let rescued = assert_numbered_without_gaps(&store).await;
    assert!(rescued > 200, "{rescued} of 300 messages");
    assert!(recovery.salvaged > rescued);
    assert_eq!(store.get_doc("device", "d1").await.unwrap().unwrap()["name"], "phone");
    assert!(!store.search("words", 5).await.unwrap().is_empty());
    let (_store, recovery) = store.reopen().await;
    assert!(recovery.quarantined.is_none());
}

async fn assert_numbered_without_gaps(store: &TestStore) -> u64 {
    let q = crate::HistoryQuery { limit: 1_000, ..crate::HistoryQuery::default() };
    let page = store.history(MAIN, q).await.unwrap();
    let numbers: Vec<_> = page.messages.iter().map(|message| message.seq.cast_unsigned()).collect();
    assert_eq!(numbers, (1..=page.total).collect::<Vec<_>>());
    page.total
}

#[tokio::test]
async fn a_suspect_file_that_is_whole_stays() {
    let dir = closed_store().await;
    let path = database(dir.path());
    fs::write(suffixed(&path, ".suspect"), "").unwrap();
    let (store, recovery) = Store::open(&path).unwrap();
    assert!(recovery.quarantined.is_none());
    assert!(!suffixed(&path, ".suspect").exists());
    assert_eq!(store.session(MAIN).await.unwrap().unwrap().message_count, 300);
}

#[tokio::test]
async fn a_newer_format_is_left_alone() {
    let dir = closed_store().await;
    let path = database(dir.path());
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.pragma_update(None, "user_version", 999).unwrap();
    drop(conn);
    let error = Store::open(&path).unwrap_err();
    assert_eq!((error.code(), error.retryable()), ("STORE_TOO_NEW", false));
    let version: i64 = rusqlite::Connection::open(&path)
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 999);
}

#[tokio::test]
async fn deleted_text_is_gone_from_the_file() {
    let store = TestStore::new();
    let canary = "zirconiumcanary";
    let change = SessionChange {
        create: true,
        fields: fields(json!({ "note": canary })),
        ..SessionChange::default()
    };
    store.put_session(MAIN, change).await.unwrap();
    store.begin_run(begin("r1", canary)).await.unwrap();
    for _ in 0..20 {
        store.append(MAIN, user(&format!("{canary} {}", "x".repeat(3_000)))).await.unwrap();
    }
    store.append("agent:main:other", user("this stays")).await.unwrap();
    store.delete_session(MAIN).await.unwrap().unwrap();
    store.close().await.unwrap();
    let mut bytes = Vec::new();
    File::open(store.path()).unwrap().read_to_end(&mut bytes).unwrap();
    let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
    assert!(!found, "deleted text is still in the file");
}

/// Numbers of the pages that tables and indexes begin with, in order.
fn roots(path: &Path) -> Vec<usize> {
    let conn = rusqlite::Connection::open(path).unwrap();
    let mut query = conn
        .prepare("SELECT rootpage FROM sqlite_schema WHERE rootpage > 0 ORDER BY rootpage")
        .unwrap();
    let pages = query.query_map([], |row| row.get::<_, u32>(0)).unwrap();
    pages.map(|page| page.unwrap() as usize).collect()
}

/// One bit anywhere: nothing is wiped, and what the bit does not touch stays readable.
#[tokio::test]
async fn a_flipped_bit_costs_a_few_rows_at_most() {
    let whole = closed_store().await;
    let bytes = fs::read(database(whole.path())).unwrap();
    let pages = bytes.len() / 4096;
    let roots = roots(&database(whole.path()));
    for case in 0..32 {
        let dir = tempfile::tempdir().unwrap();
        let path = database(dir.path());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Headers of pages in turn with places inside them; the first page has cases of its own.
        let page = 1 + case * (pages - 1) / 32;
        let at = page * 4096 + if case % 2 == 0 { case % 16 } else { case * 83 };
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (case % 8);
        fs::write(&path, &damaged).unwrap();
        let q = || crate::HistoryQuery { limit: 1_000, ..crate::HistoryQuery::default() };
        let (store, mut recovery) = Store::open(&path).unwrap();
        // Reading everything finds it, if it can be found.
        let _ = store.history(MAIN, q()).await;
        let _ = store.search("words", 1_000).await;
        let _ = store.sessions(crate::SessionQuery::default()).await;
        let _ = store.append(MAIN, user("one more")).await;
        store.close().await.unwrap();
        let (store, second) = Store::open(&path).unwrap();
        recovery.quarantined = recovery.quarantined.or(second.quarantined);
        // A conversation whose name is lost has another one.
        let listed = store.sessions(crate::SessionQuery::default()).await;
        let listed = listed.unwrap_or_else(|error| panic!("byte {at}: {error:?}")).sessions;
        let mut rows = 0;
        for session in listed {
            rows += store.history(&session.session.key, q()).await.unwrap().messages.len();
        }
        // Where SQLite's own list of tables is hit, nothing can be found; the file is kept whole.
        let listing = page < *roots.last().unwrap() && !roots.contains(&(page + 1));
        assert!(listing || rows >= 270, "byte {at}: {rows} of 300 messages");
        assert!(rows >= 300 || recovery.quarantined.is_some(), "byte {at}: {rows} rows, no copy");
        if let Some(aside) = recovery.quarantined {
            assert!(fs::metadata(aside).unwrap().len() >= bytes.len() as u64);
        }
        // A place that only writing visits is found by writing; the next start heals it.
        if store.append(MAIN, user("works")).await.is_err() {
            store.close().await.unwrap();
            let (healed, third) = Store::open(&path).unwrap();
            assert!(third.quarantined.is_some(), "byte {at}: no copy");
            healed.append(MAIN, user("works")).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_message_that_is_half_lost_does_not_hide_the_others() {
    let dir = closed_store().await;
    let path = database(dir.path());
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch(
        "UPDATE messages SET body = 'not json' WHERE seq = 2;
         UPDATE messages SET text = CAST(x'68ff69' AS TEXT), meta = '{' WHERE seq = 3;",
    )
    .unwrap();
    drop(conn);
    let (store, _) = Store::open(&path).unwrap();
    let q = crate::HistoryQuery { limit: 1_000, ..crate::HistoryQuery::default() };
    let rows = store.history(MAIN, q).await.unwrap().messages;
    assert_eq!(rows.len(), 300);
    assert!(rows[1].body.get().contains("message 1 words") && rows[1].meta["damaged"] == true);
    assert!(rows[2].text == "h\u{fffd}i" && rows[2].meta["damaged"] == true);
    assert!(rows[3].meta.is_empty());
}

#[tokio::test]
async fn broken_settings_and_documents_are_settled_at_the_next_start() {
    let dir = closed_store().await;
    let path = database(dir.path());
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch(
        "INSERT INTO docs (kind, id, body) VALUES ('device', 'd2', '{'), ('device', 'd3', '{}')",
    )
    .unwrap();
    let page = roots(&path)[0] - 1;
    drop(conn);
    // The table of sessions begins there; its only row has no settings yet.
    let bytes = fs::read(&path).unwrap();
    let at = bytes[page * 4096..].windows(2).position(|two| two == b"{}").unwrap();
    scribble(&path, (page * 4096 + at) as u64, 1);
    let (store, _) = Store::open(&path).unwrap();
    let ids = |docs: Vec<(String, serde_json::Value)>| -> Vec<String> {
        docs.into_iter().map(|(id, _)| id).collect()
    };
    assert_eq!(ids(store.list_docs("device").await.unwrap()), ["d1", "d3"]);
    assert_eq!(store.session(MAIN).await.unwrap_err().code(), "STORE_CORRUPT");
    store.close().await.unwrap();
    let (store, recovery) = Store::open(&path).unwrap();
    assert!(recovery.quarantined.is_some());
    assert_eq!(store.session(MAIN).await.unwrap().unwrap().message_count, 300);
    assert_eq!(ids(store.list_docs("device").await.unwrap()), ["d1", "d3"]);
}
