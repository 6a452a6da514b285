//! What a connection costs that does nothing.

use std::time::Duration;

use anyhow::Context as _;

use crate::args::Args;
use crate::gateway::{Gateway, Home};
use crate::process;
use crate::report::{self, Row};

const SOME: usize = 1_000;
const MANY: usize = 10_000;
/// Files a process has open beside its connections.
const OTHER_FILES: u64 = 200;
const SETTLE: Duration = Duration::from_secs(2);

pub(super) async fn some(args: &Args) -> anyhow::Result<Vec<Row>> {
    rows(args, SOME).await
}

pub(super) async fn many(args: &Args) -> anyhow::Result<Vec<Row>> {
    let limit = process::open_files();
    if limit < MANY as u64 + OTHER_FILES {
        report::progress(&format!("nothing: the system allows {limit} open files only"));
        return Ok(Vec::new());
    }
    rows(args, MANY).await
}

async fn rows(args: &Args, count: usize) -> anyhow::Result<Vec<Row>> {
    let home = Home::new(None)?;
    let gateway = Gateway::start(&args.bin, &home).await?;
    drop(gateway.connect().await?);
    tokio::time::sleep(SETTLE).await;
    let before = process::pss_kib(gateway.pid())?;
    let mut clients = Vec::with_capacity(count);
    for number in 0..count {
        let client = gateway.connect().await;
        clients.push(client.with_context(|| format!("{number} connections are open already"))?);
    }
    tokio::time::sleep(SETTLE).await;
    let after = process::pss_kib(gateway.pid())?;
    drop(clients);
    tokio::time::sleep(SETTLE).await;
    let left = process::pss_kib(gateway.pid())?;
    gateway.stop().await?;
    let each = after.saturating_sub(before) as f64 * 1.024 / count as f64;
    let title = format!("memory per idle connection, {count} of them");
    Ok(vec![
        Row::new(title, each, "kB")
            .at_most(40.0)
            .detail(format!("{before} KiB before, {after} KiB with, {left} KiB after")),
    ])
}
