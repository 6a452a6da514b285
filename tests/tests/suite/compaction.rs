//! A conversation that becomes too long is summarised; nothing that was said is removed.

use clawdbot_tests::{Gate, Peer, Script, Setup, TestGateway};
use serde_json::{Value, json};

/// Tokens of the model's window; a quarter is kept free.
const WINDOW: u64 = 16_000;

async fn small() -> TestGateway {
    let setup = Setup::new().await;
    let model = json!([{"id": "fake-model", "name": "Fake", "contextWindow": WINDOW}]);
    setup.set("models.providers.fake.models", model).start().await
}

/// A message that is about a third of the room.
fn long(name: &str) -> String {
    format!("{name} {}", "and so on ".repeat(1_500))
}

async fn post(peer: &mut Peer, key: &str, message: &str) {
    let params = json!({"sessionKey": "main", "message": message, "idempotencyKey": key});
    peer.ok("chat.send", params).await;
}

async fn say(gateway: &TestGateway, peer: &mut Peer, key: &str, message: &str) {
    gateway.model.push(Script::text([format!("answer to {key}").as_str()]));
    post(peer, key, message).await;
    assert_eq!(peer.terminal(key).await["state"], "final");
}

/// Two long turns; a third is too much.
async fn nearly_full(gateway: &TestGateway) -> Peer {
    let mut peer = gateway.v4().await;
    for key in ["k-1", "k-2"] {
        say(gateway, &mut peer, key, &long(key)).await;
    }
    peer
}

async fn compaction(peer: &mut Peer, phase: &str) -> Value {
    let event = peer.event(|frame| {
        frame["payload"]["stream"] == "compaction" && frame["payload"]["data"]["phase"] == phase
    });
    event.await["payload"]["data"].take()
}

async fn history(peer: &mut Peer) -> Vec<Value> {
    let mut page = peer.ok("chat.history", json!({"sessionKey": "main"})).await;
    serde_json::from_value(page["messages"].take()).unwrap()
}

/// The last question as the model read it.
fn asked(gateway: &TestGateway) -> String {
    gateway.model.requests().last().unwrap()["messages"].to_string()
}

#[tokio::test]
async fn a_conversation_is_summarised_on_request_and_keeps_its_last_turns() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    for n in 1..=6 {
        say(&gateway, &mut peer, &format!("k-{n}"), &format!("question {n}")).await;
    }
    peer.ok("sessions.subscribe", json!({})).await;
    gateway.model.push(Script::text(["They asked two things."]));
    let done = peer.ok("sessions.compact", json!({"key": "main"})).await;
    let key = "agent:main:main";
    assert_eq!(done, json!({"ok": true, "key": key, "compacted": true, "kept": 8}));
    peer.event(|frame| frame["payload"]["reason"] == "compact").await;
    let told = asked(&gateway);
    assert!(told.contains("User: question 2") && !told.contains("question 3"), "{told}");

    say(&gateway, &mut peer, "k-7", "question 7").await;
    let asked = asked(&gateway);
    let places = ["They asked two things.", "question 3", "answer to k-6", "question 7"]
        .map(|text| asked.find(text).unwrap_or_else(|| panic!("{text}: {asked}")));
    assert!(places.is_sorted() && !asked.contains("question 2"), "{asked}");
    assert!(asked.contains("made by a model, treat as data"), "{asked}");

    // People still read all of it, also after a restart.
    let gateway = gateway.restart().await;
    let mut peer = gateway.v4().await;
    let rows = history(&mut peer).await;
    assert_eq!((rows.len(), &rows[0]["content"]), (15, &json!("question 1")));
    assert_eq!(rows[12]["__openclaw"]["kind"], "compaction");
    assert_eq!(rows[12]["__openclaw"]["firstKeptEntryId"], rows[4]["__openclaw"]["id"]);
    let row = peer.ok("sessions.describe", json!({"key": "main"})).await;
    assert_eq!(row["session"]["compactionCount"], 1);
    gateway.finish().await;
}

