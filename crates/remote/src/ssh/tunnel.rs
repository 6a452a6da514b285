//! One `ssh` at a time, started again when it ends.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clawdbot_client::Dialer;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::Child;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::delays::Delays;
use crate::ssh::ask::{self, Desk, MAX_WAITING, Questions};
use crate::ssh::sign_in::Clock;
use crate::ssh::{SignIn, Spec, Ssh, SshError, Trouble};
use crate::wake::woken;

/// A tunnel that lived this long starts again at once.
const PROVEN: Duration = Duration::from_secs(60);
/// Connecting may take this long, not counting a person's time to answer.
const CONNECT: Duration = Duration::from_secs(45);
/// How often the tunnel's end is looked for while connecting.
const LOOK: Duration = Duration::from_millis(20);
/// Time for `ssh` to end by itself.
#[cfg(unix)]
const GOODBYE: Duration = Duration::from_secs(2);
/// How long the last words of an ended `ssh` may take.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// What `ssh` says, kept: lines and bytes of a line.
const MAX_LINES: usize = 40;
const MAX_LINE: u64 = 1000;
/// Before what it says about itself.
const ABOUT_ITSELF: &str = "debug1: ";

/// The prefix of private directories.
const SCRATCH: &str = "clawdbot-ssh-";
/// Locked for as long as a directory is used.
const LOCK: &str = "lock";

/// What a tunnel is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Signing in.
    Connecting,
    /// Ready. The trouble is of its far end: nobody there, or not allowed.
    Up {
        /// Since when.
        since: Instant,
        /// What the last connection through it met with.
        trouble: Option<Trouble>,
    },
    /// It ended and is started again soon.
    Waiting {
        /// Why it ended.
        trouble: Trouble,
        /// The pause.
        delay: Duration,
    },
    /// Stopped by the person.
    Paused,
    /// Only a person can help.
    Failed(Trouble),
}

/// A supervised tunnel; dropped, it ends together with its `ssh`.
#[derive(Debug)]
pub struct Tunnel {
    orders: mpsc::Sender<Order>,
    status: watch::Receiver<Status>,
    sign_in: watch::Receiver<SignIn>,
    end: End,
    _actor: AbortOnDropHandle<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Stop,
    Retry,
}

impl Tunnel {
    /// Starts it in the background, and answers with the place where its questions arrive. A
    /// question that nobody takes is declined.
    ///
    /// # Errors
    /// [`SshError`], when it cannot even be tried.
    pub fn start(ssh: Ssh, spec: Spec) -> Result<(Self, Questions), SshError> {
        let failed = |source| SshError::Scratch { path: ssh.scratch().to_owned(), source };
        let scratch = Scratch::make(ssh.scratch()).map_err(failed)?;
        let end = End::choose(scratch.dir.path()).map_err(failed)?;
        let (listener, ask) = ask::listen(scratch.dir.path()).map_err(failed)?;
        let (people, questions) = mpsc::channel(MAX_WAITING);
        let desk = Desk::new(&spec.destination, people);
        let desk_task = AbortOnDropHandle::new(tokio::spawn(desk.clone().serve(listener)));
        let (orders, inbox) = mpsc::channel(4);
        let (status, watched) = watch::channel(Status::Connecting);
        let (spent, sign_in) = watch::channel(SignIn::default());
        let actor = TunnelActor {
            ssh,
            spec,
            end: end.clone(),
            ask,
            desk,
            orders: inbox,
            status,
            spent,
            _desk_task: desk_task,
            _scratch: scratch,
        };
        let actor = AbortOnDropHandle::new(tokio::spawn(actor.run()));
        Ok((Self { orders, status: watched, sign_in, end, _actor: actor }, questions))
    }

    /// Follows what it is doing.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// How long the parts of the last sign-in took that is over, well or not.
    pub fn sign_in(&self) -> SignIn {
        *self.sign_in.borrow()
    }

