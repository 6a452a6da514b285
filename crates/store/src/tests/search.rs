use super::{MAIN, TestStore, assistant, user};

async fn found(store: &TestStore, text: &str) -> Vec<String> {
    let hits = store.search(text, 10).await.unwrap();
    hits.into_iter().map(|hit| format!("{}#{}", hit.session_key, hit.seq)).collect()
}

#[tokio::test]
async fn words_are_found_newest_first() {
    let store = TestStore::new();
    store.append(MAIN, user("How do I bake Brötchen at home?")).await.unwrap();
    store.append(MAIN, assistant("Mix flour and yeast, then bake.")).await.unwrap();
    store.append("agent:main:b", user("bake a cake")).await.unwrap();

    assert_eq!(
        found(&store, "bake").await,
        ["agent:main:b#1", "agent:main:main#2", "agent:main:main#1"]
    );
    assert_eq!(found(&store, "BAKE flour").await, ["agent:main:main#2"]);
    assert_eq!(found(&store, "brotch").await, ["agent:main:main#1"], "accents, start of a word");
    assert!(found(&store, "bake plane").await.is_empty());
    let hit = &store.search("cake", 1).await.unwrap()[0];
    assert_eq!((hit.snippet.as_str(), hit.ts_ms), ("bake a cake", 1_000));
    assert_eq!(
        store.message("agent:main:b", &hit.message_id).await.unwrap().unwrap().text,
        "bake a cake"
    );
    assert_eq!(store.search("bake", 2).await.unwrap().len(), 2);
}

#[tokio::test]
async fn nothing_a_person_types_is_query_syntax() {
    let store = TestStore::new();
    store.append(MAIN, user("plain words AND near text:column don't \"quote\"")).await.unwrap();
    for text in
        ["AND", "\"quote\"", "don't", "text:column", "near", "plain*", "words AND", "(plain)"]
    {
        assert_eq!(found(&store, text).await.len(), 1, "{text}");
    }
    let hostile = [
        "",
        " ",
        "\"",
        "***",
        "NOT",
        "a OR b",
        "^x",
        "\0",
        "x\0\"",
        "-",
        "{a b}:c",
        "NEAR(a b)",
        "'; DROP TABLE messages; --",
    ];
    for text in hostile {
        assert!(found(&store, text).await.is_empty(), "{text:?}");
    }
    assert!(found(&store, &"plain ".repeat(10_000)).await.len() == 1);
}

#[tokio::test]
async fn deleted_sessions_are_not_found() {
    let store = TestStore::new();
    store.append(MAIN, user("secret plan")).await.unwrap();
    store.append("agent:main:b", user("public plan")).await.unwrap();
    store.delete_session(MAIN).await.unwrap().unwrap();
    assert_eq!(found(&store, "plan").await, ["agent:main:b#1"]);
    store
        .sql("INSERT INTO messages_fts (messages_fts, rank) VALUES ('integrity-check', 1)")
        .await
        .unwrap();
}
