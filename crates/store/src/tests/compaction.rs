use super::*;
use crate::{ContextQuery, Keep};

const ALL: ContextQuery = ContextQuery { through: None, limit: 100, max_bytes: u64::MAX };

async fn texts_for_a_model(store: &Store) -> (Option<String>, Vec<String>) {
    let context = store.context(MAIN, ALL).await.unwrap();
    assert!(!context.cut);
    let texts = context.messages.into_iter().map(|message| message.text).collect();
    (context.summary.map(|summary| summary.text), texts)
}

/// q1 a1 q2 a2 with a summary of the first two.
async fn summarised() -> TestStore {
    let store = TestStore::new();
    for text in ["q1", "q2"] {
        store.append(MAIN, user(text)).await.unwrap();
        store.append(MAIN, assistant(&text.replace('q', "a"))).await.unwrap();
    }
    let page = store.history(MAIN, HistoryQuery::default()).await.unwrap();
    let revision = store.session(MAIN).await.unwrap().unwrap().lifecycle_revision;
    let kept = &page.messages[2].id;
    let note = message(Role::System, "they met", 3_000);
    let (_, session) = store.summarize(MAIN, &revision, kept, note).await.unwrap().unwrap();
    assert_eq!((&session.fields["compactionCount"], session.message_count), (&json!(1), 5));
    store
}

#[tokio::test]
async fn a_summary_stands_for_what_came_before_and_removes_nothing() {
    let store = summarised().await;
    store.append(MAIN, user("q3")).await.unwrap();
    let (summary, texts) = texts_for_a_model(&store).await;
    assert_eq!(
        (summary.as_deref(), texts),
        (Some("they met"), vec!["q2".into(), "a2".into(), "q3".into()])
    );
    assert_eq!(store.texts(MAIN).await, ["q1", "a1", "q2", "a2", "they met", "q3"]);
}

#[tokio::test]
async fn going_back_before_a_summary_undoes_it_and_shortening_keeps_it() {
    let store = summarised().await;
    store.branch_session(MAIN, Keep::Last(2), 4_000).await.unwrap();
    assert_eq!(texts_for_a_model(&store).await, (Some("they met".into()), vec!["a2".into()]));
    let store = summarised().await;
    store.branch_session(MAIN, Keep::Before(4), 4_000).await.unwrap();
    let all = ["q1", "a1", "q2"].map(str::to_owned).to_vec();
    assert_eq!(texts_for_a_model(&store).await, (None, all));
}

#[tokio::test]
async fn what_does_not_fit_is_said_to_be_missing() {
    let store = summarised().await;
    let context = store.context(MAIN, ContextQuery { limit: 1, ..ALL }).await.unwrap();
    assert_eq!((context.messages[0].text.as_str(), context.cut), ("a2", true));
    let context = store.context(MAIN, ContextQuery { max_bytes: 1, ..ALL }).await.unwrap();
    assert_eq!((context.messages.len(), context.cut), (1, true));
    let context = store.context(MAIN, ContextQuery { through: Some(2), ..ALL }).await.unwrap();
    assert_eq!(context.messages.len(), 1, "q2 was said later, a2 answers somebody");
}

#[tokio::test]
async fn a_summary_of_another_transcript_is_not_added() {
    let store = summarised().await;
    let before = store.session(MAIN).await.unwrap().unwrap().lifecycle_revision;
    store.reset_session(MAIN, message(Role::System, "Reset", 5), 5).await.unwrap();
    let note = message(Role::System, "late", 6);
    assert!(store.summarize(MAIN, &before, "x", note).await.unwrap().is_none());
    assert_eq!(store.texts(MAIN).await, ["Reset"]);
}
