//! One run from start to end: prompt, model, tools, events, and everything on disk before anybody
//! sees it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clawdbot_agent::{
    AssistantMessage, Block, Message, Prompt, ReadTool, Run, RunEnd, RunError, RunEvent,
    SessionStatusTool, StopReason, ThinkingLevel, Tool, Usage, WorkspaceFile,
};
use clawdbot_protocol::RpcError;
use clawdbot_store::{FinishRun, NewMessage, Partial, Role, RunStatus, Session, Stored};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::error::store_error;
use crate::gateway::Shared;
use crate::run_events::{RunEvents, Stream};
use crate::runs::{Ended, Job, Live};
use crate::transcript;

/// Shortest time between two deltas of a run (generation 4's pace).
const PACE: Duration = Duration::from_millis(75);
/// How often a model may be asked in one run.
const MAX_TURNS: usize = 50;

/// Runs a job to its end. Never fails: a failure is how the run ended.
pub(crate) async fn drive(shared: &Arc<Shared>, job: Job, live: &Live) -> Ended {
    let session = match shared.store.session(job.key.as_str()).await {
        Ok(Some(session)) => session,
        Ok(None) => return Ended::failed("the session was deleted", shared.now_ms()),
        Err(error) => return Ended::failed(&error.to_string(), shared.now_ms()),
    };
    let mut task = RunTask::new(shared, &job, live, session);
    info!(run = %job.run_id, "run started");
    task.announce(&job.user);
    let result = task.execute(&job).await;
    let ended = task.settle(result).await;
    info!(run = %job.run_id, status = ?ended.status, "run ended");
    ended
}

/// Why a run did not come to a good end.
enum Failure {
    Run(RunError),
    Setup(String),
}

struct RunTask<'a> {
    shared: &'a Arc<Shared>,
    live: &'a Live,
    events: RunEvents,
    session: Session,
    started_ms: i64,
    provider: String,
    model: String,
    usage: Usage,
    /// Text of the answers already stored in this run.
    settled_text: String,
    /// Text of the answer under way.
    text: String,
    thinking: String,
    /// What clients have been shown, of the whole run.
    shown: String,
    /// When the last delta went out, and whether there is more to show.
    last_delta: Option<Instant>,
    unshown: bool,
    /// A complete message, kept back so that the last one is stored together with the end.
    held: Option<NewMessage>,
}

impl<'a> RunTask<'a> {
    fn new(shared: &'a Arc<Shared>, job: &Job, live: &'a Live, session: Session) -> Self {
        let verbose = session
            .fields
            .get("verboseLevel")
            .is_some_and(|level| level != "off");
        Self {
            shared,
            live,
            events: RunEvents {
                shared: shared.clone(),
                run_id: job.run_id.clone(),
                key: job.key.clone(),
                requested_key: job.requested_key.clone(),
                agent_id: job.agent_id.clone(),
                session_id: job.session_id.clone(),
                verbose,
                seq: 0,
            },
            session,
            started_ms: shared.now_ms(),
            provider: String::new(),
            model: String::new(),
            usage: Usage::default(),
            settled_text: String::new(),
            text: String::new(),
            thinking: String::new(),
            shown: String::new(),
            last_delta: None,
            unshown: false,
            held: None,
        }
    }

    fn announce(&mut self, user: &Stored) {
        self.events.row(&self.session, user);
        let started = json!({"phase": "start", "startedAt": self.started_ms});
        self.events.agent(Stream::All("lifecycle"), &started);
        self.events.session_phase(&self.session, "start");
    }

