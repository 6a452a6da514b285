//! Jobs, events and devices, changed and shown.

use clawdbot_tests::TestGateway;
use serde_json::json;

use crate::CLAWDBOT;

#[tokio::test]
async fn a_job_is_added_listed_and_removed() {
    let gateway = TestGateway::start().await;
    let add = [
        "cron",
        "add",
        "--name",
        "morning",
        "--cron",
        "0 8 * * *",
        "--tz",
        "Europe/Paris",
        "--message",
        "What is new?",
        "--json",
    ];
    let job = gateway.cli(CLAWDBOT, &add).await.json();
    assert_eq!(job["schedule"]["expr"], "0 8 * * *");
    assert_eq!(job["payload"]["kind"], "agentTurn");
    let list = gateway.cli(CLAWDBOT, &["cron", "list"]).await.ok();
    assert!(list.contains("morning") && list.contains("0 8 * * * (Europe/Paris)"), "{list}");
    let id = job["id"].as_str().unwrap();
    gateway.cli(CLAWDBOT, &["cron", "remove", id]).await.ok();
    assert_eq!(gateway.cli(CLAWDBOT, &["cron", "remove", id]).await.code(), 1);
    gateway.finish().await;
}

#[tokio::test]
async fn an_event_waits_for_the_assistant() {
    let gateway = TestGateway::start().await;
    gateway.cli(CLAWDBOT, &["system", "event", "--text", "The door opened"]).await.ok();
    let status = gateway.cli(CLAWDBOT, &["status", "--json"]).await.json();
    assert_eq!(status["queuedSystemEvents"], json!(["The door opened"]));
    gateway.finish().await;
}

#[tokio::test]
async fn a_node_that_is_not_there_is_named() {
    let gateway = TestGateway::start().await;
    let ran = gateway.cli(CLAWDBOT, &["nodes", "invoke", "nobody", "device.info"]).await;
    assert_ne!(ran.code(), 0);
    assert!(!ran.stderr.is_empty());
    let ran = gateway.cli(CLAWDBOT, &["nodes", "invoke", "x", "y", "--params", "{"]).await;
    assert!(ran.stderr.contains("--params is not JSON"), "{}", ran.stderr);
    gateway.finish().await;
}
