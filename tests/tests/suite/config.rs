//! `config.*` and changes of the configuration while the gateway runs (protocol §14.5).

use std::time::Duration;

use clawdbot_config::Bind;
use clawdbot_tests::{Connect, Peer, Setup, TOKEN, TestGateway, soon};
use serde_json::{Value, json};

const REDACTED: &str = "__OPENCLAW_REDACTED__";

fn document(gateway: &TestGateway) -> std::path::PathBuf {
    gateway.state().join("clawdbot.json")
}

fn text(gateway: &TestGateway) -> String {
    std::fs::read_to_string(document(gateway)).unwrap()
}

/// Waits for the event that says that a new configuration is in force.
async fn changed(peer: &mut clawdbot_tests::Peer) -> Value {
    peer.event(|frame| frame["event"] == "config.changed").await["payload"].take()
}

#[tokio::test]
async fn a_patch_keeps_comments_and_secrets_and_counts_at_once() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let shown = peer.ok("config.get", json!({})).await;
    assert_eq!(shown["config"]["gateway"]["auth"]["token"], REDACTED);
    let patch = r#"{ agents: { defaults: { mediaMaxMb: 1 } }, // smaller
        gateway: { auth: { token: "__OPENCLAW_REDACTED__" } } }"#;
    let params = json!({"raw": patch, "baseHash": shown["hash"]});
    let written = peer.ok("config.patch", params).await;
    assert_eq!(written["restartRequired"], json!([]));
    assert_eq!(written["config"]["gateway"]["auth"]["token"], REDACTED);
    let text = text(&gateway);
    assert!(text.contains("// written by hand"), "{text}");
    assert!(text.contains(TOKEN), "the placeholder is never stored");
    changed(&mut peer).await;
    let hello = gateway.peer().await.connect(Connect::v4()).await.unwrap();
    assert_eq!(hello["policy"]["attachments"]["maxBytes"], 1024 * 1024);
    assert_eq!(peer.ok("config.get", json!({})).await["hash"], written["hash"]);
    gateway.finish().await;
}

/// Who may read the configuration must not be able to try out secrets against its hash.
#[tokio::test]
async fn the_hash_of_the_document_is_keyed() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let gateway = TestGateway::start().await;
        std::fs::write(document(&gateway), "{}").unwrap();
        for mut peer in [gateway.v3().await, gateway.v4().await] {
            seen.push(peer.ok("config.get", json!({})).await["hash"].as_str().unwrap().to_owned());
        }
        gateway.finish().await;
    }
    assert!(seen.iter().all(|hash| hash.starts_with("hmac-sha256:v1:")), "{seen:?}");
    assert_eq!((&seen[0], &seen[2]), (&seen[1], &seen[3]), "the same for both generations");
    assert_ne!(seen[0], seen[2], "one text, two gateways");
}

#[tokio::test]
async fn a_write_without_the_current_hash_changes_nothing() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let before = text(&gateway);
    for method in ["config.set", "config.apply", "config.patch"] {
        let error = peer.fails(method, json!({"raw": "{}"})).await;
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("config base hash required"), "{message}");
        let error = peer.fails(method, json!({"raw": "{}", "baseHash": "old"})).await;
        assert_eq!(error["message"], "config changed since last load; re-run config.get and retry");
    }
    assert_eq!(text(&gateway), before);
    gateway.finish().await;
}

#[tokio::test]
async fn an_invalid_document_is_refused_with_every_issue_and_not_written() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let hash = peer.ok("config.get", json!({})).await["hash"].clone();
    let before = text(&gateway);
    let mut refused = async |method: &str, raw: &str| {
        peer.fails(method, json!({"raw": raw, "baseHash": hash})).await
    };
    let error = refused("config.set", r#"{ "bogusKey": 1 }"#).await;
    assert_eq!(error["message"], "invalid config: <root>: Unrecognized key: \"bogusKey\"");
    assert_eq!(error["details"]["issues"][0]["path"], "bogusKey");
    let error = refused("config.patch", "{ gateway: { port: 0 } }").await;
    assert_eq!(error["details"]["issues"][0]["path"], "gateway.port");
    let error = refused("config.patch", "[1]").await;
    assert_eq!(error["message"], "config.patch raw must be an object");
    let error = refused("config.set", "{ gateway: ").await;
    assert_eq!(error["code"], "INVALID_REQUEST");
    let error =
        refused("config.set", r#"{ ui: { assistant: { name: "__OPENCLAW_REDACTED__" } } }"#);
    assert!(error.await["message"].as_str().unwrap().contains("placeholder"));
    assert_eq!(text(&gateway), before);
    gateway.finish().await;
}

#[tokio::test]
async fn an_edit_of_the_file_counts_without_a_restart() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let edited = text(&gateway).replace("\"Fake\"", "\"Renamed\"");
    std::fs::write(document(&gateway), edited).unwrap();
    changed(&mut peer).await;
    let models = peer.ok("models.list", json!({})).await;
    assert_eq!(models["models"][0]["name"], "Renamed");
    gateway.finish().await;
}

