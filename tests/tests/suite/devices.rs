//! Protocol §8 and §9: device proofs, silent pairing, device tokens.

use std::sync::Arc;

use clawdbot_protocol::DeviceIdentity;
use clawdbot_tests::{ALL_SCOPES, Connect, Peer, Setup, TOKEN, TestGateway, fingerprint};
use serde_json::{Value, json};

fn device(seed: u8) -> Arc<DeviceIdentity> {
    Arc::new(DeviceIdentity::from_seed(&[seed; 32]))
}

#[tokio::test]
async fn a_device_on_this_machine_is_paired_silently_and_comes_back_with_its_token() {
    let gateway = TestGateway::start().await;
    let device = device(1);
    let hello = gateway.peer().await.connect(Connect::v4().device(&device)).await.unwrap();
    let token = hello["auth"]["deviceToken"].as_str().unwrap().to_owned();
    assert_eq!(token.len(), 43, "32 bytes, base64url (§7.7)");
    for auth in [json!({"token": token}), json!({"deviceToken": token})] {
        let connect = Connect::v4().device(&device).auth(auth.clone());
        let hello = gateway.peer().await.connect(connect).await.unwrap();
        assert_eq!(hello["auth"]["method"], "device-token", "{auth}");
        assert_eq!(hello["auth"]["scopes"], json!(ALL_SCOPES));
        assert_eq!(hello["auth"]["deviceToken"], token, "the token stays the same");
    }
    gateway.finish().await;
}

#[tokio::test]
async fn a_device_token_survives_a_restart_and_serves_its_device_only() {
    let gateway = TestGateway::start().await;
    let hello = gateway.peer().await.connect(Connect::v4().device(&device(1))).await.unwrap();
    let token = hello["auth"]["deviceToken"].clone();
    let gateway = gateway.restart().await;
    let auth = json!({"token": token});
    let own = Connect::v4().device(&device(1)).auth(auth.clone());
    gateway.peer().await.connect(own).await.unwrap();
    let stolen = Connect::v4().device(&device(2)).auth(auth.clone());
    let refused = gateway.peer().await.connect(stolen).await.unwrap_err();
    assert_eq!(refused.error["details"]["code"], "AUTH_TOKEN_MISMATCH");
    let bare = Connect::v4().auth(auth);
    assert_eq!(gateway.peer().await.connect(bare).await.unwrap_err().code, 1008);
    gateway.finish().await;
}

#[tokio::test]
async fn forged_proofs_are_refused_with_the_recorded_words() {
    let gateway = TestGateway::start().await;
    let other = device(9);
    let before = {
        gateway.v4().await;
        fingerprint(gateway.state())
    };
    let signed = || Connect::v4().device(&device(1));
    let wrong_key = signed().forge("id", json!(other.id()));
    let cases: [(Connect, &str, &str, &str); 6] = [
        (
            signed().forge("signature", json!("AAAA")),
            "device signature invalid",
            "DEVICE_AUTH_SIGNATURE_INVALID",
            "device-signature",
        ),
        (
            // The role is signed too.
            signed().forge("signedAt", json!(now_ms() + 1)),
            "device signature invalid",
            "DEVICE_AUTH_SIGNATURE_INVALID",
            "device-signature",
        ),
        (
            signed().skewed(-3 * 60_000),
            "device signature expired",
            "DEVICE_AUTH_SIGNATURE_EXPIRED",
            "device-signature-stale",
        ),
        (
            signed().forge("nonce", json!("invented")),
            "device nonce mismatch",
            "DEVICE_AUTH_NONCE_MISMATCH",
            "device-nonce-mismatch",
        ),
        (
            wrong_key,
            "device identity mismatch",
            "DEVICE_AUTH_DEVICE_ID_MISMATCH",
            "device-id-mismatch",
        ),
        (
            signed().forge("publicKey", json!("not a key")),
            "device public key invalid",
            "DEVICE_AUTH_PUBLIC_KEY_INVALID",
            "device-public-key",
        ),
    ];
    for (connect, message, code, reason) in cases {
        let refused = gateway.peer().await.connect(connect).await.unwrap_err();
        let want = json!({"code": "INVALID_REQUEST", "message": message,
            "details": {"code": code, "reason": reason}});
        assert_eq!(refused.error, want);
        assert_eq!((refused.code, refused.reason.as_str()), (1008, message));
        gateway.v4().await;
    }
    assert_eq!(fingerprint(gateway.state()), before, "a forged proof left something on disk");
    let listed = gateway.v4().await.ok("device.pair.list", json!({})).await;
    assert_eq!(listed, json!({"pending": [], "paired": []}), "DEV-01: nor a request");
    gateway.finish().await;
}

