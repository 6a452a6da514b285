//! Translates our requests into the client library's.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use genai::Headers;
use genai::chat::{
    CacheControl, ChatMessage, ChatOptions, ChatRequest, ContentPart, MessageContent,
    ReasoningEffort, Tool, ToolCall, ToolResponse,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::Connection;
use crate::message::{AssistantMessage, Block, Message, joined_text};
use crate::model::{Api, InputKind, ModelInfo, ModelRequest, ThinkingLevel};

/// Until the response headers; a local server may have to load the model first.
const HEADER_TIMEOUT: Duration = Duration::from_secs(300);
/// Between two pieces of the answer.
const READ_TIMEOUT: Duration = Duration::from_secs(300);

/// The options for one request.
pub(super) fn chat_options(
    info: &ModelInfo,
    connection: &Connection,
    request: &ModelRequest,
) -> ChatOptions {
    let max_tokens =
        request.max_tokens.or_else(|| (info.max_tokens > 0).then_some(info.max_tokens));
    let thinking = request.thinking.min(highest_fitting(info, max_tokens));
    let mut options = ChatOptions::default()
        .with_stream_header_timeout(HEADER_TIMEOUT)
        .with_stream_read_timeout(READ_TIMEOUT)
        .with_capture_usage(true)
        .with_capture_tool_calls(info.api != Api::OpenAiCompletions)
        .with_capture_reasoning_content(info.reasoning && thinking != ThinkingLevel::Off);
    options.reasoning_effort = effort(info, &connection.provider, thinking);
    options.max_tokens = max_tokens;
    if info.api == Api::AnthropicMessages {
        options.cache_control = Some(CacheControl::Ephemeral);
        // Thinking blocks must come back whole even when thinking was only left on by default.
        options.capture_reasoning_content = Some(true);
    }
    if !connection.headers.is_empty() {
        let headers: Vec<(String, String)> = connection
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.expose_secret().to_owned()))
            .collect();
        options.extra_headers = Some(Headers::from(headers));
    }
    options
}

/// The effort to ask for.
fn effort(info: &ModelInfo, provider: &str, level: ThinkingLevel) -> Option<ReasoningEffort> {
    let openai = matches!(info.api, Api::OpenAiCompletions | Api::OpenAiResponses);
    if !info.reasoning || (openai && level == ThinkingLevel::Off) {
        return silence(info, provider);
    }
    Some(match level {
        ThinkingLevel::Off if cannot_stop_thinking(&info.reference.id) => ReasoningEffort::Low,
        ThinkingLevel::Off => ReasoningEffort::Zero,
        ThinkingLevel::Minimal | ThinkingLevel::Low => ReasoningEffort::Low,
        ThinkingLevel::Medium => ReasoningEffort::Medium,
        ThinkingLevel::High => ReasoningEffort::High,
        ThinkingLevel::Xhigh => ReasoningEffort::XHigh,
        ThinkingLevel::Max => ReasoningEffort::Max,
    })
}

/// What makes the library send no effort. Given none, it would take "-max", "-high"… at the end of
/// an id for one. OpenAI's models do not all accept "none", and each has a sensible default.
fn silence(info: &ModelInfo, provider: &str) -> Option<ReasoningEffort> {
    match info.api {
        Api::OpenAiCompletions | Api::OpenAiResponses if provider != "deepseek" => {
            Some(ReasoningEffort::Budget(0))
        }
        // Here zero turns thinking off for models that think by default, which not all allow.
        Api::AnthropicMessages if info.reference.id.starts_with("claude-") => None,
        Api::Ollama => None,
        _ => Some(ReasoningEffort::Zero),
    }
}

/// Older Anthropic models get a thinking budget for a level, which must stay below the cap on the
/// whole answer.
fn highest_fitting(info: &ModelInfo, max_tokens: Option<u32>) -> ThinkingLevel {
    match max_tokens {
        _ if info.api != Api::AnthropicMessages => ThinkingLevel::Max,
        None => ThinkingLevel::Max,
        Some(..=1_024) => ThinkingLevel::Off,
        Some(..=8_000) => ThinkingLevel::Low,
        Some(..=24_000) => ThinkingLevel::Medium,
        Some(_) => ThinkingLevel::Max,
    }
}

/// From this model on, Anthropic rejects a request that turns thinking off.
fn cannot_stop_thinking(id: &str) -> bool {
    id.starts_with("claude-opus-5-5")
}

/// System prompt, conversation and tools.
pub(super) fn chat_request(info: &ModelInfo, request: ModelRequest) -> ChatRequest {
    let mut chat = ChatRequest::new(messages(info, &request.messages));
    if !request.system.is_empty() {
        chat = chat.with_system(request.system);
    }
    if !request.tools.is_empty() {
        chat = chat.with_tools(request.tools.into_iter().map(|tool| {
            Tool::new(tool.name).with_description(tool.description).with_schema(tool.parameters)
        }));
    }
    chat
}

