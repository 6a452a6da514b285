//! Protocol §14.8 and security cases §11: who is asked, what is shown, what runs.

use std::path::Path;
use std::time::{Duration, Instant};

use clawdbot_tests::{Connect, Peer, Script, Setup, TOKEN, TestGateway, fixture, lacks, soon};
use serde_json::{Value, json};

/// What the recordings have and this gateway has not.
const OMITTED: &[&str] = &[
    // There are no owners to tell apart.
    "recipientProfileId",
    // The companion's socket is shown where the file has one.
    "socket",
];

fn same(ours: &Value, recorded: &Value) {
    assert_eq!(lacks(ours, recorded, OMITTED), [""; 0], "{ours}");
}

async fn event(peer: &mut Peer, name: &str) -> Value {
    peer.event(|frame| frame["event"] == name).await["payload"].take()
}

async fn requested(peer: &mut Peer) -> Value {
    event(peer, "exec.approval.requested").await
}

fn ask(command: &str) -> Value {
    json!({"command": command, "cwd": "/home/user", "host": "gateway"})
}

/// Somebody who may talk but not decide.
fn talker() -> Connect {
    Connect::v4().scopes(&["operator.read", "operator.write"])
}

/// Lets the model ask for a command and sends the message that makes it.
async fn run(gateway: &TestGateway, peer: &mut Peer, key: &str, command: &str) {
    gateway.workspace();
    gateway.model.push(Script::tool("exec", json!({ "command": command })));
    gateway.model.push(Script::text(["done"]));
    let send = json!({"sessionKey": "main", "message": "go", "idempotencyKey": key});
    peer.ok("chat.send", send).await;
}

/// What the model was told of its last call.
fn told(gateway: &TestGateway) -> String {
    let requests = gateway.model.requests();
    let messages = requests.last().unwrap()["messages"].as_array().unwrap();
    messages.iter().rev().find(|message| message["role"] == "tool").unwrap()["content"].to_string()
}

async fn decide(peer: &mut Peer, decision: &str) -> Value {
    let asked = requested(peer).await;
    let params = json!({"id": asked["id"], "decision": decision});
    assert_eq!(peer.ok("exec.approval.resolve", params).await, json!({"ok": true}));
    asked
}

