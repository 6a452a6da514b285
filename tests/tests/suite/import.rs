//! Protocol §20.1: older state of the original is taken over at the first start, once, and stays
//! as it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clawdbot_protocol::DeviceIdentity;
use clawdbot_store::Store;
use clawdbot_tests::{
    Connect, GatewayProcess, Peer, Script, Setup, TestGateway, fingerprint, fixture, grep, soon,
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_gateway-under-test");

/// Writes an agent's list of sessions and answers the directory for its transcripts.
fn sessions(root: &Path, agent: &str, list: &Value) -> PathBuf {
    let dir = root.join("agents").join(agent).join("sessions");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("sessions.json"), list.to_string()).unwrap();
    dir
}

fn transcript(dir: &Path, name: &str, lines: &[Value]) {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    std::fs::write(dir.join(name), lines.join("\n") + "\n").unwrap();
}

fn said(role: &str, text: &str, ms: i64) -> Value {
    json!({"type": "message", "id": "00000000", "timestamp": ms, "message": {"role": role,
        "content": [{"type": "text", "text": text}], "timestamp": ms}})
}

/// A state directory with the conversation `agent:main:main` that says `text`.
fn small(root: &Path, id: &str, text: &str) {
    let dir =
        sessions(root, "main", &json!({"agent:main:main": {"sessionId": id, "updatedAt": 5}}));
    transcript(&dir, &format!("{id}.jsonl"), &[said("user", text, 5)]);
}

