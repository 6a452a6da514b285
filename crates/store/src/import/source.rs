//! A state directory of the original. Everything in it may be missing, broken or hostile.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::entry::{self, Entry};
use super::plain::{self, Line};
use crate::transcript::NewMessage;

/// Largest list of sessions; one with many thousand entries stays below it.
const MAX_SESSIONS_FILE: u64 = 64 << 20;
/// Largest list of devices or jobs.
const MAX_LIST_FILE: u64 = 4 << 20;
/// What is read of one transcript.
const MAX_TRANSCRIPT: u64 = 1 << 30;
/// Agents of one directory.
const MAX_AGENTS: usize = 256;
/// One batch ends with this many messages, or after this many bytes of its file.
const BATCH: usize = 200;
const BATCH_BYTES: usize = 1 << 20;
/// Longest text of a session's member.
const MAX_FIELD: usize = 512;

/// What is taken over of a session. Left out is everything that lets an agent do more
/// (`elevatedLevel`, `execHost` and its kin), and what this gateway works out itself.
const TEXTS: [&str; 11] = [
    "label",
    "displayName",
    "subject",
    "channel",
    "spawnedBy",
    "thinkingLevel",
    "verboseLevel",
    "reasoningLevel",
    "responseUsage",
    "providerOverride",
    "modelOverride",
];
const COUNTS: [&str; 4] = ["inputTokens", "outputTokens", "totalTokens", "compactionCount"];

/// A state directory of the original, which is only read. Its methods block.
#[derive(Debug, Clone)]
pub struct OldState {
    root: PathBuf,
}

/// A conversation in it.
#[derive(Debug, Clone)]
pub struct OldSession {
    /// Its key as written there.
    pub key: String,
    /// Agent whose directory it lies in.
    pub agent_id: String,
    /// Its id, which is safe to use in names.
    pub session_id: String,
    /// When it was last active; 0 when that is unknown.
    pub updated_ms: i64,
    /// Members for [`crate::Session::fields`].
    pub fields: Map<String, Value>,
    transcript: PathBuf,
}

/// A transcript on its way in, read piece by piece.
pub struct Transcript {
    lines: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    before_ms: i64,
}

/// A piece of a transcript.
#[derive(Debug, Default)]
pub struct Batch {
    /// Its messages, oldest first; none is possible before the end, too.
    pub messages: Vec<NewMessage>,
    /// Lines that could not be read.
    pub damaged: u64,
    /// Whether nothing follows.
    pub end: bool,
}

impl OldState {
    /// The directory, if it is one (and no link to one) that holds anything to import.
    pub fn at(root: &Path) -> Option<Self> {
        let state = Self { root: root.to_owned() };
        let files = [state.paired(), state.jobs_file()];
        let holds = || state.agents().next().is_some() || files.iter().any(|path| path.is_file());
        (plain::is_dir(root) && holds()).then_some(state)
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// When a list of sessions in it was last written.
    pub fn used(&self) -> Option<SystemTime> {
        let written = |agent: String| fs::metadata(self.list(&agent)).ok()?.modified().ok();
        self.agents().filter_map(written).max()
    }

    /// Its conversations, the most recently used first.
    pub fn sessions(&self) -> Vec<OldSession> {
        let mut all: Vec<_> =
            self.agents().take(MAX_AGENTS).flat_map(|agent| self.sessions_of(&agent)).collect();
        all.sort_by_key(|session| std::cmp::Reverse(session.updated_ms));
        all
    }

    /// The entries of `devices/paired.json` by device id. They hold credentials, so a file that
    /// somebody else could have written is refused.
    pub fn devices(&self) -> Map<String, Value> {
        let path = self.paired();
        let dir = self.root.join("devices");
        if path.exists() && !(plain::is_dir(&dir) && plain::is_private(&path, &self.root)) {
            tracing::warn!(path = %path.display(), "not imported: others can write this file");
            return Map::new();
        }
        object(&path, MAX_LIST_FILE).unwrap_or_default()
    }

    /// The jobs of `cron/jobs.json` that are objects with an id.
    pub fn jobs(&self) -> Vec<(String, Value)> {
        if !plain::is_dir(&self.root.join("cron")) {
            return Vec::new();
        }
        let list =
            object(&self.jobs_file(), MAX_LIST_FILE).and_then(|mut file| file.remove("jobs"));
        let Some(Value::Array(jobs)) = list else { return Vec::new() };
        let with_id = |job: Value| {
            let id = job.get("id")?.as_str().filter(|id| is_id(id))?.to_owned();
            Some((id, job))
        };
        jobs.into_iter().filter_map(with_id).collect()
    }

    fn paired(&self) -> PathBuf {
        self.root.join("devices").join("paired.json")
    }

    fn jobs_file(&self) -> PathBuf {
        self.root.join("cron").join("jobs.json")
    }

    fn list(&self, agent: &str) -> PathBuf {
        self.sessions_dir(agent).join("sessions.json")
    }

    fn sessions_dir(&self, agent: &str) -> PathBuf {
        self.root.join("agents").join(agent).join("sessions")
    }

    /// Agents with a directory of sessions.
    fn agents(&self) -> impl Iterator<Item = String> {
        let agents = self.root.join("agents");
        let listed = plain::is_dir(&agents).then(|| fs::read_dir(&agents).ok()).flatten();
        let names = listed.into_iter().flatten().filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let dir = agents.join(&name);
            let found = plain::is_dir(&dir) && plain::is_dir(&dir.join("sessions"));
            (is_id(&name) && found).then_some(name)
        });
        names.collect::<Vec<_>>().into_iter()
    }

    fn sessions_of(&self, agent: &str) -> Vec<OldSession> {
        let path = self.list(agent);
        let text = match plain::read(&path, MAX_SESSIONS_FILE) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "not imported");
                return Vec::new();
            }
        };
        // Each entry on its own, so that one with a wrong type does not take the others along.
        let entries: BTreeMap<String, &RawValue> = match serde_json::from_str(&text) {
            Ok(entries) => entries,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "not imported: no list of sessions");
                return Vec::new();
            }
        };
        let read = |(key, entry): (String, &RawValue)| {
            let session = self.session(agent, &key, entry);
            if session.is_none() {
                tracing::warn!(path = %path.display(), ?key, "an entry is not usable and was skipped");
            }
            session
        };
        entries.into_iter().filter_map(read).collect()
    }

    fn session(&self, agent: &str, key: &str, entry: &RawValue) -> Option<OldSession> {
        let entry: Map<String, Value> = serde_json::from_str(entry.get()).ok()?;
        let session_id = entry.get("sessionId")?.as_str().filter(|id| is_id(id))?.to_owned();
        let usual = format!("{session_id}.jsonl");
        let name = match entry.get("sessionFile").and_then(Value::as_str) {
            None => usual,
            Some(file) => file_name(file, agent).unwrap_or_else(|| {
                tracing::warn!(?key, "sessionFile leads elsewhere and was ignored");
                usual
            }),
        };
        let updated = entry.get("updatedAt").and_then(Value::as_i64).unwrap_or(0);
        Some(OldSession {
            key: key.to_owned(),
            agent_id: agent.to_owned(),
            updated_ms: updated.clamp(0, crate::now_ms()),
            fields: fields(&entry),
            transcript: self.sessions_dir(agent).join(name),
            session_id,
        })
    }
}

