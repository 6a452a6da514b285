//! From configuration and environment to everything a gateway needs before it can listen:
//! secret, addresses, lock.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use clawdbot_config::{
    AuthMode as ConfigAuth, Bind, Config, Document, Env, GatewayMode, Loaded, Paths, Secret,
    TailscaleMode, check_secret, edit, keep_last_good,
};
use serde_json::{Value, json};

use crate::auth::{Auth, AuthMode};
use crate::authority::in_tailnet;
use crate::devices::new_token;
use crate::error::StartError;

/// Longer than [`Running::find`] looks.
const GLANCE: Duration = Duration::from_millis(20);

/// How to run, beside what the configuration says.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where to listen.
    pub listen: Listen,
    /// Overrides `gateway.bind`.
    pub bind: Option<Bind>,
    /// Overrides `gateway.customBindHost`.
    pub bind_host: Option<Ipv4Addr>,
    /// Overrides `gateway.auth.mode`.
    pub auth: Option<ConfigAuth>,
    /// Overrides `gateway.auth.token`.
    pub token: Option<Secret>,
    /// Overrides `gateway.auth.password`.
    pub password: Option<Secret>,
    /// Overrides `gateway.tailscale.mode`.
    pub tailscale: Option<TailscaleMode>,
    /// Starts although `gateway.mode` is not `local`.
    pub allow_unconfigured: bool,
    /// Writes `gateway.mode: "local"` into a configuration that names no mode.
    pub configure_locally: bool,
    /// Lets the default agent do what `BOOT.md` in its workspace says, unless `CLAWDBOT_SKIP_BOOT` is
    /// set.
    pub boot: bool,
}

/// Where a gateway listens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Listen {
    /// On the configured port.
    #[default]
    Configured,
    /// On this port; 0 lets the system choose.
    Port(u16),
    /// Nowhere: only [`crate::Gateway::connect_in_process`] reaches it.
    None,
}

/// Reads the configuration and makes sure that there is a secret.
pub(crate) fn configure(
    paths: &Paths,
    env: &Env,
    options: &Options,
) -> Result<(Loaded, Auth), StartError> {
    let mut loaded = Document::load(&paths.config, env)?;
    if options.configure_locally && loaded.config.gateway.mode.is_none() {
        let raw = loaded.raw.clone().unwrap_or_default();
        loaded = save(paths, env, &raw, &[(&["gateway", "mode"], json!("local"))])?;
    }
    check_mode(&loaded.config, options)?;
    let auth = match secret(&loaded, options)? {
        (mode, Some(secret)) => Auth::new(mode, Some(secret.expose())),
        (mode @ (AuthMode::None | AuthMode::TrustedProxy), None) => Auth::new(mode, None),
        (AuthMode::Password, None) => return Err(StartError::PasswordMissing),
        (AuthMode::Token, None) => {
            // Whoever opens the gateway to others says how they prove themselves.
            let at = address(paths, &loaded, options);
            if !at.is_none_or(is_loopback) {
                return Err(StartError::ExposedWithoutAuth(bind_name(&loaded, options)));
            }
            let token = new_token();
            let raw = loaded.raw.clone().unwrap_or_default();
            loaded = save(paths, env, &raw, &[(&["gateway", "auth", "token"], json!(token))])?;
            Auth::new(AuthMode::Token, Some(&token))
        }
    };
    auth.budget.set_limits(&loaded.config.gateway.auth.rate_limit);
    Ok((loaded, auth))
}

/// Keeps a copy of the configuration the gateway has started with. Waits for the disk.
pub(crate) fn keep_copy(paths: &Paths) {
    if let Err(error) = keep_last_good(&paths.config) {
        tracing::warn!(%error, "cannot keep a last-good copy of the configuration");
    }
}

fn check_mode(config: &Config, options: &Options) -> Result<(), StartError> {
    match config.gateway.mode {
        Some(GatewayMode::Local) => Ok(()),
        _ if options.allow_unconfigured => Ok(()),
        Some(GatewayMode::Remote) => Err(StartError::ModeNotLocal("remote")),
        None => Err(StartError::ModeNotLocal("unset")),
    }
}