/// Waits until the conversation is there.
async fn appeared(peer: &mut Peer, key: &str) -> Value {
    let look = async {
        loop {
            let history = peer.ok("chat.history", json!({"sessionKey": key})).await;
            if !history["sessionId"].is_null() {
                return history;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    soon("the import", look).await
}

fn texts(history: &Value) -> Vec<String> {
    let text = |content: &Value| match content {
        Value::String(text) => text.clone(),
        blocks => blocks[0]["text"].as_str().unwrap_or_default().to_owned(),
    };
    history["messages"].as_array().unwrap().iter().map(|row| text(&row["content"])).collect()
}

#[tokio::test]
async fn the_recorded_state_of_the_original_is_read_and_left_alone() {
    let setup = Setup::new().await;
    let recorded = fixture("state-v3.json");
    let list = &recorded["agents/main/sessions/sessions.json"];
    let dir = sessions(&setup.state(), "main", list);
    let id = list["agent:main:main"]["sessionId"].as_str().unwrap();
    let lines = recorded["agents/main/sessions/<sessionId>.jsonl (lines)"].as_array().unwrap();
    transcript(&dir, &format!("{id}.jsonl"), lines);
    let before = fingerprint(&setup.state().join("agents"));
    let gateway = setup.start().await;
    let mut peer = gateway.v4().await;
    let history = appeared(&mut peer, "main").await;
    assert_eq!(history["sessionId"], id);
    assert_eq!(
        texts(&history),
        [
            "Hello, who are you?",
            "Hello from the mock model. This reply is streamed in pieces.",
            "SLOW story please",
            "FAIL500 now",
            "",
        ]
    );
    let rows = &history["messages"];
    assert_eq!(rows[0]["__openclaw"]["recordTimestampMs"], 1_795_168_391_004_i64);
    assert_eq!(rows[1]["usage"]["totalTokens"], 23);
    assert_eq!(rows[4]["errorMessage"], "400 mock provider failure");
    let listed = peer.ok("sessions.list", json!({})).await;
    let row = &listed["sessions"][0];
    assert_eq!((&row["label"], &row["updatedAt"]), (&json!("x"), &json!(1_795_168_398_486_i64)));
    assert_eq!(fingerprint(&gateway.state().join("agents")), before);
    // The conversation goes on where it ended.
    gateway.model.push(Script::text(["still here"]));
    let send = json!({"sessionKey": "main", "message": "and now?", "idempotencyKey": "k-1"});
    peer.ok("chat.send", send).await;
    assert_eq!(peer.terminal("k-1").await["state"], "final");
    let asked = gateway.model.requests()[0].to_string();
    assert!(asked.contains("Hello from the mock model") && asked.contains("and now?"), "{asked}");
    assert!(!asked.contains("message_id"), "{asked}");
    gateway.finish().await;
}

#[tokio::test]
async fn tool_steps_and_compactions_are_kept() {
    let setup = Setup::new().await;
    let list =
        json!({"main": {"sessionId": "s-1", "sessionFile": "/old/agents/main/sessions/t.jsonl"}});
    let dir = sessions(&setup.state(), "main", &list);
    let call = json!({"type": "toolCall", "id": "c1", "name": "read", "arguments": {"path": "a"}});
    let image = json!({"type": "image", "mimeType": "image/png", "data": "AAAA"});
    transcript(
        &dir,
        "t.jsonl",
        &[
            said("user", "look at it", 1),
            json!({"type": "message", "message": {"role": "assistant", "content": [call]}}),
            json!({"type": "message", "message": {"role": "toolResult", "toolCallId": "c1",
                "content": [{"type": "text", "text": "file content"}, image]}}),
            json!({"type": "compaction", "summary": "They looked.", "tokensBefore": 9}),
            json!({"type": "branch_summary", "summary": "no"}),
            said("assistant", "seen", 2),
        ],
    );
    let gateway = setup.start().await;
    let mut peer = gateway.v4().await;
    let history = appeared(&mut peer, "main").await;
    assert_eq!(texts(&history), ["look at it", "", "file content", "They looked.", "seen"]);
    assert_eq!(history["messages"][3]["__openclaw"]["kind"], "compaction");
    assert_eq!(history["messages"][2]["content"][1]["type"], "text", "no bytes in the row");
    gateway.model.push(Script::text(["ok"]));
    let send = json!({"sessionKey": "main", "message": "go on", "idempotencyKey": "k-1"});
    peer.ok("chat.send", send).await;
    assert_eq!(peer.terminal("k-1").await["state"], "final");
    let roles: Vec<Value> = gateway.model.requests()[0]["messages"].as_array().unwrap().clone();
    let tool = roles.iter().find(|message| message["role"] == "tool").unwrap();
    assert!(tool.to_string().contains("file content"), "{tool}");
    gateway.finish().await;
}

#[tokio::test]
async fn every_conversation_is_announced_while_people_are_connected() {
    const COUNT: usize = 150;
    let setup = Setup::new().await;
    let list: serde_json::Map<String, Value> = (0..COUNT)
        .map(|n| (format!("agent:main:room-{n}"), json!({"sessionId": format!("id-{n}")})))
        .collect();
    let dir = sessions(&setup.state(), "main", &Value::Object(list));
    for n in 0..COUNT {
        transcript(&dir, &format!("id-{n}.jsonl"), &[said("user", "hi", 5)]);
    }
    let gateway = setup.start().await;
    let mut peer = gateway.v4().await;
    peer.ok("sessions.subscribe", json!({})).await;
    let listed = peer.ok("sessions.list", json!({"limit": 1000})).await;
    let mut known: Vec<String> = listed["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["key"].as_str().unwrap().to_owned())
        .collect();
    while known.len() < COUNT {
        let event = peer.event(|frame| frame["event"] == "sessions.changed").await;
        let key = event["payload"]["sessionKey"].as_str().unwrap().to_owned();
        if !known.contains(&key) {
            known.push(key);
        }
    }
    gateway.finish().await;
}

#[tokio::test]
async fn it_happens_once() {
    let setup = Setup::new().await;
    small(&setup.state(), "s-1", "only once");
    let gateway = setup.start().await;
    let mut peer = gateway.v4().await;
    appeared(&mut peer, "main").await;
    let gateway = gateway.restart().await;
    let mut peer = gateway.v4().await;
    let history = peer.ok("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(texts(&history), ["only once"]);
    // What somebody deletes afterwards stays deleted.
    small(gateway.state(), "s-2", "a second one");
    peer.ok("sessions.create", json!({"key": "other"})).await;
    let gateway = gateway.restart().await;
    let mut peer = gateway.v4().await;
    assert_eq!(peer.ok("sessions.list", json!({})).await["totalCount"], 2);
    gateway.finish().await;
}

#[tokio::test]
async fn it_never_happens_over_existing_data() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    peer.ok("sessions.create", json!({"key": "mine"})).await;
    small(gateway.state(), "s-1", "too late");
    let gateway = gateway.restart().await;
    let mut peer = gateway.v4().await;
    // An import would be over before this answer comes.
    gateway.model.push(Script::text(["hello"]));
    let send = json!({"sessionKey": "mine", "message": "hi", "idempotencyKey": "k-1"});
    peer.ok("chat.send", send).await;
    peer.terminal("k-1").await;
    peer.ok("sessions.delete", json!({"key": "mine"})).await;
    // The database is empty by now, and still not a new one.
    let gateway = gateway.restart().await;
    let mut peer = gateway.v4().await;
    assert_eq!(peer.ok("sessions.list", json!({})).await["totalCount"], 0);
    gateway.finish().await;
}

#[tokio::test]
async fn the_products_other_directories_are_read_too_and_the_newest_one_wins() {
    let setup = Setup::new().await;
    let openclaw = setup.home().join(".openclaw");
    small(&setup.home().join(".moltbot"), "s-1", "from moltbot");
    small(&openclaw, "s-2", "from openclaw");
    let list = std::fs::File::open(openclaw.join("agents/main/sessions/sessions.json")).unwrap();
    list.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(60)).unwrap();
    let gateway = setup.start().await;
    let mut peer = gateway.v4().await;
    assert_eq!(texts(&appeared(&mut peer, "main").await), ["from openclaw"]);
    let other = appeared(&mut peer, "agent:main:imported-s-1").await;
    assert_eq!(texts(&other), ["from moltbot"], "nothing is lost when both have one key");
    gateway.finish().await;
}

#[tokio::test]
async fn kills_in_the_middle_lose_and_double_nothing() {
    const COUNT: usize = 40;
    let setup = Setup::new().await;
    setup.write();
    let ids = (0..COUNT).map(|n| format!("id-{n}"));
    let list: serde_json::Map<String, Value> =
        ids.clone().map(|id| (format!("agent:main:{id}"), json!({"sessionId": id}))).collect();
    let dir = sessions(&setup.state(), "main", &Value::Object(list));
    for id in ids.clone() {
        // More than one piece each, so that a kill can fall between two of them.
        let lines: Vec<Value> = (0..250).map(|n| said("user", &format!("{id} {n}"), 5)).collect();
        transcript(&dir, &format!("{id}.jsonl"), &lines);
    }
    for want in [1, 2, 12, 25, COUNT as u64] {
        let gateway = GatewayProcess::start(PROGRAM, setup.home()).await;
        let mut peer = gateway.peer().await;
        peer.connect(Connect::v4()).await.unwrap();
        let reach = async { while listed(&mut peer).await < want {} };
        soon("the import", reach).await;
        if want < COUNT as u64 {
            gateway.kill().await;
            continue;
        }
        for id in ids.clone() {
            let history = peer.ok("chat.history", json!({"sessionKey": id, "limit": 1000})).await;
            let wanted: Vec<String> = (0..250).map(|n| format!("{id} {n}")).collect();
            assert_eq!(texts(&history), wanted);
        }
        assert_eq!(listed(&mut peer).await, want);
        assert!(gateway.stop().await.success());
    }
}

/// How many conversations there are.
async fn listed(peer: &mut Peer) -> u64 {
    peer.ok("sessions.list", json!({"limit": 1})).await["totalCount"].as_u64().unwrap()
}

fn paired(device: &DeviceIdentity, id: &str, token: &str) -> Value {
    let terms = clawdbot_protocol::ProofTerms {
        client_id: "",
        client_mode: "",
        role: "",
        scopes: &[],
        token: "",
        platform: "",
        device_family: "",
    };
    let scopes = json!(["operator.read", "operator.write"]);
    json!({"deviceId": id, "publicKey": device.prove(&terms, "", 0).public_key,
        "role": "operator", "roles": ["operator"], "scopes": scopes, "platform": "ios",
        "tokens": {"operator": {"token": token, "role": "operator", "scopes": scopes,
            "createdAtMs": 1_700_000_000_000_i64}},
        "createdAtMs": 1_700_000_000_000_i64, "approvedAtMs": 1_700_000_000_000_i64})
}

async fn comes_back(gateway: &TestGateway, device: &Arc<DeviceIdentity>, token: &str) -> bool {
    let scopes = ["operator.read", "operator.write"];
    let auth = json!({"token": token});
    let connect = Connect::v3().scopes(&scopes).device(device).auth(auth);
    gateway.peer().await.connect(connect).await.is_ok()
}

#[tokio::test]
async fn a_paired_device_comes_back_with_the_token_it_has() {
    let setup = Setup::new().await;
    let device = Arc::new(DeviceIdentity::from_seed(&[3; 32]));
    let stranger = Arc::new(DeviceIdentity::from_seed(&[4; 32]));
    let token = "0123456789abcdef0123456789abcdef";
    let dir = setup.state().join("devices");
    std::fs::create_dir(&dir).unwrap();
    // Somebody else's key under this id is no device.
    let list = json!({device.id(): paired(&device, &device.id(), token),
        stranger.id(): paired(&device, &stranger.id(), token), "x": 5});
    let file = dir.join("paired.json");
    std::fs::write(&file, list.to_string()).unwrap();
    small(&setup.state(), "s-1", "after the devices");
    let gateway = setup.start().await;
    appeared(&mut gateway.v4().await, "main").await;
    assert!(comes_back(&gateway, &device, token).await);
    assert!(!comes_back(&gateway, &stranger, token).await);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), list.to_string());
    gateway.finish().await;
}

/// DEV-06: an import that was cut off brings no removed device back.
#[tokio::test]
async fn a_device_or_job_that_was_removed_meanwhile_stays_removed_dev_06() {
    let setup = Setup::new().await;
    let device = Arc::new(DeviceIdentity::from_seed(&[3; 32]));
    let token = "0123456789abcdef0123456789abcdef";
    let list = json!({device.id(): paired(&device, &device.id(), token)});
    std::fs::create_dir(setup.state().join("devices")).unwrap();
    std::fs::write(setup.state().join("devices/paired.json"), list.to_string()).unwrap();
    jobs(&setup.state(), &json!([job("j-1")]));
    small(&setup.state(), "s-1", "hello");
    let gateway = setup.start().await;
    let mut peer = gateway.v4().await;
    appeared(&mut peer, "main").await;
    peer.ok("device.pair.remove", json!({"deviceId": device.id()})).await;
    peer.ok("cron.remove", json!({"id": "j-1"})).await;
    let state = gateway.state().to_owned();
    let cut_off = move || {
        let (store, _) = Store::open(&state.join("clawdbot.sqlite")).unwrap();
        let mark = async {
            store.put_doc("import", "state", &json!({"status": "running"})).await.unwrap();
            store.close().await.unwrap();
        };
        std::thread::scope(|scope| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            scope.spawn(move || runtime.block_on(mark)).join().unwrap();
        });
    };
    let gateway = gateway.restart_after(cut_off).await;
    assert!(!comes_back(&gateway, &device, token).await);
    assert_eq!(gateway.v4().await.ok("cron.list", json!({})).await["jobs"], json!([]));
    gateway.finish().await;
}

