//! The `Tool` port: something a model can ask us to do.

use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::message::Block;

/// How a tool is presented to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// Name, `[a-z0-9_]+`.
    pub name: String,
    /// What it does and when to use it.
    pub description: String,
    /// JSON Schema of the arguments object.
    pub parameters: Value,
}

/// The circumstances of one call.
#[derive(Debug, Clone)]
pub struct ToolContext {
    /// Id of the call, unique in the run.
    pub call_id: String,
    /// Cancelled when the run is; the call's future is dropped as well.
    pub cancel: CancellationToken,
    /// Where to show how the call is coming along.
    pub progress: Progress,
}

/// Shows people how a call is coming along. Only the newest state is kept, so a call that has much
/// to show neither waits nor fills memory.
#[derive(Debug, Clone, Default)]
pub struct Progress(watch::Sender<Option<Partial>>);

/// The state of a call that has not ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Partial {
    pub(crate) content: Vec<Block>,
    pub(crate) details: Value,
}

impl Progress {
    /// Replaces what is shown.
    pub fn show(&self, text: impl Into<String>, details: Value) {
        self.0.send_replace(Some(Partial { content: vec![Block::text(text)], details }));
    }

    pub(crate) fn follow(&self) -> watch::Receiver<Option<Partial>> {
        self.0.subscribe()
    }
}

/// What a call produced.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolOutput {
    /// Text and images for the model.
    pub content: Vec<Block>,
    /// Whether the call failed.
    pub is_error: bool,
    /// Structured data for the user interface.
    pub details: Option<Value>,
}

/// Something a model can ask for.
pub trait Tool: Send + Sync {
    /// Name, description and argument schema.
    fn spec(&self) -> ToolSpec;

    /// Runs one call. `arguments` come from a model and are not checked against the schema.
    fn call(&self, arguments: Value, context: ToolContext) -> BoxFuture<'_, ToolOutput>;
}

impl ToolOutput {
    /// A success with one text block.
    pub fn text(text: impl Into<String>) -> Self {
        Self { content: vec![Block::text(text)], is_error: false, details: None }
    }

    /// A failure the model is told about.
    pub fn error(text: impl Into<String>) -> Self {
        Self { is_error: true, ..Self::text(text) }
    }

    /// Adds structured data for the user interface.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }
}
