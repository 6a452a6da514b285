//! One heartbeat.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clawdbot_protocol::{HeartbeatEvent, HeartbeatStatus, RpcError, SessionKey};
use clawdbot_store::RunStatus;

use super::plan::{self, Heartbeat};
use crate::rows::shorten;
use crate::shared::Shared;
use crate::submit::{Sender, Submission, Unattended};
use crate::system_events::{self, SystemEvent, Taken};

/// The whole answer of an agent that has nothing to say.
const TOKEN: &str = "HEARTBEAT_OK";
/// Characters of an answer that the event shows.
const PREVIEW: usize = 200;
/// Bytes of HEARTBEAT.md that are looked at; a longer file is not empty.
const MAX_FILE: u64 = 64 * 1024;

/// A heartbeat whose time has come.
pub(super) async fn due(shared: &Arc<Shared>, agent_id: &str) -> HeartbeatEvent {
    let settings = shared.settings();
    let heartbeat = plan::of(&settings, agent_id);
    let zone = settings.config().agents.defaults.user_timezone.as_deref();
    if !heartbeat.is_active(&jiff::Zoned::now(), zone) {
        return Beat::new(shared, agent_id).ends(HeartbeatStatus::Skipped, Some("quiet-hours"));
    }
    let key = SessionKey::main(agent_id, &settings.keys);
    let events = system_events::take(shared, &key).await;
    let file = settings.agents.get(agent_id).map(|agent| agent.workspace.join("HEARTBEAT.md"));
    if events.is_empty() && empty(file).await {
        return Beat::new(shared, agent_id)
            .ends(HeartbeatStatus::OkEmpty, Some("empty-heartbeat-file"));
    }
    beat(shared, &heartbeat, &key, events).await
}

/// A heartbeat somebody asked for. While heartbeats are switched off the texts wait.
pub(super) async fn nudged(shared: &Arc<Shared>, key: &SessionKey) -> HeartbeatEvent {
    let settings = shared.settings();
    let agent_id = key.agent(&settings.keys);
    if !shared.heartbeats.on() {
        return Beat::new(shared, agent_id).ends(HeartbeatStatus::Skipped, Some("disabled"));
    }
    let events = system_events::take(shared, key).await;
    if events.is_empty() {
        // Another run of the conversation has heard them meanwhile.
        return Beat::new(shared, agent_id).ends(HeartbeatStatus::Skipped, Some("no-events"));
    }
    beat(shared, &plan::of(&settings, agent_id), key, events).await
}

async fn empty(file: Option<PathBuf>) -> bool {
    let look = tokio::task::spawn_blocking(move || file.is_some_and(|file| asks_nothing(&file)));
    look.await.unwrap_or(false)
}

/// Whether HEARTBEAT.md is there and has nothing but headings and blank lines.
fn asks_nothing(file: &Path) -> bool {
    let small = file.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_FILE);
    let Some(text) = small.then(|| std::fs::read_to_string(file).ok()).flatten() else {
        return false;
    };
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#'))
}

struct Beat<'a> {
    shared: &'a Shared,
    agent_id: &'a str,
    began_ms: i64,
}

impl<'a> Beat<'a> {
    fn new(shared: &'a Shared, agent_id: &'a str) -> Self {
        Self { shared, agent_id, began_ms: shared.now_ms() }
    }

    fn ends(self, status: HeartbeatStatus, reason: Option<&str>) -> HeartbeatEvent {
        let now_ms = self.shared.now_ms();
        HeartbeatEvent {
            ts: now_ms,
            status,
            agent_id: self.agent_id.to_owned(),
            to: None,
            preview: None,
            duration_ms: Some(now_ms - self.began_ms),
            reason: reason.map(str::to_owned),
            silent: status != HeartbeatStatus::Sent,
        }
    }
}

