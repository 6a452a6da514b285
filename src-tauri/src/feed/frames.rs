//! The frames of that connection, as far as they matter here.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::json;
use serde_json::value::RawValue;

use super::{Approval, Chat, Decision, Pairing};

/// What the app may do: read, and decide for the person in front of it.
const SCOPES: [&str; 3] = ["operator.read", "operator.approvals", "operator.pairing"];

/// The members of any frame.
#[derive(Deserialize)]
pub(super) struct Frame<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) event: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) ok: bool,
    #[serde(borrow)]
    pub(super) payload: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChatFinal<'a> {
    #[serde(borrow)]
    state: Cow<'a, str>,
    session_key: String,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
struct SessionRows {
    sessions: Vec<SessionRow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionRow {
    key: String,
    label: Option<String>,
    derived_title: Option<String>,
    display_name: Option<String>,
}

#[derive(Deserialize)]
struct AgentEvent<'a> {
    #[serde(borrow)]
    stream: Cow<'a, str>,
    #[serde(default)]
    data: AgentData,
}

/// What `agent` and `chat` events have in common, and where each says how far its run is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunEvent<'a> {
    run_id: String,
    #[serde(borrow)]
    state: Option<Cow<'a, str>>,
    #[serde(borrow)]
    stream: Option<Cow<'a, str>>,
    #[serde(default)]
    data: AgentData,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AgentData {
    phase: String,
    name: String,
}

#[derive(Deserialize)]
struct ApprovalRow {
    id: String,
    request: Wish,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    command: String,
    allowed_decisions: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PairingRow {
    request_id: String,
    #[serde(default)]
    silent: bool,
    display_name: Option<String>,
    client_id: Option<String>,
    platform: Option<String>,
}

#[derive(Deserialize)]
struct Pairings {
    #[serde(default, deserialize_with = "or_empty")]
    pending: Vec<PairingRow>,
}

/// The handshake of the app's own connection.
pub(super) fn connect_request() -> String {
    let client = json!({
        "id": "gateway-client",
        "mode": "backend",
        "version": env!("CARGO_PKG_VERSION"),
        "platform": std::env::consts::OS,
        "displayName": "Clawdbot tray",
    });
    let params = json!({
        "minProtocol": 3,
        "maxProtocol": 4,
        "client": client,
        "role": "operator",
        "scopes": SCOPES,
        "caps": ["tool-events"],
    });
    request("connect", "connect", &params)
}

pub(super) fn request(id: &str, method: &str, params: &serde_json::Value) -> String {
    json!({ "type": "req", "id": id, "method": method, "params": params }).to_string()
}

/// The session and text of a `chat` event that ends an answer with text.
pub(super) fn finished_answer(payload: &RawValue) -> Option<(String, String)> {
    let event: ChatFinal<'_> = serde_json::from_str(payload.get()).ok()?;
    if event.state != "final" {
        return None;
    }
    let texts = event.message?.content.into_iter().map(|part| part.text);
    let text = texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
    (!text.is_empty()).then_some((event.session_key, text))
}

/// The conversations in an answer to `sessions.list`, in its order, which is newest first.
pub(super) fn chats(rows: &RawValue) -> Vec<Chat> {
    let rows: Option<SessionRows> = serde_json::from_str(rows.get()).ok();
    let rows = rows.into_iter().flat_map(|rows| rows.sessions);
    rows.map(|row| {
        let title = row.label.or(row.derived_title).or(row.display_name).unwrap_or_default();
        Chat { key: row.key, title }
    })
    .collect()
}

/// What an `agent` event says about the tool in use: `Some(None)` when there is none any more.
pub(super) fn tool(payload: &RawValue) -> Option<Option<String>> {
    let event: AgentEvent<'_> = serde_json::from_str(payload.get()).ok()?;
    match (event.stream.as_ref(), event.data.phase.as_str()) {
        ("tool", "start") => Some(Some(event.data.name)),
        ("tool", "result" | "end" | "error") | ("lifecycle", _) => Some(None),
        _ => None,
    }
}

/// The run that an `agent` or `chat` event is about, and whether it goes on.
pub(super) fn run(payload: &RawValue) -> Option<(String, bool)> {
    let event: RunEvent<'_> = serde_json::from_str(payload.get()).ok()?;
    let goes_on = match (event.state.as_deref(), event.stream.as_deref()) {
        (Some("final" | "error" | "aborted"), _) => false,
        (Some("delta"), _) | (_, Some("assistant")) => true,
        (_, Some("tool")) if event.data.phase == "start" => true,
        (_, Some("lifecycle")) => match event.data.phase.as_str() {
            "start" => true,
            "end" | "error" => false,
            _ => return None,
        },
        _ => return None,
    };
    Some((event.run_id, goes_on))
}

/// One command that waits, as events and lists have it.
pub(super) fn approval(payload: &RawValue) -> Option<Approval> {
    serde_json::from_str(payload.get()).ok().map(ApprovalRow::into)
}

/// The answer to `exec.approval.list`: rows, or rows under a name.
pub(super) fn approvals(payload: &RawValue) -> Vec<Approval> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Rows {
        Bare(Vec<ApprovalRow>),
        Named {
            #[serde(alias = "pending")]
            approvals: Vec<ApprovalRow>,
        },
    }
    match serde_json::from_str(payload.get()) {
        Ok(Rows::Bare(rows) | Rows::Named { approvals: rows }) => {
            rows.into_iter().map(ApprovalRow::into).collect()
        }
        Err(_) => Vec::new(),
    }
}

/// A request of a device; silent ones are decided by the gateway alone.
pub(super) fn pairing(payload: &RawValue) -> Option<Pairing> {
    serde_json::from_str(payload.get()).ok().and_then(PairingRow::shown)
}

