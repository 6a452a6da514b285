//! Protocol §13: stopping, queueing, parallel conversations.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clawdbot_tests::{Gate, Script, TestGateway};
use serde_json::{Value, json};

fn send(key: &str, session: &str) -> Value {
    json!({"sessionKey": session, "message": format!("message {key}"), "idempotencyKey": key})
}

#[tokio::test]
async fn an_abort_keeps_what_was_shown() {
    let gateway = TestGateway::start().await;
    let gate = Gate::new();
    gateway.model.push(Script::text(["the first half"]).hold(&gate));
    let mut peer = gateway.v4().await;
    peer.ok("chat.send", send("k-1", "main")).await;
    peer.event(|frame| frame["payload"]["state"] == "delta").await;
    let in_flight = peer.ok("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(in_flight["inFlightRun"], json!({"runId": "k-1", "text": "the first half"}));
    peer.ok("chat.abort", json!({"sessionKey": "main"})).await;
    let gateway = gateway.restart().await;
    let mut peer = gateway.v4().await;
    let history = peer.ok("chat.history", json!({"sessionKey": "main"})).await;
    let row = &history["messages"][1];
    assert_eq!(row["content"], json!([{"type": "text", "text": "the first half"}]));
    assert_eq!(row["openclawAbort"], json!({"aborted": true, "origin": "rpc", "runId": "k-1"}));
    assert_eq!(row["stopReason"], "stop");
    assert_eq!(row["model"], "gateway-injected");
    assert_eq!(row["__openclaw"]["idempotencyKey"], "k-1:assistant");
    assert_eq!(history.get("inFlightRun"), None);
    gateway.finish().await;
}

#[tokio::test]
async fn stop_words_stop_and_start_nothing() {
    let gateway = TestGateway::start().await;
    let gate = Gate::new();
    let mut peer = gateway.v4().await;
    for (n, word) in
        ["/stop", "stop", "abort", "esc", "wait", "exit", "interrupt"].iter().enumerate()
    {
        gateway.model.push(Script::text(["x"]).hold(&gate));
        let key = format!("k-{n}");
        peer.ok("chat.send", send(&key, "main")).await;
        peer.event(|frame| frame["payload"]["state"] == "delta").await;
        let params =
            json!({"sessionKey": "main", "message": word, "idempotencyKey": format!("s-{n}")});
        let stopped = peer.ok("chat.send", params).await;
        assert_eq!(stopped, json!({"ok": true, "aborted": true, "runIds": [key]}), "{word}");
        assert_eq!(peer.terminal(&key).await["stopReason"], "stop");
    }
    let idle = json!({"sessionKey": "main", "message": "stop", "idempotencyKey": "s"});
    let idle = peer.ok("chat.send", idle).await;
    assert_eq!(idle, json!({"ok": true, "aborted": false, "runIds": []}));
    // A sentence that contains the word is a message.
    gateway.model.push(Script::text(["ok"]));
    let params = json!({"sessionKey": "main", "message": "stop it", "idempotencyKey": "m"});
    assert_eq!(peer.ok("chat.send", params).await["status"], "started");
    peer.terminal("m").await;
    gateway.finish().await;
}

#[tokio::test]
async fn messages_of_one_conversation_run_in_order() {
    let gateway = TestGateway::start().await;
    let gate = Gate::new();
    gateway.model.push(Script::text(["answer one"]).hold(&gate));
    gateway.model.push(Script::text(["second"]));
    let mut peer = gateway.v4().await;
    peer.ok("chat.send", send("k-1", "main")).await;
    peer.event(|frame| frame["payload"]["state"] == "delta").await;
    peer.ok("chat.send", send("k-2", "main")).await;
    assert_eq!(gateway.model.requests().len(), 1, "the second waits for the first");
    gate.open();
    for key in ["k-1", "k-2"] {
        assert_eq!(peer.terminal(key).await["state"], "final");
    }
    let asked = gateway.model.requests()[1]["messages"].to_string();
    let places: Vec<_> =
        ["message k-1", "answer one", "message k-2"].map(|text| asked.find(text).unwrap()).into();
    assert!(places.is_sorted(), "{asked}");
    let first = gateway.model.requests()[0]["messages"].to_string();
    assert!(!first.contains("message k-2"));
    gateway.finish().await;
}

#[tokio::test]
async fn pipelined_messages_run_in_the_order_they_were_sent() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let mut keys = Vec::new();
    for n in 0..8 {
        gateway.model.push(Script::text(["ok"]));
        let key = format!("k-{n}");
        let mut params = send(&key, "main");
        // A file takes longer to accept than the text that overtakes it.
        if n % 2 == 0 {
            let content = STANDARD.encode(format!("note {n}").repeat(5_000));
            params["attachments"] = json!([{"fileName": "note.txt", "content": content}]);
        }
        peer.post("chat.send", params).await;
        keys.push(key);
    }
    for key in &keys {
        assert_eq!(peer.terminal(key).await["state"], "final");
    }
    let history = peer.ok("chat.history", json!({"sessionKey": "main"})).await;
    let rows = history["messages"].as_array().unwrap();
    let asked: Vec<_> = rows
        .iter()
        .filter(|row| row["role"] == "user")
        .map(|row| row["__openclaw"]["runId"].as_str().unwrap())
        .collect();
    assert_eq!(asked, keys);
    gateway.finish().await;
}