async fn exists(path: &Path) {
    let written = || std::fs::read_to_string(path).is_ok_and(|text| text.ends_with('\n'));
    let wait = async {
        while !written() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    soon("the file", wait).await;
}

#[tokio::test]
async fn a_decision_goes_as_recorded() {
    let gateway = TestGateway::start().await;
    let trace = fixture("exec-approval-v4.json");
    let frame = |at: usize| &trace[at]["frame"];
    let mut requester = gateway.v4().await;
    let mut approver = gateway.v4().await;
    let held = requester.post("exec.approval.request", frame(0)["params"].clone()).await;
    let asked = requested(&mut approver).await;
    same(&asked, &frame(1)["payload"]);
    assert_eq!(asked["request"], frame(1)["payload"]["request"]);
    let listed = approver.ok("exec.approval.list", json!({})).await;
    same(&listed, &frame(3)["payload"]);
    assert_eq!(listed[0]["request"], asked["request"]);
    let shown = approver.ok("exec.approval.get", json!({"id": asked["id"]})).await;
    same(&shown, &frame(5)["payload"]);
    let decision = json!({"id": asked["id"], "decision": "allow-once"});
    let decided = approver.ok("exec.approval.resolve", decision).await;
    assert_eq!(decided, frame(9)["payload"]);
    let answer = &requester.response(&held).await["payload"];
    same(answer, &frame(7)["payload"]);
    assert_eq!((&answer["id"], &answer["decision"]), (&asked["id"], &json!("allow-once")));
    let resolved = event(&mut approver, "exec.approval.resolved").await;
    same(&resolved, &frame(8)["payload"]);
    assert_eq!(resolved["resolvedBy"], "cli");
    gateway.finish().await;
}

#[tokio::test]
async fn the_first_decision_counts_and_mistakes_are_told_apart() {
    let gateway = TestGateway::start().await;
    let (mut requester, mut approver) = (gateway.v4().await, gateway.v4().await);
    let mut params = ask("ls");
    params["ask"] = json!("always");
    params["id"] = json!("a-1");
    requester.post("exec.approval.request", params.clone()).await;
    requested(&mut approver).await;
    let repeated = approver.fails("exec.approval.request", params).await;
    assert_eq!(repeated["message"], "approval id already pending");
    let mut resolve = async |id: &str, decision: &str| {
        approver.request("exec.approval.resolve", json!({"id": id, "decision": decision})).await
    };
    assert_eq!(resolve("a-1", "yes").await["error"]["message"], "invalid decision");
    let unknown = resolve("a-2", "deny").await;
    assert_eq!(unknown["error"]["message"], "unknown or expired approval id");
    assert_eq!(unknown["error"]["details"]["reason"], "APPROVAL_NOT_FOUND");
    let always = resolve("a-1", "allow-always").await;
    assert_eq!(always["error"]["details"]["reason"], "APPROVAL_ALLOW_ALWAYS_UNAVAILABLE");
    assert_eq!(resolve("a-1", "deny").await["ok"], true);
    let late = resolve("a-1", "allow-once").await;
    assert_eq!(late["error"]["message"], "approval already resolved");
    assert_eq!(late["error"]["details"]["reason"], "APPROVAL_ALREADY_RESOLVED");
    let waited = requester.ok("exec.approval.waitDecision", json!({"id": "a-1"})).await;
    assert_eq!(waited["decision"], "deny");
    let mut older = gateway.v3().await;
    let unknown =
        older.fails("exec.approval.resolve", json!({"id": "x", "decision": "deny"})).await;
    assert_eq!(unknown["message"], "unknown approval id");
    gateway.finish().await;
}

#[tokio::test]
async fn nobody_to_ask_means_no_at_once_in_generation_4_exe_08() {
    let gateway = TestGateway::start().await;
    let mut requester = gateway.v4().await;
    let _talker = gateway.join(talker()).await;
    let answer = requester.ok("exec.approval.request", ask("ls")).await;
    assert_eq!(answer["decision"], Value::Null);
    let waited = requester.ok("exec.approval.waitDecision", json!({"id": answer["id"]})).await;
    assert_eq!(waited["terminalReason"], "no-route");
    // Generation 3 waits until the time is up.
    let mut older = gateway.v3().await;
    let mut params = ask("ls");
    params["timeoutMs"] = json!(30);
    let answer = older.ok("exec.approval.request", params).await;
    assert_eq!(answer["decision"], Value::Null);
    assert_eq!(answer["expiresAtMs"].as_i64(), answer["createdAtMs"].as_i64().map(|at| at + 30));
    let resolved = event(&mut requester, "exec.approval.resolved").await;
    assert_eq!(resolved["decision"], "deny");
    gateway.finish().await;
}

#[tokio::test]
async fn two_phases_answer_twice_and_the_general_methods_agree() {
    let gateway = TestGateway::start().await;
    let (mut requester, mut approver) = (gateway.v4().await, gateway.v4().await);
    let mut params = json!({"commandArgv": ["echo", "a b", "it's"], "twoPhase": true});
    let id = requester.post("exec.approval.request", params.clone()).await;
    let accepted = &requester.response(&id).await["payload"];
    assert_eq!(accepted["status"], "accepted");
    assert_eq!(accepted["deliveryRoute"], "approval-client");
    let asked = requested(&mut approver).await;
    assert_eq!(asked["request"]["command"], r"echo 'a b' 'it'\''s'");
    let got = approver.ok("approval.get", json!({"id": asked["id"]})).await;
    assert_eq!(got["approval"]["status"], "pending");
    let decision = json!({"id": asked["id"], "kind": "exec", "decision": "allow-always"});
    let applied = approver.ok("approval.resolve", decision).await;
    assert_eq!(
        (&applied["applied"], &applied["approval"]["status"]),
        (&json!(true), &json!("resolved"))
    );
    assert_eq!(requester.response(&id).await["payload"]["decision"], "allow-always");
    // EXE-07: a text that is not what the list says.
    params["command"] = json!("echo harmless");
    let error = requester.fails("exec.approval.request", params).await;
    assert_eq!(error["message"], "command does not match commandArgv");
    gateway.finish().await;
}

#[tokio::test]
async fn a_prompt_hides_nothing_exe_07() {
    let gateway = TestGateway::start().await;
    let (mut requester, mut approver) = (gateway.v4().await, gateway.v4().await);
    requester.post("exec.approval.request", ask("rm \u{202e}fdp.x\u{200b}\r")).await;
    let asked = requested(&mut approver).await;
    assert_eq!(asked["request"]["command"], r"rm \u{202e}fdp.x\u{200b}\u{d}");
    let mut env = ask("ls");
    env["env"] = json!({"LD_PRELOAD": "/tmp/a b.so"});
    requester.post("exec.approval.request", env).await;
    let asked = requested(&mut approver).await;
    assert_eq!(asked["request"]["command"], "LD_PRELOAD='/tmp/a b.so' ls");
    let long = ask(&format!("echo {}; rm -rf x", "x".repeat(20_000)));
    let error = requester.fails("exec.approval.request", long).await;
    assert!(error["message"].as_str().unwrap().contains("too long to be shown"), "{error}");
    gateway.finish().await;
}

#[tokio::test]
async fn questions_reach_only_those_who_may_decide_scp_05() {
    let gateway = TestGateway::start().await;
    let mut approver = gateway.v4().await;
    let mut watcher = gateway.join(talker()).await;
    run(&gateway, &mut approver, "k-1", "touch marker").await;
    let asked = requested(&mut approver).await;
    let replay = json!({"key": "main", "includeApprovals": true});
    let seen = approver.ok("sessions.messages.subscribe", replay.clone()).await;
    same(
        &seen,
        &fixture("rpc-exec-sessions.json")["v4"]["sessions.messages.subscribe"][0]["payload"],
    );
    assert_eq!(seen["approvalReplay"]["approvals"][0]["id"], asked["id"]);
    let other = json!({"key": "other", "includeApprovals": true});
    let other = approver.ok("sessions.messages.subscribe", other).await;
    assert_eq!(other["approvalReplay"]["approvals"], json!([]));
    let hidden = watcher.ok("sessions.messages.subscribe", replay).await;
    assert_eq!(hidden["approvalReplay"]["approvals"], json!([]));
    for method in ["exec.approval.list", "exec.approval.get", "exec.approval.resolve"] {
        let error = watcher.fails(method, json!({"id": asked["id"], "decision": "deny"})).await;
        assert_eq!(error["details"]["missingScope"], "operator.approvals", "{method}");
    }
    let error = watcher.fails("exec.approvals.get", json!({})).await;
    assert_eq!(error["details"]["missingScope"], "operator.admin");
    let params = json!({"id": asked["id"], "decision": "deny"});
    approver.ok("exec.approval.resolve", params).await;
    let is_end = |frame: &Value| frame["payload"]["state"] == "final";
    let frames = watcher.until(is_end).await;
    let told =
        |frame: &&Value| frame["event"].as_str().is_some_and(|event| event.starts_with("exec."));
    assert_eq!(frames.iter().filter(told).count(), 0);
    gateway.finish().await;
}

#[tokio::test]
async fn a_command_runs_only_once_allowed() {
    let gateway = TestGateway::start().await;
    let marker = gateway.workspace().canonicalize().unwrap().join("marker");
    let mut peer = gateway.v4().await;
    run(&gateway, &mut peer, "k-1", "touch marker").await;
    let waiting = peer.event(|frame| frame["payload"]["data"]["phase"] == "update").await;
    let waiting = &waiting["payload"]["data"]["partialResult"];
    assert_eq!(waiting["details"]["status"], "approval-pending");
    assert_eq!(waiting["content"][0]["text"], "Waiting for approval");
    let asked = decide(&mut peer, "deny").await;
    assert_eq!(waiting["details"]["approvalId"], asked["id"]);
    assert_eq!(asked["request"]["cwd"], json!(marker.parent().unwrap()));
    assert_eq!(asked["request"]["runId"], "k-1");
    peer.terminal("k-1").await;
    assert!(told(&gateway).contains("the user denied it"), "{}", told(&gateway));
    assert!(!marker.exists());
    run(&gateway, &mut peer, "k-2", "touch marker").await;
    decide(&mut peer, "allow-once").await;
    peer.terminal("k-2").await;
    assert!(marker.exists());
    // EXE-06: allowed once is allowed once.
    run(&gateway, &mut peer, "k-3", "touch marker").await;
    decide(&mut peer, "deny").await;
    peer.terminal("k-3").await;
    gateway.finish().await;
}

#[tokio::test]
async fn nothing_runs_while_nobody_can_be_asked_exe_08_net_06() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.join(talker()).await;
    run(&gateway, &mut peer, "k-1", "touch marker").await;
    peer.terminal("k-1").await;
    assert!(told(&gateway).contains("nobody is connected"), "{}", told(&gateway));
    assert!(!gateway.workspace().join("marker").exists());
    gateway.finish().await;
}

