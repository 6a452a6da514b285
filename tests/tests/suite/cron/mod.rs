//! Protocol §14.9: scheduled jobs, in both generations.

mod delivery;
mod jobs;
mod restarts;
mod runs;
mod webhooks;

use clawdbot_store::{DocChange, Store};
use clawdbot_tests::{Peer, Setup};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_gateway-under-test");
const HOUR: i64 = 3_600_000;

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// An isolated job that asks `message`.
fn turn(schedule: Value, message: &str) -> Value {
    json!({
        "name": "Example", "schedule": schedule, "sessionTarget": "isolated",
        "wakeMode": "next-heartbeat", "payload": {"kind": "agentTurn", "message": message},
    })
}

fn hourly() -> Value {
    json!({"kind": "every", "everyMs": HOUR})
}

fn soon_at() -> Value {
    json!({"kind": "at", "atMs": now_ms() + 50})
}

async fn add(peer: &mut Peer, job: Value) -> String {
    peer.ok("cron.add", job).await["id"].as_str().unwrap().to_owned()
}

/// The event of a run's end.
async fn finished(peer: &mut Peer, id: &str) -> Value {
    let event = peer.event(|frame| {
        frame["event"] == "cron"
            && frame["payload"]["jobId"] == id
            && frame["payload"]["action"] == "finished"
    });
    event.await["payload"].take()
}

/// Puts jobs into the database of a gateway that does not run.
async fn put(setup: &Setup, jobs: impl IntoIterator<Item = Value>) {
    let (store, _) = Store::open(&setup.state().join("clawdbot.sqlite")).unwrap();
    let put = |body: Value| DocChange::Put {
        kind: "cron".into(),
        id: body["id"].as_str().unwrap().into(),
        body,
    };
    store.change_docs(jobs.into_iter().map(put).collect()).await.unwrap();
    store.close().await.unwrap();
}

/// A job as generation 3 keeps it in `cron/jobs.json`.
fn kept(id: &str, schedule: Value, state: Value) -> Value {
    json!({
        "id": id, "name": "Kept", "enabled": true, "createdAtMs": 1_000, "updatedAtMs": 1_000,
        "schedule": schedule, "sessionTarget": "isolated", "wakeMode": "next-heartbeat",
        "payload": {"kind": "agentTurn", "message": "say hello", "deliver": false}, "state": state,
    })
}
