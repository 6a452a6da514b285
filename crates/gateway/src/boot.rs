//! `BOOT.md` in the workspace of the default agent: what it does whenever the gateway starts.

use std::path::Path;
use std::sync::Arc;

use clawdbot_protocol::SessionKey;
use tracing::{info, warn};

use crate::shared::Shared;
use crate::submit::{Sender, Submission, Unattended};

const FILE: &str = "BOOT.md";
/// Bytes of it; a longer one is not for this.
const MAX_FILE: u64 = 64 * 1024;

/// Puts what is in the file to the agent, in its main conversation.
pub(crate) async fn run(shared: Arc<Shared>) {
    let settings = shared.settings();
    let agent_id = settings.agents.default_id().to_owned();
    let Some(agent) = settings.agents.get(&agent_id) else { return };
    let file = agent.workspace.join(FILE);
    let Ok(Some(message)) = tokio::task::spawn_blocking(move || read(&file)).await else { return };
    let key = SessionKey::main(&agent_id, &settings.keys);
    info!(agent = agent_id, "doing what {FILE} says");
    let submission = Submission {
        requested_key: key.to_string(),
        key,
        message,
        run_id: format!("boot:{}", uuid::Uuid::new_v4()),
        attachments: Vec::new(),
        thinking: None,
        timeout: None,
        extra_prompt: Some(
            "The user's message is the file BOOT.md of the workspace: what to do whenever the gateway \
             starts. Nobody is waiting at the keyboard."
                .to_owned(),
        ),
        sender: Sender { id: "boot".into(), mode: "boot".into(), name: Some(FILE.into()) },
    };
    if let Err(error) = submission.answered(&shared, Unattended::default()).await {
        warn!(error = error.message, "{FILE} was not done");
    }
}

/// The text, if the file asks for anything: headings and blank lines do not. A link may lead anywhere,
/// and is not followed.
fn read(file: &Path) -> Option<String> {
    let meta = file.symlink_metadata().ok()?;
    if !meta.is_file() || meta.len() > MAX_FILE {
        return None;
    }
    let text = std::fs::read_to_string(file).ok()?;
    let asks = text.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#'));
    asks.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_that_asks_for_something_counts() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE);
        let says = |text: &str| {
            std::fs::write(&file, text).unwrap();
            read(&file)
        };
        assert_eq!(read(&file), None);
        assert_eq!(says("# At start\n\n"), None);
        assert_eq!(says("# At start\nGreet me.\n").as_deref(), Some("# At start\nGreet me.\n"));
        assert_eq!(says(&"x".repeat(70_000)), None);
        assert_eq!(read(dir.path()), None);
    }
}
