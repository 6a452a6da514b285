//! A run whose conversation does not fit its model: the older part is summarised first. When that
//! fails, the run goes on with as much as fits; the message is never lost.

use clawdbot_agent::{Block, Message, Run, RunError, tokens_in};
use serde_json::json;
use tracing::{info, warn};

use super::{Failure, RunTask};
use crate::compaction::{self, CompactionError};
use crate::run_events::Stream;
use crate::runs::Job;
use crate::{system_events, transcript};

impl RunTask<'_> {
    /// The conversation for `run`, compacted when it would not fit.
    pub(super) async fn history(&mut self, job: &Job, run: &Run) -> Result<Vec<Message>, Failure> {
        let (history, cut) = self.read_history(job, run).await?;
        let size: u64 = history.iter().map(Message::tokens).sum::<u64>() + overhead(run);
        let fits = !cut && size <= compaction::room(self.shared, run.model.info());
        if fits || !self.compact(job, run, false).await? {
            return Ok(history);
        }
        Ok(self.read_history(job, run).await?.0)
    }

    async fn read_history(&self, job: &Job, run: &Run) -> Result<(Vec<Message>, bool), Failure> {
        let window = compaction::window(self.shared, run.model.info());
        let read = transcript::for_model(self.shared, &job.key, &job.user, window).await;
        let (mut history, cut) = read.map_err(|error| Failure::Setup(error.message))?;
        let told = self.told.as_deref().filter(|told| !told.is_empty());
        if let (Some(told), Some(Message::User { content })) = (told, history.last_mut()) {
            content.insert(0, Block::text(system_events::block(told)));
        }
        Ok((history, cut))
    }

    /// Summarises the older part; whether that was done.
    pub(super) async fn compact(
        &mut self,
        job: &Job,
        run: &Run,
        will_retry: bool,
    ) -> Result<bool, Failure> {
        self.events.agent(Stream::All("compaction"), &json!({"phase": "start"}));
        let (shared, session, through) = (self.shared, &self.session, Some(job.user.seq));
        let work = compaction::compact(shared, &job.key, session, &*run.model, through);
        let done = tokio::select! {
            biased;
            () = self.live.cancel.cancelled() => return Err(Failure::Run(RunError::Cancelled)),
            () = self.deadline() => {
                self.live.abort("timeout");
                return Err(Failure::Run(RunError::Cancelled));
            }
            done = work => done,
        };
        let mut data = json!({"phase": "end", "willRetry": false});
        let compacted = match done {
            Ok(Some(done)) => {
                info!(run = %job.run_id, kept = done.kept, "the conversation was summarised");
                self.usage += done.usage;
                self.session = done.session;
                self.events.row(&self.session, &done.row);
                data["willRetry"] = json!(will_retry);
                true
            }
            Ok(None) => {
                data["error"] = json!("There is nothing older that could be summarised.");
                false
            }
            Err(error) => {
                warn!(run = %job.run_id, %error, "the conversation was not summarised");
                data["error"] = json!(told(&error));
                false
            }
        };
        self.events.agent(Stream::All("compaction"), &data);
        Ok(compacted)
    }

    /// Whether the model has said nothing yet in this run, so that it can be asked once more.
    pub(super) fn untouched(&self) -> bool {
        self.answers == 0 && self.text.is_empty() && self.thinking.is_empty()
    }
}

fn told(error: &CompactionError) -> String {
    format!("{error} The run goes on with the newest messages.")
}

/// Tokens that every request has beside the conversation.
fn overhead(run: &Run) -> u64 {
    let tools = run.tools.iter().map(|tool| {
        let spec = tool.spec();
        tokens_in(&spec.description) + tokens_in(&spec.parameters.to_string())
    });
    tokens_in(&run.system) + tools.sum::<u64>()
}
