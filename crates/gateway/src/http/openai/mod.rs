//! The OpenAI-compatible interfaces (protocol §17.4): a model name chooses an agent, and its run is
//! told in the words of that API.

mod chat;
mod input;
mod responses;
mod run;
mod target;

use std::sync::Arc;

use clawdbot_config::{EndpointConfig, HttpEndpoints};
use clawdbot_protocol::{ErrorCode, RpcError, Scope};
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::body::{self, BadBody};
use super::exchange::{Answer, Exchange};
use super::reply::{self, Body, not_found};
use crate::runs::Ended;
use crate::shared::Shared;

pub(super) use self::chat::chat;
pub(super) use self::responses::responses;

/// Largest body unless configured otherwise.
const MAX_BODY: usize = 20 * 1024 * 1024;
/// How the models of these interfaces are called: this name for the default agent, with `/<id>` for
/// any agent.
const MODEL: &str = "clawdbot";

/// `GET /v1/models` and `GET /v1/models/<id>`.
pub(super) async fn models(exchange: Exchange, path: &str) -> Answer {
    let settings = exchange.shared.settings();
    let HttpEndpoints { chat_completions, responses } = &settings.config().gateway.http.endpoints;
    if !chat_completions.enabled && !responses.enabled {
        return Ok(not_found());
    }
    exchange.only(&[Method::GET, Method::HEAD])?;
    exchange.authorize(Scope::Read).await?;
    let model = |id: String| json!({"id": id, "object": "model", "created": 0, "owned_by": MODEL, "permission": []});
    let agents = settings.agents.all().iter().map(|agent| format!("{MODEL}/{}", agent.id));
    let mut ids = std::iter::once(MODEL.to_owned()).chain(agents);
    Ok(match path.strip_prefix("/v1/models/") {
        None => {
            let all: Vec<Value> = ids.map(model).collect();
            reply::json(StatusCode::OK, &json!({"object": "list", "data": all}))
        }
        Some(wanted) => match ids.find(|id| id == wanted) {
            Some(id) => reply::json(StatusCode::OK, &model(id)),
            None => Failure::no_model(wanted).answer(),
        },
    })
}

/// The request of an interface that is switched on, from somebody who may write.
async fn accept<T: DeserializeOwned>(
    exchange: Exchange,
    which: impl Fn(&HttpEndpoints) -> &EndpointConfig,
) -> Result<(Accepted, T), Box<Response<Body>>> {
    let settings = exchange.shared.settings();
    let endpoint = which(&settings.config().gateway.http.endpoints);
    if !endpoint.enabled {
        return Err(Box::new(not_found()));
    }
    exchange.only(&[Method::POST])?;
    exchange.authorize(Scope::Write).await?;
    let limit = endpoint.max_body_bytes.map_or(MAX_BODY, |limit| limit as usize);
    let refuse = |bad: BadBody| Box::new(Failure::from(bad).answer());
    let Exchange { shared, request, .. } = &exchange;
    let (shared, headers) = (shared.clone(), request.headers().clone());
    let room = shared.bodies.room_for_call().map_err(refuse)?;
    let asked = body::read(exchange.request, limit).await.map_err(refuse)?;
    drop(room);
    Ok((Accepted { shared, headers }, asked))
}

/// A request whose body has been read.
struct Accepted {
    shared: Arc<Shared>,
    headers: HeaderMap,
}

/// Why a request came to nothing, in the shape OpenAI clients know.
#[derive(Debug)]
struct Failure {
    status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    message: String,
    retry_after_ms: Option<u64>,
}

impl Failure {
    fn invalid(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "invalid_request_error",
            code: None,
            message: message.into(),
            retry_after_ms: None,
        }
    }

    fn no_model(name: &str) -> Self {
        let shown: String = name.chars().take(100).collect();
        Self {
            status: StatusCode::NOT_FOUND,
            code: Some("model_not_found"),
            ..Self::invalid(format!(
                "There is no model `{shown}`. Use {MODEL} for the default agent, {MODEL}/<agent> \
                 for another one, or a configured provider/model."
            ))
        }
    }

    /// A run that did not end well.
    fn of_run(ended: &Ended) -> Self {
        let message = ended.error.clone().unwrap_or_else(|| "The run was stopped.".to_owned());
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            kind: "api_error",
            ..Self::invalid(message)
        }
    }

    fn body(&self) -> Value {
        json!({"error": {
            "message": self.message,
            "type": self.kind,
            "param": null,
            "code": self.code,
        }})
    }

    fn answer(&self) -> Response<Body> {
        let mut response = reply::json(self.status, &self.body());
        if let Some(wait) = self.retry_after_ms {
            let seconds = HeaderValue::from(wait.div_ceil(1_000));
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}

impl From<BadBody> for Failure {
    fn from(bad: BadBody) -> Self {
        let retry_after_ms = matches!(bad, BadBody::Busy).then_some(1_000);
        Self { status: bad.status(), retry_after_ms, ..Self::invalid(bad.to_string()) }
    }
}

impl From<RpcError> for Failure {
    fn from(error: RpcError) -> Self {
        let failure = Self::invalid(error.message);
        match error.code {
            ErrorCode::Unavailable => Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                kind: "api_error",
                retry_after_ms: error.retry_after_ms,
                ..failure
            },
            _ => failure,
        }
    }
}

/// A model's effort in the product's word.
fn thinking(effort: String) -> String {
    if effort == "none" { "off".to_owned() } else { effort }
}
