//! Assembles the blocks of one answer from the events of its stream.

use serde_json::Value;

use crate::message::{AssistantMessage, Block, StopReason, Usage};
use crate::model::{ModelEvent, ModelInfo};

/// A tool call the model asked for.
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: Value,
}

/// The answer as far as it has arrived.
#[derive(Default)]
pub(crate) struct Turn {
    blocks: Vec<Block>,
}

impl Turn {
    /// Adds a content event; `Retry` and `Done` carry no content.
    pub(crate) fn push(&mut self, event: ModelEvent) {
        match event {
            ModelEvent::Text(delta) => self.push_text(delta),
            ModelEvent::Thinking(delta) => self.push_thinking(&delta),
            ModelEvent::SignedThinking(blocks) => self.replace_thinking(blocks),
            ModelEvent::ToolCall { id, name, arguments, thought_signature } => {
                self.blocks.push(Block::ToolCall { id, name, arguments, thought_signature })
            }
            ModelEvent::Retry { .. } | ModelEvent::Done { .. } => {}
        }
    }

    /// The tool calls so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.blocks
            .iter()
            .filter_map(|block| match block {
                Block::ToolCall { id, name, arguments, .. } => {
                    Some(Call { id: id.clone(), name: name.clone(), arguments: arguments.clone() })
                }
                _ => None,
            })
            .collect()
    }

    /// The complete message.
    pub(crate) fn finish(
        self,
        info: &ModelInfo,
        stop_reason: StopReason,
        usage: Usage,
        response_id: Option<String>,
    ) -> AssistantMessage {
        AssistantMessage {
            content: self.blocks,
            api: info.api.as_str().into(),
            provider: info.reference.provider.clone(),
            model: info.reference.id.clone(),
            usage,
            stop_reason,
            error_message: None,
            response_id,
        }
    }

    fn push_text(&mut self, delta: String) {
        match self.blocks.last_mut() {
            Some(Block::Text { text }) => text.push_str(&delta),
            _ => self.blocks.push(Block::Text { text: delta }),
        }
    }

    fn push_thinking(&mut self, delta: &str) {
        match self.blocks.last_mut() {
            Some(Block::Thinking { thinking, .. }) => thinking.push_str(delta),
            _ => self.blocks.push(Block::Thinking {
                thinking: delta.into(),
                thinking_signature: None,
                redacted: false,
            }),
        }
    }

    /// Signed thinking leads the message: providers accept it nowhere else.
    fn replace_thinking(&mut self, signed: Vec<Block>) {
        self.blocks.retain(|block| !matches!(block, Block::Thinking { .. }));
        self.blocks.splice(0..0, signed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_thinking_replaces_the_streamed_and_leads() {
        let signed = Block::Thinking {
            thinking: "ab".into(),
            thinking_signature: Some("s".into()),
            redacted: false,
        };
        let mut turn = Turn::default();
        for event in [
            ModelEvent::Thinking("a".into()),
            ModelEvent::Thinking("b".into()),
            ModelEvent::Text("x".into()),
            ModelEvent::Text("y".into()),
            ModelEvent::SignedThinking(vec![signed.clone()]),
        ] {
            turn.push(event);
        }
        assert_eq!(turn.blocks, [signed, Block::text("xy")]);
    }
}
