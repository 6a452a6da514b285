//! What can be typed.

use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

/// Your own AI gateway.
#[derive(Debug, Parser)]
#[command(name = "clawdbot", version, arg_required_else_help = true)]
pub(crate) struct Args {
    /// Use the state directory ~/.clawdbot-<NAME>
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the gateway in the foreground
    Gateway(GatewayArgs),
    /// Read and change clawdbot.json
    #[command(subcommand)]
    Config(ConfigArgs),
    /// Ask a running gateway how it is
    Health(HealthArgs),
    /// Open WebChat in the browser
    Web,
}

#[derive(Debug, clap::Args)]
pub(crate) struct GatewayArgs {
    /// Port to listen on [default: 18789]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Who may connect [default: loopback]
    #[arg(long)]
    pub(crate) bind: Option<BindArg>,
    /// Shared token clients must present; visible to other users in the process list, so prefer
    /// CLAWDBOT_GATEWAY_TOKEN or gateway.auth.token
    #[arg(long)]
    pub(crate) token: Option<String>,
    /// Shared password, likewise better set in CLAWDBOT_GATEWAY_PASSWORD
    #[arg(long, conflicts_with = "token")]
    pub(crate) password: Option<String>,
    /// Start although gateway.mode is not "local"
    #[arg(long)]
    pub(crate) allow_unconfigured: bool,
    /// Stop whatever listens on the port first
    #[arg(long)]
    pub(crate) force: bool,
    /// Log more, also to the terminal
    #[arg(long)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum BindArg {
    /// Only this computer
    Loopback,
    /// The local network; needs a strong secret
    Lan,
    /// Loopback where it exists
    Auto,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigArgs {
    /// Print a value; objects come with their secrets masked
    Get {
        /// Dotted path, for example gateway.auth.mode
        path: String,
    },
    /// Change a value, keeping comments
    Set {
        /// Dotted path
        path: String,
        /// JSON, or plain text
        value: String,
    },
    /// Remove a value
    Unset {
        /// Dotted path
        path: String,
    },
    /// Check the file
    Validate,
    /// Print where the file is
    Path,
}

#[derive(Debug, clap::Args)]
pub(crate) struct HealthArgs {
    /// Gateway address [default: the local gateway]
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Token to present
    #[arg(long)]
    pub(crate) token: Option<String>,
    /// Password to present
    #[arg(long, conflicts_with = "token")]
    pub(crate) password: Option<String>,
    /// Give up after so many milliseconds
    #[arg(long, value_parser = millis, default_value = "10000")]
    pub(crate) timeout: Duration,
    /// Print the gateway's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn millis(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_millis)
}