pub(crate) fn secret(
    loaded: &Loaded,
    options: &Options,
) -> Result<(AuthMode, Option<Secret>), StartError> {
    let configured = &loaded.config.gateway.auth;
    let from_env = |name| loaded.env.product(name).map(Secret::new);
    let token = || {
        options
            .token
            .clone()
            .or_else(|| configured.token.clone())
            .or_else(|| from_env("GATEWAY_TOKEN"))
    };
    let password = || {
        options
            .password
            .clone()
            .or_else(|| configured.password.clone())
            .or_else(|| from_env("GATEWAY_PASSWORD"))
    };
    let mode = match (options.auth, configured.mode) {
        (Some(said), _) => said,
        // A secret alone must not switch the proxy off unnoticed (PRX-07).
        (None, Some(ConfigAuth::TrustedProxy)) => ConfigAuth::TrustedProxy,
        (None, Some(mode)) if options.token.is_none() && options.password.is_none() => mode,
        _ if options.token.is_some() => ConfigAuth::Token,
        _ if options.password.is_some() => ConfigAuth::Password,
        _ if token().is_none() && password().is_some() => ConfigAuth::Password,
        _ => ConfigAuth::Token,
    };
    match mode {
        ConfigAuth::Token => Ok((AuthMode::Token, token())),
        ConfigAuth::Password => Ok((AuthMode::Password, password())),
        ConfigAuth::None => Ok((AuthMode::None, None)),
        ConfigAuth::TrustedProxy if token().or_else(password).is_some() => {
            Err(StartError::TwoWaysIn)
        }
        ConfigAuth::TrustedProxy => Ok((AuthMode::TrustedProxy, None)),
    }
}

fn save(
    paths: &Paths,
    env: &Env,
    raw: &str,
    changes: &[(&[&str], Value)],
) -> Result<Loaded, StartError> {
    let mut text = raw.to_owned();
    for (path, value) in changes {
        text = edit(&text, path, Some(value.clone()))?;
    }
    clawdbot_config::write(&paths.config, &text)
        .map_err(|source| StartError::SaveToken { path: paths.config.clone(), source })?;
    Ok(Document::load(&paths.config, env)?)
}

/// Refuses a configuration that would leave a gateway which listens at `address` unprotected, at
/// its start as well as while it runs (WS-03, PRX-07). Token mode without a token keeps what is
/// `in_force`.
pub(crate) fn check(
    loaded: &Loaded,
    options: &Options,
    address: Option<SocketAddr>,
    in_force: &Auth,
) -> Result<(), StartError> {
    let (mode, secret) = secret(loaded, options)?;
    if mode == AuthMode::Password && secret.is_none() {
        return Err(StartError::PasswordMissing);
    }
    check_published(loaded, options, address, mode)?;
    let is_secret = |token: &Secret| match &secret {
        Some(secret) => token == secret,
        None => mode == AuthMode::Token && in_force.matches(token.expose()),
    };
    let hooks = &loaded.config.hooks;
    if hooks.enabled && hooks.token.as_ref().is_some_and(is_secret) {
        return Err(StartError::HookToken);
    }
    if address.is_none_or(is_loopback) || mode == AuthMode::TrustedProxy {
        return Ok(());
    }
    let bind = bind_name(loaded, options);
    let secret = secret.ok_or(StartError::ExposedWithoutAuth(bind))?;
    let kind = mode.as_str();
    check_secret(&secret, false).map_err(|source| StartError::WeakSecret { bind, kind, source })
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// The bind mode for people.
fn bind_name(loaded: &Loaded, options: &Options) -> &'static str {
    match options.bind.unwrap_or(loaded.config.gateway.bind) {
        Bind::Auto => "auto",
        Bind::Lan => "lan",
        Bind::Custom => "custom",
        Bind::Tailnet => "tailnet",
        // Changed since the start, and counts after the next one.
        Bind::Loopback => "the network",
    }
}

/// Tailscale publishes a loopback address, and to the Internet only behind a password (PRX-07).
fn check_published(
    loaded: &Loaded,
    options: &Options,
    address: Option<SocketAddr>,
    mode: AuthMode,
) -> Result<(), StartError> {
    let published = options.tailscale.unwrap_or(loaded.config.gateway.tailscale.mode);
    let Some(reach) = crate::publish::reach(published) else { return Ok(()) };
    if address.is_some_and(|address| !address.ip().to_canonical().is_loopback()) {
        return Err(StartError::PublishedBind(reach.as_str()));
    }
    if published == TailscaleMode::Funnel && mode != AuthMode::Password {
        return Err(StartError::FunnelWithoutPassword);
    }
    Ok(())
}

