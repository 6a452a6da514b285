//! Users that a reverse proxy vouches for (protocol §7.6).

use std::sync::Arc;

use clawdbot_protocol::DeviceIdentity;
use clawdbot_tests::{Connect, Peer, Refused, Setup, TOKEN, TestGateway, http};
use serde_json::{Value, json};

const CLIENT: (&str, &str) = ("x-forwarded-for", "203.0.113.9");
const USER: (&str, &str) = ("x-auth-user", "ann");
const VIA: (&str, &str) = ("x-auth-via", "sso");

fn proxied() -> Value {
    json!({"mode": "trusted-proxy", "trustedProxy": {"userHeader": "X-Auth-User",
        "requiredHeaders": ["X-Auth-Via"], "allowUsers": ["ann", "bob"], "allowLoopback": true}})
}

async fn behind_proxy(auth: Value) -> TestGateway {
    Setup::new()
        .await
        .set("gateway.auth", auth)
        .set("gateway.trustedProxies", json!(["127.0.0.1"]))
        .set("gateway.controlUi.allowedOrigins", json!(["https://gw.example"]))
        .start()
        .await
}

fn page() -> Connect {
    Connect::v4().client("openclaw-control-ui", "ui").auth(json!({}))
}

/// Connects a page of the gateway's public address through a proxy that adds `headers`.
async fn connect(
    gateway: &TestGateway,
    headers: &[(&str, &str)],
    connect: Connect,
) -> Result<Value, Refused> {
    let mut all = vec![("origin", "https://gw.example")];
    all.extend(headers);
    Peer::open_with(gateway.address(), &all).await.unwrap().connect(connect).await
}

fn reason(refused: &Result<Value, Refused>) -> (&str, &str) {
    let details = &refused.as_ref().unwrap_err().error["details"];
    (details["authReason"].as_str().unwrap(), details["code"].as_str().unwrap())
}

#[tokio::test]
async fn a_trusted_proxy_names_the_user() {
    let gateway = behind_proxy(proxied()).await;
    let hello = connect(&gateway, &[CLIENT, USER, VIA], page()).await.unwrap();
    assert_eq!(hello["auth"]["method"], "trusted-proxy");
    assert_eq!(hello["snapshot"]["authMode"], "trusted-proxy");
    assert_eq!(hello["auth"]["scopes"].as_array().unwrap().len(), 5);
    let eve = ("x-auth-user", "eve");
    for (headers, expected) in [
        (
            vec![CLIENT, USER],
            ("trusted_proxy_missing_header_x-auth-via", "AUTH_IDENTITY_HEADER_REQUIRED"),
        ),
        (vec![CLIENT, VIA], ("trusted_proxy_user_missing", "AUTH_IDENTITY_HEADER_REQUIRED")),
        (
            vec![CLIENT, VIA, ("x-auth-user", " ")],
            ("trusted_proxy_user_missing", "AUTH_IDENTITY_HEADER_REQUIRED"),
        ),
        (vec![CLIENT, VIA, eve], ("trusted_proxy_user_not_allowed", "AUTH_UNAUTHORIZED")),
    ] {
        let refused = connect(&gateway, &headers, page()).await;
        assert_eq!(reason(&refused), expected, "{headers:?}");
        assert_eq!(refused.unwrap_err().code, 1008);
    }
    // Two names are no name.
    let head =
        "GET /control-ui-config.json HTTP/1.1\nX-Forwarded-For: 203.0.113.9\nX-Auth-Via: sso";
    for (more, status) in [("", 401), ("\nX-Auth-User: ann", 200)] {
        let head = format!("{head}{more}");
        assert_eq!(http(gateway.address(), &head, "").await.status, status, "{more}");
        let head = format!("{head}\nX-Auth-User: ann\nX-Auth-User: bob");
        assert_eq!(http(gateway.address(), &head, "").await.status, 401, "{more}");
    }
    gateway.finish().await;
}

