//! What web pages and proxies may and may not do.

use std::sync::Arc;

use clawdbot_protocol::DeviceIdentity;
use clawdbot_tests::{Connect, Peer, Setup, TOKEN, TestGateway, fingerprint, http};
use serde_json::json;

const EVIL: &str = "https://evil.example";

fn page() -> Connect {
    let device = Arc::new(DeviceIdentity::from_seed(&[7; 32]));
    Connect::v4().client("webchat-ui", "webchat").device(&device)
}

#[tokio::test]
async fn a_foreign_page_gets_nowhere_with_the_right_token_web_01() {
    let origins = json!(["https://ok.example"]);
    let setup = Setup::new().await.set("gateway.controlUi.allowedOrigins", origins);
    let gateway = setup.start().await;
    gateway.v4().await;
    let before = fingerprint(gateway.state());
    for origin in [EVIL, "null", "http://127.0.0.1.evil.example", "http://ok.example"] {
        for auth in [json!({"token": TOKEN}), json!({"token": "wrong"})] {
            let headers = [("origin", origin)];
            let mut peer = match Peer::open_with(gateway.address(), &headers).await {
                Ok(peer) => peer,
                Err(status) => {
                    assert_eq!(status, 403, "{origin}");
                    continue;
                }
            };
            let refused = peer.connect(page().auth(auth)).await.unwrap_err();
            let details = &refused.error["details"];
            assert_eq!(details["code"], "CONTROL_UI_ORIGIN_NOT_ALLOWED", "{origin}: {refused:?}");
            assert_eq!(refused.code, 1008);
        }
    }
    assert_eq!(fingerprint(gateway.state()), before);
    // Without an origin a chat page is no page (§5).
    let refused = gateway.peer().await.connect(page()).await.unwrap_err();
    assert_eq!(refused.error["details"]["reason"], "origin missing or invalid");
    // The twins: the gateway's own page, and one that is allowed by name.
    let own = format!("http://{}", gateway.address());
    let mut peer = Peer::open_with(gateway.address(), &[("origin", &own)]).await.unwrap();
    peer.connect(page()).await.unwrap();
    let allowed = [("origin", "https://ok.example")];
    let mut peer = Peer::open_with(gateway.address(), &allowed).await.unwrap();
    peer.connect(page()).await.unwrap();
    gateway.finish().await;
}

#[tokio::test]
async fn another_host_name_is_refused_before_everything_web_02() {
    let gateway = TestGateway::start().await;
    let port = gateway.address().port();
    let upgrade = "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    for host in [format!("evil.example:{port}"), "127.0.0.1.evil.example".into(), "".into()] {
        for path in ["/", "/health", "/media/inbound/x.png"] {
            let head = format!("GET {path} HTTP/1.1\nHost: {host}\nAuthorization: Bearer {TOKEN}");
            let answer = http(gateway.address(), &head, "").await;
            assert_eq!(answer.status, 403, "{host:?} {path}: {answer:?}");
        }
        let head = format!("GET / HTTP/1.1\nHost: {host}\n{upgrade}");
        assert_eq!(http(gateway.address(), &head, "").await.status, 403, "{host:?}");
    }
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let head = format!("GET /health HTTP/1.1\nHost: {host}:{port}");
        let answer = http(gateway.address(), &head, "").await;
        assert_eq!((answer.status, answer.body.contains("\"ok\":true")), (200, true), "{host}");
    }
    gateway.finish().await;
}

#[tokio::test]
async fn a_cross_site_post_changes_nothing_web_03() {
    let gateway = TestGateway::start().await;
    gateway.v4().await;
    let before = fingerprint(gateway.state());
    for path in ["/", "/health", "/api/chat", "/media/inbound", "/tools/invoke", "/hooks/agent"] {
        let head = format!("POST {path} HTTP/1.1\nOrigin: {EVIL}\nContent-Type: text/plain");
        let answer = http(gateway.address(), &head, "{\"message\":\"hi\"}").await;
        assert_eq!(answer.status, 403, "{path}");
        // Nor does a form that no page sent: 401 or 415 where there is a route, 404 or 405 elsewhere.
        let head = format!("POST {path} HTTP/1.1\nContent-Type: text/plain");
        let answer = http(gateway.address(), &head, "{\"tool\":\"read\"}").await;
        assert!([401, 404, 405].contains(&answer.status), "{path}: {answer:?}");
        let head = format!("{head}\nAuthorization: Bearer {TOKEN}");
        let answer = http(gateway.address(), &head, "{\"tool\":\"read\"}").await;
        assert!([404, 405, 415].contains(&answer.status), "{path}: {answer:?}");
    }
    assert_eq!(fingerprint(gateway.state()), before);
    gateway.finish().await;
}

