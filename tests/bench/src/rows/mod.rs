//! What is measured, in the order of the table.

mod chat;
mod connections;
mod crowd;
mod desktop;
mod fan_out;
mod growth;
mod handshakes;
mod health;
mod history;
mod idle;
mod sizes;
mod start;

use clap::ValueEnum as _;

use crate::args::{Args, Measure};
use crate::report::{self, Row};

/// Measures everything that was asked for.
pub(crate) async fn measure(args: &Args) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for measure in Measure::value_variants() {
        if !args.only.is_empty() && !args.only.contains(measure) {
            continue;
        }
        if let Some(name) = measure.to_possible_value() {
            report::progress(name.get_name());
        }
        rows.extend(match measure {
            Measure::Start => start::rows(args).await?,
            Measure::Memory => idle::memory(args).await?,
            Measure::Idle => idle::processor(args).await?,
            Measure::Health => health::rows(args).await?,
            Measure::Ack => chat::ack(args).await?,
            Measure::Runs => chat::runs(args).await?,
            Measure::Concurrent => chat::concurrent(args).await?,
            Measure::Growth => growth::rows(args).await?,
            Measure::FirstDelta => chat::first_delta(args).await?,
            Measure::History => history::rows(args).await?,
            Measure::FanOut => fan_out::rows(args).await?,
            Measure::Handshakes => handshakes::rows(args).await?,
            Measure::Connections => connections::some(args).await?,
            Measure::ManyConnections => connections::many(args).await?,
            Measure::Sizes => sizes::rows(args)?,
            Measure::Desktop => desktop::rows(args).await?,
        });
    }
    Ok(rows)
}
