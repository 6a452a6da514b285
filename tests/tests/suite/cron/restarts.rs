//! What becomes of jobs and their runs when the gateway stops, and while cron is off.

use clawdbot_tests::{Connect, Gate, GatewayProcess, Script, Setup, TestGateway, soon};
use serde_json::{Value, json};

use super::{HOUR, PROGRAM, add, finished, kept, now_ms, put, soon_at, turn};

#[tokio::test]
async fn what_was_missed_is_made_up_for_once() {
    let setup = Setup::new().await;
    let past = now_ms() - 48 * HOUR;
    put(
        &setup,
        [
            kept("often", json!({"kind": "every", "everyMs": HOUR}), json!({"nextRunAtMs": past})),
            kept("once", json!({"kind": "at", "atMs": past}), json!({})),
            kept(
                "daily",
                json!({"kind": "cron", "expr": "0 9 * * *", "tz": "Europe/Paris"}),
                json!({"nextRunAtMs": past}),
            ),
        ],
    )
    .await;
    setup.model().echo();
    let gateway = setup.start().await;
    let mut peer = gateway.v4().await;
    soon("three runs", async {
        while gateway.model.requests().len() < 3 {
            peer.ok("cron.list", json!({})).await;
        }
    })
    .await;
    let gateway = gateway.restart().await;
    let mut peer = gateway.v4().await;
    for id in ["often", "once", "daily"] {
        let runs = peer.ok("cron.runs", json!({"id": id})).await;
        assert_eq!(runs["total"], 1, "{id}: {runs:#}");
        let job = peer.ok("cron.get", json!({"id": id})).await;
        assert_eq!(job["enabled"], id != "once");
        assert!(id == "once" || job["nextRunAtMs"].as_i64().unwrap() > now_ms(), "{job:#}");
    }
    assert_eq!(gateway.model.requests().len(), 3);
    gateway.finish().await;
}

#[tokio::test]
async fn a_run_under_way_at_a_crash_is_recorded_and_not_repeated() {
    let setup = Setup::new().await;
    setup.write();
    let gate = Gate::new();
    setup.model().push(Script::text(["half"]).hold(&gate));
    let gateway = GatewayProcess::start(PROGRAM, setup.home()).await;
    let mut peer = gateway.peer().await;
    peer.connect(Connect::v4()).await.unwrap();
    let id = add(&mut peer, turn(soon_at(), "hi")).await;
    peer.event(|frame| frame["event"] == "agent" && frame["payload"]["stream"] == "assistant")
        .await;
    let job = peer.ok("cron.get", json!({"id": id})).await;
    assert!(job["state"]["runningAtMs"].is_i64(), "{job:#}");
    gateway.kill().await;

    let gateway = GatewayProcess::start(PROGRAM, setup.home()).await;
    let mut peer = gateway.peer().await;
    peer.connect(Connect::v4()).await.unwrap();
    let job = peer.ok("cron.get", json!({"id": id})).await;
    assert_eq!(job["state"].get("runningAtMs"), None);
    assert_eq!((&job["enabled"], &job["state"]["lastStatus"]), (&json!(false), &json!("error")));
    let runs = peer.ok("cron.runs", json!({"id": id})).await;
    assert_eq!(runs["total"], 1);
    assert_eq!(
        runs["entries"][0]["error"],
        "the gateway stopped during this run; it is not repeated"
    );
    assert!(gateway.stop().await.success());
}

#[tokio::test]
async fn a_run_under_way_when_the_gateway_stops_is_recorded_and_not_repeated() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    gateway.model.push(Script::text(["half"]).stall());
    let id = add(&mut peer, turn(soon_at(), "hi")).await;
    peer.event(|frame| frame["event"] == "agent" && frame["payload"]["stream"] == "assistant")
        .await;
    let gateway = gateway.restart().await;
    let mut peer = gateway.v4().await;
    let runs = peer.ok("cron.runs", json!({"id": id})).await;
    assert_eq!(runs["total"], 1);
    let entry = &runs["entries"][0];
    assert_eq!(entry["error"], "the gateway stopped during this run; it is not repeated");
    assert_eq!(entry["summary"], "half");
    assert_eq!(peer.ok("cron.get", json!({"id": id})).await["enabled"], false);
    gateway.finish().await;
}

#[tokio::test]
async fn the_environment_can_keep_jobs_from_running() {
    let setup = Setup::new().await;
    setup.write();
    let skip = [("CLAWDBOT_SKIP_CRON", "1")];
    let gateway = GatewayProcess::start_with(PROGRAM, setup.home(), &skip).await;
    let mut peer = gateway.peer().await;
    peer.connect(Connect::v4()).await.unwrap();
    assert_eq!(peer.ok("cron.status", json!({})).await["enabled"], false);
    assert!(gateway.stop().await.success());
}

#[tokio::test]
async fn jobs_rest_while_cron_is_off_and_follow_the_configuration() {
    let gateway = Setup::new().await.set("cron", json!({"enabled": false})).start().await;
    let mut peer = gateway.v4().await;
    let id = add(&mut peer, turn(soon_at(), "hi")).await;
    let status = peer.ok("cron.status", json!({})).await;
    assert_eq!((&status["enabled"], &status["nextWakeAtMs"]), (&json!(false), &Value::Null));
    gateway.model.push(Script::text(["at last"]));
    let hash = peer.ok("config.get", json!({})).await["hash"].take();
    let patch = json!({"raw": "{\"cron\": {\"enabled\": true}}", "baseHash": hash});
    peer.ok("config.patch", patch).await;
    assert_eq!(finished(&mut peer, &id).await["summary"], "at last");
    gateway.finish().await;
}
