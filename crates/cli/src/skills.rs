//! `clawdbot skills`: what the assistant has been taught.

use clawdbot_config::{Env, Paths};
use clawdbot_protocol::{OptionalAgentParams, Scope};
use serde_json::Value;

use crate::connection::{self, ConnectionArgs};
use crate::table::Table;
use crate::{out, text};

/// See the assistant's skills
#[derive(Debug, clap::Args)]
pub(crate) struct SkillsArgs {
    #[command(subcommand)]
    pub(crate) command: SkillsCommand,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum SkillsCommand {
    /// Every skill, and what is missing for those that cannot be used
    List {
        /// Agent whose skills are meant [default: the default agent]
        #[arg(long, value_name = "ID")]
        agent: Option<String>,
    },
}

pub(crate) fn run(args: &SkillsArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let SkillsCommand::List { agent } = &args.command;
    let params = OptionalAgentParams { agent_id: agent.clone(), session_key: None };
    let scopes = [Scope::Read];
    let method = "skills.status";
    if let Some(status) = connection::ask(&args.connection, (paths, env), &scopes, method, &params)?
    {
        show(&status);
    }
    Ok(())
}

fn show(status: &Value) {
    let mut table = Table::new(&["Skill", "State", "Description"]);
    for skill in text::rows(status, "skills") {
        table.row([text::of(skill, "name"), &state(skill), text::of(skill, "description")]);
    }
    if table.is_empty() {
        out::line(format_args!(
            "No skills. Put one into {}.",
            text::plain(text::of(status, "managedSkillsDir"))
        ));
    } else {
        out::line(table);
    }
}

fn state(skill: &Value) -> String {
    let missing: Vec<&str> = ["bins", "anyBins", "env", "config", "os"]
        .iter()
        .flat_map(|kind| text::rows(&skill["missing"], kind))
        .filter_map(Value::as_str)
        .collect();
    if skill["eligible"] == true && skill["disabled"] != true {
        "ready".to_owned()
    } else if skill["disabled"] == true {
        "off".to_owned()
    } else if missing.is_empty() {
        "not usable".to_owned()
    } else {
        format!("needs {}", missing.join(", "))
    }
}
