//! The window process: started for the first window, watched, and started again when it has to be.

use std::process::Stdio;
use std::time::Duration;

use clawdbot_remote::is_for_child;
use tauri::{AppHandle, Manager};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::render::Render;
use super::{Order, Seen};
use crate::bridge::Bridge;
use crate::commands::{self, Args, Call};
use crate::connection::Probes;
use crate::diagnostics::commands::Place;
use crate::platform::{Here, Platform};
use crate::settings::{Language, SettingsStore};
use crate::wire::{FromWindow, Label, ToWindow, line};
use crate::{lifecycle, links, media, page, show};

/// Lines that may wait for the window process, most of them frames of the gateway.
const LINES: usize = 1024;
/// A page that has not drawn itself by then stays empty.
const PAINT_LIMIT: Duration = Duration::from_secs(15);
/// Pages get this long to save what was typed.
const CLOSE_LIMIT: Duration = Duration::from_millis(1500);
/// After its pipe has ended, the process itself gets this long.
const END_LIMIT: Duration = Duration::from_secs(1);
/// How often a window process may end before its window was there.
const STARTS: u32 = 3;
/// One that lived so long was well.
const WELL: Duration = Duration::from_secs(60);

/// Owns the window process.
pub(super) struct Actor {
    app: AppHandle,
    orders: mpsc::Receiver<Order>,
    seen: watch::Sender<Seen>,
    render: Render,
}

/// A running window process.
struct Running {
    child: Child,
    lines: mpsc::Sender<String>,
    from_window: Lines<BufReader<ChildStdout>>,
    /// Until when the first page has to have drawn itself.
    paint_by: Option<Instant>,
    closing: Option<(Instant, oneshot::Sender<()>)>,
    /// Windows that were asked for and are not there yet.
    wanted: Vec<Label>,
}

/// Why a window process is no longer there.
enum End {
    /// Its last window was closed, or none was there yet.
    Ended,
    /// It went away with its windows.
    Broke,
    /// It shows nothing.
    Blank,
}

impl Actor {
    pub(super) fn new(
        app: AppHandle,
        orders: mpsc::Receiver<Order>,
        seen: watch::Sender<Seen>,
    ) -> Self {
        Self { app, orders, seen, render: Render::first() }
    }

    pub(super) async fn run(mut self) {
        while let Some(order) = self.orders.recv().await {
            match order {
                Order::Show(label) => self.serve(vec![label]).await,
                Order::Close(done) => {
                    let _ = done.send(());
                }
                Order::Event(..) => {}
            }
        }
    }

    /// Keeps a window process until all that was asked for has been shown and closed.
    async fn serve(&mut self, mut wanted: Vec<Label>) {
        let mut starts = 0;
        while !wanted.is_empty() {
            starts += 1;
            let began = Instant::now();
            let mut running = match start(&self.app, self.render, wanted) {
                Ok(running) => running,
                Err(error) => {
                    tracing::error!(%error, "the window did not open");
                    return self.give_up().await;
                }
            };
            let end = self.follow(&mut running).await;
            running.end().await;
            if matches!(end, End::Broke) {
                tracing::error!("the window process broke; the windows open again");
            }
            self.forget();
            wanted = running.wanted;
            if began.elapsed() >= WELL {
                starts = 1;
            }
            if matches!(end, End::Blank) || (!wanted.is_empty() && starts >= STARTS) {
                starts = 0;
                let Some(simpler) = self.render.simpler() else {
                    tracing::error!("the window shows nothing; WebChat opens in the browser");
                    return self.give_up().await;
                };
                tracing::warn!(render = ?simpler, "the window shows nothing; drawing it in another way");
                self.render = simpler;
            }
        }
    }

    /// Without a window there is the browser, and without that nothing of the app might be seen.
    async fn give_up(&self) {
        if !open_browser(&self.app).await {
            lifecycle::last_window_gone(&self.app);
        }
    }