/// A job as generation 3 keeps it.
fn job(id: &str) -> Value {
    json!({"id": id, "name": "Kept", "enabled": true, "createdAtMs": 1_000, "updatedAtMs": 1_000,
        "schedule": {"kind": "every", "everyMs": 3_600_000}, "sessionTarget": "isolated",
        "wakeMode": "next-heartbeat", "state": {},
        "payload": {"kind": "agentTurn", "message": "say hello", "deliver": false}})
}

fn jobs(root: &Path, list: &Value) {
    std::fs::create_dir(root.join("cron")).unwrap();
    let file = json!({"version": 1, "jobs": list});
    std::fs::write(root.join("cron/jobs.json"), file.to_string()).unwrap();
}

#[tokio::test]
async fn jobs_are_kept_under_their_ids_and_unusable_ones_are_left_out() {
    let setup = Setup::new().await;
    jobs(&setup.state(), &json!([job("j-1"), {"id": "j-2", "name": "no schedule"}]));
    let gateway = setup.start().await;
    let mut peer = gateway.v4().await;
    let listed = peer.ok("cron.list", json!({})).await;
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 1);
    let kept = &listed["jobs"][0];
    assert_eq!((&kept["id"], &kept["delivery"]["mode"]), (&json!("j-1"), &json!("none")));
    assert!(kept["state"]["nextRunAtMs"].as_i64().is_some(), "{kept}");
    gateway.finish().await;
}

