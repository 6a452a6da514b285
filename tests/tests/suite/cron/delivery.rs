//! Where the answer of a job goes inside the gateway.

use clawdbot_tests::{Script, TestGateway};
use serde_json::json;

use super::{add, finished, hourly, turn};

#[tokio::test]
async fn an_answer_is_announced_in_the_main_conversation_and_nowhere_else() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let mut job = turn(hourly(), "hi");
    job["delivery"] = json!({"mode": "announce"});
    let id = add(&mut peer, job).await;
    gateway.model.push(Script::text(["it rains"]));
    peer.ok("cron.run", json!({"id": id})).await;
    assert_eq!(finished(&mut peer, &id).await["deliveryStatus"], "delivered");
    let main = peer.ok("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(main["messages"][0]["content"][0]["text"], "it rains");

    let patch = json!({"delivery": {"channel": "telegram"}});
    peer.ok("cron.update", json!({"id": id, "patch": patch})).await;
    gateway.model.push(Script::text(["it pours"]));
    peer.ok("cron.run", json!({"id": id})).await;
    let end = finished(&mut peer, &id).await;
    assert_eq!(
        (&end["status"], &end["deliveryStatus"]),
        (&json!("error"), &json!("not-delivered"))
    );
    assert!(end["error"].as_str().unwrap().contains("telegram"), "{end}");
    gateway.finish().await;
}

#[tokio::test]
async fn an_isolated_job_of_generation_3_reports_to_the_main_conversation() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v3().await;
    let mut job = turn(hourly(), "hi");
    job["isolation"] = json!({"postToMainPrefix": "Weather"});
    let id = add(&mut peer, job).await;
    gateway.model.push(Script::text(["it rains"]));
    peer.ok("cron.run", json!({"id": id, "mode": "force"})).await;
    let status = peer.ok("status", json!({})).await;
    assert_eq!(status["queuedSystemEvents"], json!(["Weather: it rains"]));
    gateway.finish().await;
}