    async fn execute(&mut self, job: &Job) -> Result<RunEnd, Failure> {
        if self.live.cancel.is_cancelled() {
            return Err(Failure::Run(RunError::Cancelled));
        }
        let run = self.prepare(job).await?;
        let (sender, mut events) = mpsc::unbounded_channel();
        let work = run.execute(self.live.cancel.clone(), move |event| {
            let _ = sender.send(event);
        });
        tokio::pin!(work);
        let timeout = job.timeout.or(self.shared.runs.timeout());
        let deadline = async {
            match timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(deadline);
        let mut result = None;
        // The model is polled only when its last event has been dealt with: a slow disk slows the
        // model's stream down instead of filling memory.
        loop {
            let pace = self.pace();
            tokio::select! {
                biased;
                event = events.recv() => match event {
                    Some(event) => self.on_event(event).await?,
                    None => break,
                },
                () = pace, if self.unshown => self.show().await?,
                () = &mut deadline, if result.is_none() => self.live.abort("timeout"),
                end = &mut work, if result.is_none() => result = Some(end),
            }
            if result.is_some() && events.is_empty() {
                break;
            }
        }
        result
            .unwrap_or(Err(RunError::Cancelled))
            .map_err(Failure::Run)
    }

    async fn prepare(&mut self, job: &Job) -> Result<Run, Failure> {
        let shared = self.shared;
        let reference = shared.model_of(Some(&self.session), &job.agent_id);
        self.provider.clone_from(&reference.provider);
        self.model.clone_from(&reference.id);
        let model = shared
            .catalog
            .model(&reference)
            .map_err(|error| Failure::Setup(error.to_string()))?;
        let budget = model.info().context_window.saturating_mul(3);
        let history = transcript::for_model(shared, &job.key, &job.user, budget)
            .await
            .map_err(|error| Failure::Setup(error.message))?;
        let reasons = model.info().reasoning;
        let thinking = job.thinking.unwrap_or_else(|| self.thinking_level(reasons));
        let tools = self.tools(job);
        let system = self.system_prompt(job, &tools).await;
        Ok(Run {
            model,
            tools,
            system,
            history,
            thinking,
            max_turns: MAX_TURNS,
        })
    }

    fn thinking_level(&self, reasons: bool) -> ThinkingLevel {
        let own = self
            .session
            .fields
            .get("thinkingLevel")
            .and_then(Value::as_str);
        let configured = self.shared.config.config.agents.defaults.thinking_default;
        own.and_then(|level| level.parse().ok())
            .or(configured.map(crate::models::thinking))
            .unwrap_or(if reasons {
                ThinkingLevel::Low
            } else {
                ThinkingLevel::Off
            })
    }

    fn tools(&self, job: &Job) -> Vec<Arc<dyn Tool>> {
        let mut tools: Vec<Arc<dyn Tool>> = Vec::new();
        if let Some(agent) = self.shared.agents.get(&job.agent_id)
            && let Ok(read) = ReadTool::new(&agent.workspace)
        {
            tools.push(Arc::new(read));
        }
        let status = json!({
            "sessionKey": job.key,
            "model": format!("{}/{}", self.provider, self.model),
            "tokens": {
                "input": self.session.fields.get("inputTokens"),
                "output": self.session.fields.get("outputTokens"),
                "context": self.session.fields.get("totalTokens"),
            },
            "time": jiff::Zoned::now().strftime("%Y-%m-%d %H:%M %Z").to_string(),
            "gatewayVersion": self.shared.version,
            "uptimeSeconds": self.shared.uptime_ms() / 1000,
        });
        tools.push(Arc::new(SessionStatusTool::new(move || status.clone())));
        tools
    }

    async fn system_prompt(&self, job: &Job, tools: &[Arc<dyn Tool>]) -> String {
        let Some(agent) = self.shared.agents.get(&job.agent_id) else {
            return String::new();
        };
        let workspace = agent.workspace.clone();
        let max_chars = self.shared.agents.bootstrap_max_chars();
        let read = {
            let workspace = workspace.clone();
            move || WorkspaceFile::read_all(&workspace, max_chars)
        };
        // A workspace that does not exist is common and needs no thread to find out.
        let files = if workspace.is_dir() {
            tokio::task::spawn_blocking(read).await.unwrap_or_default()
        } else {
            Vec::new()
        };
        let zone = self
            .shared
            .config
            .config
            .agents
            .defaults
            .user_timezone
            .as_deref();
        let now = jiff::Zoned::now();
        let prompt = Prompt {
            name: agent.name.clone().unwrap_or_else(|| "Clawdbot".to_owned()),
            now: zone.and_then(|zone| now.in_tz(zone).ok()).unwrap_or(now),
            workspace,
            tools: tools.iter().map(|tool| tool.spec()).collect(),
            files,
        };
        let mut text = prompt.build();
        if let Some(extra) = &job.extra_prompt {
            text.push_str("\n\n");
            text.push_str(extra);
        }
        text
    }

    async fn on_event(&mut self, event: RunEvent) -> Result<(), Failure> {
        // Usage follows its message; anything else means that the run goes on after it.
        if !matches!(event, RunEvent::Usage(_)) {
            self.store_held().await?;
        }
        match event {
            RunEvent::ModelSelected { provider, model } => {
                let data = json!({"phase": "model", "provider": provider, "model": model});
                self.events.agent(Stream::Newer("lifecycle"), &data);
            }
            RunEvent::Text { delta } => {
                self.text.push_str(&delta);
                self.unshown = true;
                if self.last_delta.is_none_or(|last| last.elapsed() >= PACE) {
                    self.show().await?;
                }
            }
            RunEvent::Thinking { delta } => {
                self.thinking.push_str(&delta);
                let data = json!({"text": self.thinking, "delta": delta});
                self.events.agent(Stream::Newer("thinking"), &data);
            }
            RunEvent::ToolStarted {
                id,
                name,
                arguments,
            } => {
                let data =
                    json!({"phase": "start", "name": name, "toolCallId": id, "args": arguments});
                self.events.agent(Stream::Tool, &data);
            }
            RunEvent::ToolFinished {
                id,
                name,
                content,
                is_error,
                details,
                duration,
            } => {
                let data = json!({
                    "phase": "result",
                    "name": name,
                    "toolCallId": id,
                    "isError": is_error,
                    "result": {"content": content, "details": details},
                    "durationMs": duration.as_millis(),
                });
                self.events.agent(Stream::Tool, &data);
            }
            RunEvent::Message(message) => self.on_message(message).await?,
            RunEvent::Usage(usage) => {
                self.usage += usage;
                let data = json!({"outputTokens": self.usage.output});
                self.events.agent(Stream::Newer("usage"), &data);
            }
            RunEvent::Retry {
                attempt,
                after,
                cause,
            } => {
                warn!(run = %self.events.run_id, attempt, %cause, "asking the model again");
                let data = json!({
                    "phase": "retry",
                    "attempt": attempt,
                    "afterMs": after.as_millis(),
                    "cause": cause,
                });
                self.events.agent(Stream::Newer("lifecycle"), &data);
            }
        }
        Ok(())
    }

    async fn on_message(&mut self, message: Message) -> Result<(), Failure> {
        if let Message::Assistant(answer) = &message {
            let text = answer.text();
            if !text.is_empty() {
                self.text = text;
                self.unshown = self.whole_text() != self.shown;
                if self.unshown {
                    self.show().await?;
                }
                self.settled_text = self.whole_text();
            }
            self.text.clear();
            self.thinking.clear();
        }
        self.held = Some(self.new_row(&message)?);
        Ok(())
    }

    /// Everything the run has said, answers separated by a blank line.
    fn whole_text(&self) -> String {
        match (self.settled_text.is_empty(), self.text.is_empty()) {
            (true, _) => self.text.clone(),
            (_, true) => self.settled_text.clone(),
            _ => format!("{}\n\n{}", self.settled_text, self.text),
        }
    }

    async fn pace(&self) -> () {
        if let Some(last) = self.last_delta {
            tokio::time::sleep_until((last + PACE).into()).await;
        }
    }

    /// Shows the text so far. What people see is on disk first.
    async fn show(&mut self) -> Result<(), Failure> {
        let partial = Partial {
            text: self.text.clone(),
            thinking: (!self.thinking.is_empty()).then(|| self.thinking.clone()),
        };
        self.shared
            .store
            .journal(&self.events.run_id, partial)
            .await
            .map_err(|error| Failure::Setup(store_error(error).message))?;
        let text = self.whole_text();
        self.events.delta(&text, &self.shown);
        self.live.set_partial(&text);
        self.shown = text;
        self.last_delta = Some(Instant::now());
        self.unshown = false;
        Ok(())
    }

    async fn store_held(&mut self) -> Result<(), Failure> {
        let Some(held) = self.held.take() else {
            return Ok(());
        };
        let stored = self
            .shared
            .store
            .append_run_messages(&self.events.run_id, vec![held])
            .await
            .map_err(|error| Failure::Setup(store_error(error).message))?;
        for row in &stored {
            self.events.row(&self.session, row);
        }
        Ok(())
    }

    fn new_row(&self, message: &Message) -> Result<NewMessage, Failure> {
        transcript::new_row(message, self.shared.now_ms(), Some(&self.events.run_id))
            .map_err(|error| Failure::Setup(error.message))
    }

    /// Stores how the run ended, then tells everybody.
    async fn settle(&mut self, result: Result<RunEnd, Failure>) -> Ended {
        let ended_ms = self.shared.now_ms();
        let (status, stop_reason, error) = match &result {
            Ok(end) => (RunStatus::Ok, stop_word(end.stop_reason), None),
            Err(Failure::Run(RunError::Cancelled)) => {
                (RunStatus::Aborted, self.live.why().to_owned(), None)
            }
            Err(Failure::Run(error)) => (
                RunStatus::Error,
                "error".to_owned(),
                Some(error.to_string()),
            ),
            Err(Failure::Setup(error)) => {
                (RunStatus::Error, "error".to_owned(), Some(error.clone()))
            }
        };
        let mut ended = Ended {
            status,
            started_ms: self.started_ms,
            ended_ms,
            stop_reason: Some(stop_reason),
            error,
            text: self.whole_text(),
            provider: self.provider.clone(),
            model: self.model.clone(),
            usage: self.usage,
        };
        let rows = match self.store_end(&ended).await {
            Ok(rows) => rows,
            Err(error) => {
                ended.status = RunStatus::Error;
                ended.error = Some(error.message);
                Vec::new()
            }
        };
        if let Ok(Some(session)) = self.shared.store.session(self.events.key.as_str()).await {
            self.session = session;
        }
        let detail = match &result {
            Err(Failure::Run(RunError::Model(error))) => Some(error),
            _ => None,
        };
        self.tell_end(&ended, &rows, detail);
        ended
    }

    async fn store_end(&mut self, ended: &Ended) -> Result<Vec<Stored>, RpcError> {
        let mut messages: Vec<NewMessage> = self.held.take().into_iter().collect();
        if ended.status != RunStatus::Ok {
            messages.extend(self.unfinished_row(ended)?);
        }
        let finish = FinishRun {
            run_id: self.events.run_id.clone(),
            status: ended.status,
            stop_reason: ended.stop_reason.clone(),
            error: ended.error.clone(),
            result: Some(json!({
                "text": ended.text,
                "provider": ended.provider,
                "model": ended.model,
                "usage": ended.usage,
            })),
            messages,
            session_fields: self.session_fields(ended),
            now_ms: ended.ended_ms,
        };
        self.shared
            .store
            .finish_run(finish)
            .await
            .map_err(store_error)
    }

    /// What a stopped or failed run leaves in the transcript.
    fn unfinished_row(&self, ended: &Ended) -> Result<Option<NewMessage>, RpcError> {
        let aborted = ended.status == RunStatus::Aborted;
        if aborted && self.text.is_empty() {
            return Ok(None);
        }
        let content = match self.text.as_str() {
            "" => Vec::new(),
            text => vec![Block::text(text)],
        };
        let answer = Message::Assistant(AssistantMessage {
            content,
            api: String::new(),
            provider: if aborted {
                "clawdbot".into()
            } else {
                self.provider.clone()
            },
            model: if aborted {
                "gateway-injected".into()
            } else {
                self.model.clone()
            },
            usage: Usage::default(),
            stop_reason: if aborted {
                StopReason::Stop
            } else {
                StopReason::Error
            },
            error_message: ended.error.clone(),
            response_id: None,
        });
        let run_id = &self.events.run_id;
        let mut members = Map::new();
        if aborted {
            let origin = ended.stop_reason.as_deref().unwrap_or("rpc");
            let abort = json!({"aborted": true, "origin": origin, "runId": run_id});
            members.insert("openclawAbort".into(), abort);
        }
        let mut row = transcript::new_row_with(&answer, ended.ended_ms, Some(run_id), members)?;
        row.idempotency_key = Some(format!("{run_id}:assistant"));
        row.role = Role::Assistant;
        Ok(Some(row))
    }

    fn session_fields(&self, ended: &Ended) -> Map<String, Value> {
        let status = match ended.status {
            RunStatus::Ok => "done",
            RunStatus::Aborted => "killed",
            _ => "failed",
        };
        let Value::Object(mut fields) = json!({
            "status": status,
            "abortedLastRun": ended.status == RunStatus::Aborted,
            "lastRunId": self.events.run_id,
            "lastRunError": ended.error,
            "startedAt": ended.started_ms,
            "endedAt": ended.ended_ms,
            "runtimeMs": ended.ended_ms - ended.started_ms,
        }) else {
            return Map::new();
        };
        if ended.usage.total_tokens > 0 {
            let usage = &ended.usage;
            let context = usage.input + usage.cache_read + usage.cache_write;
            fields.insert("inputTokens".into(), json!(usage.input));
            fields.insert("outputTokens".into(), json!(usage.output));
            fields.insert("totalTokens".into(), json!(context));
            fields.insert("totalTokensFresh".into(), json!(true));
            fields.insert("estimatedCostUsd".into(), json!(usage.cost.total));
        }
        fields
    }

    fn tell_end(
        &mut self,
        ended: &Ended,
        rows: &[Stored],
        detail: Option<&clawdbot_agent::ModelError>,
    ) {
        let mut members = Map::new();
        members.insert("stopReason".into(), json!(ended.stop_reason));
        if !ended.text.is_empty() {
            members.insert("message".into(), self.events.message(&ended.text));
        }
        let times = json!({"startedAt": ended.started_ms, "endedAt": ended.ended_ms});
        match ended.status {
            RunStatus::Ok => {
                self.tell_rows(rows);
                self.tell_success(ended, &times);
                members.insert("usage".into(), json!(ended.usage));
                self.events.chat("final", &members);
            }
            RunStatus::Aborted => {
                self.events.seq += 1;
                self.events.chat("aborted", &members);
                self.events.seq -= 1;
                let data = json!({"phase": "end", "status": "cancelled", "aborted": true,
                    "stopReason": ended.stop_reason});
                self.events
                    .agent(Stream::All("lifecycle"), &merged(data, &times));
                self.tell_rows(rows);
            }
            _ => {
                let data = json!({"phase": "error", "error": ended.error});
                self.tell_rows(rows);
                self.events
                    .agent(Stream::All("lifecycle"), &merged(data, &times));
                members.insert("errorMessage".into(), json!(ended.error));
                members.insert(
                    "errorKind".into(),
                    json!(detail.map_or("unknown", |e| e.wire_kind())),
                );
                if let Some(error) = detail {
                    members.insert(
                        "errorDetail".into(),
                        json!({"provider": error.provider, "model": error.model,
                            "httpStatus": error.http_status, "code": error.code()}),
                    );
                }
                self.events.chat("error", &members);
            }
        }
        let phase = if ended.status == RunStatus::Error {
            "error"
        } else {
            "end"
        };
        self.events.session_phase(&self.session, phase);
    }

    fn tell_rows(&self, rows: &[Stored]) {
        for row in rows {
            self.events.row(&self.session, row);
        }
    }

    fn tell_success(&mut self, ended: &Ended, times: &Value) {
        let finishing = json!({"phase": "finishing", "stopReason": ended.stop_reason,
            "aborted": false, "endedAt": ended.ended_ms});
        self.events.agent(Stream::Newer("lifecycle"), &finishing);
        let disposition = if ended.text.is_empty() {
            "silent"
        } else {
            "visible"
        };
        let end = json!({"phase": "end", "stopReason": ended.stop_reason, "aborted": false,
            "terminalReply": {"disposition": disposition, "text": ended.text},
            "executionSettled": true});
        self.events
            .agent(Stream::All("lifecycle"), &merged(end, times));
    }
}

fn merged(mut data: Value, more: &Value) -> Value {
    if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
        data.extend(more.clone());
    }
    data
}

fn stop_word(reason: StopReason) -> String {
    match serde_json::to_value(reason) {
        Ok(Value::String(word)) => word,
        _ => "stop".to_owned(),
    }
}
