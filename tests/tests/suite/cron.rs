//! Protocol §14.9: scheduled jobs, in both generations.

use clawdbot_store::{DocChange, Store};
use clawdbot_tests::{
    Connect, Gate, GatewayProcess, Peer, Script, Setup, TestGateway, fixture, lacks, soon,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

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

#[tokio::test]
async fn generation_4_answers_as_recorded() {
    const OMITTED: &[&str] = &["lastFailureNotificationDeliveryStatus", "consecutiveSkipped"];
    let gateway =
        Setup::new().await.set("agents.defaults.heartbeat", json!({"every": "30m"})).start().await;
    let mut peer = gateway.v4().await;
    let recorded = fixture("cron-v4.json");
    let same = |what: &str, ours: &Value, theirs: &Value| {
        assert_eq!(lacks(ours, theirs, OMITTED), [""; 0], "{what}: {ours:#}");
    };
    for method in ["cron.status", "cron.list"] {
        let example = &recorded[method][0];
        let ours = peer.ok(method, example["params"].clone()).await;
        same(method, &ours, &example["payload"]);
    }
    let list = peer.ok("cron.list", json!({})).await;
    let preview = &list["deliveryPreviews"][list["jobs"][0]["id"].as_str().unwrap()];
    assert_eq!(*preview, json!({"label": "not requested", "detail": "not requested"}));
    let example = &recorded["cron.add"][0];
    let job = peer.ok("cron.add", example["params"].clone()).await;
    same("cron.add", &job, &example["payload"]);
    let id = job["id"].clone();
    let event = peer.event(|frame| frame["event"] == "cron").await;
    same("event", &event["payload"], &recorded["event"]);
    for method in ["cron.update", "cron.run", "cron.runs", "cron.get", "cron.remove"] {
        let example = &recorded[method][0];
        let mut params = example["params"].clone();
        params["id"] = id.clone();
        let ours = peer.ok(method, params).await;
        same(method, &ours, &example["payload"]);
        if method == "cron.run" {
            let end = finished(&mut peer, id.as_str().unwrap()).await;
            assert_eq!(end["runId"], ours["runId"]);
        }
    }
    let error = peer.fails("cron.remove", json!({"id": id})).await;
    assert_eq!(error["code"], "INVALID_REQUEST");
    assert_eq!(error["details"], json!({"code": "CRON_JOB_NOT_FOUND", "jobId": id}));
    let text = format!("Automation not found: {}.", id.as_str().unwrap());
    assert!(error["message"].as_str().unwrap().starts_with(&text), "{error}");
    gateway.finish().await;
}

#[tokio::test]
async fn generation_3_answers_as_recorded_and_waits_for_a_run() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v3().await;
    let recorded = fixture("cron-v3.json");
    for method in ["cron.status", "cron.list"] {
        let ours = peer.ok(method, json!({})).await;
        let theirs = &recorded[method][0]["payload"];
        assert_eq!(lacks(&ours, theirs, &[]), [""; 0], "{method}");
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&ours), names(theirs));
    }
    let id = add(&mut peer, turn(hourly(), "say hello")).await;
    let not_due = peer.ok("cron.run", json!({"jobId": id})).await;
    assert_eq!(not_due, json!({"ok": true, "ran": false, "reason": "not-due"}));
    gateway.model.push(Script::text(["hello"]));
    let ran = peer.ok("cron.run", json!({"jobId": id, "mode": "force"})).await;
    assert_eq!(ran, json!({"ok": true, "ran": true}));
    let runs = peer.ok("cron.runs", json!({"jobId": id})).await;
    assert_eq!(runs["entries"][0]["summary"], "hello", "it answers after the run");
    let removed = peer.ok("cron.remove", json!({"jobId": id})).await;
    assert_eq!(removed, json!({"ok": true, "removed": true}));
    let removed = peer.ok("cron.remove", json!({"jobId": id})).await;
    assert_eq!(removed, json!({"ok": true, "removed": false}));
    gateway.finish().await;
}