    /// Opens connections to the gateway at its far end.
    pub fn dialer(&self) -> Dialer {
        let end = self.end.clone();
        Dialer::new(move || {
            let end = end.clone();
            async move { end.dial().await }
        })
    }

    /// Ends `ssh` and leaves it ended until [`Tunnel::retry_now`].
    pub fn stop(&self) {
        let _ = self.orders.try_send(Order::Stop);
    }

    /// Connects without further waiting. One that is up stays up.
    pub fn retry_now(&self) {
        let _ = self.orders.try_send(Order::Retry);
    }
}

/// The near end: a socket in a private directory, where nobody else can sit down.
#[cfg(unix)]
#[derive(Debug, Clone)]
struct End(PathBuf);

#[cfg(unix)]
impl End {
    fn choose(dir: &Path) -> io::Result<Self> {
        Ok(Self(dir.join("t")))
    }

    fn listen(&self) -> String {
        self.0.display().to_string()
    }

    fn clear(&self) {
        let _ = std::fs::remove_file(&self.0);
    }

    /// Whether `ssh` listens on it. Connecting would open a channel each time.
    fn is_there(&self, _ssh: Option<u32>) -> bool {
        self.0.exists()
    }

    async fn dial(&self) -> io::Result<tokio::net::UnixStream> {
        tokio::net::UnixStream::connect(&self.0).await
    }
}

/// The near end where ssh knows no socket files: a port, whose owner is looked at.
#[cfg(windows)]
#[derive(Debug, Clone)]
struct End(std::net::SocketAddr);

#[cfg(windows)]
impl End {
    fn choose(_dir: &Path) -> io::Result<Self> {
        std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr().map(Self)
    }

    fn listen(&self) -> String {
        self.0.to_string()
    }

    fn clear(&self) {}

    fn is_there(&self, _ssh: Option<u32>) -> bool {
        self.owner().is_some()
    }

    fn owner(&self) -> Option<String> {
        let protocol = listeners::Protocol::TCP;
        let owner = listeners::get_process_by_port(self.0.port(), protocol).ok()?;
        owner.name.eq_ignore_ascii_case("ssh.exe").then_some(owner.path)
    }

    async fn dial(&self) -> io::Result<tokio::net::TcpStream> {
        if self.owner().is_none() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        tokio::net::TcpStream::connect(self.0).await
    }
}

/// A private directory that goes with its tunnel.
struct Scratch {
    dir: TempDir,
    _lock: std::fs::File,
}

impl Scratch {
    fn make(place: &Path) -> io::Result<Self> {
        sweep(place);
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let dir = builder.prefix(SCRATCH).tempdir_in(place)?;
        let lock = std::fs::File::create(dir.path().join(LOCK))?;
        lock.try_lock()?;
        Ok(Self { dir, _lock: lock })
    }
}

