//! Protocol §14.2, §14.12: sending by session key, going back, shortening, what was used.

use clawdbot_tests::{Connect, Gate, Peer, Script, TestGateway, fixture, lacks};
use serde_json::{Value, json};

/// What the recordings have and this gateway has not: caches of files it does not keep.
const OMITTED: &[&str] = &["cacheStatus"];

fn same(ours: &Value, recorded: &Value) {
    assert_eq!(lacks(ours, recorded, OMITTED), [""; 0], "{ours}");
}

fn recorded(method: &str) -> Value {
    fixture("rpc-exec-sessions.json")["v4"][method][0]["payload"].take()
}

async fn say(gateway: &TestGateway, peer: &mut Peer, key: &str, text: &str, answer: &str) {
    gateway.model.push(Script::text([answer]));
    let send = json!({"key": "main", "message": text, "idempotencyKey": key});
    let sent = peer.ok("sessions.send", send).await;
    same(&sent, &recorded("sessions.send"));
    assert_eq!((&sent["runId"], &sent["status"]), (&json!(key), &json!("started")));
    peer.terminal(key).await;
}

async fn rows(peer: &mut Peer, key: &str) -> Vec<Value> {
    let history = peer.ok("chat.history", json!({"sessionKey": key})).await;
    history["messages"].as_array().unwrap().clone()
}

fn text(row: &Value) -> &str {
    row["content"].as_str().or(row["content"][0]["text"].as_str()).unwrap()
}

async fn texts(peer: &mut Peer, key: &str) -> Vec<String> {
    rows(peer, key).await.iter().map(|row| text(row).to_owned()).collect()
}

#[tokio::test]
async fn going_back_keeps_the_earlier_branch_and_hands_the_text_back() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    peer.ok("sessions.subscribe", json!({})).await;
    say(&gateway, &mut peer, "k-1", "q1", "a1").await;
    say(&gateway, &mut peer, "k-2", "q2", "a2").await;
    let all = rows(&mut peer, "main").await;
    let entry = |at: usize| json!({"sessionKey": "main", "entryId": all[at]["__openclaw"]["id"]});
    let back = peer.ok("sessions.rewind", entry(2)).await;
    assert_eq!(back, json!({"editorText": "q2"}));
    let change = |frame: &Value| frame["payload"]["reason"] == "rewind";
    assert_eq!(peer.event(change).await["event"], "sessions.changed");
    assert_eq!(texts(&mut peer, "main").await, ["q1", "a1"]);
    let mistake = peer.fails("sessions.rewind", entry(1)).await;
    assert_eq!(mistake["message"], "entryId must be that of a user message");
    let gone = peer.fails("sessions.rewind", entry(2)).await;
    assert_eq!(gone["message"], "entry not found in this conversation");

    say(&gateway, &mut peer, "k-3", "q3", "a3").await;
    let asked = gateway.model.requests().last().unwrap()["messages"].to_string();
    assert!(asked.contains("q1") && asked.contains("q3") && !asked.contains("q2"), "{asked}");
    let gateway = gateway.restart().await;
    let mut peer = gateway.v4().await;
    let listed = peer.ok("sessions.branches.list", json!({"sessionKey": "main"})).await;
    let branches = listed["branches"].as_array().unwrap();
    assert_eq!((branches.len(), &branches[0]["active"]), (2, &json!(true)));
    let switch = json!({"sessionKey": "main", "leafEntryId": branches[1]["leafEntryId"]});
    assert_eq!(peer.ok("sessions.branches.switch", switch).await, json!({}));
    assert_eq!(texts(&mut peer, "main").await, ["q1", "a1", "q2", "a2"]);
    let unknown = json!({"sessionKey": "main", "leafEntryId": "nothing"});
    peer.fails("sessions.branches.switch", unknown).await;
    gateway.finish().await;
}

#[tokio::test]
async fn a_fork_leaves_the_original_alone() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    say(&gateway, &mut peer, "k-1", "q1", "a1").await;
    say(&gateway, &mut peer, "k-2", "q2", "a2").await;
    peer.ok("sessions.patch", json!({"key": "main", "label": "Mine", "execAsk": "always"})).await;
    let all = rows(&mut peer, "main").await;
    let entry = json!({"sessionKey": "main", "entryId": all[2]["__openclaw"]["id"]});
    let forked = peer.ok("sessions.fork", entry).await;
    assert_eq!(forked["editorText"], "q2");
    let key = forked["sessionKey"].as_str().unwrap();
    assert_eq!(texts(&mut peer, key).await, ["q1", "a1"]);
    assert_eq!(texts(&mut peer, "main").await, ["q1", "a1", "q2", "a2"]);
    let row = peer.ok("sessions.describe", json!({"key": key})).await;
    let row = &row["session"];
    assert_eq!((&row["execAsk"], row.get("label")), (&json!("always"), None));
    let entry = json!({"sessionKey": "main", "entryId": all[1]["__openclaw"]["id"]});
    let forked = peer.ok("sessions.fork", entry).await;
    assert_eq!(forked.get("editorText"), None);
    assert_eq!(texts(&mut peer, forked["sessionKey"].as_str().unwrap()).await, ["q1", "a1"]);
    gateway.finish().await;
}