/// The address to bind. None if the gateway shall not listen.
pub(crate) fn address(paths: &Paths, loaded: &Loaded, options: &Options) -> Option<SocketAddr> {
    let gateway = &loaded.config.gateway;
    let port = match options.listen {
        Listen::None => return None,
        Listen::Port(port) => port,
        Listen::Configured => loaded
            .env
            .product("GATEWAY_PORT")
            .and_then(|port| port.parse().ok())
            .or(gateway.port)
            .unwrap_or_else(|| paths.default_port()),
    };
    let ip = match options.bind.unwrap_or(gateway.bind) {
        Bind::Loopback => Ipv4Addr::LOCALHOST,
        Bind::Auto if is_here(Ipv4Addr::LOCALHOST) => Ipv4Addr::LOCALHOST,
        Bind::Auto | Bind::Lan => Ipv4Addr::UNSPECIFIED,
        Bind::Custom => {
            options.bind_host.or(gateway.custom_bind_host).unwrap_or(Ipv4Addr::LOCALHOST)
        }
        Bind::Tailnet => tailnet_address().unwrap_or_else(|| {
            tracing::warn!("this machine has no Tailscale address; listening on loopback");
            Ipv4Addr::LOCALHOST
        }),
    };
    Some((ip, port).into())
}

/// Where a listener on `address` is reached: that address, or every address of this machine with
/// those that others can use first.
pub(crate) fn reached_at(address: SocketAddr) -> Vec<SocketAddr> {
    if !address.ip().is_unspecified() {
        return vec![address];
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let ips = interfaces.iter().map(if_addrs::Interface::ip).filter(IpAddr::is_ipv4);
    let (here, mut all): (Vec<_>, Vec<_>) =
        ips.map(|ip| SocketAddr::new(ip, address.port())).partition(|at| at.ip().is_loopback());
    all.extend(here);
    if all.is_empty() { vec![address] } else { all }
}

/// Whether this machine has the address at all.
fn is_here(ip: Ipv4Addr) -> bool {
    std::net::UdpSocket::bind((ip, 0)).is_ok()
}

/// The address Tailscale gave this machine.
fn tailnet_address() -> Option<Ipv4Addr> {
    let interfaces = if_addrs::get_if_addrs().ok()?;
    interfaces.iter().find_map(|interface| match interface.ip() {
        IpAddr::V4(ip) if in_tailnet(ip) => Some(ip),
        _ => None,
    })
}

/// The gateway that uses a state directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Its process id; 0 when it has not said yet.
    pub pid: u32,
    /// Where it listens.
    pub address: Option<SocketAddr>,
}

impl Running {
    /// Who holds the lock of the state directory; `None` if nobody does. Changes nothing on disk.
    pub fn find(paths: &Paths) -> Option<Self> {
        let mut file = File::open(&paths.lock_file).ok()?;
        match file.try_lock_shared() {
            Err(std::fs::TryLockError::WouldBlock) => Some(Self::read(&mut file)),
            _ => None,
        }
    }

    fn read(file: &mut File) -> Self {
        let mut text = String::new();
        let _ = file.read_to_string(&mut text);
        let holder: Value = serde_json::from_str(&text).unwrap_or_default();
        let pid = holder["pid"].as_u64().and_then(|pid| pid.try_into().ok());
        let address = holder["address"].as_str().and_then(|text| text.parse().ok());
        Self { pid: pid.unwrap_or(0), address }
    }
}

/// Held by the one gateway that uses a state directory, or by whoever must not meet one there; released
/// when dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock or names its holder. The state directory has to exist.
    ///
    /// # Errors
    /// [`StartError::AlreadyRunning`] or [`StartError::Lock`].
    pub fn take(paths: &Paths) -> Result<Self, StartError> {
        let failed = |source| StartError::Lock { path: paths.lock_file.clone(), source };
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&paths.lock_file).map_err(failed)?;
        let mut taken = file.try_lock();
        if matches!(taken, Err(std::fs::TryLockError::WouldBlock)) {
            // Perhaps somebody was only looking.
            std::thread::sleep(GLANCE);
            taken = file.try_lock();
        }
        match taken {
            Ok(()) => Ok(Self { file }),
            Err(std::fs::TryLockError::WouldBlock) => {
                let Running { pid, address } = Running::read(&mut file);
                Err(StartError::AlreadyRunning { pid, address: address.map(|a| a.to_string()) })
            }
            Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Writes down who holds it, for the message somebody else will see.
    pub(crate) fn sign(&mut self, address: Option<SocketAddr>) {
        let text = json!({"pid": std::process::id(), "address": address}).to_string();
        let written = self
            .file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .and_then(|()| self.file.write_all(text.as_bytes()));
        if let Err(error) = written {
            tracing::warn!(%error, "cannot sign the lock file");
        }
    }
}
