//! One run from start to end: prompt, model, tools, events, and everything on disk before anybody
//! sees it.

mod compact;
mod end;

pub(crate) use end::bury;

use std::sync::Arc;
use std::time::{Duration, Instant};

use clawdbot_agent::{
    ErrorKind, Message, ModelRef, Prompt, Run, RunEnd, RunError, RunEvent, ThinkingLevel, Tool,
    Usage, WorkspaceFile,
};
use clawdbot_protocol::RpcError;
use clawdbot_store::{NewMessage, Partial, Session, Stored};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::error::store_error;
use crate::exec;
use crate::run_events::{RunEvents, Stream};
use crate::runs::{Ended, Job, Live};
use crate::shared::Shared;
use crate::skills;
use crate::system_events::{self, Taken};
use crate::{toolbox, transcript};

/// Shortest time between two deltas of a run (generation 4's pace).
const PACE: Duration = Duration::from_millis(75);
/// How often a model may be asked in one run.
const MAX_TURNS: usize = 50;

/// Runs a job to its end.
///
/// # Errors
/// When it could not even begin; nobody has been told then.
pub(crate) async fn drive(shared: &Arc<Shared>, job: Job, live: &Live) -> Result<Ended, RpcError> {
    let session = shared.store.session(job.key.as_str()).await.map_err(store_error)?;
    let Some(session) = session else {
        return Err(RpcError::unavailable("The conversation was deleted before the answer began."));
    };
    let mut task = RunTask::new(shared, &job, live, session);
    info!(run = %job.run_id, "run started");
    task.announce(&job.user);
    let result = task.execute(&job).await;
    let ended = task.settle(result).await;
    info!(run = %job.run_id, status = ?ended.status, "run ended");
    Ok(ended)
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
    /// Tokens the model read for its last answer.
    context: u64,
    /// Answers and tool results so far.
    answers: usize,
    deadline: Option<tokio::time::Instant>,
    /// Whether clients have yet to hear of the last answer's usage.
    usage_untold: bool,
    /// Text of the answers already stored in this run.
    settled_text: String,
    /// Text of the answer under way.
    text: String,
    thinking: String,
    /// How much of it clients have been shown, in bytes.
    thinking_shown: usize,
    /// What clients have been shown, of the whole run.
    shown: String,
    /// When the last delta went out, and whether there is more to show.
    last_delta: Option<Instant>,
    unshown: bool,
    /// A complete message, kept back so that the last one is stored together with the end.
    held: Option<NewMessage>,
    /// What the conversation was told beside the message.
    told: Option<Taken>,
}

