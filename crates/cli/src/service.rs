//! `clawdbot gateway install` and its siblings: the gateway as a service of the system.

pub(crate) mod status;
#[cfg(target_os = "linux")]
mod system;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clawdbot_config::{
    AuthMode, Document, Env, GatewayMode, Loaded, Paths, TailscaleMode, env_file,
};
use clawdbot_gateway::{Running, StartError};
use clawdbot_service::{Original, Runtime, Service, Spec, Status, originals};

use crate::{out, tailnet, web};

/// Variables that say where things are, without their prefix; a service needs the same.
const PLACES: [&str; 5] = ["HOME", "STATE_DIR", "CONFIG_PATH", "WORKSPACE_DIR", "GATEWAY_PORT"];
/// Longest wait for a gateway that was asked to stop.
const STOPPING: Duration = Duration::from_secs(10);

/// Why a service cannot be handled in this situation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Situation {
    #[error(
        "The original's service {name} is installed ({path}), and both would want the same port. Take it out of use with `clawdbot gateway install --replace`; its file stays."
    )]
    Original { name: String, path: String },
    #[error(
        "The gateway runs in the foreground (pid {pid}), not as a service. End it there and start it again, or end it and make it a service with `clawdbot gateway install`."
    )]
    Foreground { pid: u32 },
    #[error(
        "The gateway is running (pid {pid}) and uses what you want to set aside. Stop it first: clawdbot gateway stop"
    )]
    InUse { pid: u32 },
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "only systemd has services of the whole server")
    )]
    #[error("A service of the whole server is the administrator's. Run this with sudo.")]
    NotAdministrator,
    #[error("The gateway (pid {pid}) was asked to stop and is still running. See its log.")]
    StillRunning { pid: u32 },
}

/// The service of this installation.
pub(crate) struct Own {
    pub(crate) service: Box<dyn Service>,
    pub(crate) spec: Spec,
    home: PathBuf,
    config_home: PathBuf,
}

impl Own {
    pub(crate) fn new(paths: &Paths, env: &Env) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find the own program")?;
        let mut spec = Spec::new(program, paths.home.clone(), paths.state_dir.clone());
        spec.profile.clone_from(&paths.profile);
        spec.environment = PLACES
            .iter()
            .filter_map(|name| Some((format!("CLAWDBOT_{name}"), env.product(name)?.to_owned())))
            .collect::<BTreeMap<_, _>>();
        let config_home =
            env.get("XDG_CONFIG_HOME").map_or_else(|| paths.home.join(".config"), PathBuf::from);
        let service = manager(config_home.clone());
        Ok(Self { service, spec, home: paths.home.clone(), config_home })
    }

    pub(crate) fn status(&self) -> Status {
        self.service.status(&self.spec)
    }

    /// Services of the original for the same user or the whole system.
    pub(crate) fn originals(&self) -> Vec<Original> {
        originals(&self.home, &self.config_home, std::path::Path::new("/"))
    }

    /// Writes the service and starts it.
    pub(crate) fn install(&self, host: (&Paths, &Env), replace: bool) -> anyhow::Result<()> {
        let (paths, env) = host;
        let loaded = configured(paths, env)?;
        self.service.available()?;
        for original in self.originals().into_iter().filter(|original| original.enabled) {
            if !replace {
                let path = original.path.display().to_string();
                return Err(Situation::Original { name: original.name, path }.into());
            }
            self.service.retire(&original)?;
            out::done(format_args!("{} of the original is out of use", original.name));
        }
        let before = self.status();
        if let Some(Running { pid, address }) = Running::find(paths)
            && before.pid != Some(pid)
        {
            let address = address.map(|address| address.to_string());
            return Err(StartError::AlreadyRunning { pid, address }.into());
        }
        self.service.install(&self.spec, replace)?;
        out::done(self.service.installed());
        hint_secrets(&loaded, paths, env);
        self.service.restart(&self.spec)?;
        self.say_runtime();
        Ok(())
    }

    fn say_runtime(&self) {
        let status = self.status();
        out::done(format_args!("service runtime: {}", self.service.word(status.runtime)));
        if status.lingering == Some(false) {
            out::line("The service ends when you log out. To let it go on: loginctl enable-linger");
        }
    }
}

#[cfg(target_os = "macos")]
fn manager(_config_home: PathBuf) -> Box<dyn Service> {
    Box::new(clawdbot_service::LaunchAgent::new(rustix::process::getuid().as_raw()))
}

#[cfg(windows)]
fn manager(_config_home: PathBuf) -> Box<dyn Service> {
    Box::new(clawdbot_service::ScheduledTask::default())
}

#[cfg(not(any(target_os = "macos", windows)))]
fn manager(config_home: PathBuf) -> Box<dyn Service> {
    Box::new(clawdbot_service::Systemd::new(config_home))
}

/// Whether this process is the main one of a systemd unit.
pub(crate) fn is_unit(env: &Env) -> bool {
    env.get("SYSTEMD_EXEC_PID") == Some(std::process::id().to_string().as_str())
}

pub(crate) fn install(paths: &Paths, env: &Env, replace: bool) -> anyhow::Result<()> {
    Own::new(paths, env)?.install((paths, env), replace)
}

/// The service of a whole server.
#[cfg(target_os = "linux")]
pub(crate) fn install_system(replace: bool) -> anyhow::Result<()> {
    system::install(replace)
}

/// The same.
#[cfg(target_os = "linux")]
pub(crate) fn uninstall_system() -> anyhow::Result<()> {
    system::uninstall()
}

/// Only systemd has it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn install_system(_replace: bool) -> anyhow::Result<()> {
    Err(crate::exit::Usage("--system is for Linux. Run this without it.").into())
}

