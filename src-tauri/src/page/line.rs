//! The window process's end of the pipe.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, Write};
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::value::RawValue;
use tauri::ipc::{Channel, InvokeResolver, JavaScriptChannelId};
use tauri::{AppHandle, Emitter, Manager, UriSchemeResponder, Webview};

use crate::platform::{Here, Platform};
use crate::wire::{FromWindow, Outcome, ToWindow, line};

/// Lines that may wait; the app reads all the time.
const LINES: usize = 1024;

/// What the pages wait for, and the way to the app.
pub(super) struct Line {
    to_app: SyncSender<String>,
    next_id: AtomicU64,
    next_channel: AtomicU32,
    answers: Mutex<HashMap<u64, InvokeResolver<tauri::Wry>>>,
    channels: Mutex<HashMap<u32, Channel<Box<RawValue>>>>,
    files: Mutex<HashMap<u64, UriSchemeResponder>>,
}

/// Takes standard output for the pipe, so that nothing else writes into it.
pub(super) fn take_over() -> std::io::Result<File> {
    Here::take_stdout()
}

impl Line {
    /// Writes to the app from a thread of its own, so that nobody waits for the pipe.
    pub(super) fn to(mut pipe: File) -> Self {
        let (to_app, queue) = sync_channel::<String>(LINES);
        std::thread::spawn(move || {
            while let Ok(line) = queue.recv() {
                if pipe.write_all(line.as_bytes()).is_err() {
                    return;
                }
            }
        });
        Self {
            to_app,
            next_id: AtomicU64::new(1),
            next_channel: AtomicU32::new(1),
            answers: Mutex::default(),
            channels: Mutex::default(),
            files: Mutex::default(),
        }
    }

    pub(super) fn say(&self, message: &FromWindow) {
        match line(message) {
            // An app that is gone is noticed by the reader.
            Ok(line) => drop(self.to_app.send(line)),
            Err(error) => tracing::error!(%error, "a message was not sent"),
        }
    }

    /// A number under which the answer will come.
    pub(super) fn await_answer(&self, resolver: InvokeResolver<tauri::Wry>) -> u64 {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        held(&self.answers).insert(id, resolver);
        id
    }

    pub(super) fn await_file(&self, responder: UriSchemeResponder) -> u64 {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        held(&self.files).insert(id, responder);
        id
    }

    /// Gives the page's channel a number that is the only one in this process.
    pub(super) fn open_channel(&self, webview: Webview, name: &str) -> Option<u32> {
        let channel = JavaScriptChannelId::from_str(name).ok()?.channel_on(webview);
        let id = self.next_channel.fetch_add(1, Ordering::Relaxed);
        held(&self.channels).insert(id, channel);
        Some(id)
    }
}

/// Follows what the app says, on a thread of its own; ends this process when it says no more.
pub(super) fn listen(app: AppHandle) {
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            match line.map(|line| serde_json::from_str(&line)) {
                Ok(Ok(message)) => obey(&app, message),
                Ok(Err(error)) => tracing::warn!(%error, "the app said something else"),
                Err(_) => break,
            }
        }
        super::close_all(&app);
    });
}

fn obey(app: &AppHandle, message: ToWindow) {
    let line = app.state::<Line>();
    match message {
        ToWindow::Show { label, language } => super::show(app, label, language),
        ToWindow::Close => super::close_all(app),
        ToWindow::Answer { id, outcome } => {
            if let Some(resolver) = held(&line.answers).remove(&id) {
                match outcome {
                    Outcome::Done(value) => resolver.resolve(value),
                    Outcome::Refused(error) => resolver.reject(error),
                }
            }
        }
        ToWindow::Message { channel, value } => {
            let sent = held(&line.channels).get(&channel).map(|channel| channel.send(value));
            if let Some(Err(error)) = sent {
                tracing::warn!(%error, "the page did not get a message");
            }
        }
        ToWindow::ChannelEnd { channel } => drop(held(&line.channels).remove(&channel)),
        ToWindow::Event { name, payload } => {
            if let Err(error) = app.emit(&name, payload) {
                tracing::warn!(%error, name, "the page was not told");
            }
        }
        ToWindow::Media { id, file } => {
            if let Some(responder) = held(&line.files).remove(&id) {
                responder.respond(super::media::response(file));
            }
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
