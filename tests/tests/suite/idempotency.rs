//! Protocol §13.1 and CHT-01: one key, one run.

use clawdbot_tests::{Gate, Script, TestGateway};
use serde_json::{Value, json};

fn send(key: &str, message: &str) -> Value {
    json!({"sessionKey": "main", "message": message, "idempotencyKey": key})
}

#[tokio::test]
async fn a_key_runs_once_cht_01() {
    let gateway = TestGateway::start().await;
    let gate = Gate::new();
    gateway.model.push(Script::text(["one"]).hold(&gate));
    let (mut peer, mut other) = (gateway.v4().await, gateway.v3().await);
    let first = peer.ok("chat.send", send("k-1", "hi")).await;
    assert_eq!(first["status"], "started");
    for peer in [&mut peer, &mut other] {
        let again = peer.ok("chat.send", send("k-1", "hi")).await;
        assert_eq!(again, json!({"runId": "k-1", "status": "in_flight"}));
    }
    gate.open();
    peer.terminal("k-1").await;
    assert_eq!(
        peer.ok("chat.send", send("k-1", "hi")).await,
        json!({"runId": "k-1", "status": "ok"})
    );
    let error = peer.fails("chat.send", send("k-1", "something else")).await;
    assert_eq!(error["details"]["code"], "IDEMPOTENCY_CONFLICT");
    let history = peer.ok("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(history["totalMessages"], 2);
    assert_eq!(gateway.model.requests().len(), 1);
    gateway.finish().await;
}

#[tokio::test]
async fn a_key_sent_ten_times_at_once_runs_once_cht_01() {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::text(["one"]));
    let mut peers = Vec::new();
    for _ in 0..10 {
        peers.push(gateway.v4().await);
    }
    let mut ids = Vec::new();
    for peer in &mut peers {
        ids.push(peer.post("chat.send", send("k-1", "hi")).await);
    }
    let mut started = 0;
    for (peer, id) in peers.iter_mut().zip(ids) {
        let answer = peer.response(&id).await;
        assert_eq!(answer["ok"], true, "{answer}");
        started += usize::from(answer["payload"]["status"] == "started");
        peer.terminal("k-1").await;
    }
    assert_eq!(started, 1);
    gateway.finish().await;
}

#[tokio::test]
async fn keys_survive_a_restart() {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::text(["one"]));
    gateway.model.push(Script::error(400, "no"));
    let mut peer = gateway.v4().await;
    for key in ["good", "bad"] {
        peer.ok("chat.send", send(key, "hi")).await;
        peer.terminal(key).await;
    }
    let gateway = gateway.restart().await;
    let mut peer = gateway.v4().await;
    assert_eq!(peer.ok("chat.send", send("good", "hi")).await["status"], "ok");
    let failed = peer.request("chat.send", send("bad", "hi")).await;
    assert_eq!(failed["error"]["code"], "UNAVAILABLE");
    assert_eq!(failed["payload"]["status"], "error", "{failed}");
    let error = peer.fails("chat.send", send("good", "other")).await;
    assert_eq!(error["details"]["code"], "IDEMPOTENCY_CONFLICT");
    let history = peer.ok("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(history["totalMessages"], 4);
    gateway.finish().await;
}

#[tokio::test]
async fn the_agent_method_repeats_its_final_answer() {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::text(["done"]));
    let mut peer = gateway.v4().await;
    let params = json!({"message": "hi", "agentId": "main", "idempotencyKey": "a-1"});
    let id = peer.post("agent", params.clone()).await;
    assert_eq!(peer.response(&id).await["payload"]["status"], "accepted");
    let last = peer.response(&id).await;
    assert_eq!(last["payload"]["result"]["payloads"][0]["text"], "done");
    let again = peer.ok("agent", params).await;
    assert_eq!(again, last["payload"]);
    let error =
        peer.fails("agent", json!({"message": "x", "agentId": "ghost", "idempotencyKey": "g"}));
    assert_eq!(error.await["message"], "invalid agent params: unknown agent id \"ghost\"");
    gateway.finish().await;
}
