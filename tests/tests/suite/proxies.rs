//! Users that a reverse proxy or Tailscale vouches for (protocol §7.5, §7.6).

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
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

/// A stand-in for the command: answers `whois --json <ip>` like the real one, and writes down how it
/// was called.
fn fake_tailscale(dir: &Path, body: &str) {
    let script = format!("#!/bin/sh\necho \"$@\" >> \"{}/calls\"\n{body}\n", dir.display());
    let file = dir.join("tailscale");
    std::fs::write(&file, script).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn whois(login: &str, tags: &str) -> String {
    format!(
        "cat <<'JSON'\n{{\"Node\":{{\"ID\":1,\"StableID\":\"n1\",\"Name\":\"laptop.tail1.ts.net.\",\
         \"Addresses\":[\"100.64.0.7/32\"]{tags}}},\"UserProfile\":{{\"ID\":2,\"LoginName\":\"{login}\",\
         \"DisplayName\":\"Ann\",\"ProfilePicURL\":\"\"}},\"CapMap\":null}}\nJSON"
    )
}

struct Served {
    gateway: TestGateway,
    programs: tempfile::TempDir,
}

async fn served(script: &str) -> Served {
    let programs = tempfile::tempdir().unwrap();
    fake_tailscale(programs.path(), script);
    let path = format!("{}:/usr/bin:/bin", programs.path().display());
    let gateway = Setup::new()
        .await
        .env("PATH", &path)
        .set("gateway.auth.allowTailscale", json!(true))
        .start()
        .await;
    Served { gateway, programs }
}

const HOST: &str = "box.tail1.ts.net";

fn serve_headers(login: &str) -> Vec<(&str, &str)> {
    vec![
        ("host", HOST),
        ("origin", "https://box.tail1.ts.net"),
        ("x-forwarded-for", "100.64.0.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", HOST),
        ("tailscale-user-login", login),
        ("tailscale-user-name", "Ann"),
    ]
}

impl Served {
    async fn connect(&self, headers: &[(&str, &str)], connect: Connect) -> Result<Value, Refused> {
        Peer::open_with(self.gateway.address(), headers).await.unwrap().connect(connect).await
    }

    fn calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.programs.path().join("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

fn device_page() -> Connect {
    page().device(&Arc::new(DeviceIdentity::from_seed(&[4; 32])))
}

#[tokio::test]
async fn a_page_of_the_tailnet_is_let_in_by_its_owners_login() {
    let served = served(&whois("Ann@example.com", "")).await;
    for _ in 0..2 {
        let hello = served.connect(&serve_headers("ann@example.com"), device_page()).await.unwrap();
        assert_eq!(hello["auth"]["method"], "tailscale");
        assert!(hello["auth"]["deviceToken"].is_string());
    }
    // The command is asked once, with fixed arguments.
    assert_eq!(served.calls(), ["whois --json 100.64.0.7"]);
    // A device is needed still, and other programs need approval for theirs.
    let bare = served.connect(&serve_headers("ann@example.com"), page()).await.unwrap_err();
    assert_eq!(bare.error["details"]["code"], "CONTROL_UI_DEVICE_IDENTITY_REQUIRED");
    let other = Arc::new(DeviceIdentity::from_seed(&[9; 32]));
    let program = Connect::v4().auth(json!({})).device(&other);
    let waits = served.connect(&serve_headers("ann@example.com"), program).await.unwrap_err();
    assert_eq!(waits.error["code"], "NOT_PAIRED");
    served.gateway.finish().await;
}

#[tokio::test]
async fn a_login_that_nobody_confirms_is_worth_nothing_prx_05_prx_06() {
    for (script, code) in [
        (whois("bob@example.com", ""), "AUTH_TAILSCALE_IDENTITY_MISMATCH"),
        (whois("ann@example.com", ",\"Tags\":[\"tag:ci\"]"), "AUTH_TAILSCALE_WHOIS_FAILED"),
        ("echo 'peer not found' >&2; exit 1".into(), "AUTH_TAILSCALE_WHOIS_FAILED"),
        ("head -c 1000000 /dev/zero".into(), "AUTH_TAILSCALE_WHOIS_FAILED"),
        ("printf '\\377\\376'".into(), "AUTH_TAILSCALE_WHOIS_FAILED"),
    ] {
        let served = served(&script).await;
        let refused = served.connect(&serve_headers("ann@example.com"), device_page()).await;
        assert_eq!(reason(&refused).1, code, "{script}");
        let message = refused.unwrap_err().reason;
        assert!(message.starts_with("unauthorized: tailscale identity "), "{message}");
        // Generation 3 passes over it in silence.
        let older = Connect::v3().client("clawdbot-control-ui", "ui").auth(json!({}));
        let older = older.device(&Arc::new(DeviceIdentity::from_seed(&[4; 32])));
        let refused = served.connect(&serve_headers("ann@example.com"), older).await.unwrap_err();
        assert!(refused.reason.contains("gateway token missing"), "{refused:?}");
        served.gateway.finish().await;
    }
}

#[tokio::test]
async fn without_serve_in_front_the_header_means_nothing_prx_05() {
    let served = served(&whois("ann@example.com", "")).await;
    // Straight to the listener.
    let header = [("tailscale-user-login", "ann@example.com")];
    let refused = served.connect(&header, device_page().client("cli", "cli")).await;
    assert_eq!(reason(&refused).1, "AUTH_TOKEN_MISSING");
    // Forwarded, without a name or with half of the headers.
    let unnamed: Vec<_> =
        serve_headers("x").into_iter().filter(|(name, _)| !name.starts_with("tail")).collect();
    let refused = served.connect(&unnamed, device_page()).await;
    assert_eq!(reason(&refused).1, "AUTH_TAILSCALE_IDENTITY_MISSING");
    let half: Vec<_> = serve_headers("ann@example.com")
        .into_iter()
        .filter(|(name, _)| *name != "x-forwarded-proto")
        .collect();
    assert_eq!(Peer::open_with(served.gateway.address(), &half).await.err(), Some(403));
    assert_eq!(served.calls(), Vec::<String>::new());
    // On the programming interfaces it never counts, and is a failed attempt (PRX-06).
    let head = format!(
        "POST /tools/invoke HTTP/1.1\nHost: {HOST}\nX-Forwarded-For: 100.64.0.7\n\
         X-Forwarded-Proto: https\nX-Forwarded-Host: {HOST}\n\
         Tailscale-User-Login: ann@example.com\nContent-Type: application/json"
    );
    // One attempt of this client has failed above.
    for _ in 1..10 {
        assert_eq!(http(served.gateway.address(), &head, "{}").await.status, 401);
    }
    assert_eq!(http(served.gateway.address(), &head, "{}").await.status, 429);
    served.gateway.finish().await;
}

#[tokio::test]
async fn the_command_is_not_taken_from_anywhere_ts_01() {
    let served = served(&whois("ann@example.com", "")).await;
    let file = served.programs.path().join("tailscale");
    // Somebody else could have changed it.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o777)).unwrap();
    let refused = served.connect(&serve_headers("ann@example.com"), device_page()).await;
    assert_eq!(reason(&refused).1, "AUTH_TAILSCALE_WHOIS_FAILED");
    assert_eq!(served.calls(), Vec::<String>::new());
    served.gateway.finish().await;
    // A relative entry of PATH is the working directory in disguise.
    let here = tempfile::tempdir_in(".").unwrap();
    fake_tailscale(here.path(), &whois("ann@example.com", ""));
    let name = here.path().file_name().unwrap().to_str().unwrap();
    let gateway = Setup::new()
        .await
        .env("PATH", &format!("{name}:./{name}"))
        .set("gateway.auth.allowTailscale", json!(true))
        .start()
        .await;
    let headers = serve_headers("ann@example.com");
    let mut peer = Peer::open_with(gateway.address(), &headers).await.unwrap();
    assert_eq!(reason(&peer.connect(device_page()).await).1, "AUTH_TAILSCALE_WHOIS_FAILED");
    assert!(!here.path().join("calls").exists());
    gateway.finish().await;
}

#[tokio::test]
async fn a_command_that_hangs_is_given_up_ts_02() {
    let served = served("sleep 60").await;
    let begun = std::time::Instant::now();
    let refused = served.connect(&serve_headers("ann@example.com"), device_page()).await;
    assert_eq!(reason(&refused).1, "AUTH_TAILSCALE_WHOIS_FAILED");
    assert!(begun.elapsed() < std::time::Duration::from_secs(10));
    served.gateway.finish().await;
}
