use std::sync::mpsc;

use tokio::task::JoinSet;

use super::{MAIN, TestStore, fields, user};
use crate::{SessionChange, Store, StoreError};

/// Holds the writer inside a job until the returned sender is used, so that jobs pile up.
async fn hold(store: &TestStore) -> (mpsc::Sender<()>, tokio::task::JoinHandle<()>) {
    let (release, released) = mpsc::channel();
    let (started, running) = tokio::sync::oneshot::channel();
    let handle: Store = store.store.clone();
    let job = tokio::spawn(async move {
        let work = move |_: &rusqlite::Connection| {
            let _ = started.send(());
            let _ = released.recv();
            Ok(())
        };
        handle.writer.run(work).await.unwrap();
    });
    running.await.unwrap();
    (release, job)
}

fn label(key: &str, label: &str) -> (String, SessionChange) {
    let change = SessionChange {
        create: true,
        unique_label: Some(label.into()),
        ..SessionChange::default()
    };
    (key.into(), change)
}

#[tokio::test]
async fn writes_that_arrive_together_share_a_commit() {
    let store = TestStore::new();
    let (release, held) = hold(&store).await;
    let before = store.commits();
    let mut appends = JoinSet::new();
    for n in 0..64 {
        let store = store.store.clone();
        appends.spawn(async move { store.append(MAIN, user(&n.to_string())).await.unwrap().seq });
    }
    tokio::task::yield_now().await;
    release.send(()).unwrap();
    held.await.unwrap();
    let mut numbers = appends.join_all().await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=64).collect::<Vec<i64>>());
    assert!(store.commits() - before <= 4, "{} commits", store.commits() - before);
}

#[tokio::test]
async fn a_failing_job_leaves_its_neighbours_alone() {
    let store = TestStore::new();
    let (taken, change) = label("agent:main:a", "Work");
    store.put_session(&taken, change).await.unwrap();
    let (release, held) = hold(&store).await;
    let before = store.commits();
    let (key, mut clash) = label("agent:main:b", "Work");
    clash.fields = fields(serde_json::json!({ "thinkingLevel": "high" }));
    let (first, refused, last, ()) = tokio::join!(
        store.append(MAIN, user("first")),
        store.put_session(&key, clash),
        store.append(MAIN, user("last")),
        async { release.send(()).unwrap() },
    );
    held.await.unwrap();
    assert_eq!((first.unwrap().seq, last.unwrap().seq), (1, 2));
    assert_eq!(refused.unwrap_err().code(), "LABEL_IN_USE");
    assert!(
        store.session("agent:main:b").await.unwrap().is_none(),
        "the failed job left a session"
    );
    assert_eq!(store.commits() - before, 2, "the held job and one group");
}

#[tokio::test]
async fn a_failed_commit_fails_the_group_and_the_next_one_works() {
    let store = TestStore::new();
    let (release, held) = hold(&store).await;
    let orphan = "PRAGMA defer_foreign_keys = ON; INSERT INTO transcripts (session, generation) VALUES (99, 1)";
    let (innocent, guilty, ()) =
        tokio::join!(store.append(MAIN, user("lost")), store.sql(orphan), async {
            release.send(()).unwrap()
        },);
    held.await.unwrap();
    assert!(innocent.is_err() && guilty.is_err());
    assert!(store.session(MAIN).await.unwrap().is_none());
    assert_eq!(store.append(MAIN, user("kept")).await.unwrap().seq, 1);
}

#[tokio::test]
async fn when_sqlite_gives_up_the_transaction_later_jobs_get_a_new_one() {
    let store = TestStore::new();
    let (release, held) = hold(&store).await;
    let give_up = store.inject::<()>(|conn| {
        conn.execute_batch("ROLLBACK")?;
        Err(StoreError::Full(std::sync::Arc::new(std::io::Error::other("injected"))))
    });
    let (before, failed, after, ()) = tokio::join!(
        store.append(MAIN, user("before")),
        give_up,
        store.append(MAIN, user("after")),
        async { release.send(()).unwrap() },
    );
    held.await.unwrap();
    assert_eq!(before.unwrap_err().code(), "STORE_FULL");
    assert_eq!(failed.unwrap_err().code(), "STORE_FULL");
    assert_eq!(after.unwrap().seq, 1);
    assert_eq!(store.texts(MAIN).await, ["after"]);
}

#[tokio::test]
async fn a_full_disk_is_reported_and_heals() {
    let store = TestStore::new();
    store.append(MAIN, user("before")).await.unwrap();
    store.sql("PRAGMA max_page_count = 1").await.unwrap();
    let error = store.append(MAIN, user(&"long ".repeat(20_000))).await.unwrap_err();
    assert_eq!((error.code(), error.retryable()), ("STORE_FULL", true));
    assert!(error.to_string().contains("disk is full"));
    assert_eq!(store.texts(MAIN).await, ["before"], "reading goes on");

    store.sql("PRAGMA max_page_count = 1000000").await.unwrap();
    assert_eq!(store.append(MAIN, user("after")).await.unwrap().seq, 2);
}

#[tokio::test]
async fn closing_writes_what_is_queued_and_empties_the_log() {
    let store = TestStore::new();
    let (release, held) = hold(&store).await;
    let (appended, closed, ()) =
        tokio::join!(store.append(MAIN, user("queued")), store.close(), async {
            release.send(()).unwrap()
        },);
    held.await.unwrap();
    appended.unwrap();
    closed.unwrap();
    assert!(!store.path().with_extension("db-wal").exists());

    assert_eq!(store.append(MAIN, user("late")).await.unwrap_err().code(), "STORE_CLOSED");
    assert_eq!(store.session(MAIN).await.unwrap_err().code(), "STORE_CLOSED");
    store.close().await.unwrap();
    let (store, _) = store.reopen().await;
    assert_eq!(store.texts(MAIN).await, ["queued"]);
}

#[tokio::test]
async fn dropping_the_last_handle_keeps_what_was_queued_and_frees_the_file() {
    let TestStore { store, dir } = TestStore::new();
    store.append(MAIN, user("kept")).await.unwrap();
    drop(store);
    let (store, _) = Store::open(&super::database(dir.path())).unwrap();
    assert_eq!(TestStore { store, dir }.texts(MAIN).await, ["kept"]);
}

#[tokio::test]
async fn a_second_opener_is_refused() {
    let store = TestStore::new();
    let error = Store::open(&store.path()).unwrap_err();
    assert_eq!((error.code(), error.retryable()), ("STORE_BUSY", true));
    store.append(MAIN, user("unharmed")).await.unwrap();
}

#[tokio::test]
async fn the_writing_connection_is_durable_and_small() {
    let store = TestStore::new();
    for (pragma, expected) in [
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("cache_size", -512),
        ("temp_store", 2),
        ("secure_delete", 1),
    ] {
        let value = store
            .inject(move |conn| {
                Ok(conn.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))?)
            })
            .await;
        assert_eq!(value.unwrap(), expected, "{pragma}");
    }
    let mode = store.inject(|conn| {
        Ok(conn.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0))?)
    });
    assert_eq!(mode.await.unwrap(), "wal");
}
