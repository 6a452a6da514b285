//! Protocol §4 to §8: challenge, `connect`, `hello-ok`, refusals.

use std::sync::Arc;

use clawdbot_protocol::DeviceIdentity;
use clawdbot_tests::{Connect, Setup, TestGateway, fingerprint, fixture, lacks};
use serde_json::{Value, json};

/// What 2026.9.6 adds to `hello-ok` and this gateway leaves out: plugins, heartbeats, sharing and
/// its own build's identity (§18.2).
const OMITTED_V4: [&str; 24] = [
    "/snapshot/updateSchedule",
    "/controlUiWidgetKinds",
    "/controlUiLinkReaders",
    "/server/buildId",
    "/server/bootId",
    "/server/controlUiBuildSource",
    "/snapshot/suspension",
    "/snapshot/appliedConfigHash",
    "/snapshot/controlUiIdentityUrl",
    "/snapshot/presence/*/ip",
    "/snapshot/presence/*/deviceFamily",
    "/snapshot/presence/*/instanceId",
    "/snapshot/health/plugins",
    "/snapshot/health/configReload",
    "/snapshot/health/eventLoop",
    "/snapshot/health/modelRuntime",
    "/snapshot/health/agents/*/heartbeat",
    "/pluginSurfaceUrls",
    "/controlUiTabs",
    "/controlUiUrl",
    "/auth/recoveryScope",
    "/auth/recoveryMigrationAllowed",
    "/policy/allowedSessionVisibilities",
    "/policy/hasMultipleSessionSharingIdentities",
];

const OMITTED_V3: [&str; 8] = [
    "/server/commit",
    "/snapshot/presence/*/ip",
    "/snapshot/presence/*/deviceFamily",
    "/snapshot/presence/*/modelIdentifier",
    "/snapshot/presence/*/instanceId",
    "/snapshot/health/agents/*/heartbeat",
    "/canvasHostUrl",
    "/snapshot/health/sessions/recent",
];

#[tokio::test]
async fn hello_has_the_recorded_members_in_both_generations() {
    let gateway = TestGateway::start().await;
    let device = Arc::new(DeviceIdentity::from_seed(&[1; 32]));
    let mut peer = gateway.peer().await;
    let v4 = peer.connect(Connect::v4().device(&device)).await.unwrap();
    assert_eq!(lacks(&v4, &fixture("hello-v4.json"), &OMITTED_V4), [""; 0]);
    assert_eq!(v4["protocol"], 4);
    assert_eq!(v4["server"].get("host"), None, "only generation 3 has server.host");
    assert_eq!(v4["auth"]["method"], "token");
    let mut peer = gateway.peer().await;
    let v3 = peer.connect(Connect::v3().device(&device)).await.unwrap();
    assert_eq!(lacks(&v3, &fixture("hello-v3.json"), &OMITTED_V3), [""; 0]);
    assert_eq!(v3["protocol"], 3);
    assert!(v3["auth"]["deviceToken"].is_string());
    gateway.finish().await;
}

#[tokio::test]
async fn generation_3_gets_auth_only_with_a_device_token() {
    let gateway = TestGateway::start().await;
    let v3 = gateway.peer().await.connect(Connect::v3()).await.unwrap();
    assert_eq!(v3.get("auth"), None);
    let v4 = gateway.peer().await.connect(Connect::v4()).await.unwrap();
    assert_eq!(v4["auth"]["role"], "operator");
    gateway.finish().await;
}

#[tokio::test]
async fn the_newest_common_generation_is_spoken() {
    let gateway = TestGateway::start().await;
    for (min, max, spoken) in [(3, 4, 4), (4, 9, 4), (1, 3, 3), (3, 3, 3)] {
        let hello = gateway.peer().await.connect(Connect::offering(min, max)).await.unwrap();
        assert_eq!(hello["protocol"], spoken, "{min}..{max}");
    }
    gateway.finish().await;
}

#[tokio::test]
async fn absurd_generations_are_refused_ws_08() {
    let gateway = TestGateway::start().await;
    for (min, max) in [
        (json!(5), json!(6)),
        (json!(1), json!(2)),
        (json!(4), json!(3)),
        (json!(0), json!(4)),
        (json!(-1), json!(4)),
        (json!(3.5), json!(4)),
        (json!("4"), json!("4")),
        (json!(9_007_199_254_740_992_u64), json!(9_007_199_254_740_993_u64)),
        (Value::Null, Value::Null),
    ] {
        let connect = Connect::v4().set("minProtocol", min.clone()).set("maxProtocol", max.clone());
        let refused = gateway.peer().await.connect(connect).await.unwrap_err();
        assert!([1002, 1008].contains(&refused.code), "{min} {max}: {refused:?}");
        assert_eq!(refused.error["code"], "INVALID_REQUEST", "{min} {max}");
    }
    gateway.v4().await;
    gateway.finish().await;
}

/// Recorded variants whose answer here differs on purpose or that another test covers: this gateway
/// speaks generation 3 itself, and the proofs are forged in `devices`.
const ELSEWHERE: [&str; 10] = [
    "proto-3",
    "node-proto-3",
    "probe-proto-3",
    "no-device-remote",
    "bad-signature",
    "stale",
    "stale-3min",
    "nonce-mismatch",
    "nonce-missing",
    "v1-signature",
];

