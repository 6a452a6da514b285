//! Protocol §2 and §3: frames before and after the handshake.

use clawdbot_tests::{Connect, Frame, TOKEN, TestGateway, close_code, fingerprint, upgrade};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn bad_frames_after_the_handshake_are_answered_as_recorded() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    // Not JSON: ignored. The next answer is the one to the next request.
    peer.send_text("hello?").await;
    peer.send(&json!({"type": "req", "id": 5, "method": "health"})).await;
    let answer = peer.event_or_answer().await;
    assert_eq!(answer["id"], 5);
    assert_eq!(
        answer["error"],
        json!({"code": "INVALID_REQUEST",
        "message": "invalid request frame: at /id: must be string"})
    );
    for odd in
        [json!({"type": "event", "event": "tick"}), json!({"hello": 1}), json!([1]), json!(7)]
    {
        peer.send(&odd).await;
        let answer = peer.event_or_answer().await;
        assert_eq!((&answer["id"], &answer["ok"]), (&json!("invalid"), &json!(false)), "{odd}");
    }
    assert_eq!(
        peer.fails("nope.method", json!({})).await["message"],
        "unknown method: nope.method"
    );
    assert_eq!(peer.ok("health", Value::Null).await["ok"], true);
    gateway.finish().await;
}

trait Answer {
    async fn event_or_answer(&mut self) -> Value;
}

impl Answer for clawdbot_tests::Peer {
    /// The next response, whatever its id.
    async fn event_or_answer(&mut self) -> Value {
        loop {
            match self.next().await {
                Frame::Json(frame) if frame["type"] == "res" => return frame,
                Frame::Json(_) => {}
                Frame::Closed(code, reason) => panic!("closed {code} {reason}"),
            }
        }
    }
}

#[tokio::test]
async fn params_may_be_missing_and_unknown_members_are_ignored() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    peer.send(&json!({"type": "req", "id": "bare", "method": "health"})).await;
    assert_eq!(peer.response("bare").await["payload"]["ok"], true);
    peer.ok("sessions.list", json!({"ownerFirst": true, "future": {"x": 1}})).await;
    gateway.finish().await;
}

#[tokio::test]
async fn a_binary_message_with_json_counts_as_text() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let frame = json!({"type": "req", "id": "bin", "method": "health"}).to_string();
    peer.send_message(Message::binary(frame.into_bytes())).await;
    assert_eq!(peer.response("bin").await["ok"], true);
    gateway.finish().await;
}

#[tokio::test]
async fn the_first_frame_must_be_connect_ws_01() {
    let gateway = TestGateway::start().await;
    gateway.v4().await;
    let before = fingerprint(gateway.state());
    let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "k"});
    for (method, params) in [("config.get", json!({})), ("chat.send", send)] {
        let mut peer = gateway.peer().await;
        peer.send(&json!({"type": "req", "id": "1", "method": method, "params": params})).await;
        let refused = peer.admission().await.unwrap_err();
        let text = "invalid handshake: first request must be connect";
        assert_eq!((refused.code, refused.reason.as_str()), (1008, text));
        assert_eq!(refused.error["message"], text, "the error precedes the close");
    }
    let event = json!({"type": "event", "event": "connect"}).to_string();
    for (text, want) in [
        (event.as_str(), (1008, "invalid request frame")),
        ("[]", (1008, "invalid request frame")),
        ("{malformed", (1000, "")),
    ] {
        let mut peer = gateway.peer().await;
        peer.send_text(text).await;
        let refused = peer.admission().await.unwrap_err();
        assert_eq!((refused.code, refused.reason.as_str()), want, "{text}");
        assert_eq!(refused.error, Value::Null, "no response frame");
    }
    let mut peer = gateway.peer().await;
    peer.send_message(Message::binary(vec![0xff, 0xfe])).await;
    assert_eq!(peer.closed().await.0, 1000);
    assert_eq!(fingerprint(gateway.state()), before);
    gateway.finish().await;
}

