use serde_json::json;

use super::{MAIN, TestStore, assistant, begin, fields, finish, message, user};
use crate::{BeginRun, MediaRecord, Role, SessionChange, SessionPage, SessionQuery};

fn change(value: serde_json::Value) -> SessionChange {
    SessionChange { create: true, fields: fields(value), ..SessionChange::default() }
}

fn keys(page: &SessionPage) -> Vec<&str> {
    page.sessions.iter().map(|listed| listed.session.key.as_str()).collect()
}

#[tokio::test]
async fn fields_are_merged_and_null_removes() {
    let store = TestStore::new();
    let made = store
        .put_session("agent:work:main", change(json!({ "a": 1, "b": { "c": [2] } })))
        .await
        .unwrap();
    assert_eq!((made.agent_id.as_str(), made.message_count), ("work", 0));
    let touched = SessionChange {
        touch_ms: Some(i64::MAX),
        agent_id: Some("other".into()),
        ..change(json!({ "a": null, "d": "x", "never": null }))
    };
    let changed = store.put_session("agent:work:main", touched).await.unwrap();
    assert_eq!(changed.fields, fields(json!({ "b": { "c": [2] }, "d": "x" })));
    assert_eq!((changed.agent_id.as_str(), changed.updated_ms), ("other", i64::MAX));
    assert_eq!((&changed.session_id, changed.created_ms), (&made.session_id, made.created_ms));

    let (store, _) = store.reopen().await;
    assert_eq!(store.session("agent:work:main").await.unwrap(), Some(changed.clone()));
    assert_eq!(store.session_by_id(&made.session_id).await.unwrap(), Some(changed));
    assert!(store.session_by_id("none").await.unwrap().is_none());
}

#[tokio::test]
async fn activity_never_moves_back_and_a_patch_is_no_activity() {
    let store = TestStore::new();
    let at = |touch_ms| SessionChange { touch_ms, ..change(json!({})) };
    store.put_session(MAIN, at(Some(500))).await.unwrap();
    store.put_session(MAIN, at(Some(400))).await.unwrap();
    let session = store.put_session(MAIN, at(None)).await.unwrap();
    assert_eq!((session.created_ms, session.updated_ms), (500, 500));
}

#[tokio::test]
async fn a_missing_session_is_created_only_when_asked() {
    let store = TestStore::new();
    let error = store.put_session(MAIN, SessionChange::default()).await.unwrap_err();
    assert_eq!(
        (error.code(), error.to_string()),
        ("SESSION_UNKNOWN", format!("No session found: {MAIN}"))
    );
    assert!(store.session(MAIN).await.unwrap().is_none());
}

#[tokio::test]
async fn a_label_belongs_to_one_session() {
    let store = TestStore::new();
    let labelled =
        |label: &str| SessionChange { unique_label: Some(label.into()), ..change(json!({})) };
    store.put_session("agent:main:a", labelled("Work")).await.unwrap();
    store.put_session("agent:main:a", labelled("Work")).await.unwrap();
    let error = store.put_session("agent:main:b", labelled("Work")).await.unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("LABEL_IN_USE", "label already in use: Work")
    );
    let found = store.session_by_label("Work").await.unwrap().unwrap();
    assert_eq!((found.key.as_str(), &found.fields["label"]), ("agent:main:a", &json!("Work")));

    store.put_session("agent:main:a", change(json!({ "label": null }))).await.unwrap();
    store.put_session("agent:main:b", labelled("Work")).await.unwrap();
    assert_eq!(store.session_by_label("Work").await.unwrap().unwrap().key, "agent:main:b");
}

