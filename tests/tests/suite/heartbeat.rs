//! Protocol §14.1: `wake`, `system-event` and heartbeats.

use clawdbot_tests::{Connect, Peer, Script, Setup, TestGateway, fixture};
use serde_json::{Value, json};

/// The texts that wait for the main conversation's next run.
async fn waiting(peer: &mut Peer) -> Value {
    peer.ok("status", json!({})).await["queuedSystemEvents"].take()
}

async fn heartbeat(peer: &mut Peer) -> Value {
    peer.event(|frame| frame["event"] == "heartbeat").await["payload"].take()
}

async fn send(peer: &mut Peer, id: &str) -> Value {
    let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": id});
    peer.ok("chat.send", send).await;
    peer.terminal(id).await
}

async fn configure(peer: &mut Peer, change: Value) {
    let hash = peer.ok("config.get", json!({})).await["hash"].take();
    let patch = json!({"raw": change.to_string(), "baseHash": hash});
    peer.ok("config.patch", patch).await;
}

/// The last message a model was sent.
fn asked(gateway: &TestGateway) -> String {
    let requests = gateway.model.requests();
    requests.last().unwrap()["messages"].as_array().unwrap().last().unwrap().to_string()
}

#[tokio::test]
async fn both_generations_answer_as_recorded() {
    let gateway = TestGateway::start().await;
    let recorded = fixture("cron-v4.json");
    let mut peer = gateway.v4().await;
    for method in ["set-heartbeats", "system-event", "last-heartbeat"] {
        for example in recorded[method].as_array().unwrap() {
            let response = peer.request(method, example["params"].clone()).await;
            match example.get("payload") {
                Some(payload) => assert_eq!(response["payload"], *payload, "{method}"),
                None => assert_eq!(response["error"], example["error"], "{method}"),
            }
        }
    }
    let example = &recorded["wake"][0];
    assert_eq!(peer.ok("wake", example["params"].clone()).await, example["payload"]);
    let mut v3 = gateway.v3().await;
    assert_eq!(v3.fails("system-event", json!({})).await["message"], "text required");
    let wake = json!({"mode": "next-heartbeat", "text": "hello"});
    assert_eq!(v3.ok("wake", wake).await, json!({"ok": true}));
    let error = v3.fails("wake", json!({"mode": "later", "text": "hello"})).await;
    assert!(error["message"].as_str().unwrap().starts_with("invalid wake params: at /mode"));
    gateway.finish().await;
}

#[tokio::test]
async fn a_text_waits_on_disk_for_the_next_run_and_is_heard_once() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    peer.ok("wake", json!({"mode": "next-heartbeat", "text": "the kettle boils"})).await;
    let gateway = gateway.restart().await;
    let mut peer = gateway.v4().await;
    assert_eq!(waiting(&mut peer).await, json!(["the kettle boils"]));
    for id in ["one", "two"] {
        gateway.model.push(Script::text(["fine"]));
        assert_eq!(send(&mut peer, id).await["state"], "final");
    }
    let requests = gateway.model.requests();
    let first = requests[0]["messages"].as_array().unwrap();
    // It is part of the user's turn, not of the instructions (HOOK-05).
    assert!(first.last().unwrap().to_string().contains("the kettle boils"), "{first:#?}");
    assert!(!first[0].to_string().contains("kettle"));
    assert!(!requests[1].to_string().contains("kettle"));
    assert_eq!(waiting(&mut peer).await, json!([]));
    let history = peer.ok("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(history["messages"][0]["content"], "hi", "nobody typed it");
    gateway.finish().await;
}

#[tokio::test]
async fn a_text_nobody_heard_waits_again() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    peer.ok("wake", json!({"mode": "next-heartbeat", "text": "important"})).await;
    gateway.model.push(Script::error(400, "no"));
    assert_eq!(send(&mut peer, "one").await["state"], "error");
    assert_eq!(waiting(&mut peer).await, json!(["important"]));
    let gateway = gateway.restart().await;
    assert_eq!(waiting(&mut gateway.v4().await).await, json!(["important"]));
    gateway.finish().await;
}

#[tokio::test]
async fn texts_that_wait_are_limited_dos_09() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    for n in 0..25 {
        peer.ok("system-event", json!({"text": format!("event {n}")})).await;
    }
    let texts = waiting(&mut peer).await;
    assert_eq!(texts.as_array().unwrap().len(), 20);
    assert_eq!((&texts[0], &texts[19]), (&json!("event 5"), &json!("event 24")));
    peer.fails("system-event", json!({"text": "x".repeat(20_001)})).await;
    gateway.finish().await;
}

