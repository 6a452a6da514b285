use serde_json::json;
use serde_json::value::RawValue;

use super::{MAIN, TestStore, assistant, fields, message, user};
use crate::{HistoryPage, HistoryQuery, NewMessage, Role};

/// Fills the main session with `1..=count` in one transaction.
async fn filled(count: i64) -> TestStore {
    let store = TestStore::new();
    let fill = move |conn: &rusqlite::Connection| {
        let row = crate::sessions::ensure(conn, MAIN, None, 1)?;
        conn.execute(
            "WITH RECURSIVE n (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < ?2)
             INSERT INTO messages (transcript, seq, id, role, ts_ms, meta, text, body)
             SELECT ?1, seq, 'm' || seq, 'user', seq, '{}', '',
               json_object('role', 'user', 'content', 'message ' || seq) FROM n",
            [row.transcript, count],
        )?;
        conn.execute(
            "UPDATE transcripts SET message_count = ?2 WHERE id = ?1",
            [row.transcript, count],
        )?;
        Ok(())
    };
    store.inject(fill).await.unwrap();
    store
}

fn numbers(page: &HistoryPage) -> Vec<i64> {
    page.messages.iter().map(|message| message.seq).collect()
}

fn last(limit: usize) -> HistoryQuery {
    HistoryQuery { limit, ..HistoryQuery::default() }
}

