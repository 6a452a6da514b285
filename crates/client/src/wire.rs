//! What a gateway sends, checked.

use clawdbot_protocol::{Event, RpcError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One frame from the gateway.
pub(crate) enum Frame {
    Event(Event),
    Response(Response),
}

/// An answer to one of our requests, or to nothing we asked.
pub(crate) struct Response {
    pub(crate) id: String,
    pub(crate) result: Result<Value, RpcError>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    ok: Option<bool>,
    #[serde(default)]
    payload: Value,
    error: Option<RpcError>,
    event: Option<String>,
    seq: Option<u64>,
}

impl Frame {
    /// `None` for anything that is no frame of this protocol; such messages are ignored.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let raw: Raw = serde_json::from_str(text).ok()?;
        match raw.kind.as_str() {
            "event" => {
                let event = raw.event.filter(|name| !name.is_empty())?;
                Some(Self::Event(Event { event, payload: raw.payload, seq: raw.seq }))
            }
            "res" => {
                let result = match (raw.ok?, raw.error) {
                    (true, _) => Ok(raw.payload),
                    (false, Some(error)) => Err(error),
                    (false, None) => return None,
                };
                Some(Self::Response(Response { id: raw.id?, result }))
            }
            _ => None,
        }
    }
}

/// A request frame.
#[derive(Serialize)]
pub(crate) struct Request<'a, P: ?Sized> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    method: &'a str,
    params: &'a P,
}

impl<'a, P: Serialize + ?Sized> Request<'a, P> {
    pub(crate) fn json(id: &'a str, method: &'a str, params: &'a P) -> serde_json::Result<String> {
        serde_json::to_string(&Self { kind: "req", id, method, params })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_break_the_rules_are_ignored_app_09() {
        for text in [
            "",
            "null",
            "[]",
            r#"{"type":"res","id":5,"ok":true}"#,
            r#"{"type":"res","id":"1","ok":"yes"}"#,
            r#"{"type":"res","id":"1","ok":false}"#,
            r#"{"type":"res","id":"1","ok":false,"error":{"code":1}}"#,
            r#"{"type":"event","event":""}"#,
            r#"{"type":"event","event":"tick","seq":-1}"#,
            r#"{"type":"other"}"#,
        ] {
            assert!(Frame::parse(text).is_none(), "{text}");
        }
        assert!(
            Frame::parse(&format!(
                r#"{{"type":"event","event":"x","payload":{}1"#,
                "[".repeat(100_000)
            ))
            .is_none()
        );
    }

    #[test]
    fn an_unknown_error_code_is_still_an_error() {
        let text =
            r#"{"type":"res","id":"1","ok":false,"error":{"code":"NEW_ONE","message":"no"}}"#;
        let Some(Frame::Response(response)) = Frame::parse(text) else { panic!() };
        assert_eq!(response.result.unwrap_err().message, "no");
    }
}
