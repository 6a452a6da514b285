//! Protocol §13.2 to §13.8: the order of a run's frames, compared with the recorded runs.

use clawdbot_tests::{
    Connect, Gate, Peer, Script, Step, TestGateway, merge, of_event, of_recording,
};
use serde_json::{Value, json};

/// Sends a message and answers every frame up to the end of its run.
async fn run(peer: &mut Peer, key: &str) -> Vec<Value> {
    let params = json!({"sessionKey": key, "message": "hi", "idempotencyKey": "t-1"});
    peer.post("chat.send", params).await;
    peer.until(|frame| is_chat(frame, "final") || is_chat(frame, "error")).await
}

fn is_chat(frame: &Value, state: &str) -> bool {
    frame["event"] == "chat" && frame["payload"]["state"] == state
}

fn steps(frames: &[Value]) -> Vec<Step> {
    merge(frames.iter().filter_map(of_event))
}

fn recorded(name: &str) -> Vec<Step> {
    let path = format!("{}/fixtures/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    of_recording(&std::fs::read_to_string(path).unwrap())
}

/// Only `agent` and `chat` events: rows have their own order.
fn events(steps: Vec<Step>) -> Vec<Step> {
    steps.into_iter().filter(|(event, ..)| event != "session.message").collect()
}

async fn follower(gateway: &TestGateway) -> Peer {
    let mut peer = gateway.v4().await;
    peer.ok("sessions.messages.subscribe", json!({"key": "main"})).await;
    peer
}

/// Protocol §13.3: per-run numbers rise, and a chat event has the number of its agent event.
fn check_run_numbers(frames: &[Value]) {
    let mut last = 0;
    for frame in frames.iter().filter(|frame| frame["payload"]["seq"].is_u64()) {
        let seq = frame["payload"]["seq"].as_u64().unwrap();
        match frame["event"].as_str() {
            Some("agent") => assert!(seq > last, "{frame} after {last}"),
            Some("chat") => assert_eq!(seq, last, "{frame}"),
            _ => {}
        }
        last = seq;
    }
}

#[tokio::test]
async fn a_normal_run_in_generation_4() {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::text(["Hel", "lo"]));
    let mut peer = follower(&gateway).await;
    let frames = run(&mut peer, "main").await;
    assert_eq!(steps(&frames), recorded("chat-run-v4"));
    check_run_numbers(&frames);
    let answer = frames.iter().position(|frame| frame["type"] == "res").unwrap();
    let first = frames.iter().position(|frame| frame["payload"]["runId"] == "t-1");
    assert_eq!(first, Some(answer), "the answer precedes the run's first event");
    assert_eq!(frames[answer]["payload"]["status"], "started");
    for frame in
        frames.iter().filter(|frame| matches!(frame["event"].as_str(), Some("agent" | "chat")))
    {
        assert_eq!(frame["payload"]["sessionKey"], "agent:main:main", "the canonical key");
    }
    let deltas = frames.iter().filter(|frame| is_chat(frame, "delta"));
    let text: String =
        deltas.map(|frame| frame["payload"]["deltaText"].as_str().unwrap()).collect();
    assert_eq!(text, "Hello", "increments lose nothing");
    let last = &frames.last().unwrap()["payload"];
    assert_eq!(last["message"]["content"], json!([{"type": "text", "text": "Hello"}]));
    assert_eq!(last["stopReason"], "stop");
    gateway.finish().await;
}

#[tokio::test]
async fn a_normal_run_in_generation_3() {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::text(["Hel", "lo"]));
    let mut peer = gateway.v3().await;
    let frames = run(&mut peer, "main").await;
    assert_eq!(steps(&frames), recorded("chat-run-v3"));
    check_run_numbers(&frames);
    for frame in
        frames.iter().filter(|frame| matches!(frame["event"].as_str(), Some("agent" | "chat")))
    {
        assert_eq!(frame["payload"]["sessionKey"], "main", "the key as requested");
        assert_eq!(frame["payload"].get("deltaText"), None);
        assert_eq!(frame["payload"].get("agentId"), None);
    }
    let delta = frames.iter().rfind(|frame| is_chat(frame, "delta")).unwrap();
    assert!(
        "Hello".starts_with(delta["payload"]["message"]["content"][0]["text"].as_str().unwrap())
    );
    gateway.finish().await;
}

#[tokio::test]
async fn a_run_with_a_tool() {
    let gateway = TestGateway::start().await;
    std::fs::write(gateway.workspace().join("notes.txt"), "a purple note").unwrap();
    gateway.model.push(Script::tool("read", json!({"path": "notes.txt"})));
    gateway.model.push(Script::text(["It says purple."]));
    let mut peer = follower(&gateway).await;
    let mut blind = gateway.join(Connect::v4().set("caps", json!([]))).await;
    let mut v3 = gateway.join(Connect::v3().set("caps", json!([]))).await;
    let frames = run(&mut peer, "main").await;
    // The tool's row is announced here as well.
    let ours: Vec<Step> =
        steps(&frames).into_iter().filter(|(_, role, _)| role != "toolResult").collect();
    assert_eq!(ours, recorded("chat-tool-v4"));
    check_run_numbers(&frames);
    let result = frames.iter().find(|frame| frame["payload"]["data"]["phase"] == "result").unwrap();
    let data = &result["payload"]["data"];
    assert_eq!((&data["name"], &data["isError"]), (&json!("read"), &json!(false)));
    assert!(data["result"]["content"][0]["text"].as_str().unwrap().contains("purple"));
    // §13.5: without the capability, and in generation 3 without `verboseLevel`, no tool events.
    for other in [&mut blind, &mut v3] {
        let seen = other.until(|frame| is_chat(frame, "final")).await;
        assert!(!seen.iter().any(|frame| frame["payload"]["stream"] == "tool"));
    }
    let asked = &gateway.model.requests()[1]["messages"];
    assert!(asked.to_string().contains("a purple note"), "the model got the tool's answer");
    gateway.finish().await;
}