    async fn follow(&mut self, running: &mut Running) -> End {
        loop {
            let deadline = running.deadline();
            tokio::select! {
                message = running.from_window.next_line() => match message {
                    Ok(Some(message)) => self.on_message(running, &message),
                    Ok(None) | Err(_) => return self.ended(running),
                },
                order = self.orders.recv() => match order {
                    Some(order) => running.on_order(order, language(&self.app)),
                    None => return End::Ended,
                },
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    if running.closing.is_some() {
                        return End::Ended;
                    }
                    running.wanted.extend(&self.seen.borrow().open);
                    return End::Blank;
                }
            }
        }
    }

    /// Windows that nobody closed are wanted still.
    fn ended(&self, running: &mut Running) -> End {
        let open = self.seen.borrow().open.clone();
        if open.is_empty() || running.closing.is_some() {
            return End::Ended;
        }
        running.wanted.extend(open);
        End::Broke
    }

    fn on_message(&self, running: &mut Running, message: &str) {
        match serde_json::from_str(message) {
            Ok(FromWindow::Call { id, label, command, args }) => {
                let args = Args { values: args, lines: running.lines.clone() };
                self.call(running, id, Call { label, command, args });
            }
            Ok(FromWindow::Media { id, name }) => {
                let (app, lines) = (self.app.clone(), running.lines.clone());
                tauri::async_runtime::spawn(async move {
                    let file = media::fetch(&app, &name).await;
                    answer(&lines, &ToWindow::Media { id, file }).await;
                });
            }
            Ok(FromWindow::Shown { label }) => {
                running.wanted.retain(|wanted| *wanted != label);
                self.seen.send_if_modified(|seen| {
                    let new = !seen.open.contains(&label);
                    if new {
                        seen.open.push(label);
                    }
                    new
                });
            }
            Ok(FromWindow::Painted { .. }) => running.paint_by = None,
            Ok(FromWindow::PageCrashed { label }) => {
                tracing::error!(?label, "the page's process ended");
                self.app.state::<Bridge>().close(label);
                self.app.state::<Probes>().end(label);
                show::page_gone(&self.app);
                // If it never drew anything, drawing is what it died of.
                running.paint_by = running.paint_by.map(|_| Instant::now());
            }
            Ok(FromWindow::Focus { label, focused }) => self.seen.send_modify(|seen| {
                // One window may hear that it has the focus before the other that it has lost it.
                let other = seen.focused.filter(|seen| *seen != label);
                seen.focused = if focused { Some(label) } else { other };
            }),
            Ok(FromWindow::Gone { label }) => {
                // Closed before its page was there, it is not wanted any more.
                running.wanted.retain(|wanted| *wanted != label);
                self.gone(label);
                if label == Label::Main && running.closing.is_none() && running.wanted.is_empty() {
                    lifecycle::last_window_gone(&self.app);
                }
            }
            Err(error) => tracing::warn!(%error, "the window process said something else"),
        }
    }

    fn call(&self, running: &Running, id: u64, call: Call) {
        let (app, lines) = (self.app.clone(), running.lines.clone());
        match commands::at_once(&self.app, call) {
            Ok(outcome) => running.say(&ToWindow::Answer { id, outcome }),
            Err(call) => {
                tauri::async_runtime::spawn(async move {
                    let outcome = commands::run(app, call).await;
                    answer(&lines, &ToWindow::Answer { id, outcome }).await;
                });
            }
        }
    }

    fn gone(&self, label: Label) {
        self.app.state::<Bridge>().close(label);
        self.app.state::<Probes>().end(label);
        if label == Label::Main {
            show::page_gone(&self.app);
        }
        self.seen.send_modify(|seen| {
            seen.open.retain(|open| *open != label);
            seen.focused = seen.focused.filter(|focused| *focused != label);
        });
    }

    /// Nothing of a process that ended is left behind.
    fn forget(&self) {
        for label in Label::ALL {
            self.gone(label);
        }
    }
}

impl Running {
    fn on_order(&mut self, order: Order, language: Language) {
        match order {
            Order::Show(label) => {
                self.wanted.push(label);
                self.say(&ToWindow::Show { label, language });
            }
            Order::Event(name, payload) => {
                self.say(&ToWindow::Event { name: name.to_owned(), payload });
            }
            Order::Close(done) => {
                self.wanted.clear();
                self.say(&ToWindow::Close);
                self.closing = Some((Instant::now() + CLOSE_LIMIT, done));
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.closing.as_ref().map(|(by, _)| *by).or(self.paint_by)
    }

    fn say(&self, message: &ToWindow) {
        let sent = line(message).map(|line| self.lines.try_send(line));
        if !matches!(sent, Ok(Ok(()))) {
            tracing::warn!("the window process is not listening");
        }
    }

    async fn end(&mut self) {
        if timeout(END_LIMIT, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
        if let Some((_, done)) = self.closing.take() {
            let _ = done.send(());
        }
    }
}

fn start(app: &AppHandle, render: Render, wanted: Vec<Label>) -> std::io::Result<Running> {
    let mut command = Command::new(Here::this_program()?);
    // Pages have no secrets, and neither have the processes that show them.
    for (name, _) in app.state::<Place>().env.iter().filter(|(name, _)| !is_for_child(name)) {
        command.env_remove(name);
    }
    command
        .arg(page::ARGUMENT)
        .envs(render.variables().iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // What window managers and process lists call it.
    #[cfg(unix)]
    command.arg0("clawdbot-desktop");
    let mut child = command.spawn()?;
    let missing = || std::io::Error::other("the window process has no pipe");
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (lines, queue) = mpsc::channel(LINES);
    tauri::async_runtime::spawn(write(stdin.ok_or_else(missing)?, queue));
    tauri::async_runtime::spawn(log(stderr.ok_or_else(missing)?));
    let from_window = BufReader::new(stdout.ok_or_else(missing)?).lines();
    let paint_by = Some(Instant::now() + PAINT_LIMIT);
    let running = Running { child, lines, from_window, paint_by, closing: None, wanted };
    for label in &running.wanted {
        running.say(&ToWindow::Show { label: *label, language: language(app) });
    }
    Ok(running)
}

/// What the pages are to speak.
fn language(app: &AppHandle) -> Language {
    app.state::<SettingsStore>().language()
}

async fn write(mut stdin: ChildStdin, mut queue: mpsc::Receiver<String>) {
    while let Some(line) = queue.recv().await {
        if stdin.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn answer(lines: &mpsc::Sender<String>, message: &ToWindow) {
    match line(message) {
        Ok(line) => drop(lines.send(line).await),
        Err(error) => tracing::error!(%error, "an answer was not sent"),
    }
}

/// What the window process has to say goes into the app's log.
async fn log(stderr: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::info!("window: {line}");
    }
}

/// The last resort: the same page over the gateway's own address. Whether it opened.
async fn open_browser(app: &AppHandle) -> bool {
    let Some(url) = crate::tray::browser_address(app).and_then(|url| links::check(&url).ok())
    else {
        return false;
    };
    let opened = links::open(url).await;
    if let Err(error) = &opened {
        tracing::error!(code = error.code(), %error, "the browser did not open");
    }
    opened.is_ok()
}
