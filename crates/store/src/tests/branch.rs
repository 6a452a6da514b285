use serde_json::json;

use super::{MAIN, TestStore, assistant, begin, finish, message, user};
use crate::{Keep, MessageCount, Role};

async fn said(store: &TestStore, texts: &[&str]) {
    for (n, text) in texts.iter().enumerate() {
        let row = if n % 2 == 0 { user(text) } else { assistant(text) };
        store.append(MAIN, row).await.unwrap();
    }
}

#[tokio::test]
async fn going_back_keeps_the_earlier_branch() {
    let store = TestStore::new();
    said(&store, &["q1", "a1", "q2", "a2"]).await;
    let back = store.branch_session(MAIN, Keep::Before(3), 5_000).await.unwrap();
    assert_eq!(back.message_count, 2);
    assert_eq!(store.texts(MAIN).await, ["q1", "a1"]);
    store.append(MAIN, user("q3")).await.unwrap();
    let (store, _) = store.reopen().await;
    assert_eq!(store.texts(MAIN).await, ["q1", "a1", "q3"]);
    let branches = store.branches(MAIN).await.unwrap();
    let shape: Vec<_> = branches.iter().map(|b| (b.message_count, b.current)).collect();
    assert_eq!(shape, [(3, true), (4, false)]);

    let old = store.switch_branch(MAIN, &branches[1].leaf_id, 6_000).await.unwrap().unwrap();
    assert_ne!(old.lifecycle_revision, back.lifecycle_revision);
    assert_eq!(store.texts(MAIN).await, ["q1", "a1", "q2", "a2"]);
    assert!(store.switch_branch(MAIN, "nothing", 6_000).await.unwrap().is_none());
    // Numbers of transcripts are never used twice.
    store.reset_session(MAIN, message(Role::System, "Reset", 7_000), 7_000).await.unwrap();
    assert_eq!(store.texts(MAIN).await, ["Reset"]);
    assert_eq!(store.branches(MAIN).await.unwrap().len(), 3);
}

#[tokio::test]
async fn an_answer_stored_after_a_queued_message_is_no_part_of_it() {
    let store = TestStore::new();
    store.begin_run(begin("r1", "q1")).await.unwrap();
    store.begin_run(begin("r2", "q2")).await.unwrap();
    store.finish_run(finish("r1", vec![assistant("a1")])).await.unwrap();
    store.finish_run(finish("r2", vec![assistant("a2")])).await.unwrap();
    assert_eq!(store.texts(MAIN).await, ["q1", "q2", "a1", "a2"]);
    store.branch_session(MAIN, Keep::Before(2), 5_000).await.unwrap();
    assert_eq!(store.texts(MAIN).await, ["q1", "a1"]);
    let next = store.append(MAIN, user("q3")).await.unwrap();
    assert_eq!(next.seq, 3);
}

#[tokio::test]
async fn a_shortened_conversation_keeps_its_newest_rows_and_its_title() {
    let store = TestStore::new();
    said(&store, &["the title", "a1", "q2", "a2"]).await;
    store.branch_session(MAIN, Keep::Last(2), 5_000).await.unwrap();
    assert_eq!(store.texts(MAIN).await, ["q2", "a2"]);
    let listed = store.sessions(crate::SessionQuery::default()).await.unwrap();
    assert_eq!(listed.sessions[0].first_user_text.as_deref(), Some("the title"));
    assert_eq!(store.search("a2", 10).await.unwrap().len(), 1);
    assert_eq!(store.search("a1", 10).await.unwrap().len(), 0);
}

#[tokio::test]
async fn usage_counts_runs_and_messages_once() {
    let store = TestStore::new();
    store.begin_run(begin("r1", "q1")).await.unwrap();
    let mut end = finish("r1", vec![assistant("a1")]);
    end.result = Some(json!({"usage": {"input": 3}, "provider": "p", "model": "m"}));
    store.finish_run(end).await.unwrap();
    store.branch_session(MAIN, Keep::Last(9), 5_000).await.unwrap();
    let runs = store.usage(0..10_000, None).await.unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].usage, Some(json!({"input": 3})));
    assert_eq!(runs[0].model.as_deref(), Some("m"));
    assert!(store.usage(0..10_000, Some("other")).await.unwrap().is_empty());
    assert!(store.usage(3_001..10_000, None).await.unwrap().is_empty());
    let count = |role: &str| MessageCount { role: role.into(), tool: None, count: 1 };
    let counts = store.message_counts(0..10_000, Some(MAIN)).await.unwrap();
    assert_eq!(counts, [count("assistant"), count("user")]);
}