#[tokio::test]
async fn a_broken_file_is_named_and_what_runs_goes_on() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let good = text(&gateway);
    std::fs::write(document(&gateway), "{ gateway: { port: 0 } }").unwrap();
    let shown = peer.ok("config.get", json!({})).await;
    assert_eq!(shown["valid"], false);
    assert_eq!(shown["issues"][0]["path"], "gateway.port");
    assert_eq!(shown["raw"], Value::Null, "a text that cannot be read may hold secrets");
    let error = peer.fails("config.patch", json!({"raw": "{}", "baseHash": ""})).await;
    assert_eq!(error["message"], "invalid config; fix before patching");
    gateway.join(Connect::v4()).await;
    std::fs::write(document(&gateway), good.replace("\"Fake\"", "\"Mended\"")).unwrap();
    changed(&mut peer).await;
    gateway.finish().await;
}

#[tokio::test]
async fn a_new_token_ends_every_connection_of_the_old_one_ws_06() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.v4().await;
    let mut other = gateway.v3().await;
    let hash = owner.ok("config.get", json!({})).await["hash"].clone();
    let raw = r#"{ gateway: { auth: { token: "another-token-of-some-length" } } }"#;
    owner.ok("config.patch", json!({"raw": raw, "baseHash": hash})).await;
    for peer in [&mut owner, &mut other] {
        let end = soon("the old secret's sockets close", peer.closed()).await;
        assert_eq!(end, (4001, "gateway auth changed".to_owned()));
    }
    let refused = gateway.peer().await.connect(Connect::v4()).await.unwrap_err();
    assert_eq!(refused.error["details"]["code"], "AUTH_TOKEN_MISMATCH");
    let new = Connect::v4().auth(json!({"token": "another-token-of-some-length"}));
    gateway.join(new).await;
    gateway.finish().await;
}

#[tokio::test]
async fn no_change_unprotects_a_gateway_that_others_reach_ws_03_prx_07() {
    let strong = "Zk3v9Qm1Xw7Rt5Yb2Nc8Lp4Hd6Jf0Ga";
    let setup = Setup::new().await.set("gateway.auth.token", json!(strong));
    let gateway = setup.options(|options| options.bind = Some(Bind::Lan)).start().await;
    let mut peer = Peer::open(([127, 0, 0, 1], gateway.address().port()).into()).await;
    peer.connect(Connect::v4().auth(json!({"token": strong}))).await.unwrap();
    let hash = peer.ok("config.get", json!({})).await["hash"].clone();
    let before = text(&gateway);
    let no_auth = json!({"auth": {"mode": "none"}});
    for (patch, said) in [
        (json!({"gateway": no_auth}), "without auth"),
        // The address changes with the next start only.
        (json!({"gateway": {"auth": {"mode": "none"}, "bind": "loopback"}}), "without auth"),
        (json!({"gateway": {"auth": {"token": "changeme"}}}), "gateway.auth.token"),
        (json!({"gateway": {"auth": {"token": null}}}), "without auth"),
        (json!({"gateway": {"auth": {"mode": "password"}}}), "no password is set"),
        (json!({"hooks": {"enabled": true, "token": strong}}), "hooks.token"),
        (
            json!({"gateway": {"auth": {"token": null}}, "hooks": {"enabled": true, "token": strong}}),
            "hooks.token",
        ),
    ] {
        let params = json!({"raw": patch.to_string(), "baseHash": hash});
        let error = peer.fails("config.patch", params).await;
        let message = error["message"].as_str().unwrap();
        assert_eq!(error["code"], "INVALID_REQUEST", "{error}");
        assert!(message.starts_with("invalid config: ") && message.contains(said), "{message}");
        assert_eq!(text(&gateway), before, "{patch}");
    }
    // By hand no more than by a method.
    let edited = before.replace(r#""mode": "token""#, r#""mode": "none""#);
    assert_ne!(edited, before);
    std::fs::write(document(&gateway), edited).unwrap();
    let end = tokio::time::timeout(Duration::from_secs(1), peer.closed()).await;
    assert!(end.is_err(), "the secret in force stays: {end:?}");
    let port = gateway.address().port();
    let stranger = Peer::open(([127, 0, 0, 1], port).into()).await.connect(Connect::v4()).await;
    assert_eq!(stranger.unwrap_err().error["details"]["code"], "AUTH_TOKEN_MISMATCH");
    // The twin: another good secret is taken.
    let other = before.replace(strong, "Another0Zk3v9Qm1Xw7Rt5Yb2Nc8Lp4");
    std::fs::write(document(&gateway), other).unwrap();
    assert_eq!(soon("the new secret", peer.closed()).await.0, 4001);
    gateway.finish().await;
}

#[tokio::test]
async fn what_needs_a_restart_is_named() {
    let gateway = Setup::new().await.start().await;
    let mut peer = gateway.v4().await;
    let hash = peer.ok("config.get", json!({})).await["hash"].clone();
    let params = json!({"raw": "{ gateway: { port: 18799 } }", "baseHash": hash});
    let written = peer.ok("config.patch", params).await;
    assert_eq!(written["restartRequired"], json!(["gateway.port"]));
    assert_eq!(written["restart"]["ok"], false);
    gateway.finish().await;
}

#[tokio::test]
async fn the_schema_can_be_read_whole_and_in_parts() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let schema = peer.ok("config.schema", json!({})).await;
    assert_eq!(schema["uiHints"]["gateway.auth.token"]["sensitive"], true);
    assert_eq!(schema["uiHints"]["gateway.port"]["label"], "Port");
    let port = peer.ok("config.schema.lookup", json!({"path": "gateway.port"})).await;
    assert_eq!(port["schema"]["maximum"], 65535);
    assert_eq!(port["reloadKind"], "restart");
    assert_eq!(port["children"], json!([]));
    let gateway_block = peer.ok("config.schema.lookup", json!({"path": "gateway"})).await;
    let children = gateway_block["children"].as_array().unwrap();
    assert!(children.contains(&json!("gateway.auth")), "{children:?}");
    let error = peer.fails("config.schema.lookup", json!({"path": "gateway.nope"})).await;
    assert!(error["message"].as_str().unwrap().contains("gateway.nope"));
    gateway.finish().await;
}

