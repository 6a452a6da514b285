//! One loopback address in front of a gateway that is elsewhere.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clawdbot_client::{Dialer, Stream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// Connections at once; more wait to be accepted.
const MAX_CONNECTIONS: usize = 256;
/// How long a connection waits for a tunnel that is coming back.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause between two looks at a target that cannot be reached.
const LOOK: Duration = Duration::from_millis(100);
/// Pause after the system refused to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Passes bytes on between a loopback address and whatever it leads to. Dropped, it closes.
#[derive(Debug)]
pub struct FrontDoor {
    address: SocketAddr,
    target: watch::Sender<Option<Dialer>>,
    _task: AbortOnDropHandle<()>,
}

/// Why there is no front door.
#[derive(Debug, thiserror::Error)]
pub enum FrontDoorError {
    /// Others could come in.
    #[error("{0} is not an address of this computer alone. Use 127.0.0.1.")]
    NotLoopback(SocketAddr),
    /// The system says no.
    #[error(
        "cannot listen on {address}: {source}. Stop the program that uses it, or choose another port."
    )]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl FrontDoorError {
    /// A stable name for this kind of failure.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotLoopback(_) => "FRONT_DOOR_NOT_LOOPBACK",
            Self::Bind { .. } => "FRONT_DOOR_BIND",
        }
    }
}

impl FrontDoor {
    /// Listens on a loopback address (SSH-06); port 0 lets the system choose. Until it leads
    /// somewhere, connections wait for a moment and are then closed.
    ///
    /// # Errors
    /// [`FrontDoorError`].
    pub async fn bind(address: SocketAddr) -> Result<Self, FrontDoorError> {
        if !address.ip().to_canonical().is_loopback() {
            return Err(FrontDoorError::NotLoopback(address));
        }
        let failed = |source| FrontDoorError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (target, watched) = watch::channel(None);
        let task = AbortOnDropHandle::new(tokio::spawn(accept(listener, watched)));
        Ok(Self { address, target, _task: task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads new connections there from now on; those that are open stay where they are.
    pub fn lead_to(&self, target: Option<Dialer>) {
        self.target.send_replace(target);
    }
}

async fn accept(listener: TcpListener, target: watch::Receiver<Option<Dialer>>) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut visits = JoinSet::new();
    loop {
        while visits.try_join_next().is_some() {}
        let Ok(place) = room.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((visitor, _)) => {
                let target = target.clone();
                visits.spawn(async move {
                    let _place = place;
                    if let Err(error) = pass(visitor, target).await {
                        tracing::debug!(%error, "a connection through the front door ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the front door cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn pass(mut visitor: TcpStream, target: watch::Receiver<Option<Dialer>>) -> io::Result<()> {
    visitor.set_nodelay(true)?;
    let mut far = dial(target).await?;
    tokio::io::copy_bidirectional(&mut visitor, &mut far).await.map(drop)
}

/// Dials whatever is the target, until it answers or the patience ends.
async fn dial(mut target: watch::Receiver<Option<Dialer>>) -> io::Result<Box<dyn Stream>> {
    let deadline = Instant::now() + PATIENCE;
    let mut last = io::Error::from(io::ErrorKind::NotConnected);
    while Instant::now() < deadline {
        let dialer = target.borrow_and_update().clone();
        if let Some(dialer) = dialer {
            match tokio::time::timeout_at(deadline, dialer.dial()).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(_) => break,
            }
        }
        let _ = tokio::time::timeout(LOOK, target.changed()).await;
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn here(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// A target that says its name and ends.
    async fn target(name: &'static str) -> Dialer {
        let listener = TcpListener::bind(here(0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                stream.write_all(name.as_bytes()).await.unwrap();
            }
        });
        Dialer::new(move || TcpStream::connect(address))
    }

    async fn visit(door: &FrontDoor) -> String {
        let mut text = String::new();
        let mut stream = TcpStream::connect(door.address()).await.unwrap();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn it_leads_where_it_is_told_and_waits_for_a_target() {
        let door = FrontDoor::bind(here(0)).await.unwrap();
        let first = visit(&door);
        let later = async {
            tokio::task::yield_now().await;
            door.lead_to(Some(target("one").await));
        };
        assert_eq!(tokio::join!(first, later).0, "one");
        door.lead_to(Some(target("two").await));
        assert_eq!(visit(&door).await, "two");
    }

    #[tokio::test]
    async fn only_this_computer_gets_in_ssh_06() {
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
            let refused = FrontDoor::bind(address.parse().unwrap()).await.unwrap_err();
            assert_eq!(refused.code(), "FRONT_DOOR_NOT_LOOPBACK", "{address}");
        }
        let door = FrontDoor::bind(here(0)).await.unwrap();
        let taken = FrontDoor::bind(door.address()).await.unwrap_err();
        assert_eq!(taken.code(), "FRONT_DOOR_BIND");
    }
}
