use serde_json::json;

use super::TestStore;
use crate::DocChange;

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

#[tokio::test]
async fn changes_happen_together_and_a_kind_is_trimmed_to_its_newest() {
    let store = TestStore::new();
    for n in 0..5 {
        store.put_doc("log", &format!("{n}"), &json!(n)).await.unwrap();
    }
    store.put_doc("job", "a", &json!(1)).await.unwrap();
    let put = DocChange::Put { kind: "log".into(), id: "5".into(), body: json!(5) };
    let trim = DocChange::Trim { kind: "log".into(), keep: 2 };
    let delete = DocChange::Delete { kind: "job".into(), id: "a".into() };
    store.change_docs(vec![put, trim, delete]).await.unwrap();

    let (store, _) = store.reopen().await;
    let log = store.list_docs("log").await.unwrap();
    assert_eq!(log, [("4".into(), json!(4)), ("5".into(), json!(5))]);
    assert_eq!(store.list_docs("job").await.unwrap(), []);
}
