//! Questions of `ssh` on their way to the page and back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clawdbot_remote::ssh::{Kind, Question};
use serde::Serialize;
use tauri::{AppHandle, Emitter as _, Manager as _};
use tokio::sync::{mpsc, oneshot};
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
    next: AtomicU64,
}

type Answer = oneshot::Sender<Option<Zeroizing<String>>>;

/// A question as the page sees it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ask {
    id: String,
    kind: &'static str,
    prompt: String,
    host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
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

    fn put(&self, question: &Question) -> (Ask, oneshot::Receiver<Option<Zeroizing<String>>>) {
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
            fingerprint: question.fingerprint.clone(),
        };
        let (answer, answered) = oneshot::channel();
        self.lock().insert(ask.id.clone(), answer);
        (ask, answered)
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
    asks.answer(&ask.id, None);
    question.answer(answer);
    let _ = app.emit("ask-gone", Gone { id: &ask.id });
}
