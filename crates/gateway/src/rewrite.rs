//! The one way by which methods change the configuration document.

use std::sync::Arc;

use clawdbot_config::{ConfigError, EditError, Issue, Loaded, merge_patch, restore_redacted};
use clawdbot_protocol::RpcError;
use serde_json::{Value, json};
use tokio::sync::OwnedMutexGuard;

use crate::shared::Shared;

/// Issues named in a refusal; the details hold them all.
const NAMED: usize = 3;

/// What a change is based on.
pub(crate) enum Base {
    /// Whatever is there: the change names its few members.
    Any,
    /// The text that has this hash; without one there must be no text yet.
    Seen(Option<String>),
}

/// A document that is on disk and not yet in force. Nobody else changes it in between.
pub(crate) struct Rewritten {
    pub(crate) loaded: Loaded,
    turn: OwnedMutexGuard<()>,
}

impl Rewritten {
    /// Puts it in force.
    pub(crate) fn adopt(self, gateway: &Arc<Shared>) {
        gateway.adopt(self.loaded);
        drop(self.turn);
    }
}

/// Lets `make` write the new text of the document, checks it and puts it on disk. The caller puts
/// what comes back in force with [`Rewritten::adopt`].
pub(crate) async fn rewrite(
    gateway: &Arc<Shared>,
    base: Base,
    make: impl FnOnce(&Loaded) -> Result<String, RpcError> + Send + 'static,
) -> Result<Rewritten, RpcError> {
    let turn = gateway.configuring.turn.clone().lock_owned().await;
    let shared = gateway.clone();
    let loaded = blocking(move || replace(&shared, &base, make)).await??;
    Ok(Rewritten { loaded, turn })
}

/// Merges `patch` into the document and puts it in force. Placeholders stand for stored secrets.
pub(crate) async fn change(gateway: &Arc<Shared>, patch: Value) -> Result<(), RpcError> {
    let make = move |now: &Loaded| {
        let patch = restore_redacted(patch, now.document.source());
        merge_patch(now.raw.as_deref().unwrap_or_default(), &patch).map_err(|e| unusable(&e))
    };
    rewrite(gateway, Base::Any, make).await?.adopt(gateway);
    Ok(())
}

impl Shared {
    /// What stands for the text of a document in answers and events; empty without a text. It is
    /// keyed, so that who may read it cannot try out secrets of the text against it.
    pub(crate) fn config_hash(&self, loaded: &Loaded) -> String {
        let keyed = |raw: &String| self.devices.derive(&["config", raw]);
        loaded
            .raw
            .as_ref()
            .map(keyed)
            .map_or_else(String::new, |mac| format!("hmac-sha256:v1:{mac}"))
    }
}

/// Compares, checks and writes. Waits for the disk; changes nothing unless it succeeds.
fn replace(
    shared: &Arc<Shared>,
    base: &Base,
    make: impl FnOnce(&Loaded) -> Result<String, RpcError>,
) -> Result<Loaded, RpcError> {
    let now = shared.read_config().map_err(|error| {
        with_issues(RpcError::invalid("invalid config; fix before patching"), &error.issues)
    })?;
    match base {
        Base::Seen(None) if now.exists() => {
            return Err(RpcError::invalid(
                "config base hash required; re-run config.get and retry with baseHash",
            ));
        }
        Base::Seen(Some(hash)) if *hash != shared.config_hash(&now) => {
            return Err(RpcError::invalid(
                "config changed since last load; re-run config.get and retry",
            ));
        }
        _ => {}
    }
    let text = make(&now)?;
    let loaded = shared.check_config(text.clone()).map_err(|error| refused(&error))?;
    let known = now.unknown_keys();
    let new = |issue: &&Issue| known.iter().all(|old| old.path != issue.path);
    if let Some(issue) = loaded.unknown_keys().iter().find(new) {
        let named = issue.path.rsplit('.').next().unwrap_or_default();
        let parent = issue.path.strip_suffix(named).unwrap_or_default().trim_end_matches('.');
        let place = if parent.is_empty() { "<root>" } else { parent };
        let message = format!("invalid config: {place}: Unrecognized key: \"{named}\"");
        return Err(with_issues(RpcError::invalid(message), loaded.unknown_keys()));
    }
    shared.check_exposure(&loaded).map_err(|error| {
        let sentence = error.to_string().replace('\n', " ");
        RpcError::invalid(format!("invalid config: {sentence}"))
    })?;
    clawdbot_config::write(&shared.paths.config, &text).map_err(|error| {
        RpcError::unavailable(format!(
            "{} cannot be written: {error}. Nothing was changed.",
            shared.paths.config.display()
        ))
        .retry_after(1_000)
    })?;
    Ok(loaded)
}

fn refused(error: &ConfigError) -> RpcError {
    let named: Vec<String> = error
        .issues
        .iter()
        .take(NAMED)
        .map(|issue| {
            let place = if issue.path.is_empty() { "<root>" } else { &issue.path };
            format!("{place}: {}", issue.finding)
        })
        .collect();
    with_issues(RpcError::invalid(format!("invalid config: {}", named.join("; "))), &error.issues)
}

fn with_issues(error: RpcError, issues: &[Issue]) -> RpcError {
    error.with_details(json!({"issues": issues}))
}

/// The refusal of a text that cannot be edited as wanted.
pub(crate) fn unusable(error: &EditError) -> RpcError {
    let refusal = RpcError::invalid(format!("invalid config: {error}"));
    match error {
        EditError::Invalid(issues) => with_issues(refusal, issues),
        _ => refusal.with_details(json!({"code": error.code()})),
    }
}

/// Runs what waits for the disk.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RpcError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| RpcError::unavailable("the work was interrupted; try again"))
}