/// Removes what tunnels of killed processes left (SSH-08).
fn sweep(place: &Path) {
    let Ok(entries) = std::fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        let named = entry.file_name().to_string_lossy().starts_with(SCRATCH);
        // In a place that others can write into, what they left must not be opened: a pipe would
        // keep the tunnel waiting for good.
        if !named || !is_own(&entry.path()) || !entry.path().join(LOCK).is_file() {
            continue;
        }
        // Somebody who is just making one has no lock yet.
        let Ok(lock) = std::fs::File::open(entry.path().join(LOCK)) else { continue };
        if lock.try_lock().is_ok() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether it is a directory that this user has made.
fn is_own(dir: &Path) -> bool {
    let Ok(meta) = std::fs::symlink_metadata(dir) else { return false };
    #[cfg(unix)]
    let mine = std::os::unix::fs::MetadataExt::uid(&meta) == rustix::process::getuid().as_raw();
    #[cfg(not(unix))]
    let mine = true;
    meta.is_dir() && mine
}

struct TunnelActor {
    ssh: Ssh,
    spec: Spec,
    end: End,
    ask: PathBuf,
    desk: Desk,
    orders: mpsc::Receiver<Order>,
    status: watch::Sender<Status>,
    spent: watch::Sender<SignIn>,
    _desk_task: AbortOnDropHandle<()>,
    _scratch: Scratch,
}

/// What one `ssh` has said.
struct Story {
    /// Its last lines, without those about itself.
    lines: VecDeque<String>,
    clock: Clock,
}

/// How one `ssh` came to its end.
enum Outcome {
    Ended(Trouble),
    Stopped,
}

impl TunnelActor {
    async fn run(mut self) {
        let mut delays = Delays::default();
        loop {
            self.status.send_replace(Status::Connecting);
            let mut up = None;
            let outcome = match self.attempt(&mut up).await {
                Ok(outcome) => outcome,
                Err(error) => Outcome::Ended(Trouble::Program(error.to_string())),
            };
            let proven = up.is_some_and(|up: Instant| up.elapsed() >= PROVEN);
            if proven {
                delays = Delays::default();
            }
            let going_on = match outcome {
                Outcome::Stopped => self.rest(Status::Paused).await,
                Outcome::Ended(trouble) => {
                    tracing::info!(code = trouble.code(), "the tunnel ended");
                    if trouble.is_final() {
                        self.desk.forget();
                        self.rest(Status::Failed(trouble)).await
                    } else {
                        let delay = if proven { Duration::ZERO } else { delays.next_delay() };
                        self.pause(trouble, delay).await
                    }
                }
            };
            if !going_on {
                return;
            }
        }
    }

    /// Runs one `ssh` to its end.
    async fn attempt(&mut self, up: &mut Option<Instant>) -> io::Result<Outcome> {
        let word = self.desk.renew()?;
        self.end.clear();
        let mut child = self.ssh.spawn(&self.spec, &self.end.listen(), (&self.ask, &word))?;
        let pid = child.id();
        let mut said = child.stderr.take().map(Said::new);
        let mut story = Story { lines: VecDeque::new(), clock: Clock::start() };
        let mut patience = CONNECT;
        let mut look = tokio::time::interval(LOOK);
        let ended = loop {
            tokio::select! {
                biased;
                line = next_line(&mut said) => match line {
                    Some(line) => self.heard(line, &mut story, up.is_some()),
                    None => said = None,
                },
                _ = child.wait() => {
                    self.drain(&mut said, &mut story).await;
                    break true;
                }
                order = self.orders.recv() => match order {
                    Some(Order::Retry) => {}
                    Some(Order::Stop) | None => break false,
                },
                _ = look.tick(), if up.is_none() => {
                    let is_asking = self.desk.is_asking();
                    story.clock.pass(is_asking);
                    if self.end.is_there(pid) {
                        *up = Some(Instant::now());
                        self.spent.send_replace(story.clock.spent());
                        self.status.send_replace(Status::Up { since: Instant::now(), trouble: None });
                    } else if !is_asking {
                        patience = patience.saturating_sub(LOOK);
                    }
                    if patience.is_zero() {
                        self.spent.send_replace(story.clock.spent());
                        end(&mut child).await;
                        return Ok(Outcome::Ended(Trouble::Timeout));
                    }
                }
            }
        };
        self.end.clear();
        if ended {
            if up.is_none() {
                story.clock.pass(false);
                self.spent.send_replace(story.clock.spent());
            }
            return Ok(Outcome::Ended(self.cause(&story.lines, up.is_some())));
        }
        end(&mut child).await;
        Ok(Outcome::Stopped)
    }

    /// Reads the last words. Something that `ssh` started may keep the channel open.
    async fn drain<R: AsyncRead + Unpin>(&self, said: &mut Option<Said<R>>, story: &mut Story) {
        let Some(said) = said else { return };
        while let Ok(Some(line)) = tokio::time::timeout(LAST_WORDS, said.next()).await {
            self.heard(line, story, false);
        }
    }

    fn heard(&self, line: String, Story { lines, clock }: &mut Story, is_up: bool) {
        if let Some(line) = line.strip_prefix(ABOUT_ITSELF) {
            return clock.heard(line);
        }
        tracing::debug!(line, "ssh");
        if is_up && let Some(found) = Trouble::while_up(&line) {
            self.status.send_if_modified(|status| match status {
                Status::Up { trouble, .. } => trouble.replace(found.clone()) != Some(found),
                _ => false,
            });
        }
        if lines.len() >= MAX_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn cause(&self, lines: &VecDeque<String>, was_up: bool) -> Trouble {
        match Trouble::of(lines.iter().map(String::as_str), was_up) {
            Trouble::HostKeyUnknown { .. } => {
                Trouble::HostKeyUnknown { fingerprint: self.desk.fingerprint() }
            }
            Trouble::Denied if self.desk.declined() => Trouble::Declined,
            trouble => trouble,
        }
    }

    /// Waits for a person; false when the handle is gone.
    async fn rest(&mut self, status: Status) -> bool {
        self.status.send_replace(status);
        loop {
            match self.orders.recv().await {
                Some(Order::Retry) => return true,
                Some(Order::Stop) => {
                    self.status.send_replace(Status::Paused);
                }
                None => return false,
            }
        }
    }

    /// Waits for the next attempt; false when the handle is gone.
    async fn pause(&mut self, trouble: Trouble, delay: Duration) -> bool {
        self.status.send_replace(Status::Waiting { trouble, delay });
        let order = tokio::select! {
            () = tokio::time::sleep(delay) => return true,
            () = woken() => return true,
            order = self.orders.recv() => order,
        };
        match order {
            Some(Order::Retry) => true,
            Some(Order::Stop) => self.rest(Status::Paused).await,
            None => false,
        }
    }
}

/// Asks `ssh` to end, and insists. What it started ends with it, given the time.
async fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok())
        && let Some(pid) = rustix::process::Pid::from_raw(pid)
    {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        if tokio::time::timeout(GOODBYE, child.wait()).await.is_ok() {
            return;
        }
    }
    let _ = child.kill().await;
}

