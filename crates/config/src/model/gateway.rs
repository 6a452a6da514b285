use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::Secret;
use crate::model::{HttpConfig, TrustedProxyConfig};

/// The `gateway` block.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayConfig {
    /// TCP port for WebSocket and HTTP. A flag and `CLAWDBOT_GATEWAY_PORT` come first.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// Whether this computer runs the gateway or uses one elsewhere.
    pub mode: Option<GatewayMode>,
    /// Which addresses to listen on.
    pub bind: Bind,
    /// The address for `bind: "custom"`.
    pub custom_bind_host: Option<Ipv4Addr>,
    /// How clients prove who they are.
    pub auth: AuthConfig,
    /// Reverse proxies whose forwarding headers are believed: addresses or CIDR ranges.
    pub trusted_proxies: Vec<String>,
    /// Believe `X-Real-IP` from them when there is no `X-Forwarded-For`.
    pub allow_real_ip_fallback: bool,
    /// Programming interfaces over HTTP.
    pub http: HttpConfig,
    /// Which tools other programs may call.
    pub tools: GatewayToolsConfig,
    /// The web interface.
    pub control_ui: ControlUiConfig,
    /// Publishing through Tailscale.
    pub tailscale: TailscaleConfig,
    /// The gateway to use when `mode` is `remote`.
    pub remote: RemoteConfig,
    /// What nodes may do.
    pub nodes: NodesConfig,
}

/// Whether this computer runs the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GatewayMode {
    /// The gateway runs here.
    Local,
    /// The gateway runs elsewhere; see [`RemoteConfig`].
    Remote,
}

/// Which addresses the gateway listens on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Bind {
    /// Loopback if possible, else every address.
    Auto,
    /// Every address of this computer.
    Lan,
    /// This computer only.
    #[default]
    Loopback,
    /// The first Tailscale address (100.64.0.0/10), else loopback.
    Tailnet,
    /// `gateway.customBindHost`.
    Custom,
}

/// The `gateway.auth` block.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthConfig {
    /// What clients present; see [`AuthConfig::effective_mode`] for the default.
    pub mode: Option<AuthMode>,
    /// The shared token. A blank one counts as not set.
    pub token: Option<Secret>,
    /// The shared password. A blank one counts as not set.
    pub password: Option<Secret>,
    /// Accept an identity that Tailscale vouches for.
    pub allow_tailscale: Option<bool>,
    /// What happens after repeated failures.
    pub rate_limit: RateLimitConfig,
    /// How a reverse proxy names the user, for `mode: "trusted-proxy"`.
    pub trusted_proxy: Option<TrustedProxyConfig>,
}

/// The `gateway.tools` block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayToolsConfig {
    /// Tools that `POST /tools/invoke` does not offer.
    pub deny: Vec<String>,
}

impl GatewayConfig {
    /// Whether an identity that Tailscale vouches for is accepted: as configured, else wherever
    /// `tailscale serve` publishes a gateway that does not ask for a password.
    pub fn allows_tailscale(&self) -> bool {
        self.auth.allow_tailscale.unwrap_or_else(|| {
            self.tailscale.mode == TailscaleMode::Serve
                && self.auth.effective_mode() != AuthMode::Password
        })
    }
}

impl AuthConfig {
    /// The shared secrets that are set.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.token.iter().chain(&self.password)
    }

    /// The mode in force: the configured one, else `password` if only a password is set, else
    /// `token`.
    pub fn effective_mode(&self) -> AuthMode {
        match self.mode {
            Some(mode) => mode,
            None if self.password.is_some() && self.token.is_none() => AuthMode::Password,
            None => AuthMode::Token,
        }
    }
}

/// What clients present to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthMode {
    /// A shared token.
    Token,
    /// A shared password.
    Password,
    /// Nothing; only sensible on loopback.
    None,
    /// A reverse proxy has already authenticated the user.
    TrustedProxy,
}

