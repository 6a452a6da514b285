use serde_json::Map;

use super::{MAIN, TestStore, user};
use crate::Session;

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
