//! `POST /tools/invoke`: one call of a tool that only looks (protocol §17.5).

use clawdbot_agent::{Block, ToolContext};
use clawdbot_protocol::{Scope, SessionKey};
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body;
use super::exchange::{Answer, Exchange};
use super::reply::{self, Body};
use crate::toolbox;

const MAX_BODY: usize = 2 * 1024 * 1024;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    tool: String,
    action: Option<String>,
    args: Option<Value>,
    session_key: Option<String>,
    dry_run: Option<bool>,
}

pub(super) async fn invoke(exchange: Exchange) -> Answer {
    exchange.only(&[Method::POST])?;
    exchange.authorize(Scope::Write).await?;
    let Exchange { shared, request, .. } = exchange;
    let call: Call = {
        let room = shared.bodies.room_for_call();
        match room {
            Ok(_room) => match body::read(request, MAX_BODY).await {
                Ok(call) => call,
                Err(bad) => return Ok(refuse(bad.status(), "invalid_request", &bad.to_string())),
            },
            Err(bad) => return Ok(refuse(bad.status(), "invalid_request", &bad.to_string())),
        }
    };
    if call.dry_run == Some(true) {
        let said = "dryRun is not available: the tools here only look, so call them.";
        return Ok(refuse(StatusCode::BAD_REQUEST, "invalid_request", said));
    }
    let settings = shared.settings();
    let raw = call.session_key.as_deref().unwrap_or("main");
    let key = match SessionKey::resolve(raw, &settings.keys) {
        Ok(key) => key,
        Err(error) => {
            return Ok(refuse(StatusCode::BAD_REQUEST, "invalid_request", &error.to_string()));
        }
    };
    let agent = key.agent(&settings.keys);
    let session = shared.store.session(key.as_str()).await.ok().flatten();
    let model = shared.model_of(session.as_ref(), agent);
    let denied = settings.config().gateway.tools.deny.contains(&call.tool);
    let tools = toolbox::reading(&shared, agent, &key, session.as_ref(), &model);
    let tool = tools.into_iter().find(|tool| {
        tool.spec().name == call.tool && !denied && settings.offers(agent, &call.tool)
    });
    let Some(tool) = tool else {
        let shown: String = call.tool.chars().take(100).collect();
        let said = format!("Tool not available: {shown}");
        return Ok(refuse(StatusCode::NOT_FOUND, "not_found", &said));
    };
    let arguments = arguments(call.args, call.action, &tool.spec().parameters);
    let context = ToolContext {
        call_id: uuid::Uuid::new_v4().to_string(),
        cancel: shared.stop.child_token(),
        progress: Default::default(),
    };
    let output = tool.call(arguments, context).await;
    if output.is_error {
        return Ok(refuse(StatusCode::BAD_REQUEST, "tool_error", &texts(&output.content)));
    }
    let result = json!({"content": output.content, "details": output.details});
    Ok(reply::json(StatusCode::OK, &json!({"ok": true, "result": result})))
}

/// `action` is a member of the arguments, for tools that have one.
fn arguments(args: Option<Value>, action: Option<String>, schema: &Value) -> Value {
    let mut args = args.unwrap_or_else(|| json!({}));
    if let (Some(members), Some(action)) = (args.as_object_mut(), action)
        && schema["properties"].get("action").is_some()
    {
        members.entry("action").or_insert(json!(action));
    }
    args
}

fn texts(content: &[Block]) -> String {
    let text = |block: &Block| match block {
        Block::Text { text } => Some(text.clone()),
        _ => None,
    };
    content.iter().filter_map(text).collect::<Vec<_>>().join("\n")
}

fn refuse(status: StatusCode, kind: &str, message: &str) -> Response<Body> {
    reply::json(status, &json!({"ok": false, "error": {"type": kind, "message": message}}))
}
