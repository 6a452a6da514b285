//! Protocol §7.8 and §14.6: inviting a phone with a code.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clawdbot_protocol::DeviceIdentity;
use clawdbot_tests::{Connect, Peer, Setup, TestGateway, grep};
use serde_json::{Value, json};

fn device(seed: u8) -> Arc<DeviceIdentity> {
    Arc::new(DeviceIdentity::from_seed(&[seed; 32]))
}

async fn behind_proxy() -> TestGateway {
    let proxies = json!(["127.0.0.1"]);
    Setup::new().await.set("gateway.trustedProxies", proxies).start().await
}

async fn remote(gateway: &TestGateway) -> Peer {
    Peer::open_with(gateway.address(), &[("x-forwarded-for", "203.0.113.9")]).await.unwrap()
}

/// A new code: the answer, and the secret in it.
async fn invite(gateway: &TestGateway, mut params: Value) -> (Value, String) {
    params["publicUrl"] = json!("https://home.example");
    let code = gateway.v4().await.ok("device.pair.setupCode", params).await;
    let text = URL_SAFE_NO_PAD.decode(code["setupCode"].as_str().unwrap()).unwrap();
    let inside: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(inside["url"], "wss://home.example");
    assert_eq!(inside["expiresAtMs"], code["expiresAtMs"]);
    (code, inside["bootstrapToken"].as_str().unwrap().to_owned())
}

fn phone(seed: u8, secret: &str) -> Connect {
    Connect::v4()
        .client("openclaw-ios", "node")
        .set("role", json!("node"))
        .scopes(&[])
        .auth(json!({"bootstrapToken": secret}))
        .device(&device(seed))
}

#[tokio::test]
async fn a_phone_comes_in_by_its_code_and_stays() {
    let gateway = behind_proxy().await;
    let mut admin = gateway.v4().await;
    let (code, secret) = invite(&gateway, json!({})).await;
    assert!(code["qrDataUrl"].as_str().unwrap().starts_with("data:image/svg+xml;base64,"));
    assert_eq!((&code["access"], &code["auth"]), (&json!("limited"), &json!("token")));
    let id = json!({"setupId": code["setupId"]});
    assert_eq!(admin.ok("device.pair.setupStatus", id.clone()).await, json!({}));
    assert!(grep(gateway.state(), &secret).is_empty(), "only a digest is kept");

    let hello = remote(&gateway).await.connect(phone(1, &secret)).await.unwrap();
    assert_eq!(hello["auth"]["role"], "node");
    let operator = &hello["auth"]["deviceTokens"][0];
    assert_eq!(operator["role"], "operator");
    let granted = ["operator.approvals", "operator.read", "operator.write"];
    assert_eq!(operator["scopes"], json!(granted));
    let done = admin.event(|frame| frame["event"] == "device.pair.setup.completed").await;
    let status = admin.ok("device.pair.setupStatus", id).await;
    assert_eq!(status["completion"], done["payload"]);
    assert_eq!(status["completion"]["deviceId"], device(1).id());

    let token = json!({"deviceToken": operator["deviceToken"]});
    let talks = Connect::v4().client("openclaw-ios", "ui").scopes(&granted).auth(token);
    let hello = remote(&gateway).await.connect(talks.device(&device(1))).await.unwrap();
    assert_eq!(hello["auth"]["method"], "device-token");
    gateway.finish().await;
}

#[tokio::test]
async fn a_code_is_good_once_even_for_twenty_at_a_time_dev_07() {
    let gateway = behind_proxy().await;
    let (_, secret) = invite(&gateway, json!({})).await;
    let attempts = (1..=20).map(|seed| {
        let (gateway, secret) = (&gateway, &secret);
        async move {
            // Each from its own address of this machine, so that no budget gets in the way.
            gateway.peer().await.connect(phone(seed, secret)).await
        }
    });
    let results = futures_util::future::join_all(attempts).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for refused in results.into_iter().filter_map(Result::err) {
        assert_eq!(refused.error["details"]["code"], "AUTH_BOOTSTRAP_TOKEN_INVALID");
        assert!(refused.reason.starts_with("unauthorized: setup code invalid"));
    }
    let listed = gateway.v4().await.ok("device.pair.list", json!({})).await;
    assert_eq!(listed["paired"].as_array().unwrap().len(), 1);
    assert_eq!(listed["pending"], json!([]), "a wrong code opens no request");
    gateway.finish().await;
}

#[tokio::test]
async fn a_code_gives_what_it_was_made_for_dev_07() {
    let gateway = behind_proxy().await;
    let (_, secret) = invite(&gateway, json!({"bootstrapProfile": "node"})).await;
    let operator = phone(1, &secret).set("role", json!("operator"));
    let wider = [operator.clone(), operator.scopes(&["operator.admin"])];
    for connect in wider {
        let refused = remote(&gateway).await.connect(connect).await.unwrap_err();
        assert_eq!(refused.error["details"]["code"], "AUTH_BOOTSTRAP_TOKEN_INVALID");
    }
    let (_, limited) = invite(&gateway, json!({})).await;
    let admin = phone(1, &limited).set("role", json!("operator")).scopes(&["operator.admin"]);
    assert_eq!(remote(&gateway).await.connect(admin).await.unwrap_err().code, 1008);
    let wrong = remote(&gateway).await.connect(phone(1, "invented")).await.unwrap_err();
    assert_eq!(wrong.code, 1008);
    // The twin: the wrong attempts have not used it up.
    let hello = remote(&gateway).await.connect(phone(1, &secret)).await.unwrap();
    assert_eq!(hello["auth"].get("deviceTokens"), None);
    gateway.finish().await;
}

#[tokio::test]
async fn a_gateway_that_nobody_reaches_makes_no_codes() {
    let gateway = TestGateway::start().await;
    let mut admin = gateway.v4().await;
    let error = admin.fails("device.pair.setupCode", json!({})).await;
    assert_eq!(
        error["message"],
        "Gateway is only bound to loopback. Set gateway.bind=lan, enable tailscale serve, or \
         configure plugins.entries.device-pair.config.publicUrl."
    );
    let params = json!({"publicUrl": "ws://192.0.2.1:18789", "bootstrapProfile": "full",
        "includeQr": false});
    let code = admin.ok("device.pair.setupCode", params).await;
    assert_eq!(
        (&code["access"], &code["accessDowngraded"]),
        (&json!("limited"), &json!(true)),
        "no administrator over an open line"
    );
    assert_eq!(code.get("qrDataUrl"), None);
    gateway.finish().await;
}
