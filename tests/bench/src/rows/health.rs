//! `health` beside a server that does nothing but WebSocket.

use serde_json::json;

use crate::args::Args;
use crate::client::{Socket, request};
use crate::echo::Echo;
use crate::gateway::{Gateway, Home};
use crate::load::{Load, hammer};
use crate::report::Row;
use crate::samples::Samples;

/// Both servers are measured in turn, this often.
const ROUNDS: usize = 3;

pub(super) async fn rows(args: &Args) -> anyhow::Result<Vec<Row>> {
    let home = Home::new(None)?;
    let gateway = Gateway::start(&args.bin, &home).await?;
    let question = request("r", "health", &json!({}));
    let answer = gateway.connect().await?.socket.exchange(&question).await?;
    let echo = Echo::start(&answer).await?;
    let mut rows = Vec::new();
    for connections in [1, 64] {
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..connections {
            ours.push(gateway.connect().await?.socket);
            bare.push(Socket::open(echo.address).await?);
        }
        let (mut measured, mut yardstick) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            measured.push(hammer(&mut ours, &question).await?);
            yardstick.push(hammer(&mut bare, &question).await?);
        }
        rows.extend(compare(connections, answer.len(), &measured, &yardstick));
    }
    gateway.stop().await?;
    Ok(rows)
}

fn compare(connections: usize, bytes: usize, ours: &[Load], bare: &[Load]) -> [Row; 2] {
    let (rate, bare_rate) = (median_rate(ours), median_rate(bare));
    let (latency, bare_latency) = (latency(ours), latency(bare));
    let title = |what| format!("health, {connections} in flight: {what}");
    let detail = format!(
        "p50 {:.3} ms, p99 {:.3} ms; echo p50 {:.3} ms, p99 {:.3} ms",
        latency.median(),
        latency.percentile(99.0),
        bare_latency.median(),
        bare_latency.percentile(99.0),
    );
    let share = format!("{bytes} bytes each; echo {bare_rate:.0}/s, median of {ROUNDS}");
    [
        Row::new(title("rate"), rate, "/s").detail(detail),
        Row::new(title("of a bare echo"), rate / bare_rate * 100.0, "%")
            .at_least(60.0)
            .detail(share),
    ]
}

fn median_rate(loads: &[Load]) -> f64 {
    let mut rates: Vec<f64> = loads.iter().map(|load| load.per_second).collect();
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

fn latency(loads: &[Load]) -> Samples {
    loads.iter().flat_map(|load| load.latencies.iter().copied()).collect()
}
