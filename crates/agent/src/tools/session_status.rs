//! `session_status`: tells the model about the session it is in.

use std::sync::Arc;

use futures_util::future::{BoxFuture, ready};
use serde_json::{Value, json};

use crate::tool::{Tool, ToolContext, ToolOutput, ToolSpec};

/// Where the facts come from. Any `Fn() -> Value` will do.
pub trait SessionStatus: Send + Sync {
    /// An object such as `{"model": …, "tokens": {…}, "time": …, "sessionKey": …}`.
    fn status(&self) -> BoxFuture<'_, Value>;
}

impl<F: Fn() -> Value + Send + Sync> SessionStatus for F {
    fn status(&self) -> BoxFuture<'_, Value> {
        Box::pin(ready(self()))
    }
}

/// The tool; the object itself goes to the user interface as `details`.
pub struct SessionStatusTool {
    source: Arc<dyn SessionStatus>,
}

impl SessionStatusTool {
    /// A tool that reports what `source` says.
    pub fn new(source: impl SessionStatus + 'static) -> Self {
        Self { source: Arc::new(source) }
    }
}

impl Tool for SessionStatusTool {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "session_status".into(),
            description: "Shows the state of this session: model, tokens used, current time and \
                          time zone, session key. Use it when asked about any of these."
                .into(),
            parameters: json!({"type": "object", "properties": {}, "additionalProperties": false}),
        }
    }

    fn call(&self, _arguments: Value, _context: ToolContext) -> BoxFuture<'_, ToolOutput> {
        Box::pin(async move {
            let status = self.source.status().await;
            let mut lines = Vec::new();
            render("", &status, &mut lines);
            ToolOutput::text(lines.join("\n")).with_details(status)
        })
    }
}

/// One `name: value` line per leaf; nested names are joined with dots.
fn render(name: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let joined = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                render(&joined, member, lines);
            }
        }
        Value::Null => {}
        Value::String(text) => lines.push(format!("{name}: {text}")),
        other => lines.push(format!("{name}: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Block;
    use crate::tool::Progress;
    use tokio_util::sync::CancellationToken;

    #[tokio::test]
    async fn renders_one_line_per_fact() {
        let status = json!({"model": "builtin/demo", "tokens": {"total": 12}, "label": null});
        let source = status.clone();
        let tool = SessionStatusTool::new(move || source.clone());
        let context = ToolContext {
            call_id: "1".into(),
            cancel: CancellationToken::new(),
            progress: Progress::default(),
        };
        let output = tool.call(json!({}), context).await;
        assert_eq!(output.content, [Block::text("model: builtin/demo\ntokens.total: 12")]);
        assert_eq!(output.details, Some(status));
    }
}
