//! What a job does when its moment comes.

use clawdbot_tests::{Gate, Script, TestGateway};
use serde_json::json;

use super::{add, finished, hourly, soon_at, turn};

#[tokio::test]
async fn an_isolated_job_asks_in_a_conversation_of_its_own_that_starts_over() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let id = add(&mut peer, turn(hourly(), "what is new?")).await;
    for answer in ["answer one", "answer two"] {
        gateway.model.push(Script::text([answer]));
        peer.ok("cron.run", json!({"id": id})).await;
        let end = finished(&mut peer, &id).await;
        assert_eq!((&end["status"], &end["summary"]), (&json!("ok"), &json!(answer)));
    }
    let key = format!("agent:main:cron:{id}");
    let history = peer.ok("chat.history", json!({"sessionKey": key})).await;
    let user = &history["messages"].as_array().unwrap().iter().find(|row| row["role"] == "user");
    assert_eq!(user.unwrap()["__openclaw"]["transport"]["clients"][0]["id"], "cron");
    let asked = gateway.model.requests()[1]["messages"].to_string();
    assert!(asked.contains("what is new?") && !asked.contains("answer one"), "{asked}");
    let runs = peer.ok("cron.runs", json!({"id": id})).await;
    assert_eq!(runs["entries"][0]["summary"], "answer two", "the newest first");
    let main = peer.ok("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(main["totalMessages"], 0);
    gateway.finish().await;
}

#[tokio::test]
async fn a_job_of_a_conversation_goes_on_with_it() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let mut job = turn(hourly(), "and now?");
    job["sessionTarget"] = json!("current");
    job["sessionKey"] = json!("room");
    let job = peer.ok("cron.add", job).await;
    assert_eq!(job["sessionTarget"], "session:room");
    let id = job["id"].as_str().unwrap();
    for answer in ["answer one", "answer two"] {
        gateway.model.push(Script::text([answer]));
        peer.ok("cron.run", json!({"id": id})).await;
        finished(&mut peer, id).await;
    }
    let asked = gateway.model.requests()[1]["messages"].to_string();
    assert!(asked.contains("answer one"), "{asked}");
    gateway.finish().await;
}

#[tokio::test]
async fn a_job_chooses_model_and_time_limit() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let mut job = turn(hourly(), "hi");
    job["payload"]["model"] = json!("nobody/nothing");
    let id = add(&mut peer, job).await;
    peer.ok("cron.run", json!({"id": id})).await;
    let end = finished(&mut peer, &id).await;
    assert_eq!(end["status"], "error", "{end}");
    assert!(end["error"].as_str().unwrap().contains("nobody"), "{end}");

    let patch = json!({"payload": {"model": null, "timeoutSeconds": 1}});
    peer.ok("cron.update", json!({"id": id, "patch": patch})).await;
    gateway.model.push(Script::text(["half"]).stall());
    peer.ok("cron.run", json!({"id": id})).await;
    let end = finished(&mut peer, &id).await;
    assert_eq!(end["error"], "the run took too long and was stopped");
    gateway.finish().await;
}

#[tokio::test]
async fn once_comes_by_itself_and_is_over() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    gateway.model.push(Script::text(["kept"]));
    let id = add(&mut peer, turn(soon_at(), "hi")).await;
    assert!(finished(&mut peer, &id).await["runId"].as_str().unwrap().starts_with("cron:"));
    let job = peer.ok("cron.get", json!({"id": id})).await;
    assert_eq!((&job["enabled"], job.get("nextRunAtMs")), (&json!(false), None));

    gateway.model.push(Script::text(["gone"]));
    let mut job = turn(soon_at(), "hi");
    job["deleteAfterRun"] = json!(true);
    let id = add(&mut peer, job).await;
    finished(&mut peer, &id).await;
    peer.event(|frame| frame["payload"]["jobId"] == id && frame["payload"]["action"] == "removed")
        .await;
    peer.fails("cron.get", json!({"id": id})).await;
    gateway.finish().await;
}

#[tokio::test]
async fn a_failure_is_recorded_with_its_error() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    gateway.model.push(Script::error(400, "no such luck"));
    let mut job = turn(soon_at(), "hi");
    job["deleteAfterRun"] = json!(true);
    let id = add(&mut peer, job).await;
    let end = finished(&mut peer, &id).await;
    assert_eq!((&end["status"], &end["completionStatus"]), (&json!("error"), &json!("failed")));
    assert!(end["error"].as_str().unwrap().contains("no such luck"), "{end}");
    let job = peer.ok("cron.get", json!({"id": id})).await;
    assert_eq!(job["state"]["lastStatus"], "error");
    assert_eq!(job["state"]["consecutiveErrors"], 1);
    assert_eq!(job["enabled"], false, "it is neither removed nor tried again");
    gateway.finish().await;
}

#[tokio::test]
async fn jobs_wait_their_turn_and_one_job_does_not_run_twice_at_once_dos_09() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let gate = Gate::new();
    gateway.model.push(Script::text(["slow"]).hold(&gate));
    gateway.model.push(Script::text(["next"]));
    let (first, second) =
        (add(&mut peer, turn(hourly(), "1")).await, add(&mut peer, turn(hourly(), "2")).await);
    peer.ok("cron.run", json!({"id": first})).await;
    peer.event(|frame| frame["payload"]["action"] == "started").await;
    peer.ok("cron.run", json!({"id": second})).await;
    let again = peer.ok("cron.run", json!({"id": first})).await;
    assert_eq!(again, json!({"ok": true, "ran": false, "reason": "already-running"}));
    let waiting = peer.ok("cron.get", json!({"id": second})).await;
    assert_eq!(waiting["state"].get("runningAtMs"), None, "cron.maxConcurrentRuns is 1");
    gate.open();
    finished(&mut peer, &first).await;
    assert_eq!(finished(&mut peer, &second).await["summary"], "next");
    gateway.finish().await;
}
