//! The loop of one run: ask the model, run the tools it calls, ask again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::error::ModelError;
use crate::history;
use crate::message::{AssistantMessage, Block, Message, StopReason, Usage};
use crate::model::{Model, ModelEvent, ModelRequest, ThinkingLevel};
use crate::tool::{Partial, Progress, Tool, ToolContext, ToolOutput};
use crate::turn::{Call, Turn};

/// Everything one run needs.
#[derive(Clone)]
pub struct Run {
    /// Who answers.
    pub model: Arc<dyn Model>,
    /// What it may do.
    pub tools: Vec<Arc<dyn Tool>>,
    /// System prompt.
    pub system: String,
    /// The conversation so far, ending with the message to answer.
    pub history: Vec<Message>,
    /// How hard to think.
    pub thinking: ThinkingLevel,
    /// How often the model may be asked, tool rounds included.
    pub max_turns: usize,
}

/// What happens during a run, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// The run starts with this model.
    ModelSelected {
        /// Provider id.
        provider: String,
        /// Model id.
        model: String,
    },
    /// More answer text.
    Text {
        /// The new part.
        delta: String,
    },
    /// More thinking.
    Thinking {
        /// The new part.
        delta: String,
    },
    /// A tool call begins.
    ToolStarted {
        /// Call id.
        id: String,
        /// Tool name.
        name: String,
        /// Its arguments.
        arguments: Value,
    },
    /// A tool call goes on; each report replaces the one before.
    ToolUpdated {
        /// Call id.
        id: String,
        /// Tool name.
        name: String,
        /// What there is so far.
        content: Vec<Block>,
        /// Structured data for the user interface.
        details: Value,
    },
    /// A tool call ended.
    ToolFinished {
        /// Call id.
        id: String,
        /// Tool name.
        name: String,
        /// What the model is told.
        content: Vec<Block>,
        /// Whether it failed.
        is_error: bool,
        /// Structured data for the user interface.
        details: Option<Value>,
        /// How long it took.
        duration: Duration,
    },
    /// A complete assistant or tool result message, ready to be stored.
    Message(Message),
    /// Tokens and cost of the answer just completed.
    Usage(Usage),
    /// A request failed before any output and will be sent again.
    Retry {
        /// Number of the attempt that failed, from 1.
        attempt: u32,
        /// Wait before the next one.
        after: Duration,
        /// What went wrong.
        cause: String,
    },
}

/// How a run ended well.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEnd {
    /// Why the last answer ended.
    pub stop_reason: StopReason,
    /// Tokens and cost of the whole run.
    pub usage: Usage,
    /// Text of the last answer.
    pub text: String,
}

/// How a run ended badly. Text delivered by then has gone out as [`RunEvent::Text`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The token was cancelled.
    #[error("The run was stopped.")]
    Cancelled,
    /// The model failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model kept calling tools.
    #[error(
        "The run was ended after {limit} rounds of tool calls without an answer. \
         Ask again with a smaller task."
    )]
    TooManyTurns {
        /// The limit.
        limit: usize,
    },
}

impl RunError {
    /// Stable code of the variant.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Cancelled => "RUN_CANCELLED",
            Self::Model(error) => error.code(),
            Self::TooManyTurns { .. } => "RUN_TOO_MANY_TURNS",
        }
    }
}

