//! One event to everybody.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::args::Args;
use crate::client::Client;
use crate::gateway::{Gateway, Home};
use crate::report::Row;
use crate::samples::Samples;

const CONNECTIONS: usize = 1_000;
const ROUNDS: usize = 30;
/// An event that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// Until nobody is told of those who came before any more.
const SETTLE: Duration = Duration::from_secs(2);

pub(super) async fn rows(args: &Args) -> anyhow::Result<Vec<Row>> {
    let home = Home::new(None)?;
    let gateway = Gateway::start(&args.bin, &home).await?;
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    for _ in 0..CONNECTIONS {
        tokio::spawn(listen(gateway.connect().await?, arrived.clone()));
    }
    let mut sender = gateway.connect().await?;
    sender.request("sessions.create", &json!({"key": "main"})).await?;
    tokio::time::sleep(SETTLE).await;
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let sent = Instant::now();
        let note = json!({"sessionKey": "main", "message": "Dinner is ready."});
        sender.request("chat.inject", &note).await?;
        let mut times = Vec::with_capacity(CONNECTIONS);
        while times.len() < CONNECTIONS {
            let arrival = timeout(PATIENCE, arrivals.recv()).await.context("an event was lost")?;
            times.push(arrival.context("every listener is gone")?.duration_since(sent));
        }
        first.extend(times.iter().min());
        last.extend(times.iter().max());
    }
    gateway.stop().await?;
    let (first, last): (Samples, Samples) =
        (first.into_iter().collect(), last.into_iter().collect());
    let title = format!("one event to {CONNECTIONS} connections, until the last has it, p50");
    Ok(vec![Row::new(title, last.median(), "ms").detail(format!(
        "the first after {:.2} ms, p99 of the last {:.2} ms, {ROUNDS} events; the receivers' own time included",
        first.median(),
        last.percentile(99.0)
    ))])
}

/// Says when each `chat` event arrived, until the gateway stops.
async fn listen(mut client: Client, arrived: mpsc::UnboundedSender<Instant>) {
    while let Ok(text) = client.socket.receive().await {
        if text.starts_with(r#"{"type":"event","event":"chat""#) {
            let _ = arrived.send(Instant::now());
        }
    }
}
