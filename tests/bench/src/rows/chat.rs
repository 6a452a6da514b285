//! Messages and their answers, with a model that costs no time.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::time::timeout;

use crate::args::Args;
use crate::client::{Client, Frame};
use crate::gateway::{Gateway, Home};
use crate::model::Model;
use crate::process;
use crate::report::Row;
use crate::rows::crowd::{Crowd, Run};
use crate::samples::Samples;

/// A run that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// Messages measured one at a time.
const SINGLE: usize = 300;
/// Runs measured together, and how many are under way at once.
const TOGETHER: usize = 1500;
const LANES: usize = 4;
const CONCURRENT: usize = 64;
/// Unmeasured at the beginning.
const WARM_UP: usize = 40;

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
    together(args, LANES, Some(1000.0)).await
}

pub(super) async fn concurrent(args: &Args) -> anyhow::Result<Vec<Row>> {
    together(args, CONCURRENT, None).await
}

async fn together(args: &Args, lanes: usize, budget: Option<f64>) -> anyhow::Result<Vec<Row>> {
    let model = Model::start().await?;
    let home = Home::new(Some(&model.instant()))?;
    let gateway = Gateway::start(&args.bin, &home).await?;
    let mut crowd = Crowd::new(gateway.connect().await?, lanes).await?;
    crowd.run(WARM_UP.max(lanes)).await?;
    let cpu_before = process::cpu_time(gateway.pid())?;
    let started = Instant::now();
    crowd.run(TOGETHER).await?;
    let elapsed = started.elapsed();
    let cpu = process::cpu_time(gateway.pid())? - cpu_before;
    crowd.listen_on().await?;
    let disorder = crowd.disorder().await?;
    gateway.stop().await?;
    let count = TOGETHER as f64;
    let rate =
        Row::new(format!("complete runs, {lanes} in flight"), count / elapsed.as_secs_f64(), "/s")
            .detail(format!("{TOGETHER} runs in {:.2} s", elapsed.as_secs_f64()));
    Ok(vec![
        match budget {
            Some(budget) => rate.at_least(budget),
            None => rate,
        },
        Row::new(
            format!("{lanes} in flight: runs lost or answered twice"),
            crowd.wrong() as f64,
            "",
        )
        .at_most(0.0)
        .detail(format!("of {}", crowd.said())),
        Row::new(format!("{lanes} in flight: rows out of order"), disorder as f64, "")
            .at_most(0.0)
            .detail("stored conversations compared with what was sent"),
        Row::new(
            format!("{lanes} in flight: gateway's processor time per run"),
            cpu.as_secs_f64() * 1e3 / count,
            "ms",
        )
        .at_most(2.0),
    ])
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
