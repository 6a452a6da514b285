//! How fast clients come and go.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use crate::args::Args;
use crate::gateway::{Gateway, Home};
use crate::report::Row;
use crate::samples::Samples;

const CLIENTS: usize = 8;
const WATCHED: Duration = Duration::from_secs(3);

pub(super) async fn rows(args: &Args) -> anyhow::Result<Vec<Row>> {
    let home = Home::new(None)?;
    let gateway = Gateway::start(&args.bin, &home).await?;
    drop(gateway.connect().await?);
    let end = Instant::now() + WATCHED;
    let times = try_join_all((0..CLIENTS).map(|_| come_and_go(&gateway, end))).await?.concat();
    gateway.stop().await?;
    let rate = times.len() as f64 / WATCHED.as_secs_f64();
    let samples: Samples = times.into_iter().collect();
    Ok(vec![Row::new("connections opened up to hello-ok", rate, "/s").detail(format!(
        "{CLIENTS} at a time with the shared secret; p50 {:.2} ms, p99 {:.2} ms",
        samples.median(),
        samples.percentile(99.0)
    ))])
}

async fn come_and_go(gateway: &Gateway, end: Instant) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    while Instant::now() < end {
        let began = Instant::now();
        drop(gateway.connect().await?);
        times.push(began.elapsed());
    }
    Ok(times)
}
