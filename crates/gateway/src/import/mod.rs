//! Older state of the original, taken over at the first start (protocol §20.1): paired devices and
//! cron jobs before anybody can connect, conversations while the gateway serves. Its files stay as
//! they are.

mod device;

use std::path::PathBuf;
use std::sync::Arc;

use clawdbot_config::Paths;
use clawdbot_protocol::{KeyRules, SessionKey};
use clawdbot_store::{OldSession, OldState, Staged, Store, StoreError, Transcript};
use serde_json::{Map, Value, json};
use tracing::{info, warn};

use crate::cron;
use crate::shared::Shared;

/// The old state whose conversations have to be imported, settled before anybody can write to the
/// database; its devices and jobs are in force when this returns. Costs a few looks at the disk
/// where there is none.
pub(crate) async fn due(paths: &Paths, store: &Store) -> Vec<OldState> {
    let mut found: Vec<OldState> =
        candidates(paths).iter().filter_map(|root| OldState::at(root)).collect();
    if found.is_empty() {
        return found;
    }
    match store.begin_import().await {
        Ok(true) => {}
        Ok(false) => return Vec::new(),
        Err(error) => {
            warn!(%error, "older state is not imported; the next start tries again");
            return Vec::new();
        }
    }
    // What was in use last comes first, because a copy in an older directory knows less.
    found.sort_by_key(|state| std::cmp::Reverse(state.used()));
    let states = found.clone();
    let Some(lists) = read(move || states.iter().map(lists).collect()).await else {
        return Vec::new();
    };
    if let Err(error) = documents(store, lists).await {
        warn!(%error, "older state is not imported; the next start tries again");
        return Vec::new();
    }
    found
}

/// The devices and jobs of one state directory.
type Lists = (Map<String, Value>, Vec<(String, Value)>);

fn lists(state: &OldState) -> Lists {
    (state.devices(), state.jobs())
}

/// Stores the devices and jobs of all directories, unless that has been done already: those that
/// somebody removes afterwards must not come back.
async fn documents(store: &Store, lists: Vec<Lists>) -> Result<(), StoreError> {
    let mut docs = Vec::new();
    let (mut devices, mut jobs, mut skipped) = (0, 0, 0);
    for (old_devices, old_jobs) in lists {
        for (id, entry) in old_devices {
            if let Some(body) = device::stored(&id, &entry) {
                devices += 1;
                docs.push((device::KIND, id, body));
            } else {
                warn!(?id, "a paired device is not usable and was skipped");
                skipped += 1;
            }
        }
        for (id, job) in old_jobs {
            match cron::readable(&job) {
                Ok(()) if jobs < cron::MAX_JOBS => {
                    jobs += 1;
                    docs.push((cron::KIND, id, job));
                }
                Ok(()) => {
                    warn!(id, limit = cron::MAX_JOBS, "too many jobs; this one was skipped");
                    skipped += 1;
                }
                Err(error) => {
                    warn!(id, error = error.message, "a job is not usable and was skipped");
                    skipped += 1;
                }
            }
        }
    }
    let summary = json!({"devices": devices, "cronJobs": jobs, "skipped": skipped});
    let members = summary.as_object().cloned().unwrap_or_default();
    if store.import_docs(docs, members).await? {
        info!(%summary, "older devices and jobs imported");
    }
    Ok(())
}

/// The state directory and, unless another one was asked for, those of the product's other names.
fn candidates(paths: &Paths) -> Vec<PathBuf> {
    let suffix = paths.profile.as_ref().map(|name| format!("-{name}")).unwrap_or_default();
    let of = |name: &str| paths.home.join(format!("{name}{suffix}"));
    let mut all = vec![paths.state_dir.clone()];
    if paths.state_dir == of(".clawdbot") {
        all.extend([of(".moltbot"), of(".openclaw")]);
    }
    all
}

/// Imports the conversations, or stops with the gateway; the next start goes on where this one ended.
pub(crate) async fn run(shared: Arc<Shared>, found: Vec<OldState>) {
    let mut import = Import { shared, counts: Counts::default() };
    for state in found {
        info!(root = %state.root().display(), "importing older conversations");
        match import.one(state).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                warn!(%error, "the import was cut off; the next start goes on with it");
                return;
            }
        }
    }
    let Counts { sessions, messages, damaged, skipped } = import.counts;
    let summary = json!({"sessions": sessions, "messages": messages, "damagedLines": damaged,
        "skipped": skipped});
    info!(%summary, "older conversations imported");
    let summary = summary.as_object().cloned().unwrap_or_default();
    if let Err(error) = import.shared.store.finish_import(summary).await {
        warn!(%error, "the end of the import was not noted; the next start looks again");
    }
}

/// What became of it.
#[derive(Default)]
struct Counts {
    sessions: u64,
    messages: u64,
    damaged: u64,
    skipped: u64,
}

struct Import {
    shared: Arc<Shared>,
    counts: Counts,
}

impl Import {
    /// One state directory; false when the gateway is stopping.
    async fn one(&mut self, state: OldState) -> Result<bool, StoreError> {
        let Some(sessions) = read(move || state.sessions()).await else { return Ok(false) };
        for session in sessions {
            if !self.session(session).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn session(&mut self, old: OldSession) -> Result<bool, StoreError> {
        let settings = self.shared.settings();
        let rules = KeyRules { default_agent: old.agent_id.clone(), ..settings.keys.clone() };
        let Ok(key) = SessionKey::resolve(&old.key, &rules) else {
            warn!(key = ?old.key, "not a session key; the conversation was skipped");
            self.counts.skipped += 1;
            return Ok(true);
        };
        let agent = key.agent(&rules);
        let Some(staged) = self.shared.store.stage(&old.session_id, agent).await? else {
            self.counts.skipped += 1;
            return Ok(true);
        };
        if !self.transcript(&old, &staged).await? {
            return Ok(false);
        }
        let otherwise = format!("agent:{agent}:imported-{}", old.session_id);
        let published =
            staged.publish(key.to_string(), otherwise, old.fields, old.updated_ms).await?;
        self.counts.sessions += 1;
        self.shared.announce_change(&published, "create");
        Ok(true)
    }

    /// Its messages; false when the gateway is stopping.
    async fn transcript(&mut self, old: &OldSession, staged: &Staged) -> Result<bool, StoreError> {
        let id = &old.session_id;
        let opening = old.clone();
        let mut open = match read(move || opening.open()).await {
            Some(Ok(Some(open))) => open,
            Some(Ok(None)) => return Ok(true),
            Some(Err(error)) => {
                warn!(id, %error, "a transcript was not imported");
                return Ok(true);
            }
            None => return Ok(false),
        };
        let mut damaged = 0;
        while !self.shared.stop.is_cancelled() {
            let reading = read(move || {
                let batch = Transcript::next_batch(&mut open);
                (open, batch)
            });
            let Some((rest, batch)) = reading.await else { return Ok(false) };
            open = rest;
            let batch = batch.unwrap_or_else(|error| {
                warn!(id, %error, "a transcript was imported up to here only");
                clawdbot_store::Batch { end: true, ..Default::default() }
            });
            self.counts.messages += batch.messages.len() as u64;
            damaged += batch.damaged;
            if !batch.messages.is_empty() {
                staged.append(batch.messages).await?;
            }
            if batch.end {
                if damaged > 0 {
                    warn!(id, lines = damaged, "damaged lines of a transcript were skipped");
                }
                self.counts.damaged += damaged;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Reads on a thread that may wait for the disk; `None` when the runtime is going down.
async fn read<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