/// The same.
#[cfg(not(target_os = "linux"))]
pub(crate) fn uninstall_system() -> anyhow::Result<()> {
    install_system(false)
}

pub(crate) fn uninstall(paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let own = Own::new(paths, env)?;
    if !own.status().is_installed() {
        out::done("no service is installed");
        return Ok(());
    }
    own.service.uninstall(&own.spec)?;
    out::done(format_args!("{} removed", own.service.kind()));
    out::line(format_args!("Settings and conversations stay in {}.", paths.state_dir.display()));
    Ok(())
}

/// Starts the service, which is installed first where it is not.
pub(crate) fn start(paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let loaded = configured(paths, env)?;
    let own = Own::new(paths, env)?;
    let status = own.status();
    if let Some(Running { pid, .. }) = Running::find(paths)
        && status.pid != Some(pid)
    {
        return Err(Situation::Foreground { pid }.into());
    }
    own.service.available()?;
    announce(&loaded, paths, env)?;
    if !status.is_installed() {
        return own.install((paths, env), false);
    }
    own.service.start(&own.spec)?;
    own.say_runtime();
    Ok(())
}

/// Stops the gateway, as a service or not.
pub(crate) fn stop(paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let own = Own::new(paths, env)?;
    let status = own.status();
    if matches!(status.runtime, Runtime::Active | Runtime::Starting) {
        own.service.stop(&own.spec)?;
        out::done("service stopped");
        return Ok(());
    }
    let Some(Running { pid, .. }) = Running::find(paths) else {
        out::done("the gateway is not running");
        return Ok(());
    };
    crate::gateway::ask_to_end(pid)?;
    let begun = Instant::now();
    while Running::find(paths).is_some_and(|running| running.pid == pid) {
        if begun.elapsed() > STOPPING {
            return Err(Situation::StillRunning { pid }.into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    out::done(format_args!("gateway stopped (pid {pid})"));
    Ok(())
}

/// Starts the service anew, with the text that this version writes.
pub(crate) fn restart(paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let own = Own::new(paths, env)?;
    let status = own.status();
    if !status.is_installed() {
        return start(paths, env);
    }
    let loaded = configured(paths, env)?;
    if let Some(Running { pid, .. }) = Running::find(paths)
        && status.pid != Some(pid)
    {
        return Err(Situation::Foreground { pid }.into());
    }
    own.service.available()?;
    if status.text == clawdbot_service::Text::Drifted {
        own.service.install(&own.spec, false)?;
        out::done(format_args!("{} brought up to date", status.path.display()));
    }
    announce(&loaded, paths, env)?;
    own.service.restart(&own.spec)?;
    own.say_runtime();
    Ok(())
}

/// The configuration, which has to say that a gateway shall run here.
fn configured(paths: &Paths, env: &Env) -> anyhow::Result<Loaded> {
    let loaded = Document::load(&paths.config, env)?;
    match loaded.config.gateway.mode {
        Some(GatewayMode::Local) => Ok(loaded),
        Some(GatewayMode::Remote) => Err(StartError::ModeNotLocal("remote").into()),
        None => Err(StartError::ModeNotLocal("unset").into()),
    }
}

fn announce(loaded: &Loaded, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    out::line("🚀 Gateway starting...");
    out::line(format_args!("📡 WebSocket: ws://127.0.0.1:{}", web::port(paths, env)?));
    let gateway = &loaded.config.gateway;
    let what = match gateway.tailscale.mode {
        TailscaleMode::Off => None,
        TailscaleMode::Serve => Some("Tailscale Serve"),
        TailscaleMode::Funnel => Some("Tailscale Funnel"),
    };
    if let Some(what) = what
        && let Some(url) = tailnet::own_url(env)
    {
        out::line(format_args!("🌐 {what}: {url}"));
    }
    out::line(format_args!("🔒 Auth mode: {}", auth_mode(loaded)));
    Ok(())
}

/// What clients present, secrets from the environment included.
pub(crate) fn auth_mode(loaded: &Loaded) -> &'static str {
    let auth = &loaded.config.gateway.auth;
    let in_env = |name| loaded.env.product(name).is_some();
    let only_password = auth.mode.is_none()
        && auth.token.is_none()
        && !in_env("GATEWAY_TOKEN")
        && in_env("GATEWAY_PASSWORD");
    match auth.effective_mode() {
        _ if only_password => "password",
        AuthMode::Token => "token",
        AuthMode::Password => "password",
        AuthMode::None => "none",
        AuthMode::TrustedProxy => "trusted-proxy",
    }
}

/// A service does not see the variables of this terminal.
fn hint_secrets(loaded: &Loaded, paths: &Paths, env: &Env) {
    let file = paths.state_dir.join(".env");
    for key in only_here(loaded, paths, env) {
        out::error(format_args!(
            "warning: {key} is set in this terminal only, and a service does not see it. Put it into {}, readable by you alone, then run: clawdbot gateway restart",
            file.display()
        ));
    }
}

/// Secrets that only this terminal has.
pub(crate) fn only_here(loaded: &Loaded, paths: &Paths, env: &Env) -> Vec<&'static str> {
    let kept = env_file(&paths.state_dir.join(".env")).unwrap_or_default();
    let keys = [
        "CLAWDBOT_GATEWAY_TOKEN",
        "CLAWDBOT_GATEWAY_PASSWORD",
        "ANTHROPIC_API_KEY",
        "OPENAI_API_KEY",
        "GEMINI_API_KEY",
        "OPENROUTER_API_KEY",
    ];
    let is_kept = |key: &str| kept.iter().any(|(name, _)| name == key);
    let in_config = |key: &str| loaded.config.env.vars.contains_key(key);
    keys.into_iter()
        .filter(|key| env.get(key).is_some() && !in_config(key) && !is_kept(key))
        .collect()
}
