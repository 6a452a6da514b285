//! HTTP spoken by hand, so that nothing tidies a hostile request up.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Header lines as sent, lower-cased.
    pub headers: String,
    /// Body as text.
    pub body: String,
}

/// Sends `head` (request line and headers, without the blank line) and a body, and reads to the end.
/// `Host` and `Connection: close` are added unless `head` names a host.
pub async fn http(address: SocketAddr, head: &str, body: &str) -> Answer {
    http_until(address, head, body, "", || ()).await
}

/// The same for an answer that comes bit by bit: `then` is called once `part` of it is there.
pub async fn http_until(
    address: SocketAddr,
    head: &str,
    body: &str,
    part: &str,
    then: impl FnOnce(),
) -> Answer {
    let mut text = head.replace('\n', "\r\n");
    if !head.to_ascii_lowercase().contains("\nhost:") {
        text.push_str(&format!("\r\nHost: {address}"));
    }
    text.push_str(&format!(
        "\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(text.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let read = async {
        while !String::from_utf8_lossy(&bytes).contains(part) {
            assert!(tcp.read_buf(&mut bytes).await.unwrap() > 0, "{part:?} never came");
        }
        then();
        tcp.read_to_end(&mut bytes).await
    };
    let _ = tokio::time::timeout(Duration::from_secs(5), read).await;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { &dechunk(body) } else { body };
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Answer { status, headers: head.to_ascii_lowercase(), body: body.to_owned() }
}

/// Takes a chunked body apart; what is missing at its end is left out.
fn dechunk(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let Some(chunk) = after.get(..size).filter(|chunk| !chunk.is_empty()) else { break };
        body.push_str(chunk);
        rest = after.get(size + 2..).unwrap_or_default();
    }
    body
}

/// Posts JSON with a bearer token and reads the answer; `more` are further header lines.
pub async fn post(address: SocketAddr, path: &str, token: &str, more: &str, body: &str) -> Answer {
    http(address, &post_head(path, token, more), body).await
}

/// Request line and headers of [`post`].
pub fn post_head(path: &str, token: &str, more: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\nAuthorization: Bearer {token}\nContent-Type: application/json{more}"
    )
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Upgrades by hand: answers the socket and the head of the answer, lower-cased. `more` are further
/// header lines.
pub async fn upgrade(address: SocketAddr, more: &str) -> (TcpStream, String) {
    let request = format!(
        "GET / HTTP/1.1\nHost: {address}\nUpgrade: websocket\nConnection: Upgrade\n\
         Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n{more}\n"
    );
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(request.replace('\n', "\r\n").as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tcp.read_u8().await.unwrap());
    }
    (tcp, String::from_utf8_lossy(&head).to_ascii_lowercase())
}

/// A text frame as a client sends it, with an empty mask.
pub fn client_frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 0xff];
    frame.extend((text.len() as u64).to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

/// Reads server frames until one closes the socket; answers its code, or 1006 without one.
pub async fn close_code(tcp: &mut TcpStream) -> u16 {
    let read = async {
        loop {
            let (first, second) = (tcp.read_u8().await.ok()?, tcp.read_u8().await.ok()?);
            let len = match second & 0x7f {
                126 => u64::from(tcp.read_u16().await.ok()?),
                127 => tcp.read_u64().await.ok()?,
                len => u64::from(len),
            };
            let mut body = vec![0; usize::try_from(len).unwrap()];
            tcp.read_exact(&mut body).await.ok()?;
            if first == 0x88 {
                return Some(u16::from_be_bytes([*body.first()?, *body.get(1)?]));
            }
        }
    };
    let read = tokio::time::timeout(Duration::from_secs(10), read).await;
    read.expect("the gateway neither answers nor closes").unwrap_or(1006)
}
