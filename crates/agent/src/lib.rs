//! One run of the assistant: a model, its tools and the loop between them.
//!
//! The crate knows neither the wire protocol nor the database. The gateway hands a [`Run`] its
//! history, receives [`RunEvent`]s while it works and stores the [`Message`]s it is given.
//!
//! Invariants:
//! - building a [`Catalog`] does no I/O; the HTTP client exists from the first request on;
//! - a provider key appears in no `Debug`, `Display`, log line or URL;
//! - a cancelled run stops at once and drops its HTTP stream;
//! - file tools reach only files below the workspace handle they were given;
//! - no command runs without the consent of its [`ExecGate`], and none outlives its call.
//!
//! ```
//! use std::sync::Arc;
//! use clawdbot_agent::{Catalog, CatalogSettings, Message, Run, RunEvent, ThinkingLevel};
//! use tokio_util::sync::CancellationToken;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
//! let catalog = Catalog::new(CatalogSettings::default());
//! let run = Run {
//!     model: catalog.model(&catalog.default_model()).unwrap(),
//!     tools: Vec::new(),
//!     system: String::new(),
//!     history: vec![Message::user("Hello")],
//!     thinking: ThinkingLevel::Off,
//!     max_turns: 8,
//! };
//! let mut reply = String::new();
//! let end = run.execute(CancellationToken::new(), |event| {
//!     if let RunEvent::Text { delta } = event { reply.push_str(&delta) }
//! }).await.unwrap();
//! assert_eq!(reply, end.text);
//! # }
//! ```

mod catalog;
mod compaction;
mod error;
mod history;
mod message;
mod model;
mod models;
mod prompt;
mod run;
mod tool;
mod tools;
mod turn;

pub use catalog::{
    Catalog, CatalogError, CatalogSettings, LocalServers, ModelSettings, ProviderSettings,
};
pub use compaction::{Summary, summarize, tokens_in};
pub use error::{ErrorKind, ModelError};
pub use message::{AssistantMessage, Block, Cost, Message, StopReason, Usage};
pub use model::{
    Api, InputKind, InvalidModelRef, InvalidThinkingLevel, Model, ModelEvent, ModelInfo, ModelRef,
    ModelRequest, Price, ThinkingLevel,
};
pub use models::{Demo, ProviderChoice, http_client, provider_choices};
pub use prompt::{Prompt, SkillNote, WorkspaceFile};
pub use run::{Run, RunEnd, RunError, RunEvent};
pub use secrecy::SecretString as Secret;
pub use tool::{Progress, Tool, ToolContext, ToolOutput, ToolSpec};
pub use tools::{
    ExecCall, ExecGate, ExecSettings, ExecTool, ReadTool, SessionStatus, SessionStatusTool,
    Workspace, WorkspaceEntry, WorkspaceError, WorkspaceFileContent, commands_in,
};