#[tokio::test]
async fn allow_always_holds_for_one_program_across_a_restart_exe_01() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    run(&gateway, &mut peer, "k-1", "ls").await;
    let asked = decide(&mut peer, "allow-always").await;
    assert_eq!(asked["request"]["allowedDecisions"], json!(["allow-once", "allow-always", "deny"]));
    peer.terminal("k-1").await;
    let gateway = gateway.restart().await;
    let mut peer = gateway.v4().await;
    run(&gateway, &mut peer, "k-2", "ls -a").await;
    let frames = peer.until(|frame| frame["payload"]["state"] == "final").await;
    assert!(frames.iter().all(|frame| frame["event"] != "exec.approval.requested"));
    for (n, command) in ["ls $(touch marker)", "ls; touch marker", "env ls"].iter().enumerate() {
        let key = format!("s-{n}");
        run(&gateway, &mut peer, &key, command).await;
        let asked = decide(&mut peer, "deny").await;
        assert_eq!(
            asked["request"]["allowedDecisions"],
            json!(["allow-once", "deny"]),
            "{command}"
        );
        peer.terminal(&key).await;
    }
    assert!(!gateway.workspace().join("marker").exists());
    let grants = peer.ok("exec.approval.grants.list", json!({})).await;
    let grant = &grants["grants"][0];
    assert_eq!(
        (&grant["agentId"], &grant["pattern"]),
        (&json!("main"), &asked["request"]["resolvedPath"])
    );
    let revoke = json!({"grantId": grant["id"]});
    let revoked = peer.ok("exec.approval.grants.revoke", revoke.clone()).await;
    assert_eq!(revoked, json!({"outcome": "revoked"}));
    let again = peer.ok("exec.approval.grants.revoke", revoke).await;
    assert_eq!(again, json!({"outcome": "not-found"}));
    run(&gateway, &mut peer, "k-4", "ls").await;
    decide(&mut peer, "deny").await;
    peer.terminal("k-4").await;
    gateway.finish().await;
}