#[tokio::test]
async fn each_generation_sees_the_jobs_of_the_other_in_its_own_words() {
    let gateway = TestGateway::start().await;
    let (mut v3, mut v4) = (gateway.v3().await, gateway.v4().await);
    let at = now_ms() + HOUR;
    let mut older = turn(json!({"kind": "at", "atMs": at}), "tell me");
    older["payload"]["deliver"] = json!(true);
    older["payload"]["channel"] = json!("last");
    let id = add(&mut v3, older).await;
    let seen = v4.ok("cron.get", json!({"id": id})).await;
    assert_eq!(seen["schedule"]["kind"], "at");
    assert_eq!(seen["schedule"].get("atMs"), None);
    assert!(seen["schedule"]["at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(seen["delivery"], json!({"mode": "announce", "channel": "last"}));
    assert_eq!(seen["payload"], json!({"kind": "agentTurn", "message": "tell me"}));
    assert_eq!(seen["nextRunAtMs"], at);

    let newer = turn(json!({"kind": "at", "at": seen["schedule"]["at"]}), "tell me too");
    add(&mut v4, newer).await;
    let jobs = v3.ok("cron.list", json!({})).await["jobs"].take();
    for job in jobs.as_array().unwrap() {
        assert_eq!(job["schedule"], json!({"kind": "at", "atMs": at}));
        assert_eq!(job["state"], json!({"nextRunAtMs": at}));
        assert_eq!((job.get("delivery"), job.get("configRevision")), (None, None));
    }
    let first = jobs.as_array().unwrap().iter().find(|job| job["id"] == id.as_str()).unwrap();
    assert_eq!(first["payload"]["deliver"], true);
    gateway.finish().await;
}

#[tokio::test]
async fn what_a_job_must_not_be_is_refused() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let event = json!({"kind": "systemEvent", "text": "ping"});
    let refused = [
        (json!({"sessionTarget": "main"}), "main cron jobs require payload.kind=\"systemEvent\""),
        (json!({"payload": event}), "isolated cron jobs require payload.kind=\"agentTurn\""),
        (json!({"sessionTarget": "session:../../x"}), "sessionTarget: invalid session key"),
        (json!({"sessionTarget": "elsewhere"}), "sessionTarget must be main, isolated"),
        (json!({"agentId": "nobody"}), "unknown agent id \"nobody\""),
        (
            json!({"delivery": {"mode": "webhook", "to": "http://me:pw@example.com/"}}),
            "delivery.to holds credentials",
        ),
        (json!({"payload": {"kind": "heartbeat"}, "sessionTarget": "main"}), "heartbeats are set"),
        (
            json!({"payload": {"kind": "command", "command": "id"}}),
            "invalid cron.add params: at /payload",
        ),
        (json!({"name": "x".repeat(201)}), "invalid cron.add params: at /name"),
        (
            json!({"payload": {"kind": "agentTurn", "message": "x".repeat(20_001)}}),
            "invalid cron.add params: at /payload",
        ),
        (
            json!({"schedule": {"kind": "every", "everyMs": 0}}),
            "invalid cron.add params: at /schedule",
        ),
        (json!({"schedule": {"kind": "cron", "expr": "often"}}), "schedule.expr \"often\" is no"),
    ];
    for (change, message) in refused {
        let mut job = turn(hourly(), "hi");
        job.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let error = peer.fails("cron.add", job).await;
        assert!(error["message"].as_str().unwrap().starts_with(message), "{error}");
    }
    let id = add(&mut peer, turn(hourly(), "hi")).await;
    let patch = json!({"payload": {"message": "x".repeat(20_001)}});
    peer.fails("cron.update", json!({"id": id, "patch": patch})).await;
    let error = peer.fails("cron.update", json!({"patch": {}})).await;
    assert_eq!(error["message"], "invalid cron.update params: missing id");
    assert_eq!(peer.ok("cron.list", json!({})).await["total"], 1);
    gateway.finish().await;
}

#[tokio::test]
async fn a_patch_changes_only_what_it_names() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let mut job = turn(hourly(), "hi");
    job["description"] = json!("what for");
    job["payload"]["thinking"] = json!("high");
    let id = add(&mut peer, job).await;
    let before = peer.ok("cron.get", json!({"id": id})).await;
    let patch = json!({"payload": {"message": "hello"}, "description": null, "id": "other"});
    let after = peer.ok("cron.update", json!({"id": id, "patch": patch})).await;
    let want = json!({"kind": "agentTurn", "message": "hello", "thinking": "high"});
    assert_eq!(after["payload"], want);
    assert_eq!(after.get("description"), None);
    assert_eq!(after["id"], before["id"]);
    assert_eq!(after["nextRunAtMs"], before["nextRunAtMs"], "the schedule goes on");
    assert_ne!(after["configRevision"], before["configRevision"]);
    gateway.finish().await;
}

