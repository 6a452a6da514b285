//! Questions of `ssh` to the person: each has one answer, and none is written down.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use subtle::ConstantTimeEq as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use crate::helper::ANSWERED;
use crate::ssh::Destination;
use crate::ssh::local::Listener;

/// Bytes of a question.
const MAX_QUESTION: u32 = 8 * 1024;
/// A helper that connects has its question ready.
const PATIENCE: Duration = Duration::from_secs(5);
/// How the question for a password ends; a server asks in the language of its system.
const PASSWORD: [&str; 4] = ["password", "mot de passe", "contraseña", "passwort"];
/// Questions that may wait at once.
pub(crate) const MAX_WAITING: usize = 4;

/// Where questions arrive.
pub type Questions = mpsc::Receiver<Question>;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// What opens a key file.
    Passphrase,
    /// What opens the account.
    Password,
    /// Something that is good once.
    Code,
    /// Whether an unknown host key is the right one; any answer means yes.
    HostKey,
}

/// One question. Dropped unanswered, it counts as declined.
#[derive(Debug)]
pub struct Question {
    /// What is asked for.
    pub kind: Kind,
    /// In the words of `ssh` or the server.
    pub prompt: String,
    /// The destination as the person named it.
    pub host: String,
    /// The host key in question.
    pub key: Option<HostKey>,
    /// The answer before was not accepted.
    pub again: bool,
    reply: oneshot::Sender<Option<Zeroizing<String>>>,
}

/// A host key that is not known here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostKey {
    /// Whose it is, as `ssh` names it: with its address, and perhaps a machine on the way.
    pub machine: Option<String>,
    /// For example `ED25519`.
    pub algorithm: Option<String>,
    /// `SHA256:` and its digits.
    pub fingerprint: String,
}

impl Question {
    /// Answers it; `None` declines.
    pub fn answer(self, answer: Option<Zeroizing<String>>) {
        let _ = self.reply.send(answer);
    }

    /// Resolves when nobody wants the answer any more.
    pub async fn gone(&mut self) {
        self.reply.closed().await;
    }
}

/// Takes questions in for one tunnel.
#[derive(Clone)]
pub(crate) struct Desk {
    host: String,
    people: mpsc::Sender<Question>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Lets the helpers of the `ssh` that runs now in.
    word: String,
    /// Passwords and passphrases by their question, for as long as they are good.
    known: HashMap<String, Zeroizing<String>>,
    /// What has been told, and to which process: asked by the same one again, it was wrong. Each
    /// machine on the way has a process of its own, and the key that opens several is asked for by
    /// each.
    told: HashSet<(Asker, String)>,
    open: usize,
    declined: bool,
    fingerprint: Option<String>,
}

/// The number of the process that asks; nothing depends on its being true but how often a person is
/// asked.
type Asker = u32;

/// What is remembered of a question.
enum Memory {
    Empty,
    Knows(Zeroizing<String>),
    /// What the one who asks was told.
    Wrong,
}

impl Desk {
    pub(crate) fn new(destination: &Destination, people: mpsc::Sender<Question>) -> Self {
        Self { host: destination.to_string(), people, state: Arc::default() }
    }