#[tokio::test]
async fn the_list_is_filtered_and_newest_first() {
    let store = TestStore::new();
    for (key, text, ts_ms) in [
        ("agent:main:a", "Über den Wolken", 1_000),
        ("agent:main:b", "50% of snake_case", 3_000),
        ("agent:work:c", "Reisekosten", 2_000),
    ] {
        store.append(key, message(Role::User, text, ts_ms)).await.unwrap();
    }
    store.put_session("agent:main:a", change(json!({ "label": "Flüge" }))).await.unwrap();

    let list = async |q: SessionQuery| {
        let page = store.sessions(q).await.unwrap();
        (keys(&page).join(" ").replace("agent:", ""), page.total)
    };
    let all = SessionQuery::default;
    let search = |text: &str| SessionQuery { search: Some(text.into()), ..all() };
    assert_eq!(list(all()).await, ("main:b work:c main:a".into(), 3));
    assert_eq!(list(SessionQuery { limit: 1, offset: 1, ..all() }).await, ("work:c".into(), 3));
    assert_eq!(
        list(SessionQuery { agent_id: Some("main".into()), ..all() }).await,
        ("main:b main:a".into(), 2)
    );
    assert_eq!(
        list(SessionQuery { label: Some("Flüge".into()), ..all() }).await,
        ("main:a".into(), 1)
    );
    assert_eq!(
        list(SessionQuery { updated_after_ms: Some(1_000), ..all() }).await,
        ("main:b work:c".into(), 2)
    );
    assert_eq!(list(search("ÜBER")).await, ("main:a".into(), 1));
    assert_eq!(list(search("FLÜGE")).await, ("main:a".into(), 1));
    assert_eq!(list(search("WORK:")).await, ("work:c".into(), 1));
    assert_eq!(list(search("50%")).await, ("main:b".into(), 1));
    assert_eq!(list(search("%")).await, ("main:b".into(), 1), "a wildcard is text");
    assert_eq!(list(search("e_c")).await, ("main:b".into(), 1));
    assert_eq!(list(search("\\")).await, (String::new(), 0));
    assert_eq!(list(search("")).await.1, 3);
}

#[tokio::test]
async fn the_list_shows_first_and_last_words() {
    let store = TestStore::new();
    store.append(MAIN, message(Role::System, "notice", 1)).await.unwrap();
    store.append(MAIN, user("  What is the time? ")).await.unwrap();
    store.append(MAIN, user("second")).await.unwrap();
    store.append(MAIN, assistant(&"noon ".repeat(500))).await.unwrap();
    store.append(MAIN, message(Role::ToolResult, "clock", 9)).await.unwrap();
    let with_last = SessionQuery { include_last_message: true, ..SessionQuery::default() };
    let listed = &store.sessions(with_last).await.unwrap().sessions[0];
    assert_eq!(listed.first_user_text.as_deref(), Some("What is the time?"));
    let last = listed.last_message_text.as_deref().unwrap();
    assert!(last.starts_with("noon noon") && last.chars().count() == 512);
    let without = &store.sessions(SessionQuery::default()).await.unwrap().sessions[0];
    assert_eq!(without.last_message_text, None);
}

#[tokio::test]
async fn deleting_a_session_removes_every_row() {
    let store = TestStore::new();
    let media = MediaRecord {
        id: "pic".into(),
        session_key: MAIN.into(),
        mime: "image/png".into(),
        kind: "image".into(),
        name: None,
        size: 9,
        created_ms: 5,
    };
    store.begin_run(BeginRun { media: vec![media.clone()], ..begin("r1", "one") }).await.unwrap();
    store.finish_run(finish("r1", vec![assistant("two")])).await.unwrap();
    store.reset_session(MAIN, message(Role::System, "Reset", 5), 5).await.unwrap();
    store.begin_run(begin("r2", "three")).await.unwrap();
    store.journal("r2", crate::Partial { text: "th".into(), thinking: None }).await.unwrap();

    let deleted = store.delete_session(MAIN).await.unwrap().unwrap();
    assert_eq!((deleted.messages, deleted.media), (4, vec![media]));
    assert_eq!(deleted.session.key, MAIN);
    let rest = "SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM transcripts)
        + (SELECT count(*) FROM messages) + (SELECT count(*) FROM messages_fts_docsize)
        + (SELECT count(*) FROM runs) + (SELECT count(*) FROM partials) + (SELECT count(*) FROM media)";
    assert_eq!(store.count(rest).await, 0);
    assert!(store.delete_session(MAIN).await.unwrap().is_none());
    assert_eq!(store.finish_run(finish("r2", vec![])).await.unwrap_err().code(), "RUN_UNKNOWN");
}