#[tokio::test]
async fn a_list_has_pages_filters_and_an_order() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    for (name, hours) in [("b", 3), ("a", 1), ("c", 2)] {
        let mut job = turn(json!({"kind": "every", "everyMs": hours * HOUR}), "hi");
        job["name"] = json!(name);
        job["enabled"] = json!(name != "c");
        add(&mut peer, job).await;
    }
    let names = |list: &Value| -> String {
        list["jobs"].as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap()).collect()
    };
    assert_eq!(names(&peer.ok("cron.list", json!({})).await), "ab");
    assert_eq!(names(&peer.ok("cron.list", json!({"enabled": "disabled"})).await), "c");
    assert_eq!(
        names(&peer.ok("cron.list", json!({"includeDisabled": true, "query": "B"})).await),
        "b"
    );
    let boot = json!({"agentId": "main", "includeDisabled": true, "includeDeliveryPreviews": false,
        "compact": true, "limit": 2, "offset": 0, "enabled": "all", "sortBy": "name", "sortDir": "desc"});
    let page = peer.ok("cron.list", boot).await;
    assert_eq!(names(&page), "cb");
    assert_eq!((&page["hasMore"], &page["nextOffset"]), (&json!(true), &json!(2)));
    assert_eq!(page.get("deliveryPreviews"), None);
    let rest =
        json!({"enabled": "all", "sortBy": "name", "sortDir": "desc", "limit": 2, "offset": 2});
    assert_eq!(names(&peer.ok("cron.list", rest).await), "a");
    gateway.finish().await;
}

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

#[tokio::test]
async fn no_more_jobs_than_there_may_be_dos_09() {
    let setup = Setup::new().await;
    let far = || json!({"kind": "every", "everyMs": 100 * HOUR, "anchorMs": now_ms() + HOUR});
    put(&setup, (0..499).map(|n| kept(&format!("job-{n}"), far(), json!({})))).await;
    let gateway = setup.start().await;
    let mut peer = gateway.v4().await;
    add(&mut peer, turn(hourly(), "the last one")).await;
    let error = peer.fails("cron.add", turn(hourly(), "one more")).await;
    assert!(
        error["message"].as_str().unwrap().starts_with("there are 500 jobs already"),
        "{error}"
    );
    assert_eq!(peer.ok("cron.status", json!({})).await["jobs"], 500);
    gateway.finish().await;
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

#[tokio::test]
async fn jobs_are_for_administrators_and_readers_may_look() {
    let gateway = TestGateway::start().await;
    let mut admin = gateway.v4().await;
    let id = add(&mut admin, turn(hourly(), "hi")).await;
    let scopes = ["operator.read", "operator.write"];
    let mut writer = gateway.join(Connect::v4().scopes(&scopes)).await;
    for (method, params) in [
        ("cron.add", turn(hourly(), "hi")),
        ("cron.update", json!({"id": id, "patch": {"enabled": false}})),
        ("cron.run", json!({"id": id})),
        ("cron.remove", json!({"id": id})),
    ] {
        assert_eq!(writer.fails(method, params).await["details"]["missingScope"], "operator.admin");
    }
    assert_eq!(writer.ok("cron.list", json!({})).await["total"], 1);
    admin.ok("cron.remove", json!({"id": id})).await;
    let gone = writer.event(|frame| frame["event"] == "cron").await;
    assert_eq!(gone["payload"]["action"], "removed");
    gateway.finish().await;
}

/// A server that books what is posted to it and answers `head`.
async fn receiver(head: &'static str) -> (u16, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, posted) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let mut request = String::new();
            while !request.ends_with('}') {
                let mut part = [0; 4096];
                let read = tcp.read(&mut part).await.unwrap();
                request.push_str(std::str::from_utf8(&part[..read]).unwrap());
                if read == 0 {
                    break;
                }
            }
            let answer =
                format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            tcp.write_all(answer.as_bytes()).await.unwrap();
            let _ = sender.send(request);
        }
    });
    (port, posted)
}

