//! The end of a very long conversation.

use std::path::Path;
use std::time::Instant;

use anyhow::bail;
use clawdbot_store::{NewMessage, Role, Store};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use crate::args::Args;
use crate::gateway::{Gateway, Home};
use crate::report::Row;
use crate::samples::Samples;

const MESSAGES: i64 = 100_000;
const PAGE: usize = 60;
const REQUESTS: usize = 300;
const SESSION: &str = "agent:main:main";
/// Writes under way at once, so that many share a commit.
const WRITES: usize = 1000;

pub(super) async fn rows(args: &Args) -> anyhow::Result<Vec<Row>> {
    let home = Home::new(None)?;
    let began = Instant::now();
    seed(&home.paths().database).await?;
    let seeded = began.elapsed();
    let gateway = Gateway::start(&args.bin, &home).await?;
    let mut client = gateway.connect().await?;
    let params = json!({"sessionKey": SESSION, "limit": PAGE});
    let answer: Value = serde_json::from_str(&client.request("chat.history", &params).await?)?;
    let rows = answer["payload"]["messages"].as_array().map_or(0, Vec::len);
    if rows != PAGE {
        bail!("chat.history answered {rows} rows instead of {PAGE}");
    }
    let mut times = Vec::new();
    for _ in 0..REQUESTS {
        let sent = Instant::now();
        client.request("chat.history", &params).await?;
        times.push(sent.elapsed());
    }
    gateway.stop().await?;
    let samples: Samples = times.into_iter().collect();
    let title = format!("chat.history, last {PAGE} of {MESSAGES}, p50");
    Ok(vec![Row::new(title, samples.median(), "ms").detail(format!(
        "p99 {:.2} ms, {REQUESTS} requests; stored in {:.1} s",
        samples.percentile(99.0),
        seeded.as_secs_f64()
    ))])
}

async fn seed(database: &Path) -> anyhow::Result<()> {
    let (store, _) = Store::open(database)?;
    stream::iter(0..MESSAGES)
        .map(|number| append(&store, number))
        .buffered(WRITES)
        .try_for_each(|()| async { Ok(()) })
        .await?;
    Ok(store.close().await?)
}

async fn append(store: &Store, number: i64) -> anyhow::Result<()> {
    let ts = 1_700_000_000_000 + number;
    let text = format!(
        "Message {number}: a sentence or two, as people write them to each other. \
        It is neither long nor short, and it says little."
    );
    let (role, content) = if number % 2 == 0 {
        (Role::User, json!(text))
    } else {
        (Role::Assistant, json!([{"type": "text", "text": text}]))
    };
    let body = json!({"role": role, "content": content, "timestamp": ts});
    let body = serde_json::value::to_raw_value(&body)?;
    store.append(SESSION, NewMessage::new(role, body, text, ts)).await?;
    Ok(())
}