impl<'a> RunTask<'a> {
    fn new(shared: &'a Arc<Shared>, job: &Job, live: &'a Live, session: Session) -> Self {
        let verbose = session.fields.get("verboseLevel").is_some_and(|level| level != "off");
        Self {
            shared,
            live,
            events: RunEvents { verbose, ..RunEvents::new(shared, job) },
            session,
            started_ms: shared.now_ms(),
            provider: String::new(),
            model: String::new(),
            usage: Usage::default(),
            context: 0,
            answers: 0,
            deadline: None,
            usage_untold: false,
            settled_text: String::new(),
            text: String::new(),
            thinking: String::new(),
            thinking_shown: 0,
            shown: String::new(),
            last_delta: None,
            unshown: false,
            held: None,
            told: None,
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
        let timeout = job.timeout.or(self.configured_timeout());
        self.deadline = timeout.map(|timeout| tokio::time::Instant::now() + timeout);
        let run = self.prepare(job).await?;
        let history = self.history(job, &run).await?;
        match self.attempt(Run { history, ..run.clone() }).await {
            Err(Failure::Run(RunError::Model(error)))
                if error.kind == ErrorKind::ContextLength && self.untouched() =>
            {
                if !self.compact(job, &run, true).await? {
                    return Err(Failure::Run(RunError::Model(error)));
                }
                let history = self.history(job, &run).await?;
                self.attempt(Run { history, ..run }).await
            }
            result => result,
        }
    }

    /// Has the model answer.
    async fn attempt(&mut self, run: Run) -> Result<RunEnd, Failure> {
        let (sender, mut events) = mpsc::unbounded_channel();
        let work = run.execute(self.live.cancel.clone(), move |event| {
            let _ = sender.send(event);
        });
        tokio::pin!(work);
        let deadline = self.deadline();
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
                () = &mut deadline, if !self.live.cancel.is_cancelled() => {
                    self.live.abort("timeout");
                }
                end = &mut work, if result.is_none() => result = Some(end),
            }
            if result.is_some() && events.is_empty() {
                break;
            }
        }
        result.unwrap_or(Err(RunError::Cancelled)).map_err(Failure::Run)
    }

    /// Waits for the end of the time this run has.
    fn deadline(&self) -> impl Future<Output = ()> + Send + use<> {
        let deadline = self.deadline;
        async move {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        }
    }

    /// The run without its history.
    async fn prepare(&mut self, job: &Job) -> Result<Run, Failure> {
        let shared = self.shared;
        let own = job.model.clone();
        let reference = own.unwrap_or_else(|| shared.model_of(Some(&self.session), &job.agent_id));
        self.provider.clone_from(&reference.provider);
        self.model.clone_from(&reference.id);
        let model = shared.model(&reference).map_err(|error| Failure::Setup(error.to_string()))?;
        let reasons = model.info().reasoning;
        let thinking = job.thinking.unwrap_or_else(|| self.thinking_level(reasons));
        let tools = self.tools(job);
        let system = self.system_prompt(job, &tools).await;
        self.told = Some(system_events::take(shared, &job.key).await);
        Ok(Run { model, tools, system, history: Vec::new(), thinking, max_turns: MAX_TURNS })
    }

    /// `agents.defaults.timeoutSeconds`; 0 means none.
    fn configured_timeout(&self) -> Option<Duration> {
        let seconds = self.shared.settings().config().agents.defaults.timeout_seconds;
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
    }

    fn thinking_level(&self, reasons: bool) -> ThinkingLevel {
        let own = self.session.fields.get("thinkingLevel").and_then(Value::as_str);
        let settings = self.shared.settings();
        let configured = settings.config().agents.defaults.thinking_default;
        own.and_then(|level| level.parse().ok())
            .or(configured.map(crate::models::thinking))
            .unwrap_or(if reasons { ThinkingLevel::Low } else { ThinkingLevel::Off })
    }

    fn tools(&self, job: &Job) -> Vec<Arc<dyn Tool>> {
        let settings = self.shared.settings();
        let model = ModelRef::new(&self.provider, &self.model);
        let session = Some(&self.session);
        let mut tools = toolbox::reading(self.shared, &job.agent_id, &job.key, session, &model);
        // What another program says must not become a command (HOOK-05).
        let agent = settings.agents.get(&job.agent_id);
        if let Some(agent) = agent.filter(|_| transcript::is_owners(&job.user)) {
            tools.extend(exec::tool(self.shared, job, agent));
        }
        tools.retain(|tool| settings.offers(&job.agent_id, &tool.spec().name));
        tools
    }

    async fn system_prompt(&self, job: &Job, tools: &[Arc<dyn Tool>]) -> String {
        let settings = self.shared.settings();
        let Some(agent) = settings.agents.get(&job.agent_id) else {
            return String::new();
        };
        let workspace = agent.workspace.clone();
        let max_chars = settings.agents.bootstrap_max_chars();
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
        let zone = settings.config().agents.defaults.user_timezone.as_deref();
        let now = jiff::Zoned::now();
        let prompt = Prompt {
            name: agent.name.clone().unwrap_or_else(|| "Clawdbot".to_owned()),
            now: zone.and_then(|zone| now.in_tz(zone).ok()).unwrap_or(now),
            workspace,
            tools: tools.iter().map(|tool| tool.spec()).collect(),
            files,
            skills: skills::for_prompt(self.shared, agent).await,
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
                self.more_to_show().await?;
            }
            RunEvent::Thinking { delta } => {
                self.thinking.push_str(&delta);
                self.more_to_show().await?;
            }
            RunEvent::ToolStarted { id, name, arguments } => {
                let data =
                    json!({"phase": "start", "name": name, "toolCallId": id, "args": arguments});
                self.events.agent(Stream::Tool, &data);
            }
            RunEvent::ToolUpdated { id, name, content, details } => {
                let data = json!({"phase": "update", "name": name, "toolCallId": id,
                    "partialResult": {"content": content, "details": details}});
                self.events.agent(Stream::ToolUpdate, &data);
            }
            RunEvent::ToolFinished { id, name, content, is_error, details, duration } => {
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
            RunEvent::Message(message) => self.on_message(message)?,
            RunEvent::Usage(usage) => {
                self.usage += usage;
                self.context = usage.input + usage.cache_read + usage.cache_write;
                self.usage_untold = true;
            }
            RunEvent::Retry { attempt, after, cause } => {
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

    /// Shows what has come, now or when it is time for the next delta.
    async fn more_to_show(&mut self) -> Result<(), Failure> {
        self.unshown = true;
        if self.last_delta.is_none_or(|last| last.elapsed() >= PACE) {
            self.show().await?;
        }
        Ok(())
    }

    fn on_message(&mut self, message: Message) -> Result<(), Failure> {
        if let Message::Assistant(answer) = &message {
            let text = answer.text();
            if !text.is_empty() {
                self.text = text;
            }
            self.settled_text = self.whole_text();
            self.text.clear();
            // It is shown once its row is stored, which saves journalling it first.
            self.unshown = false;
        }
        self.answers += 1;
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
        self.tell_progress();
        Ok(())
    }

    /// Tells what is on disk and has not been told: thinking, text, and what the answer has cost.
    fn tell_progress(&mut self) {
        if let Some(delta) = self.thinking.get(self.thinking_shown..).filter(|new| !new.is_empty())
        {
            let data = json!({"text": self.thinking, "delta": delta});
            self.events.agent(Stream::Newer("thinking"), &data);
            self.thinking_shown = self.thinking.len();
        }
        let text = self.whole_text();
        if text != self.shown {
            self.events.delta(&text, &self.shown);
            self.live.set_partial(&text);
            self.shown = text;
        }
        if std::mem::take(&mut self.usage_untold) {
            let data = json!({"outputTokens": self.usage.output});
            self.events.agent(Stream::Newer("usage"), &data);
        }
        self.last_delta = Some(Instant::now());
        self.unshown = false;
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
        self.tell_progress();
        self.thinking.clear();
        self.thinking_shown = 0;
        for row in &stored {
            self.events.row(&self.session, row);
        }
        Ok(())
    }

    fn new_row(&self, message: &Message) -> Result<NewMessage, Failure> {
        transcript::new_row(message, self.shared.now_ms(), Some(&self.events.run_id))
            .map_err(|error| Failure::Setup(error.message))
    }
}
