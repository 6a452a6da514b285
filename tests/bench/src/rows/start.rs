//! From exec to the first answer.

use std::time::{Duration, Instant};

use crate::args::Args;
use crate::gateway::{Gateway, Home};
use crate::report::Row;
use crate::samples::Samples;

const STARTS: usize = 11;

pub(super) async fn rows(args: &Args) -> anyhow::Result<Vec<Row>> {
    let mut fresh = Vec::new();
    for _ in 0..STARTS {
        fresh.push(start(args, &Home::new(None)?).await?);
    }
    let home = Home::new(None)?;
    start(args, &home).await?;
    let mut again = Vec::new();
    for _ in 0..STARTS {
        again.push(start(args, &home).await?);
    }
    Ok(vec![row("new state", fresh), row("existing state", again)])
}

async fn start(args: &Args, home: &Home) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let gateway = Gateway::start(&args.bin, home).await?;
    let client = gateway.connect().await?;
    let elapsed = started.elapsed();
    drop(client);
    gateway.stop().await?;
    Ok(elapsed)
}

fn row(state: &str, times: Vec<Duration>) -> Row {
    let samples: Samples = times.into_iter().collect();
    Row::new(format!("exec to hello-ok, {state}"), samples.median(), "ms").at_most(25.0).detail(
        format!(
            "min {:.1}, max {:.1}, median of {}",
            samples.min(),
            samples.percentile(100.0),
            samples.len()
        ),
    )
}