#[tokio::test]
async fn an_abort_withdraws_the_question() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    gateway.workspace();
    gateway.model.push(Script::tool("exec", json!({"command": "touch marker"})));
    let send = json!({"sessionKey": "main", "message": "go", "idempotencyKey": "k-1"});
    peer.ok("chat.send", send).await;
    let asked = requested(&mut peer).await;
    peer.ok("chat.abort", json!({"sessionKey": "main"})).await;
    let resolved = event(&mut peer, "exec.approval.resolved").await;
    assert_eq!((&resolved["id"], &resolved["decision"]), (&asked["id"], &json!("deny")));
    assert_eq!(peer.ok("exec.approval.list", json!({})).await, json!([]));
    let late = json!({"id": asked["id"], "decision": "allow-once"});
    let late = peer.fails("exec.approval.resolve", late).await;
    assert_eq!(late["message"], "unknown or expired approval id");
    assert!(!gateway.workspace().join("marker").exists());
    gateway.finish().await;
}

#[tokio::test]
async fn an_abort_leaves_no_process_exe_10() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    gateway.workspace();
    let command = "sh -c 'echo $$ > pid; sleep 300; true' & wait";
    gateway.model.push(Script::tool("exec", json!({ "command": command })));
    let send = json!({"sessionKey": "main", "message": "go", "idempotencyKey": "k-1"});
    peer.ok("chat.send", send).await;
    decide(&mut peer, "allow-once").await;
    let pid = gateway.workspace().join("pid");
    exists(&pid).await;
    peer.ok("chat.abort", json!({"sessionKey": "main"})).await;
    let stat = format!("/proc/{}/stat", std::fs::read_to_string(&pid).unwrap().trim());
    let alive = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
    let gone = async {
        while alive() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    soon("the grandchild's end", gone).await;
    gateway.finish().await;
}

