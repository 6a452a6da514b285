//! Makes our events of the library's.

use genai::chat::{ChatStreamEvent, ContentPart, StopReason as GenaiStop, StreamEnd, ToolCall};
use serde_json::{Map, Value};

use super::calls::Calls;
use crate::error::{ErrorKind, ModelError};
use crate::message::{Block, StopReason, Usage};
use crate::model::{Api, ModelEvent, ModelInfo};

/// No honest answer is longer, in bytes of text, thinking and tool arguments.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// One answer as it arrives.
pub(super) struct Answer<'a> {
    info: &'a ModelInfo,
    provider: &'a str,
    thinking: String,
    calls: Calls,
    size: usize,
}

impl<'a> Answer<'a> {
    pub(super) fn new(info: &'a ModelInfo, provider: &'a str) -> Self {
        Self { info, provider, thinking: String::new(), calls: Calls::default(), size: 0 }
    }

    /// Takes a part of the answer; returns what can be shown of it at once.
    pub(super) fn push(
        &mut self,
        event: ChatStreamEvent,
    ) -> Result<Option<ModelEvent>, ModelError> {
        match event {
            ChatStreamEvent::Chunk(chunk) if !chunk.content.is_empty() => {
                self.grow(chunk.content.len())?;
                Ok(Some(ModelEvent::Text(chunk.content)))
            }
            ChatStreamEvent::ReasoningChunk(chunk) if !chunk.content.is_empty() => {
                self.grow(chunk.content.len())?;
                self.thinking.push_str(&chunk.content);
                Ok(Some(ModelEvent::Thinking(chunk.content)))
            }
            ChatStreamEvent::ToolCallChunk(chunk) if self.info.api == Api::OpenAiCompletions => {
                self.grow(chunk.tool_call.size())?;
                self.calls.push(chunk.tool_call);
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// Signed thinking, tool calls and the end itself.
    pub(super) fn finish(self, end: StreamEnd) -> Result<Vec<ModelEvent>, ModelError> {
        // These adapters report an end for a stream that was cut, too; only a real one has a reason.
        let cut = end.captured_stop_reason.is_none()
            && matches!(
                self.info.api,
                Api::GoogleGenerativeAi | Api::OpenAiResponses | Api::Ollama
            );
        if cut {
            return Err(self.broken_off());
        }
        let usage = usage(&end, self.info);
        let parts: Vec<ContentPart> = end.captured_content.into_iter().flatten().collect();
        let signed = signed_thinking(&parts, &self.thinking, self.info.api);
        let captured = parts.into_iter().filter_map(ContentPart::into_tool_call);
        let info = self.info;
        let calls: Vec<_> = captured
            .chain(self.calls.finish())
            .filter(|call| !call.fn_name.is_empty())
            .enumerate()
            .map(|(index, call)| tool_call(index, call, info.api))
            .collect();
        let stop_reason = stop_reason(end.captured_stop_reason, !calls.is_empty())
            .map_err(|cause| error(ErrorKind::Refusal, cause, info, self.provider))?;
        let mut events = Vec::with_capacity(calls.len() + 2);
        if !signed.is_empty() {
            events.push(ModelEvent::SignedThinking(signed));
        }
        events.extend(calls);
        events.push(ModelEvent::Done { stop_reason, usage, response_id: end.captured_response_id });
        Ok(events)
    }

    /// The error for a stream that ends too early.
    pub(super) fn broken_off(&self) -> ModelError {
        self.protocol_error("the stream ended before the answer was complete")
    }

    fn grow(&mut self, bytes: usize) -> Result<(), ModelError> {
        self.size += bytes;
        if self.size > MAX_ANSWER {
            return Err(self.protocol_error("the answer does not end"));
        }
        Ok(())
    }

    fn protocol_error(&self, cause: &str) -> ModelError {
        error(ErrorKind::Protocol, cause.into(), self.info, self.provider)
    }
}

fn error(kind: ErrorKind, cause: String, info: &ModelInfo, provider: &str) -> ModelError {
    ModelError {
        kind,
        provider: provider.to_owned(),
        model: info.reference.id.clone(),
        http_status: None,
        retry_after: None,
        cause,
    }
}

/// The thinking blocks to send back. Google signs its tool calls instead.
fn signed_thinking(parts: &[ContentPart], streamed: &str, api: Api) -> Vec<Block> {
    match api {
        // All summaries go with the first signature; only the signatures are sent back.
        Api::OpenAiResponses => parts
            .iter()
            .filter_map(ContentPart::as_thought_signature)
            .enumerate()
            .map(|(index, signature)| signed(if index == 0 { streamed } else { "" }, signature))
            .collect(),
        Api::AnthropicMessages => parts
            .iter()
            .enumerate()
            .filter_map(|(index, part)| match part {
                ContentPart::ThoughtSignature(signature) => {
                    let thinking = parts.get(index + 1)?.as_reasoning_content();
                    Some(signed(thinking.unwrap_or_default(), signature))
                }
                ContentPart::Custom(custom) => redacted(&custom.data),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn signed(thinking: &str, signature: &str) -> Block {
    Block::Thinking {
        thinking: thinking.to_owned(),
        thinking_signature: Some(signature.to_owned()),
        redacted: false,
    }
}

fn redacted(block: &Value) -> Option<Block> {
    if block.get("type")?.as_str()? != "redacted_thinking" {
        return None;
    }
    Some(Block::Thinking {
        thinking: String::new(),
        thinking_signature: Some(block.get("data")?.as_str()?.to_owned()),
        redacted: true,
    })
}

fn tool_call(index: usize, call: ToolCall, api: Api) -> ModelEvent {
    let arguments = match call.fn_arguments {
        Value::Null => Value::Object(Map::new()),
        Value::String(text) if text.trim().is_empty() => Value::Object(Map::new()),
        arguments => arguments,
    };
    let signatures = call.thought_signatures.into_iter().flatten();
    ModelEvent::ToolCall {
        id: if call.call_id.is_empty() { format!("call_{index}") } else { call.call_id },
        name: call.fn_name,
        arguments,
        thought_signature: signatures.into_iter().next().filter(|_| api == Api::GoogleGenerativeAi),
    }
}

/// Our reason, or the provider's word for refusing.
fn stop_reason(reason: Option<GenaiStop>, calls: bool) -> Result<StopReason, String> {
    match reason {
        Some(GenaiStop::MaxTokens(_)) => Ok(StopReason::Length),
        Some(GenaiStop::ContentFilter(word)) => Err(format!("the provider reports \"{word}\"")),
        _ if calls => Ok(StopReason::ToolUse),
        _ => Ok(StopReason::Stop),
    }
}

fn usage(end: &StreamEnd, info: &ModelInfo) -> Usage {
    let Some(reported) = &end.captured_usage else {
        return Usage::default();
    };
    let count = |tokens: Option<i32>| u64::try_from(tokens.unwrap_or(0)).unwrap_or(0);
    let details = reported.prompt_tokens_details.as_ref();
    let cache_read = count(details.and_then(|details| details.cached_tokens));
    let cache_write = count(details.and_then(|details| details.cache_creation_tokens));
    let input = count(reported.prompt_tokens).saturating_sub(cache_read + cache_write);
    let output = count(reported.completion_tokens);
    let mut usage = Usage {
        input,
        output,
        cache_read,
        cache_write,
        total_tokens: input + output + cache_read + cache_write,
        ..Usage::default()
    };
    usage.cost = info.cost.of(&usage);
    usage
}