#[tokio::test]
async fn a_proxy_on_this_machine_needs_leave_and_strangers_are_no_proxy_prx_01() {
    let mut auth = proxied();
    auth["trustedProxy"]["allowLoopback"] = json!(false);
    let gateway = behind_proxy(auth).await;
    let refused = connect(&gateway, &[CLIENT, USER, VIA], page()).await;
    assert_eq!(reason(&refused).0, "trusted_proxy_loopback_source");
    gateway.finish().await;
    let elsewhere = Setup::new()
        .await
        .set("gateway.auth", proxied())
        .set("gateway.trustedProxies", json!(["10.9.9.9"]));
    let gateway = elsewhere.start().await;
    let mut peer = Peer::open_with(gateway.address(), &[USER, VIA]).await.unwrap();
    let refused = peer.connect(Connect::v4()).await;
    assert_eq!(reason(&refused).0, "trusted_proxy_untrusted_source");
    let forwarded = Peer::open_with(gateway.address(), &[CLIENT, USER, VIA]).await;
    assert_eq!(forwarded.err(), Some(403));
    gateway.finish().await;
}

#[tokio::test]
async fn a_scope_header_only_narrows_prx_03() {
    let gateway = behind_proxy(proxied()).await;
    let scopes = async |header: &str, wanted: &[&str]| {
        let headers = [CLIENT, USER, VIA, ("x-openclaw-scopes", header)];
        let hello = connect(&gateway, &headers, page().scopes(wanted)).await.unwrap();
        hello["auth"]["scopes"].clone()
    };
    let all = ["operator.admin", "operator.read", "operator.write"];
    assert_eq!(scopes("operator.read", &all).await, json!(["operator.read"]));
    assert_eq!(scopes("operator.admin", &["operator.read"]).await, json!(["operator.read"]));
    assert_eq!(scopes("", &all).await, json!([]));
    // The same over HTTP.
    let get = async |header: &str| {
        let head = format!(
            "GET /control-ui-config.json HTTP/1.1\nX-Forwarded-For: 203.0.113.9\nX-Auth-User: ann\n\
             X-Auth-Via: sso{header}"
        );
        http(gateway.address(), &head, "").await.status
    };
    assert_eq!(get("").await, 200);
    assert_eq!(get("\nx-openclaw-scopes: operator.pairing").await, 403);
    gateway.finish().await;
}

