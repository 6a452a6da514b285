//! Users that Tailscale vouches for (protocol §7.5).

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clawdbot_protocol::DeviceIdentity;
use clawdbot_tests::{Connect, Peer, Refused, Setup, TestGateway, http, soon};
use serde_json::{Value, json};

fn page() -> Connect {
    Connect::v4().client("openclaw-control-ui", "ui").auth(json!({}))
}

fn reason(refused: &Result<Value, Refused>) -> &str {
    refused.as_ref().unwrap_err().error["details"]["code"].as_str().unwrap()
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
        assert_eq!(reason(&refused), code, "{script}");
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
async fn who_is_looked_up_while_the_trust_changes_is_sent_away_ws_06() {
    for change in
        [json!({"allowTailscale": false}), json!({"token": "another-token-of-some-length"})]
    {
        let wait = "while [ ! -e \"$(dirname \"$0\")/go\" ]; do sleep 0.01; done";
        let served = served(&format!("{wait}\n{}", whois("ann@example.com", ""))).await;
        let headers = serve_headers("ann@example.com");
        let mut page = Peer::open_with(served.gateway.address(), &headers).await.unwrap();
        page.post_connect(device_page()).await;
        soon("the look-up", async {
            while served.calls().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        let mut owner = served.gateway.v4().await;
        let hash = owner.ok("config.get", json!({})).await["hash"].clone();
        let raw = json!({"gateway": {"auth": change}}).to_string();
        owner.post("config.patch", json!({"raw": raw, "baseHash": hash})).await;
        assert_eq!(owner.closed().await.0, 4001);
        std::fs::write(served.programs.path().join("go"), "").unwrap();
        let end = soon("the end", page.closed()).await;
        assert_eq!(end, (4001, "gateway auth changed".to_owned()), "{raw}");
        served.gateway.finish().await;
    }
}

#[tokio::test]
async fn without_serve_in_front_the_header_means_nothing_prx_05() {
    let served = served(&whois("ann@example.com", "")).await;
    // Straight to the listener.
    let header = [("tailscale-user-login", "ann@example.com")];
    let refused = served.connect(&header, device_page().client("cli", "cli")).await;
    assert_eq!(reason(&refused), "AUTH_TOKEN_MISSING");
    // Forwarded, without a name or with half of the headers.
    let unnamed: Vec<_> =
        serve_headers("x").into_iter().filter(|(name, _)| !name.starts_with("tail")).collect();
    let refused = served.connect(&unnamed, device_page()).await;
    assert_eq!(reason(&refused), "AUTH_TAILSCALE_IDENTITY_MISSING");
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
    assert_eq!(reason(&refused), "AUTH_TAILSCALE_WHOIS_FAILED");
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
    assert_eq!(reason(&peer.connect(device_page()).await), "AUTH_TAILSCALE_WHOIS_FAILED");
    assert!(!here.path().join("calls").exists());
    gateway.finish().await;
}

#[tokio::test]
async fn a_command_that_hangs_is_given_up_ts_02() {
    let served = served("sleep 60").await;
    let begun = std::time::Instant::now();
    let refused = served.connect(&serve_headers("ann@example.com"), device_page()).await;
    assert_eq!(reason(&refused), "AUTH_TAILSCALE_WHOIS_FAILED");
    assert!(begun.elapsed() < std::time::Duration::from_secs(10));
    served.gateway.finish().await;
}