#[tokio::test]
async fn a_nudge_lets_the_agent_speak_up_in_the_main_conversation() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    gateway.model.push(Script::text(["Your tea ", "is ready."]));
    peer.ok("wake", json!({"mode": "now", "text": "the kettle boils"})).await;
    let said = peer.event(|frame| frame["event"] == "chat").await;
    assert_eq!(said["payload"]["state"], "final", "no chat event of the heartbeat itself");
    assert_eq!(said["payload"]["sessionKey"], "agent:main:main");
    let event = heartbeat(&mut peer).await;
    assert_eq!(
        (&event["status"], &event["preview"]),
        (&json!("sent"), &json!("Your tea is ready."))
    );
    assert_eq!(peer.ok("last-heartbeat", json!({})).await, event);
    let agent = peer.event(|frame| frame["event"] == "agent").await;
    assert_eq!(agent["payload"]["isHeartbeat"], true);
    assert!(asked(&gateway).contains("the kettle boils"));
    let history = peer.ok("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(history["totalMessages"], 1);
    assert_eq!(history["messages"][0]["content"][0]["text"], "Your tea is ready.");
    assert_eq!(waiting(&mut peer).await, json!([]));
    gateway.finish().await;
}

#[tokio::test]
async fn a_nudge_may_name_another_conversation_that_exists() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    gateway.model.push(Script::text(["Heard."]));
    peer.ok("wake", json!({"mode": "now", "text": "psst", "sessionKey": "room"})).await;
    assert_eq!(heartbeat(&mut peer).await["to"], "agent:main:room");
    let room = peer.ok("chat.history", json!({"sessionKey": "room"})).await;
    assert_eq!(room["totalMessages"], 1);
    let main = peer.ok("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(main["totalMessages"], 0);
    for target in [json!({"agentId": "ghost"}), json!({"sessionKey": "agent:ghost:main"})] {
        let mut wake = json!({"mode": "now", "text": "psst"});
        wake.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
        let error = peer.fails("wake", wake).await;
        assert_eq!(error["message"], "unknown agent id \"ghost\"");
    }
    gateway.finish().await;
}

#[tokio::test]
async fn an_acknowledgement_goes_nowhere_and_leaves_nothing() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v3().await;
    for answer in ["HEARTBEAT_OK", "All is well. **HEARTBEAT_OK**"] {
        gateway.model.push(Script::text([answer]));
        peer.ok("wake", json!({"mode": "now", "text": "check"})).await;
        let event = heartbeat(&mut peer).await;
        assert_eq!((&event["status"], &event["silent"]), (&json!("ok-token"), &json!(true)));
    }
    let second = &gateway.model.requests()[1]["messages"];
    assert!(second.as_array().unwrap().iter().all(|row| row["role"] != "assistant"), "{second:#}");
    let history = peer.ok("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(history["messages"], json!([]));
    gateway.model.push(Script::text(["yes"]));
    let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "one"});
    peer.ok("chat.send", send).await;
    let first = peer.event(|frame| frame["event"] == "chat").await;
    assert_eq!(first["payload"]["runId"], "one", "none of the heartbeats is a chat");
    peer.terminal("one").await;
    gateway.finish().await;
}

#[tokio::test]
async fn a_heartbeat_that_fails_says_so_and_the_texts_wait() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    gateway.model.push(Script::error(400, "no such luck"));
    peer.ok("wake", json!({"mode": "now", "text": "check"})).await;
    let event = heartbeat(&mut peer).await;
    assert_eq!(event["status"], "failed");
    assert!(event["reason"].as_str().unwrap().contains("no such luck"), "{event}");
    assert_eq!(waiting(&mut peer).await, json!(["check"]));
    gateway.finish().await;
}

#[tokio::test]
async fn a_job_for_the_main_conversation_wakes_it_now_or_waits() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let mut job = json!({
        "name": "Plants", "schedule": {"kind": "every", "everyMs": 3_600_000},
        "sessionTarget": "main", "wakeMode": "next-heartbeat",
        "payload": {"kind": "systemEvent", "text": "water the plants"},
    });
    let id = peer.ok("cron.add", job.clone()).await["id"].take();
    peer.ok("cron.run", json!({"id": id})).await;
    peer.event(|frame| frame["payload"]["action"] == "finished").await;
    assert_eq!(waiting(&mut peer).await, json!(["water the plants"]));
    job["wakeMode"] = json!("now");
    let id = peer.ok("cron.add", job).await["id"].take();
    gateway.model.push(Script::text(["The plants are thirsty."]));
    peer.ok("cron.run", json!({"id": id})).await;
    assert_eq!(heartbeat(&mut peer).await["preview"], "The plants are thirsty.");
    assert_eq!(asked(&gateway).matches("water the plants").count(), 2);
    gateway.finish().await;
}

