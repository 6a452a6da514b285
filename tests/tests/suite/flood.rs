//! Strangers in numbers, and strangers that are slow.

use std::time::{Duration, Instant};

use clawdbot_tests::{TestGateway, upgrade};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn thousands_of_silent_upgrades_keep_nobody_out_dos_02() {
    let gateway = TestGateway::start().await;
    let mut known = gateway.v4().await;
    let address = gateway.address();
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let mut silent = Vec::new();
    for n in 0..5_000 {
        let mut tcp = TcpStream::connect(address).await.unwrap();
        tcp.write_all(request.as_bytes()).await.unwrap();
        silent.push(tcp);
        if n % 1_000 == 999 {
            let begun = Instant::now();
            gateway.v4().await;
            assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        }
    }
    // Whoever waited longest was sent away, long before its time to say hello was over; whoever has
    // proven itself was not.
    let mut rest = Vec::new();
    let gone = silent[4_800].read_to_end(&mut rest);
    let gone = tokio::time::timeout(Duration::from_secs(3), gone).await;
    assert!(gone.is_ok(), "thousands of strangers are kept");
    known.ok("health", serde_json::json!({})).await;
    gateway.finish().await;
}

#[tokio::test]
async fn an_idle_stranger_is_sent_away_dos_03_ws_07() {
    let gateway = TestGateway::start().await;
    let slow = async {
        // A header that never ends, a byte now and then.
        let mut tcp = TcpStream::connect(gateway.address()).await.unwrap();
        tcp.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ").await.unwrap();
        let begun = Instant::now();
        while tcp.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(500)).await;
            assert!(begun.elapsed() < Duration::from_secs(13), "the header may take for ever");
        }
    };
    let silent = async {
        let (mut tcp, _) = upgrade(gateway.address(), "").await;
        let begun = Instant::now();
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(18), tcp.read_to_end(&mut rest)).await;
        assert!(begun.elapsed() < Duration::from_secs(17), "{:?}", begun.elapsed());
    };
    let idle = async {
        // An answered connection that asks for nothing more.
        let mut tcp = TcpStream::connect(gateway.address()).await.unwrap();
        tcp.write_all(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await.unwrap();
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(13), tcp.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "an idle connection is kept");
        assert!(rest.starts_with(b"HTTP/1.1 200"));
    };
    tokio::join!(slow, silent, idle);
    gateway.v4().await;
    gateway.finish().await;
}