#[tokio::test]
async fn a_long_message_queued_behind_does_not_push_the_question_out() {
    let gateway = TestGateway::start().await;
    let gate = Gate::new();
    gateway.model.push(Script::text(["first"]).hold(&gate));
    gateway.model.push(Script::text(["second"]));
    gateway.model.push(Script::text(["third"]));
    let mut peer = gateway.v4().await;
    peer.ok("chat.send", send("k-1", "main")).await;
    peer.event(|frame| frame["payload"]["state"] == "delta").await;
    peer.ok("chat.send", send("k-2", "main")).await;
    let mut paste = send("k-3", "main");
    paste["message"] = json!("x".repeat(2_000_000));
    peer.ok("chat.send", paste).await;
    gate.open();
    for key in ["k-1", "k-2", "k-3"] {
        assert_eq!(peer.terminal(key).await["state"], "final");
    }
    let asked = gateway.model.requests()[1]["messages"].to_string();
    assert!(asked.contains("message k-2"), "the model was asked without the question");
    gateway.finish().await;
}

#[tokio::test]
async fn a_queued_run_can_be_aborted_alone() {
    let gateway = TestGateway::start().await;
    let gate = Gate::new();
    gateway.model.push(Script::text(["first"]).hold(&gate));
    let mut peer = gateway.v4().await;
    peer.ok("chat.send", send("k-1", "main")).await;
    peer.event(|frame| frame["payload"]["state"] == "delta").await;
    peer.ok("chat.send", send("k-2", "main")).await;
    let id = peer.post("chat.abort", json!({"sessionKey": "main", "runId": "k-2"})).await;
    gate.open();
    assert_eq!(peer.response(&id).await["payload"]["runIds"], json!(["k-2"]));
    assert_eq!(peer.terminal("k-1").await["state"], "final");
    assert_eq!(peer.terminal("k-2").await["state"], "aborted");
    assert_eq!(gateway.model.requests().len(), 1, "the aborted one never reached the model");
    gateway.finish().await;
}

#[tokio::test]
async fn a_run_of_another_conversation_is_not_aborted() {
    let gateway = TestGateway::start().await;
    let gate = Gate::new();
    gateway.model.push(Script::text(["x"]).hold(&gate));
    let mut peer = gateway.v4().await;
    peer.ok("chat.send", send("k-1", "main")).await;
    peer.event(|frame| frame["payload"]["state"] == "delta").await;
    let error = peer.fails("chat.abort", json!({"sessionKey": "other", "runId": "k-1"})).await;
    assert_eq!(error["message"], "runId does not match sessionKey");
    let unknown = peer.ok("chat.abort", json!({"sessionKey": "main", "runId": "nope"})).await;
    assert_eq!(unknown["aborted"], false);
    gate.open();
    assert_eq!(peer.terminal("k-1").await["state"], "final");
    gateway.finish().await;
}

#[tokio::test]
async fn twenty_conversations_run_side_by_side() {
    let gateway = TestGateway::start().await;
    let gate = Gate::new();
    for _ in 0..20 {
        gateway.model.push(Script::text(["a"]).hold(&gate).say("b"));
    }
    let mut peer = gateway.v4().await;
    for n in 0..20 {
        peer.ok("chat.send", send(&format!("k-{n}"), &format!("room-{n}"))).await;
    }
    for n in 0..20 {
        let run = format!("k-{n}");
        let first = |frame: &Value| {
            frame["payload"]["runId"] == run && frame["payload"]["state"] == "delta"
        };
        peer.event(first).await;
    }
    assert_eq!(gateway.model.requests().len(), 20, "all at once");
    gate.open();
    for n in 0..20 {
        let end = peer.terminal(&format!("k-{n}")).await;
        assert_eq!(end["message"]["content"][0]["text"], "ab");
        assert_eq!(end["sessionKey"], format!("agent:main:room-{n}"));
    }
    let list = peer.ok("sessions.list", json!({"limit": 50})).await;
    assert_eq!(list["totalCount"], 20);
    gateway.finish().await;
}

#[tokio::test]
async fn shutdown_tells_clients_and_keeps_partial_text() {
    let gateway = TestGateway::start().await;
    let gate = Gate::new();
    gateway.model.push(Script::text(["unfinished"]).hold(&gate));
    let mut peer = gateway.v4().await;
    peer.ok("chat.send", send("k-1", "main")).await;
    peer.event(|frame| frame["payload"]["state"] == "delta").await;
    let gateway = gateway.restart().await;
    peer.event(|frame| frame["event"] == "shutdown").await;
    assert_eq!(peer.closed().await, (1012, "service restart".to_owned()));
    let mut peer = gateway.v4().await;
    let history = peer.ok("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(history["messages"][1]["content"][0]["text"], "unfinished");
    assert_eq!(history["messages"][1]["openclawAbort"]["aborted"], true);
    gateway.finish().await;
}
