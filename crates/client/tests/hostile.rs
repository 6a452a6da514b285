//! The client against gateways that lie, stall or are none (APP-09, APP-10).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::Duration;

use clawdbot_client::{Client, Closed, ConnectError, ConnectOptions, Connected, Credential, Pin};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use sha2::Digest as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

type Peer = WebSocketStream<TcpStream>;

/// Serves one connection with `script` and answers with the address to dial.
async fn gateway<F, R>(script: F) -> SocketAddr
where
    F: FnOnce(Peer) -> R + Send + 'static,
    R: Future<Output = ()> + Send,
{
    raw(|tcp| async { script(tokio_tungstenite::accept_async(tcp).await.unwrap()).await }).await
}

async fn raw<F, R>(script: F) -> SocketAddr
where
    F: FnOnce(TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { script(listener.accept().await.unwrap().0).await });
    address
}

fn options(address: SocketAddr) -> ConnectOptions {
    let mut options = ConnectOptions::new(format!("ws://{address}"));
    options.credential = Some(Credential::Token("canary-token".into()));
    options.timeout = Duration::from_secs(1);
    options
}

async fn refusal(address: SocketAddr) -> ConnectError {
    let error = Client::connect(options(address)).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    error
}

async fn send(peer: &mut Peer, frame: &Value) {
    peer.send(Message::text(frame.to_string())).await.unwrap();
}

async fn receive(peer: &mut Peer) -> Value {
    loop {
        if let Message::Text(text) = peer.next().await.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

async fn challenge(peer: &mut Peer) -> Value {
    let payload = json!({"nonce": "n-1", "ts": 1_767_225_600_000_i64});
    send(peer, &json!({"type": "event", "event": "connect.challenge", "payload": payload})).await;
    receive(peer).await
}

fn hello(id: &Value, policy: Value) -> Value {
    let payload = json!({"type": "hello-ok", "protocol": 4, "policy": policy});
    json!({"type": "res", "id": id, "ok": true, "payload": payload})
}

async fn welcome(mut peer: Peer) -> Peer {
    let connect = challenge(&mut peer).await;
    send(&mut peer, &hello(&connect["id"], json!({"tickIntervalMs": 30_000}))).await;
    peer
}

#[tokio::test]
async fn redirects_are_not_followed_app_09() {
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = canary.local_addr().unwrap();
    let address = raw(move |mut tcp| async move {
        let _ = tcp.read(&mut [0; 4096]).await;
        let answer =
            format!("HTTP/1.1 302 Found\r\nLocation: ws://{target}/\r\nContent-Length: 0\r\n\r\n");
        tcp.write_all(answer.as_bytes()).await.unwrap();
        let _ = tcp.read(&mut [0; 1]).await;
    })
    .await;
    let error = refusal(address).await;
    assert_eq!(error.code(), "NOT_A_GATEWAY");
    assert!(error.to_string().contains("redirects (HTTP 302)"), "{error}");
    let visit = tokio::time::timeout(Duration::from_millis(200), canary.accept()).await;
    assert!(visit.is_err(), "the client went where it was sent");
}

#[tokio::test]
async fn the_layer_that_failed_is_named() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(refusal(closed).await.code(), "UNREACHABLE");
    let web = raw(|mut tcp| async move {
        let _ = tcp.read(&mut [0; 4096]).await;
        tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await.unwrap();
    })
    .await;
    assert_eq!(refusal(web).await.code(), "NOT_A_GATEWAY");
    let mail = raw(|mut tcp| async move {
        tcp.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
        let _ = tcp.read(&mut [0; 4096]).await;
    })
    .await;
    assert_eq!(refusal(mail).await.code(), "NOT_A_GATEWAY");
    let mute = gateway(|mut peer| async move { while peer.next().await.is_some() {} }).await;
    let error = refusal(mute).await;
    assert_eq!(error.code(), "TIMEOUT");
    assert!(error.to_string().contains("waiting for the challenge"), "{error}");
    let mut public = options(closed);
    public.url = "ws://203.0.113.7:18789".into();
    assert_eq!(Client::connect(public).await.unwrap_err().code(), "ADDRESS");
}

/// Where a self-signed certificate is shown; the pin that fits it, and whether a handshake was
/// completed.
async fn self_signed() -> (SocketAddr, Pin, tokio::sync::oneshot::Receiver<bool>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pin = sha2::Sha256::digest(made.cert.der());
    let pin = pin.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
    let key = made.signing_key.serialize_der().try_into().unwrap();
    let config = rustls::ServerConfig::builder_with_provider(
        rustls::crypto::ring::default_provider().into(),
    )
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![made.cert.der().clone()], key)
    .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let (seen, saw) = tokio::sync::oneshot::channel();
    let address = raw(move |tcp| async move {
        let _ = seen.send(acceptor.accept(tcp).await.is_ok());
    })
    .await;
    (address, pin.parse().unwrap(), saw)
}

#[tokio::test]
async fn an_untrusted_certificate_is_refused_before_anything_is_sent_app_10() {
    let other: Pin = "ab".repeat(32).parse().unwrap();
    for pin in [None, Some(other)] {
        let (address, _, saw) = self_signed().await;
        let mut options = options(address);
        options.url = format!("wss://localhost:{}", address.port());
        options.pin = pin;
        let error = Client::connect(options).await.unwrap_err();
        assert_eq!(error.code(), "TLS", "{error}");
        assert!(!saw.await.unwrap(), "the handshake was completed");
    }
}