/// Runs a job that posts its answer to `to`, and answers its end.
async fn posting(gateway: &TestGateway, peer: &mut Peer, to: &str) -> Value {
    gateway.model.push(Script::text(["All is well."]));
    let mut job = turn(hourly(), "look");
    job["delivery"] = json!({"mode": "webhook", "to": to});
    let id = add(peer, job).await;
    peer.ok("cron.run", json!({"id": id, "mode": "force"})).await;
    finished(peer, &id).await
}

#[tokio::test]
async fn an_answer_is_posted_to_a_webhook() {
    let (port, mut posted) = receiver("204 No Content").await;
    let private = json!([format!("127.0.0.1:{port}")]);
    let gateway = Setup::new().await.set("cron.webhookPrivateHosts", private).start().await;
    let mut peer = gateway.v4().await;
    let end = posting(&gateway, &mut peer, &format!("http://127.0.0.1:{port}/hook?a=b")).await;
    assert_eq!(
        (&end["status"], &end["deliveryStatus"]),
        (&json!("ok"), &json!("delivered")),
        "{end}"
    );
    let request = posted.recv().await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook?a=b HTTP/1.1"), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!((&body["text"], &body["jobId"]), (&json!("All is well."), &end["jobId"]));
    assert!(!request.contains(clawdbot_tests::TOKEN));
    gateway.finish().await;
}

#[tokio::test]
async fn a_webhook_that_talks_without_end_is_not_listened_to_net_04() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let talking = tokio::spawn(async move {
        let mut tcp = listener.accept().await.unwrap().0;
        let _ = tcp.read(&mut [0; 4096]).await;
        tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n").await.unwrap();
        let mut said = 0;
        while tcp.write_all(&[b'x'; 65_536]).await.is_ok() {
            said += 65_536;
        }
        said
    });
    let private = json!([format!("127.0.0.1:{port}")]);
    let gateway = Setup::new().await.set("cron.webhookPrivateHosts", private).start().await;
    let mut peer = gateway.v4().await;
    let end = posting(&gateway, &mut peer, &format!("http://127.0.0.1:{port}/")).await;
    assert_eq!(end["deliveryStatus"], "delivered", "{end}");
    // As much as the system keeps for a connection that nobody reads from.
    let said = soon("the end of the talk", talking).await.unwrap();
    assert!(said < 32 << 20, "{said} bytes were taken");
    gateway.finish().await;
}

#[tokio::test]
async fn a_webhook_reaches_nothing_inside_net_01_net_02_net_03() {
    let (canary, mut touched) = receiver("200 OK").await;
    let to_canary: &'static str =
        Box::leak(format!("302 Found\r\nLocation: http://127.0.0.1:{canary}/").into_boxed_str());
    let (redirecting, _posted) = receiver(to_canary).await;
    let private = json!([format!("127.0.0.1:{redirecting}")]);
    let gateway = Setup::new().await.set("cron.webhookPrivateHosts", private).start().await;
    let mut peer = gateway.v4().await;
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0.0.0.0"]
    {
        let end = posting(&gateway, &mut peer, &format!("http://{host}:{canary}/")).await;
        let error = end["error"].as_str().unwrap_or_default();
        assert!(error.contains("not public"), "{host}: {end}");
        assert_eq!(end["deliveryStatus"], "not-delivered");
    }
    let end = posting(&gateway, &mut peer, &format!("http://127.0.0.1:{redirecting}/")).await;
    assert!(end["error"].as_str().unwrap().contains("redirects are not followed"), "{end}");
    assert!(touched.try_recv().is_err(), "the canary was reached");
    gateway.finish().await;
}
