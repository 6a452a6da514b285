//! `clawdbot gateway`: the gateway in the foreground.

mod dev;
mod force;
pub(crate) mod signals;
mod supervisor;

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::Context as _;
use clawdbot_config::{
    AuthMode, Bind, Document, Env, LogLevel, LoggingConfig, Paths, Secret, TailscaleMode,
};
use clawdbot_gateway::logging::{self, Console, ShownRequests};
use clawdbot_gateway::{Gateway, GatewayStatus, Listen, Options, StartError, memory};
use clawdbot_remote::tailscale::State;
use tokio::sync::watch;

use crate::args::{AuthArg, BindArg, GatewayArgs, TailscaleArg, WsLogArg};
use crate::exit::Usage;
use crate::out;
use signals::{Signal, Signals};

/// How long runs may go on after the request to stop.
const GRACE: Duration = Duration::from_millis(500);

pub(crate) fn run(args: &GatewayArgs, paths: Paths, env: Env) -> anyhow::Result<()> {
    if args.reset && !args.dev {
        return Err(Usage("Use --reset with --dev.").into());
    }
    if args.reset {
        dev::reset(&paths)?;
    }
    paths.prepare()?;
    if args.dev {
        dev::set_up(&paths)?;
    }
    // A configuration that cannot be read is reported by the start itself.
    let loaded = Document::load(&paths.config, &env);
    let logging = loaded.map(|loaded| loaded.config.logging).unwrap_or_default();
    let paths = paths.with_log(&logging);
    paths.prepare()?;
    let _guard = log(args, &logging, &paths, &env)?;
    let program = std::env::current_exe().context("cannot find the own program")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let end = runtime.block_on(serve(args, &program, paths, env))?;
    drop(runtime);
    match end {
        End::Stop => Ok(()),
        End::Restart => dev::restart(&program),
    }
}

/// Asks a gateway to end in order.
pub(crate) fn ask_to_end(pid: u32) -> anyhow::Result<()> {
    Ok(force::ask(pid)?)
}

/// Why the gateway has ended.
enum End {
    Stop,
    Restart,
}

fn log(
    args: &GatewayArgs,
    configured: &LoggingConfig,
    paths: &Paths,
    env: &Env,
) -> anyhow::Result<impl Sized + use<>> {
    let more = |level| if args.verbose { LogLevel::Debug } else { level };
    let console = Console {
        level: more(configured.console_level),
        requests: match args.ws_log {
            None => ShownRequests::ByLevel,
            Some(WsLogArg::Auto) => ShownRequests::Notable,
            Some(WsLogArg::Full) => ShownRequests::All,
        },
        color: std::io::stderr().is_terminal() && env.get("NO_COLOR").is_none(),
    };
    logging::init(&paths.log_file, more(configured.level), Some(console))
        .with_context(|| format!("cannot write the log {}", paths.log_file.display()))
}

async fn serve(
    args: &GatewayArgs,
    program: &std::path::Path,
    paths: Paths,
    env: Env,
) -> anyhow::Result<End> {
    let mut signals = Signals::new()?;
    let options = options(args);
    let started = tokio::select! {
        started = start(args, &paths, &env, &options) => started?,
        Signal::Stop = signals.next() => return Ok(End::Stop),
    };
    announce(&started, &paths);
    supervisor::ready(&started);
    tokio::spawn(memory::give_back_when_calm());
    let rebuilt = dev::rebuilt(program);
    tokio::pin!(rebuilt);
    let mut status = started.status();
    let mut told = None;
    let end = loop {
        tokio::select! {
            () = tell_published(&mut status, &mut told) => {}
            signal = signals.next() => match signal {
                Signal::Stop => break End::Stop,
                Signal::Reload => started.reload(),
            },
            () = &mut rebuilt, if args.dev => {
                out::done("the program was built anew; starting again");
                break End::Restart;
            }
        }
    };
    supervisor::stopping();
    started.shutdown(GRACE).await;
    Ok(end)
}

/// Says where Tailscale publishes the gateway, or why it does not, whenever that changes.
async fn tell_published(status: &mut watch::Receiver<GatewayStatus>, told: &mut Option<State>) {
    let changed = status.wait_for(|status| {
        status.published.as_ref().is_some_and(|published| Some(&published.state) != told.as_ref())
    });
    let Ok(Some(published)) = changed.await.map(|status| status.published.clone()) else {
        return std::future::pending().await;
    };
    match &published.state {
        State::Published { url } => out::done(format_args!("{}: {url}", published.reach)),
        State::Failed(error) => out::error(format_args!("{}: {error}", published.reach)),
        State::Claiming => {}
    }
    *told = Some(published.state);
}

fn announce(gateway: &Gateway, paths: &Paths) {
    for warning in gateway.warnings() {
        out::error(format_args!("warning: {warning}"));
    }
    out::done(format_args!("agent model: {}", gateway.default_model()));
    let mut pid = format!(" (PID {})", std::process::id());
    for address in gateway.addresses() {
        out::done(format_args!("listening on ws://{address}{}", std::mem::take(&mut pid)));
    }
    out::done(format_args!("log file: {}", paths.log_file.display()));
}

/// Starts it. `--force` ends whoever is in the way: first the gateway that uses the same state, then
/// the program that has the port.
async fn start(
    args: &GatewayArgs,
    paths: &Paths,
    env: &Env,
    options: &Options,
) -> anyhow::Result<Gateway> {
    let attempt = async || {
        Gateway::builder(paths.clone(), env.clone()).options(options.clone()).start().await
    };
    let mut started = attempt().await;
    if args.force
        && let Err(StartError::AlreadyRunning { .. }) = &started
    {
        force::end_running(paths).await?;
        started = attempt().await;
    }
    if args.force
        && let Err(StartError::PortTaken { address, holder: Some(holder) }) = &started
    {
        force::free(*address, holder).await?;
        started = attempt().await;
    }
    Ok(started?)
}

fn options(args: &GatewayArgs) -> Options {
    Options {
        listen: args.port.map_or(Listen::Configured, Listen::Port),
        bind: args.bind.map(|bind| match bind {
            BindArg::Loopback => Bind::Loopback,
            BindArg::Lan => Bind::Lan,
            BindArg::Tailnet => Bind::Tailnet,
            BindArg::Auto => Bind::Auto,
            BindArg::Address(_) => Bind::Custom,
        }),
        bind_host: match args.bind {
            Some(BindArg::Address(address)) => Some(address),
            _ => None,
        },
        auth: args.auth.map(|auth| match auth {
            AuthArg::Token => AuthMode::Token,
            AuthArg::Password => AuthMode::Password,
        }),
        tailscale: args.tailscale.map(|mode| match mode {
            TailscaleArg::Off => TailscaleMode::Off,
            TailscaleArg::Serve => TailscaleMode::Serve,
            TailscaleArg::Funnel => TailscaleMode::Funnel,
        }),
        token: args.token.clone().map(Secret::new),
        password: args.password.clone().map(Secret::new),
        allow_unconfigured: args.allow_unconfigured,
        configure_locally: false,
        boot: !args.dev,
    }
}
