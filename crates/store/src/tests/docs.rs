use serde_json::json;

use super::TestStore;

#[tokio::test]
async fn documents_are_kept_by_kind_and_id() {
    let store = TestStore::new();
    store.put_doc("device", "b", &json!({ "n": 1 })).await.unwrap();
    store.put_doc("device", "a", &json!([1, null, "x"])).await.unwrap();
    store.put_doc("cron", "a", &json!(true)).await.unwrap();
    store.put_doc("device", "b", &json!({ "n": 2 })).await.unwrap();

    let (store, _) = store.reopen().await;
    let devices = store.list_docs("device").await.unwrap();
    assert_eq!(devices, [("a".into(), json!([1, null, "x"])), ("b".into(), json!({ "n": 2 }))]);
    assert_eq!(store.get_doc("cron", "a").await.unwrap(), Some(json!(true)));
    assert!(store.delete_doc("device", "a").await.unwrap());
    assert!(!store.delete_doc("device", "a").await.unwrap());
    assert_eq!(store.get_doc("device", "a").await.unwrap(), None);
    assert_eq!(store.list_docs("none").await.unwrap(), []);
}
