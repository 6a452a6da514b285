//! Protocol §14 and §15, by data: every recorded request that `conformance.rs` does not tell as a
//! story is asked as it was recorded, but for writing the configuration, whose answers are the document. What `hello.features.methods` lists has to answer as recorded;
//! what it does not list has to be an unknown method.

use std::collections::BTreeSet;
use std::sync::Arc;

use clawdbot_protocol::DeviceIdentity;
use clawdbot_tests::{Connect, Peer, TestGateway, fixture, lacks};
use serde_json::{Value, json};

/// Members of params that name something of the recorded gateway: a request with one of them may be
/// refused here although it was granted there, and the other way round.
const NAMING: [&str; 11] = [
    "sessionKey",
    "id",
    "requestId",
    "nodeId",
    "deviceId",
    "jobId",
    "sessionId",
    "runId",
    "baseHash",
    "key",
    "approvalId",
];

/// Recorded members that this gateway does not have, by what they belong to.
const OMITTED: &[&str] = &[
    // Its runtime and its plugins.
    "eventLoop",
    "processMemory",
    "defaultAgentUtilityModel",
    "accountSelection",
    // What depends on the moment: who decides, and how much there was to shorten.
    "/decision",
    "/kept",
    // What a job has only where it was given; previews are by the recorded jobs' ids.
    "/jobs/*/declarationKey",
    "/jobs/*/displayName",
    "/jobs/*/agentId",
    "/jobs/*/effectiveAgentId",
    "deliveryPreviews",
    // The socket of its desktop program, and how its figures are kept.
    "/file/socket",
    "cacheStatus",
    // Updating is left to packages: nothing restarts and nothing is kept of it.
    "signal",
    // Its canvas, and its words about settings.
    "canvas",
    "hintPath",
    "advanced",
    "/schema/title",
    "/sentinel/path",
];

#[tokio::test]
async fn every_recorded_request_is_answered_as_recorded_or_unknown_in_generation_4() {
    let gateway = TestGateway::start().await;
    // Some of what is asked starts runs.
    gateway.model.echo();
    let mut asked = Asked::new(&gateway, Connect::v4()).await;
    let identity = Arc::new(DeviceIdentity::from_seed(&[7; 32]));
    let node = Connect::v4().client("node-host", "node").set("role", json!("node")).scopes(&[]);
    let mut node = gateway.join(node.device(&identity)).await;
    for (method, examples) in fixture("recorded-v4.json").as_object().unwrap() {
        for example in examples.as_array().unwrap() {
            asked.compare(method, example, Some(&mut node)).await;
        }
    }
    asked.finish();
    gateway.finish().await;
}

#[tokio::test]
async fn every_recorded_request_is_answered_as_recorded_or_unknown_in_generation_3() {
    let gateway = TestGateway::start().await;
    // Some of what is asked starts runs.
    gateway.model.echo();
    let mut asked = Asked::new(&gateway, Connect::v3()).await;
    for (method, examples) in fixture("recorded-v3.json").as_object().unwrap() {
        // Recorded from a page; from the command line it is allowed.
        if method == "talk.mode" {
            continue;
        }
        for example in examples.as_array().unwrap() {
            asked.compare(method, example, None).await;
        }
    }
    asked.finish();
    gateway.finish().await;
}

/// Recorded members of events that this gateway does not have: its plugins and runtime, and what
/// presence does not tell about machines.
const OMITTED_IN_EVENTS: &[&str] = &[
    "plugins",
    "configReload",
    "modelRuntime",
    "eventLoop",
    "/agents/*/heartbeat/prompt",
    "/agents/*/heartbeat/target",
    "/agents/*/heartbeat/ackMaxChars",
    "/presence/*/ip",
    "/presence/*/deviceFamily",
    "/presence/*/instanceId",
];

