//! Protocol §6: who may call what.

use clawdbot_tests::{ALL_SCOPES, Connect, Peer, Script, TestGateway, fingerprint, fixture};
use serde_json::{Value, json};

/// Methods without a line in the table of protocol §6.5: of generation 3 only, or ours.
const UNLISTED: &[(&str, &str)] = &[
    ("node.pair.request", "pairing"),
    ("node.pair.verify", "pairing"),
    ("sessions.unsubscribe", "read"),
    ("sessions.import", "admin"),
    ("device.pair.webCode", "admin"),
];

/// What operators may call, and the scope it takes, as the gateway's contract has it.
fn matrix() -> Vec<(String, String)> {
    let contract = clawdbot_gateway::contract();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    contract["methods"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|method| method["callers"][0] == "operator")
        .map(|method| (text(&method["name"]), text(&method["scope"])))
        .collect()
}

#[test]
fn every_method_has_the_scope_of_the_protocol_scp_02() {
    let table = fixture("scopes-v4.json");
    let contract = clawdbot_gateway::contract();
    for method in contract["methods"].as_array().unwrap() {
        let name = method["name"].as_str().unwrap();
        let unlisted =
            || UNLISTED.iter().find(|(known, _)| *known == name).map(|(_, scope)| *scope);
        let wanted = table[name].as_str().or_else(unlisted);
        let wanted = wanted.unwrap_or_else(|| panic!("{name} is in no table"));
        if wanted == "node" {
            assert_eq!(method["callers"], json!(["node"]), "{name}");
            continue;
        }
        // What depends on the members there takes the scope of the ordinary ones here (§6.5).
        let wanted = match (wanted, name) {
            ("dynamic", "talk.config") => "read",
            ("dynamic", _) => "write",
            (scope, _) => scope,
        };
        assert_eq!(method["scope"], format!("operator.{wanted}"), "{name}");
    }
}

fn allows(held: &str, wanted: &str) -> bool {
    held == wanted
        || held == "operator.admin"
        || (held == "operator.write" && ["operator.read", "operator.talk"].contains(&wanted))
}

#[tokio::test]
async fn every_method_asks_for_its_scope_scp_02() {
    let gateway = TestGateway::start().await;
    // Bad params on purpose: a handler that is reached complains about them or does nothing.
    let params = json!({"key": "", "sessionKey": "", "message": 1, "keys": 1, "query": 1, "runId": 1,
        "agentId": "ghost"});
    // The gateway makes its own key when it is first asked for it.
    gateway.v4().await.ok("gateway.identity.get", json!({})).await;
    let before = fingerprint(gateway.state());
    for held in ALL_SCOPES.into_iter().chain([""]) {
        let scopes: &[&str] = if held.is_empty() { &[] } else { &[held] };
        let mut v4 = gateway.join(Connect::v4().scopes(scopes)).await;
        for (method, wanted) in matrix() {
            let answer = v4.request(&method, params.clone()).await;
            // §6.2: `health` is for everybody who got in.
            let refused = !allows(held, &wanted) && method != "health";
            let want = json!({"code": "FORBIDDEN", "message": format!("missing scope: {wanted}"),
                "details": {"code": "MISSING_SCOPE", "missingScope": wanted,
                    "requiredScopes": [wanted]}});
            assert_eq!(answer["error"] == want, refused, "{held} calls {method}: {answer}");
        }
    }
    assert_eq!(fingerprint(gateway.state()), before, "a refused call left something on disk");
    gateway.finish().await;
}

#[tokio::test]
async fn generation_3_has_its_own_refusal() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.join(Connect::v3().scopes(&["operator.read"])).await;
    let missing = |scope: &str| json!({"code": "INVALID_REQUEST", "message": format!("missing scope: {scope}")});
    let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "k"});
    assert_eq!(peer.fails("chat.send", send).await, missing("operator.write"));
    assert_eq!(
        peer.fails("sessions.reset", json!({"key": "main"})).await,
        missing("operator.admin")
    );
    // §6.4: the scope is looked at before the name.
    assert_eq!(peer.fails("nope", json!({})).await, missing("operator.admin"));
    peer.ok("sessions.list", json!({})).await;
    let mut admin = gateway.v3().await;
    assert_eq!(admin.fails("nope", json!({})).await["message"], "unknown method: nope");
    gateway.finish().await;
}

async fn say(peer: &mut Peer, key: &str, text: &str) -> Value {
    let params = json!({"sessionKey": "main", "message": text, "idempotencyKey": key});
    peer.request("chat.send", params).await
}

#[tokio::test]
async fn slash_commands_are_no_lower_door_scp_03() {
    let gateway = TestGateway::start().await;
    let mut writer = gateway.join(Connect::v4().scopes(&["operator.read", "operator.write"])).await;
    gateway.model.push(Script::text(["kept"]));
    say(&mut writer, "k-0", "remember this").await;
    writer.terminal("k-0").await;
    let before = fingerprint(gateway.state());
    for (n, command) in ["/new", "/reset", " /CLEAR "].iter().enumerate() {
        let answer = say(&mut writer, &format!("c-{n}"), command).await;
        assert_eq!(answer["error"]["details"]["missingScope"], "operator.admin", "{command}");
    }
    assert_eq!(fingerprint(gateway.state()), before);
    // What is no command here is a message like any other and reaches nothing but the model.
    let config = gateway.gateway.paths().config.clone();
    let text = std::fs::read_to_string(&config).unwrap();
    for (n, command) in ["/config set gateway.auth.mode none", "/verbose on"].iter().enumerate() {
        gateway.model.push(Script::text(["no such command"]));
        let key = format!("m-{n}");
        assert_eq!(say(&mut writer, &key, command).await["payload"]["status"], "started");
        writer.terminal(&key).await;
    }
    assert_eq!(std::fs::read_to_string(&config).unwrap(), text);
    let session = writer.ok("sessions.describe", json!({"key": "main"})).await;
    assert_eq!(session["session"].get("verboseLevel"), None);
    // The twins: a command that only looks, and the owner.
    assert_eq!(say(&mut writer, "s-1", "/status").await["ok"], true);
    assert_eq!(writer.terminal("s-1").await["seq"], 1);
    let mut admin = gateway.v4().await;
    assert_eq!(say(&mut admin, "r-1", "/reset").await["ok"], true);
    let history = admin.ok("chat.history", json!({"sessionKey": "main"})).await;
    let texts = history["messages"].to_string();
    assert!(!texts.contains("remember this"), "{texts}");
    gateway.finish().await;
}

#[tokio::test]
async fn events_go_to_those_who_may_read_scp_05() {
    let gateway = TestGateway::start().await;
    let mut blind = gateway.join(Connect::v4().scopes(&["operator.pairing"])).await;
    let mut reader = gateway.join(Connect::v4().scopes(&["operator.read"])).await;
    let mut writer = gateway.v4().await;
    gateway.model.push(Script::text(["secret answer"]));
    say(&mut writer, "k-1", "hi").await;
    reader.terminal("k-1").await;
    // Whatever was for the blind one has arrived before this answer.
    blind.ok("health", json!({})).await;
    let id = blind.post("health", json!({})).await;
    let seen = blind.until(|frame| frame["id"] == id.as_str()).await;
    assert!(!Value::from(seen.clone()).to_string().contains("secret answer"), "{seen:?}");
    gateway.finish().await;
}