#[tokio::test]
async fn a_stranger_may_send_64_kib_and_no_more_dos_01() {
    let gateway = TestGateway::start().await;
    let padded = |size: usize| {
        let mut frame = json!({"type": "req", "id": "1", "method": "connect", "params": {
            "minProtocol": 4, "maxProtocol": 4, "auth": {"token": TOKEN}, "userAgent": "",
            "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}}});
        let bare = frame.to_string().len();
        frame["params"]["userAgent"] = "x".repeat(size - bare).into();
        assert_eq!(frame.to_string().len(), size);
        frame
    };
    let mut peer = gateway.peer().await;
    peer.send(&padded(64 * 1024)).await;
    peer.admission().await.unwrap();
    let mut peer = gateway.peer().await;
    peer.send(&padded(64 * 1024 + 64)).await;
    let refused = peer.admission().await.unwrap_err();
    assert_eq!(refused.code, 1009, "{refused:?}");
    assert_eq!(refused.error, Value::Null);
    gateway.finish().await;
}

#[tokio::test]
async fn one_byte_over_64_kib_is_refused_dos_01() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.peer().await;
    peer.send_text(&"x".repeat(64 * 1024 + 1)).await;
    assert_eq!(peer.closed().await.0, 1009);
    gateway.finish().await;
}

#[tokio::test]
async fn declared_lengths_and_endless_fragments_are_refused_unread_dos_01() {
    use tokio::io::AsyncWriteExt as _;
    let gateway = TestGateway::start().await;
    // 2^63 bytes declared, none sent.
    let (mut tcp, _) = upgrade(gateway.address(), "").await;
    let mut head = vec![0x81, 0xff, 0x80];
    head.extend([0; 11]);
    tcp.write_all(&head).await.unwrap();
    assert!([1002, 1006, 1009].contains(&close_code(&mut tcp).await));
    // A message of ever more one-byte fragments.
    let (mut tcp, _) = upgrade(gateway.address(), "").await;
    let mut bytes = vec![0x01, 0x81, 0, 0, 0, 0, b'['];
    for _ in 0..20_000 {
        bytes.extend([0x00, 0x81, 0, 0, 0, 0, b'[']);
    }
    let _ = tcp.write_all(&bytes).await;
    assert!([1006, 1009].contains(&close_code(&mut tcp).await));
    gateway.v4().await;
    gateway.finish().await;
}

#[tokio::test]
async fn a_frame_over_the_policy_closes_with_1009() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let mut frame = json!({"type": "req", "id": "big", "method": "health", "params": {"x": ""}});
    frame["params"]["x"] = "x".repeat(8 << 20).into();
    peer.send(&frame).await;
    assert_eq!(peer.response("big").await["ok"], true, "8 MiB are fine");
    frame["params"]["x"] = "x".repeat(25 << 20).into();
    peer.send(&frame).await;
    assert_eq!(peer.closed().await.0, 1009);
    gateway.finish().await;
}

#[tokio::test]
async fn hostile_json_ends_in_an_error_dos_05() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let request = |params: &str| {
        format!(r#"{{"type":"req","id":"x","method":"sessions.list","params":{params}}}"#)
    };
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    peer.send_text(&request(&deep)).await;
    assert_eq!(peer.response("x").await["ok"], false, "100,000 levels");
    let keys: Vec<String> = (0..200_000).map(|n| format!(r#""k{n}":1"#)).collect();
    peer.send_text(&request(&format!("{{{}}}", keys.join(",")))).await;
    assert_eq!(peer.response("x").await["ok"], true, "unknown members are ignored");
    peer.send_text(&request(&format!(r#"{{"limit":{}}}"#, "9".repeat(1 << 20)))).await;
    assert_eq!(peer.response("x").await["ok"], false, "a number of a million digits");
    let lone = r#"{"search":"\ud800"}"#;
    peer.send_text(&request(lone)).await;
    assert_eq!(peer.response("x").await["ok"], false, "a lone surrogate");
    peer.ok("health", json!({})).await;
    peer.send_claimed_text(vec![b'"', 0xff, 0xfe, b'"']).await;
    assert!([1000, 1002, 1006, 1007].contains(&peer.closed().await.0));
    gateway.v4().await;
    gateway.finish().await;
}

#[tokio::test]
async fn extensions_are_not_negotiated_dos_08() {
    let gateway = TestGateway::start().await;
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\n";
    let (_tcp, head) = upgrade(gateway.address(), offer).await;
    assert!(head.starts_with("http/1.1 101"), "{head}");
    assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
    assert!(!head.contains("sec-websocket-extensions"), "{head}");
    gateway.finish().await;
}

#[tokio::test]
async fn events_are_numbered_from_1_without_gaps() {
    let gateway = TestGateway::start().await;
    let mut watcher = gateway.v4().await;
    for _ in 0..3 {
        let other = Connect::v4().client("gateway-client", "ui");
        gateway.join(other).await;
    }
    watcher.ok("health", json!({})).await;
    gateway.model.echo();
    let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "k-1"});
    watcher.post("chat.send", send).await;
    let frames = watcher.until(|frame| frame["payload"]["state"] == "final").await;
    let seqs: Vec<u64> = frames.iter().filter_map(|frame| frame["seq"].as_u64()).collect();
    let want: Vec<u64> = (1..=seqs.len() as u64).collect();
    assert_eq!(seqs, want);
    assert!(seqs.len() > 4);
    gateway.finish().await;
}