#[tokio::test]
async fn shortening_keeps_the_newest_rows_and_a_private_copy_of_all() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let nothing = peer.ok("sessions.compact", json!({"key": "main"})).await;
    let key = "agent:main:main";
    assert_eq!(
        nothing,
        json!({"ok": true, "key": key, "compacted": false, "reason": "no sessionId"})
    );
    say(&gateway, &mut peer, "k-1", "q1", "a1").await;
    say(&gateway, &mut peer, "k-2", "q2", "a2").await;
    let enough = peer.ok("sessions.compact", json!({"key": "main", "maxLines": 50})).await;
    same(&enough, &recorded("sessions.compact"));
    assert_eq!((&enough["compacted"], &enough["kept"]), (&json!(false), &json!(4)));
    let done = peer.ok("sessions.compact", json!({"key": "main", "maxLines": 2})).await;
    assert_eq!((&done["compacted"], &done["kept"]), (&json!(true), &json!(2)));
    assert_eq!(texts(&mut peer, "main").await, ["q2", "a2"]);
    let path = std::path::Path::new(done["archived"].as_str().unwrap());
    let saved = std::fs::read_to_string(path).unwrap();
    let saved: Vec<Value> = saved.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(saved.iter().map(text).collect::<Vec<_>>(), ["q1", "a1", "q2", "a2"]);
    assert_eq!(clawdbot_tests::modes(path)[path], 0o600);
    gateway.finish().await;
}

#[tokio::test]
async fn nothing_is_taken_from_under_a_run_and_abort_and_steer_stop_it() {
    let gateway = TestGateway::start().await;
    let gate = Gate::new();
    let mut peer = gateway.v4().await;
    say(&gateway, &mut peer, "k-1", "q1", "a1").await;
    gateway.model.push(Script::text(["x"]).hold(&gate));
    let send = json!({"key": "main", "message": "go", "idempotencyKey": "k-2"});
    peer.ok("sessions.send", send).await;
    peer.event(|frame| frame["payload"]["state"] == "delta" && frame["payload"]["runId"] == "k-2")
        .await;
    let id = rows(&mut peer, "main").await[0]["__openclaw"]["id"].clone();
    let rewind = json!({"sessionKey": "main", "entryId": id});
    for (method, params) in
        [("sessions.rewind", rewind), ("sessions.compact", json!({"key": "main", "maxLines": 1}))]
    {
        let error = peer.fails(method, params).await;
        assert_eq!(error["code"], "UNAVAILABLE", "{method}");
        assert!(error["message"].as_str().unwrap().contains("is still active"), "{error}");
    }
    gateway.model.push(Script::text(["instead"]));
    let steer = json!({"key": "main", "message": "no, this", "idempotencyKey": "k-3"});
    assert_eq!(peer.ok("sessions.steer", steer).await["runId"], "k-3");
    assert_eq!(peer.terminal("k-2").await["state"], "aborted");
    assert_eq!(peer.terminal("k-3").await["state"], "final");

    let idle = peer.ok("sessions.abort", json!({"key": "main"})).await;
    assert_eq!(idle, recorded("sessions.abort"));
    for by in ["key", "runId"] {
        gateway.model.push(Script::text(["x"]).hold(&gate));
        let run = format!("stop-{by}");
        let send = json!({"key": "main", "message": "go", "idempotencyKey": run});
        peer.ok("sessions.send", send).await;
        peer.event(|f| f["payload"]["state"] == "delta" && f["payload"]["runId"] == *run).await;
        let params = if by == "key" { json!({"key": "main"}) } else { json!({"runId": run}) };
        let stopped = peer.ok("sessions.abort", params).await;
        assert_eq!(stopped, json!({"ok": true, "abortedRunId": run, "status": "aborted"}));
    }
    gateway.finish().await;
}

