//! What can be typed.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, Subcommand, ValueEnum};

use crate::agent::AgentArgs;
use crate::approvals::ApprovalsArgs;
use crate::channels::ChannelsArgs;
use crate::connection::ConnectionArgs;
use crate::cron::CronArgs;
use crate::devices::DevicesArgs;
use crate::doctor::{DoctorArgs, SecurityArgs};
use crate::logs::LogsArgs;
use crate::message::MessageArgs;
use crate::models::ModelsArgs;
use crate::nodes::NodesArgs;
use crate::onboard::OnboardArgs;
use crate::probe::ProbeArgs;
use crate::reset::ResetArgs;
use crate::service::status::StatusArgs;
use crate::sessions::SessionsArgs;
use crate::skills::SkillsArgs;
use crate::system::SystemArgs;
use crate::tui::TuiArgs;
use crate::update::UpdateArgs;
use crate::web::WebArgs;

/// What `--version` says after the name.
pub(crate) const VERSION: &str = concat!("CLI v", env!("CARGO_PKG_VERSION"));

/// Your own AI gateway.
#[derive(Debug, Parser)]
#[command(name = "clawdbot", version = VERSION, arg_required_else_help = true)]
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
    #[command(visible_alias = "chat")]
    Tui(TuiArgs),
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
    Web(WebArgs),
    /// Reach a gateway on another machine through SSH, at the usual address of this one
    Tunnel(TunnelArgs),
    Onboard(OnboardArgs),
    /// Find what is wrong, and what to do about it
    Doctor(DoctorArgs),
    #[command(subcommand)]
    Security(SecurityArgs),
    Reset(ResetArgs),
    Update(UpdateArgs),
    /// Print the completion script of a shell
    Completion {
        /// bash, zsh, fish, elvish or powershell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a directory, for packages
    #[command(hide = true)]
    Man {
        /// Made where it is missing
        directory: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct GatewayArgs {
    #[command(subcommand)]
    pub(crate) command: Option<GatewayCommand>,
    /// Port to listen on [default: 18789]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Who may connect: loopback, lan, tailnet, auto, or one address of this computer
    /// [default: loopback]
    #[arg(long, value_name = "WHO")]
    pub(crate) bind: Option<BindArg>,
    /// What clients present
    #[arg(long, value_enum)]
    pub(crate) auth: Option<AuthArg>,
    /// Shared token clients must present; visible to other users in the process list, so prefer
    /// CLAWDBOT_GATEWAY_TOKEN or gateway.auth.token
    #[arg(long)]
    pub(crate) token: Option<String>,
    /// Shared password, likewise better set in CLAWDBOT_GATEWAY_PASSWORD
    #[arg(long, conflicts_with = "token")]
    pub(crate) password: Option<String>,
    /// Publish the gateway through Tailscale: to the tailnet (serve), or to the Internet (funnel),
    /// which needs a password [default: gateway.tailscale.mode]
    #[arg(long, value_name = "MODE")]
    pub(crate) tailscale: Option<TailscaleArg>,
    /// Start although gateway.mode is not "local"
    #[arg(long)]
    pub(crate) allow_unconfigured: bool,
    /// Stop whatever listens on the port first
    #[arg(long)]
    pub(crate) force: bool,
    /// Develop: settings in ~/.clawdbot-dev, workspace ~/clawd-dev, this computer only, no secret;
    /// starts again when the program is built anew
    #[arg(long)]
    pub(crate) dev: bool,
    /// Start over: remove the settings, conversations and workspace of --dev first
    #[arg(long)]
    pub(crate) reset: bool,
    /// Log more
    #[arg(long)]
    pub(crate) verbose: bool,
    /// Requests of clients to show in the terminal
    #[arg(long, value_enum, value_name = "WHICH")]
    pub(crate) ws_log: Option<WsLogArg>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TunnelArgs {
    /// user@host, user@host:port or an alias from ~/.ssh/config [default: gateway.remote.sshTarget]
    pub(crate) target: Option<String>,
    /// Private key file [default: gateway.remote.sshIdentity]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) identity: Option<String>,
    /// Port of the gateway there [default: gateway.remote.remotePort, else 18789]
    #[arg(long, value_name = "PORT")]
    pub(crate) remote_port: Option<u16>,
    /// Port on this computer [default: 18789]
    #[arg(long)]
    pub(crate) port: Option<u16>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum TailscaleArg {
    Off,
    Serve,
    Funnel,
}

/// What clients present.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum AuthArg {
    /// The shared token
    Token,
    /// The shared password
    Password,
}

/// Requests of clients to show in the terminal.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum WsLogArg {
    /// Those that failed or took long
    Auto,
    /// All, one line each
    #[value(alias = "compact")]
    Full,
}

/// Who may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BindArg {
    Loopback,
    Lan,
    Tailnet,
    Auto,
    Address(Ipv4Addr),
}

/// Neither a name nor an address.
#[derive(Debug, thiserror::Error)]
#[error("expected loopback, lan, tailnet, auto or an IPv4 address of this computer")]
pub(crate) struct UnknownBind;

impl FromStr for BindArg {
    type Err = UnknownBind;

    fn from_str(text: &str) -> Result<Self, UnknownBind> {
        Ok(match text {
            "loopback" => Self::Loopback,
            "lan" => Self::Lan,
            "tailnet" => Self::Tailnet,
            "auto" => Self::Auto,
            _ => Self::Address(text.parse().map_err(|_| UnknownBind)?),
        })
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigArgs {
    /// Print a value, or the default where none is set; objects come with their secrets masked
    Get {
        /// Dotted path, for example gateway.auth.mode; gateway.auth.* lists what is set below
        path: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
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
    /// Open the file in $VISUAL or $EDITOR; it is saved only if it is valid
    Edit,
    /// Check the file
    Validate {
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of the file
    Schema,
    /// Print where the file is
    Path,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GatewayCommand {
    /// Call any method of a running gateway
    Call(CallArgs),
    /// Make the gateway a service that starts by itself, and start it
    Install {
        /// Take the original's service out of use, and replace a file that clawdbot has not written
        #[arg(long)]
        replace: bool,
        /// A service of the whole server with a user of its own, for the administrator (systemd)
        #[arg(long)]
        system: bool,
    },
    /// Stop the service and remove it; settings and conversations stay
    Uninstall {
        /// The service of the whole server
        #[arg(long)]
        system: bool,
    },
    /// Start the service; it is installed first where it is not
    Start,
    /// Stop the gateway
    Stop,
    /// Start the service anew
    Restart,
    /// The service, and whether the gateway answers
    Status(StatusArgs),
    /// Ask a running gateway how it is
    Health(ConnectionArgs),
    /// Ask every gateway this computer has a reason to know
    Probe(ProbeArgs),
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
