//! One client that keeps several conversations going, and remembers what it said.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::client::{Client, Frame};

/// A run that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to look for answers that come twice.
const AFTERMATH: Duration = Duration::from_millis(300);
/// Exchanges in one conversation before the next one begins.
const EXCHANGES: usize = 10;

/// Names for one exchange.
pub(super) struct Run {
    pub(super) session: String,
    pub(super) id: String,
}

impl Run {
    pub(super) fn new(lane: usize, number: usize) -> Self {
        Self {
            session: format!("agent:main:bench-{lane}-{}", number / EXCHANGES),
            id: format!("{lane}/{number}"),
        }
    }
}

/// A client with a message under way in each of its lanes.
pub(super) struct Crowd {
    client: Client,
    lanes: usize,
    /// Messages said in each lane.
    numbers: Vec<usize>,
    /// Final answers by run.
    answers: HashMap<String, usize>,
    /// Runs by conversation, in the order of their messages.
    conversations: HashMap<String, Vec<String>>,
    /// Messages that may still be said.
    left: usize,
}

impl Crowd {
    /// Follows the list of conversations, too, as WebChat does.
    pub(super) async fn new(mut client: Client, lanes: usize) -> anyhow::Result<Self> {
        client.request("sessions.subscribe", &json!({})).await?;
        Ok(Self {
            client,
            lanes,
            numbers: vec![0; lanes],
            answers: HashMap::new(),
            conversations: HashMap::new(),
            left: 0,
        })
    }

    /// So many complete runs.
    pub(super) async fn run(&mut self, count: usize) -> anyhow::Result<()> {
        self.left = count;
        for lane in 0..self.lanes {
            self.say(lane).await?;
        }
        for _ in 0..count {
            let run_id = timeout(PATIENCE, self.answered()).await.context("a run was lost")??;
            let lane = run_id.split_once('/').and_then(|(lane, _)| lane.parse().ok());
            self.say(lane.context("a run that nobody started")?).await?;
        }
        Ok(())
    }

    async fn say(&mut self, lane: usize) -> anyhow::Result<()> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(()) };
        let number = self.numbers.get_mut(lane).context("no such lane")?;
        let run = Run::new(lane, *number);
        *number += 1;
        self.left = left;
        self.client.say(&run.session, &run.id).await?;
        self.conversations.entry(run.session).or_default().push(run.id.clone());
        self.answers.insert(run.id, 0);
        Ok(())
    }

    /// Waits for a final answer and books it.
    async fn answered(&mut self) -> anyhow::Result<String> {
        loop {
            let text = self.client.socket.receive().await?;
            let frame = Frame::parse(&text)?;
            if frame.ok == Some(false) {
                bail!("a message was refused: {text}");
            }
            match frame.chat()? {
                Some(chat) if chat.state == "final" => {
                    *self.answers.entry(chat.run_id.clone()).or_default() += 1;
                    return Ok(chat.run_id);
                }
                Some(chat) if chat.state != "delta" => bail!("a run failed: {text}"),
                _ => {}
            }
        }
    }

    /// Books what comes after everything has been answered.
    pub(super) async fn listen_on(&mut self) -> anyhow::Result<()> {
        while let Ok(answered) = timeout(AFTERMATH, self.answered()).await {
            answered?;
        }
        Ok(())
    }

    /// Messages said so far.
    pub(super) fn said(&self) -> usize {
        self.answers.len()
    }

    /// Runs that were not answered once.
    pub(super) fn wrong(&self) -> usize {
        self.answers.values().filter(|answers| **answers != 1).count()
    }

    /// Rows that do not stand where they belong: each message once, in the order of sending,
    /// followed by its answer.
    pub(super) async fn disorder(&mut self) -> anyhow::Result<usize> {
        let mut wrong = 0;
        for (session, sent) in &self.conversations {
            let params = json!({"sessionKey": session, "limit": 1000});
            let answer: Value =
                serde_json::from_str(&self.client.request("chat.history", &params).await?)?;
            let rows = answer["payload"]["messages"].as_array().map_or(&[][..], Vec::as_slice);
            let found =
                rows.iter().map(|row| (row["role"].as_str(), row["__openclaw"]["runId"].as_str()));
            let wanted: Vec<_> = sent
                .iter()
                .flat_map(|id| ["user", "assistant"].map(|role| (Some(role), Some(id.as_str()))))
                .collect();
            wrong += wanted.len().abs_diff(rows.len());
            wrong += found.zip(wanted).filter(|(found, wanted)| found != wanted).count();
        }
        Ok(wrong)
    }
}
