use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{Checker, RpcError};

/// A request as it came from the socket; `params` stays unparsed until its method is known.
#[derive(Debug)]
pub struct Request<'a> {
    /// Chosen by the caller and echoed in the response.
    pub id: Cow<'a, str>,
    /// The method's wire name.
    pub method: Cow<'a, str>,
    /// Missing means `{}` (protocol §3.1).
    pub params: Option<&'a RawValue>,
}

/// What one text message from a client turned out to be.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// A well-formed request.
    Request(Request<'a>),
    /// JSON, but no request frame: answer `error` under `id` (protocol §3.4).
    BadFrame {
        /// The offending `id` as sent, or the literal `"invalid"`.
        id: Value,
        /// Names the member that is wrong.
        error: RpcError,
    },
    /// Not JSON at all: ignored once connected, fatal before.
    NotJson,
}

impl<'a> Incoming<'a> {
    /// Parses one text message. Never allocates for a well-formed request.
    pub fn parse(text: &'a str) -> Self {
        #[derive(Deserialize)]
        struct Full<'a> {
            #[serde(rename = "type", borrow)]
            kind: Cow<'a, str>,
            #[serde(borrow)]
            id: Cow<'a, str>,
            #[serde(borrow)]
            method: Cow<'a, str>,
            #[serde(borrow, default)]
            params: Option<&'a RawValue>,
        }
        match serde_json::from_str::<Full<'a>>(text) {
            Ok(full) if full.kind == "req" && !full.id.is_empty() && !full.method.is_empty() => {
                Self::Request(Request { id: full.id, method: full.method, params: full.params })
            }
            _ => Self::explain(text),
        }
    }

    fn explain(text: &str) -> Self {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return Self::NotJson;
        };
        let id = match (value.get("type").and_then(Value::as_str), value.get("id")) {
            (Some("req"), Some(id)) => id.clone(),
            _ => Value::from("invalid"),
        };
        let error = FRAME.explain("request frame", &value);
        Self::BadFrame { id, error }
    }
}

/// The schema of a request frame, used only to word a refusal.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct FrameShape {
    #[serde(rename = "type")]
    kind: FrameKind,
    #[schemars(length(min = 1))]
    id: String,
    #[schemars(length(min = 1))]
    method: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum FrameKind {
    Req,
}

static FRAME: Checker<FrameShape> = Checker::new();

/// How a request ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// `ok: true` with the result as JSON text.
    Ok(Box<RawValue>),
    /// `ok: false`; a few methods add a payload to the error (protocol §3.2).
    Err(RpcError, Option<Box<RawValue>>),
}

/// A response frame.
#[derive(Debug, Serialize)]
pub struct Response<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: Cow<'a, Value>,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a RpcError>,
}

impl<'a> Response<'a> {
    /// The frame that answers the request `id`.
    pub fn new(id: &'a Value, outcome: &'a Outcome) -> Self {
        let (ok, payload, error) = match outcome {
            Outcome::Ok(payload) => (true, Some(&**payload), None),
            Outcome::Err(error, payload) => (false, payload.as_deref(), Some(error)),
        };
        Self { kind: "res", id: Cow::Borrowed(id), ok, payload, error }
    }

    /// The frame as JSON text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The `stateVersion` member of `presence` and `health` events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateVersion {
    /// Increases by one with every change of the presence list.
    pub presence: u64,
    /// Increases by one with every health refresh.
    pub health: u64,
}

/// An event frame as a client receives it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Event name, for example `chat`.
    pub event: String,
    /// Event body.
    #[serde(default)]
    pub payload: Value,
    /// Position in this connection's event stream (generation 4) or in the gateway's (3).
    #[serde(default)]
    pub seq: Option<u64>,
}

/// Writes an event frame around an already serialised payload.
///
/// The payload is serialised once for all receivers; only `seq` differs between them.
pub fn event_json(
    event: &str,
    payload: &str,
    seq: Option<u64>,
    state: Option<StateVersion>,
) -> String {
    let mut text = String::with_capacity(payload.len() + event.len() + 96);
    text.push_str(r#"{"type":"event","event":""#);
    text.push_str(event);
    text.push_str(r#"","payload":"#);
    text.push_str(payload);
    if let Some(seq) = seq {
        text.push_str(r#","seq":"#);
        text.push_str(&seq.to_string());
    }
    if let Some(StateVersion { presence, health }) = state {
        text.push_str(&format!(r#","stateVersion":{{"presence":{presence},"health":{health}}}"#));
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(text: &str) -> (Value, String) {
        match Incoming::parse(text) {
            Incoming::BadFrame { id, error } => (id, error.message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_numeric_id_is_echoed_and_named() {
        let (id, message) = bad(r#"{"type":"req","id":5,"method":"health"}"#);
        assert_eq!(id, 5);
        assert_eq!(message, "invalid request frame: at /id: must be string");
    }

    #[test]
    fn other_json_gets_the_literal_invalid_id() {
        assert_eq!(bad(r#"{"type":"event","event":"x"}"#).0, "invalid");
        assert_eq!(bad("[]").0, "invalid");
    }

    #[test]
    fn text_that_is_not_json_is_told_apart() {
        assert!(matches!(Incoming::parse("hello"), Incoming::NotJson));
        let deep = "[".repeat(100_000);
        assert!(matches!(Incoming::parse(&deep), Incoming::NotJson));
    }

    #[test]
    fn params_stay_raw() {
        let Incoming::Request(request) =
            Incoming::parse(r#"{"type":"req","id":"a","method":"m","params":{"x": 1 }}"#)
        else {
            panic!()
        };
        assert_eq!(request.params.unwrap().get(), r#"{"x": 1 }"#);
    }

    #[test]
    fn an_event_is_spliced_around_its_payload() {
        let text = event_json("tick", r#"{"ts":1}"#, Some(7), None);
        let event: Event = serde_json::from_str(&text).unwrap();
        assert_eq!((event.event.as_str(), event.seq), ("tick", Some(7)));
        assert_eq!(event.payload["ts"], 1);
    }
}
