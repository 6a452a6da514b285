//! One line of an old transcript. Messages are built anew from the members that are known, so that
//! nothing else a file holds reaches the wire or a model.

use serde_json::{Map, Value, json};

use crate::transcript::{NewMessage, Role};

/// Commas and opening brackets in one line; more would take far more memory than the line itself.
const MAX_PARTS: usize = 500_000;
/// A clock may be this much ahead, in milliseconds.
const AHEAD_MS: i64 = 86_400_000;

const STOP_REASONS: [&str; 5] = ["stop", "length", "toolUse", "error", "aborted"];

/// What a line holds.
pub(super) enum Entry {
    /// A message, or the note a compaction leaves.
    Message(NewMessage),
    /// Something that is no part of the conversation.
    Other,
    /// Not what the original writes.
    Damaged,
}

/// Reads a line; `before_ms` is the time of the entry before it, for one without its own.
pub(super) fn read(line: &[u8], before_ms: i64) -> Entry {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Entry::Other;
    }
    if line.iter().filter(|byte| b",[{".contains(byte)).count() > MAX_PARTS {
        return Entry::Damaged;
    }
    let Ok(entry) = serde_json::from_slice::<Map<String, Value>>(line) else {
        return Entry::Damaged;
    };
    let at = time(&entry).unwrap_or(before_ms);
    let note = (entry.get("type").and_then(Value::as_str) == Some("compaction"))
        .then(|| entry.get("summary"));
    let message = match (note, entry.get("message")) {
        (Some(Some(Value::String(summary))), _) => compaction(summary, at),
        (Some(_), _) => None,
        (None, None) => return Entry::Other,
        (None, Some(Value::Object(message))) => match text_of(message, "role") {
            Some("user") => user(message, at),
            Some("assistant") => assistant(message, at),
            Some("toolResult") => tool_result(message, at),
            Some(_) => return Entry::Other,
            None => None,
        },
        (None, Some(_)) => None,
    };
    message.map_or(Entry::Damaged, Entry::Message)
}

/// The entry's own time, if it could be true.
fn time(entry: &Map<String, Value>) -> Option<i64> {
    let written = match entry.get("timestamp")? {
        Value::String(text) => text.parse::<jiff::Timestamp>().ok()?.as_millisecond(),
        number => number.as_i64()?,
    };
    (1..=crate::now_ms() + AHEAD_MS).contains(&written).then_some(written)
}

fn compaction(summary: &str, at: i64) -> Option<NewMessage> {
    let body = json!({
        "role": "system",
        "content": [{"type": "text", "text": summary}],
        "timestamp": at,
    });
    let mut note = message(Role::System, &body, summary, at)?;
    note.meta.insert("kind".into(), json!("compaction"));
    Some(note)
}

fn user(old: &Map<String, Value>, at: i64) -> Option<NewMessage> {
    let text = joined(&blocks(old.get("content")?)?);
    let text = without_trailer(&text);
    message(Role::User, &json!({"role": "user", "content": text, "timestamp": at}), text, at)
}

fn assistant(old: &Map<String, Value>, at: i64) -> Option<NewMessage> {
    let content = blocks(old.get("content")?)?;
    let text = joined(&content);
    let said = |name| text_of(old, name).unwrap_or_default();
    let stop = STOP_REASONS.into_iter().find(|reason| *reason == said("stopReason"));
    let mut body = json!({
        "role": "assistant",
        "content": content,
        "api": said("api"),
        "provider": said("provider"),
        "model": said("model"),
        "usage": usage(old.get("usage")),
        "stopReason": stop.unwrap_or("stop"),
        "timestamp": at,
    });
    if let Some(error) = text_of(old, "errorMessage") {
        body["errorMessage"] = json!(error);
    }
    message(Role::Assistant, &body, &text, at)
}

fn tool_result(old: &Map<String, Value>, at: i64) -> Option<NewMessage> {
    let content = blocks(old.get("content")?)?;
    let text = joined(&content);
    let body = json!({
        "role": "toolResult",
        "toolCallId": text_of(old, "toolCallId")?,
        "toolName": text_of(old, "toolName").unwrap_or("tool"),
        "content": content,
        "isError": old.get("isError").and_then(Value::as_bool).unwrap_or(false),
        "timestamp": at,
    });
    message(Role::ToolResult, &body, &text, at)
}

fn message(role: Role, body: &Value, text: &str, at: i64) -> Option<NewMessage> {
    let body = serde_json::value::to_raw_value(body).ok()?;
    Some(NewMessage::new(role, body, text, at))
}

/// The blocks of a content that is a text or a list; unknown kinds are left out.
fn blocks(content: &Value) -> Option<Vec<Value>> {
    match content {
        Value::String(text) => Some(vec![json!({"type": "text", "text": text})]),
        Value::Array(items) => Some(items.iter().filter_map(block).collect()),
        _ => None,
    }
}

fn block(block: &Value) -> Option<Value> {
    let block = block.as_object()?;
    let text = |name| text_of(block, name);
    let mut new = match text("type")? {
        "text" => json!({"type": "text", "text": text("text")?}),
        "thinking" => json!({"type": "thinking", "thinking": text("thinking")?}),
        "toolCall" => json!({
            "type": "toolCall",
            "id": text("id")?,
            "name": text("name")?,
            "arguments": block.get("arguments").cloned().unwrap_or_else(|| json!({})),
        }),
        // The bytes stay where they are: in a row they would be sent with every history.
        "image" => {
            let kind = text("mimeType").unwrap_or("image");
            json!({"type": "text", "text": format!("[{kind} in the original transcript]")})
        }
        _ => return None,
    };
    for proof in ["thinkingSignature", "thoughtSignature"] {
        if let Some(proven) = text(proof) {
            new[proof] = json!(proven);
        }
    }
    if block.get("redacted") == Some(&Value::Bool(true)) {
        new["redacted"] = json!(true);
    }
    Some(new)
}

fn joined(blocks: &[Value]) -> String {
    blocks.iter().filter_map(|block| block.get("text")?.as_str()).collect()
}

fn usage(old: Option<&Value>) -> Value {
    let old = old.unwrap_or(&Value::Null);
    let tokens = |name| old[name].as_u64().unwrap_or(0);
    let price = |name| old["cost"][name].as_f64().unwrap_or(0.0);
    json!({
        "input": tokens("input"),
        "output": tokens("output"),
        "cacheRead": tokens("cacheRead"),
        "cacheWrite": tokens("cacheWrite"),
        "totalTokens": tokens("totalTokens"),
        "cost": {
            "input": price("input"),
            "output": price("output"),
            "cacheRead": price("cacheRead"),
            "cacheWrite": price("cacheWrite"),
            "total": price("total"),
        },
    })
}

/// The text without the line `[message_id: …]` that the original appended for the model.
fn without_trailer(text: &str) -> &str {
    let (rest, last) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim_end()));
    let inner = last.strip_prefix("[message_id: ").and_then(|inner| inner.strip_suffix(']'));
    if inner.is_some_and(|id| !id.contains(['[', ']'])) { rest } else { text }
}

fn text_of<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}
