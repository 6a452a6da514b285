//! Protocol §18.3 and §19: what the stock clients ask, as they ask it. Every request is answered or
//! is an unknown method, nothing they send is refused as malformed, and the members they insist on
//! are there.

use std::collections::BTreeSet;
use std::sync::Arc;

use clawdbot_protocol::DeviceIdentity;
use clawdbot_tests::{Connect, Peer, TestGateway};
use serde_json::{Value, json};

/// A request and the members of its answer that the client cannot do without, as JSON pointers.
type Request = (&'static str, Value, &'static [&'static str]);

fn methods(hello: &Value) -> BTreeSet<String> {
    let listed = hello["features"]["methods"].as_array().unwrap();
    listed.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// Asks as a client that goes on whatever is unknown.
async fn ask(peer: &mut Peer, listed: &BTreeSet<String>, (method, params, needs): Request) {
    let ours = peer.request(method, params).await;
    if !listed.contains(method) {
        assert_eq!(ours["error"]["message"], format!("unknown method: {method}"));
        return;
    }
    assert_eq!(ours["ok"], true, "{method}: {ours}");
    for pointer in needs {
        assert!(ours["payload"].pointer(pointer).is_some(), "{method} lacks {pointer}: {ours}");
    }
}

async fn session(gateway: &TestGateway, connect: Connect, requests: Vec<Request>) {
    let mut peer = gateway.peer().await;
    let hello = peer.connect(connect).await.unwrap();
    let listed = methods(&hello);
    for request in requests {
        ask(&mut peer, &listed, request).await;
    }
}

#[tokio::test]
async fn the_stock_command_line_gets_what_it_insists_on() {
    let gateway = TestGateway::start().await;
    let read: &[&str] = &["operator.read"];
    let cli = |scopes: &[&str]| Connect::v4().scopes(scopes);
    let health: Request = ("health", Value::Null, &["/ok", "/durationMs"]);
    session(&gateway, cli(read).set("caps", json!([])), vec![health.clone()]).await;
    let probe = vec![
        health.clone(),
        ("status", json!({}), &[]),
        ("system-presence", json!({}), &["/0"]),
        ("config.get", json!({}), &["/config"]),
    ];
    session(&gateway, Connect::offering(3, 4).client("cli", "probe"), probe).await;
    let asked = vec![
        ("logs.tail", json!({"limit": 200, "maxBytes": 250_000}), ["/lines", "/cursor"].as_slice()),
        ("cron.list", json!({"includeDisabled": false, "limit": 200, "offset": 0}), &["/jobs"]),
        ("cron.status", json!({}), &["/enabled"]),
        ("last-heartbeat", json!({}), &[]),
        ("usage.cost", json!({"days": 30}), &["/totals", "/daily"]),
        ("skills.status", json!({"agentId": "main"}), &["/skills", "/workspaceDir"]),
    ];
    session(&gateway, cli(read), asked).await;
    let pairing = vec![
        ("device.pair.list", json!({}), ["/pending", "/paired"].as_slice()),
        ("node.pair.list", json!({}), &["/pending", "/paired"]),
        ("node.list", json!({}), &["/nodes"]),
    ];
    session(&gateway, cli(&["operator.read", "operator.pairing"]), pairing).await;
    let backend = vec![
        health,
        ("status", json!({"includeChannelSummary": false}), &["/sessions/count"]),
        ("channels.status", json!({"probe": false, "timeoutMs": 10_000}), &["/channelAccounts"]),
        ("models.list", json!({"view": "default", "includeDetails": true}), &["/models/0/id"]),
    ];
    session(&gateway, Connect::v4().client("gateway-client", "backend").scopes(read), backend)
        .await;
    let mut sender = gateway.v4().await;
    let send =
        json!({"channel": "telegram", "action": "send", "params": {"to": "1", "message": "x"}});
    let error = sender.fails("message.action", send).await;
    assert_eq!(error["message"], "unsupported channel: telegram");
    gateway.finish().await;
}

#[tokio::test]
async fn what_the_stock_command_line_checks_before_it_asks_is_advertised() {
    let gateway = TestGateway::start().await;
    let hello = gateway.peer().await.connect(Connect::v4()).await.unwrap();
    let capabilities = hello["features"]["capabilities"].as_array().unwrap();
    assert!(capabilities.contains(&json!("published-model-catalog")));
    for needed in ["chat.startup", "sessions.create", "sessions.subscribe"] {
        assert!(methods(&hello).contains(needed), "{needed}");
    }
    gateway.finish().await;
}

#[tokio::test]
async fn the_stock_terminal_interface_gets_what_it_insists_on() {
    let gateway = TestGateway::start().await;
    let identity = Arc::new(DeviceIdentity::from_seed(&[9; 32]));
    let tui = Connect::v4()
        .client("openclaw-tui", "ui")
        .scopes(&["operator.admin", "operator.read", "operator.write", "operator.approvals"])
        .set("caps", json!(["agent-kind", "plugin-approvals", "task-suggestions", "tool-events"]))
        .device(&identity);
    let main = "agent:main:main";
    let asked = vec![
        ("sessions.subscribe", json!({}), ["/subscribed"].as_slice()),
        ("agents.list", json!({}), &["/defaultId", "/agents/0/id", "/agents/0/model/primary"]),
        ("question.list", json!({}), &["/questions"]),
        ("plugin.approval.list", json!({}), &[]),
        ("taskSuggestions.list", json!({}), &["/suggestions"]),
        ("chat.history", json!({"sessionKey": main, "limit": 200}), &["/messages"]),
        ("commands.list", json!({}), &["/commands/0/name"]),
        ("sessions.describe", json!({"key": main}), &["/session"]),
        ("sessions.list", json!({"agentId": "main", "limit": 1}), &["/sessions"]),
    ];
    session(&gateway, tui, asked).await;
    gateway.finish().await;
}

/// Methods without which the page shows nothing or blocks the composer (§18.3).
const NEEDED: [&str; 9] = [
    "agents.list",
    "sessions.list",
    "sessions.subscribe",
    "sessions.messages.subscribe",
    "chat.startup",
    "chat.history",
    "models.list",
    "config.get",
    "agent.identity.get",
];

#[tokio::test]
async fn the_stock_control_page_starts() {
    let gateway = TestGateway::start().await;
    let origin = format!("http://{}", gateway.address());
    let headers = [("origin", origin.as_str())];
    let mut peer = Peer::open_with(gateway.address(), &headers).await.unwrap();
    let identity = Arc::new(DeviceIdentity::from_seed(&[8; 32]));
    let lines = include_str!("../../fixtures/control-ui-boot.jsonl").lines();
    let mut requests = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let connect = Connect::recorded(requests.next().unwrap()["params"].clone());
    let secret = json!({"token": clawdbot_tests::TOKEN, "password": clawdbot_tests::TOKEN});
    let connect = connect.auth(secret).set("device", Value::Null).device(&identity);
    let listed = methods(&peer.connect(connect).await.unwrap());
    for mut request in requests {
        let method = request["method"].as_str().unwrap().to_owned();
        let ours = peer.request(&method, request["params"].take()).await;
        let message = ours["error"]["message"].as_str().unwrap_or_default();
        if NEEDED.contains(&method.as_str()) {
            assert_eq!(ours["ok"], true, "{method}: {ours}");
        } else if listed.contains(&method) {
            assert!(!message.starts_with("invalid "), "{method}: {ours}");
        } else {
            assert_eq!(message, format!("unknown method: {method}"));
        }
    }
    gateway.finish().await;
}