impl OldSession {
    /// Opens its transcript; `None` when it has none.
    ///
    /// # Errors
    /// When the file cannot be read, or is a link or anything else that is no plain file.
    pub fn open(&self) -> io::Result<Option<Transcript>> {
        let file = match plain::open(&self.transcript) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let before_ms = if self.updated_ms > 0 { self.updated_ms } else { crate::now_ms() };
        Ok(Some(Transcript::new(file.take(MAX_TRANSCRIPT), before_ms)))
    }
}

impl Transcript {
    /// A transcript somebody sent.
    pub fn of_text(text: String) -> Self {
        Self::new(io::Cursor::new(text), crate::now_ms())
    }

    fn new(source: impl Read + Send + 'static, before_ms: i64) -> Self {
        let lines = BufReader::with_capacity(64 << 10, Box::new(source) as Box<dyn Read + Send>);
        Self { lines, line: Vec::new(), before_ms }
    }

    /// The next messages, in the order of the file; branches of its tree are not told apart.
    ///
    /// # Errors
    /// When the file cannot be read any further.
    pub fn next_batch(&mut self) -> io::Result<Batch> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while batch.messages.len() < BATCH && bytes < BATCH_BYTES {
            match plain::read_line(&mut self.lines, &mut self.line)? {
                Line::End => {
                    batch.end = true;
                    break;
                }
                Line::TooLong => {
                    batch.damaged += 1;
                    break;
                }
                Line::Whole => {}
            }
            bytes += self.line.len();
            match entry::read(&self.line, self.before_ms) {
                Entry::Message(message) => {
                    self.before_ms = message.ts_ms;
                    batch.messages.push(message);
                }
                Entry::Other => {}
                Entry::Damaged => batch.damaged += 1,
            }
        }
        Ok(batch)
    }
}

/// An object in a plain file. What is there and no such thing is said in the log.
fn object(path: &Path, max: u64) -> Option<Map<String, Value>> {
    let read = plain::read(path, max).and_then(|text| Ok(serde_json::from_str(&text)?));
    match read {
        Ok(object) => Some(object),
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(path = %path.display(), %error, "not imported");
            }
            None
        }
    }
}

fn fields(entry: &Map<String, Value>) -> Map<String, Value> {
    let short = |text: &str| text.len() <= MAX_FIELD && !text.chars().any(char::is_control);
    let fits = |name: &str, value: &Value| match value {
        Value::String(text) => TEXTS.contains(&name) && short(text),
        Value::Number(count) => COUNTS.contains(&name) && count.is_u64(),
        Value::Bool(_) => name == "abortedLastRun",
        _ => false,
    };
    let kept = entry.iter().filter(|(name, value)| fits(name, value));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The name of a transcript in the agent's own directory, also when the path begins where the
/// directory was before it was moved.
fn file_name(path: &str, agent: &str) -> Option<String> {
    let parts: Option<Vec<&str>> = Path::new(path)
        .components()
        .map(|part| match part {
            Component::Normal(name) => name.to_str(),
            Component::RootDir | Component::Prefix(_) => Some("/"),
            Component::ParentDir | Component::CurDir => None,
        })
        .collect();
    let parts = parts?;
    let (name, dirs) = parts.split_last()?;
    let beside = dirs.is_empty() || dirs.ends_with(&["agents", agent, "sessions"]);
    let stem = name.strip_suffix(".jsonl")?;
    (beside && is_id(stem)).then(|| (*name).to_owned())
}

/// Ids become parts of paths: letters, digits, `.`, `_`, `-`, and no dot first.
fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    id.len() <= 128 && !id.starts_with('.') && !id.is_empty() && id.bytes().all(plain)
}
