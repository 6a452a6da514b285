//! Protocol §9 and §14.6: what people decide about devices.

use std::sync::Arc;

use clawdbot_protocol::DeviceIdentity;
use clawdbot_tests::{Connect, Peer, Refused, Replay, Setup, TestGateway, grep};
use serde_json::{Value, json};

fn device(seed: u8) -> Arc<DeviceIdentity> {
    Arc::new(DeviceIdentity::from_seed(&[seed; 32]))
}

/// A gateway whose only trusted proxy is this machine, so that a forwarded caller counts as remote.
async fn behind_proxy() -> TestGateway {
    let proxies = json!(["127.0.0.1"]);
    Setup::new().await.set("gateway.trustedProxies", proxies).start().await
}

async fn remote(gateway: &TestGateway) -> Peer {
    Peer::open_with(gateway.address(), &[("x-forwarded-for", "203.0.113.9")]).await.unwrap()
}

/// A phone that asks for `scopes` from elsewhere.
fn phone(seed: u8, scopes: &[&str]) -> Connect {
    Connect::v4().client("openclaw-android", "ui").scopes(scopes).device(&device(seed))
}

async fn refused(gateway: &TestGateway, connect: Connect) -> Refused {
    remote(gateway).await.connect(connect).await.unwrap_err()
}

fn request_id(refused: &Refused) -> Value {
    refused.error["details"]["requestId"].clone()
}

const TALK: [&str; 2] = ["operator.read", "operator.write"];

#[tokio::test]
async fn the_recorded_life_of_a_device() {
    let gateway = behind_proxy().await;
    let ui = Connect::v4().client("gateway-client", "ui").device(&device(9));
    let admin = gateway.join(ui).await;
    let mut replay = Replay::new(&gateway, &device(1), true);
    replay.peers.insert("admin".into(), admin);
    replay.run("device-pairing.jsonl").await;
    gateway.finish().await;
}

#[tokio::test]
async fn nobody_gives_away_more_than_they_hold_dev_05() {
    let gateway = behind_proxy().await;
    let mut approver =
        gateway.join(Connect::v4().scopes(&["operator.read", "operator.pairing"])).await;
    let asked = refused(&gateway, phone(1, &["operator.admin"])).await;
    let error =
        approver.fails("device.pair.approve", json!({"requestId": request_id(&asked)})).await;
    assert_eq!(error["details"]["missingScope"], "operator.admin");
    let node = phone(2, &[]).client("node-host", "node").set("role", json!("node"));
    let asked = refused(&gateway, node).await;
    let error =
        approver.fails("device.pair.approve", json!({"requestId": request_id(&asked)})).await;
    assert_eq!(error["details"]["missingScope"], "operator.admin", "another role needs the owner");
    let listed = approver.ok("device.pair.list", json!({})).await;
    assert_eq!(listed["paired"], json!([]), "nothing was granted");
    assert_eq!(listed["pending"].as_array().unwrap().len(), 2, "both still wait");
    // The twin: what the approver holds can be given.
    let asked = refused(&gateway, phone(3, &["operator.read"])).await;
    approver.ok("device.pair.approve", json!({"requestId": request_id(&asked)})).await;
    remote(&gateway).await.connect(phone(3, &["operator.read"])).await.unwrap();
    gateway.finish().await;
}

#[tokio::test]
async fn an_approval_covers_what_was_seen_dev_09() {
    let gateway = behind_proxy().await;
    let mut admin = gateway.v4().await;
    let seen = request_id(&refused(&gateway, phone(1, &["operator.read"])).await);
    let wider = request_id(&refused(&gateway, phone(1, &["operator.admin"])).await);
    assert_ne!(seen, wider, "asking for more is another request");
    let error = admin.fails("device.pair.approve", json!({"requestId": seen})).await;
    assert_eq!(error["message"], "unknown requestId");
    let resolved = admin.event(|frame| frame["event"] == "device.pair.resolved").await;
    assert_eq!(
        (&resolved["payload"]["requestId"], &resolved["payload"]["decision"]),
        (&seen, &json!("rejected"))
    );
    refused(&gateway, phone(1, &["operator.read"])).await;
    gateway.finish().await;
}

