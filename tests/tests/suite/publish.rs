//! A gateway published through Tailscale, with a stand-in for its command that keeps routes as the
//! real one does and writes down how it was called.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clawdbot_config::{Bind, Env, Paths, TailscaleMode};
use clawdbot_gateway::{Published, release_route};
use clawdbot_remote::tailscale::{Claim, Reach, State, Tailscale};
use clawdbot_tests::{Setup, TestGateway, soon};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

const URL: &str = "https://box.tail.ts.net/";
const PROGRAM: &str = r#"#!/bin/sh
PATH=/usr/bin:/bin
dir=$(dirname "$0")
echo "$*" >> "$dir/calls"
web() {
  printf '{%s"TCP":{"443":{"HTTPS":true}},"Web":{"box.tail.ts.net:443":{"Handlers":{"/":{"Proxy":"http://127.0.0.1:%s"}}}}}' "$1" "$2"
}
if [ -f "$dir/trouble" ]; then . "$dir/trouble"; fi
case "$*" in
  "status --json") echo '{"BackendState":"Running","Self":{"DNSName":"box.tail.ts.net."}}' ;;
  "serve status --json") cat "$dir/routes" 2>/dev/null || echo '{}' ;;
  "serve --bg --yes "*) web '' "$4" > "$dir/routes" ;;
  "funnel --bg --yes "*) web '"AllowFunnel":{"box.tail.ts.net:443":true},' "$4" > "$dir/routes" ;;
  "serve --https=443 off" | "funnel --https=443 off") rm -f "$dir/routes" ;;
  *) echo "unknown command" >&2; exit 1 ;;
esac
"#;

/// The stand-in, alone in a directory for `PATH`.
struct Fake(TempDir);

impl Fake {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tailscale");
        std::fs::write(&file, PROGRAM).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self(dir)
    }

    fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// From now on does this first.
    fn trouble(&self, script: &str) {
        std::fs::write(self.file("trouble"), script).unwrap();
    }

    fn calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.file("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn routes(&self) -> Option<String> {
        std::fs::read_to_string(self.file("routes")).ok()
    }

    fn claim(&self, reach: Reach, port: u16) -> Claim {
        let path = self.path().to_owned();
        let tailscale = Tailscale::find([("PATH", path.as_str())].into_iter());
        Claim::new(tailscale, reach, port).looking_every(Duration::from_millis(50))
    }

    /// Takes the route and answers how that went.
    async fn code(&self) -> &'static str {
        match self.claim(Reach::Serve, 18789).take().await {
            Ok(_) => "OK",
            Err(error) => error.code(),
        }
    }
}

async fn serving(fake: &Fake, tailscale: Value) -> TestGateway {
    let setup = Setup::new().await.env("PATH", fake.path());
    setup.set("gateway.tailscale", tailscale).start().await
}

async fn published(gateway: &TestGateway) -> Published {
    let mut status = gateway.gateway.status();
    let settled = status.wait_for(|status| {
        status.published.as_ref().is_some_and(|published| published.state != State::Claiming)
    });
    soon("the route", settled).await.unwrap().published.clone().unwrap()
}

#[tokio::test]
async fn a_gateway_takes_its_route_and_gives_it_back_ts_03() {
    let fake = Fake::new();
    let gateway = serving(&fake, json!({"mode": "serve", "resetOnExit": true})).await;
    let port = gateway.address().port();
    let state = State::Published { url: URL.to_owned() };
    assert_eq!(published(&gateway).await, Published { reach: Reach::Serve, state });
    let publish = format!("serve --bg --yes {port}");
    let looked = "serve status --json";
    assert_eq!(fake.calls(), ["status --json", looked, &publish, looked]);
    let status = gateway.v4().await.ok("status", json!({})).await;
    assert_eq!(status["tailscale"]["url"], URL);
    assert_eq!(status["tailscale"]["state"], "published");
    gateway.finish().await;
    assert_eq!(fake.routes(), None);
    assert_eq!(fake.calls().last().unwrap(), "serve --https=443 off");
}

