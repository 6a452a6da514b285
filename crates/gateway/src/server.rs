//! The listening socket: accepts connections and hands them to HTTP.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tracing::{Instrument as _, debug, warn};

use crate::gateway::Shared;
use crate::http;

/// A client gets this long for its request headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after the system refused to accept, for example when out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts until the gateway stops.
pub(crate) async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let span = tracing::debug_span!("tcp", %peer);
                shared.tasks.spawn(serve(shared.clone(), stream).instrument(span));
            }
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else {
        return;
    };
    // Answers are small and must not wait for more.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = hyper::service::service_fn(|request| {
        let shared = shared.clone();
        async move {
            Ok::<_, std::convert::Infallible>(http::answer(shared, peer, local, request).await)
        }
    });
    let serve = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::select! {
        () = shared.stop.cancelled() => {}
        served = serve => if let Err(error) = served {
            debug!(%error, "connection ended");
        }
    }
}