#[tokio::test]
async fn devices_in_a_file_that_others_can_write_are_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let setup = Setup::new().await;
    let device = Arc::new(DeviceIdentity::from_seed(&[3; 32]));
    let token = "0123456789abcdef0123456789abcdef";
    let dir = setup.state().join("devices");
    std::fs::create_dir(&dir).unwrap();
    let file = dir.join("paired.json");
    let list = json!({device.id(): paired(&device, &device.id(), token)});
    std::fs::write(&file, list.to_string()).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    small(&setup.state(), "s-1", "after the devices");
    let gateway = setup.start().await;
    appeared(&mut gateway.v4().await, "main").await;
    assert!(!comes_back(&gateway, &device, token).await);
    gateway.finish().await;
}

/// FS-01, FS-03 and LOC-06 for a state directory that somebody else prepared.
#[tokio::test]
async fn hostile_state_is_skipped_and_the_rest_is_read_fs_01_fs_03() {
    let setup = Setup::new().await;
    let canary = said("user", "top secret canary", 5).to_string();
    std::fs::write(setup.home().join("canary.jsonl"), &canary).unwrap();
    let elsewhere = setup.home().join("elsewhere");
    small(&elsewhere, "s-9", "top secret canary");
    let file = |path: &str| json!({"sessionId": "s-2", "updatedAt": 9, "sessionFile": path});
    let list = json!({
        "../../x": {"sessionId": "s-1", "updatedAt": 9},
        "agent:main:dots": {"sessionId": "../../../../canary", "updatedAt": 9},
        "agent:main:up": file("../../../../canary.jsonl"),
        "agent:main:absolute": {"sessionId": "s-3", "updatedAt": 9,
            "sessionFile": setup.home().join("canary.jsonl")},
        "agent:main:link": {"sessionId": "link", "updatedAt": 9},
        "agent:main:pipe": {"sessionId": "pipe", "updatedAt": 9},
        "agent:main:number": 7,
        "agent:main:nested": (0..200).fold(json!(1), |inner, _| json!({"sessionId": inner})),
        "agent:main:types": {"sessionId": "types", "updatedAt": "soon", "label": {"a": 1},
            "inputTokens": -1, "elevatedLevel": "full", "execSecurity": "full"},
        "agent:main:good": {"sessionId": "good", "updatedAt": 1},
    });
    let dir = sessions(&setup.state(), "main", &list);
    std::os::unix::fs::symlink(setup.home().join("canary.jsonl"), dir.join("link.jsonl")).unwrap();
    let pipe = dir.join("pipe.jsonl");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    std::os::unix::fs::symlink(
        elsewhere.join("agents/main"),
        setup.state().join("agents").join("linked"),
    )
    .unwrap();
    std::os::unix::fs::symlink(&elsewhere, setup.home().join(".openclaw")).unwrap();
    let mut lines = vec![
        said("user", "first", 1).to_string().into_bytes(),
        b"\xff\xfe not text".to_vec(),
        format!("{}1{}", r#"{"message":"#.repeat(5_000), "}".repeat(5_000)).into_bytes(),
        format!("[{}1]", "1,".repeat(600_000)).into_bytes(),
        vec![b'x'; (16 << 20) + 10],
        b"{\"type\":\"message\",\"message\":{\"role\":\"user\",\"content\":5}}".to_vec(),
        b"{\"type\":\"message\",\"message\":[]}".to_vec(),
        said("user", "last", 2).to_string().into_bytes(),
    ];
    // A crash of the original cut the last line.
    lines.push(b"{\"type\":\"message\",\"mess".to_vec());
    std::fs::write(dir.join("good.jsonl"), lines.join(&b'\n')).unwrap();
    let gateway = setup.start().await;
    let mut peer = gateway.v4().await;
    // The oldest comes last, so the others have been looked at by then.
    let types = appeared(&mut peer, "agent:main:types").await;
    let info = types["sessionInfo"].as_object().unwrap();
    for absent in ["label", "inputTokens", "elevatedLevel", "execSecurity"] {
        assert!(!info.contains_key(absent), "{absent}");
    }
    let history = appeared(&mut peer, "agent:main:good").await;
    assert_eq!(texts(&history), ["first", "last"]);
    let listed = peer.ok("sessions.list", json!({"limit": 1000})).await;
    let mut keys: Vec<&str> = listed["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["key"].as_str().unwrap())
        .collect();
    keys.sort_unstable();
    let entries = ["absolute", "good", "link", "pipe", "types", "up"];
    assert_eq!(keys, entries.map(|name| format!("agent:main:{name}")));
    let held = grep(gateway.state(), "top secret canary");
    let ours = |path: &PathBuf| path.to_string_lossy().contains("clawdbot.sqlite");
    assert!(!held.iter().any(ours), "{held:?}");
    gateway.finish().await;
}