    /// Starts over for another `ssh`; returns the word that its helpers have to say.
    pub(crate) fn renew(&self) -> io::Result<String> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let word: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut state = self.state();
        let known = std::mem::take(&mut state.known);
        *state = State { word: word.clone(), known, ..State::default() };
        Ok(word)
    }

    /// Forgets what was answered, because it does not open the machine.
    pub(crate) fn forget(&self) {
        self.state().known.clear();
    }

    /// Whether a person is being asked just now.
    pub(crate) fn is_asking(&self) -> bool {
        self.state().open > 0
    }

    pub(crate) fn declined(&self) -> bool {
        self.state().declined
    }

    /// Of the host key that was asked about.
    pub(crate) fn fingerprint(&self) -> Option<String> {
        self.state().fingerprint.clone()
    }

    /// Serves helpers until dropped.
    pub(crate) async fn serve(self, mut listener: Listener) {
        let mut helpers = JoinSet::new();
        loop {
            tokio::select! {
                Some(_) = helpers.join_next(), if !helpers.is_empty() => {}
                accepted = listener.accept() => match accepted {
                    Ok(stream) if helpers.len() < MAX_WAITING => {
                        let desk = self.clone();
                        helpers.spawn(async move { desk.converse(stream).await });
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(%error, "questions of ssh cannot be taken in");
                        return;
                    }
                },
            }
        }
    }

    async fn converse(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let reading = read_question(&mut stream);
        let text = tokio::time::timeout(PATIENCE, reading).await.map_err(io::Error::other)??;
        let (word, asked) = text.split_once('\n').unwrap_or_default();
        if !bool::from(word.as_bytes().ct_eq(self.state().word.as_bytes())) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let (asker, prompt) = asked.split_once('\n').unwrap_or_default();
        let asker = asker.parse().map_err(|_| io::ErrorKind::InvalidData)?;
        // The helper ends with its `ssh`.
        let mut end = [0];
        let (mut gone, mut reply) = tokio::io::split(stream);
        let answer = tokio::select! {
            answer = self.decide(asker, prompt) => answer,
            _ = gone.read(&mut end) => return Ok(()),
        };
        if let Some(answer) = answer {
            let mut bytes = Zeroizing::new(vec![ANSWERED]);
            bytes.extend_from_slice(answer.as_bytes());
            reply.write_all(&bytes).await?;
        }
        reply.shutdown().await
    }

    async fn decide(&self, asker: Asker, prompt: &str) -> Option<Zeroizing<String>> {
        let (kind, key) = classify(prompt);
        let fingerprint = key.as_ref().map(|key| key.fingerprint.clone());
        let again = match self.remembered(asker, prompt) {
            Memory::Knows(answer) => return Some(answer),
            Memory::Wrong => true,
            Memory::Empty => false,
        };
        if fingerprint.is_some() {
            self.state().fingerprint.clone_from(&fingerprint);
        }
        let _open = Open::new(self);
        let answer = self.put(kind, prompt, key, again).await;
        let Some(answer) = answer else {
            self.state().declined = true;
            return None;
        };
        match kind {
            // The very key that was shown, not whichever comes next.
            Kind::HostKey => fingerprint.map(Zeroizing::new),
            Kind::Code => {
                self.state().told.insert((asker, prompt.to_owned()));
                Some(answer)
            }
            Kind::Passphrase | Kind::Password => {
                let mut state = self.state();
                state.told.insert((asker, prompt.to_owned()));
                state.known.insert(prompt.to_owned(), answer.clone());
                Some(answer)
            }
        }
    }

    fn remembered(&self, asker: Asker, prompt: &str) -> Memory {
        let mut state = self.state();
        let told = (asker, prompt.to_owned());
        if state.told.contains(&told) {
            state.known.remove(prompt);
            return Memory::Wrong;
        }
        let Some(known) = state.known.get(prompt).cloned() else { return Memory::Empty };
        state.told.insert(told);
        Memory::Knows(known)
    }

    async fn put(
        &self,
        kind: Kind,
        prompt: &str,
        key: Option<HostKey>,
        again: bool,
    ) -> Option<Zeroizing<String>> {
        let (reply, answer) = oneshot::channel();
        let host = self.host.clone();
        let question = Question { kind, prompt: clean(prompt), host, key, again, reply };
        self.people.send(question).await.ok()?;
        answer.await.ok().flatten()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts an open question for as long as it lives.
struct Open<'a>(&'a Desk);

impl<'a> Open<'a> {
    fn new(desk: &'a Desk) -> Self {
        desk.state().open += 1;
        Self(desk)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.state().open -= 1;
    }
}

async fn read_question(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let length = stream.read_u32().await?;
    if length > MAX_QUESTION {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length as usize];
    stream.read_exact(&mut bytes).await?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// What a question of `ssh` is about. Whatever is not recognised is not kept.
fn classify(prompt: &str) -> (Kind, Option<HostKey>) {
    if prompt.contains("Are you sure you want to continue connecting") {
        return (Kind::HostKey, HostKey::of(prompt));
    }
    if prompt.starts_with("Enter passphrase for ") {
        return (Kind::Passphrase, None);
    }
    let last = prompt.trim_end().trim_end_matches(':').trim_end().to_lowercase();
    if PASSWORD.iter().any(|word| last.ends_with(word)) && !last.contains("one-time") {
        (Kind::Password, None)
    } else {
        (Kind::Code, None)
    }
}

impl HostKey {
    /// From `The authenticity of host 'NAME (ADDRESS)' can't be established.` and the line after it,
    /// `ED25519 key fingerprint is SHA256:….`
    fn of(prompt: &str) -> Option<Self> {
        let (before, rest) = prompt.split_at(prompt.find("SHA256:")?);
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '+' | '/' | '=');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let machine = before.split_once("authenticity of host '").and_then(|(_, named)| {
            named.split_once("' can't be established").map(|(machine, _)| clean(machine))
        });
        let line = before.lines().next_back().unwrap_or_default();
        let algorithm = line.split_once(" key fingerprint").map(|(algorithm, _)| clean(algorithm));
        Some(Self { machine, algorithm, fingerprint: rest[..end].to_owned() })
    }
}