#[tokio::test]
async fn pairing_events_and_lists_are_for_those_who_decide_scp_05() {
    let gateway = behind_proxy().await;
    let mut reader = gateway.join(Connect::v4().scopes(&TALK)).await;
    let mut decides = gateway.join(Connect::v3().scopes(&["operator.pairing"])).await;
    refused(&gateway, phone(1, &TALK)).await;
    decides.event(|frame| frame["event"] == "device.pair.requested").await;
    let id = reader.post("health", json!({})).await;
    let frames = reader.until(|frame| frame["id"] == id.as_str()).await;
    assert!(!frames.iter().any(|frame| frame["event"] == "device.pair.requested"), "{frames:?}");
    assert_eq!(reader.fails("device.pair.list", json!({})).await["code"], "FORBIDDEN");
    gateway.finish().await;
}

/// A phone that was approved for `TALK` and `extra`, connected, with its token.
async fn paired(gateway: &TestGateway, seed: u8, extra: &[&str]) -> (Peer, Value) {
    let scopes = [&TALK[..], extra].concat();
    let mut admin = gateway.v4().await;
    let asked = refused(gateway, phone(seed, &scopes)).await;
    admin.ok("device.pair.approve", json!({"requestId": request_id(&asked)})).await;
    let mut peer = remote(gateway).await;
    let hello = peer.connect(phone(seed, &scopes)).await.unwrap();
    (peer, hello["auth"]["deviceToken"].clone())
}

#[tokio::test]
async fn a_device_rotates_its_own_token_and_nobody_elses_dev_06() {
    let gateway = behind_proxy().await;
    let (mut peer, old) = paired(&gateway, 1, &["operator.pairing"]).await;
    let (_other, _) = paired(&gateway, 2, &[]).await;
    let (own, foreign) = (device(1).id(), device(2).id());
    let wider = json!({"deviceId": own, "role": "operator", "scopes": ["operator.admin"]});
    let others = json!({"deviceId": foreign, "role": "operator"});
    let node = json!({"deviceId": own, "role": "node"});
    for params in [&wider, &others, &node] {
        let error = peer.fails("device.token.rotate", params.clone()).await;
        assert_eq!(error["message"], "device token rotation denied", "{params}");
    }
    let error = peer.fails("device.token.revoke", others.clone()).await;
    assert_eq!(error["message"], "device token revocation denied");
    for method in ["device.pair.remove", "device.pair.rename"] {
        let params = json!({"deviceId": foreign, "label": "mine now"});
        let error = peer.fails(method, params).await;
        assert!(error["message"].as_str().unwrap().ends_with("denied"), "{error}");
    }
    // Nor does a program that only has the command line's name.
    let named = Connect::v4().client("cli", "probe").scopes(&["operator.pairing"]);
    let params = json!({"deviceId": foreign, "label": "mine now"});
    let error = gateway.join(named).await.fails("device.pair.rename", params.clone()).await;
    assert_eq!(error["message"], "device pairing rename denied");
    let mut helper = gateway.join(Connect::v4().scopes(&["operator.pairing"])).await;
    helper.ok("device.pair.rename", params).await;
    let error = helper.fails("device.token.rotate", others).await;
    assert_eq!(error["message"], "device token rotation denied", "it holds less than the token");
    let rotated =
        peer.ok("device.token.rotate", json!({"deviceId": own, "role": "operator"})).await;
    assert_eq!(rotated["tokenDelivery"], "in-band");
    assert_ne!(rotated["token"], old);
    let with = |token: &Value| phone(1, &TALK).auth(json!({"token": token}));
    refused(&gateway, with(&old)).await;
    remote(&gateway).await.connect(with(&rotated["token"])).await.unwrap();
    gateway.finish().await;
}

#[tokio::test]
async fn a_revoked_token_ends_its_sockets_and_stays_dead_ws_06_dev_06() {
    let gateway = behind_proxy().await;
    let (mut first, token) = paired(&gateway, 1, &[]).await;
    let with_token = || phone(1, &TALK).auth(json!({"deviceToken": token}));
    let mut second = remote(&gateway).await;
    second.connect(with_token()).await.unwrap();
    let (mut other, _) = paired(&gateway, 2, &[]).await;
    let mut admin = gateway.v4().await;
    let params = json!({"deviceId": device(1).id(), "role": "operator"});
    admin.ok("device.token.revoke", params.clone()).await;
    for peer in [&mut first, &mut second] {
        assert_eq!(peer.closed().await, (4001, "device removed".to_owned()));
    }
    let error = refused(&gateway, with_token()).await.error;
    assert_eq!(error["details"]["code"], "AUTH_DEVICE_TOKEN_MISMATCH");
    let error = admin.fails("device.token.rotate", params).await;
    assert_eq!(error["message"], "device token rotation denied");
    // Not even on this machine, where new devices come in unasked.
    let here = gateway.peer().await.connect(phone(1, &TALK)).await.unwrap_err();
    assert_eq!(here.error["details"]["reason"], "not-paired");
    // The twins: other devices stay, and a person can let it in again.
    other.ok("health", json!({})).await;
    admin.ok("device.pair.approve", json!({"requestId": request_id(&here)})).await;
    let hello = remote(&gateway).await.connect(phone(1, &TALK)).await.unwrap();
    assert_ne!(hello["auth"]["deviceToken"], token);
    gateway.finish().await;
}