#[tokio::test]
async fn what_was_used_is_summed_up() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let none = peer.ok("usage.cost", json!({"days": 7})).await;
    assert_eq!((&none["days"], &none["daily"]), (&json!(7), &json!([])));
    say(&gateway, &mut peer, "k-1", "q1", "a1").await;
    say(&gateway, &mut peer, "k-2", "q2", "a2").await;
    let session = peer.ok("sessions.describe", json!({"key": "main"})).await;
    let input = session["session"]["inputTokens"].as_u64().unwrap();
    assert!(input > 0);
    let cost = peer.ok("usage.cost", json!({"days": 7})).await;
    same(&cost, &recorded("usage.cost"));
    assert_eq!(cost["daily"].as_array().unwrap().len(), 1);
    assert_eq!(cost["totals"]["missingCostEntries"], 2);
    let usage = peer.ok("sessions.usage", json!({})).await;
    same(&usage, &recorded("sessions.usage"));
    assert_eq!(usage["totals"], cost["totals"]);
    assert!(usage["totals"]["input"].as_u64().unwrap() >= 2 * input);
    let counted = &usage["aggregates"]["messages"];
    assert_eq!((&counted["user"], &counted["assistant"]), (&json!(2), &json!(2)));
    assert_eq!(usage["aggregates"]["byModel"][0]["model"], "fake-model");
    assert_eq!(usage["sessions"][0]["key"], "agent:main:main");
    let other = peer.ok("sessions.usage", json!({"key": "other", "range": "7d"})).await;
    assert_eq!(other["totals"]["totalTokens"], 0);
    let error = peer.fails("sessions.usage", json!({"startDate": "yesterday"})).await;
    assert_eq!(error["message"], "invalid startDate (use YYYY-MM-DD)");
    let past = json!({"startDate": "2020-01-01", "endDate": "2020-01-31"});
    let past = peer.ok("sessions.usage", past).await;
    assert_eq!((&past["endDate"], &past["totals"]["input"]), (&json!("2020-01-31"), &json!(0)));
    same(&peer.ok("usage.status", json!({})).await, &recorded("usage.status"));
    let mut older = gateway.v3().await;
    let recorded = &fixture("rpc-exec-sessions.json")["v3"]["usage.cost"][0];
    same(&older.ok("usage.cost", recorded["params"].clone()).await, &recorded["payload"]);
    gateway.finish().await;
}

