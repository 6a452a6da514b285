//! Makes a stored conversation acceptable to providers, which refuse tool calls without results.

use std::collections::HashSet;

use crate::message::{AssistantMessage, Block, Message, StopReason};

const INTERRUPTED: &str = "The run was stopped before this tool finished.";

/// The history as it can be sent: failed or empty answers dropped, every tool call answered
/// exactly once, results without a call left out.
pub(crate) fn sendable(history: Vec<Message>) -> Vec<Message> {
    let mut sendable = Vec::with_capacity(history.len());
    let mut open: Vec<(String, String)> = Vec::new();
    for message in history {
        match message {
            Message::ToolResult { ref tool_call_id, .. } => {
                let Some(position) = open.iter().position(|(id, _)| id == tool_call_id) else {
                    continue;
                };
                open.remove(position);
                sendable.push(message);
            }
            Message::Assistant(answer) => {
                close(&mut sendable, &mut open);
                if let Some(answer) = usable(answer) {
                    open = calls(&answer);
                    sendable.push(Message::Assistant(answer));
                }
            }
            Message::User { .. } => {
                close(&mut sendable, &mut open);
                sendable.push(message);
            }
        }
    }
    close(&mut sendable, &mut open);
    sendable
}

fn close(sendable: &mut Vec<Message>, open: &mut Vec<(String, String)>) {
    for (tool_call_id, tool_name) in open.drain(..) {
        sendable.push(Message::ToolResult {
            tool_call_id,
            tool_name,
            content: vec![Block::text(INTERRUPTED)],
            is_error: true,
            details: None,
        });
    }
}

/// A failed or aborted answer keeps only its text: its thinking is unsigned and its calls never ran.
fn usable(mut answer: AssistantMessage) -> Option<AssistantMessage> {
    if matches!(answer.stop_reason, StopReason::Error | StopReason::Aborted) {
        answer.content.retain(|block| matches!(block, Block::Text { .. }));
    }
    answer.content.retain(|block| !matches!(block, Block::Text { text } if text.trim().is_empty()));
    let says_something =
        answer.content.iter().any(|block| !matches!(block, Block::Thinking { .. }));
    says_something.then_some(answer)
}

fn calls(answer: &AssistantMessage) -> Vec<(String, String)> {
    let mut seen = HashSet::new();
    answer
        .content
        .iter()
        .filter_map(|block| match block {
            Block::ToolCall { id, name, .. } => Some((id.clone(), name.clone())),
            _ => None,
        })
        .filter(|(id, _)| seen.insert(id.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Usage;
    use serde_json::json;

    fn answer(stop_reason: StopReason, content: Vec<Block>) -> Message {
        Message::Assistant(AssistantMessage {
            content,
            api: "demo".into(),
            provider: "p".into(),
            model: "m".into(),
            usage: Usage::default(),
            stop_reason,
            error_message: None,
            response_id: None,
        })
    }

    fn call(id: &str) -> Block {
        Block::ToolCall {
            id: id.into(),
            name: "read".into(),
            arguments: json!({}),
            thought_signature: None,
        }
    }

    fn result(id: &str) -> Message {
        Message::ToolResult {
            tool_call_id: id.into(),
            tool_name: "read".into(),
            content: vec![Block::text("ok")],
            is_error: false,
            details: None,
        }
    }

    #[test]
    fn an_interrupted_tool_call_gets_a_result() {
        let history = vec![
            answer(StopReason::ToolUse, vec![call("a"), call("b")]),
            result("a"),
            Message::user("go on"),
        ];
        let sent = sendable(history.clone());
        assert_eq!(sent[..2], history[..2]);
        assert!(
            matches!(&sent[2], Message::ToolResult { tool_call_id, is_error: true, .. } if tool_call_id == "b")
        );
        assert_eq!(sent[3], history[2]);
    }

    #[test]
    fn orphans_and_failures_are_left_out() {
        let history = vec![
            result("nobody"),
            answer(StopReason::Error, vec![call("x")]),
            answer(StopReason::Aborted, vec![Block::text("half"), call("y")]),
            answer(StopReason::Stop, vec![Block::text(" ")]),
            Message::user("hi"),
        ];
        let expected =
            vec![answer(StopReason::Aborted, vec![Block::text("half")]), Message::user("hi")];
        assert_eq!(sendable(history), expected);
    }
}
