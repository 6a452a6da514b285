//! `models.probe`: asks a provider one small question and takes the time (protocol §15).

use std::time::{Duration, Instant};

use clawdbot_agent::{Message, Model, ModelEvent, ModelRef, ModelRequest, ThinkingLevel};
use clawdbot_protocol::{
    ModelProbe, ModelProbeResult, ModelProbeStatus, ModelsProbeParams, OptionalAgentParams,
    RpcError,
};
use futures_util::StreamExt as _;

use super::agent_of;
use crate::router::{Ctx, Reply};
use crate::shared::Shared;

const TIMEOUT_MS: u64 = 20_000;
const QUESTION: &str = "Answer with the word OK.";
/// Enough for models that think before their first word.
const MAX_TOKENS: u32 = 64;

pub(super) async fn probe(
    ctx: Ctx,
    params: ModelsProbeParams,
) -> Result<Reply<ModelProbe>, RpcError> {
    let agent = OptionalAgentParams { agent_id: params.agent_id.clone(), session_key: None };
    let default = ctx.gateway.model_of(None, &agent_of(&ctx, &agent)?.id);
    let reference = wanted(&ctx.gateway, &params, default).ok_or_else(|| {
        let provider = &params.provider;
        RpcError::invalid(format!("{provider} offers no model. Name one with \"model\"."))
    })?;
    let limit = Duration::from_millis(params.timeout_ms.unwrap_or(TIMEOUT_MS));
    let catalog = ctx.gateway.settings().catalog.clone();
    let started = Instant::now();
    let outcome = match catalog.model(&reference) {
        Ok(model) => first_word(&*model, limit).await,
        Err(error) => Err(error.to_string()),
    };
    let latency_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (status, error) = match outcome {
        Ok(()) => (ModelProbeStatus::Ok, None),
        Err(cause) => (ModelProbeStatus::Error, Some(cause)),
    };
    Reply::of(&ModelProbe {
        provider: reference.provider,
        status,
        latency_ms,
        error: error.clone(),
        results: vec![ModelProbeResult { model: reference.id, status, latency_ms, error }],
    })
}

/// The model asked for; else the default one where it is this provider's; else its first one.
fn wanted(gateway: &Shared, params: &ModelsProbeParams, default: ModelRef) -> Option<ModelRef> {
    let provider = &params.provider;
    if let Some(id) = &params.model {
        return Some(ModelRef::new(provider, id));
    }
    if default.provider == *provider {
        return Some(default);
    }
    let listed = gateway.settings().catalog.list().into_iter().map(|info| info.reference);
    listed.into_iter().find(|reference| reference.provider == *provider)
}

/// Waits for the beginning of an answer; the rest is not read.
async fn first_word(model: &dyn Model, limit: Duration) -> Result<(), String> {
    let mut events = model.stream(ModelRequest {
        messages: vec![Message::user(QUESTION)],
        thinking: ThinkingLevel::Off,
        max_tokens: Some(MAX_TOKENS),
        ..ModelRequest::default()
    });
    let mut waiting_for = None;
    let answered = async {
        while let Some(event) = events.next().await {
            match event {
                // It will be asked again; until then this is what is known.
                Ok(ModelEvent::Retry { cause, .. }) => waiting_for = Some(cause),
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.to_string()),
            }
        }
        Err(format!("{} ended its answer before the first word.", model.info().reference))
    };
    match tokio::time::timeout(limit, answered).await {
        Ok(outcome) => outcome,
        Err(_) => Err(waiting_for.unwrap_or_else(|| {
            let name = &model.info().reference;
            format!("{name} did not answer within {} s. Check the network.", limit.as_secs())
        })),
    }
}