#[tokio::test]
async fn a_proof_is_good_for_one_socket_dev_02() {
    let gateway = TestGateway::start().await;
    let device = device(1);
    let mut first = gateway.peer().await;
    let nonce = first.nonce.clone();
    first.connect(Connect::v4().device(&device)).await.unwrap();
    let mut second = gateway.peer().await;
    assert_ne!(second.nonce, nonce);
    let replay = Connect::v4().device(&device).forge("nonce", json!(nonce));
    let refused = second.connect(replay).await.unwrap_err();
    assert_eq!(refused.error["details"]["code"], "DEVICE_AUTH_NONCE_MISMATCH");
    gateway.finish().await;
}

#[tokio::test]
async fn what_was_signed_cannot_be_changed_on_the_way_dev_03() {
    let gateway = TestGateway::start().await;
    let signed = || Connect::v4().scopes(&["operator.read"]).device(&device(1));
    for (pointer, value) in [
        ("/role", json!("node")),
        ("/scopes", json!(ALL_SCOPES)),
        ("/client/id", json!("gateway-client")),
        ("/client/mode", json!("backend")),
    ] {
        let refused = gateway.peer().await.connect(signed().tamper(pointer, value)).await;
        let code = refused.unwrap_err().error["details"]["code"].take();
        assert_eq!(code, "DEVICE_AUTH_SIGNATURE_INVALID", "{pointer}");
    }
    gateway.peer().await.connect(signed()).await.unwrap();
    gateway.finish().await;
}

#[tokio::test]
async fn generation_3_tolerates_five_minutes_of_skew() {
    let gateway = TestGateway::start().await;
    let late = |connect: Connect| connect.device(&device(1)).skewed(-5 * 60_000);
    gateway.peer().await.connect(late(Connect::v3())).await.unwrap();
    let refused = gateway.peer().await.connect(late(Connect::v4())).await.unwrap_err();
    assert_eq!(refused.reason, "device signature expired");
    gateway.finish().await;
}

/// A gateway whose only trusted proxy is this machine, so that a forwarded caller counts as remote.
async fn behind_proxy() -> TestGateway {
    let proxies = json!(["127.0.0.1"]);
    Setup::new().await.set("gateway.trustedProxies", proxies).start().await
}

async fn remote(gateway: &TestGateway) -> Peer {
    Peer::open_with(gateway.address(), &[("x-forwarded-for", "203.0.113.9")]).await.unwrap()
}

#[tokio::test]
async fn a_remote_device_waits_for_approval_dev_04() {
    let gateway = behind_proxy().await;
    let connect = || Connect::v4().device(&device(1));
    let refused = remote(&gateway).await.connect(connect()).await.unwrap_err();
    assert_eq!(refused.error["code"], "NOT_PAIRED");
    assert_eq!(refused.error["message"], "pairing required: device is not approved yet");
    let details = &refused.error["details"];
    assert_eq!(
        (&details["code"], &details["reason"]),
        (&json!("PAIRING_REQUIRED"), &json!("not-paired"))
    );
    assert!(refused.reason.starts_with("pairing required: device is not approved yet"));
    assert_eq!(refused.code, 1008);
    let again = remote(&gateway).await.connect(connect()).await.unwrap_err();
    assert_eq!(again.error["details"]["requestId"], details["requestId"], "one request per device");
    let v3 = Connect::v3().device(&device(2));
    let refused = remote(&gateway).await.connect(v3).await.unwrap_err();
    assert_eq!(refused.error["message"], "pairing required");
    assert_eq!(refused.reason, "pairing required");
    // The twin: on this machine the same device is let in.
    gateway.peer().await.connect(connect()).await.unwrap();
    gateway.finish().await;
}