/// §11.3. The events of runs are compared in `traces.rs`.
#[tokio::test]
async fn events_around_runs_have_the_recorded_members() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let _other = gateway.join(Connect::v4().client("gateway-client", "ui")).await;
    peer.ok("talk.mode", json!({"enabled": true, "phase": "listening"})).await;
    peer.ok("voicewake.set", json!({"triggers": ["claude"]})).await;
    peer.ok("skills.update", json!({"skillKey": "tea", "enabled": true})).await;
    let mut wrong = Vec::new();
    for (name, recorded) in fixture("events-v4.json").as_object().unwrap() {
        let event = peer.event(|frame| frame["event"] == name.as_str()).await;
        let lacking = lacks(&event["payload"], recorded, OMITTED_IN_EVENTS);
        wrong.extend(lacking.iter().map(|lacking| format!("{name}{lacking}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    gateway.finish().await;
}

/// A peer and what it found.
struct Asked {
    peer: Peer,
    listed: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Asked {
    async fn new(gateway: &TestGateway, connect: Connect) -> Self {
        let mut peer = gateway.peer().await;
        let hello = peer.connect(connect).await.unwrap();
        let listed = hello["features"]["methods"].as_array().unwrap();
        let listed = listed.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        Self { peer, listed, wrong: Vec::new() }
    }

    async fn compare(&mut self, method: &str, example: &Value, node: Option<&mut Peer>) {
        let params = &example["params"];
        let mut ours = self.peer.request(method, params.clone()).await;
        let unknown = ours["error"]["message"] == format!("unknown method: {method}");
        if unknown && !self.listed.contains(method) {
            return;
        }
        if ours["error"]["message"] == "unauthorized role: operator"
            && example.get("error").is_none()
            && let Some(node) = node
        {
            ours = node.request(method, params.clone()).await;
        }
        let problem = difference(&ours, example);
        self.wrong.extend(problem.map(|problem| format!("{method} {params}: {problem}")));
    }

    fn finish(self) {
        assert!(self.wrong.is_empty(), "{:#?}", self.wrong);
    }
}

fn difference(ours: &Value, example: &Value) -> Option<String> {
    let (payload, error) = (example.get("payload"), example.get("error"));
    if names_something(&example["params"]) && (error.is_some() || ours["ok"] == false) {
        let words = ours["error"]["message"].as_str().unwrap_or_default();
        let told = ours["ok"] == true || !words.is_empty();
        return (!told).then(|| format!("a refusal without words: {ours}"));
    }
    if let Some(error) = error
        && !same_error(&ours["error"], error)
    {
        return Some(format!("{ours}, recorded {error}"));
    }
    if error.is_none() && ours["ok"] != true {
        return Some(format!("{ours}, recorded a success"));
    }
    let lacking = lacks(&ours["payload"], payload?, OMITTED);
    (!lacking.is_empty()).then(|| format!("{lacking:?}"))
}

fn names_something(params: &Value) -> bool {
    NAMING.iter().any(|name| params.get(name).is_some())
}

/// To the letter, as far as the recording has it.
fn same_error(ours: &Value, recorded: &Value) -> bool {
    let Some((start, _)) =
        recorded["message"].as_str().and_then(|message| message.split_once("… <shortened>"))
    else {
        return ours == recorded;
    };
    let begins = ours["message"].as_str().is_some_and(|message| message.starts_with(start));
    begins && ours["code"] == recorded["code"]
}

#[test]
fn a_comparison_can_fail() {
    let example = json!({"params": {}, "payload": {"jobs": []}});
    assert_eq!(difference(&json!({"ok": true, "payload": {"jobs": [1]}}), &example), None);
    assert!(difference(&json!({"ok": true, "payload": {}}), &example).is_some());
    assert!(difference(&json!({"ok": false, "error": {"message": "no"}}), &example).is_some());
    let example = json!({"params": {}, "error": {"code": "X", "message": "Err: a… <shortened>"}});
    let ours = |message| json!({"ok": false, "error": {"code": "X", "message": message}});
    assert_eq!(difference(&ours("Err: a b"), &example), None);
    assert!(difference(&ours("Err: b"), &example).is_some());
}