#[tokio::test]
async fn a_message_comes_back_as_it_went_in() {
    let store = TestStore::new();
    let body =
        RawValue::from_string(r#"{ "role":"user",  "content":"ü\u0000 \"quoted\"" }"#.into())
            .unwrap();
    let new = NewMessage {
        id: Some("m-1".into()),
        run_id: Some("r-1".into()),
        idempotency_key: Some("r-1:user".into()),
        meta: fields(json!({ "kind": "test", "media": [{ "url": "media://inbound/x" }] })),
        ..NewMessage::new(Role::User, body, "ü\0 \"quoted\"", 5)
    };
    let stored = store.append(MAIN, new).await.unwrap();
    let (store, _) = store.reopen().await;
    let read = store.message(MAIN, "m-1").await.unwrap().unwrap();
    assert_eq!(format!("{read:?}"), format!("{stored:?}"));
    assert_eq!((read.seq, read.role, read.text.as_str()), (1, Role::User, "ü\0 \"quoted\""));
    assert_eq!(read.body.get(), r#"{ "role":"user",  "content":"ü\u0000 \"quoted\"" }"#);
    assert_eq!(read.idempotency_key.as_deref(), Some("r-1:user"));
    assert_eq!(read.meta["kind"], "test");
    assert!(store.message(MAIN, "other").await.unwrap().is_none());
    assert!(store.message("agent:main:other", "m-1").await.unwrap().is_none());
}

#[tokio::test]
async fn appending_creates_the_session_and_counts() {
    let store = TestStore::new();
    assert!(store.history(MAIN, last(5)).await.unwrap().session_id.is_none());
    let first = store.append(MAIN, user("one")).await.unwrap();
    let second = store.append(MAIN, message(Role::ToolResult, "two", 9_000)).await.unwrap();
    assert_eq!((first.seq, second.seq), (1, 2));
    assert_ne!(first.id, second.id);
    let session = store.session(MAIN).await.unwrap().unwrap();
    assert_eq!((session.message_count, session.created_ms, session.updated_ms), (2, 1_000, 9_000));
    let page = store.history(MAIN, last(5)).await.unwrap();
    assert_eq!(page.session_id, Some(session.session_id));
    assert_eq!(page.messages[1].role, Role::ToolResult);
}

#[tokio::test]
async fn an_id_is_unique_in_its_transcript() {
    let store = TestStore::new();
    let named = |text| NewMessage { id: Some("same".into()), ..user(text) };
    store.append(MAIN, named("first")).await.unwrap();
    let error = store.append(MAIN, named("second")).await.unwrap_err();
    assert_eq!((error.code(), error.retryable()), ("STORE_DUPLICATE", false));
    assert_eq!(
        store.session(MAIN).await.unwrap().unwrap().message_count,
        1,
        "the counter is undone too"
    );
    store.append("agent:main:other", named("elsewhere")).await.unwrap();
}

#[tokio::test]
async fn pages_of_a_long_transcript() {
    let store = filled(100_000).await;
    let page = store.history(MAIN, last(60)).await.unwrap();
    assert_eq!(numbers(&page), (99_941..=100_000).collect::<Vec<_>>());
    assert_eq!((page.total, page.has_more), (100_000, true));
    assert_eq!(page.messages[0].body.get(), r#"{"role":"user","content":"message 99941"}"#);

    let older = HistoryQuery { before_seq: Some(99_941), ..last(60) };
    assert_eq!(
        numbers(&store.history(MAIN, older).await.unwrap()),
        (99_881..=99_940).collect::<Vec<_>>()
    );
    let skipped = HistoryQuery { offset: Some(60), ..last(60) };
    assert_eq!(
        numbers(&store.history(MAIN, skipped).await.unwrap()),
        (99_881..=99_940).collect::<Vec<_>>()
    );

    let missed = HistoryQuery { after_seq: Some(99_997), ..last(60) };
    let missed = store.history(MAIN, missed).await.unwrap();
    assert_eq!((numbers(&missed), missed.has_more), (vec![99_998, 99_999, 100_000], false));

    let oldest = HistoryQuery { before_seq: Some(4), ..last(60) };
    let oldest = store.history(MAIN, oldest).await.unwrap();
    assert_eq!((numbers(&oldest), oldest.has_more), (vec![1, 2, 3], false));

    let beyond = HistoryQuery { offset: Some(u64::MAX), ..last(60) };
    let beyond = store.history(MAIN, beyond).await.unwrap();
    assert_eq!((numbers(&beyond), beyond.has_more, beyond.total), (vec![], false, 100_000));
}

#[tokio::test]
async fn a_page_is_read_through_the_index() {
    let store = filled(3).await;
    let plan = store.inject(|conn| {
        let mut explain =
            conn.prepare(&format!("EXPLAIN QUERY PLAN {}", crate::transcript::PAGE))?;
        let steps = explain.query_map([1, 0, 4, 60], |row| row.get::<_, String>(3))?;
        Ok(steps.collect::<Result<Vec<_>, _>>()?)
    });
    let expected = "SEARCH messages USING INDEX messages_seq (transcript=? AND seq>? AND seq<?)";
    assert_eq!(plan.await.unwrap(), [expected]);
}

#[tokio::test]
async fn a_byte_budget_drops_the_oldest_first() {
    let store = TestStore::new();
    for n in 0..5 {
        store.append(MAIN, user(&format!("{n}{}", "x".repeat(999)))).await.unwrap();
    }
    let within = |max_bytes| HistoryQuery { max_bytes: Some(max_bytes), ..HistoryQuery::default() };
    let page = store.history(MAIN, within(2_500)).await.unwrap();
    assert_eq!((numbers(&page), page.has_more, page.total), (vec![4, 5], true, 5));
    let tiny = store.history(MAIN, within(1)).await.unwrap();
    assert_eq!((numbers(&tiny), tiny.has_more), (vec![5], true));
    assert_eq!(store.history(MAIN, within(1 << 20)).await.unwrap().messages.len(), 5);
}

#[tokio::test]
async fn a_reset_starts_a_new_transcript_and_keeps_the_old_rows() {
    let store = TestStore::new();
    store.append(MAIN, user("old talk")).await.unwrap();
    let change = crate::SessionChange {
        fields: fields(
            json!({ "thinkingLevel": "high", "totalTokens": 9, "inputTokens": 5, "outputTokens": 4 }),
        ),
        ..Default::default()
    };
    let before = store.put_session(MAIN, change).await.unwrap();
    let after =
        store.reset_session(MAIN, message(Role::System, "Reset", 4_000), 4_000).await.unwrap();
    assert_eq!(after.session_id, before.session_id);
    assert_ne!(after.lifecycle_revision, before.lifecycle_revision);
    assert_eq!(after.fields, fields(json!({ "thinkingLevel": "high" })));
    assert_eq!((after.message_count, after.updated_ms), (1, 4_000));

    let (store, _) = store.reopen().await;
    assert_eq!(store.session(MAIN).await.unwrap(), Some(after));
    assert_eq!(store.append(MAIN, assistant("new talk")).await.unwrap().seq, 2);
    assert_eq!(store.texts(MAIN).await, ["Reset", "new talk"]);
    assert!(store.search("old", 5).await.unwrap().is_empty());
    assert_eq!(store.count("SELECT count(*) FROM messages").await, 3);
    store.reset_session("agent:main:fresh", message(Role::System, "Reset", 1), 1).await.unwrap();
    assert_eq!(store.texts("agent:main:fresh").await, ["Reset"]);
}
