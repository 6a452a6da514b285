//! A gateway with nothing to do.

use std::time::Duration;

use crate::args::Args;
use crate::gateway::{Gateway, Home};
use crate::process;
use crate::report::Row;

/// Until start-up work is over.
const SETTLE: Duration = Duration::from_secs(5);
/// Until threads of start-up work have ended as well; they would be counted otherwise.
const CALM: Duration = Duration::from_secs(12);

pub(super) async fn memory(args: &Args) -> anyhow::Result<Vec<Row>> {
    let home = Home::new(None)?;
    let gateway = Gateway::start(&args.bin, &home).await?;
    drop(gateway.connect().await?);
    tokio::time::sleep(SETTLE).await;
    let pss = process::pss_kib(gateway.pid())?;
    let threads = process::thread_times(gateway.pid())?.len();
    gateway.stop().await?;
    let row = Row::new("idle memory (PSS)", pss as f64 * 1024.0 / 1e6, "MB").at_most(20.0);
    Ok(vec![row.detail(format!("{threads} threads, after {} s", SETTLE.as_secs()))])
}

pub(super) async fn processor(args: &Args) -> anyhow::Result<Vec<Row>> {
    let home = Home::new(None)?;
    let gateway = Gateway::start(&args.bin, &home).await?;
    tokio::time::sleep(CALM).await;
    let (before, ticks_before) =
        (process::thread_times(gateway.pid())?, process::cpu_time(gateway.pid())?);
    let watched = Duration::from_secs(args.idle_seconds);
    tokio::time::sleep(watched).await;
    let (after, ticks_after) =
        (process::thread_times(gateway.pid())?, process::cpu_time(gateway.pid())?);
    gateway.stop().await?;
    let used = |(thread, nanos): (&String, &u64)| {
        nanos.saturating_sub(before.get(thread).copied().unwrap_or(0))
    };
    let used = Duration::from_nanos(after.iter().map(used).sum());
    let share = used.as_secs_f64() / watched.as_secs_f64() * 100.0;
    Ok(vec![Row::new("idle processor time", share, "%").at_most(0.01).detail(format!(
        "{used:?} in {watched:?}; by ticks {:?}",
        ticks_after.saturating_sub(ticks_before)
    ))])
}
