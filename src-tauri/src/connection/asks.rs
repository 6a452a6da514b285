//! Questions of `ssh` on their way to the page and back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clawdbot_remote::ssh::{Kind, Question};
use serde::Serialize;
use tauri::{AppHandle, Emitter as _, Manager as _};
use tokio::sync::{mpsc, oneshot, watch};
use zeroize::Zeroizing;

use crate::window;

/// Longer answers are refused.
const MAX_ANSWER: usize = 4096;

/// How often an open question is shown to the page, which knows it by its id.
const AGAIN: Duration = Duration::from_secs(1);

/// The questions that are open, with the way back to each.
#[derive(Default)]
pub(crate) struct Asks {
    open: Mutex<HashMap<String, Answer>>,
    waiting: watch::Sender<Vec<Waiting>>,
    next: AtomicU64,
}

/// A question that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    id: String,
    /// The destination as the person named it.
    pub(crate) host: String,
}

type Answer = oneshot::Sender<Option<Zeroizing<String>>>;

/// A question as the page sees it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ask {
    id: String,
    kind: &'static str,
    prompt: String,
    host: String,
    /// The answer before was not accepted.
    again: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    /// Whose host key it is, which may be that of a machine on the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    machine: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithm: Option<String>,
}

#[derive(Clone, Serialize)]
struct Gone<'a> {
    id: &'a str,
}

impl Asks {
    /// Gives an answer back; `None` declines. False when nobody asks any more.
    pub(crate) fn answer(&self, id: &str, answer: Option<Zeroizing<String>>) -> bool {
        if answer.as_ref().is_some_and(|answer| answer.len() > MAX_ANSWER) {
            return false;
        }
        let open = self.lock().remove(id);
        open.is_some_and(|open| open.send(answer).is_ok())
    }

    /// Follows what waits, the oldest first.
    pub(crate) fn watch(&self) -> watch::Receiver<Vec<Waiting>> {
        self.waiting.subscribe()
    }

    fn put(&self, question: &Question) -> (Ask, oneshot::Receiver<Option<Zeroizing<String>>>) {
        let key = question.key.clone().unwrap_or_default();
        let ask = Ask {
            id: self.next.fetch_add(1, Ordering::Relaxed).to_string(),
            kind: match question.kind {
                Kind::Passphrase => "passphrase",
                Kind::Password => "password",
                Kind::Code => "code",
                Kind::HostKey => "hostKey",
            },
            prompt: question.prompt.clone(),
            host: question.host.clone(),
            again: question.again,
            fingerprint: Some(key.fingerprint).filter(|fingerprint| !fingerprint.is_empty()),
            machine: key.machine,
            algorithm: key.algorithm,
        };
        let (answer, answered) = oneshot::channel();
        self.lock().insert(ask.id.clone(), answer);
        let waiting = Waiting { id: ask.id.clone(), host: ask.host.clone() };
        self.waiting.send_modify(|all| all.push(waiting));
        (ask, answered)
    }

    fn take(&self, id: &str) {
        self.lock().remove(id);
        self.waiting.send_modify(|all| all.retain(|waiting| waiting.id != id));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Answer>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows each question in the window, which is opened for it.
pub(crate) async fn follow(app: AppHandle, mut questions: mpsc::Receiver<Question>) {
    while let Some(question) = questions.recv().await {
        tauri::async_runtime::spawn(ask(app.clone(), question));
    }
}

async fn ask(app: AppHandle, mut question: Question) {
    let asks = app.state::<Asks>();
    let (ask, answered) = asks.put(&question);
    window::open(&app);
    let showing = async {
        // A page that is only just opening has not heard it yet.
        loop {
            let _ = app.emit("ask", &ask);
            tokio::time::sleep(AGAIN).await;
        }
    };
    let answer = tokio::select! {
        answer = answered => answer.ok().flatten(),
        () = question.gone() => None,
        () = showing => None,
    };
    asks.take(&ask.id);
    question.answer(answer);
    let _ = app.emit("ask-gone", Gone { id: &ask.id });
}
