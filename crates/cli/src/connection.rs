//! The connection of every command that asks a gateway.

use std::time::Duration;

use clawdbot_client::{Client, ConnectError, ConnectOptions, Connected, Credential};
use clawdbot_config::{Document, Env, GatewayConfig, GatewayMode, Paths, RemoteTransport, Secret};
use clawdbot_protocol::Scope;
use serde::Serialize;
use serde_json::Value;

use crate::{app_secret, identity, out, web};

/// Which gateway, with what credential.
#[derive(Debug, clap::Args)]
pub(crate) struct ConnectionArgs {
    /// Gateway address [default: gateway.remote.url in remote mode, otherwise the local gateway]
    #[arg(long, global = true)]
    pub(crate) url: Option<String>,
    /// Token to present
    #[arg(long, global = true)]
    pub(crate) token: Option<String>,
    /// Password to present
    #[arg(long, global = true, conflicts_with = "token")]
    pub(crate) password: Option<String>,
    /// Give up after so many milliseconds
    #[arg(long, global = true, value_name = "MS", value_parser = millis, default_value = "10000")]
    pub(crate) timeout: Duration,
    /// Print the gateway's answer as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What this computer asks for as a device of another gateway.
const DEVICE_SCOPES: [Scope; 5] =
    [Scope::Admin, Scope::Approvals, Scope::Pairing, Scope::Read, Scope::Write];

fn millis(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_millis)
}

/// Connects with these scopes, does `work`, says goodbye.
pub(crate) fn with<T>(
    args: &ConnectionArgs,
    host: (&Paths, &Env),
    scopes: &[Scope],
    work: impl AsyncFnOnce(&mut Connected) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let options = options(args, host.0, host.1, scopes)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connected =
            Client::connect(options).await.map_err(|error| closed(error, args, host))?;
        let result = work(&mut connected).await;
        connected.client.close().await;
        result
    })
}

/// Says how the way to the gateway is opened, where that is why nobody answers.
fn closed(
    error: ConnectError,
    args: &ConnectionArgs,
    (paths, env): (&Paths, &Env),
) -> anyhow::Error {
    let is_refusal = matches!(error, ConnectError::Refused { .. });
    let error = anyhow::Error::new(error);
    let loaded = Document::load(&paths.config, env).ok();
    let gateway = loaded.map(|loaded| loaded.config.gateway).unwrap_or_default();
    let server = gateway.remote.ssh_target.filter(|_| {
        gateway.mode == Some(GatewayMode::Remote)
            && gateway.remote.transport == RemoteTransport::Ssh
            && args.url.is_none()
            && !is_refusal
    });
    match server {
        Some(server) => error.context(format!(
            "The gateway is on {server}. Open the way there with Clawdbot Desktop, or with: clawdbot tunnel"
        )),
        None => error,
    }
}

/// One request; prints the answer where JSON was asked for, and hands it over otherwise.
pub(crate) fn ask(
    args: &ConnectionArgs,
    host: (&Paths, &Env),
    scopes: &[Scope],
    method: &str,
    params: &(impl Serialize + Sync),
) -> anyhow::Result<Option<Value>> {
    let answer = with(args, host, scopes, async |connected| {
        Ok(connected.client.request(method, params).await?)
    })?;
    if !args.json {
        return Ok(Some(answer));
    }
    out::json(&answer)?;
    Ok(None)
}

/// Where the gateway's pages are: the same place, for a browser.
pub(crate) fn page(args: &ConnectionArgs, host: (&Paths, &Env)) -> anyhow::Result<String> {
    let url = options(args, host.0, host.1, &[])?.url;
    let url = url.trim_end_matches('/');
    // `ws` becomes `http`, and `wss` becomes `https`.
    Ok(url.strip_prefix("ws").map_or_else(|| url.to_owned(), |rest| format!("http{rest}")))
}