#[tokio::test]
async fn a_pinned_certificate_is_good_whoever_issued_it_app_10() {
    let (address, pin, saw) = self_signed().await;
    let mut options = options(address);
    options.url = format!("wss://localhost:{}", address.port());
    options.pin = Some(pin);
    // Behind it is no gateway, which is found out after the certificate was good.
    assert_ne!(Client::connect(options).await.unwrap_err().code(), "TLS");
    assert!(saw.await.unwrap());
}

#[tokio::test]
async fn a_huge_hello_and_a_bent_one_are_refused_app_09() {
    for bend in ["huge", "text", "type", "generation"] {
        let address = gateway(move |mut peer| async move {
            let connect = challenge(&mut peer).await;
            let mut frame = hello(&connect["id"], json!({}));
            match bend {
                "huge" => frame["payload"]["more"] = "x".repeat(5 << 20).into(),
                "text" => frame["payload"] = "hello".into(),
                "type" => frame["payload"]["type"] = "hello-maybe".into(),
                _ => frame["payload"]["protocol"] = 5.into(),
            }
            let _ = peer.send(Message::text(frame.to_string())).await;
            while let Some(Ok(_)) = peer.next().await {}
        })
        .await;
        assert_eq!(refusal(address).await.code(), "NOT_A_GATEWAY", "{bend}");
    }
}

#[tokio::test]
async fn absurd_policies_are_clamped_app_09() {
    for (tick, want) in [(json!(-5), 1_000), (json!(1e300), 300_000), (json!("x"), 30_000)] {
        let policy = json!({"tickIntervalMs": tick, "maxPayload": 0, "maxBufferedBytes": -1});
        let address = gateway(move |mut peer| async move {
            let connect = challenge(&mut peer).await;
            send(&mut peer, &hello(&connect["id"], policy)).await;
            while let Some(Ok(_)) = peer.next().await {}
        })
        .await;
        let connected = Client::connect(options(address)).await.unwrap();
        assert_eq!(connected.hello.policy.tick_interval_ms, want);
        assert_eq!(connected.hello.policy.max_payload, 64 * 1024);
    }
}

#[tokio::test]
async fn a_refusal_carries_the_error_and_the_close_code() {
    let address = gateway(|mut peer| async move {
        let connect = challenge(&mut peer).await;
        assert_eq!(connect["params"]["auth"]["token"], "canary-token");
        let error = json!({"code": "INVALID_REQUEST", "message": "unauthorized: no",
            "details": {"code": "AUTH_TOKEN_MISMATCH"}});
        send(&mut peer, &json!({"type": "res", "id": connect["id"], "ok": false, "error": error}))
            .await;
        let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: 1008.into(),
            reason: "unauthorized: no".into(),
        };
        peer.close(Some(frame)).await.unwrap();
        while let Some(Ok(_)) = peer.next().await {}
    })
    .await;
    let ConnectError::Refused { error, close } = refusal(address).await else { panic!() };
    assert_eq!((error.detail_code(), close), (Some("AUTH_TOKEN_MISMATCH"), Some(1008)));
}

#[tokio::test]
async fn answers_to_nobody_are_ignored_and_order_does_not_matter_app_09() {
    let address = gateway(|peer| async move {
        let mut peer = welcome(peer).await;
        let (one, two) = (receive(&mut peer).await, receive(&mut peer).await);
        send(&mut peer, &json!({"type": "res", "id": "999", "ok": true, "payload": "stray"})).await;
        peer.send(Message::text("not json")).await.unwrap();
        for request in [&two, &one] {
            let payload = json!({"method": request["method"]});
            send(
                &mut peer,
                &json!({"type": "res", "id": request["id"], "ok": true, "payload": payload}),
            )
            .await;
        }
        while let Some(Ok(_)) = peer.next().await {}
    })
    .await;
    let Connected { client, .. } = Client::connect(options(address)).await.unwrap();
    let params = json!({});
    let (one, two) = tokio::join!(client.request("one", &params), client.request("two", &params));
    assert_eq!((&one.unwrap()["method"], &two.unwrap()["method"]), (&json!("one"), &json!("two")));
    client.close().await;
    assert_eq!(client.closed().await, Closed::Here);
    assert_eq!(client.request("three", &params).await.unwrap_err().code(), "CLOSED");
}

#[tokio::test]
async fn the_final_answer_of_a_run_is_the_second_one() {
    let address = gateway(|peer| async move {
        let mut peer = welcome(peer).await;
        let id = receive(&mut peer).await["id"].clone();
        for status in ["accepted", "ok"] {
            let payload = json!({"status": status});
            send(&mut peer, &json!({"type": "res", "id": id, "ok": true, "payload": payload}))
                .await;
        }
        while let Some(Ok(_)) = peer.next().await {}
    })
    .await;
    let Connected { client, .. } = Client::connect(options(address)).await.unwrap();
    assert_eq!(client.request_final("agent", &json!({})).await.unwrap()["status"], "ok");
}

#[tokio::test]
async fn a_restart_ends_waiting_requests_with_its_code() {
    let address = gateway(|peer| async move {
        let mut peer = welcome(peer).await;
        receive(&mut peer).await;
        let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: 1012.into(),
            reason: "service restart".into(),
        };
        peer.close(Some(frame)).await.unwrap();
        while let Some(Ok(_)) = peer.next().await {}
    })
    .await;
    let Connected { client, mut events, .. } = Client::connect(options(address)).await.unwrap();
    assert_eq!(client.request("health", &json!({})).await.unwrap_err().code(), "CLOSED");
    let why = Closed::There { code: 1012, reason: "service restart".into() };
    assert_eq!(client.closed().await, why);
    assert!(events.recv().await.is_none());
}
