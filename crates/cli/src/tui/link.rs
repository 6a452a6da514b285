//! The connection of the screen: does what it wants done, and comes back by itself.

use std::path::PathBuf;
use std::time::Duration;

use clawdbot_client::{Client, ConnectError, ConnectOptions, Connected};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::state::{Effect, Msg};
use crate::attachment;

/// Waits between two attempts: at first, and at most (protocol §21).
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Messages of a conversation that are shown.
const HISTORY: u32 = 200;

/// Starts with a connection that stands; answers where effects go.
pub(super) fn start(
    connected: Connected,
    options: ConnectOptions,
    home: PathBuf,
    messages: mpsc::Sender<Msg>,
) -> mpsc::UnboundedSender<Effect> {
    let (effects, wanted) = mpsc::unbounded_channel();
    tokio::spawn(keep(Box::new(connected), options, home, messages, wanted));
    effects
}

async fn keep(
    mut connected: Box<Connected>,
    options: ConnectOptions,
    home: PathBuf,
    messages: mpsc::Sender<Msg>,
    mut wanted: mpsc::UnboundedReceiver<Effect>,
) {
    loop {
        let worker = Worker {
            client: connected.client.clone(),
            messages: messages.clone(),
            home: home.clone(),
            max_file: attachment::limit(&connected.hello),
        };
        if messages.send(Msg::Up(Box::new(connected.hello))).await.is_err() {
            return;
        }
        loop {
            tokio::select! {
                event = connected.events.recv() => match event {
                    Some(event) => {
                        if messages.send(Msg::Event(event)).await.is_err() {
                            return;
                        }
                    }
                    None => break,
                },
                effect = wanted.recv() => match effect {
                    Some(effect) => drop(tokio::spawn(worker.clone().work(effect))),
                    None => return,
                },
            }
        }
        let why = worker.client.closed().await.to_string();
        match again(&options, why, &messages, &mut wanted).await {
            Some(next) => connected = next,
            None => return,
        }
    }
}

/// Tries to connect until it works, or until it makes no sense.
async fn again(
    options: &ConnectOptions,
    mut why: String,
    messages: &mpsc::Sender<Msg>,
    wanted: &mut mpsc::UnboundedReceiver<Effect>,
) -> Option<Box<Connected>> {
    let mut wait = WAIT.0;
    loop {
        messages.send(Msg::Down { why, retry: true }).await.ok()?;
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(WAIT.1);
        match Box::pin(Client::connect(options.clone())).await {
            Ok(connected) => {
                // What was wanted of the connection before is asked for anew.
                while wanted.try_recv().is_ok() {}
                return Some(Box::new(connected));
            }
            Err(error @ ConnectError::Refused { .. }) => {
                let why = error.to_string();
                messages.send(Msg::Down { why, retry: false }).await.ok()?;
                return None;
            }
            Err(error) => why = error.to_string(),
        }
    }
}

/// Does one thing, and tells the screen what came of it.
#[derive(Clone)]
struct Worker {
    client: Client,
    messages: mpsc::Sender<Msg>,
    home: PathBuf,
    max_file: u64,
}

impl Worker {
    async fn work(self, effect: Effect) {
        let told = match effect {
            Effect::History(key) => {
                let params = json!({"sessionKey": key, "limit": HISTORY});
                self.ask("chat.history", params, |answer| Msg::History { key, answer }).await
            }
            Effect::Sessions => {
                let params = json!({"limit": HISTORY, "includeDerivedTitles": true});
                self.ask("sessions.list", params, Msg::Sessions).await
            }
            Effect::Approvals => self.ask("exec.approval.list", json!({}), Msg::Approvals).await,
            Effect::Create => self.ask("sessions.create", json!({}), Msg::Created).await,
            Effect::Abort(key) => self.tell("chat.abort", json!({"sessionKey": key})).await,
            Effect::Resolve { id, decision } => {
                self.tell("exec.approval.resolve", json!({"id": id, "decision": decision})).await
            }
            Effect::Attach(path) => Some(self.attach(&path).await),
            Effect::Send { key, run_id, text, attachments } => {
                let params = json!({"sessionKey": key, "message": text,
                    "idempotencyKey": run_id, "attachments": attachments});
                match self.client.request("chat.send", &params).await {
                    Ok(_) => None,
                    Err(error) => Some(Msg::NotSent { run_id, why: error.to_string() }),
                }
            }
            Effect::Quit | Effect::Fail(_) => None,
        };
        if let Some(msg) = told {
            let _ = self.messages.send(msg).await;
        }
    }

    async fn ask(
        &self,
        method: &str,
        params: Value,
        then: impl FnOnce(Value) -> Msg,
    ) -> Option<Msg> {
        match self.client.request(method, &params).await {
            Ok(answer) => Some(then(answer)),
            Err(error) => Some(Msg::Failed(error.to_string())),
        }
    }

    /// A request whose answer shows by itself.
    async fn tell(&self, method: &str, params: Value) -> Option<Msg> {
        let answer = self.client.request(method, &params).await;
        answer.err().map(|error| Msg::Failed(error.to_string()))
    }

    async fn attach(&self, path: &str) -> Msg {
        let path = match path.strip_prefix("~/") {
            Some(rest) => self.home.join(rest),
            None => PathBuf::from(path),
        };
        match attachment::read(&path, self.max_file).await {
            Ok(file) => Msg::Attached(file),
            Err(why) => Msg::Failed(format!("{} was not attached: {why}", path.display())),
        }
    }
}
