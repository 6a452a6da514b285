//! `clawdbot gateway`: the gateway in the foreground.

use std::time::Duration;

use anyhow::Context as _;
use clawdbot_config::{Bind, Document, Env, LogLevel, Paths, Secret};
use clawdbot_gateway::{Gateway, Listen, Options, StartError, logging};

use crate::args::{BindArg, GatewayArgs};
use crate::{force, out};

/// How long runs may go on after the request to stop.
const GRACE: Duration = Duration::from_millis(500);

pub(crate) fn run(args: GatewayArgs, paths: Paths, env: Env) -> anyhow::Result<()> {
    paths.prepare()?;
    // A configuration that cannot be read is reported by the start itself.
    let logging = Document::load(&paths.config, &env).map(|loaded| loaded.config.logging).ok();
    let level = logging.map_or(LogLevel::Info, |logging| logging.level);
    let level = if args.verbose { LogLevel::Debug } else { level };
    let _guard = logging::init(&paths.log_file, level, args.verbose.then_some(LogLevel::Debug))
        .with_context(|| format!("cannot write the log {}", paths.log_file.display()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(args, paths, env))
}

async fn serve(args: GatewayArgs, paths: Paths, env: Env) -> anyhow::Result<()> {
    let stop = stop_requested()?;
    let options = options(&args);
    let gateway = match start(&paths, &env, &options).await {
        Err(StartError::PortTaken { address, holder: Some(holder) }) if args.force => {
            force::free(address, &holder).await?;
            start(&paths, &env, &options).await?
        }
        started => started?,
    };
    for warning in gateway.warnings() {
        out::error(format_args!("warning: {warning}"));
    }
    out::done(format_args!("agent model: {}", gateway.default_model()));
    if let Some(address) = gateway.status().borrow().address {
        out::done(format_args!("listening on ws://{address} (PID {})", std::process::id()));
    }
    out::done(format_args!("log file: {}", paths.log_file.display()));
    stop.await;
    gateway.shutdown(GRACE).await;
    Ok(())
}

async fn start(paths: &Paths, env: &Env, options: &Options) -> Result<Gateway, StartError> {
    Gateway::builder(paths.clone(), env.clone()).options(options.clone()).start().await
}

fn options(args: &GatewayArgs) -> Options {
    Options {
        listen: args.port.map_or(Listen::Configured, Listen::Port),
        bind: args.bind.map(|bind| match bind {
            BindArg::Loopback => Bind::Loopback,
            BindArg::Lan => Bind::Lan,
            BindArg::Auto => Bind::Auto,
        }),
        token: args.token.clone().map(Secret::new),
        password: args.password.clone().map(Secret::new),
        allow_unconfigured: args.allow_unconfigured,
        configure_locally: false,
    }
}

/// Resolves when the system or the user asks the process to end. The handlers are in place as soon
/// as this function returns.
#[cfg(unix)]
fn stop_requested() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_requested() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
