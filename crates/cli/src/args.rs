//! What can be typed.

use clap::{Parser, Subcommand, ValueEnum};

use crate::agent::AgentArgs;
use crate::approvals::ApprovalsArgs;
use crate::channels::ChannelsArgs;
use crate::connection::ConnectionArgs;
use crate::cron::CronArgs;
use crate::devices::DevicesArgs;
use crate::logs::LogsArgs;
use crate::message::MessageArgs;
use crate::models::ModelsArgs;
use crate::nodes::NodesArgs;
use crate::sessions::SessionsArgs;
use crate::skills::SkillsArgs;
use crate::system::SystemArgs;

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
    /// A running gateway at a glance
    Status(ConnectionArgs),
    Agent(AgentArgs),
    Message(MessageArgs),
    Sessions(SessionsArgs),
    Models(ModelsArgs),
    Approvals(ApprovalsArgs),
    Cron(CronArgs),
    Skills(SkillsArgs),
    Devices(DevicesArgs),
    Nodes(NodesArgs),
    Channels(ChannelsArgs),
    System(SystemArgs),
    Logs(LogsArgs),
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
