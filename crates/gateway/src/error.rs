//! Why a gateway did not start, and how storage errors look on the wire.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use clawdbot_config::{ConfigError, EditError, PathsError, WeakSecret};
use clawdbot_protocol::RpcError;
use clawdbot_store::StoreError;
use serde_json::json;

/// Why a gateway did not start. Every message names the cause and one thing to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// `clawdbot.json` cannot be used as it is.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The state directory cannot be used.
    #[error(transparent)]
    Paths(#[from] PathsError),
    /// Nobody has said that a gateway shall run here.
    #[error(
        "Gateway start blocked: set gateway.mode=local (current: {0}) or pass --allow-unconfigured."
    )]
    ModeNotLocal(&'static str),
    /// Another gateway uses the same state directory.
    #[error(
        "Gateway already running locally (pid {pid}{}). Stop it first (clawdbot gateway stop, or quit the app), take over with --force, or use another state directory with CLAWDBOT_STATE_DIR.",
        address.as_ref().map(|a| format!(", ws://{a}")).unwrap_or_default()
    )]
    AlreadyRunning {
        /// Its process id, 0 when unknown.
        pid: u32,
        /// Where it listens.
        address: Option<String>,
    },
    /// Something else listens on the port.
    #[error(
        "Error: listen EADDRINUSE: address already in use {address}{}. Three ways out: stop that program, choose another port with --port or gateway.port, or take the port over with --force.",
        holder.as_ref().map(|h| format!(", held by {h}")).unwrap_or_default()
    )]
    PortTaken {
        /// The address asked for.
        address: SocketAddr,
        /// Who holds it, where the system tells.
        holder: Option<Holder>,
    },
    /// The address cannot be bound for another reason.
    #[error("cannot listen on {address}: {source}. Check gateway.bind and gateway.port.")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A bind outside loopback without a secret.
    #[error(
        "Refusing to bind gateway to {0} without auth.\nSet gateway.auth.token/password (or CLAWDBOT_GATEWAY_TOKEN/CLAWDBOT_GATEWAY_PASSWORD) or pass --token/--password."
    )]
    ExposedWithoutAuth(&'static str),
    /// A bind outside loopback with a secret that can be guessed.
    #[error("Refusing to bind gateway to {bind}: gateway.auth.{kind} {source}")]
    WeakSecret {
        /// Name of the bind mode.
        bind: &'static str,
        /// `token` or `password`.
        kind: &'static str,
        /// What is wrong with it.
        source: WeakSecret,
    },
    /// A proxy names the users, and a secret would let others in beside it.
    #[error(
        "gateway.auth.mode is trusted-proxy and a shared secret is set as well. Remove gateway.auth.token and gateway.auth.password (and CLAWDBOT_GATEWAY_TOKEN, CLAWDBOT_GATEWAY_PASSWORD), or set gateway.auth.mode to token or password."
    )]
    TwoWaysIn,
    /// Whoever may call a hook could do everything.
    #[error(
        "hooks.token equals the gateway's own secret (gateway.auth.token or gateway.auth.password). Give hooks a token of their own."
    )]
    HookToken,
    /// `gateway.auth.mode` demands a secret that is not set.
    #[error(
        "gateway.auth.mode is password but no password is set. Set gateway.auth.password or CLAWDBOT_GATEWAY_PASSWORD."
    )]
    PasswordMissing,
    /// Tailscale would publish an address that others reach anyway.
    #[error(
        "tailscale {0} requires gateway bind=loopback. Set gateway.bind to loopback, or gateway.tailscale.mode to off."
    )]
    PublishedBind(&'static str),
    /// The Internet would get in with less than a password.
    #[error(
        "tailscale funnel requires gateway auth mode=password. Set gateway.auth.mode to password and gateway.auth.password (or CLAWDBOT_GATEWAY_PASSWORD)."
    )]
    FunnelWithoutPassword,
    /// The generated token could not be saved.
    #[error("cannot save the generated gateway token in {path}: {source}")]
    SaveToken {
        /// The configuration file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The generated token does not fit the configuration's shape.
    #[error("cannot add the generated gateway token to the configuration: {0}")]
    EditToken(#[from] EditError),
    /// The lock file cannot be used.
    #[error("cannot lock {path}: {source}. Check the permissions of the state directory.")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key that device tokens are made from cannot be used.
    #[error(
        "cannot use {path}: {source}. Restore that file, or remove it to have every device pair again."
    )]
    DeviceKey {
        /// The key file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database cannot be opened.
    #[error("cannot open the database: {0}")]
    Store(#[from] StoreError),
}

impl StartError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Config(_) => "CONFIG_INVALID",
            Self::Paths(error) => error.code(),
            Self::ModeNotLocal(_) => "MODE_NOT_LOCAL",
            Self::AlreadyRunning { .. } => "ALREADY_RUNNING",
            Self::PortTaken { .. } => "PORT_TAKEN",
            Self::Bind { .. } => "BIND_FAILED",
            Self::ExposedWithoutAuth(_) => "EXPOSED_WITHOUT_AUTH",
            Self::WeakSecret { .. } => "WEAK_SECRET",
            Self::TwoWaysIn => "TWO_WAYS_IN",
            Self::HookToken => "HOOK_TOKEN",
            Self::PasswordMissing => "PASSWORD_MISSING",
            Self::PublishedBind(_) => "PUBLISHED_BIND",
            Self::FunnelWithoutPassword => "FUNNEL_WITHOUT_PASSWORD",
            Self::SaveToken { .. } | Self::EditToken(_) => "TOKEN_NOT_SAVED",
            Self::Lock { .. } => "LOCK_FAILED",
            Self::DeviceKey { .. } => "DEVICE_KEY",
            Self::Store(error) => error.code(),
        }
    }
}

/// The process that holds a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// Process name.
    pub name: String,
    /// Path of its program.
    pub path: String,
}

impl Holder {
    /// A process by its id.
    pub fn of_pid(pid: u32) -> Option<Self> {
        let id = sysinfo::Pid::from_u32(pid);
        let mut system = sysinfo::System::new().ok()?;
        system.refresh_processes(sysinfo::ProcessesToUpdate::Some(&[id]), true);
        let process = system.process(id)?;
        let path = process.exe().map(|path| path.display().to_string()).unwrap_or_default();
        Some(Self { pid, name: process.name().to_string_lossy().into_owned(), path })
    }

    /// Finds out who listens on a TCP port of this machine.
    pub fn of_port(port: u16) -> Option<Self> {
        let process = listeners::get_process_by_port(port, listeners::Protocol::TCP).ok()?;
        Some(Self { pid: process.pid, name: process.name, path: process.path })
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "pid {} ({}", self.pid, self.name)?;
        if !self.path.is_empty() {
            write!(f, ", {}", self.path)?;
        }
        f.write_str(")")
    }
}

/// A storage error as clients see it: a stable code, retryable where waiting helps.
pub(crate) fn store_error(error: StoreError) -> RpcError {
    tracing::error!(code = error.code(), error = %chain(&error), "storage");
    match error {
        StoreError::LabelInUse { .. }
        | StoreError::SessionUnknown { .. }
        | StoreError::RunUnknown { .. }
        | StoreError::RunEnded { .. } => RpcError::invalid(error.to_string()),
        _ => {
            let refusal = RpcError::unavailable(error.to_string())
                .with_details(json!({"code": error.code()}));
            if error.retryable() { refusal.retry_after(1_000) } else { refusal }
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