/// The `gateway.auth.rateLimit` block.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RateLimitConfig {
    /// Failures allowed within the window.
    #[schemars(range(min = 1))]
    pub max_attempts: u32,
    /// The window, in milliseconds.
    #[schemars(range(min = 1))]
    pub window_ms: u64,
    /// How long an address stays locked out, in milliseconds.
    pub lockout_ms: u64,
    /// Never lock out this computer.
    pub exempt_loopback: bool,
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        Self { max_attempts: 10, window_ms: 60_000, lockout_ms: 300_000, exempt_loopback: true }
    }
}

/// The `gateway.controlUi` block.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ControlUiConfig {
    /// Serve the web interface.
    pub enabled: bool,
    /// The path it is served under, as written; see [`ControlUiConfig::mount`].
    pub base_path: String,
    /// A directory with another web interface in place of the one that comes with the gateway; `~` is
    /// the home directory.
    pub root: Option<String>,
    /// Origins, beside the gateway's own, that may open a WebSocket: exact, or `*`.
    pub allowed_origins: Vec<String>,
}

impl ControlUiConfig {
    /// The path in the form `""` or `/name`, without a trailing slash.
    pub fn mount(&self) -> String {
        match self.base_path.trim().trim_matches('/') {
            "" => String::new(),
            path => format!("/{path}"),
        }
    }
}

impl Default for ControlUiConfig {
    fn default() -> Self {
        Self { enabled: true, base_path: String::new(), root: None, allowed_origins: Vec::new() }
    }
}

/// The `gateway.tailscale` block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TailscaleConfig {
    /// How far Tailscale publishes the gateway.
    pub mode: TailscaleMode,
    /// Withdraw it when the gateway stops.
    pub reset_on_exit: bool,
}

/// How far Tailscale publishes the gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TailscaleMode {
    /// Not at all.
    #[default]
    Off,
    /// To the tailnet.
    Serve,
    /// To the Internet.
    Funnel,
}

/// The `gateway.remote` block.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RemoteConfig {
    /// The gateway's `ws://` or `wss://` address.
    pub url: Option<String>,
    /// How to reach it; through an ssh tunnel unless told otherwise.
    pub transport: RemoteTransport,
    /// Its shared token.
    pub token: Option<Secret>,
    /// Its shared password.
    pub password: Option<Secret>,
    /// The SHA-256 of its certificate, in hexadecimal, to accept no other.
    pub tls_fingerprint: Option<String>,
    /// `user@host` or `user@host:port` for the tunnel.
    pub ssh_target: Option<String>,
    /// The private key file for the tunnel.
    pub ssh_identity: Option<String>,
    /// The port on the far side of the tunnel; 18789 when unset.
    #[schemars(range(min = 1))]
    pub remote_port: Option<u16>,
}

/// How to reach a remote gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RemoteTransport {
    /// Through an ssh tunnel.
    #[default]
    Ssh,
    /// Straight to `gateway.remote.url`.
    Direct,
}

/// The `gateway.nodes` block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NodesConfig {
    /// Commands allowed beside those of the platform (generation 3 name of `commands.allow`).
    pub allow_commands: Vec<String>,
    /// Commands never allowed (generation 3 name of `commands.deny`).
    pub deny_commands: Vec<String>,
    /// Exceptions from what a node's platform may offer.
    pub commands: NodeCommandsConfig,
    /// How nodes and other devices are let in.
    pub pairing: NodePairingConfig,
}

/// The `gateway.nodes.commands` block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeCommandsConfig {
    /// Commands allowed beside those of the platform.
    pub allow: Vec<String>,
    /// Commands never allowed.
    pub deny: Vec<String>,
}

/// The `gateway.nodes.pairing` block.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NodePairingConfig {
    /// Let devices on this computer in without asking.
    pub auto_approve_local: bool,
}

impl Default for NodePairingConfig {
    fn default() -> Self {
        Self { auto_approve_local: true }
    }
}
