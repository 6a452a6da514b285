//! One loopback address in front of a gateway that is elsewhere.
//!
//! Programs and browsers of this computer come in under one of its own names. Whoever does is passed
//! on under the name of the gateway that the door leads to, because what stands in front of a gateway
//! chooses by it; pages that come from elsewhere get no further (WEB-01, WEB-02).
//!
//! All gateways that a door ever leads to are one origin to a browser. So its pages are the door's own,
//! what comes from a gateway is no page to a browser, and a page says which gateway it is about: what
//! it keeps of one is never shown to another (APP-09).

mod names;
mod visit;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clawdbot_client::{AddressError, Dialer};
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use sha2::{Digest as _, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Connections at once; more wait to be accepted.
const MAX_CONNECTIONS: usize = 256;
/// Pause after the system refused to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a browser is shown under a path, when it is about the gateway with that name; `None` for what
/// the gateway itself answers.
pub type Pages = fn(path: &str, name: &str) -> Option<Response<Bytes>>;

/// A name for the gateway at a place. It tells gateways from each other without saying where they are.
pub fn name_of(place: &str) -> String {
    Sha256::digest(place)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A way to a gateway, and what that one is called in a browser's requests.
#[derive(Clone, Debug)]
pub struct FarEnd {
    dialer: Dialer,
    /// Tells it from others, and nothing else.
    name: String,
    host: HeaderValue,
    origin: HeaderValue,
}

impl FarEnd {
    /// The gateway that `dialer` reaches, whose own address is `url` (`ws://` or `wss://`). `name` tells
    /// it from others: pages that are about another one get no further.
    ///
    /// # Errors
    /// [`AddressError`] for an address that cannot be one of a gateway.
    pub fn new(dialer: Dialer, url: &str, name: String) -> Result<Self, AddressError> {
        let (host, origin) = clawdbot_client::web_names(url)?;
        let value = |text: String| text.parse().map_err(|_| AddressError::Malformed);
        Ok(Self { dialer, name, host: value(host)?, origin: value(origin)? })
    }
}

/// Passes requests and sockets on between a loopback address and whatever it leads to. Dropped, it
/// closes soon; [`FrontDoor::close`] tells when.
#[derive(Debug)]
pub struct FrontDoor {
    address: SocketAddr,
    target: watch::Sender<Option<FarEnd>>,
    dead: Arc<Notify>,
    task: JoinHandle<()>,
    open: DropGuard,
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
    /// somewhere, requests wait for a moment and are then refused.
    ///
    /// # Errors
    /// [`FrontDoorError`].
    pub async fn bind(address: SocketAddr, pages: Pages) -> Result<Self, FrontDoorError> {
        if !address.ip().to_canonical().is_loopback() {
            return Err(FrontDoorError::NotLoopback(address));
        }
        let failed = |source| FrontDoorError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (target, watched) = watch::channel(None);
        let closing = CancellationToken::new();
        let open = closing.clone().drop_guard();
        let dead = Arc::new(Notify::new());
        let hang_up = dead.clone();
        let task = tokio::spawn(async move {
            let mut visits = JoinSet::new();
            let serving = async {
                let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
                loop {
                    tokio::select! {
                        visitor = accept(&listener, &room) => enter(&mut visits, visitor, &watched, pages),
                        () = hang_up.notified() => visits.shutdown().await,
                    }
                }
            };
            let _ = closing.run_until_cancelled(serving).await;
            // Before anybody hears that the door is closed.
            drop(listener);
            visits.shutdown().await;
        });
        Ok(Self { address, target, dead, task, open })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads there from now on; sockets that are open stay where they are.
    pub fn lead_to(&self, target: Option<FarEnd>) {
        self.target.send_replace(target);
    }

    /// Ends every connection that is open, because nothing comes through from the far end any more;
    /// those that come next are welcome.
    pub fn hang_up(&self) {
        self.dead.notify_one();
    }

    /// Closes it; afterwards its port is free and nothing of it is left.
    pub async fn close(self) {
        drop(self.open);
        let _ = self.task.await;
    }
}

type Place = OwnedSemaphorePermit;

/// The next visitor, once there is room. May be dropped half way and called again.
async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> (TcpStream, Option<Place>) {
    // The semaphore is never closed.
    let place = room.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((visitor, _)) => return (visitor, place),
            Err(error) => {
                tracing::warn!(%error, "the front door cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn enter(
    visits: &mut JoinSet<()>,
    (visitor, place): (TcpStream, Option<Place>),
    target: &watch::Receiver<Option<FarEnd>>,
    pages: Pages,
) {
    while visits.try_join_next().is_some() {}
    let target = target.clone();
    visits.spawn(async move {
        let _place = place;
        if let Err(error) = visit::serve(visitor, target, pages).await {
            tracing::debug!(%error, "a connection through the front door ended");
        }
    });
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn here(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn none(_: &str, _: &str) -> Option<Response<Bytes>> {
        None
    }

    async fn head(stream: &mut TcpStream) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap().to_lowercase()
    }

    /// A far end that answers with what it was asked, and upgrades when that is asked for.
    async fn echo(url: &str) -> FarEnd {
        let listener = TcpListener::bind(here(0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let head = head(&mut stream).await;
                    if head.contains("upgrade: websocket") {
                        let switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
                        stream.write_all(switch.as_bytes()).await.unwrap();
                        let (mut from, mut to) = stream.split();
                        return drop(tokio::io::copy(&mut from, &mut to).await);
                    }
                    let answer =
                        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}", head.len());
                    stream.write_all(answer.as_bytes()).await.unwrap();
                });
            }
        });
        FarEnd::new(Dialer::new(move || TcpStream::connect(address)), url, "a".into()).unwrap()
    }

    /// Everything that comes back for one request with these headers.
    async fn ask(door: &FrontDoor, headers: &str) -> String {
        ask_by("GET", door, headers).await
    }

    async fn ask_by(method: &str, door: &FrontDoor, headers: &str) -> String {
        let mut stream = TcpStream::connect(door.address()).await.unwrap();
        let request = format!("{method} /a?b HTTP/1.1\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn it_leads_where_it_is_told_and_waits_for_a_target() {
        let door = FrontDoor::bind(here(0), none).await.unwrap();
        let first = ask(&door, "host: localhost\r\n");
        let later = async {
            tokio::task::yield_now().await;
            door.lead_to(Some(echo("wss://one.example").await));
        };
        assert!(tokio::join!(first, later).0.contains("host: one.example\r\n"));
        door.lead_to(Some(echo("ws://127.0.0.1:7").await));
        assert!(ask(&door, "host: localhost\r\n").await.contains("host: 127.0.0.1:7\r\n"));
    }

    #[tokio::test]
    async fn what_a_breaking_tunnel_took_along_is_asked_again_unless_it_does_something() {
        let listener = TcpListener::bind(here(0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (heard, mut heads) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            for at in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                heard.send(head(&mut stream).await).unwrap();
                // Every third one is answered; before that the tunnel breaks.
                if at % 3 == 2 {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                    stream.write_all(answer).await.unwrap();
                }
            }
        });
        let door = FrontDoor::bind(here(0), none).await.unwrap();
        let dialer = Dialer::new(move || TcpStream::connect(address));
        door.lead_to(Some(FarEnd::new(dialer, "wss://gateway.example", "a".into()).unwrap()));
        let own = "host: localhost\r\n";
        let answered = ask(&door, own).await;
        assert!(answered.starts_with("HTTP/1.1 200 "), "{answered}");
        for _ in 0..3 {
            assert!(heads.recv().await.unwrap().contains("host: gateway.example\r\n"));
        }
        let lost = ask_by("POST", &door, own).await;
        assert!(lost.starts_with("HTTP/1.1 502 "), "{lost}");
        assert!(heads.recv().await.unwrap().starts_with("post "));
        assert!(heads.try_recv().is_err(), "nobody knows whether it was done");
    }

    #[tokio::test]
    async fn only_pages_of_its_own_are_passed_on_as_those_of_the_far_end_web_01_web_02_prx_01() {
        let door = FrontDoor::bind(here(0), none).await.unwrap();
        door.lead_to(Some(echo("wss://gateway.example:8443/").await));
        let own = door.address();
        let passed = ask(&door, &format!("host: {own}\r\norigin: http://{own}\r\n")).await;
        assert!(passed.contains("get /a?b http/1.1"), "{passed}");
        assert!(passed.contains("host: gateway.example:8443\r\n"), "{passed}");
        assert!(passed.contains("origin: https://gateway.example:8443\r\n"), "{passed}");
        for headers in [
            format!("host: evil.example:{}\r\n", own.port()),
            format!("host: {own}\r\nhost: {own}\r\n"),
            format!("host: {own}\r\norigin: https://evil.example\r\n"),
            format!("host: {own}\r\norigin: null\r\n"),
            format!("host: {own}\r\norigin: https://{own}\r\n"),
            format!("host: {own}\r\norigin: http://localhost:3000\r\n"),
            format!("host: {own}\r\norigin: https://gateway.example:8443\r\n"),
            format!("host: {own}\r\norigin: http://{own}\r\norigin: http://{own}\r\n"),
            format!("host: {own}\r\nx-forwarded-for: 192.0.2.1\r\n"),
            format!("host: {own}\r\ntailscale-user-login: me@example\r\n"),
            String::new(),
        ] {
            let refused = ask(&door, &headers).await;
            assert!(refused.starts_with("HTTP/1.1 403 "), "{headers} {refused}");
            assert!(!refused.contains("get /a?b"), "{headers} {refused}");
        }
    }

    #[tokio::test]
    async fn a_page_is_the_doors_own_and_reaches_only_the_gateway_that_it_is_about_app_09() {
        let pages: Pages = |path, name| {
            (path == "/").then(|| Response::new(Bytes::from(format!("WebChat of {name}"))))
        };
        let door = FrontDoor::bind(here(0), pages).await.unwrap();
        door.lead_to(Some(echo("wss://one.example").await));
        let own = door.address();
        let host = format!("host: {own}\r\n");
        let page = async |path: &str, headers: &str| {
            let mut stream = TcpStream::connect(own).await.unwrap();
            let request =
                format!("GET {path} HTTP/1.1\r\nconnection: close\r\n{host}{headers}\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            text.to_lowercase()
        };
        assert!(page("/", "").await.ends_with("webchat of a"));
        // What comes from the gateway is no page to a browser.
        let far = page("/evil.html", "").await;
        assert!(far.contains("content-security-policy: default-src 'none'; sandbox\r\n"), "{far}");
        let site = "sec-fetch-site: same-origin\r\n";
        let secret = format!("{site}authorization: bearer x\r\n");
        let socket =
            format!("origin: http://{own}\r\nconnection: upgrade\r\nupgrade: websocket\r\n");
        for (path, headers, status) in [
            ("/media/a", secret.as_str(), "409"),
            ("/media/a", &format!("{secret}clawdbot-gateway: b\r\n"), "409"),
            ("/media/a", &format!("{secret}clawdbot-gateway: a\r\n"), "200"),
            // A program of this computer need not say it.
            ("/media/a", "authorization: bearer x\r\n", "200"),
            ("/media/a", site, "200"),
            ("/?clawdbot-gateway=b", &socket, "409"),
            ("/", &socket, "409"),
        ] {
            let answer = page(path, headers).await;
            assert!(
                answer.starts_with(&format!("http/1.1 {status} ")),
                "{path} {headers} {answer}"
            );
            assert!(status == "200" || !answer.contains("bearer"), "{answer}");
        }
        let passed = page("/x?a=1&clawdbot-gateway=a&b=2", "clawdbot-gateway: a\r\n").await;
        assert!(
            passed.contains("get /x?a=1&b=2 http/1.1") && !passed.contains("clawdbot-gateway"),
            "{passed}"
        );
    }

    #[tokio::test]
    async fn a_way_that_leads_back_here_ends_at_once() {
        let door = FrontDoor::bind(here(0), none).await.unwrap();
        let own = door.address();
        let dialer = Dialer::new(move || TcpStream::connect(own));
        door.lead_to(Some(FarEnd::new(dialer, &format!("ws://{own}"), "a".into()).unwrap()));
        let refused = ask(&door, &format!("host: {own}\r\n")).await;
        assert!(refused.starts_with("HTTP/1.1 508 "), "{refused}");
    }

    #[tokio::test]
    async fn sockets_are_passed_on_and_end_with_the_door_whose_port_is_free_then() {
        let door = FrontDoor::bind(here(0), none).await.unwrap();
        door.lead_to(Some(echo("wss://gateway.example").await));
        let address = door.address();
        let enter = async || {
            let mut socket = TcpStream::connect(address).await.unwrap();
            let request = format!(
                "GET / HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
            );
            socket.write_all(request.as_bytes()).await.unwrap();
            assert!(head(&mut socket).await.starts_with("http/1.1 101 "));
            socket
        };
        // Of one that is as dead as the far end nothing is left either, but the door stays open.
        let mut dead = enter().await;
        door.hang_up();
        assert!(matches!(dead.read(&mut [0]).await, Ok(0) | Err(_)));
        let mut socket = enter().await;
        socket.write_all(b"there and back").await.unwrap();
        let mut back = [0; 14];
        socket.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"there and back");
        door.close().await;
        let again = FrontDoor::bind(address, none).await.unwrap();
        assert_eq!(again.address(), address);
        assert!(matches!(socket.read(&mut back).await, Ok(0) | Err(_)));
    }

    #[tokio::test]
    async fn only_this_computer_gets_in_ssh_06() {
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
            let refused = FrontDoor::bind(address.parse().unwrap(), none).await.unwrap_err();
            assert_eq!(refused.code(), "FRONT_DOOR_NOT_LOOPBACK", "{address}");
        }
        let door = FrontDoor::bind(here(0), none).await.unwrap();
        let taken = FrontDoor::bind(door.address(), none).await.unwrap_err();
        assert_eq!(taken.code(), "FRONT_DOOR_BIND");
    }
}