#[tokio::test]
async fn verbose_sessions_show_tools_to_generation_3() {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::tool("session_status", json!({})));
    gateway.model.push(Script::text(["fine"]));
    let mut v3 = gateway.join(Connect::v3().set("caps", json!([]))).await;
    v3.ok("sessions.patch", json!({"key": "main", "verboseLevel": "on"})).await;
    let frames = run(&mut v3, "main").await;
    let phases: Vec<&Value> = frames
        .iter()
        .filter(|frame| frame["payload"]["stream"] == "tool")
        .map(|frame| &frame["payload"]["data"]["phase"])
        .collect();
    assert_eq!(phases, ["start", "result"]);
    gateway.finish().await;
}

#[tokio::test]
async fn an_aborted_run() {
    let gateway = TestGateway::start().await;
    let gate = Gate::new();
    for generation in [4, 3] {
        let mut peer = if generation == 4 { follower(&gateway).await } else { gateway.v3().await };
        gateway.model.push(Script::text(["half a "]).hold(&gate).say("story"));
        let key = format!("abort-{generation}");
        let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": key});
        peer.post("chat.send", send).await;
        let mut frames = peer.until(|frame| is_chat(frame, "delta")).await;
        let id = peer.post("chat.abort", json!({"sessionKey": "main", "runId": key})).await;
        frames.extend(peer.until(|frame| frame["id"] == id.as_str()).await);
        let answer = frames.last().unwrap();
        assert_eq!(answer["payload"], json!({"ok": true, "aborted": true, "runIds": [key]}));
        // Generation 3 recorded no lifecycle end, generation 4 a late lifecycle error besides.
        let mut want = events(recorded(&format!("chat-abort-v{generation}")));
        want.retain(|(.., phase)| phase != "error" && phase != "end");
        let mut ours = events(steps(&frames));
        assert_eq!(ours.pop().unwrap().2, "end");
        assert_eq!(ours, want, "generation {generation}");
        let aborted = &frames.iter().find(|frame| is_chat(frame, "aborted")).unwrap()["payload"];
        assert_eq!(aborted["stopReason"], "rpc");
        assert_eq!(aborted["message"]["content"][0]["text"], "half a ");
    }
    gateway.finish().await;
}

#[tokio::test]
async fn a_failing_run() {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::error(400, "the model says no"));
    let mut peer = follower(&gateway).await;
    let mut v3 = gateway.v3().await;
    let frames = run(&mut peer, "main").await;
    // Recorded besides: a `finishing` phase, and the same error a second time (§13.3).
    let mut want = events(recorded("chat-error-v4"));
    want.retain(|(.., phase)| phase != "finishing");
    want.dedup();
    assert_eq!(events(steps(&frames)), want);
    check_run_numbers(&frames);
    let error = &frames.last().unwrap()["payload"];
    assert!(error["errorMessage"].as_str().unwrap().contains("the model says no"), "{error}");
    assert_eq!(error["errorDetail"]["httpStatus"], 400);
    assert_eq!(error["errorDetail"]["provider"], "fake");
    // Generation 3 recorded an empty `final`; here it is told the error its schema has (§13.3).
    let seen = v3.until(|frame| is_chat(frame, "error")).await;
    let old = &seen.last().unwrap()["payload"];
    assert_eq!(old["errorMessage"], error["errorMessage"]);
    assert_eq!(old.get("errorDetail"), None);
    // The failure is in the transcript, and the next message works.
    let history = peer.ok("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(history["messages"][1]["stopReason"], "error");
    gateway.model.push(Script::text(["better"]));
    let send = json!({"sessionKey": "main", "message": "again", "idempotencyKey": "t-2"});
    peer.ok("chat.send", send).await;
    assert_eq!(peer.terminal("t-2").await["state"], "final");
    gateway.finish().await;
}

#[tokio::test]
async fn a_provider_that_hangs_up_is_a_failed_run_with_its_text_kept() {
    let gateway = TestGateway::start().await;
    let gate = Gate::new();
    gateway.model.push(Script::text(["so far "]).hold(&gate).disconnect());
    let mut peer = gateway.v4().await;
    let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "t-1"});
    peer.ok("chat.send", send).await;
    peer.event(|frame| is_chat(frame, "delta")).await;
    gate.open();
    assert_eq!(peer.terminal("t-1").await["state"], "error");
    let history = peer.ok("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(history["messages"][1]["content"][0]["text"], "so far ", "{history:#}");
    gateway.finish().await;
}

#[tokio::test]
async fn a_stalled_provider_ends_with_the_run_timeout() {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::text(["so far "]).stall());
    let mut peer = gateway.v4().await;
    let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "t-1",
        "timeoutMs": 300});
    peer.ok("chat.send", send).await;
    let end = peer.terminal("t-1").await;
    assert_eq!((&end["state"], &end["stopReason"]), (&json!("aborted"), &json!("timeout")));
    gateway.finish().await;
}