/// Asks the agent and passes on what it has to say to the conversation `key`.
async fn beat(
    shared: &Arc<Shared>,
    heartbeat: &Heartbeat,
    key: &SessionKey,
    events: Taken,
) -> HeartbeatEvent {
    let this = Beat::new(shared, &heartbeat.agent_id);
    let answer = ask(shared, heartbeat, &events).await;
    events.settle(answer.is_ok()).await;
    let said = match answer {
        Ok(text) => strip(&text, heartbeat.ack_max_chars as usize),
        Err(error) => return this.ends(HeartbeatStatus::Failed, Some(&error.message)),
    };
    match said {
        Said::Nothing => this.ends(HeartbeatStatus::OkEmpty, None),
        Said::Acknowledged => this.ends(HeartbeatStatus::OkToken, None),
        Said::Text(text) => match shared.inject(key, &text).await {
            Ok(()) => HeartbeatEvent {
                to: Some(key.to_string()),
                preview: Some(shorten(&text, PREVIEW)),
                ..this.ends(HeartbeatStatus::Sent, None)
            },
            Err(error) => this.ends(HeartbeatStatus::Failed, Some(&error.message)),
        },
    }
}

/// The agent's answer.
async fn ask(
    shared: &Arc<Shared>,
    heartbeat: &Heartbeat,
    events: &[SystemEvent],
) -> Result<String, RpcError> {
    let invalid = |error: &dyn std::fmt::Display| RpcError::invalid(error.to_string());
    let raw = format!("agent:{}:heartbeat", heartbeat.agent_id);
    let key =
        SessionKey::resolve(&raw, &shared.settings().keys).map_err(|error| invalid(&error))?;
    shared.start_over(&key).await?;
    let model = heartbeat.model.as_deref().map(str::parse).transpose();
    let model = model.map_err(|error: clawdbot_agent::InvalidModelRef| invalid(&error))?;
    let message = match events {
        [] => heartbeat.prompt.clone(),
        events => format!("{}\n\n{}", system_events::block(events), heartbeat.prompt),
    };
    let submission = Submission {
        requested_key: key.to_string(),
        key,
        message,
        run_id: format!("heartbeat:{}", uuid::Uuid::new_v4()),
        attachments: Vec::new(),
        thinking: None,
        timeout: None,
        extra_prompt: None,
        sender: Sender { id: "heartbeat".into(), mode: "heartbeat".into(), name: None },
    };
    let ended = submission.answered(shared, Unattended { model, quiet: true }).await?;
    match ended.status {
        RunStatus::Ok => Ok(ended.text),
        _ => {
            let why = ended.error.or(ended.stop_reason).unwrap_or_else(|| "stopped".to_owned());
            Err(RpcError::unavailable(why))
        }
    }
}

/// What an agent said.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Nothing,
    Acknowledged,
    Text(String),
}

/// Takes the acknowledgement off an answer. With little beside it there is nothing to tell.
fn strip(text: &str, ack_max_chars: usize) -> Said {
    let text = text.trim();
    // Models like to emphasise it.
    let plain = |c: char| c == '*' || c == '`' || c == '_' || c.is_whitespace() || c == '.';
    let bare = text.trim_matches(plain);
    let rest = bare.strip_prefix(TOKEN).or_else(|| bare.strip_suffix(TOKEN));
    match rest.map(|rest| rest.trim_matches(plain)) {
        Some(rest) if rest.chars().count() <= ack_max_chars => Said::Acknowledged,
        Some(rest) => Said::Text(rest.to_owned()),
        None if text.is_empty() => Said::Nothing,
        None => Said::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_is_recognised_at_either_end() {
        for text in
            ["HEARTBEAT_OK", " **HEARTBEAT_OK** ", "HEARTBEAT_OK.", "All well. HEARTBEAT_OK"]
        {
            assert_eq!(strip(text, 300), Said::Acknowledged, "{text:?}");
        }
        assert_eq!(strip("  ", 300), Said::Nothing);
        assert_eq!(
            strip("The word HEARTBEAT_OK is in here", 300),
            Said::Text("The word HEARTBEAT_OK is in here".into())
        );
    }

    #[test]
    fn an_acknowledgement_with_much_beside_it_is_an_answer() {
        let long = format!("HEARTBEAT_OK\n\n{}", "x".repeat(301));
        assert_eq!(strip(&long, 300), Said::Text("x".repeat(301)));
        assert_eq!(strip("HEARTBEAT_OK\nbut look", 0), Said::Text("but look".into()));
    }

    #[test]
    fn a_file_of_headings_asks_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("HEARTBEAT.md");
        assert!(!asks_nothing(&file), "a missing file leaves it to the agent");
        std::fs::write(&file, "# Heartbeat\n\n  \n## Later\n").unwrap();
        assert!(asks_nothing(&file));
        std::fs::write(&file, "# Heartbeat\n- water the plants\n").unwrap();
        assert!(!asks_nothing(&file));
    }
}