/// Flag, then environment, then configuration (configuration reference, §3). An address that only a
/// flag names hears neither of the latter two (NET-05).
pub(crate) fn options(
    args: &ConnectionArgs,
    paths: &Paths,
    env: &Env,
    scopes: &[Scope],
) -> anyhow::Result<ConnectOptions> {
    let loaded = Document::load(&paths.config, env)?;
    let local = format!("ws://127.0.0.1:{}", web::port(paths, env)?);
    let target = Target::of(args.url.as_deref(), &loaded.config.gateway, local);
    let from_env = |name| {
        let value = if target.is_configured { loaded.env.product(name) } else { None };
        value.map(str::to_owned)
    };
    let password = args.password.clone().map(Credential::Password);
    let token = args.token.clone().map(Credential::Token);
    let mut options = ConnectOptions::new(target.url);
    options.client.id = "cli".to_owned();
    options.client.mode = "cli".to_owned();
    options.scopes = scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
    options.credential = password
        .or(token)
        .or_else(|| from_env("GATEWAY_TOKEN").map(Credential::Token))
        .or_else(|| from_env("GATEWAY_PASSWORD").map(Credential::Password))
        .or(target.credential);
    if options.credential.is_none() && target.is_elsewhere {
        options.credential = app_secret::of_app(paths, env)?;
    }
    options.timeout = args.timeout;
    // Without a device nothing but `health` is open to callers from elsewhere (protocol §7.3).
    if !scopes.is_empty() && !clawdbot_client::is_loopback(&options.url) {
        options.identity = Some(identity::own(paths)?);
        // All that any command wants, so that the device has to be approved once only.
        options.scopes = DEVICE_SCOPES.map(|scope| scope.as_str().to_owned()).to_vec();
    }
    Ok(options)
}

/// The gateway that is meant, and what the configuration says it wants to hear.
struct Target {
    url: String,
    credential: Option<Credential>,
    /// Whether the configuration or this computer stands for it.
    is_configured: bool,
    /// Whether it is the gateway that remote mode names.
    is_elsewhere: bool,
}

impl Target {
    /// The address given, in remote mode the configured one, and the local gateway otherwise. The
    /// configured secrets go to the gateway that they are for, and to nobody else.
    fn of(given: Option<&str>, gateway: &GatewayConfig, local: String) -> Self {
        let remote = &gateway.remote;
        let is_remote = gateway.mode == Some(GatewayMode::Remote);
        // A tunnel, and the desktop app's front door, end where the local gateway would be.
        let is_tunnel = remote.transport == RemoteTransport::Ssh && remote.ssh_target.is_some();
        let url = match (given, &remote.url) {
            (Some(given), _) => given.to_owned(),
            (None, Some(url)) if is_remote && !is_tunnel => url.clone(),
            (None, _) => local.clone(),
        };
        let is_configured_url = remote.url.as_ref() == Some(&url);
        let is_elsewhere =
            is_remote && (given.is_none() || is_configured_url || is_same_port_here(&url, &local));
        let known = |token: &Option<Secret>, password: &Option<Secret>| {
            let exposed = |secret: &Option<Secret>| secret.as_ref().map(|s| s.expose().to_owned());
            let token = exposed(token).map(Credential::Token);
            token.or_else(|| exposed(password).map(Credential::Password))
        };
        let credential = if is_configured_url || is_elsewhere {
            known(&remote.token, &remote.password)
        } else if clawdbot_client::is_loopback(&url) {
            known(&gateway.auth.token, &gateway.auth.password)
        } else {
            None
        };
        let is_configured = given.is_none()
            || clawdbot_client::is_loopback(&url)
            || (is_remote && is_configured_url);
        Self { url, credential, is_configured, is_elsewhere }
    }
}

