//! One request in flight on each of many connections.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use crate::client::Socket;

/// Unmeasured at the beginning, so that buffers and caches have their size.
const WARM_UP: Duration = Duration::from_millis(300);
/// How long one round measures.
const ROUND: Duration = Duration::from_millis(1500);

/// What a round of requests came to.
pub(crate) struct Load {
    pub(crate) per_second: f64,
    pub(crate) latencies: Vec<Duration>,
}

/// Sends `request` on every socket as soon as the one before is answered.
pub(crate) async fn hammer(sockets: &mut [Socket], request: &str) -> anyhow::Result<Load> {
    let start = Instant::now() + WARM_UP;
    let end = start + ROUND;
    let rounds = sockets.iter_mut().map(|socket| one(socket, request, start, end));
    let latencies = try_join_all(rounds).await?.concat();
    Ok(Load { per_second: latencies.len() as f64 / ROUND.as_secs_f64(), latencies })
}

async fn one(
    socket: &mut Socket,
    request: &str,
    start: Instant,
    end: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    let mut sent = Instant::now();
    while sent < end {
        socket.exchange(request).await?;
        let answered = Instant::now();
        if sent >= start {
            latencies.push(answered - sent);
        }
        sent = answered;
    }
    Ok(latencies)
}
