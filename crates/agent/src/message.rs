//! Transcript messages, in the JSON shapes that `chat.history` shows and the store keeps
//! (protocol §13.9). Timestamps and ids belong to whoever stores a message.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Message {
    /// What the user sent.
    User {
        /// Blocks; a plain string is accepted when reading.
        #[serde(deserialize_with = "text_or_blocks")]
        content: Vec<Block>,
    },
    /// What a model answered.
    Assistant(AssistantMessage),
    /// What a tool returned for one call of the assistant message before it.
    ToolResult {
        /// The id of the [`Block::ToolCall`] answered.
        tool_call_id: String,
        /// The tool's name.
        tool_name: String,
        /// Text and images for the model.
        content: Vec<Block>,
        /// Whether the call failed.
        is_error: bool,
        /// Structured data for the user interface; never sent to a model.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        details: Option<Value>,
    },
}

/// A complete model answer and where it came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssistantMessage {
    /// Thinking, text and tool calls in the order they arrived.
    pub content: Vec<Block>,
    /// Wire name of the provider API, for example `anthropic-messages`.
    pub api: String,
    /// Provider id.
    pub provider: String,
    /// Model id without the provider.
    pub model: String,
    /// Tokens and cost of this answer.
    #[serde(default)]
    pub usage: Usage,
    /// Why the answer ended.
    pub stop_reason: StopReason,
    /// The reason when `stop_reason` is [`StopReason::Error`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// The provider's id for this answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_id: Option<String>,
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Block {
    /// Plain or Markdown text.
    Text {
        /// The text.
        text: String,
    },
    /// Reasoning of the model.
    Thinking {
        /// The readable part; empty when the provider withholds it.
        thinking: String,
        /// Opaque proof the provider wants back in the next request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thinking_signature: Option<String>,
        /// Whether the provider encrypted this block; the signature then holds all of it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        redacted: bool,
    },
    /// A request of the model to run a tool.
    ToolCall {
        /// Id the result refers to.
        id: String,
        /// Tool name.
        name: String,
        /// Arguments, normally an object.
        arguments: Value,
        /// Opaque proof the provider wants back beside this call (Google).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thought_signature: Option<String>,
    },
    /// An image.
    Image {
        /// Base64 of the file.
        data: String,
        /// For example `image/png`.
        mime_type: String,
    },
    /// Any other file.
    File {
        /// Base64 of the file.
        data: String,
        /// For example `application/pdf`.
        mime_type: String,
        /// Name to show.
        name: String,
    },
}

/// Tokens used and what they cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    /// Input tokens that were neither read from nor written to the cache.
    pub input: u64,
    /// Output tokens, thinking included.
    pub output: u64,
    /// Input tokens read from the provider's cache.
    pub cache_read: u64,
    /// Input tokens written to the provider's cache.
    pub cache_write: u64,
    /// Sum of the four.
    pub total_tokens: u64,
    /// Price, when the model's prices are known.
    pub cost: Cost,
}

/// A price in US dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cost {
    /// Of the uncached input.
    pub input: f64,
    /// Of the output.
    pub output: f64,
    /// Of cache reads.
    pub cache_read: f64,
    /// Of cache writes.
    pub cache_write: f64,
    /// Sum of the four.
    pub total: f64,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StopReason {
    /// The model had said everything. Injected messages of generation 3 count as this.
    #[serde(alias = "injected")]
    Stop,
    /// The token limit cut it.
    Length,
    /// The model waits for tool results.
    ToolUse,
    /// It failed; see `errorMessage`.
    Error,
    /// Someone stopped it.
    Aborted,
}

impl Message {
    /// A user message of one text block.
    pub fn user(text: impl Into<String>) -> Self {
        Self::User { content: vec![Block::text(text)] }
    }
}

impl AssistantMessage {
    /// The text blocks joined; thinking and tool calls are left out.
    pub fn text(&self) -> String {
        joined_text(&self.content)
    }
}

impl Block {
    /// A text block.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input += other.input;
        self.output += other.output;
        self.cache_read += other.cache_read;
        self.cache_write += other.cache_write;
        self.total_tokens += other.total_tokens;
        self.cost.input += other.cost.input;
        self.cost.output += other.cost.output;
        self.cost.cache_read += other.cost.cache_read;
        self.cost.cache_write += other.cost.cache_write;
        self.cost.total += other.cost.total;
    }
}

/// The text blocks of `content` in order, without separator.
pub(crate) fn joined_text(content: &[Block]) -> String {
    content
        .iter()
        .filter_map(|block| match block {
            Block::Text { text } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

fn text_or_blocks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Block>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Content {
        Text(String),
        Blocks(Vec<Block>),
    }
    Ok(match Content::deserialize(deserializer)? {
        Content::Text(text) => vec![Block::Text { text }],
        Content::Blocks(blocks) => blocks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shapes_are_those_of_the_transcript() {
        let message = Message::Assistant(AssistantMessage {
            content: vec![
                Block::Thinking {
                    thinking: "hm".into(),
                    thinking_signature: Some("sig".into()),
                    redacted: false,
                },
                Block::ToolCall {
                    id: "c1".into(),
                    name: "read".into(),
                    arguments: json!({"path": "a"}),
                    thought_signature: None,
                },
            ],
            api: "anthropic-messages".into(),
            provider: "anthropic".into(),
            model: "m".into(),
            usage: Usage::default(),
            stop_reason: StopReason::ToolUse,
            error_message: None,
            response_id: None,
        });
        let value = serde_json::to_value(&message).unwrap();
        assert_eq!(
            value,
            json!({
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "thinkingSignature": "sig"},
                    {"type": "toolCall", "id": "c1", "name": "read", "arguments": {"path": "a"}},
                ],
                "api": "anthropic-messages", "provider": "anthropic", "model": "m",
                "usage": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "totalTokens": 0,
                    "cost": {"input": 0.0, "output": 0.0, "cacheRead": 0.0, "cacheWrite": 0.0, "total": 0.0}},
                "stopReason": "toolUse",
            })
        );
        assert_eq!(serde_json::from_value::<Message>(value).unwrap(), message);
    }

    #[test]
    fn tool_results_and_images_keep_their_names() {
        let value = json!({
            "role": "toolResult", "toolCallId": "c1", "toolName": "read", "isError": false,
            "content": [{"type": "image", "data": "AA==", "mimeType": "image/png"}],
        });
        let message: Message = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(message).unwrap(), value);
    }

    #[test]
    fn user_content_may_be_a_string_and_injected_reads_as_stop() {
        let read: Message =
            serde_json::from_value(json!({"role": "user", "content": "hi", "timestamp": 1}))
                .unwrap();
        assert_eq!(read, Message::user("hi"));
        let stop: StopReason = serde_json::from_value(json!("injected")).unwrap();
        assert_eq!(stop, StopReason::Stop);
    }
}
