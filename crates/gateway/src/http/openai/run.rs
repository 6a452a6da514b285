//! A run that answers one HTTP request, at once or bit by bit.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clawdbot_protocol::RpcError;
use clawdbot_store::RunStatus;
use http::{HeaderValue, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::sync::watch;

use super::super::reply::{Body, file};
use super::Failure;
use super::input::Prompt;
use super::target::Target;
use crate::runs::{Ended, Live};
use crate::shared::Shared;
use crate::submit::{Sender, Submission, Submitted, Unattended};

/// A stream says something at least this often, so that a caller that went away is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a caller asked for, ready to run.
pub(super) struct Order {
    pub(super) target: Target,
    pub(super) prompt: Prompt,
    pub(super) thinking: Option<String>,
    pub(super) run_id: String,
}

/// A run somebody waits for. Dropped before its end it stops the run: nobody would see the answer.
pub(super) struct Answering {
    live: Live,
    shown: watch::Receiver<Arc<str>>,
    sent: String,
    end: Option<Ended>,
}

/// What happens next.
pub(super) enum Step {
    /// More text.
    Text(String),
    /// Nothing for a while.
    Quiet,
    /// It has ended.
    End(Box<Ended>),
}

impl Order {
    /// Starts the run.
    pub(super) async fn start(self, shared: &Arc<Shared>) -> Result<Answering, Failure> {
        let submission = Submission {
            requested_key: self.target.key.to_string(),
            key: self.target.key,
            message: self.prompt.message,
            run_id: self.run_id,
            attachments: self.prompt.files,
            thinking: self.thinking,
            timeout: None,
            extra_prompt: self.prompt.instructions,
            sender: Sender { id: "http-api".into(), mode: "backend".into(), name: None },
        };
        let (gateway, model) = (shared.clone(), self.target.model);
        // In a task of its own: a caller that goes away must not leave a run half accepted.
        let starting = shared.tasks.spawn(async move {
            match submission.accept_as(&gateway, Unattended { model, quiet: false }).await? {
                Submitted::Started(started) => {
                    let live = started.live.clone();
                    started.go(&gateway);
                    Ok(Answering::new(live))
                }
                _ => Err(RpcError::unavailable("this request is being answered already")),
            }
        });
        let started = starting.await.map_err(|_| {
            RpcError::unavailable("the gateway failed inside this request; see its log")
        })?;
        Ok(started?)
    }
}

impl Answering {
    fn new(live: Live) -> Self {
        Self { shown: live.shown(), live, sent: String::new(), end: None }
    }

    /// The next thing that happens. After the end there is nothing more to ask for.
    pub(super) async fn next(&mut self) -> Step {
        if let Some(ended) = self.end.clone() {
            return Step::End(Box::new(ended));
        }
        loop {
            let live = self.live.clone();
            tokio::select! {
                biased;
                Ok(()) = self.shown.changed() => {
                    let text = self.shown.borrow_and_update().clone();
                    if let Some(new) = self.unsent(&text) {
                        return Step::Text(new);
                    }
                }
                ended = live.ended() => {
                    let ended = ended.unwrap_or_else(|| Ended::failed("the run was lost", 0));
                    let rest = self.unsent(&ended.text);
                    self.end = Some(ended.clone());
                    return match rest {
                        Some(rest) => Step::Text(rest),
                        None => Step::End(Box::new(ended)),
                    };
                }
                () = tokio::time::sleep(KEEP_ALIVE) => return Step::Quiet,
            }
        }
    }

    /// Waits for the end.
    pub(super) async fn end(mut self) -> Ended {
        loop {
            if let Step::End(ended) = self.next().await {
                return *ended;
            }
        }
    }

    /// What `text` adds to what was sent. A text that was rewritten adds nothing: what is sent
    /// cannot be taken back.
    fn unsent(&mut self, text: &str) -> Option<String> {
        let new = text.strip_prefix(&self.sent).filter(|new| !new.is_empty())?.to_owned();
        self.sent.push_str(&new);
        Some(new)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if self.end.is_none() {
            self.live.abort("disconnected");
        }
    }
}

/// How an interface tells a run as server-sent events.
pub(super) trait Telling: Send + 'static {
    fn begin(&mut self) -> String;
    fn text(&mut self, text: &str) -> String;
    fn end(&mut self, ended: &Ended) -> String;
}

/// Whether a run came to an answer: a stopped one did if it had said something.
pub(super) fn has_answer(ended: &Ended) -> bool {
    match ended.status {
        RunStatus::Ok => true,
        RunStatus::Error | RunStatus::Running => false,
        RunStatus::Aborted | RunStatus::Interrupted => !ended.text.is_empty(),
    }
}

/// The answer as server-sent events. The run is asked for more only when the caller takes it.
pub(super) fn stream(answering: Answering, telling: impl Telling) -> Response<Body> {
    enum Stage {
        Begin,
        Middle,
        Over,
    }
    let frames = futures_util::stream::unfold(
        (answering, telling, Stage::Begin),
        |(mut answering, mut telling, stage)| async move {
            let (text, stage) = match stage {
                Stage::Begin => (telling.begin(), Stage::Middle),
                Stage::Middle => match answering.next().await {
                    Step::Text(text) => (telling.text(&text), Stage::Middle),
                    Step::Quiet => (": still here\n\n".to_owned(), Stage::Middle),
                    Step::End(ended) => (telling.end(&ended), Stage::Over),
                },
                Stage::Over => return None,
            };
            let frame = Ok(Frame::data(Bytes::from(text)));
            Some((frame, (answering, telling, stage)))
        },
    );
    let mut response = file(Bytes::new(), "text/event-stream; charset=utf-8", "no-store");
    *response.body_mut() = StreamBody::new(frames).boxed_unsync();
    // Some proxies keep answers back until they are complete unless told not to.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