#[tokio::test]
async fn a_removed_device_is_gone_at_once_ws_06() {
    let gateway = behind_proxy().await;
    let (mut peer, token) = paired(&gateway, 1, &[]).await;
    let mut admin = gateway.v4().await;
    let id = device(1).id();
    // As the stock command line does it: without a device and with the least scope.
    let mut cli = gateway.join(Connect::v4().scopes(&["operator.pairing"])).await;
    cli.ok("device.pair.rename", json!({"deviceId": id, "label": "Old phone"})).await;
    let listed = admin.ok("device.pair.list", json!({})).await;
    let row = &listed["paired"][0];
    assert_eq!((&row["displayName"], &row["connected"]), (&json!("Old phone"), &json!(true)));
    admin.ok("device.pair.remove", json!({"deviceId": id})).await;
    admin.event(|frame| frame["event"] == "device.pair.changed").await;
    assert_eq!(peer.closed().await.0, 4001);
    let with_token = phone(1, &TALK).auth(json!({"token": token}));
    assert_eq!(refused(&gateway, with_token).await.error["details"]["code"], "AUTH_TOKEN_MISMATCH");
    assert_eq!(refused(&gateway, phone(1, &TALK)).await.error["details"]["reason"], "not-paired");
    let error = admin.fails("device.pair.remove", json!({"deviceId": id})).await;
    assert_eq!(error["message"], "unknown deviceId");
    gateway.finish().await;
}

#[tokio::test]
async fn the_database_lets_nobody_in() {
    let gateway = behind_proxy().await;
    let (_peer, token) = paired(&gateway, 1, &[]).await;
    let token = token.as_str().unwrap().to_owned();
    let gateway = gateway.restart().await;
    assert!(grep(gateway.state(), &token).is_empty(), "the token is nowhere on the disk");
    // The twin: it still opens the door, and is repeated to its device.
    let connect = Connect::v4().client("openclaw-android", "ui").scopes(&TALK).device(&device(1));
    let hello = gateway.peer().await.connect(connect.auth(json!({"token": token}))).await.unwrap();
    assert_eq!(hello["auth"]["deviceToken"], token);
    gateway.finish().await;
}

#[tokio::test]
async fn a_device_that_says_it_is_something_else_is_judged_again_dev_03() {
    let gateway = behind_proxy().await;
    let (_peer, token) = paired(&gateway, 1, &[]).await;
    let mut other = phone(1, &TALK).set(
        "client",
        json!({"id": "openclaw-android",
        "version": "1.0.0", "platform": "darwin", "mode": "ui"}),
    );
    let error = refused(&gateway, other.clone()).await.error;
    assert_eq!(
        error["message"],
        "pairing required: device identity changed and must be re-approved"
    );
    assert_eq!(error["details"]["reason"], "metadata-upgrade");
    let by_token = other.clone().auth(json!({"token": token}));
    assert_eq!(
        gateway.peer().await.connect(by_token).await.unwrap_err().error["code"],
        "NOT_PAIRED"
    );
    let mut admin = gateway.v4().await;
    let id = request_id(&refused(&gateway, other.clone()).await);
    let device = admin.ok("device.pair.approve", json!({"requestId": id})).await;
    assert_eq!(device["device"]["platform"], "darwin");
    // The twin: approved, it comes in, and with the token it had.
    other = other.auth(json!({"token": token}));
    remote(&gateway).await.connect(other).await.unwrap();
    gateway.finish().await;
}

