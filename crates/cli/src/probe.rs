//! `clawdbot gateway probe`: every gateway this computer has a reason to know.

mod nearby;

use std::time::{Duration, Instant};

use clawdbot_client::{Client, ConnectError, ConnectOptions, knock};
use clawdbot_config::{DEFAULT_PORT, Document, Env, Paths};
use clawdbot_gateway::Running;
use clawdbot_protocol::Scope;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::connection::{self, ConnectionArgs};
use crate::exit::Unavailable;
use crate::{out, tailnet, text, web};
use nearby::Nearby;

/// A gateway answers within this time, or is not there.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, clap::Args)]
pub(crate) struct ProbeArgs {
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// One place, in the shape of `--json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    /// `local`, `remote`, `tailnet` or `mdns`.
    place: &'static str,
    /// The computer's name in a tailnet, or what was announced, which may be anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    url: String,
    /// Whether a gateway answers.
    reachable: bool,
    /// Whether it let this command in.
    connected: bool,
    latency_ms: u64,
    version: Option<String>,
    error: Option<String>,
}

pub(crate) fn run(args: &ProbeArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let searches = searches(paths, env)?;
    let search = searches.then(|| std::thread::spawn(|| Nearby::search(nearby::WINDOW)));
    let targets = targets(paths, env)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut found = runtime.block_on(ask_all(targets, ask));
    if let Some(Ok(searched)) = search.map(std::thread::JoinHandle::join) {
        match searched {
            Ok(nearby) => {
                if nearby.overflowed {
                    out::error("More gateways are announced on this network than are shown.");
                }
                let strangers = nearby.into_entries().map(stranger).collect();
                found.extend(runtime.block_on(ask_all(strangers, greet)));
            }
            Err(error) => out::error(format_args!("This network cannot be searched: {error}")),
        }
    }
    if args.json {
        out::json(&serde_json::json!({"gateways": found}))?;
    } else {
        found.iter().for_each(show);
        let network = if searches { ", the tailnet and this network" } else { " and the tailnet" };
        out::line(format_args!("Asked: this computer, gateway.remote.url{network}."));
    }
    if found.iter().any(|found| found.connected || (found.reachable && found.place != MDNS)) {
        return Ok(());
    }
    Err(Unavailable("No gateway answers. Start one with `clawdbot gateway`.".to_owned()).into())
}

/// Asks all at once, and keeps their order.
async fn ask_all<F>(targets: Vec<Target>, ask: impl Fn(Target) -> F) -> Vec<Found>
where
    F: Future<Output = Found> + Send + 'static,
{
    let mut asked = JoinSet::new();
    for (index, target) in targets.into_iter().enumerate() {
        let asking = ask(target);
        asked.spawn(async move { (index, asking.await) });
    }
    let mut found = asked.join_all().await;
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, found)| found).collect()
}

/// Whether this network is searched, which the original's switches turn off.
fn searches(paths: &Paths, env: &Env) -> anyhow::Result<bool> {
    let loaded = Document::load(&paths.config, env)?;
    let mode = loaded.value.pointer("/discovery/mdns/mode").and_then(serde_json::Value::as_str);
    Ok(mode != Some("off") && loaded.env.product("DISABLE_BONJOUR").is_none())
}

/// Where announcements come from.
const MDNS: &str = "mdns";

type Target = (&'static str, Option<String>, ConnectOptions);

/// An announcement, with nothing of what this computer knows.
fn stranger((name, url): (String, String)) -> Target {
    let mut options = ConnectOptions::new(url);
    options.timeout = PATIENCE;
    (MDNS, Some(name), options)
}

/// Waits for the first words of a gateway and says nothing.
async fn greet((place, name, options): Target) -> Found {
    let begun = Instant::now();
    let greeted = knock(&options).await;
    let latency_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let error = greeted.as_ref().err().map(ToString::to_string);
    let (url, reachable) = (options.url, greeted.is_ok());
    Found { place, name, url, reachable, connected: false, latency_ms, version: None, error }
}

/// Configured secrets go only where they are configured for; a tailnet peer gets none.
fn targets(paths: &Paths, env: &Env) -> anyhow::Result<Vec<Target>> {
    let loaded = Document::load(&paths.config, env)?;
    let options = |url: String| {
        let args = ConnectionArgs {
            url: Some(url),
            token: None,
            password: None,
            timeout: PATIENCE,
            json: false,
        };
        connection::options(&args, paths, env, &[Scope::Read])
    };
    let address = Running::find(paths).and_then(|running| running.address);
    let local = match address {
        Some(address) if !address.ip().is_unspecified() => address.to_string(),
        Some(address) => format!("127.0.0.1:{}", address.port()),
        None => format!("127.0.0.1:{}", web::port(paths, env)?),
    };
    let mut targets = vec![("local", None, options(format!("ws://{local}"))?)];
    if let Some(url) = &loaded.config.gateway.remote.url {
        targets.push(("remote", None, options(url.clone())?));
    }
    for peer in tailnet::peers(env) {
        let mut stranger = options(format!("ws://{}:{DEFAULT_PORT}", peer.address))?;
        stranger.credential = None;
        targets.push(("tailnet", Some(peer.name), stranger));
    }
    Ok(targets)
}

async fn ask((place, name, options): Target) -> Found {
    let url = options.url.clone();
    let begun = Instant::now();
    let connected = Client::connect(options).await;
    let latency_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (reachable, error) = match &connected {
        Ok(_) => (true, None),
        Err(error) => (matches!(error, ConnectError::Refused { .. }), Some(error.to_string())),
    };
    let version = connected.as_ref().ok().map(|connected| connected.hello.server.version.clone());
    let found = Found {
        place,
        name,
        url,
        reachable,
        connected: connected.is_ok(),
        latency_ms,
        version,
        error,
    };
    if let Ok(connected) = connected {
        connected.client.close().await;
    }
    found
}

fn show(found: &Found) {
    let name =
        found.name.as_deref().map(|name| format!(" {}", text::plain(name))).unwrap_or_default();
    let place = format!("{}{name}", found.place);
    let (mark, state) = match (&found.version, &found.error) {
        (None, None) => (
            "✓",
            format!(
                "{}ms, announced here; trust the name no more than the network",
                found.latency_ms
            ),
        ),
        (Some(version), _) => ("✓", format!("{}ms, version {version}", found.latency_ms)),
        (None, Some(error)) if found.reachable => {
            ("✓", format!("{}ms, but it did not let this command in: {error}", found.latency_ms))
        }
        (None, error) => ("✗", error.clone().unwrap_or_default()),
    };
    out::line(format_args!("{mark} {place}  {}  {}", text::plain(&found.url), text::plain(&state)));
}