fn messages(info: &ModelInfo, history: &[Message]) -> Vec<ChatMessage> {
    let mut messages = Vec::with_capacity(history.len());
    let mut images = Vec::new();
    for message in history {
        if !matches!(message, Message::ToolResult { .. }) {
            flush_images(&mut messages, &mut images);
        }
        match message {
            Message::User { content } => {
                let parts: Vec<_> = content.iter().map(|block| user_part(info, block)).collect();
                messages.push(ChatMessage::user(MessageContent::from_parts(parts)));
            }
            Message::Assistant(answer) => {
                let parts = assistant_parts(info, answer);
                messages.push(ChatMessage::assistant(MessageContent::from_parts(parts)));
            }
            Message::ToolResult { tool_call_id, tool_name, content, is_error, .. } => {
                let text = result_text(content, *is_error);
                let response = ToolResponse::new(tool_call_id, text).with_fn_name(tool_name);
                messages.push(ChatMessage::from(response));
                let shown = content.iter().filter(|block| !matches!(block, Block::Text { .. }));
                images.extend(shown.map(|block| user_part(info, block)));
            }
        }
    }
    flush_images(&mut messages, &mut images);
    messages
}

/// Tool results carry only text; what they show follows as if the user had attached it.
fn flush_images(messages: &mut Vec<ChatMessage>, images: &mut Vec<ContentPart>) {
    if images.is_empty() {
        return;
    }
    let mut parts = vec![ContentPart::from_text("Attached by the tool above:")];
    parts.append(images);
    messages.push(ChatMessage::user(MessageContent::from_parts(parts)));
}

fn result_text(content: &[Block], is_error: bool) -> String {
    let text = joined_text(content);
    match (is_error, text.is_empty()) {
        (true, _) => format!("Error: {text}"),
        (false, true) => "(no text)".into(),
        (false, false) => text,
    }
}

fn user_part(info: &ModelInfo, block: &Block) -> ContentPart {
    match block {
        Block::Text { text } => ContentPart::from_text(text),
        Block::Image { data, mime_type } if info.input.contains(&InputKind::Image) => {
            ContentPart::from_binary_base64(mime_type, data.as_str(), None)
        }
        Block::Image { .. } => {
            ContentPart::from_text("[An image was left out: this model reads text only.]")
        }
        Block::File { data, mime_type, name } => file_part(info, data, mime_type, name),
        Block::Thinking { .. } | Block::ToolCall { .. } => ContentPart::from_text(""),
    }
}

fn file_part(info: &ModelInfo, data: &str, mime_type: &str, name: &str) -> ContentPart {
    let takes_documents =
        !matches!(info.api, Api::Ollama) && info.input.contains(&InputKind::Image);
    if mime_type == "application/pdf" && takes_documents {
        return ContentPart::from_binary_base64(mime_type, data, Some(name.to_owned()));
    }
    let text = STANDARD
        .decode(data)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|text| !text.contains('\0'));
    ContentPart::from_text(match text {
        Some(text) => format!("Attached file {name:?}:\n{text}"),
        None => {
            format!("[The file {name:?} ({mime_type}) was left out: this model cannot read it.]")
        }
    })
}

fn assistant_parts(info: &ModelInfo, answer: &AssistantMessage) -> Vec<ContentPart> {
    let reference = &info.reference;
    // Signatures and reasoning mean something only to the model that produced them.
    let same_model = answer.provider == reference.provider && answer.model == reference.id;
    let mut parts = Vec::new();
    for block in &answer.content {
        match block {
            Block::Text { text } => parts.push(ContentPart::from_text(text)),
            Block::ToolCall { id, name, arguments, thought_signature } => {
                parts.push(ContentPart::ToolCall(ToolCall {
                    call_id: id.clone(),
                    fn_name: name.clone(),
                    fn_arguments: object(arguments),
                    thought_signatures: thought_signature
                        .clone()
                        .filter(|_| same_model)
                        .map(|signature| vec![signature]),
                }))
            }
            Block::Thinking { .. } if same_model => parts.extend(thinking_parts(info, block)),
            _ => {}
        }
    }
    parts
}

/// Providers reject a call whose arguments are no object, which a model may well produce.
fn object(arguments: &Value) -> Value {
    if arguments.is_object() { arguments.clone() } else { json!({}) }
}

fn thinking_parts(info: &ModelInfo, block: &Block) -> Vec<ContentPart> {
    let Block::Thinking { thinking, thinking_signature, redacted } = block else {
        return Vec::new();
    };
    match (info.api, thinking_signature) {
        (Api::AnthropicMessages, Some(data)) if *redacted => {
            let block = json!({"type": "redacted_thinking", "data": data});
            vec![ContentPart::from_custom(block, None)]
        }
        (Api::AnthropicMessages, Some(signature)) => vec![
            ContentPart::ThoughtSignature(signature.clone()),
            ContentPart::ReasoningContent(thinking.clone()),
        ],
        (Api::OpenAiResponses, Some(signature)) => {
            vec![ContentPart::ThoughtSignature(signature.clone())]
        }
        // DeepSeek wants its reasoning back during tool rounds; others reject the member.
        (Api::OpenAiCompletions, _) if info.reference.provider == "deepseek" => {
            vec![ContentPart::ReasoningContent(thinking.clone())]
        }
        _ => Vec::new(),
    }
}
