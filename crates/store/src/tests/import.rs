use std::fs;

use serde_json::{Map, json};

use super::{MAIN, TestStore, user};
use crate::{OldState, Session};

async fn import(store: &TestStore, session_id: &str, key: &str, text: &str) -> Option<Session> {
    let staged = store.stage(session_id, "main").await.unwrap()?;
    staged.append(vec![user(text)]).await.unwrap();
    let otherwise = format!("agent:main:imported-{session_id}");
    Some(staged.publish(key.into(), otherwise, Map::new(), 7_000).await.unwrap())
}

#[tokio::test]
async fn an_import_that_was_cut_off_starts_over_where_it_was() {
    let store = TestStore::new();
    assert!(store.begin_import().await.unwrap());
    import(&store, "one", MAIN, "first").await.unwrap();
    let half = store.stage("two", "main").await.unwrap().unwrap();
    half.append(vec![user("half")]).await.unwrap();
    // Nobody sees it before it is whole.
    assert_eq!(store.sessions(crate::SessionQuery::default()).await.unwrap().total, 1);
    assert!(store.session_by_id("two").await.unwrap().is_none());
    assert!(store.search("half", 5).await.unwrap().is_empty());
    drop(half);
    let (store, _) = store.reopen().await;
    assert!(store.begin_import().await.unwrap());
    assert!(import(&store, "one", MAIN, "first").await.is_none(), "imported already");
    import(&store, "two", "agent:main:two", "whole").await.unwrap();
    assert_eq!(store.texts("agent:main:two").await, ["whole"]);
    assert_eq!(store.texts(MAIN).await, ["first"]);
    store.finish_import(Map::new()).await.unwrap();
    assert!(!store.begin_import().await.unwrap());
    let (store, _) = store.reopen().await;
    assert!(!store.begin_import().await.unwrap());
}

#[tokio::test]
async fn what_was_deleted_while_the_import_went_on_is_not_brought_back() {
    let store = TestStore::new();
    assert!(store.begin_import().await.unwrap());
    import(&store, "one", MAIN, "first").await.unwrap();
    store.delete_session(MAIN).await.unwrap().unwrap();
    assert!(import(&store, "one", MAIN, "first").await.is_none());
}

#[tokio::test]
async fn documents_are_imported_once_and_the_first_of_one_id_counts() {
    let store = TestStore::new();
    assert!(store.begin_import().await.unwrap());
    let docs = |id: &str| vec![("d", id.to_owned(), json!(1)), ("d", id.to_owned(), json!(2))];
    assert!(store.import_docs(docs("a"), Map::new()).await.unwrap());
    assert_eq!(store.list_docs("d").await.unwrap(), [("a".to_owned(), json!(1))]);
    store.delete_doc("d", "a").await.unwrap();
    let (store, _) = store.reopen().await;
    assert!(store.begin_import().await.unwrap(), "the conversations are still to come");
    assert!(!store.import_docs(docs("a"), Map::new()).await.unwrap());
    assert!(store.list_docs("d").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_conversation_that_has_begun_meanwhile_keeps_its_key() {
    let store = TestStore::new();
    assert!(store.begin_import().await.unwrap());
    store.append(MAIN, user("new")).await.unwrap();
    let imported = import(&store, "one", MAIN, "old").await.unwrap();
    assert_eq!(imported.key, "agent:main:imported-one");
    assert_eq!((imported.created_ms, imported.updated_ms), (1_000, 7_000));
    assert_eq!(store.texts(MAIN).await, ["new"]);
    assert_eq!(store.texts(&imported.key).await, ["old"]);
}

#[tokio::test]
async fn a_database_that_is_in_use_is_declined_for_good() {
    let store = TestStore::new();
    store.append(MAIN, user("mine")).await.unwrap();
    assert!(!store.begin_import().await.unwrap());
    store.delete_session(MAIN).await.unwrap().unwrap();
    assert!(!store.begin_import().await.unwrap());
}

#[test]
fn a_transcript_lies_in_its_agents_own_directory_fs_01() {
    let dir = tempfile::tempdir().unwrap();
    let sessions = dir.path().join("agents/main/sessions");
    fs::create_dir_all(&sessions).unwrap();
    fs::write(sessions.join("usual.jsonl"), "{\"type\":\"session\"}\n").unwrap();
    let line = json!({"message": {"role": "user", "content": "elsewhere"}}).to_string();
    fs::write(sessions.join("named.jsonl"), line).unwrap();
    for (file, named) in [
        ("named.jsonl", true),
        ("/home/old/.clawdbot/agents/main/sessions/named.jsonl", true),
        ("agents/main/sessions/named.jsonl", true),
        ("../sessions/named.jsonl", false),
        ("/home/old/agents/main/sessions/../sessions/named.jsonl", false),
        ("agents/other/sessions/named.jsonl", false),
        ("/named.jsonl", false),
        ("..\\named.jsonl", false),
        ("named.jsonl/", true),
        ("named.json", false),
        (".jsonl", false),
        ("", false),
    ] {
        let list = json!({"k": {"sessionId": "usual", "sessionFile": file}}).to_string();
        fs::write(sessions.join("sessions.json"), list).unwrap();
        let all = OldState::at(dir.path()).unwrap().sessions();
        let batch = all[0].open().unwrap().unwrap().next_batch().unwrap();
        assert_eq!(!batch.messages.is_empty(), named, "{file:?}");
    }
}

#[test]
fn only_the_line_of_the_original_is_cut_from_a_message() {
    let dir = tempfile::tempdir().unwrap();
    let sessions = dir.path().join("agents/main/sessions");
    fs::create_dir_all(&sessions).unwrap();
    fs::write(sessions.join("sessions.json"), json!({"k": {"sessionId": "s"}}).to_string())
        .unwrap();
    let cases = [
        ("hi\n[message_id: 1]", "hi"),
        ("hi\n[message_id: 1]\n", "hi"),
        ("[message_id: 1]", ""),
        ("hi [message_id: 1]", "hi [message_id: 1]"),
        ("[message_id: 1]\nhi", "[message_id: 1]\nhi"),
        ("a\n\n[message_id: x] [y]", "a\n\n[message_id: x] [y]"),
    ];
    let line = |text: &str| json!({"message": {"role": "user", "content": text}}).to_string();
    let lines: Vec<String> = cases.iter().map(|(text, _)| line(text)).collect();
    fs::write(sessions.join("s.jsonl"), lines.join("\r\n")).unwrap();
    let all = OldState::at(dir.path()).unwrap().sessions();
    let batch = all[0].open().unwrap().unwrap().next_batch().unwrap();
    assert!(batch.end && batch.damaged == 0);
    let texts: Vec<_> = batch.messages.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, cases.map(|(_, want)| want));
}

#[test]
fn jobs_are_read_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("cron")).unwrap();
    let job = json!({"id": "j-1", "name": "wake", "schedule": {"kind": "every", "everyMs": 1}});
    let list = json!({"version": 1, "jobs": [job, {"id": "../x"}, {"name": "no id"}, 5]});
    fs::write(dir.path().join("cron/jobs.json"), list.to_string()).unwrap();
    assert_eq!(OldState::at(dir.path()).unwrap().jobs(), [("j-1".to_owned(), job)]);
}