impl Run {
    /// Runs to the end of the last answer, reporting every step to `on_event`.
    ///
    /// # Errors
    /// [`RunError::Cancelled`] as soon as `cancel` fires, [`RunError::Model`] when the model fails
    /// for good, [`RunError::TooManyTurns`] when it never stops calling tools.
    pub async fn execute(
        self,
        cancel: CancellationToken,
        mut on_event: impl FnMut(RunEvent) + Send,
    ) -> Result<RunEnd, RunError> {
        let work = self.turns(&cancel, &mut on_event);
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(RunError::Cancelled),
            end = work => end,
        }
    }

    async fn turns(
        mut self,
        cancel: &CancellationToken,
        on_event: &mut (impl FnMut(RunEvent) + Send),
    ) -> Result<RunEnd, RunError> {
        let reference = &self.model.info().reference;
        on_event(RunEvent::ModelSelected {
            provider: reference.provider.clone(),
            model: reference.id.clone(),
        });
        self.history = history::sendable(self.history);
        let mut usage = Usage::default();
        for _ in 0..self.max_turns {
            let (answer, calls) = self.ask(on_event).await?;
            usage += answer.usage;
            if calls.is_empty() {
                return Ok(RunEnd { stop_reason: answer.stop_reason, usage, text: answer.text() });
            }
            self.history.push(Message::Assistant(answer));
            for call in calls {
                let result = self.run_tool(call, cancel, on_event).await;
                self.history.push(result);
            }
        }
        Err(RunError::TooManyTurns { limit: self.max_turns })
    }

    /// One answer of the model, complete, and the calls to run.
    async fn ask(
        &self,
        on_event: &mut (impl FnMut(RunEvent) + Send),
    ) -> Result<(AssistantMessage, Vec<Call>), RunError> {
        let mut stream = self.model.stream(ModelRequest {
            system: self.system.clone(),
            messages: self.history.clone(),
            tools: self.tools.iter().map(|tool| tool.spec()).collect(),
            thinking: self.thinking,
            max_tokens: None,
        });
        let mut turn = Turn::default();
        while let Some(event) = stream.next().await {
            let event = event?;
            match &event {
                ModelEvent::Text(delta) => on_event(RunEvent::Text { delta: delta.clone() }),
                ModelEvent::Thinking(delta) => {
                    on_event(RunEvent::Thinking { delta: delta.clone() })
                }
                ModelEvent::Retry { attempt, after, cause } => on_event(RunEvent::Retry {
                    attempt: *attempt,
                    after: *after,
                    cause: cause.clone(),
                }),
                ModelEvent::Done { stop_reason, usage, response_id } => {
                    // Arguments cut by the token limit must not be acted upon.
                    let calls = match stop_reason {
                        StopReason::Length => Vec::new(),
                        _ => turn.calls(),
                    };
                    let answer =
                        turn.finish(self.model.info(), *stop_reason, *usage, response_id.clone());
                    on_event(RunEvent::Message(Message::Assistant(answer.clone())));
                    on_event(RunEvent::Usage(*usage));
                    return Ok((answer, calls));
                }
                _ => {}
            }
            turn.push(event);
        }
        Err(RunError::Model(self.broken_off()))
    }

    async fn run_tool(
        &self,
        call: Call,
        cancel: &CancellationToken,
        on_event: &mut (impl FnMut(RunEvent) + Send),
    ) -> Message {
        let Call { id, name, arguments } = call;
        on_event(RunEvent::ToolStarted {
            id: id.clone(),
            name: name.clone(),
            arguments: arguments.clone(),
        });
        let started = Instant::now();
        let progress = Progress::default();
        let mut partial = progress.follow();
        let context = ToolContext { call_id: id.clone(), cancel: cancel.child_token(), progress };
        let mut work = match self.tools.iter().find(|tool| tool.spec().name == name) {
            Some(tool) => tool.call(arguments, context),
            None => {
                let output = ToolOutput::error(format!("There is no tool named {name}."));
                Box::pin(std::future::ready(output))
            }
        };
        let output = loop {
            tokio::select! {
                biased;
                output = &mut work => break output,
                Ok(()) = partial.changed() => {
                    let Some(Partial { content, details }) = partial.borrow_and_update().clone() else {
                        continue;
                    };
                    let (id, name) = (id.clone(), name.clone());
                    on_event(RunEvent::ToolUpdated { id, name, content, details });
                }
            }
        };
        on_event(RunEvent::ToolFinished {
            id: id.clone(),
            name: name.clone(),
            content: output.content.clone(),
            is_error: output.is_error,
            details: output.details.clone(),
            duration: started.elapsed(),
        });
        let result = Message::ToolResult {
            tool_call_id: id,
            tool_name: name,
            content: output.content,
            is_error: output.is_error,
            details: output.details,
        };
        on_event(RunEvent::Message(result.clone()));
        result
    }

    fn broken_off(&self) -> ModelError {
        let reference = &self.model.info().reference;
        ModelError {
            kind: crate::error::ErrorKind::Protocol,
            provider: reference.provider.clone(),
            model: reference.id.clone(),
            http_status: None,
            retry_after: None,
            cause: "the stream ended before the answer was complete".into(),
        }
    }
}
