//! Memory after many runs: what a run leaves behind must not add up.

use std::time::Duration;

use crate::args::Args;
use crate::gateway::{Gateway, Home};
use crate::model::Model;
use crate::process;
use crate::report::Row;
use crate::rows::crowd::Crowd;

const FEW: usize = 1_000;
const MANY: usize = 10_000;
const LANES: usize = 8;
const SETTLE: Duration = Duration::from_secs(2);

pub(super) async fn rows(args: &Args) -> anyhow::Result<Vec<Row>> {
    let model = Model::start().await?;
    let home = Home::new(Some(&model.instant()))?;
    let gateway = Gateway::start(&args.bin, &home).await?;
    let mut crowd = Crowd::new(gateway.connect().await?, LANES).await?;
    crowd.run(FEW).await?;
    tokio::time::sleep(SETTLE).await;
    let few = process::pss_kib(gateway.pid())?;
    crowd.run(MANY - FEW).await?;
    tokio::time::sleep(SETTLE).await;
    let many = process::pss_kib(gateway.pid())?;
    gateway.stop().await?;
    let growth = (many as f64 / few as f64 - 1.0) * 100.0;
    Ok(vec![
        Row::new(format!("memory after {MANY} runs, more than after {FEW}"), growth, "%")
            .at_most(10.0)
            .detail(format!("{few} KiB, then {many} KiB")),
    ])
}