#[tokio::test]
async fn refusals_are_the_recorded_ones() {
    let gateway = TestGateway::start().await;
    let device = Arc::new(DeviceIdentity::from_seed(&[2; 32]));
    let recorded = fixture("auth-failures.json");
    let mut checked = 0;
    for (name, case) in recorded.as_object().unwrap() {
        if ELSEWHERE.contains(&name.as_str()) {
            continue;
        }
        let mut connect = Connect::recorded(case["params"].clone());
        if case["device"] == true {
            connect = connect.device(&device);
        }
        let headers: &[(&str, &str)] =
            if name == "bad-origin" { &[("origin", "https://evil.example")] } else { &[] };
        let mut peer = clawdbot_tests::Peer::open_with(gateway.address(), headers).await.unwrap();
        match peer.connect(connect).await {
            Ok(hello) => {
                assert_eq!(case["ok"], true, "{name} was admitted: {hello}");
                assert_eq!(hello["auth"]["scopes"], case["auth"]["scopes"], "{name}");
                assert_eq!(hello["auth"]["method"], case["auth"]["method"], "{name}");
            }
            Err(refused) => {
                assert_eq!(refused.error, case["error"], "{name}");
                assert_eq!(refused.code, case["close"]["code"], "{name}");
                assert_eq!(refused.reason, case["close"]["reason"], "{name}");
            }
        }
        // A success in between keeps the delay for wrong guesses out of the test.
        gateway.v4().await;
        checked += 1;
    }
    assert_eq!(checked, recorded.as_object().unwrap().len() - ELSEWHERE.len());
    gateway.finish().await;
}

#[tokio::test]
async fn passwords_have_their_own_refusals() {
    let setup = Setup::new()
        .await
        .set("gateway.auth", json!({"mode": "password", "password": "correct-horse"}));
    let gateway = setup.start().await;
    let try_it = |auth: Value| {
        let connect = Connect::v4().auth(auth);
        let gateway = &gateway;
        async move { gateway.peer().await.connect(connect).await }
    };
    let missing = try_it(json!({})).await.unwrap_err();
    assert_eq!(missing.error["details"]["code"], "AUTH_PASSWORD_MISSING");
    let wrong = try_it(json!({"password": "wrong"})).await.unwrap_err();
    assert_eq!(wrong.error["details"]["code"], "AUTH_PASSWORD_MISMATCH");
    assert!(wrong.reason.starts_with("unauthorized: gateway password mismatch ("), "{wrong:?}");
    // Either member may carry the secret (§7.1).
    try_it(json!({"password": "correct-horse"})).await.unwrap();
    try_it(json!({"token": "correct-horse"})).await.unwrap();
    gateway.finish().await;
}

#[tokio::test]
async fn only_a_verified_secret_admits_ws_02() {
    let gateway = TestGateway::start().await;
    let device = Arc::new(DeviceIdentity::from_seed(&[3; 32]));
    gateway.v4().await;
    let before = fingerprint(gateway.state());
    for auth in [json!({"token": "wrong"}), json!({"token": ""}), json!({}), Value::Null] {
        for connect in [Connect::v4(), Connect::v4().device(&device)] {
            let refused =
                gateway.peer().await.connect(connect.auth(auth.clone())).await.unwrap_err();
            assert_eq!(refused.code, 1008, "{auth}");
            assert!(refused.reason.starts_with("unauthorized: "), "{refused:?}");
            gateway.v4().await;
        }
    }
    assert_eq!(fingerprint(gateway.state()), before, "a refused connect left something on disk");
    gateway.finish().await;
}

#[tokio::test]
async fn secrets_of_the_wrong_type_are_refused_ws_03() {
    let gateway = TestGateway::start().await;
    for token in [json!(0), json!([]), json!({}), json!(true)] {
        let connect = Connect::v4().auth(json!({"token": token}));
        let refused = gateway.peer().await.connect(connect).await.unwrap_err();
        assert_eq!(refused.code, 1008, "{token}");
        assert!(refused.reason.starts_with("invalid connect params: at /auth"), "{refused:?}");
    }
    for token in ["undefined", "null", "   "] {
        let connect = Connect::v4().auth(json!({"token": token}));
        let refused = gateway.peer().await.connect(connect).await.unwrap_err();
        assert_eq!(refused.error["details"]["code"], "AUTH_TOKEN_MISMATCH", "{token:?}");
        gateway.v4().await;
    }
    gateway.finish().await;
}

#[tokio::test]
async fn hello_of_a_blind_client_names_nothing_of_the_host_ws_09() {
    let gateway = TestGateway::start().await;
    let hello = gateway.peer().await.connect(Connect::v4().scopes(&[])).await.unwrap();
    let text = hello.to_string();
    assert!(!text.contains(gateway.state().to_str().unwrap()), "{text}");
    assert_eq!(hello["snapshot"]["presence"], json!([]));
    assert_eq!(hello["snapshot"]["health"], json!({}));
    let hello = gateway.peer().await.connect(Connect::v4()).await.unwrap();
    assert_eq!(hello["snapshot"]["stateDir"], gateway.state().to_str().unwrap());
    gateway.finish().await;
}

#[tokio::test]
async fn a_second_connect_changes_nothing_ws_05() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.join(Connect::v4().scopes(&["operator.read"])).await;
    let params = json!({"minProtocol": 4, "maxProtocol": 4, "scopes": ["operator.admin"],
        "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"},
        "auth": {"token": clawdbot_tests::TOKEN}});
    let error = peer.fails("connect", params).await;
    assert_eq!(error["message"], "connect is only valid as the first request");
    let error = peer.fails("sessions.reset", json!({"key": "main"})).await;
    assert_eq!(error["details"]["missingScope"], "operator.admin");
    gateway.finish().await;
}
