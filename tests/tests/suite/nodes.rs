//! Protocol §14.7: nodes, their two approvals, and what they are asked to do.

use std::sync::Arc;

use clawdbot_protocol::DeviceIdentity;
use clawdbot_tests::{Connect, Peer, Replay, Script, Setup, TestGateway, recorded_connect, soon};
use serde_json::{Value, json};

fn device(seed: u8) -> Arc<DeviceIdentity> {
    Arc::new(DeviceIdentity::from_seed(&[seed; 32]))
}

fn connect(generation: u32, commands: &[&str]) -> Connect {
    Connect::offering(generation, generation)
        .client("node-host", "node")
        .set("role", json!("node"))
        .set("caps", json!(["system"]))
        .set("commands", json!(commands))
        .scopes(&[])
        .device(&device(1))
}

/// A connected node that may run `commands`.
async fn node(gateway: &TestGateway, commands: &[&str]) -> Peer {
    let peer = gateway.join(connect(4, commands)).await;
    approve(gateway).await;
    peer
}

async fn approve(gateway: &TestGateway) {
    let mut admin = gateway.v4().await;
    let pending = admin.ok("node.pair.list", json!({})).await["pending"].take();
    let request = &pending.as_array().unwrap()[0];
    admin.ok("node.pair.approve", json!({"requestId": request["requestId"]})).await;
}

fn invoke(command: &str, key: &str) -> Value {
    json!({"nodeId": device(1).id(), "command": command, "idempotencyKey": key})
}

async fn asked(node: &mut Peer) -> Value {
    node.event(|frame| frame["event"] == "node.invoke.request").await["payload"].take()
}

async fn answer(node: &mut Peer, id: &Value, payload: &str) -> Value {
    let params = json!({"id": id, "nodeId": device(1).id(), "ok": true, "payloadJSON": payload});
    node.ok("node.invoke.result", params).await
}

