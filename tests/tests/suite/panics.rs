//! A part of the gateway that panics fails what it was doing, and nothing else (BLD-04).

use std::sync::Arc;

use clawdbot_agent::{
    Api, Model, ModelError, ModelEvent, ModelInfo, ModelRef, ModelRequest, Price,
};
use clawdbot_tests::{Connect, Gate, Script, Setup, TestGateway};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use serde_json::{Value, json};

/// A model with a bug: it panics before its first word, or after it when the gate opens.
struct Buggy {
    info: ModelInfo,
    says: Option<(&'static str, Gate)>,
}

impl Buggy {
    fn new(id: &str, says: Option<(&'static str, Gate)>) -> Arc<Self> {
        let info = ModelInfo {
            reference: ModelRef::new("buggy", id),
            name: "Buggy".to_owned(),
            api: Api::OpenAiCompletions,
            context_window: 100_000,
            max_tokens: 1_000,
            reasoning: false,
            input: Vec::new(),
            cost: Price::default(),
        };
        Arc::new(Self { info, says })
    }
}

impl Model for Buggy {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn stream(&self, _request: ModelRequest) -> BoxStream<'static, Result<ModelEvent, ModelError>> {
        let says = self.says.clone();
        let said = says.iter().map(|(word, _)| Ok(ModelEvent::Text((*word).to_owned())));
        let said: Vec<_> = said.collect();
        let bug = futures_util::stream::once(async move {
            if let Some((_, gate)) = says {
                gate.pass().await;
            }
            panic!("a bug in a model")
        });
        futures_util::stream::iter(said).chain(bug).boxed()
    }
}

async fn gateway(gate: &Gate) -> TestGateway {
    let setup = Setup::new().await.model_of_host(Buggy::new("now", None));
    let later = Buggy::new("later", Some(("so far", gate.clone())));
    setup.model_of_host(later).start().await
}

fn send(session: &str, key: &str) -> Value {
    json!({"sessionKey": session, "message": "hi", "idempotencyKey": key})
}

#[tokio::test]
async fn a_run_that_panics_ends_visibly_and_the_next_one_begins() {
    let gate = Gate::new();
    let gateway = gateway(&gate).await;
    let mut peer = gateway.v4().await;
    let mut older = gateway.v3().await;
    let mut reader = gateway.join(Connect::v4().scopes(&["operator.read"])).await;
    for model in ["now", "later"] {
        peer.ok("sessions.patch", json!({"key": model, "model": format!("buggy/{model}")})).await;
        let run = format!("k-{model}");
        peer.ok("chat.send", send(model, &run)).await;
        if model == "later" {
            let shown = |frame: &Value| {
                frame["payload"]["runId"] == run && frame["payload"]["state"] == "delta"
            };
            peer.event(shown).await;
            gate.open();
        }
        // Everybody is told, and so is whoever waits.
        for peer in [&mut peer, &mut older, &mut reader] {
            let end = peer.terminal(&run).await;
            assert_eq!(end["state"], "error", "{end}");
            let said = end["errorMessage"].as_str().unwrap();
            assert!(said.starts_with("The gateway failed inside this run."), "{said}");
        }
        let waited = peer.ok("agent.wait", json!({"runId": run})).await;
        assert_eq!(waited["status"], "error", "{waited}");
        // The conversation goes on.
        peer.ok("sessions.patch", json!({"key": model, "model": "fake/fake-model"})).await;
        gateway.model.push(Script::text(["fine"]));
        peer.ok("chat.send", send(model, &format!("{run}-next"))).await;
        assert_eq!(peer.terminal(&format!("{run}-next")).await["state"], "final");
    }
    assert_eq!(gateway.gateway.status().borrow().active_runs, 0);

    // What was shown before the panic is kept.
    let gateway = gateway.restart().await;
    let mut peer = gateway.v4().await;
    let history = peer.ok("chat.history", json!({"sessionKey": "later"})).await;
    let row = &history["messages"][1];
    assert_eq!(row["content"][0]["text"], "so far", "{history:#}");
    assert_eq!(row["__openclaw"]["interrupted"], true);
    gateway.finish().await;
}

#[tokio::test]
async fn a_method_that_panics_is_one_failed_request() {
    let gateway = gateway(&Gate::new()).await;
    let mut peer = gateway.v4().await;
    for n in 0..5 {
        gateway.model.push(Script::text(["fine"]));
        let key = format!("k-{n}");
        peer.ok("chat.send", send("main", &key)).await;
        peer.terminal(&key).await;
    }
    peer.ok("sessions.patch", json!({"key": "main", "model": "buggy/now"})).await;
    let error = peer.fails("sessions.compact", json!({"key": "main"})).await;
    assert_eq!(error["message"], "the gateway failed inside this request; see its log");
    // The same socket and the same conversation go on.
    peer.ok("sessions.patch", json!({"key": "main", "model": "fake/fake-model"})).await;
    gateway.model.push(Script::text(["a summary"]));
    assert_eq!(peer.ok("sessions.compact", json!({"key": "main"})).await["compacted"], true);
    gateway.finish().await;
}