#[tokio::test]
async fn hearts_beat_by_themselves_only_when_configured_and_can_be_switched_off() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    assert_eq!(peer.ok("health", json!({})).await["heartbeatSeconds"], 0);
    assert_eq!(peer.ok("cron.list", json!({})).await["total"], 0);
    std::fs::write(gateway.workspace().join("HEARTBEAT.md"), "# Nothing\n").unwrap();
    configure(&mut peer, json!({"agents": {"defaults": {"heartbeat": {"every": "1s"}}}})).await;
    // An empty file needs no model: the fake one would complain.
    let event = heartbeat(&mut peer).await;
    assert_eq!(event["status"], "ok-empty");
    assert_eq!(event["reason"], "empty-heartbeat-file");
    let health = peer.ok("health", json!({})).await;
    assert_eq!(health["heartbeatSeconds"], 1);
    assert_eq!(health["agents"][0]["heartbeat"]["every"], "1s");
    let managed = &peer.ok("cron.list", json!({})).await["jobs"][0];
    assert_eq!(managed["declarationKey"], "heartbeat:main");
    peer.fails("cron.remove", json!({"id": managed["id"]})).await;

    std::fs::write(gateway.workspace().join("HEARTBEAT.md"), "- look out\n").unwrap();
    gateway.model.push(Script::text(["It rains."]));
    let sent = peer.event(|frame| frame["payload"]["status"] == "sent").await;
    assert_eq!(sent["payload"]["preview"], "It rains.");
    let off = peer.ok("set-heartbeats", json!({"enabled": false})).await;
    assert_eq!(off, json!({"ok": true, "enabled": false}));
    assert_eq!(peer.ok("health", json!({})).await["heartbeatSeconds"], 0);
    let status = peer.ok("status", json!({})).await;
    assert_eq!(status["heartbeat"]["agents"][0]["enabled"], false);
    peer.ok("wake", json!({"mode": "now", "text": "hello?"})).await;
    let skipped = peer.event(|frame| frame["payload"]["reason"] == "disabled").await;
    assert_eq!(skipped["payload"]["status"], "skipped");
    let managed = &peer.ok("cron.list", json!({"includeDisabled": true})).await["jobs"][0];
    assert_eq!(
        (&managed["enabled"], &managed["state"]),
        (&json!(false), &json!({})),
        "none is due"
    );
    assert_eq!(waiting(&mut peer).await, json!(["hello?"]));
    gateway.finish().await;
}

#[tokio::test]
async fn hearts_rest_in_quiet_hours() {
    // Never active now, whatever the time: the hours begin in two hours and end in three.
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let hour = |later: u64| format!("{:02}:00", (seconds.as_secs() / 3600 + later) % 24);
    let config = json!({"every": "1s",
        "activeHours": {"start": hour(2), "end": hour(3), "timezone": "UTC"}});
    let gateway = Setup::new().await.set("agents.defaults.heartbeat", config).start().await;
    let mut peer = gateway.v4().await;
    let event = heartbeat(&mut peer).await;
    assert_eq!((&event["status"], &event["reason"]), (&json!("skipped"), &json!("quiet-hours")));
    gateway.finish().await;
}

#[tokio::test]
async fn a_wrong_heartbeat_is_refused_with_its_place() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let hash = peer.ok("config.get", json!({})).await["hash"].take();
    for (wrong, place) in [
        (json!({"every": "often"}), "agents.defaults.heartbeat.every"),
        (json!({"activeHours": {"start": "25:00"}}), "agents.defaults.heartbeat.activeHours.start"),
    ] {
        let raw = json!({"agents": {"defaults": {"heartbeat": wrong}}}).to_string();
        let error = peer.fails("config.patch", json!({"raw": raw, "baseHash": hash})).await;
        assert!(error.to_string().contains(place), "{error}");
    }
    gateway.finish().await;
}

#[tokio::test]
async fn what_a_node_says_of_itself_is_for_the_presence_list() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let scopes = ["operator.admin"];
    let event = json!({"text": "Node: example · mode ui", "deviceId": "dev1", "host": "example",
        "ip": "192.0.2.7", "reason": "periodic", "scopes": scopes});
    peer.ok("system-event", event).await;
    let all = peer.ok("system-presence", json!({})).await;
    let entry = all.as_array().unwrap().iter().find(|entry| entry["deviceId"] == "dev1").unwrap();
    assert_eq!((&entry["host"], &entry["ip"]), (&json!("example"), &json!("192.0.2.7")));
    peer.event(|frame| {
        frame["event"] == "presence" && frame["payload"].to_string().contains("dev1")
    })
    .await;
    assert_eq!(waiting(&mut peer).await, json!([]));
    let mut writer = gateway.join(Connect::v4().scopes(&["operator.write"])).await;
    let error = writer.fails("system-event", json!({"text": "hi"})).await;
    assert_eq!(error["details"]["missingScope"], "operator.admin");
    gateway.finish().await;
}