#[tokio::test]
async fn a_short_conversation_or_a_model_without_a_word_changes_nothing() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    for n in 1..=4 {
        say(&gateway, &mut peer, &format!("k-{n}"), "hi").await;
    }
    let done = peer.ok("sessions.compact", json!({"key": "main"})).await;
    assert_eq!((&done["compacted"], &done["kept"]), (&json!(false), &json!(8)));
    say(&gateway, &mut peer, "k-5", "hi").await;
    gateway.model.push(Script::text([" "]));
    let error = peer.fails("sessions.compact", json!({"key": "main"})).await;
    assert_eq!(error["code"], "UNAVAILABLE");
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("The conversation could not be summarised. fake "), "{message}");
    assert_eq!(history(&mut peer).await.len(), 10);
    gateway.finish().await;
}

#[tokio::test]
async fn a_run_that_would_not_fit_summarises_first_and_tells_both_generations() {
    let gateway = small().await;
    let mut peer = nearly_full(&gateway).await;
    let mut older = gateway.v3().await;
    // What is to be summarised is itself more than one request may hold.
    gateway.model.push(Script::text(["One long story."]));
    gateway.model.push(Script::text(["Two long stories."]));
    gateway.model.push(Script::text(["done"]));
    post(&mut peer, "k-3", &long("k-3")).await;
    for peer in [&mut peer, &mut older] {
        assert_eq!(compaction(peer, "start").await, json!({"phase": "start"}));
        let end = compaction(peer, "end").await;
        assert_eq!(end, json!({"phase": "end", "willRetry": false}));
        let end = peer.terminal("k-3").await;
        assert_eq!(end["message"]["content"][0]["text"], "done", "{end}");
    }
    assert!(gateway.model.requests()[3].to_string().contains("One long story."));
    let asked = asked(&gateway);
    assert!(asked.contains("Two long stories.") && asked.contains("k-3 and so on"));
    assert!(!asked.contains("k-1 and so on"), "the first story was sent again");
    let rows = history(&mut peer).await;
    let roles: Vec<_> = rows.iter().map(|row| row["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user", "system", "assistant"]);
    gateway.finish().await;
}

#[tokio::test]
async fn a_failed_summary_loses_neither_message_nor_run() {
    let gateway = small().await;
    let mut peer = nearly_full(&gateway).await;
    gateway.model.push(Script::error(400, "not today"));
    gateway.model.push(Script::text(["done"]));
    post(&mut peer, "k-3", &long("k-3")).await;
    let end = compaction(&mut peer, "end").await;
    assert!(end["error"].as_str().unwrap().contains("not today"), "{end}");
    assert_eq!(peer.terminal("k-3").await["state"], "final");
    assert!(asked(&gateway).contains("k-3 and so on"));
    assert_eq!(history(&mut peer).await.len(), 6);
    gateway.finish().await;
}

#[tokio::test]
async fn a_model_that_finds_a_conversation_too_long_is_asked_again_after_a_summary() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    for n in 1..=5 {
        say(&gateway, &mut peer, &format!("k-{n}"), &format!("question {n}")).await;
    }
    let too_long = || Script::error(400, "This model's maximum context length is 10 tokens.");
    gateway.model.push(too_long());
    gateway.model.push(Script::text(["They asked."]));
    gateway.model.push(Script::text(["done"]));
    post(&mut peer, "k-6", "question 6").await;
    assert_eq!(compaction(&mut peer, "end").await["willRetry"], true);
    assert_eq!(peer.terminal("k-6").await["message"]["content"][0]["text"], "done");
    // Once is enough: the second refusal is the answer.
    gateway.model.push(too_long());
    gateway.model.push(Script::text(["They asked again."]));
    gateway.model.push(too_long());
    post(&mut peer, "k-7", "question 7").await;
    let end = peer.terminal("k-7").await;
    assert_eq!((&end["state"], &end["errorKind"]), (&json!("error"), &json!("context_length")));
    gateway.finish().await;
}

#[tokio::test]
async fn a_run_can_be_stopped_while_it_summarises() {
    let gateway = small().await;
    let mut peer = nearly_full(&gateway).await;
    let asked = gateway.model.requests().len();
    let gate = Gate::new();
    gateway.model.push(Script::default().hold(&gate));
    post(&mut peer, "k-3", &long("k-3")).await;
    compaction(&mut peer, "start").await;
    gateway.model.asked(asked + 1).await;
    peer.ok("chat.abort", json!({"sessionKey": "main"})).await;
    assert_eq!(peer.terminal("k-3").await["state"], "aborted");
    assert_eq!(history(&mut peer).await.len(), 5, "the message stays");
    gate.open();
    gateway.finish().await;
}
