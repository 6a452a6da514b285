//! Conversations as files: one JSON object a line, as the original keeps them (protocol §20.1).

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use clawdbot_client::Client;
use clawdbot_config::{Env, Paths};
use clawdbot_protocol::{Scope, SessionsImportParams};
use serde_json::{Map, Value, json};

use crate::connection::{self, ConnectionArgs};
use crate::{out, text};

/// Messages fetched at once.
const PAGE: u32 = 500;

/// Writes a conversation to a new file, or to standard output.
pub(crate) fn export(
    args: &ConnectionArgs,
    host: (&Paths, &Env),
    key: &str,
    output: Option<&Path>,
) -> anyhow::Result<()> {
    let (session_id, messages) = connection::with(args, host, &[Scope::Read], async |connected| {
        fetch(&connected.client, key).await
    })?;
    let lines = lines(&session_id, &messages);
    let Some(path) = output else {
        for line in lines {
            if out::try_line(out::inert(&line.to_string())).is_err() {
                break;
            }
        }
        return Ok(());
    };
    write(path, &lines).with_context(|| format!("cannot write {}", path.display()))?;
    if args.json {
        let count = messages.len();
        return out::json(&json!({"path": path, "sessionId": session_id, "messages": count}));
    }
    out::done(format_args!("{} messages written to {}", messages.len(), path.display()));
    Ok(())
}

/// Every message of a conversation, oldest first.
async fn fetch(client: &Client, key: &str) -> anyhow::Result<(String, Vec<Value>)> {
    let mut pages = Vec::new();
    let mut offset = 0;
    let session_id = loop {
        let params = json!({"sessionKey": key, "limit": PAGE, "offset": offset});
        let mut page = client.request("chat.history", &params).await?;
        let Some(id) = page["sessionId"].as_str().map(str::to_owned) else {
            anyhow::bail!("There is no conversation {key}. See: clawdbot sessions list");
        };
        let rows = match page["messages"].take() {
            Value::Array(rows) => rows,
            _ => Vec::new(),
        };
        pages.push(rows);
        match page["nextOffset"].as_u64().filter(|next| *next > offset) {
            Some(next) => offset = next,
            None => break id,
        }
    };
    let mut messages: Vec<Value> = pages.into_iter().rev().flatten().collect();
    for message in &mut messages {
        if message["__openclaw"]["truncated"] == true {
            let params = json!({"sessionKey": key, "messageId": message["__openclaw"]["id"]});
            *message = client.request("chat.message.get", &params).await?["message"].take();
        }
    }
    Ok((session_id, messages))
}

fn lines(session_id: &str, messages: &[Value]) -> Vec<Value> {
    let began = messages.first().map(time).unwrap_or_default();
    let mut lines =
        vec![json!({"type": "session", "version": 3, "id": session_id, "timestamp": began})];
    let mut parent = Value::Null;
    for message in messages {
        let Value::Object(message) = message else { continue };
        let (mut body, meta) = (message.clone(), &message["__openclaw"]);
        body.remove("__openclaw");
        let id = meta["id"].clone();
        let mut line = Map::new();
        if meta["kind"] == "compaction" {
            line.insert("type".into(), json!("compaction"));
            line.insert("summary".into(), json!(text::of_message(&Value::Object(body))));
        } else {
            line.insert("type".into(), json!("message"));
            line.insert("message".into(), Value::Object(body));
        }
        line.insert("id".into(), id.clone());
        line.insert("parentId".into(), std::mem::replace(&mut parent, id));
        line.insert("timestamp".into(), json!(time(&Value::Object(message.clone()))));
        lines.push(Value::Object(line));
    }
    lines
}

/// When a message was written, as ISO 8601.
fn time(message: &Value) -> String {
    let ms = message["__openclaw"]["recordTimestampMs"].as_i64();
    let ms = ms.or_else(|| message["timestamp"].as_i64()).unwrap_or_default();
    jiff::Timestamp::from_millisecond(ms).map(|at| format!("{at:.3}")).unwrap_or_default()
}

/// Never over another file, and for the owner's eyes only.
fn write(path: &Path, lines: &[Value]) -> std::io::Result<()> {
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = std::io::BufWriter::new(options.open(path)?);
    for line in lines {
        writeln!(file, "{line}")?;
    }
    file.into_inner()?.sync_all()
}

/// Sends a file to the gateway, which reads what it knows of it.
pub(crate) fn import(
    args: &ConnectionArgs,
    host: (&Paths, &Env),
    file: &Path,
    session: Option<&str>,
) -> anyhow::Result<()> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let params = SessionsImportParams { transcript: text, key: session.map(str::to_owned) };
    let answer = connection::ask(args, host, &[Scope::Admin], "sessions.import", &params)?;
    if let Some(answer) = answer {
        let count = |name: &str| answer[name].as_u64().unwrap_or_default();
        let key = text::plain(text::of(&answer, "key"));
        out::done(format_args!("{} messages taken over as {key}", count("messages")));
        if count("damagedLines") > 0 {
            out::error(format_args!(
                "warning: {} lines are no part of a transcript and were left out",
                count("damagedLines")
            ));
        }
    }
    Ok(())
}