#[tokio::test]
async fn names_are_fit_to_be_shown_dev_08() {
    let gateway = behind_proxy().await;
    let name = format!("Phone\u{202e}\u{1b}[2J\n{}", "x".repeat(4096));
    let connect = phone(1, &TALK).set(
        "client",
        json!({"id": "openclaw-android",
        "version": "1.0.0", "platform": "linux", "mode": "ui", "displayName": name}),
    );
    refused(&gateway, connect).await;
    let listed = gateway.v4().await.ok("device.pair.list", json!({})).await;
    let shown = listed["pending"][0]["displayName"].as_str().unwrap();
    assert!(shown.starts_with("Phone[2Jx") && shown.len() <= 80, "{shown:?}");
    gateway.finish().await;
}

#[tokio::test]
async fn local_devices_wait_as_well_when_the_owner_wants_that() {
    let setup = Setup::new().await.set("gateway.nodes.pairing.autoApproveLocal", json!(false));
    let gateway = setup.start().await;
    let here = gateway.peer().await.connect(phone(1, &TALK)).await.unwrap_err();
    assert_eq!(here.error["details"]["reason"], "not-paired");
    gateway.finish().await;
}

#[tokio::test]
async fn generation_3_lists_and_rotates_in_its_own_shape() {
    let gateway = behind_proxy().await;
    let (_peer, _) = paired(&gateway, 1, &[]).await;
    let mut v3 = gateway.v3().await;
    let row = v3.ok("device.pair.list", json!({})).await["paired"][0].clone();
    for newer in ["approvedVia", "lastSeenAtMs", "lastSeenReason", "connected"] {
        assert_eq!(row.get(newer), None, "{newer}");
    }
    for recorded in [
        "deviceId",
        "publicKey",
        "platform",
        "clientId",
        "clientMode",
        "role",
        "roles",
        "scopes",
        "createdAtMs",
        "approvedAtMs",
        "tokens",
    ] {
        assert!(row.get(recorded).is_some(), "{recorded}: {row}");
    }
    assert_eq!(row["tokens"][0]["role"], "operator");
    let error = v3.fails("device.token.rotate", json!({"deviceId": "x", "role": "operator"})).await;
    assert_eq!(error["message"], "unknown deviceId/role");
    gateway.finish().await;
}

#[tokio::test]
async fn pages_from_elsewhere_on_this_machine_wait_like_anybody_else_dev_04() {
    let gateway = TestGateway::start().await;
    let page = async |origin: &str, seed: u8| {
        let headers = [("origin", origin)];
        let mut peer = Peer::open_with(gateway.address(), &headers).await.unwrap();
        let ui = Connect::v4().client("openclaw-control-ui", "ui").device(&device(seed));
        peer.connect(ui).await
    };
    let refused = page("http://localhost:5173", 1).await.unwrap_err();
    assert_eq!(refused.error["details"]["reason"], "not-paired");
    // The twin: the gateway's own page.
    page(&format!("http://{}", gateway.address()), 2).await.unwrap();
    gateway.finish().await;
}

#[tokio::test]
async fn a_request_stays_the_same_while_its_device_moves_about() {
    let gateway = behind_proxy().await;
    let first = request_id(&refused(&gateway, phone(1, &TALK)).await);
    let page = [("origin", "http://localhost:5173")];
    let mut peer = Peer::open_with(gateway.address(), &page).await.unwrap();
    let again = peer.connect(phone(1, &TALK)).await.unwrap_err();
    assert_eq!(request_id(&again), first, "from another address");
    gateway.finish().await;
}

/// Nodes, because theirs is the longest way from being judged to being connected.
#[tokio::test]
async fn nobody_slips_in_while_a_token_is_replaced_ws_06() {
    let gateway = TestGateway::start().await;
    let node = || phone(1, &[]).client("node-host", "node").set("role", json!("node"));
    let hello = gateway.peer().await.connect(node()).await.unwrap();
    let token = json!({"token": hello["auth"]["deviceToken"]});
    let mut admin = gateway.v4().await;
    let mut peers = Vec::new();
    for _ in 0..16 {
        peers.push(gateway.peer().await);
    }
    for peer in &mut peers {
        peer.post_connect(node().auth(token.clone())).await;
    }
    let params = json!({"deviceId": device(1).id(), "role": "node"});
    admin.ok("device.token.rotate", params).await;
    for mut peer in peers {
        match peer.admission().await {
            Ok(_) => assert_eq!(peer.closed().await.0, 4001),
            Err(refused) => assert_eq!(refused.code, 1008),
        }
    }
    gateway.finish().await;
}