#[tokio::test]
async fn scopes_of_clients_without_a_device_are_cleared_scp_01() {
    let gateway = behind_proxy().await;
    let cleared = |connect: Connect| connect.auth(json!({"token": TOKEN}));
    let ui = Connect::v4().client("gateway-client", "ui");
    let hello = gateway.peer().await.connect(cleared(ui)).await.unwrap();
    assert_eq!(hello["auth"]["scopes"], json!([]), "an app without a device, on this machine");
    let mut peer = remote(&gateway).await;
    let hello = peer.connect(cleared(Connect::v4())).await.unwrap();
    assert_eq!(hello["auth"]["scopes"], json!([]), "the command line from elsewhere");
    let error = peer.fails("sessions.list", json!({})).await;
    assert_eq!(
        error["details"],
        json!({"code": "MISSING_SCOPE",
        "missingScope": "operator.read", "requiredScopes": ["operator.read"]})
    );
    // The twins: trusted local helpers, and the same app with a device.
    for connect in [
        Connect::v4(),
        Connect::v4().client("gateway-client", "backend"),
        Connect::v4().client("cli", "probe"),
        Connect::v4().client("gateway-client", "ui").device(&device(1)),
    ] {
        let hello = gateway.peer().await.connect(connect).await.unwrap();
        assert_eq!(hello["auth"]["scopes"], json!(ALL_SCOPES));
    }
    gateway.finish().await;
}

#[tokio::test]
async fn more_scopes_need_the_secret_not_just_the_device_token_dev_05() {
    let gateway = TestGateway::start().await;
    let device = device(1);
    let narrow = Connect::v4().device(&device).scopes(&["operator.read"]);
    let hello = gateway.peer().await.connect(narrow).await.unwrap();
    let token = json!({"token": hello["auth"]["deviceToken"]});
    let wide = Connect::v4().device(&device).auth(token);
    let refused = gateway.peer().await.connect(wide).await.unwrap_err();
    // As recorded: the token itself is told to be too narrow.
    assert_eq!(refused.error["details"]["code"], "AUTH_SCOPE_MISMATCH");
    let with_secret = Connect::v4().device(&device);
    gateway.peer().await.connect(with_secret).await.unwrap();
    gateway.finish().await;
}

#[tokio::test]
async fn browsers_need_a_device_and_nodes_too() {
    let gateway = TestGateway::start().await;
    let origin = format!("http://{}", gateway.address());
    let page = async |connect: Connect| {
        let headers = [("origin", origin.as_str())];
        Peer::open_with(gateway.address(), &headers).await.unwrap().connect(connect).await
    };
    let ui = || Connect::v4().client("openclaw-control-ui", "ui");
    let refused = page(ui()).await.unwrap_err();
    assert_eq!(refused.error["details"]["code"], "CONTROL_UI_DEVICE_IDENTITY_REQUIRED");
    page(ui().device(&device(1))).await.unwrap();
    let node = || Connect::v4().client("node-host", "node").set("role", json!("node")).scopes(&[]);
    let refused = gateway.peer().await.connect(node()).await.unwrap_err();
    assert_eq!(refused.error["code"], "NOT_PAIRED");
    let mut peer = gateway.peer().await;
    peer.connect(node().device(&device(2))).await.unwrap();
    assert_eq!(peer.fails("sessions.list", json!({})).await["message"], "unauthorized role: node");
    assert_eq!(peer.ok("health", Value::Null).await["ok"], true);
    gateway.finish().await;
}

fn now_ms() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(since.as_millis()).unwrap()
}
