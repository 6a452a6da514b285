//! The listening socket: accepts connections and hands them to HTTP.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tracing::{Instrument as _, debug, warn};

use crate::http::{self, Visit};
use crate::shared::Shared;

/// A client gets this long for its request headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that proves nothing is asked to end after this long, and ended soon after.
const STRANGER_LIFETIME: Duration = Duration::from_secs(45);
/// Time for what is on its way when a connection is ended.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Pause after the system refused to accept, for example when out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;

/// Listens on `address`.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Elsewhere this would let another program take the port over.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Lets this process open as many files and sockets as the system allows it to.
pub(crate) fn raise_open_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        // macOS allows no more than this where it claims that there is no limit.
        let most = limit.maximum.unwrap_or(10_240);
        if limit.current.is_some_and(|current| current < most) {
            let raised = Rlimit { current: Some(most), maximum: limit.maximum };
            if let Err(error) = setrlimit(Resource::Nofile, raised) {
                debug!(%error, "the number of open files stays limited");
            }
        }
    }
}

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
    let is_proxy = shared.settings().access.is_trusted(peer.ip().to_canonical());
    let stranger = Arc::new(shared.strangers.arrive(peer.ip(), is_proxy));
    let visit = Visit { shared: shared.clone(), peer, local, stranger: stranger.clone() };
    let service = hyper::service::service_fn(|request| {
        let visit = visit.clone();
        async move { Ok::<_, std::convert::Infallible>(http::answer(visit, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        served = &mut connection => return log(served),
        () = stranger.evicted() => return debug!("made room for others"),
        () = shared.stop.cancelled() => {}
        () = overstayed(&stranger) => {}
    }
    // Answers under way are finished; runs that are stopped answer as well.
    connection.as_mut().graceful_shutdown();
    let closed = async {
        shared.closing.cancelled().await;
        tokio::time::sleep(LAST_WORDS).await;
    };
    tokio::select! {
        served = &mut connection => log(served),
        () = closed => {}
        () = tokio::time::sleep(10 * LAST_WORDS), if !stranger.is_admitted() => {}
    }
}

/// Resolves when a connection has had its time without proving anything.
async fn overstayed(stranger: &crate::strangers::Stranger) {
    tokio::time::sleep(STRANGER_LIFETIME).await;
    if stranger.is_admitted() {
        std::future::pending::<()>().await;
    }
}

fn log(served: hyper::Result<()>) {
    if let Err(error) = served {
        debug!(%error, "connection ended");
    }
}
