//! `clawdbot message`: messages to people, through the gateway's channels.

use clawdbot_config::{Env, Paths};
use clawdbot_protocol::{Scope, SendParams};

use crate::connection::{self, ConnectionArgs};
use crate::out;

/// Send messages through the gateway's channels
#[derive(Debug, clap::Args)]
pub(crate) struct MessageArgs {
    #[command(subcommand)]
    pub(crate) command: MessageCommand,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum MessageCommand {
    /// Send a message to somebody
    Send {
        /// Who gets it, as the channel names people
        #[arg(long, alias = "target")]
        to: String,
        /// What it says
        #[arg(long, short)]
        message: String,
        /// Channel to send it through
        #[arg(long)]
        channel: Option<String>,
    },
}

pub(crate) fn run(args: &MessageArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let MessageCommand::Send { to, message, channel } = &args.command;
    let params = SendParams {
        to: to.clone(),
        message: Some(message.clone()),
        idempotency_key: uuid::Uuid::new_v4().to_string(),
        channel: channel.clone(),
        account_id: None,
        media_url: None,
        media_urls: None,
    };
    let sent = connection::ask(&args.connection, (paths, env), &[Scope::Write], "send", &params)?;
    if sent.is_some() {
        out::done(format_args!("sent to {to}"));
    }
    Ok(())
}
