//! Jobs: what each generation calls them, what they may be, and who may see and change them.

use clawdbot_tests::{Connect, Script, Setup, TestGateway, fixture, lacks};
use serde_json::{Value, json};

use super::{HOUR, add, finished, hourly, kept, now_ms, put, turn};

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
