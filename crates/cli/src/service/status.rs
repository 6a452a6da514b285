//! `clawdbot gateway status`: the service, and whether the gateway answers.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::time::Instant;

use clawdbot_config::{Document, Env, Paths, TailscaleMode};
use clawdbot_gateway::{Holder, Running};
use clawdbot_protocol::Scope;
use clawdbot_service::{Original, Status, Text};
use serde::Serialize;
use serde_json::Value;

use super::Own;
use crate::connection::{self, ConnectionArgs};
use crate::exit::Unavailable;
use crate::{out, tailnet, web};

/// How much of the end of the log is searched for the last error.
const LOG_TAIL: u64 = 64 * 1024;

#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Ask the service manager only, not the gateway
    #[arg(long)]
    no_probe: bool,
    /// Also look for other services and for the holder of the port
    #[arg(long)]
    deep: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// The shape of `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    service: Status,
    /// The gateway that uses this state, as a service or not.
    pid: Option<u32>,
    port: u16,
    last_error: Option<String>,
    tailscale_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rpc: Option<Rpc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deep: Option<Deep>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rpc {
    url: String,
    ok: bool,
    latency_ms: Option<u64>,
    version: Option<String>,
    error: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deep {
    originals: Vec<Original>,
    port_holder: Option<String>,
}

pub(crate) fn run(args: &StatusArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let own = Own::new(paths, env)?;
    let loaded = Document::load(&paths.config, env)?;
    let running = Running::find(paths);
    let address = running.as_ref().and_then(|running| running.address);
    let port = match address {
        Some(address) => address.port(),
        None => web::port(paths, env)?,
    };
    let published = loaded.config.gateway.tailscale.mode != TailscaleMode::Off;
    let report = Report {
        service: own.status(),
        pid: running.map(|running| running.pid),
        port,
        last_error: last_error(&paths.clone().with_log(&loaded.config.logging)),
        tailscale_url: if published { tailnet::own_url(env) } else { None },
        rpc: (!args.no_probe).then(|| {
            let local = match address {
                Some(address) if !address.ip().is_unspecified() => format!("ws://{address}"),
                _ => format!("ws://127.0.0.1:{port}"),
            };
            probe(&args.connection, local, (paths, env))
        }),
        deep: args.deep.then(|| Deep {
            originals: own.originals(),
            port_holder: Holder::of_port(port).map(|holder| holder.to_string()),
        }),
    };
    if args.connection.json {
        out::json(&serde_json::to_value(&report)?)?;
    } else {
        show(&report, &own);
    }
    match &report.rpc {
        Some(Rpc { ok: false, url, .. }) => {
            Err(Unavailable(format!("No gateway answers at {url}.")).into())
        }
        _ => Ok(()),
    }
}

fn probe(args: &ConnectionArgs, local: String, host: (&Paths, &Env)) -> Rpc {
    let url = args.url.clone().unwrap_or(local);
    let args = ConnectionArgs {
        url: Some(url.clone()),
        token: args.token.clone(),
        password: args.password.clone(),
        timeout: args.timeout,
        json: false,
    };
    let begun = Instant::now();
    let asked = connection::with(&args, host, &[Scope::Read], async |connected| {
        Ok(connected.hello.server.version.clone())
    });
    let latency_ms = u64::try_from(begun.elapsed().as_millis()).ok();
    match asked {
        Ok(version) => Rpc { url, ok: true, latency_ms, version: Some(version), error: None },
        Err(error) => {
            let error = Some(format!("{error:#}"));
            Rpc { url, ok: false, latency_ms: None, version: None, error }
        }
    }
}

fn show(report: &Report, own: &Own) {
    out::line("Gateway service status");
    out::panel(&service_rows(report, own));
    if let Some(rpc) = &report.rpc {
        out::line("");
        out::line("RPC probe");
        let mut rows = vec![format!("Target: {}", rpc.url)];
        match (rpc.latency_ms, &rpc.error) {
            (Some(took), None) => {
                rows.push("Status: ✓ connected".to_owned());
                rows.push(format!("Latency: {took}ms"));
            }
            _ => rows.push("Status: ✗ failed".to_owned()),
        }
        out::panel(&rows);
        if let Some(error) = &rpc.error {
            out::line(error);
            out::line("More: clawdbot doctor");
        }
    }
    match report.service.text {
        Text::Drifted => out::line(
            "The installed service differs from what this version would write. Bring it up to date: clawdbot gateway install",
        ),
        Text::Foreign => out::line(format_args!(
            "{} was not written by clawdbot and is left alone.",
            report.service.path.display()
        )),
        _ => {}
    }
    if let Some(problem) = &report.service.problem {
        out::line(problem);
    }
    if report.service.lingering == Some(false) && report.service.is_installed() {
        out::line("The service ends when you log out. To let it go on: loginctl enable-linger");
    }
    let Some(deep) = &report.deep else { return };
    for original in &deep.originals {
        let state = if original.enabled { "in use" } else { "out of use" };
        out::line(format_args!(
            "Service of the original, {state}: {} ({})",
            original.name,
            original.path.display()
        ));
    }
    if let Some(holder) = &deep.port_holder {
        out::line(format_args!("Port {} is held by {holder}", report.port));
    }
}

fn service_rows(report: &Report, own: &Own) -> Vec<String> {
    let service = &report.service;
    let kind = service.kind.trim_end_matches(" service");
    let loaded = match (service.is_installed(), service.enabled) {
        (false, _) => "not installed",
        (true, true) => "loaded",
        (true, false) => "installed, does not start by itself",
    };
    let runtime = match (service.pid, report.pid) {
        (Some(pid), _) => {
            format!("running (PID {pid}, {})", own.service.word(service.runtime))
        }
        (None, Some(pid)) => format!("running (PID {pid}, in the foreground)"),
        (None, None) => own.service.word(service.runtime).to_owned(),
    };
    let mut rows = vec![
        format!("Service: {kind} ({loaded})"),
        format!("Runtime: {runtime}"),
        format!("Port: {}", report.port),
        format!("Last gateway error: {}", report.last_error.as_deref().unwrap_or("none")),
    ];
    if let Some(url) = &report.tailscale_url {
        rows.push(format!("Tailscale: {url}"));
    }
    rows
}

/// The last error in the log since the gateway was last started.
pub(crate) fn last_error(paths: &Paths) -> Option<String> {
    let mut file = std::fs::File::open(&paths.log_file).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL))).ok()?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).ok()?;
    let tail = String::from_utf8_lossy(&tail);
    let records = tail.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    for record in records {
        let message = record["message"].as_str().unwrap_or_default();
        if record["_meta"]["logLevelName"] == "ERROR" {
            return Some(message.to_owned());
        }
        if message.starts_with("ready ") {
            return None;
        }
    }
    None
}
