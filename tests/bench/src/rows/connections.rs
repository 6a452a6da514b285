//! What a connection costs that does nothing.

use std::time::Duration;

use anyhow::Context as _;

use crate::args::Args;
use crate::gateway::{Gateway, Home};
use crate::process;
use crate::report::Row;

const CONNECTIONS: usize = 1000;
const SETTLE: Duration = Duration::from_secs(2);

pub(super) async fn rows(args: &Args) -> anyhow::Result<Vec<Row>> {
    let home = Home::new(None)?;
    let gateway = Gateway::start(&args.bin, &home).await?;
    drop(gateway.connect().await?);
    tokio::time::sleep(SETTLE).await;
    let before = process::pss_kib(gateway.pid())?;
    let mut clients = Vec::with_capacity(CONNECTIONS);
    for number in 0..CONNECTIONS {
        let client = gateway.connect().await;
        clients.push(client.with_context(|| format!("{number} connections are open already"))?);
    }
    tokio::time::sleep(SETTLE).await;
    let after = process::pss_kib(gateway.pid())?;
    drop(clients);
    tokio::time::sleep(SETTLE).await;
    let left = process::pss_kib(gateway.pid())?;
    gateway.stop().await?;
    let each = after.saturating_sub(before) as f64 * 1.024 / CONNECTIONS as f64;
    Ok(vec![Row::new("memory per idle connection", each, "kB").at_most(40.0).detail(format!(
        "{CONNECTIONS} connections; {before} KiB before, {after} KiB with, {left} KiB after"
    ))])
}