#[tokio::test]
async fn a_patch_checks_every_member() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    for (member, value, message) in [
        ("responseUsage", "x", r#"invalid responseUsage (use "off"|"tokens"|"full")"#),
        ("elevatedLevel", "x", r#"invalid elevatedLevel (use "on"|"off"|"ask"|"full")"#),
        ("execHost", "x", r#"invalid execHost (use "sandbox"|"gateway"|"node")"#),
        ("execSecurity", "x", r#"invalid execSecurity (use "deny"|"allowlist"|"full")"#),
        ("execAsk", "x", r#"invalid execAsk (use "off"|"on-miss"|"always")"#),
        ("execNode", " ", "invalid execNode: empty"),
        ("sendPolicy", "x", r#"invalid sendPolicy (use "allow"|"deny")"#),
        ("groupActivation", "x", r#"invalid groupActivation (use "mention"|"always")"#),
        ("spawnedBy", " ", "invalid spawnedBy: empty"),
        ("spawnedBy", "a", "spawnedBy is only supported for subagent:* sessions"),
    ] {
        let error = peer.fails("sessions.patch", json!({"key": "main", member: value})).await;
        assert_eq!(error["message"], message);
    }
    let all = json!({"key": "main", "responseUsage": "full", "elevatedLevel": "ask", "execHost": "gateway",
        "execNode": "n", "sendPolicy": "allow", "groupActivation": "always", "icon": "🦞", "color": "#f00",
        "category": "Work"});
    let patched = peer.ok("sessions.patch", all.clone()).await;
    for (member, value) in all.as_object().unwrap().iter().filter(|(member, _)| *member != "key") {
        assert_eq!(&patched["entry"][member], value);
    }
    let cleared = peer.ok("sessions.patch", json!({"key": "main", "icon": null})).await;
    assert_eq!(cleared["entry"].get("icon"), None);
    let helper = |spawner: Value| json!({"key": "agent:main:subagent:1", "spawnedBy": spawner});
    peer.ok("sessions.patch", helper(json!("agent:main:main"))).await;
    let changed = peer.fails("sessions.patch", helper(json!("agent:main:x"))).await;
    assert_eq!(changed["message"], "spawnedBy cannot be changed once set");
    let cleared = peer.fails("sessions.patch", helper(json!(null))).await;
    assert_eq!(cleared["message"], "spawnedBy cannot be cleared once set");
    gateway.finish().await;
}

#[tokio::test]
async fn a_conversation_narrows_the_rules_for_commands_and_never_widens_them_scp_03() {
    let gateway = TestGateway::start().await;
    gateway.workspace();
    let scopes = ["operator.read", "operator.write"];
    let mut peer = gateway.join(Connect::v4().scopes(&scopes)).await;
    for wider in [json!({"execSecurity": "full"}), json!({"execAsk": "off"})] {
        let mut patch = json!({"key": "main"});
        patch.as_object_mut().unwrap().extend(wider.as_object().unwrap().clone());
        let error = peer.fails("sessions.patch", patch).await;
        assert!(error["message"].as_str().unwrap().contains("would allow more"), "{error}");
    }
    for (run, narrower, told) in [
        ("k-1", json!({"key": "main", "execSecurity": "deny"}), "forbid every command"),
        ("k-2", json!({"key": "main", "execHost": "sandbox"}), "there is none"),
    ] {
        peer.ok("sessions.patch", narrower).await;
        gateway.model.push(Script::tool("exec", json!({"command": "ls"})));
        gateway.model.push(Script::text(["done"]));
        let send = json!({"key": "main", "message": "go", "idempotencyKey": run});
        peer.ok("sessions.send", send).await;
        peer.terminal(run).await;
        let asked = gateway.model.requests().last().unwrap()["messages"].to_string();
        assert!(asked.contains(told), "{asked}");
    }
    gateway.finish().await;
}

#[tokio::test]
async fn a_conversation_that_may_not_be_sent_to_says_so() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    peer.ok("sessions.patch", json!({"key": "main", "sendPolicy": "deny"})).await;
    let chat = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "k-1"});
    let send = json!({"key": "main", "message": "hi", "idempotencyKey": "k-2"});
    for (method, params) in [("chat.send", chat), ("sessions.send", send)] {
        let error = peer.fails(method, params).await;
        assert_eq!(error["message"], "send blocked by session policy", "{method}");
    }
    peer.ok("sessions.patch", json!({"key": "main", "sendPolicy": null})).await;
    say(&gateway, &mut peer, "k-1", "hi", "hello").await;
    gateway.finish().await;
}

#[tokio::test]
async fn a_repeated_creation_is_the_same_conversation() {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::text(["done"]));
    let mut peer = gateway.v4().await;
    let params = json!({"task": "look into it", "idempotencyKey": "create-1"});
    let first = peer.ok("sessions.create", params.clone()).await;
    assert_eq!(first["runStarted"], true);
    peer.terminal("create-1").await;
    let again = peer.ok("sessions.create", params).await;
    assert_eq!((&again["key"], &again["runStarted"]), (&first["key"], &json!(false)));
    assert_eq!(peer.ok("sessions.list", json!({})).await["count"], 1);
    gateway.finish().await;
}

#[tokio::test]
async fn lists_leave_archived_conversations_out_and_find_what_one_started() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    peer.ok("sessions.patch", json!({"key": "old", "archived": true})).await;
    peer.ok("sessions.patch", json!({"key": "subagent:1", "spawnedBy": "agent:main:main"})).await;
    let mut keys = async |params: Value| {
        let list = peer.ok("sessions.list", params).await;
        let rows = list["sessions"].as_array().unwrap().clone();
        rows.iter().map(|row| row["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(keys(json!({})).await, ["agent:main:subagent:1"]);
    assert_eq!(keys(json!({"archived": true})).await, ["agent:main:old"]);
    assert_eq!(keys(json!({"archived": "all"})).await.len(), 2);
    assert_eq!(keys(json!({"spawnedBy": "agent:main:main"})).await, ["agent:main:subagent:1"]);
    assert_eq!(keys(json!({"spawnedBy": "agent:main:other"})).await, Vec::<String>::new());
    gateway.finish().await;
}

#[tokio::test]
async fn a_deleted_conversation_is_kept_as_a_file() {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::text(["remember me"]));
    let mut peer = gateway.v4().await;
    let send = json!({"sessionKey": "gone", "message": "hi", "idempotencyKey": "k"});
    peer.ok("chat.send", send).await;
    peer.terminal("k").await;
    let deleted = peer.ok("sessions.delete", json!({"key": "gone"})).await;
    let file = deleted["archived"][0].as_str().unwrap();
    assert!(file.contains(".jsonl.deleted."), "{file}");
    assert!(std::fs::read_to_string(file).unwrap().contains("remember me"));
    gateway.finish().await;
}
