//! The one thread that writes. Jobs that arrive together share a commit, so that many small
//! writes cost one flush to disk; each runs in its own savepoint, so that one failure stays its own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::error::StoreError;
use crate::files::{Files, Lock};

/// Jobs that may wait; beyond it callers wait for room.
const QUEUE: usize = 1024;

type Jobs = VecDeque<Box<dyn Job>>;
type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// Sends jobs to the writing thread. The thread ends when the last clone is gone.
#[derive(Clone)]
pub(crate) struct Writer {
    messages: mpsc::Sender<Msg>,
    commits: Arc<AtomicU64>,
}

enum Msg {
    Job(Box<dyn Job>),
    Close(Reply<()>),
}

impl Writer {
    /// Starts the thread; it owns the connection and the claim on the database.
    pub(crate) fn start(conn: Connection, lock: Lock, files: Files) -> Result<Self, StoreError> {
        let (messages, inbox) = mpsc::channel(QUEUE);
        let commits = Arc::new(AtomicU64::new(0));
        let actor = WriterActor { conn, inbox, commits: commits.clone(), files, lock };
        std::thread::Builder::new().name("store-writer".into()).spawn(move || actor.run())?;
        Ok(Self { messages, commits })
    }

    /// Runs `work` and returns once it is on disk. On an error nothing of it is kept.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Work { work: Some(work), result: None, reply };
        let sent = self.messages.send(Msg::Job(Box::new(job))).await;
        sent.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Writes out what is queued, empties the write-ahead log and ends the thread.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        if self.messages.send(Msg::Close(reply)).await.is_err() {
            return Ok(());
        }
        answer.await.unwrap_or(Ok(()))
    }

    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

/// A job whose answer waits for the commit.
trait Job: Send {
    /// Does the work in its own savepoint and keeps the result; the error is for the group.
    fn run(&mut self, conn: &Connection) -> Result<(), StoreError>;
    /// Tells the caller, now that the commit has happened or failed.
    fn answer(self: Box<Self>, commit: Result<(), StoreError>);
}

struct Work<F, T> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: Reply<T>,
}

impl<T, F> Job for Work<F, T>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, conn: &Connection) -> Result<(), StoreError> {
        let Some(work) = self.work.take() else {
            return Ok(());
        };
        let result = in_savepoint(conn, work);
        let outcome = result.as_ref().map(|_| ()).map_err(StoreError::clone);
        self.result = Some(result);
        outcome
    }

    fn answer(self: Box<Self>, commit: Result<(), StoreError>) {
        let result = match (self.result, commit) {
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(StoreError::Closed),
        };
        // The caller may have stopped waiting; the write stands either way.
        let _ = self.reply.send(result);
    }
}

fn in_savepoint<T>(
    conn: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    execute(conn, "SAVEPOINT job")?;
    match work(conn) {
        Ok(value) => execute(conn, "RELEASE job").map(|()| value),
        // A full disk can end the whole transaction; then there is no savepoint to go back to.
        Err(error) if conn.is_autocommit() => Err(error),
        Err(error) => {
            let undone =
                execute(conn, "ROLLBACK TO job").and_then(|()| execute(conn, "RELEASE job"));
            if undone.is_err() {
                execute(conn, "ROLLBACK")?;
            }
            Err(error)
        }
    }
}

fn execute(conn: &Connection, sql: &str) -> Result<(), StoreError> {
    conn.prepare_cached(sql)?.execute([])?;
    Ok(())
}

struct WriterActor {
    conn: Connection,
    inbox: mpsc::Receiver<Msg>,
    commits: Arc<AtomicU64>,
    files: Files,
    lock: Lock,
}

impl WriterActor {
    fn run(mut self) {
        while let Some(first) = self.inbox.blocking_recv() {
            let (jobs, closing) = self.drain(first);
            self.commit_all(jobs);
            if let Some(reply) = closing {
                return self.close(reply);
            }
        }
    }

    /// Everything that has arrived by now.
    fn drain(&mut self, first: Msg) -> (Jobs, Option<Reply<()>>) {
        let mut jobs = VecDeque::new();
        let mut closing = None;
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Msg::Job(job) => jobs.push_back(job),
                Msg::Close(reply) => {
                    self.inbox.close();
                    closing = Some(reply);
                }
            }
            next = if jobs.len() < QUEUE || closing.is_some() {
                self.inbox.try_recv().ok()
            } else {
                None
            };
        }
        (jobs, closing)
    }

    fn commit_all(&self, mut jobs: Jobs) {
        while !jobs.is_empty() {
            let mut done = Vec::with_capacity(jobs.len());
            let commit = self.commit_group(&mut jobs, &mut done);
            if let Err(error) = &commit {
                tracing::error!(code = error.code(), error = ?error, jobs = done.len(), "commit failed");
            }
            for job in done {
                job.answer(commit.clone());
            }
        }
    }

    /// One transaction. Jobs move from `jobs` to `done`; those left over need another one.
    fn commit_group(
        &self,
        jobs: &mut Jobs,
        done: &mut Vec<Box<dyn Job>>,
    ) -> Result<(), StoreError> {
        if let Err(error) = execute(&self.conn, "BEGIN IMMEDIATE") {
            done.extend(jobs.drain(..));
            return Err(error);
        }
        while let Some(mut job) = jobs.pop_front() {
            let outcome = job.run(&self.conn);
            done.push(job);
            if let Err(error) = outcome {
                self.files.note_damage(&error);
                if self.conn.is_autocommit() {
                    return Err(error);
                }
            }
        }
        self.commit()
    }

    fn commit(&self) -> Result<(), StoreError> {
        let committed = execute(&self.conn, "COMMIT");
        match &committed {
            Ok(()) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                self.files.note_damage(error);
                if !self.conn.is_autocommit() {
                    execute(&self.conn, "ROLLBACK")?;
                }
            }
        }
        committed
    }

    fn close(self, reply: Reply<()>) {
        let Self { conn, lock, .. } = self;
        let flushed = conn
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(StoreError::from);
        let closed = conn.close().map_err(|(_, error)| StoreError::from(error));
        // The lock goes first, so that whoever hears the answer can open the file again.
        drop(lock);
        let _ = reply.send(flushed.and(closed));
    }
}