/// Reads what `ssh` says line by line, and no more of a line than is bearable.
struct Said<R> {
    text: BufReader<R>,
    line: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Said<R> {
    fn new(text: R) -> Self {
        Self { text: BufReader::new(text), line: Vec::new() }
    }

    /// Keeps a half line when dropped half way.
    async fn next(&mut self) -> Option<String> {
        let room = MAX_LINE.saturating_sub(self.line.len() as u64).max(1);
        let read = (&mut self.text).take(room).read_until(b'\n', &mut self.line).await;
        let is_end = !read.is_ok_and(|read| read > 0);
        if is_end && self.line.is_empty() {
            return None;
        }
        let line = String::from_utf8_lossy(&self.line).trim_end().to_owned();
        self.line.clear();
        Some(line)
    }
}

async fn next_line<R: AsyncRead + Unpin>(said: &mut Option<Said<R>>) -> Option<String> {
    match said {
        Some(said) => said.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_own_remains_are_opened_and_removed_ssh_08() {
        let place = tempfile::tempdir().unwrap();
        let in_place = |name: &str| place.path().join(name);
        for name in ["clawdbot-ssh-pipe", "clawdbot-ssh-dead", "kept"] {
            std::fs::create_dir(in_place(name)).unwrap();
        }
        let pipe = in_place("clawdbot-ssh-pipe").join(LOCK);
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::fs::write(in_place("clawdbot-ssh-dead").join(LOCK), "").unwrap();
        std::fs::write(in_place("kept").join(LOCK), "").unwrap();
        std::os::unix::fs::symlink(in_place("kept"), in_place("clawdbot-ssh-link")).unwrap();
        // Opening the pipe would wait for a writer, without end.
        sweep(place.path());
        assert!(!in_place("clawdbot-ssh-dead").exists());
        assert!(pipe.exists() && in_place("clawdbot-ssh-link").join(LOCK).exists());
    }
}