#[tokio::test]
async fn a_foreign_page_does_not_get_through_the_proxy_prx_04() {
    let gateway = behind_proxy(proxied()).await;
    let headers = [("origin", "https://evil.example"), CLIENT, USER, VIA];
    let mut peer = Peer::open_with(gateway.address(), &headers).await.unwrap();
    let refused = peer.connect(page()).await.unwrap_err();
    assert_eq!(refused.error["details"]["code"], "CONTROL_UI_ORIGIN_NOT_ALLOWED");
    let head = "POST /tools/invoke HTTP/1.1\nOrigin: https://evil.example\n\
        X-Forwarded-For: 203.0.113.9\nX-Auth-User: ann\nX-Auth-Via: sso\n\
        Content-Type: application/json";
    assert_eq!(http(gateway.address(), head, r#"{"tool":"session_status"}"#).await.status, 403);
    let head = head.replace("evil.example", "gw.example");
    assert_eq!(http(gateway.address(), &head, r#"{"tool":"session_status"}"#).await.status, 200);
    gateway.finish().await;
}

#[tokio::test]
async fn without_the_proxy_only_a_paired_device_gets_in() {
    let gateway = behind_proxy(proxied()).await;
    let device = Arc::new(DeviceIdentity::from_seed(&[3; 32]));
    let hello = connect(&gateway, &[CLIENT, USER, VIA], page().device(&device)).await.unwrap();
    let token = hello["auth"]["deviceToken"].clone();
    // No secret is right in this mode, and a plain program brings no user.
    let refused = gateway.peer().await.connect(Connect::v4()).await;
    assert_eq!(reason(&refused).0, "trusted_proxy_missing_header_x-auth-via");
    let known = Connect::v4().device(&device).auth(json!({"token": token}));
    let hello = gateway.peer().await.connect(known).await.unwrap();
    assert_eq!(hello["auth"]["method"], "device-token");
    let head = format!("GET /control-ui-config.json HTTP/1.1\nAuthorization: Bearer {TOKEN}");
    assert_eq!(http(gateway.address(), &head, "").await.status, 401);
    gateway.finish().await;
}

#[tokio::test]
async fn whoever_is_no_longer_allowed_is_sent_away_ws_06() {
    let gateway = behind_proxy(proxied()).await;
    let headers = [("origin", "https://gw.example"), CLIENT, USER, VIA];
    let mut peer = Peer::open_with(gateway.address(), &headers).await.unwrap();
    peer.connect(page()).await.unwrap();
    let hash = peer.ok("config.get", json!({})).await["hash"].clone();
    let only_bob = json!({"gateway": {"auth": {"trustedProxy": {"allowUsers": ["bob"]}}}});
    peer.post("config.patch", json!({"raw": only_bob.to_string(), "baseHash": hash})).await;
    assert_eq!(peer.closed().await.0, 4001);
    let refused = connect(&gateway, &headers[1..], page()).await;
    assert_eq!(reason(&refused).0, "trusted_proxy_user_not_allowed");
    gateway.finish().await;
}

#[tokio::test]
async fn a_proxy_that_says_nothing_of_its_client_is_not_the_owner_prx_01() {
    let gateway = behind_proxy(proxied()).await;
    let through = async |connect: Connect| {
        let mut peer = Peer::open_with(gateway.address(), &[USER, VIA]).await.unwrap();
        peer.connect(connect.auth(json!({}))).await
    };
    let hello = through(Connect::v4()).await.unwrap();
    assert_eq!(hello["auth"]["scopes"], json!([]), "the owner's programs would keep theirs");
    let device = Arc::new(DeviceIdentity::from_seed(&[5; 32]));
    let refused = through(Connect::v4().device(&device)).await.unwrap_err();
    assert_eq!(refused.error["code"], "NOT_PAIRED", "new devices of the owner come in unasked");
    gateway.finish().await;
}

#[tokio::test]
async fn a_proxy_is_believed_only_while_it_is_trusted_ws_06() {
    let gateway = behind_proxy(proxied()).await;
    let headers = [("origin", "https://gw.example"), CLIENT, USER, VIA];
    let mut early = Peer::open_with(gateway.address(), &headers).await.unwrap();
    let mut peer = Peer::open_with(gateway.address(), &headers).await.unwrap();
    peer.connect(page()).await.unwrap();
    let hash = peer.ok("config.get", json!({})).await["hash"].clone();
    let elsewhere = json!({"gateway": {"trustedProxies": ["10.9.9.9"]}});
    peer.post("config.patch", json!({"raw": elsewhere.to_string(), "baseHash": hash})).await;
    assert_eq!(peer.closed().await.0, 4001);
    assert_eq!(reason(&early.connect(page()).await).0, "trusted_proxy_untrusted_source");
    gateway.finish().await;
}

#[tokio::test]
async fn guesses_count_for_the_client_behind_the_proxy_rl_01() {
    let proxies = json!(["127.0.0.1"]);
    let gateway = Setup::new().await.set("gateway.trustedProxies", proxies).start().await;
    let guess = async |client: &str, token: &str| {
        let head = format!(
            "GET /control-ui-config.json HTTP/1.1\nX-Forwarded-For: 198.51.100.1, {client}\n\
             Authorization: Bearer {token}"
        );
        http(gateway.address(), &head, "").await.status
    };
    for _ in 0..10 {
        assert_eq!(guess("203.0.113.9", "wrong").await, 401);
    }
    assert_eq!(guess("203.0.113.9", TOKEN).await, 429);
    // Over the other door as well (RL-02), and nobody else is locked out.
    let mut peer = Peer::open_with(gateway.address(), &[CLIENT]).await.unwrap();
    assert_eq!(reason(&peer.connect(Connect::v4()).await).1, "AUTH_RATE_LIMITED");
    assert_eq!(guess("203.0.113.10", TOKEN).await, 200);
    gateway.finish().await;
}

#[tokio::test]
async fn configured_limits_are_honoured_and_changed_live() {
    let proxies = json!(["127.0.0.1"]);
    let gateway = Setup::new().await.set("gateway.trustedProxies", proxies).start().await;
    let guess = async |client: &str, token: &str| {
        let head = format!(
            "GET /control-ui-config.json HTTP/1.1\nX-Forwarded-For: {client}\n\
             Authorization: Bearer {token}"
        );
        http(gateway.address(), &head, "").await.status
    };
    let mut peer = gateway.v4().await;
    let hash = peer.ok("config.get", json!({})).await["hash"].clone();
    let limits = json!({"gateway": {"auth": {"rateLimit": {"maxAttempts": 2}}}});
    peer.ok("config.patch", json!({"raw": limits.to_string(), "baseHash": hash})).await;
    assert_eq!(guess("203.0.113.20", "wrong").await, 401);
    assert_eq!(guess("203.0.113.20", "wrong").await, 401);
    assert_eq!(guess("203.0.113.20", TOKEN).await, 429);
    gateway.finish().await;
}