/// The answer to `device.pair.list`.
pub(super) fn pairings(payload: &RawValue) -> Vec<Pairing> {
    let rows: Option<Pairings> = serde_json::from_str(payload.get()).ok();
    rows.into_iter().flat_map(|rows| rows.pending).filter_map(PairingRow::shown).collect()
}

/// An event that says that something no longer waits.
#[derive(Deserialize)]
pub(super) struct Settled {
    #[serde(alias = "requestId")]
    pub(super) id: String,
    decision: Option<String>,
}

impl Settled {
    pub(super) fn of(payload: &RawValue) -> Option<Self> {
        serde_json::from_str(payload.get()).ok()
    }

    /// What was decided, as far as the app decides it too.
    pub(super) fn decision(&self) -> Option<Decision> {
        let decisions = [Decision::AllowOnce(self.id.clone()), Decision::Deny(self.id.clone())];
        decisions.into_iter().find(|decision| Some(decision.word()) == self.decision.as_deref())
    }
}

impl From<ApprovalRow> for Approval {
    fn from(row: ApprovalRow) -> Self {
        let allowed = row.request.allowed_decisions;
        let allow_once =
            allowed.is_none_or(|allowed| allowed.iter().any(|decision| decision == "allow-once"));
        Self { id: row.id, command: row.request.command, allow_once }
    }
}

impl PairingRow {
    fn shown(self) -> Option<Pairing> {
        let name = self.display_name.or(self.client_id).into_iter().chain(self.platform);
        let name = name.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        (!self.silent).then_some(Pairing { id: self.request_id, name })
    }
}

fn or_empty<'de, D, T>(value: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(value)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::{approval, approvals, chats, finished_answer, pairings, run, tool};

    fn raw(value: &Value) -> Box<RawValue> {
        serde_json::value::to_raw_value(value).unwrap()
    }

    fn chat(state: &str, content: &Value) -> Box<RawValue> {
        raw(&json!({
            "runId": "r", "sessionKey": "agent:main:main", "seq": 3, "state": state,
            "message": { "role": "assistant", "content": content, "timestamp": 1 },
        }))
    }

    #[test]
    fn only_a_final_with_text_is_an_answer() {
        let text = json!([{ "type": "text", "text": "Hello" }, { "type": "image", "data": "x" }]);
        let (session, said) = finished_answer(&chat("final", &text)).unwrap();
        assert_eq!((session.as_str(), said.as_str()), ("agent:main:main", "Hello"));
        assert!(finished_answer(&chat("delta", &text)).is_none());
        assert!(finished_answer(&chat("final", &json!([]))).is_none());
        assert!(finished_answer(&raw(&json!({ "sessionKey": "a", "state": "final" }))).is_none());
    }

    #[test]
    fn the_title_is_the_one_the_sidebar_shows() {
        let rows = raw(&json!({ "sessions": [
            { "key": "a", "derivedTitle": "Other" },
            { "key": "b", "derivedTitle": "Derived", "displayName": "Name", "label": "Label" },
        ]}));
        let titles: Vec<_> = chats(&rows).into_iter().map(|chat| chat.title).collect();
        assert_eq!(titles, ["Other", "Label"]);
    }

    #[test]
    fn a_tool_is_named_while_it_works() {
        let event = |stream: &str, phase: &str| {
            raw(&json!({ "stream": stream, "data": { "phase": phase, "name": "exec" } }))
        };
        assert_eq!(tool(&event("tool", "start")), Some(Some("exec".into())));
        assert_eq!(tool(&event("tool", "update")), None);
        assert_eq!(tool(&event("tool", "result")), Some(None));
        assert_eq!(tool(&event("lifecycle", "end")), Some(None));
        assert_eq!(tool(&event("assistant", "")), None);
    }

    #[test]
    fn a_run_is_under_way_from_its_first_event_to_its_end() {
        let agent = |stream: &str, phase: &str| {
            let data = json!({ "phase": phase, "name": "exec" });
            run(&raw(&json!({ "runId": "r", "stream": stream, "data": data })))
        };
        let state = |state: &str| run(&chat(state, &json!([])));
        let (on, over) = (Some(("r".to_owned(), true)), Some(("r".to_owned(), false)));
        for event in [agent("lifecycle", "start"), agent("assistant", ""), agent("tool", "start")] {
            assert_eq!(event, on);
        }
        assert_eq!(state("delta"), on);
        for event in [agent("lifecycle", "end"), agent("lifecycle", "error"), state("final")] {
            assert_eq!(event, over);
        }
        assert_eq!(state("aborted"), over);
        // What may come after the end begins nothing.
        assert_eq!((agent("tool", "result"), agent("lifecycle", "finishing")), (None, None));
    }

    #[test]
    fn what_waits_is_read_from_lists_and_events() {
        let row =
            json!({ "id": "a", "request": { "command": "ls", "allowedDecisions": ["deny"] } });
        let waiting = approval(&raw(&row)).unwrap();
        assert_eq!((waiting.command.as_str(), waiting.allow_once), ("ls", false));
        assert_eq!(approvals(&raw(&json!([row]))).len(), 1);
        assert_eq!(approvals(&raw(&json!({ "approvals": [row] }))).len(), 1);
        assert!(approvals(&raw(&json!("nonsense"))).is_empty());
        let devices = json!({ "pending": [
            { "requestId": "r", "deviceId": "d", "displayName": "Phone", "platform": "ios" },
            { "requestId": "s", "deviceId": "d", "silent": true },
        ]});
        let names: Vec<_> = pairings(&raw(&devices)).into_iter().map(|row| row.name).collect();
        assert_eq!(names, ["Phone, ios"]);
    }
}
