//! Listens to finished answers over a gateway connection of its own.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use clawdbot_gateway::{InProcess, Outgoing};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tauri::AppHandle;

use super::{show, text};
use crate::host::{Host, HostState};
use crate::phrases::Phrases;
use crate::platform::Note;
use crate::window;

/// Pause before a connection that ended is made again.
const REST: Duration = Duration::from_secs(2);
/// Answers that wait for their session's title; more are shown without one.
const MAX_WAITING: usize = 16;

/// Shows a notification for each finished answer while no window is looked at.
pub(crate) async fn follow(app: AppHandle, host: Host, phrases: &'static Phrases) {
    let mut state = host.watch();
    loop {
        let connection = match state
            .wait_for(|state| matches!(state, HostState::Running(_) | HostState::Stopped))
            .await
            .as_deref()
        {
            Ok(HostState::Running(running)) => running.gateway.connect_in_process(),
            _ => return,
        };
        Listener { app: &app, phrases, waiting: HashMap::new(), asked: 0 }.run(connection).await;
        tokio::time::sleep(REST).await;
    }
}

struct Listener<'a> {
    app: &'a AppHandle,
    phrases: &'static Phrases,
    /// Answers by the id of the request for their title.
    waiting: HashMap<String, Finished>,
    asked: u64,
}

struct Finished {
    session: String,
    text: String,
}

impl Listener<'_> {
    async fn run(mut self, connection: InProcess) {
        let InProcess { to_gateway, mut from_gateway } = connection;
        while let Some(Outgoing::Text(frame)) = from_gateway.recv().await {
            let Ok(frame) = serde_json::from_str::<Frame<'_>>(&frame) else {
                continue;
            };
            if let Some(reply) = self.on_frame(&frame)
                && to_gateway.send(reply).await.is_err()
            {
                return;
            }
        }
    }

    /// Deals with one frame; what it returns goes to the gateway.
    fn on_frame(&mut self, frame: &Frame<'_>) -> Option<String> {
        match (frame.kind.as_ref(), frame.event.as_deref(), frame.id.as_deref()) {
            ("event", Some("connect.challenge"), _) => Some(connect_request()),
            ("event", Some("chat"), _) => self.on_chat(frame.payload?),
            ("res", _, Some("connect")) if !frame.ok => {
                tracing::warn!("the gateway refused the app's own connection");
                None
            }
            ("res", _, Some(id)) => {
                let finished = self.waiting.remove(id)?;
                self.show(&finished, frame.payload.and_then(|rows| title(rows, &finished.session)));
                None
            }
            _ => None,
        }
    }

    fn on_chat(&mut self, payload: &RawValue) -> Option<String> {
        let finished = finished_answer(payload)?;
        if window::is_focused(self.app) {
            return None;
        }
        if self.waiting.len() >= MAX_WAITING {
            self.show(&finished, None);
            return None;
        }
        self.asked += 1;
        let id = format!("title-{}", self.asked);
        let params = json!({ "limit": 200, "includeDerivedTitles": true });
        let request =
            json!({ "type": "req", "id": id, "method": "sessions.list", "params": params });
        self.waiting.insert(id, finished);
        Some(request.to_string())
    }

    fn show(&self, finished: &Finished, title: Option<String>) {
        show(
            self.app,
            Note {
                title: title.unwrap_or_else(|| "Clawdbot".to_owned()),
                body: text::body(&finished.text),
                action: self.phrases.open_webchat,
            },
        );
    }
}

/// The members of a frame that matter here.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    event: Option<Cow<'a, str>>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(default)]
    ok: bool,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChatState<'a> {
    #[serde(borrow)]
    state: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChatFinal {
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

fn connect_request() -> String {
    let client = json!({
        "id": "gateway-client",
        "mode": "backend",
        "version": env!("CARGO_PKG_VERSION"),
        "platform": std::env::consts::OS,
        "displayName": "Clawdbot tray",
    });
    let params = json!({
        "minProtocol": 4,
        "maxProtocol": 4,
        "client": client,
        "role": "operator",
        "scopes": ["operator.read"],
    });
    json!({ "type": "req", "id": "connect", "method": "connect", "params": params }).to_string()
}

/// The answer in a `chat` event, if the event ends one that has text.
fn finished_answer(payload: &RawValue) -> Option<Finished> {
    let state: ChatState<'_> = serde_json::from_str(payload.get()).ok()?;
    if state.state != "final" {
        return None;
    }
    let event: ChatFinal = serde_json::from_str(payload.get()).ok()?;
    let texts = event.message?.content.into_iter().map(|part| part.text);
    let text = texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
    (!text.is_empty()).then_some(Finished { session: event.session_key, text })
}

/// The title of a session in an answer to `sessions.list`.
fn title(rows: &RawValue, session: &str) -> Option<String> {
    let rows: SessionRows = serde_json::from_str(rows.get()).ok()?;
    let row = rows.sessions.into_iter().find(|row| row.key == session)?;
    let title = row.label.or(row.derived_title).or(row.display_name)?;
    Some(text::title(&title)).filter(|title| !title.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::{finished_answer, title};

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
        let finished = finished_answer(&chat("final", &text)).unwrap();
        assert_eq!(
            (finished.session.as_str(), finished.text.as_str()),
            ("agent:main:main", "Hello")
        );
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
        assert_eq!(title(&rows, "b").as_deref(), Some("Label"));
        assert_eq!(title(&rows, "a").as_deref(), Some("Other"));
        assert_eq!(title(&rows, "c"), None);
    }
}
