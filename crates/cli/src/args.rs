//! What can be typed.

use clap::{Parser, Subcommand, ValueEnum};

use crate::connection::ConnectionArgs;

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
    /// Run the gateway in the foreground, or call a running one
    Gateway(GatewayArgs),
    /// Read and change clawdbot.json
    #[command(subcommand)]
    Config(ConfigArgs),
    /// Ask a running gateway how it is
    Health(ConnectionArgs),
    /// See, let in and send away devices
    #[command(subcommand)]
    Devices(DevicesArgs),
    /// Open WebChat in the browser
    Web,
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct GatewayArgs {
    #[command(subcommand)]
    pub(crate) command: Option<GatewayCommand>,
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

#[derive(Debug, Subcommand)]
pub(crate) enum GatewayCommand {
    /// Call any method of a running gateway
    Call(CallArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct CallArgs {
    /// For example sessions.list
    pub(crate) method: String,
    /// Parameters as JSON
    #[arg(long, default_value = "{}")]
    pub(crate) params: String,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DevicesArgs {
    /// Paired devices and those that wait for approval
    List {
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Let a waiting device in
    Approve {
        /// Request id, from the list
        request: String,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Turn a waiting device away
    Reject {
        /// Request id, from the list
        request: String,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Forget a paired device and close its connections
    Remove {
        /// Device id, from the list
        device: String,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
    /// Take back the token of a device
    Revoke {
        /// Device id, from the list
        device: String,
        /// operator or node
        #[arg(long, default_value = "operator")]
        role: String,
        #[command(flatten)]
        connection: ConnectionArgs,
    },
}
