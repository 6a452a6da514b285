//! Slash commands that the gateway answers itself, whichever client sends them.

use clawdbot_protocol::{NoParams, RpcError, Scope, SessionKey};
use clawdbot_store::{Begun, FinishRun, RunStatus};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::sessions;
use crate::error::store_error;
use crate::hub::{Audience, Broadcast};
use crate::router::{Ctx, Reply, missing_scope};
use crate::submit;
use crate::transcript;

/// A command and how `commands.list` describes it.
struct Known {
    name: &'static str,
    description: &'static str,
    category: &'static str,
    command: Command,
}

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Help,
    Status,
    Models,
    Reset,
    Stop,
}

const COMMANDS: [Known; 7] = [
    known("help", "Show available commands.", "status", Command::Help),
    known("status", "Show the state of this conversation.", "status", Command::Status),
    known("models", "List the models that can answer.", "models", Command::Models),
    known("new", "Start a new conversation here.", "session", Command::Reset),
    known("reset", "Start this conversation over.", "session", Command::Reset),
    known("clear", "Empty this conversation.", "session", Command::Reset),
    known("stop", "Stop the running answer.", "session", Command::Stop),
];

const fn known(
    name: &'static str,
    description: &'static str,
    category: &'static str,
    command: Command,
) -> Known {
    Known { name, description, category, command }
}

/// The command a whole message is, if it is one that needs no model.
pub(super) fn parse(message: &str) -> Option<Command> {
    let name = message.trim().strip_prefix('/')?.to_ascii_lowercase();
    COMMANDS
        .iter()
        .find(|known| known.name == name)
        .map(|known| known.command)
        .filter(|command| *command != Command::Stop)
}

pub(super) async fn list(_ctx: Ctx, _params: NoParams) -> Result<Reply, RpcError> {
    Reply::ok(&json!({"commands": rows()}))
}

/// The commands as clients list them.
pub(super) fn rows() -> Vec<Value> {
    COMMANDS
        .iter()
        .map(|known| {
            json!({
                "name": known.name,
                "nativeName": known.name,
                "textAliases": [format!("/{}", known.name)],
                "description": known.description,
                "category": known.category,
                "source": "native",
                "scope": "both",
                "acceptsArgs": false,
            })
        })
        .collect()
}

/// Runs a command as a run of its own: repeated keys run once, the answer is in the transcript.
pub(super) async fn run(
    ctx: Ctx,
    key: SessionKey,
    requested_key: String,
    command: Command,
    run_id: String,
) -> Result<Reply, RpcError> {
    let gateway = &ctx.gateway;
    // A command is never a way around the scope of the method that does the same (SCP-03).
    if command == Command::Reset && !ctx.peer.scopes.allow(Scope::Admin) {
        return Err(missing_scope(&ctx.peer, Scope::Admin));
    }
    let now_ms = gateway.now_ms();
    let name = format!("/{}", format!("{command:?}").to_lowercase());
    let mut meta = Map::new();
    meta.insert("kind".into(), json!("command"));
    let begin = clawdbot_store::BeginRun {
        run_id: run_id.clone(),
        session_key: key.to_string(),
        agent_id: key.agent(&gateway.settings().keys).to_owned(),
        body_hash: Sha256::digest(name.as_bytes()).into(),
        message: transcript::user_row(&name, &run_id, now_ms, meta.clone())?,
        media: Vec::new(),
        now_ms,
    };
    let status = match gateway.store.begin_run(begin).await.map_err(store_error)? {
        Begun::Started { .. } => "started",
        Begun::InFlight => "in_flight",
        Begun::Finished(_) => "ok",
        Begun::Conflict => return Err(submit::conflict()),
        Begun::Blocked => return Err(submit::blocked()),
    };
    let payload = json!({"runId": run_id, "status": status});
    if status != "started" {
        return Reply::ok(&payload);
    }
    let done = answer(&ctx, &key, command).await;
    let rows = match &done {
        Ok(text) => {
            let row = transcript::injected_row(text, now_ms, Some(&run_id))?;
            vec![clawdbot_store::NewMessage { meta, ..row }]
        }
        Err(_) => Vec::new(),
    };
    let finish = FinishRun {
        run_id: run_id.clone(),
        status: if done.is_ok() { RunStatus::Ok } else { RunStatus::Error },
        stop_reason: Some(if done.is_ok() { "stop" } else { "error" }.to_owned()),
        error: done.as_ref().err().map(|error| error.message.clone()),
        result: Some(json!({"text": done.as_ref().ok()})),
        messages: rows,
        session_fields: Map::new(),
        now_ms,
    };
    gateway.store.finish_run(finish).await.map_err(store_error)?;
    let text = done?;
    let gateway = gateway.clone();
    Ok(Reply::ok(&payload)?.then(move || {
        let event = Broadcast { audience: Audience::Scope(Scope::Read), ..Broadcast::new("chat") };
        gateway.hub.publish(&event, |generation| {
            let session_key = match generation {
                clawdbot_protocol::Generation::V3 => requested_key.as_str(),
                clawdbot_protocol::Generation::V4 => key.as_str(),
            };
            json!({
                "runId": run_id,
                "sessionKey": session_key,
                "seq": 1,
                "state": "final",
                "stopReason": "stop",
                "message": {
                    "role": "assistant",
                    "content": [{"type": "text", "text": text}],
                    "timestamp": now_ms,
                },
            })
        });
    }))
}

async fn answer(ctx: &Ctx, key: &SessionKey, command: Command) -> Result<String, RpcError> {
    Ok(match command {
        Command::Help => COMMANDS
            .iter()
            .map(|known| format!("- `/{}`: {}", known.name, known.description))
            .collect::<Vec<_>>()
            .join("\n"),
        Command::Status => status(ctx, key).await?,
        Command::Models => models(ctx),
        Command::Reset => {
            sessions::reset_now(ctx, key).await?;
            "Started over. Earlier messages stay stored.".to_owned()
        }
        Command::Stop => String::new(),
    })
}

async fn status(ctx: &Ctx, key: &SessionKey) -> Result<String, RpcError> {
    let gateway = &ctx.gateway;
    let session = gateway.store.session(key.as_str()).await.map_err(store_error)?;
    let settings = gateway.settings();
    let model = gateway.model_of(session.as_ref(), key.agent(&settings.keys));
    let messages = session.as_ref().map_or(0, |session| session.message_count);
    Ok(format!(
        "- Gateway: {} on {}\n- Conversation: `{key}`, {messages} messages\n- Model: `{model}`\n- \
         Running for: {} s\n- Clients connected: {}",
        gateway.version,
        gateway.host,
        gateway.uptime_ms() / 1000,
        gateway.hub.len(),
    ))
}

fn models(ctx: &Ctx) -> String {
    let settings = ctx.gateway.settings();
    let current = settings.catalog.default_model();
    settings
        .catalog
        .list()
        .iter()
        .map(|info| {
            let mark = if info.reference == current { " (default)" } else { "" };
            format!("- `{}`: {}{mark}", info.reference, info.name)
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_known_commands_count() {
        assert_eq!(parse(" /STATUS "), Some(Command::Status));
        assert_eq!(parse("/new"), Some(Command::Reset));
        for text in ["status", "/status please", "/unknown", "/", ""] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