#[tokio::test]
async fn a_preflight_grants_nothing_web_04() {
    let gateway = TestGateway::start().await;
    for extra in ["", "\nAccess-Control-Request-Private-Network: true"] {
        for path in ["/", "/health", "/media/inbound/x.png"] {
            let head = format!(
                "OPTIONS {path} HTTP/1.1\nOrigin: {EVIL}\nAccess-Control-Request-Method: GET\n\
                 Access-Control-Request-Headers: authorization{extra}"
            );
            let answer = http(gateway.address(), &head, "").await;
            assert!(!answer.headers.contains("access-control-allow"), "{answer:?}");
            assert!(answer.status >= 400, "{answer:?}");
        }
    }
    gateway.finish().await;
}

#[tokio::test]
async fn an_address_with_a_token_is_refused_and_changes_nothing_web_05() {
    let gateway = TestGateway::start().await;
    gateway.v4().await;
    let before = fingerprint(gateway.state());
    for path in ["/", "/health", "/chat"] {
        for name in ["token", "password"] {
            let head = format!("GET {path}?session=main&{name}={TOKEN} HTTP/1.1");
            let answer = http(gateway.address(), &head, "").await;
            assert_eq!(answer.status, 401, "{path} {name}");
            assert!(!answer.body.contains(TOKEN));
        }
    }
    let upgrade = Peer::open_at(gateway.address(), &format!("/?token={TOKEN}"), &[]).await;
    assert_eq!(upgrade.err(), Some(401));
    for query in ["session=main&message=hi", "gatewayUrl=ws://127.0.0.1:1", "approve=1"] {
        let answer = http(gateway.address(), &format!("GET /health?{query} HTTP/1.1"), "").await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(fingerprint(gateway.state()), before);
    gateway.finish().await;
}

#[tokio::test]
async fn a_page_may_talk_to_its_own_gateway_only_web_06_web_07() {
    let gateway = TestGateway::start().await;
    let canary = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = canary.local_addr().unwrap();
    for path in [format!("/?gatewayUrl=ws://{target}"), "/nowhere".into(), "/health".into()] {
        let answer = http(gateway.address(), &format!("GET {path} HTTP/1.1"), "").await;
        for header in [
            "connect-src 'self'",
            "frame-ancestors 'none'",
            "x-frame-options: deny",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
        ] {
            assert!(answer.headers.contains(header), "{path} lacks {header}: {}", answer.headers);
        }
        let csp = answer.headers.split("content-security-policy: ").nth(1).unwrap();
        let script = csp.split(';').find(|part| part.contains("script-src")).unwrap();
        assert!(!script.contains("unsafe"), "{script}");
        assert!(!answer.body.contains(&target.to_string()), "the parameter is echoed");
    }
    let waited = std::time::Duration::from_millis(50);
    assert!(tokio::time::timeout(waited, canary.accept()).await.is_err());
    gateway.finish().await;
}

#[tokio::test]
async fn a_path_means_one_thing_web_08() {
    let gateway = TestGateway::start().await;
    for path in [
        "/media/%2e%2e/health",
        "/media%252finbound/x.png",
        "//health",
        "/media//inbound/x.png",
        "/x/..;/health",
        "/media/inbound/..%2f..%2fclawdbot.json",
        "/media/inbound/../../clawdbot.json",
        "/MEDIA/INBOUND/..\\clawdbot.json",
    ] {
        let head = format!("GET {path} HTTP/1.1\nAuthorization: Bearer {TOKEN}");
        let answer = http(gateway.address(), &head, "").await;
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        assert!(!answer.body.contains("gateway\""), "{path}: {answer:?}");
    }
    assert_eq!(http(gateway.address(), "GET /health HTTP/1.1", "").await.status, 200);
    gateway.finish().await;
}

#[tokio::test]
async fn forwarding_headers_need_a_trusted_proxy_prx_01() {
    let gateway = TestGateway::start().await;
    let forwarded = [
        ("x-forwarded-for", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("x-forwarded-host", "localhost"),
    ];
    for header in forwarded {
        let upgrade = Peer::open_with(gateway.address(), &[header]).await;
        assert_eq!(upgrade.err(), Some(403), "{header:?}");
        let head = format!("GET /health HTTP/1.1\n{}: {}", header.0, header.1);
        let answer = http(gateway.address(), &head, "").await;
        assert_eq!(answer.status, 403);
        assert!(answer.body.contains("proxy_attribution_required"), "{answer:?}");
    }
    // A user name in a header is nobody.
    let user = [("x-forwarded-user", "owner"), ("tailscale-user-login", "owner@example.com")];
    for header in user {
        if let Ok(mut peer) = Peer::open_with(gateway.address(), &[header]).await {
            let refused = peer.connect(Connect::v4().auth(json!({}))).await.unwrap_err();
            assert_eq!(refused.error["details"]["code"], "AUTH_TOKEN_MISSING", "{header:?}");
            gateway.v4().await;
        }
    }
    gateway.finish().await;
    let proxies = json!(["127.0.0.1"]);
    let gateway = Setup::new().await.set("gateway.trustedProxies", proxies).start().await;
    let client = [("x-forwarded-for", "203.0.113.9")];
    Peer::open_with(gateway.address(), &client).await.unwrap();
    // A hop on this machine is a forgery, wherever it stands (PRX-02).
    for chain in ["127.0.0.1", "203.0.113.9, ::1", "127.0.0.1, 203.0.113.9"] {
        let forged = Peer::open_with(gateway.address(), &[("x-forwarded-for", chain)]).await;
        assert_eq!(forged.err(), Some(403), "{chain}");
    }
    gateway.finish().await;
}

/// The code that `clawdbot web` would put into an address.
async fn web_code(gateway: &TestGateway) -> String {
    let answer = gateway.v4().await.ok("device.pair.webCode", json!({})).await;
    let path = answer["path"].as_str().unwrap();
    path.strip_prefix("/#code=").unwrap().to_owned()
}

#[tokio::test]
async fn a_web_code_lets_one_page_of_this_computer_in_dev_07() {
    let setup = Setup::new().await.set("gateway.trustedProxies", json!(["127.0.0.1"]));
    let gateway = setup.start().await;
    let own = format!("http://{}", gateway.address());
    let attempt = async |code: &str, headers: &[(&str, &str)], connect: Connect| {
        let mut peer = Peer::open_with(gateway.address(), headers).await.unwrap();
        peer.connect(connect.auth(json!({"bootstrapToken": code}))).await
    };
    let origin = [("origin", own.as_str())];
    let refused = |error: clawdbot_tests::Refused| {
        assert_eq!(error.error["details"]["code"], "AUTH_BOOTSTRAP_TOKEN_INVALID", "{error:?}");
    };
    // Neither somebody else's computer nor another program can use it, and the code stays good.
    let code = web_code(&gateway).await;
    let far = [("x-forwarded-for", "203.0.113.9"), ("origin", own.as_str())];
    refused(attempt(&code, &far, page()).await.unwrap_err());
    let device = Arc::new(DeviceIdentity::from_seed(&[8; 32]));
    refused(attempt(&code, &[], Connect::v4().device(&device)).await.unwrap_err());
    let hello = attempt(&code, &origin, page()).await.unwrap();
    assert_eq!(hello["auth"]["method"], "bootstrap-token");
    let scopes = hello["auth"]["scopes"].as_array().unwrap();
    assert!(scopes.contains(&json!("operator.admin")), "{hello}");
    let token = hello["auth"]["deviceToken"].as_str().unwrap();
    refused(attempt(&code, &origin, page()).await.unwrap_err());
    let mut again = Peer::open_with(gateway.address(), &origin).await.unwrap();
    again.connect(page().auth(json!({"token": token}))).await.unwrap();
    assert!(clawdbot_tests::grep(gateway.state(), &code).is_empty(), "kept nowhere");
    // It takes an administrator to make one.
    let mut reader = gateway.join(Connect::v4().scopes(&["operator.write"])).await;
    assert_eq!(reader.request("device.pair.webCode", json!({})).await["ok"], false);
    gateway.finish().await;
}