#[tokio::test]
async fn a_gibibyte_of_output_disturbs_nobody_exe_10() {
    let gateway = TestGateway::start().await;
    let (mut peer, mut other) = (gateway.v4().await, gateway.v4().await);
    run(&gateway, &mut peer, "k-1", "head -c 1073741824 /dev/zero").await;
    decide(&mut peer, "allow-once").await;
    let begun = Instant::now();
    let end = peer.terminal("k-1");
    let mut slowest = Duration::ZERO;
    let pings = async {
        loop {
            let asked = Instant::now();
            other.ok("status", json!({})).await;
            slowest = slowest.max(asked.elapsed());
        }
    };
    tokio::select! {
        _ = end => {}
        () = pings => {}
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    assert!(told(&gateway).contains("bytes left out here"));
    gateway.finish().await;
}

#[tokio::test]
async fn commands_see_no_secret_loc_02() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    run(&gateway, &mut peer, "k-1", "cat /proc/self/environ").await;
    decide(&mut peer, "allow-once").await;
    peer.terminal("k-1").await;
    let told = told(&gateway);
    assert!(told.contains("HOME="), "{told}");
    // Neither what the gateway was given nor what its process has.
    assert!(!told.contains("CLAWDBOT_") && !told.contains("CARGO"), "{told}");
    gateway.finish().await;
}

#[tokio::test]
async fn the_configuration_can_take_the_tool_away() {
    for (key, value) in [
        ("tools.deny", json!(["exec"])),
        ("tools.exec.security", json!("deny")),
        ("tools.exec.mode", json!("deny")),
        ("tools.exec.host", json!("sandbox")),
        ("agents.defaults.sandbox.mode", json!("all")),
        ("agents.list", json!([{"id": "main", "tools": {"exec": {"security": "deny"}}}])),
        ("tools.profile", json!("messaging")),
    ] {
        let gateway = Setup::new().await.set(key, value).start().await;
        gateway.workspace();
        gateway.model.push(Script::text(["ok"]));
        let mut peer = gateway.v4().await;
        let send = json!({"sessionKey": "main", "message": "go", "idempotencyKey": "k-1"});
        peer.ok("chat.send", send).await;
        peer.terminal("k-1").await;
        let request = &gateway.model.requests()[0];
        let tools: Vec<_> = request["tools"].as_array().unwrap().iter().collect();
        assert!(tools.iter().all(|tool| tool["function"]["name"] != "exec"), "{key}: {tools:?}");
        gateway.finish().await;
    }
}