#[tokio::test]
async fn the_recorded_life_of_a_node() {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::text(["hello node"]));
    let operator = gateway.v4().await;
    let mut params = recorded_connect("node-pair-and-invoke.jsonl");
    params.as_object_mut().unwrap().shift_remove("device");
    // Before the recording begins the node has already been here once.
    gateway.join(Connect::recorded(params).device(&device(1))).await.leave().await;
    let mut replay = Replay::new(&gateway, &device(1), false);
    replay.peers.insert("operator".into(), operator);
    replay.run("node-pair-and-invoke.jsonl").await;
    // What the node heard became a message in the main conversation.
    let operator = replay.peers.get_mut("operator").unwrap();
    let end = operator.event(|frame| frame["payload"]["state"] == "final").await;
    assert_eq!(end["payload"]["message"]["content"][0]["text"], "hello node");
    let history = operator.ok("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(history["messages"][0]["content"], "hi", "{history:#}");
    gateway.finish().await;
}

#[tokio::test]
async fn until_the_second_approval_a_node_does_nothing() {
    let gateway = TestGateway::start().await;
    let mut operator = gateway.v4().await;
    let _node = gateway.join(connect(4, &["system.run"])).await;
    let listed = operator.ok("node.list", json!({})).await;
    assert_eq!(listed["nodes"], json!([]));
    let error = operator.fails("node.invoke", invoke("system.run", "k")).await;
    let want = json!({"code": "UNAVAILABLE", "retryable": true,
        "message": "node pairing changed while invocation was active",
        "details": {"code": "PAIRING_CHANGED"}});
    assert_eq!(error, want, "as recorded for an unknown node");
    // It runs programs, so pairing alone does not do.
    let mut pairs = gateway.join(Connect::v4().scopes(&["operator.pairing"])).await;
    let request = pairs.ok("node.pair.list", json!({})).await["pending"][0]["requestId"].clone();
    let error = pairs.fails("node.pair.approve", json!({"requestId": request})).await;
    assert_eq!(error["details"]["missingScope"], "operator.admin", "DEV-05");
    operator.ok("node.pair.reject", json!({"requestId": request})).await;
    let resolved = operator.event(|frame| frame["event"] == "node.pair.resolved").await;
    assert_eq!(resolved["payload"]["decision"], "rejected");
    gateway.finish().await;
}

#[tokio::test]
async fn new_commands_need_a_new_approval() {
    let gateway = TestGateway::start().await;
    node(&gateway, &["system.which"]).await.leave().await;
    let mut operator = gateway.v4().await;
    for generation in [4, 3] {
        // Speaking the older generation is no way around it.
        let _node = gateway.join(connect(generation, &["system.which", "system.run"])).await;
        let error = operator.fails("node.invoke", invoke("system.run", "k")).await;
        assert_eq!(error["details"]["reason"], "command not approved", "{error}");
    }
    let mut node = gateway.join(connect(4, &["system.which", "system.run"])).await;
    approve(&gateway).await;
    let id = operator.post("node.invoke", invoke("system.run", "k")).await;
    let request = asked(&mut node).await;
    answer(&mut node, &request["id"], "{}").await;
    assert_eq!(operator.response(&id).await["ok"], true);
    gateway.finish().await;
}

#[tokio::test]
async fn generation_3_nodes_are_approved_with_their_device() {
    let gateway = TestGateway::start().await;
    let mut node = gateway.join(connect(3, &["system.run", "bogus.cmd"])).await;
    let mut operator = gateway.v3().await;
    let listed = operator.ok("node.list", json!({})).await;
    let row = &listed["nodes"][0];
    assert_eq!((&row["connected"], &row["paired"]), (&json!(true), &json!(true)));
    assert_eq!(row["commands"], json!(["system.run"]));
    assert_eq!(row.get("approvalState"), None);
    let error = operator.fails("node.invoke", invoke("camera.snap", "k")).await;
    let want = json!({"code": "INVALID_REQUEST", "message": "node command not allowed",
        "details": {"reason": "command not allowlisted", "command": "camera.snap"}});
    assert_eq!(error, want);
    let error = operator.fails("node.invoke", invoke("system.which", "k")).await;
    assert_eq!(error["details"]["reason"], "command not declared by node");
    // Its second key comes with an approval and can be checked.
    let request = json!({"nodeId": "kitchen", "commands": ["system.notify"], "platform": "linux"});
    let opened = operator.ok("node.pair.request", request).await;
    assert_eq!((&opened["status"], &opened["created"]), (&json!("pending"), &json!(true)));
    let id = json!({"requestId": opened["request"]["requestId"]});
    let token = operator.ok("node.pair.approve", id).await["node"]["token"].clone();
    let verify = |token: Value| json!({"nodeId": "kitchen", "token": token});
    assert_eq!(operator.ok("node.pair.verify", verify(token)).await["ok"], true);
    assert_eq!(operator.ok("node.pair.verify", verify(json!("x"))).await, json!({"ok": false}));
    node.ok("health", json!({})).await;
    gateway.finish().await;
}

#[tokio::test]
async fn the_configuration_has_the_last_word_on_commands() {
    let gateway = Setup::new()
        .await
        .set("gateway.nodes.commands.deny", json!(["system.run"]))
        .set("gateway.nodes.allowCommands", json!(["lights.on"]))
        .start()
        .await;
    let mut node = node(&gateway, &["system.run", "lights.on"]).await;
    let mut operator = gateway.v4().await;
    let error = operator.fails("node.invoke", invoke("system.run", "k")).await;
    assert_eq!(error["details"]["reason"], "command not allowlisted");
    let id = operator.post("node.invoke", invoke("lights.on", "k")).await;
    let request = asked(&mut node).await;
    answer(&mut node, &request["id"], "{}").await;
    assert_eq!(operator.response(&id).await["ok"], true);
    gateway.finish().await;
}

#[tokio::test]
async fn a_repeated_command_runs_once() {
    let gateway = TestGateway::start().await;
    let mut node = node(&gateway, &["system.which"]).await;
    let mut operator = gateway.v4().await;
    let first = operator.post("node.invoke", invoke("system.which", "k")).await;
    let second = operator.post("node.invoke", invoke("system.which", "k")).await;
    let request = asked(&mut node).await;
    answer(&mut node, &request["id"], r#"{"n":1}"#).await;
    for id in [first, second] {
        assert_eq!(operator.response(&id).await["payload"]["payload"], json!({"n": 1}));
    }
    let again = operator.ok("node.invoke", invoke("system.which", "k")).await;
    assert_eq!(again["payload"], json!({"n": 1}));
    let mut other = invoke("system.which", "k");
    other["params"] = json!({"bins": ["git"]});
    let error = operator.fails("node.invoke", other).await;
    assert_eq!(error["details"]["code"], "IDEMPOTENCY_CONFLICT");
    let id = node.post("health", json!({})).await;
    let frames = node.until(|frame| frame["id"] == id.as_str()).await;
    let asked_again = frames.iter().any(|frame| frame["event"] == "node.invoke.request");
    assert!(!asked_again, "{frames:?}");
    gateway.finish().await;
}

#[tokio::test]
async fn failures_are_told_in_the_nodes_words() {
    let gateway = TestGateway::start().await;
    let mut node = node(&gateway, &["system.which"]).await;
    let mut operator = gateway.v4().await;
    let id = operator.post("node.invoke", invoke("system.which", "k-1")).await;
    let request = asked(&mut node).await;
    let failure = json!({"code": "NO_SUCH_BIN", "message": "git is not installed"});
    let result =
        json!({"id": request["id"], "nodeId": device(1).id(), "ok": false, "error": failure});
    node.ok("node.invoke.result", result.clone()).await;
    let error = operator.response(&id).await["error"].take();
    assert_eq!((&error["code"], &error["message"]), (&json!("UNAVAILABLE"), &failure["message"]));
    assert_eq!(error["details"]["nodeError"], failure);
    let late = node.ok("node.invoke.result", result).await;
    assert_eq!(late, json!({"ok": true, "ignored": true}));

    let mut hasty = invoke("system.which", "k-2");
    hasty["timeoutMs"] = json!(20);
    let error = operator.fails("node.invoke", hasty).await;
    assert_eq!(error["details"]["nodeError"]["code"], "TIMEOUT");
    assert_eq!(error["message"], "node invoke timed out");

    let id = operator.post("node.invoke", invoke("system.which", "k-3")).await;
    node.event(|frame| frame["payload"]["idempotencyKey"] == "k-3").await;
    node.leave().await;
    let error = operator.response(&id).await["error"].take();
    assert_eq!(error["details"]["code"], "NOT_CONNECTED", "{error}");
    gateway.finish().await;
}

#[tokio::test]
async fn a_node_answers_for_itself_only_scp_04() {
    let gateway = TestGateway::start().await;
    let mut node = node(&gateway, &["system.which"]).await;
    let thief = connect(4, &["system.which"]).device(&device(2));
    let mut thief = gateway.join(thief).await;
    let mut operator = gateway.v4().await;
    let id = operator.post("node.invoke", invoke("system.which", "k")).await;
    let request = asked(&mut node).await;
    let forged = |node: &str| {
        json!({"id": request["id"], "nodeId": node, "ok": true,
        "payloadJSON": "\"forged\""})
    };
    let error = thief.fails("node.invoke.result", forged(&device(1).id())).await;
    assert_eq!(error["message"], "nodeId mismatch");
    let taken = thief.ok("node.invoke.result", forged(&device(2).id())).await;
    assert_eq!(taken["ignored"], true);
    for method in ["node.invoke.result", "node.event"] {
        let error = operator.fails(method, forged(&device(1).id())).await;
        assert_eq!(error["message"], "unauthorized role: operator");
    }
    for method in ["node.invoke", "device.pair.list", "chat.send", "node.pair.approve"] {
        let error = node.fails(method, json!({})).await;
        assert_eq!(error["message"], "unauthorized role: node");
    }
    // The twin: the node that was asked.
    answer(&mut node, &request["id"], "\"honest\"").await;
    assert_eq!(operator.response(&id).await["payload"]["payload"], "honest");
    gateway.finish().await;
}

#[tokio::test]
async fn decisions_do_not_travel_in_params_scp_06() {
    let gateway = TestGateway::start().await;
    let mut node = node(&gateway, &["system.run", "system.execApprovals.set"]).await;
    let mut writer = gateway.join(Connect::v4().scopes(&["operator.write"])).await;
    let mut params = invoke("system.run", "k");
    params["params"] = json!({"command": ["id"], "approved": true, "approvalDecision": "allow-always",
        "host": "gateway", "security": "full", "cwd": "/tmp"});
    let id = writer.post("node.invoke", params).await;
    let request = asked(&mut node).await;
    let sent: Value = serde_json::from_str(request["paramsJSON"].as_str().unwrap()).unwrap();
    assert_eq!(sent, json!({"command": ["id"], "cwd": "/tmp"}));
    answer(&mut node, &request["id"], "{}").await;
    assert_eq!(writer.response(&id).await["ok"], true);
    let error = writer.fails("node.invoke", invoke("system.execApprovals.set", "k-2")).await;
    assert_eq!(error["details"]["missingScope"], "operator.admin", "SCP-03");
    gateway.finish().await;
}

#[tokio::test]
async fn a_removed_node_has_to_start_over() {
    let gateway = TestGateway::start().await;
    let mut node = node(&gateway, &["system.which"]).await;
    let mut operator = gateway.v4().await;
    let id = device(1).id();
    let renamed = json!({"nodeId": id, "displayName": "Renamed node"});
    assert_eq!(operator.ok("node.rename", renamed.clone()).await, renamed);
    let described = operator.ok("node.describe", json!({"nodeId": id})).await;
    assert_eq!(described["displayName"], "Renamed node");
    let blank = json!({"nodeId": id, "displayName": " "});
    assert_eq!(operator.fails("node.rename", blank).await["message"], "displayName required");
    assert_eq!(operator.ok("node.pair.remove", json!({"nodeId": id})).await, json!({"nodeId": id}));
    assert_eq!(node.closed().await.0, 4001);
    assert_eq!(operator.ok("node.list", json!({})).await["nodes"], json!([]));
    let error = operator.fails("node.describe", json!({"nodeId": id})).await;
    assert_eq!(error["message"], "unknown nodeId");
    gateway.finish().await;
}

#[tokio::test]
async fn a_node_follows_the_conversations_it_asks_for() {
    let gateway = TestGateway::start().await;
    let mut node = gateway.join(connect(3, &[])).await;
    let mut operator = gateway.v4().await;
    let event = |name: &str| json!({"event": name, "payloadJSON": r#"{"sessionKey":"main"}"#});
    assert_eq!(node.ok("node.event", event("chat.subscribe")).await, json!({"ok": true}));
    for (key, session) in [("k-1", "agent:main:other"), ("k-2", "main")] {
        gateway.model.push(Script::text([key]));
        let send = json!({"sessionKey": session, "message": "hi", "idempotencyKey": key});
        operator.ok("chat.send", send).await;
        operator.terminal(key).await;
    }
    let frames = node.until(|frame| frame["payload"]["state"] == "final").await;
    let chats: Vec<&Value> = frames.iter().filter(|frame| frame["event"] == "chat").collect();
    assert!(chats.iter().all(|frame| frame["payload"]["runId"] == "k-2"), "{chats:#?}");
    assert!(chats.iter().all(|frame| frame.get("seq").is_none()), "{chats:#?}");
    assert!(frames.iter().any(|frame| frame["event"] == "agent"));
    node.ok("node.event", event("chat.unsubscribe")).await;
    gateway.model.push(Script::text(["k-3"]));
    let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "k-3"});
    operator.ok("chat.send", send).await;
    operator.terminal("k-3").await;
    let id = node.post("health", json!({})).await;
    let frames = node.until(|frame| frame["id"] == id.as_str()).await;
    assert!(!frames.iter().any(|frame| frame["event"] == "chat"), "{frames:#?}");
    gateway.finish().await;
}

#[tokio::test]
async fn events_without_effect_say_so() {
    let gateway = TestGateway::start().await;
    let mut node = gateway.join(connect(4, &[])).await;
    let payload = json!({"sessionKey": "agent:main:main", "runId": "x1", "exitCode": 0});
    let finished = json!({"event": "exec.finished", "payload": payload});
    let want = json!({"ok": true, "event": "exec.finished", "handled": false,
        "reason": "unmatched_exec_event"});
    assert_eq!(node.ok("node.event", finished).await, want, "as recorded");
    let silence = json!({"event": "voice.transcript", "payload": {"text": " "}});
    assert_eq!(node.ok("node.event", silence).await["handled"], false);
    let lost = json!({"event": "agent.request",
        "payload": {"message": "hi", "sessionKey": "agent:ghost:main"}});
    let error = node.fails("node.event", lost).await;
    assert_eq!(error["message"], "unknown agent id \"ghost\"");
    gateway.finish().await;
}

#[tokio::test]
async fn a_no_holds_in_the_older_generation_as_well() {
    let gateway = TestGateway::start().await;
    let mut operator = gateway.v4().await;
    let _node = gateway.join(connect(4, &["system.run"])).await;
    let request = operator.ok("node.pair.list", json!({})).await["pending"][0]["requestId"].clone();
    operator.ok("node.pair.reject", json!({"requestId": request})).await;
    let _node = gateway.join(connect(3, &["system.run"])).await;
    assert_eq!(operator.ok("node.list", json!({})).await["nodes"], json!([]));
    let error = operator.fails("node.invoke", invoke("system.run", "k")).await;
    assert_eq!(error["details"]["code"], "PAIRING_CHANGED");
    gateway.finish().await;
}

#[tokio::test]
async fn the_standing_decisions_of_a_node_are_its_own() {
    let gateway = TestGateway::start().await;
    let mut operator = gateway.v4().await;
    let away = operator.fails("exec.approvals.node.get", json!({"nodeId": "nope"})).await;
    assert_eq!(away["message"], "NOT_CONNECTED: node not connected", "as recorded");
    assert_eq!(away["details"]["nodeCommandDispatched"], false);
    let mut node = node(&gateway, &["system.execApprovals.get", "system.execApprovals.set"]).await;
    let params = json!({"nodeId": device(1).id(), "file": {"version": 1}, "baseHash": "h"});
    let id = operator.post("exec.approvals.node.set", params).await;
    let request = asked(&mut node).await;
    assert_eq!(request["command"], "system.execApprovals.set");
    let sent: Value = serde_json::from_str(request["paramsJSON"].as_str().unwrap()).unwrap();
    assert_eq!(sent, json!({"file": {"version": 1}, "baseHash": "h"}));
    answer(&mut node, &request["id"], r#"{"exists":true,"hash":"i"}"#).await;
    let response = operator.response(&id).await;
    assert_eq!(response["payload"], json!({"exists": true, "hash": "i"}));
    let mut writer = gateway.join(Connect::v4().scopes(&["operator.write"])).await;
    let error = writer.fails("exec.approvals.node.get", json!({"nodeId": device(1).id()})).await;
    assert_eq!(error["details"]["missingScope"], "operator.admin");
    gateway.finish().await;
}

#[tokio::test]
async fn requests_wait_for_a_node_that_sleeps() {
    let gateway = TestGateway::start().await;
    node(&gateway, &["system.which"]).await.leave().await;
    let mut operator = gateway.v4().await;
    let ask = |kind: &str| json!({"nodeId": device(1).id(), "type": kind, "wake": true});
    let first = operator.ok("node.pending.enqueue", ask("status.request")).await;
    assert_eq!((&first["revision"], &first["wakeTriggered"]), (&json!(1), &json!(false)));
    // A newer request of a kind takes the place of the older one.
    operator.ok("node.pending.enqueue", ask("status.request")).await;
    let mut urgent = ask("location.request");
    urgent["priority"] = json!("high");
    operator.ok("node.pending.enqueue", urgent).await;
    let error = operator
        .fails("node.pending.enqueue", json!({"nodeId": "x", "type": "status.request"}))
        .await;
    assert_eq!(error["message"], "unknown nodeId");

    // What was acknowledged survives a restart.
    let gateway = gateway.restart().await;
    let mut sleeper = gateway.join(connect(4, &["system.which"])).await;
    let one = sleeper.ok("node.pending.pull", json!({"maxItems": 1})).await;
    assert_eq!(one["items"][0]["type"], "location.request");
    assert_eq!((&one["hasMore"], &one["nodeId"]), (&json!(true), &json!(device(1).id())));
    let done = json!({"ids": [one["items"][0]["id"], "nobody's"]});
    let done = sleeper.ok("node.pending.ack", done).await;
    assert_eq!(
        (&done["ackedIds"], &done["remainingCount"]),
        (&json!([one["items"][0]["id"]]), &json!(1))
    );
    let rest = sleeper.ok("node.pending.drain", json!({})).await;
    assert_eq!(rest["items"][0]["type"], "status.request");
    assert_eq!(sleeper.ok("node.pending.drain", json!({})).await["items"], json!([]));
    gateway.finish().await;
}

#[tokio::test]
async fn nobody_else_reads_what_waits_for_a_node_scp_04() {
    let gateway = TestGateway::start().await;
    let mut first = node(&gateway, &["system.which"]).await;
    let mut operator = gateway.v4().await;
    let mut ask = json!({"nodeId": device(1).id(), "type": "status.request"});
    operator.ok("node.pending.enqueue", ask.clone()).await;
    for method in ["node.pending.pull", "node.pending.ack", "node.pending.drain"] {
        let error = operator.fails(method, json!({"ids": ["x"]})).await;
        assert_eq!(error["message"], "unauthorized role: operator", "{method}");
    }
    let mut other = gateway.join(connect(4, &["system.which"]).device(&device(2))).await;
    assert_eq!(other.ok("node.pending.drain", json!({})).await["items"], json!([]));
    assert_eq!(
        first.ok("node.pending.pull", json!({})).await["items"].as_array().unwrap().len(),
        1
    );
    let error = first.fails("node.pending.enqueue", ask.clone()).await;
    assert_eq!(error["message"], "unauthorized role: node");
    let mut reader = gateway.join(Connect::v4().scopes(&["operator.read"])).await;
    let error = reader.fails("node.pending.enqueue", ask.clone()).await;
    assert_eq!(error["details"]["missingScope"], "operator.write");
    // What has expired is no longer handed out.
    ask["expiresInMs"] = json!(1);
    operator.ok("node.pending.enqueue", ask).await;
    let gone =
        async { while first.ok("node.pending.pull", json!({})).await["items"] != json!([]) {} };
    soon("the expiry", gone).await;
    gateway.finish().await;
}
