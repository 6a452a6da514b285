//! Puts the tool calls of a chat completions stream together.
//!
//! The library can do this, too, but it makes room for whatever index the server names, so that
//! one hostile line would exhaust the memory.

use genai::chat::ToolCall;
use serde_json::Value;

/// No honest answer has more.
const MAX_CALLS: usize = 128;

/// The calls so far, arguments as text.
#[derive(Default)]
pub(super) struct Calls {
    calls: Vec<(ToolCall, String)>,
}

impl Calls {
    /// Takes a part: the first one of a call has its name, later ones only arguments.
    pub(super) fn push(&mut self, part: ToolCall) {
        let text = part.fn_arguments.as_str().unwrap_or_default().to_owned();
        if let Some((_, arguments)) = self.continued_by(&part) {
            arguments.push_str(&text);
        } else if !part.fn_name.is_empty() && self.calls.len() < MAX_CALLS {
            self.calls.push((part, text));
        }
    }

    /// The complete calls; arguments that are not JSON stay text.
    pub(super) fn finish(self) -> impl Iterator<Item = ToolCall> {
        self.calls.into_iter().map(|(mut call, text)| {
            call.fn_arguments = serde_json::from_str(&text).unwrap_or(Value::String(text));
            call
        })
    }

    fn continued_by(&mut self, part: &ToolCall) -> Option<&mut (ToolCall, String)> {
        let same_id = self.calls.iter().position(|(call, _)| call.call_id == part.call_id);
        let position = match same_id {
            Some(position) => position,
            None if !part.fn_name.is_empty() => return None,
            // For a part without id the library writes its index.
            None => part.call_id.strip_prefix("call_")?.parse().ok()?,
        };
        self.calls.get_mut(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn part(id: &str, name: &str, arguments: &str) -> ToolCall {
        ToolCall {
            call_id: id.into(),
            fn_name: name.into(),
            fn_arguments: Value::String(arguments.into()),
            thought_signatures: None,
        }
    }

    fn assembled(parts: impl IntoIterator<Item = ToolCall>) -> Vec<(String, Value)> {
        let mut calls = Calls::default();
        for part in parts {
            calls.push(part);
        }
        calls.finish().map(|call| (call.call_id, call.fn_arguments)).collect()
    }

    #[test]
    fn interleaved_parts_find_their_call() {
        let parts = [
            part("a", "read", ""),
            part("b", "read", "{\"n\""),
            part("call_0", "", "{}"),
            part("call_1", "", ":2}"),
            part("call_4000000000", "", "lost"),
        ];
        let expected = [("a".to_owned(), json!({})), ("b".to_owned(), json!({"n": 2}))];
        assert_eq!(assembled(parts), expected);
    }

    #[test]
    fn servers_that_repeat_id_and_name_are_understood() {
        let parts = [part("a", "read", "{\"n\":"), part("a", "read", "1}")];
        assert_eq!(assembled(parts), [("a".to_owned(), json!({"n": 1}))]);
    }
}