#[tokio::test]
async fn without_reset_the_route_stays_and_is_found_again() {
    let fake = Fake::new();
    let gateway = serving(&fake, json!({"mode": "serve"})).await;
    published(&gateway).await;
    gateway.finish().await;
    let kept = fake.routes().unwrap();
    let port: u16 = kept.rsplit(':').next().unwrap().trim_matches(['"', '}']).parse().unwrap();
    assert_eq!(fake.claim(Reach::Serve, port).take().await.as_deref(), Ok(URL));
    assert_eq!(fake.calls().iter().filter(|call| call.contains("--bg")).count(), 1);
}

#[tokio::test]
async fn what_a_killed_gateway_left_is_cleared_up_at_the_next_start_ts_03() {
    let fake = Fake::new();
    fake.claim(Reach::Funnel, 18789).take().await.unwrap();
    let setup = Setup::new().await.env("PATH", fake.path());
    let note = setup.state().join("tailscale-route.json");
    std::fs::write(&note, r#"{"reach":"funnel","port":18789}"#).unwrap();
    let gateway = setup.start().await;
    soon("the clearing", async {
        while note.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(fake.routes(), None);
    assert_eq!(fake.calls().last().unwrap(), "funnel --https=443 off");
    gateway.finish().await;
}

#[tokio::test]
async fn a_route_that_the_daemon_forgot_is_taken_again_and_a_foreign_one_is_not_ts_03() {
    let fake = Fake::new();
    let claim = fake.claim(Reach::Serve, 18789);
    let (state, mut changes) = watch::channel(State::Claiming);
    let kept = tokio::spawn(async move { claim.keep(&state).await });
    let is_up = |state: &State| matches!(state, State::Published { .. });
    soon("the route", changes.wait_for(is_up)).await.unwrap();
    std::fs::remove_file(fake.file("routes")).unwrap();
    soon("the route's return", async {
        while fake.routes().is_none_or(|routes| !routes.ends_with('}')) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    // Somebody else publishes something at that address: nobody touches it.
    let foreign = fake.routes().unwrap().replace("18789", "3000");
    std::fs::write(fake.file("routes.new"), &foreign).unwrap();
    std::fs::rename(fake.file("routes.new"), fake.file("routes")).unwrap();
    let is_foreign = |state: &State| matches!(state, State::Failed(error) if error.code() == "TAILSCALE_FOREIGN_ROUTE");
    soon("the notice", changes.wait_for(is_foreign)).await.unwrap();
    kept.abort();
    assert_eq!(fake.claim(Reach::Serve, 18789).release().await, Ok(false));
    assert_eq!(fake.routes(), Some(foreign));
}

#[tokio::test]
async fn from_the_internet_back_to_the_tailnet() {
    let fake = Fake::new();
    fake.claim(Reach::Funnel, 18789).take().await.unwrap();
    fake.claim(Reach::Serve, 18789).take().await.unwrap();
    assert!(!fake.routes().unwrap().contains("AllowFunnel"));
    let changes: Vec<_> =
        fake.calls().into_iter().filter(|call| !call.ends_with("--json")).collect();
    assert_eq!(
        changes,
        ["funnel --bg --yes 18789", "funnel --https=443 off", "serve --bg --yes 18789"]
    );
}

#[tokio::test]
async fn a_command_that_misbehaves_is_contained_ts_02() {
    let fake = Fake::new();
    let on = |what: &str, does: &str| format!("case \"$*\" in {what}) {does} ;; esac");
    let link = "https://login.tailscale.com/f/serve?node=nABC";
    for (script, code) in [
        (
            on("'serve --bg'*", &format!("echo 'To enable, visit: {link} ' >&2; sleep 60")),
            "TAILSCALE_CONSENT",
        ),
        (
            on("'serve --bg'*", "echo 'Access denied: serve config denied' >&2; exit 1"),
            "TAILSCALE_OPERATOR",
        ),
        (on("'serve --bg'*", "echo 'sorry' >&2; exit 1"), "TAILSCALE_REFUSED"),
        (on("'serve --bg'*", "exit 0"), "TAILSCALE_REFUSED"),
        (on("serve*", "head -c 100000000 /dev/zero; exit 0"), "TAILSCALE_TOO_MUCH"),
        (on("status*", "printf '\\377\\376'; exit 0"), "TAILSCALE_UNREADABLE"),
        (on("status*", "echo '{\"BackendState\":7}'; exit 0"), "TAILSCALE_UNREADABLE"),
        (on("status*", "echo '{\"BackendState\":\"NeedsLogin\"}'; exit 0"), "TAILSCALE_SIGNED_OUT"),
        (on("status*", "echo '{\"BackendState\":\"Stopped\"}'; exit 0"), "TAILSCALE_NOT_RUNNING"),
        (
            on("status*", "echo 'failed to connect to local tailscaled' >&2; exit 1"),
            "TAILSCALE_NOT_RUNNING",
        ),
        (on("status*", "exec sleep 60"), "TAILSCALE_HANGS"),
        (String::new(), "OK"),
    ] {
        fake.trouble(&script);
        let begun = Instant::now();
        assert_eq!(fake.code().await, code, "{script}");
        assert!(begun.elapsed() < Duration::from_secs(8), "{script}");
    }
    // The link is there to be opened.
    std::fs::remove_file(fake.file("routes")).unwrap();
    fake.trouble(&on("'serve --bg'*", &format!("echo '{link}' >&2; exit 1")));
    let error = fake.claim(Reach::Serve, 18789).take().await.unwrap_err();
    assert_eq!(error.link(), Some(link));
}

#[tokio::test]
async fn what_would_be_too_open_does_not_start_prx_07() {
    for (change, code) in [
        ((Bind::Lan, TailscaleMode::Serve), "PUBLISHED_BIND"),
        ((Bind::Loopback, TailscaleMode::Funnel), "FUNNEL_WITHOUT_PASSWORD"),
    ] {
        let fake = Fake::new();
        let setup = Setup::new().await.env("PATH", fake.path()).options(|options| {
            options.bind = Some(change.0);
            options.tailscale = Some(change.1);
        });
        setup.write();
        assert_eq!(setup.refusal().await.code(), code);
        assert_eq!(fake.calls(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn the_route_of_an_account_is_released_without_a_gateway_ts_03() {
    let fake = Fake::new();
    let home = tempfile::tempdir().unwrap();
    let (path, home) = (fake.path().to_owned(), home.path().to_str().unwrap().to_owned());
    let env: Env = [("PATH", path.as_str()), ("HOME", home.as_str())].into_iter().collect();
    let paths = Paths::resolve(&env, None);
    std::fs::create_dir_all(&paths.state_dir).unwrap();
    fake.claim(Reach::Serve, 20_001).take().await.unwrap();
    // Nothing says that it is ours.
    assert!(!release_route(&paths, &env).await.unwrap());
    // The configuration names another port, so the route is somebody else's.
    let config = |port| format!("{{gateway: {{port: {port}, tailscale: {{mode: 'serve'}}}}}}");
    std::fs::write(&paths.config, config(20_002)).unwrap();
    assert!(!release_route(&paths, &env).await.unwrap());
    assert!(fake.routes().is_some());
    std::fs::write(&paths.config, config(20_001)).unwrap();
    assert!(release_route(&paths, &env).await.unwrap());
    assert_eq!(fake.routes(), None);
    // So does the note of a gateway that was killed.
    fake.claim(Reach::Funnel, 20_003).take().await.unwrap();
    let note = paths.state_dir.join("tailscale-route.json");
    std::fs::write(&note, r#"{"reach":"funnel","port":20003}"#).unwrap();
    assert!(release_route(&paths, &env).await.unwrap());
    assert_eq!((fake.routes(), note.exists()), (None, false));
}