/// A server writes part of the question.
fn clean(prompt: &str) -> String {
    prompt.chars().filter(|c| !c.is_control() || *c == '\n').take(1000).collect()
}

/// A place for questions whose file name is short enough for every system.
pub(crate) fn listen(dir: &Path) -> io::Result<(Listener, std::path::PathBuf)> {
    let path = dir.join("ask");
    Ok((Listener::bind(&path)?, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN: &str = "The authenticity of host 'h (1.2.3.4)' can't be established.\n\
        ED25519 key fingerprint is SHA256:yZ+bfk0q/uF.\nThis key is not known by any other names.\n\
        Are you sure you want to continue connecting (yes/no/[fingerprint])? ";

    #[test]
    fn questions_are_recognised() {
        let key = HostKey {
            machine: Some("h (1.2.3.4)".to_owned()),
            algorithm: Some("ED25519".to_owned()),
            fingerprint: "SHA256:yZ+bfk0q/uF".to_owned(),
        };
        assert_eq!(classify(UNKNOWN), (Kind::HostKey, Some(key)));
        for (prompt, kind) in [
            ("Enter passphrase for key '/root/id': ", Kind::Passphrase),
            ("me@host's password: ", Kind::Password),
            ("(me@host) Password: ", Kind::Password),
            ("(me@host) Mot de passe\u{a0}: ", Kind::Password),
            ("(me@host) Contraseña: ", Kind::Password),
            ("(me@host) Verification code: ", Kind::Code),
            ("One-time password: ", Kind::Code),
            ("Enter PIN for authenticator: ", Kind::Code),
        ] {
            assert_eq!(classify(prompt).0, kind, "{prompt}");
        }
    }

    #[tokio::test]
    async fn a_good_answer_is_given_again_and_a_wrong_one_is_not_ssh_07() {
        let (people, mut questions) = mpsc::channel(1);
        let desk = Desk::new(&"h".parse().unwrap(), people);
        let person = tokio::spawn(async move {
            let mut asked = 0;
            while let Some(question) = questions.recv().await {
                asked += 1;
                assert_eq!(question.again, asked > 1);
                question.answer(Some(Zeroizing::new(format!("answer {asked}"))));
            }
            asked
        });
        let prompt = "Enter passphrase for key 'id': ";
        let answer =
            async |desk: &Desk, asker| desk.decide(asker, prompt).await.unwrap().to_string();
        desk.renew().unwrap();
        assert_eq!(answer(&desk, 7).await, "answer 1");
        // Neither the next machine on the way nor the next connection is for the person to notice.
        assert_eq!(answer(&desk, 8).await, "answer 1");
        desk.renew().unwrap();
        assert_eq!(answer(&desk, 9).await, "answer 1");
        // Asked twice by one ssh: it was wrong.
        assert_eq!(answer(&desk, 9).await, "answer 2");
        drop(desk);
        assert_eq!(person.await.unwrap(), 2);
    }

    #[tokio::test]
    async fn only_the_present_helper_is_heard_ssh_07() {
        let (people, mut questions) = mpsc::channel(1);
        let desk = Desk::new(&"h".parse().unwrap(), people);
        let old = desk.renew().unwrap();
        desk.renew().unwrap();
        let (mut near, far) = tokio::io::duplex(1024);
        let text = format!("{old}\n7\nEnter passphrase for key 'id': ");
        near.write_u32(u32::try_from(text.len()).unwrap()).await.unwrap();
        near.write_all(text.as_bytes()).await.unwrap();
        assert!(desk.converse(far).await.is_err());
        assert!(questions.try_recv().is_err());
    }
}