#[tokio::test]
async fn the_rules_are_a_private_file_with_a_base_hash() {
    let gateway = TestGateway::start().await;
    let recorded = fixture("rpc-exec-sessions.json");
    let mut peer = gateway.v4().await;
    let before = peer.ok("exec.approvals.get", json!({})).await;
    same(&before, &recorded["v4"]["exec.approvals.get"][0]["payload"]);
    let path = gateway.state().join("exec-approvals.json");
    assert_eq!((&before["path"], &before["exists"]), (&json!(path), &json!(false)));
    let safe = json!({"security": "allowlist", "ask": "on-miss", "askFallback": "deny", "autoAllowSkills": false});
    assert_eq!(before["resolvedDefaults"], safe);
    let mut set = recorded["v4"]["exec.approvals.set"][0]["params"].clone();
    set["file"]["socket"]["token"] = json!("socket-secret");
    set["file"]["defaults"]["ask"] = json!("off");
    set["baseHash"] = before["hash"].clone();
    let after = peer.ok("exec.approvals.set", set.clone()).await;
    same(&after, &recorded["v4"]["exec.approvals.set"][0]["payload"]);
    assert_eq!(
        after["file"]["socket"],
        json!({"path": "/home/user/.openclaw/exec-approvals.sock"})
    );
    let error = peer.fails("exec.approvals.set", set.clone()).await;
    assert_eq!(error, recorded["v4"]["exec.approvals.set"][1]["error"]);
    let error = peer.fails("exec.approvals.set", json!({"file": {"version": 1}})).await;
    assert!(error["message"].as_str().unwrap().starts_with("exec approvals base hash required; "));
    let shown = json!({"file": after["file"], "baseHash": after["hash"]});
    peer.ok("exec.approvals.set", shown).await;
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("socket-secret"), "the token is kept: {text}");
    assert_eq!(clawdbot_tests::modes(&path)[&path], 0o600);
    let older = gateway.v3().await.ok("exec.approvals.get", json!({})).await;
    same(&older, &recorded["v3"]["exec.approvals.get"][0]["payload"]);
    assert_eq!(older.get("resolvedDefaults"), None);
    // Nobody is asked and the command is not listed: it does not run.
    run(&gateway, &mut peer, "k-1", "touch marker").await;
    peer.terminal("k-1").await;
    assert!(told(&gateway).contains("not in the allowlist"), "{}", told(&gateway));
    std::fs::write(&path, "{ broken").unwrap();
    run(&gateway, &mut peer, "k-2", "touch marker").await;
    peer.terminal("k-2").await;
    assert!(told(&gateway).contains("forbid every command"), "{}", told(&gateway));
    assert!(!gateway.workspace().join("marker").exists());
    gateway.finish().await;
}

#[tokio::test]
async fn an_agent_writes_no_configuration_unasked_cfg_02() {
    let gateway = TestGateway::start().await;
    let config = gateway.state().join("clawdbot.json");
    let before = std::fs::read_to_string(&config).unwrap();
    let mut peer = gateway.v4().await;
    run(&gateway, &mut peer, "k-1", &format!("cp /dev/null {}", config.display())).await;
    let asked = decide(&mut peer, "deny").await;
    let shown = asked["request"]["command"].as_str().unwrap();
    assert!(shown.contains(config.to_str().unwrap()), "the person sees the file: {asked}");
    assert!(!asked["request"]["allowedDecisions"].to_string().contains("always"), "{asked}");
    peer.terminal("k-1").await;
    assert_eq!(std::fs::read_to_string(&config).unwrap(), before);
    // No other tool writes, and the one that reads stays in the workspace.
    let tools = gateway.model.requests()[0]["tools"].as_array().unwrap().clone();
    let mut names: Vec<_> = tools.iter().map(|tool| &tool["function"]["name"]).collect();
    names.sort_by_key(|name| name.to_string());
    assert_eq!(names, ["exec", "read", "session_status"]);
    gateway.model.push(Script::tool("read", json!({"path": config})));
    gateway.model.push(Script::text(["done"]));
    let send = json!({"sessionKey": "main", "message": "go", "idempotencyKey": "k-2"});
    peer.ok("chat.send", send).await;
    peer.terminal("k-2").await;
    assert!(!told(&gateway).contains(TOKEN), "{}", told(&gateway));
    // What a person allows is done.
    let copy = gateway.workspace().join("copy");
    run(&gateway, &mut peer, "k-3", &format!("cp {} copy", config.display())).await;
    decide(&mut peer, "allow-once").await;
    exists(&copy).await;
    peer.terminal("k-3").await;
    gateway.finish().await;
}
