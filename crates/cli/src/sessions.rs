//! `clawdbot sessions`: conversations.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Subcommand;
use clawdbot_config::{Env, Paths};
use clawdbot_protocol::{Scope, SessionsListParams, SessionsSearchParams};
use serde_json::{Value, json};

use crate::connection::{self, ConnectionArgs};
use crate::exit::Usage;
use crate::table::Table;
use crate::{out, text, transcript, when};

/// See, find, move and delete conversations
#[derive(Debug, clap::Args)]
pub(crate) struct SessionsArgs {
    #[command(subcommand)]
    pub(crate) command: SessionsCommand,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// Conversations, the last used first
    List {
        /// At most so many
        #[arg(long, short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Whose key, label or title contains this
        #[arg(long)]
        search: Option<String>,
        /// Of this agent
        #[arg(long, value_name = "ID")]
        agent: Option<String>,
        /// Used in the last so many minutes
        #[arg(long, value_name = "MINUTES")]
        active: Option<u32>,
        /// Archived ones instead
        #[arg(long)]
        archived: bool,
    },
    /// The messages of a conversation
    Show {
        /// Session key, from the list
        key: String,
        /// The last so many messages
        #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Messages that contain words
    Search {
        /// Words to look for
        query: String,
        /// At most so many
        #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
        limit: u32,
        /// In this conversation only
        #[arg(long, value_name = "KEY")]
        session: Option<String>,
    },
    /// Write a conversation as JSON lines
    Export {
        /// Session key, from the list
        key: String,
        /// New file to write [default: standard output]
        #[arg(long, short)]
        output: Option<PathBuf>,
    },
    /// Take over a conversation from JSON lines, exported here or by the original
    Import {
        /// File to read
        file: PathBuf,
        /// Key of the new conversation
        #[arg(long, value_name = "KEY")]
        session: Option<String>,
    },
    /// Delete a conversation with its messages
    Delete {
        /// Session key, from the list
        key: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

pub(crate) fn run(args: &SessionsArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let host = (paths, env);
    let connection = &args.connection;
    let read = [Scope::Read];
    match &args.command {
        SessionsCommand::List { limit, search, agent, active, archived } => {
            let params = SessionsListParams {
                limit: Some(*limit),
                search: search.clone(),
                agent_id: agent.clone(),
                active_minutes: *active,
                archived: archived.then_some(Value::Bool(true)),
                include_derived_titles: Some(true),
                ..SessionsListParams::default()
            };
            if let Some(list) = connection::ask(connection, host, &read, "sessions.list", &params)?
            {
                show_list(&list);
            }
        }
        SessionsCommand::Show { key, limit } => {
            let params = json!({"sessionKey": key, "limit": limit});
            if let Some(history) =
                connection::ask(connection, host, &read, "chat.history", &params)?
            {
                show(key, &history)?;
            }
        }
        SessionsCommand::Search { query, limit, session } => {
            let params = SessionsSearchParams {
                query: query.clone(),
                session_keys: session.clone().map(|key| vec![key]),
                limit: Some(*limit),
            };
            if let Some(found) =
                connection::ask(connection, host, &read, "sessions.search", &params)?
            {
                show_found(&found);
            }
        }
        SessionsCommand::Export { key, output } => {
            transcript::export(connection, host, key, output.as_deref())?;
        }
        SessionsCommand::Import { file, session } => {
            transcript::import(connection, host, file, session.as_deref())?;
        }
        SessionsCommand::Delete { key, yes } => {
            if !yes {
                confirm(key)?;
            }
            let params = json!({"key": key, "deleteTranscript": true});
            let scopes = [Scope::Write, Scope::Admin];
            let answer = connection::ask(connection, host, &scopes, "sessions.delete", &params)?;
            match answer.map(|answer| answer["deleted"] == true) {
                Some(true) => out::done(format_args!("deleted {key}")),
                Some(false) => anyhow::bail!("There is no conversation {key}."),
                None => {}
            }
        }
    }
    Ok(())
}

fn confirm(key: &str) -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() {
        return Err(
            Usage("Nobody can be asked here. Add --yes to delete without a question.").into()
        );
    }
    out::part(format_args!("Delete {key} with all its messages? [y/N] "));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if answer.trim().eq_ignore_ascii_case("y") || answer.trim().eq_ignore_ascii_case("yes") {
        return Ok(());
    }
    anyhow::bail!("Nothing was deleted.")
}

fn show_list(list: &Value) {
    let rows = text::rows(list, "sessions");
    if rows.is_empty() {
        out::line("There are no such conversations.");
        return;
    }
    out::line(table(rows));
    if list["hasMore"] == true {
        let total = list["totalCount"].as_u64().unwrap_or_default();
        out::error(format_args!("{} of {total}; show more with --limit", rows.len()));
    }
}

/// Rows of `sessions.list` for people.
pub(crate) fn table(rows: &[Value]) -> Table {
    let mut table = Table::new(&["Key", "Title", "Model", "Used", "State"]);
    for row in rows {
        let state = match (row["hasActiveRun"] == true, row["pinned"] == true) {
            (true, _) => "answering",
            (_, true) => "pinned",
            _ => "",
        };
        table.row([
            text::of(row, "key"),
            &text::short(text::first(row, &["label", "displayName", "derivedTitle"]), 40),
            text::of(row, "model"),
            &when::relative(row["updatedAt"].as_i64()),
            state,
        ]);
    }
    table
}

fn show(key: &str, history: &Value) -> anyhow::Result<()> {
    if text::of(history, "sessionId").is_empty() {
        anyhow::bail!("There is no conversation {key}. See: clawdbot sessions list");
    }
    for message in text::rows(history, "messages") {
        let said = text::of_message(message);
        let said = said.trim();
        let (role, said) = match text::of(message, "role") {
            "toolResult" => ("tool", text::short(said, 200)),
            role => (role, text::plain(said)),
        };
        if !said.is_empty() {
            let at = when::relative(message["timestamp"].as_i64());
            out::line(format_args!("{}  {at}\n{said}\n", text::plain(role)));
        }
    }
    if history["hasMore"] == true {
        let total = history["totalMessages"].as_u64().unwrap_or_default();
        out::error(format_args!("The last of {total} messages; show more with --limit"));
    }
    Ok(())
}

fn show_found(found: &Value) {
    let mut table = Table::new(&["Session", "When", "Text"]);
    for hit in text::rows(found, "results") {
        table.row([
            text::of(hit, "sessionKey"),
            &when::relative(hit["ts"].as_i64()),
            text::of(hit, "snippet"),
        ]);
    }
    if table.is_empty() {
        out::line("No message contains that.");
    } else {
        out::line(table);
    }
}