#[tokio::test]
async fn only_an_admin_writes_the_configuration_cfg_01() {
    let gateway = TestGateway::start().await;
    let before = text(&gateway);
    for scope in ["operator.read", "operator.write", "operator.approvals", "operator.pairing"] {
        let mut peer = gateway.join(Connect::v4().scopes(&[scope])).await;
        for method in ["config.set", "config.apply", "config.patch"] {
            let raw = r#"{ tools: { exec: { security: "full" } } }"#;
            let error = peer.fails(method, json!({"raw": raw, "baseHash": ""})).await;
            assert_eq!(error["details"]["missingScope"], "operator.admin", "{scope} {method}");
        }
    }
    assert_eq!(text(&gateway), before);
    gateway.finish().await;
}

#[tokio::test]
async fn no_answer_about_the_configuration_holds_a_secret_cfg_03() {
    let gateway = TestGateway::start().await;
    let mut reader = gateway.join(Connect::v4().scopes(&["operator.read"])).await;
    let mut answers = Vec::new();
    for (method, params) in [
        ("config.get", json!({})),
        ("config.schema", json!({})),
        ("config.schema.lookup", json!({"path": "gateway.auth.token"})),
        ("status", json!({})),
        ("health", json!({})),
        ("models.list", json!({})),
    ] {
        answers.push(reader.ok(method, params).await.to_string());
    }
    let mut admin = gateway.v4().await;
    let broken =
        json!({"raw": format!("{{ gateway: {{ auth: {{ token: '{TOKEN}'"), "baseHash": "x"});
    answers.push(admin.request("config.set", broken).await.to_string());
    for secret in [TOKEN, "sk-fake"] {
        assert!(answers.iter().all(|answer| !answer.contains(secret)), "{secret} is shown");
    }
    assert!(answers[0].contains(REDACTED));
    gateway.finish().await;
}

#[tokio::test]
async fn a_hostile_document_is_rejected_whole_cfg_04() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let hash = peer.ok("config.get", json!({})).await["hash"].clone();
    let before = text(&gateway);
    let deep = format!("{{ a: {}1{} }}", "[".repeat(10_000), "]".repeat(10_000));
    for raw in [
        r#"{ "__proto__": { gateway: { auth: { mode: "none" } } } }"#,
        r#"{ constructor: { prototype: {} } }"#,
        r#"{ gateway: { port: 1e400 } }"#,
        r#"{ gateway: { auth: null, port: "x" } }"#,
        deep.as_str(),
    ] {
        let error = peer.fails("config.set", json!({"raw": raw, "baseHash": hash})).await;
        assert_eq!(error["code"], "INVALID_REQUEST", "{raw:.60}");
    }
    assert_eq!(text(&gateway), before);
    gateway.join(Connect::v4()).await;
    gateway.finish().await;
}

#[tokio::test]
async fn files_of_a_workspace_do_not_control_the_gateway_cfg_06() {
    let setup = Setup::new().await;
    let workspace = setup.home().join("clawd");
    std::fs::create_dir_all(&workspace).unwrap();
    let env = "CLAWDBOT_GATEWAY_TOKEN=planted-token\nOPENAI_BASE_URL=http://127.0.0.1:9\n";
    std::fs::write(workspace.join(".env"), env).unwrap();
    let planted = json!({"gateway": {"auth": {"mode": "none"}}}).to_string();
    std::fs::write(workspace.join("clawdbot.json"), planted).unwrap();
    let gateway = setup.start().await;
    let guess = Connect::v4().auth(json!({"token": "planted-token"}));
    let refused = gateway.peer().await.connect(guess).await.unwrap_err();
    assert_eq!(refused.error["details"]["code"], "AUTH_TOKEN_MISMATCH");
    gateway.join(Connect::v4()).await;
    gateway.finish().await;
}