/// Whether both addresses are the same port of this computer.
fn is_same_port_here(one: &str, other: &str) -> bool {
    let port = clawdbot_client::loopback_port(one);
    port.is_some() && port == clawdbot_client::loopback_port(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(given: Option<&str>, gateway: serde_json::Value) -> (String, Option<String>) {
        let gateway = serde_json::from_value(gateway).unwrap();
        let target = Target::of(given, &gateway, "ws://127.0.0.1:18789".to_owned());
        let credential = target.credential.map(|credential| match credential {
            Credential::Token(token) => token,
            Credential::Password(password) => password,
        });
        (target.url, credential)
    }

    #[test]
    fn another_computers_gateway_is_shown_a_device_and_this_ones_is_not() {
        let home = tempfile::tempdir().unwrap();
        let env = [("HOME", home.path().to_str().unwrap())].into_iter().collect();
        let paths = Paths::resolve(&env, None);
        let to = |url: &str, scopes: &[Scope]| {
            let args = ConnectionArgs {
                url: Some(url.to_owned()),
                token: Some("t".to_owned()),
                password: None,
                timeout: Duration::from_secs(1),
                json: false,
            };
            options(&args, &paths, &env, scopes).unwrap()
        };
        let local = to("ws://127.0.0.1:18789", &[Scope::Read]);
        assert!(local.identity.is_none());
        assert_eq!(local.scopes, ["operator.read"]);
        assert!(to("wss://home.example", &[]).identity.is_none(), "health needs none");
        let first = to("wss://home.example", &[Scope::Read]);
        let second = to("wss://home.example", &[Scope::Write]);
        assert_eq!(first.scopes, second.scopes, "approved once");
        assert_eq!(first.identity.unwrap().id(), second.identity.unwrap().id());
    }

    #[test]
    fn the_environments_token_goes_to_the_configured_gateway_only_net_05() {
        let home = tempfile::tempdir().unwrap();
        let here = home.path().to_str().unwrap();
        let env = [("HOME", here), ("CLAWDBOT_GATEWAY_TOKEN", "mine")].into_iter().collect();
        let paths = Paths::resolve(&env, None);
        let presented = |url: Option<&str>| {
            let args = ConnectionArgs {
                url: url.map(str::to_owned),
                token: None,
                password: None,
                timeout: Duration::from_secs(1),
                json: false,
            };
            options(&args, &paths, &env, &[]).unwrap().credential.is_some()
        };
        assert!(presented(None) && presented(Some("ws://127.0.0.1:9")));
        assert!(!presented(Some("wss://other.example")));
        let config = |mode: &str| {
            let text = format!("{{gateway:{{mode:'{mode}',remote:{{url:'wss://home.example'}}}}}}");
            std::fs::create_dir_all(&paths.state_dir).unwrap();
            std::fs::write(&paths.config, text).unwrap();
        };
        config("remote");
        assert!(presented(None) && presented(Some("wss://home.example")));
        assert!(!presented(Some("wss://other.example")));
        config("local");
        assert!(!presented(Some("wss://home.example")), "it opens the local gateway");
    }

    #[test]
    fn configured_secrets_go_to_their_own_gateway_only() {
        let here = serde_json::json!({"mode": "local", "auth": {"token": "mine"}});
        let local = "ws://127.0.0.1:18789".to_owned();
        assert_eq!(target(None, here.clone()), (local, Some("mine".into())));
        for (url, token) in [
            ("ws://localhost:9", Some("mine".to_owned())),
            ("ws://[::1]:9", Some("mine".into())),
            ("wss://other.example", None),
            ("ws://127.0.0.1.evil.example", None),
        ] {
            assert_eq!(target(Some(url), here.clone()), (url.to_owned(), token));
        }
        let there = serde_json::json!({"mode": "remote", "auth": {"token": "mine"},
            "remote": {"url": "wss://home.example", "token": "theirs"}});
        let theirs = ("wss://home.example".to_owned(), Some("theirs".to_owned()));
        assert_eq!(target(None, there.clone()), theirs);
        assert_eq!(target(Some("wss://home.example"), there.clone()), theirs);
        assert_eq!(target(Some("wss://other.example"), there).1, None);
        let tunnel = serde_json::json!({"mode": "remote", "auth": {"token": "mine"},
            "remote": {"sshTarget": "home", "url": "wss://home.example", "token": "theirs"}});
        let near = ("ws://127.0.0.1:18789".to_owned(), Some("theirs".to_owned()));
        assert_eq!(target(None, tunnel.clone()), near);
        // What has the gateway's port in remote mode leads there, and is not shown this one's secret.
        for url in ["ws://localhost:18789", "ws://127.0.0.1:18789/"] {
            assert_eq!(target(Some(url), tunnel.clone()).1, Some("theirs".into()));
        }
        assert_eq!(target(Some("ws://127.0.0.1:9"), tunnel).1, Some("mine".into()));
    }
}
