//! Messages and their answers, with a model that costs no time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::json;
use tokio::time::timeout;

use crate::args::Args;
use crate::client::{Client, Frame};
use crate::gateway::{Gateway, Home};
use crate::model::Model;
use crate::process;
use crate::report::Row;
use crate::samples::Samples;

/// A run that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to look for answers that come twice.
const AFTERMATH: Duration = Duration::from_millis(300);
/// Messages measured one at a time.
const SINGLE: usize = 300;
/// Runs measured together, and how many are under way at once.
const TOGETHER: usize = 1500;
const LANES: usize = 4;
/// Unmeasured at the beginning.
const WARM_UP: usize = 40;
/// Exchanges in one conversation before the next one begins.
const EXCHANGES: usize = 10;

pub(super) async fn ack(args: &Args) -> anyhow::Result<Vec<Row>> {
    let model = Model::start().await?;
    let home = Home::new(Some(&model.instant()))?;
    let gateway = Gateway::start(&args.bin, &home).await?;
    let mut client = gateway.connect().await?;
    let mut times = Vec::new();
    for number in 0..WARM_UP + SINGLE {
        let run = Run::new(0, number);
        let sent = Instant::now();
        client.say(&run.session, &run.id).await?;
        let acknowledged = wait(&mut client, |frame| Ok(is_ack(frame, &run.id))).await?;
        wait(&mut client, |frame| Ok(state(frame, &run.id)?.as_deref() == Some("final"))).await?;
        times.push(acknowledged - sent);
    }
    gateway.stop().await?;
    let samples: Samples = times.into_iter().skip(WARM_UP).collect();
    Ok(vec![
        Row::new("chat.send until acknowledged, p50", samples.median(), "ms").at_most(3.0).detail(
            format!(
                "p99 {:.2} ms, {} messages, each on disk",
                samples.percentile(99.0),
                samples.len()
            ),
        ),
    ])
}

pub(super) async fn first_delta(args: &Args) -> anyhow::Result<Vec<Row>> {
    let mut model = Model::start().await?;
    let home = Home::new(Some(&model.paced()))?;
    let gateway = Gateway::start(&args.bin, &home).await?;
    let mut client = gateway.connect().await?;
    let mut times = Vec::new();
    for number in 0..WARM_UP + SINGLE {
        let run = Run::new(0, number);
        client.say(&run.session, &run.id).await?;
        let shown =
            wait(&mut client, |frame| Ok(state(frame, &run.id)?.as_deref() == Some("delta")))
                .await?;
        let said = model.first_bytes.try_recv().context("a delta came before the model spoke")?;
        times.push(shown.saturating_duration_since(said));
        wait(&mut client, |frame| Ok(state(frame, &run.id)?.as_deref() == Some("final"))).await?;
    }
    gateway.stop().await?;
    let samples: Samples = times.into_iter().skip(WARM_UP).collect();
    Ok(vec![
        Row::new("model's first byte to client's first delta, p99", samples.percentile(99.0), "ms")
            .at_most(5.0)
            .detail(format!("p50 {:.2} ms, {} answers", samples.median(), samples.len())),
    ])
}

pub(super) async fn runs(args: &Args) -> anyhow::Result<Vec<Row>> {
    let model = Model::start().await?;
    let home = Home::new(Some(&model.instant()))?;
    let gateway = Gateway::start(&args.bin, &home).await?;
    let mut client = gateway.connect().await?;
    // WebChat follows the list of conversations, too.
    client.request("sessions.subscribe", &json!({})).await?;
    let mut crowd = Crowd { client, answers: HashMap::new(), next: 0 };
    crowd.run(WARM_UP).await?;
    let cpu_before = process::cpu_time(gateway.pid())?;
    let started = Instant::now();
    crowd.run(TOGETHER).await?;
    let elapsed = started.elapsed();
    let cpu = process::cpu_time(gateway.pid())? - cpu_before;
    crowd.listen_on().await?;
    gateway.stop().await?;
    let count = TOGETHER as f64;
    let wrong = crowd.answers.values().filter(|answers| **answers != 1).count();
    Ok(vec![
        Row::new("complete runs, 4 in flight", count / elapsed.as_secs_f64(), "/s")
            .at_least(300.0)
            .detail(format!("{TOGETHER} runs in {:.2} s", elapsed.as_secs_f64())),
        Row::new("runs lost or answered twice", wrong as f64, "")
            .at_most(0.0)
            .detail(format!("of {}", crowd.answers.len())),
        Row::new("gateway's processor time per run", cpu.as_secs_f64() * 1e3 / count, "ms"),
    ])
}

/// Names for one exchange.
struct Run {
    session: String,
    id: String,
}

impl Run {
    fn new(lane: usize, number: usize) -> Self {
        Self {
            session: format!("agent:main:bench-{lane}-{}", number / EXCHANGES),
            id: format!("{lane}/{number}"),
        }
    }
}

/// One client that keeps several conversations going.
struct Crowd {
    client: Client,
    /// Final answers by run.
    answers: HashMap<String, usize>,
    next: usize,
}

impl Crowd {
    async fn run(&mut self, count: usize) -> anyhow::Result<()> {
        let last = self.next + count;
        for lane in 0..LANES {
            self.say(lane, last).await?;
        }
        let mut open = count;
        while open > 0 {
            let run_id = timeout(PATIENCE, self.answered()).await.context("a run was lost")??;
            open -= 1;
            let lane = run_id.split_once('/').and_then(|(lane, _)| lane.parse().ok());
            self.say(lane.context("a run that nobody started")?, last).await?;
        }
        Ok(())
    }

    async fn say(&mut self, lane: usize, last: usize) -> anyhow::Result<()> {
        if self.next < last {
            let run = Run::new(lane, self.next);
            self.next += 1;
            self.client.say(&run.session, &run.id).await?;
            self.answers.insert(run.id, 0);
        }
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
    async fn listen_on(&mut self) -> anyhow::Result<()> {
        while let Ok(answered) = timeout(AFTERMATH, self.answered()).await {
            answered?;
        }
        Ok(())
    }
}

/// When the first frame of this kind arrived.
async fn wait(
    client: &mut Client,
    wanted: impl Fn(&Frame<'_>) -> anyhow::Result<bool>,
) -> anyhow::Result<Instant> {
    loop {
        let text = timeout(PATIENCE, client.socket.receive()).await.context("no answer")??;
        let arrived = Instant::now();
        if wanted(&Frame::parse(&text)?)? {
            return Ok(arrived);
        }
    }
}

fn is_ack(frame: &Frame<'_>, run_id: &str) -> bool {
    frame.id == Some(run_id) && frame.ok == Some(true)
}

fn state(frame: &Frame<'_>, run_id: &str) -> anyhow::Result<Option<String>> {
    let chat = frame.chat()?.filter(|chat| chat.run_id == run_id);
    match chat {
        Some(chat) if chat.state == "error" => bail!("the run {run_id} failed"),
        Some(chat) => Ok(Some(chat.state)),
        None => Ok(None),
    }
}
