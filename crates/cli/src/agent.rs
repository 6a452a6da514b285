//! `clawdbot agent`: one message, one answer.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clawdbot_client::{Connected, RequestError};
use clawdbot_config::{Env, Paths};
use clawdbot_protocol::{AgentParams, Attachment, Event, Scope};
use serde_json::{Value, json};

use crate::connection::{self, ConnectionArgs};
use crate::{attachment, out, text};

/// Ask the assistant and print its answer as it comes
#[derive(Debug, clap::Args)]
pub(crate) struct AgentArgs {
    /// What to say
    #[arg(long, short)]
    pub(crate) message: String,
    /// Conversation [default: the agent's main one]
    #[arg(long, value_name = "KEY")]
    pub(crate) session: Option<String>,
    /// Agent to ask [default: the default agent]
    #[arg(long, value_name = "ID")]
    pub(crate) agent: Option<String>,
    /// How much to think: off, minimal, low, medium or high
    #[arg(long, value_name = "LEVEL")]
    pub(crate) thinking: Option<String>,
    /// A file that goes with the message; again for more
    #[arg(long, value_name = "PATH")]
    pub(crate) attach: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

const SCOPES: [Scope; 3] = [Scope::Read, Scope::Write, Scope::Approvals];

pub(crate) fn run(args: &AgentArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let mut params = AgentParams {
        message: args.message.clone(),
        idempotency_key: uuid::Uuid::new_v4().to_string(),
        agent_id: args.agent.clone(),
        session_key: args.session.clone(),
        thinking: args.thinking.clone(),
        attachments: None,
        timeout: None,
        extra_system_prompt: None,
    };
    connection::with(&args.connection, (paths, env), &SCOPES, async |connected| {
        params.attachments = attachments(&args.attach, attachment::limit(&connected.hello)).await?;
        let mut printer = Printer { run_id: &params.idempotency_key, shown: String::new() };
        let quiet = args.connection.json;
        let answer = ask(connected, &params, |event| {
            if !quiet {
                printer.event(&event);
            }
        })
        .await?;
        if quiet {
            return out::json(&answer);
        }
        printer.end(&answer);
        Ok(())
    })
}

/// The files, as they are sent.
async fn attachments(paths: &[PathBuf], max: u64) -> anyhow::Result<Option<Vec<Attachment>>> {
    let mut files = Vec::new();
    for path in paths {
        let file = attachment::read(path, max).await;
        let file = file.with_context(|| format!("{} was not attached", path.display()))?;
        files.push(file.into());
    }
    Ok((!files.is_empty()).then_some(files))
}

/// Starts a run, hands over every event until it has ended, and answers what the gateway says of it.
/// Ctrl+C stops the run.
pub(crate) async fn ask(
    connected: &mut Connected,
    params: &AgentParams,
    mut heard: impl FnMut(Event),
) -> anyhow::Result<Value> {
    let Connected { client, events, .. } = connected;
    let answer = client.request_final("agent", params);
    tokio::pin!(answer);
    let answer: Result<Value, RequestError> = loop {
        tokio::select! {
            biased;
            Some(event) = events.recv() => heard(event),
            answer = &mut answer => break answer,
            _ = tokio::signal::ctrl_c() => {
                let stop = json!({"runId": params.idempotency_key});
                client.request("sessions.abort", &stop).await?;
                bail!("Stopped.");
            }
        }
    };
    Ok(answer?)
}

/// Prints an answer as it grows.
struct Printer<'a> {
    run_id: &'a str,
    shown: String,
}

impl Printer<'_> {
    fn event(&mut self, event: &Event) {
        let payload = &event.payload;
        match event.event.as_str() {
            "chat" if text::of(payload, "runId") == self.run_id => {
                let said = text::of_message(&payload["message"]);
                self.grow(&said);
            }
            "exec.approval.requested" => {
                let (id, wish) = (text::of(payload, "id"), &payload["request"]);
                out::error(format_args!(
                    "\nThe assistant wants to run: {}\nAllow it in another terminal with: \
                     clawdbot approvals allow {}",
                    text::plain(text::of(wish, "command")),
                    text::plain(id)
                ));
            }
            _ => {}
        }
    }

    /// Prints what was added. Text that was taken back stays on the screen; the new one follows.
    fn grow(&mut self, said: &str) {
        let more = match said.strip_prefix(self.shown.as_str()) {
            Some(more) => text::plain(more),
            None => format!("\n{}", text::plain(said)),
        };
        if !said.is_empty() {
            out::part(more);
            said.clone_into(&mut self.shown);
        }
    }

    fn end(&mut self, answer: &Value) {
        let payloads = text::rows(&answer["result"], "payloads");
        let said: Vec<&str> = payloads.iter().map(|payload| text::of(payload, "text")).collect();
        let said = said.join("\n");
        if !self.shown.ends_with(&said) {
            self.grow(&said);
        }
        if !self.shown.is_empty() {
            out::line("");
        }
        if text::of(answer, "summary") == "aborted" {
            out::error("The answer was stopped before it was complete.");
        }
    }
}
