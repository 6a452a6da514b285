//! Where the answer of a job goes outside, and where it does not.

use clawdbot_tests::{Peer, Script, Setup, TestGateway, soon};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{add, finished, hourly, turn};

/// A server that books what is posted to it and answers `head`.
async fn receiver(head: &'static str) -> (u16, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, posted) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let mut request = String::new();
            while !request.ends_with('}') {
                let mut part = [0; 4096];
                let read = tcp.read(&mut part).await.unwrap();
                request.push_str(std::str::from_utf8(&part[..read]).unwrap());
                if read == 0 {
                    break;
                }
            }
            let answer =
                format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            tcp.write_all(answer.as_bytes()).await.unwrap();
            let _ = sender.send(request);
        }
    });
    (port, posted)
}

/// Runs a job that posts its answer to `to`, and answers its end.
async fn posting(gateway: &TestGateway, peer: &mut Peer, to: &str) -> Value {
    gateway.model.push(Script::text(["All is well."]));
    let mut job = turn(hourly(), "look");
    job["delivery"] = json!({"mode": "webhook", "to": to});
    let id = add(peer, job).await;
    peer.ok("cron.run", json!({"id": id, "mode": "force"})).await;
    finished(peer, &id).await
}

#[tokio::test]
async fn an_answer_is_posted_to_a_webhook() {
    let (port, mut posted) = receiver("204 No Content").await;
    let private = json!([format!("127.0.0.1:{port}")]);
    let gateway = Setup::new().await.set("cron.webhookPrivateHosts", private).start().await;
    let mut peer = gateway.v4().await;
    let end = posting(&gateway, &mut peer, &format!("http://127.0.0.1:{port}/hook?a=b")).await;
    assert_eq!(
        (&end["status"], &end["deliveryStatus"]),
        (&json!("ok"), &json!("delivered")),
        "{end}"
    );
    let request = posted.recv().await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook?a=b HTTP/1.1"), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!((&body["text"], &body["jobId"]), (&json!("All is well."), &end["jobId"]));
    assert!(!request.contains(clawdbot_tests::TOKEN));
    gateway.finish().await;
}

#[tokio::test]
async fn a_webhook_that_talks_without_end_is_not_listened_to_net_04() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let talking = tokio::spawn(async move {
        let mut tcp = listener.accept().await.unwrap().0;
        let _ = tcp.read(&mut [0; 4096]).await;
        tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n").await.unwrap();
        let mut said = 0;
        while tcp.write_all(&[b'x'; 65_536]).await.is_ok() {
            said += 65_536;
        }
        said
    });
    let private = json!([format!("127.0.0.1:{port}")]);
    let gateway = Setup::new().await.set("cron.webhookPrivateHosts", private).start().await;
    let mut peer = gateway.v4().await;
    let end = posting(&gateway, &mut peer, &format!("http://127.0.0.1:{port}/")).await;
    assert_eq!(end["deliveryStatus"], "delivered", "{end}");
    // As much as the system keeps for a connection that nobody reads from.
    let said = soon("the end of the talk", talking).await.unwrap();
    assert!(said < 32 << 20, "{said} bytes were taken");
    gateway.finish().await;
}

#[tokio::test]
async fn a_webhook_reaches_nothing_inside_net_01_net_02_net_03() {
    let (canary, mut touched) = receiver("200 OK").await;
    let to_canary: &'static str =
        Box::leak(format!("302 Found\r\nLocation: http://127.0.0.1:{canary}/").into_boxed_str());
    let (redirecting, _posted) = receiver(to_canary).await;
    let private = json!([format!("127.0.0.1:{redirecting}")]);
    let gateway = Setup::new().await.set("cron.webhookPrivateHosts", private).start().await;
    let mut peer = gateway.v4().await;
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0.0.0.0"]
    {
        let end = posting(&gateway, &mut peer, &format!("http://{host}:{canary}/")).await;
        let error = end["error"].as_str().unwrap_or_default();
        assert!(error.contains("not public"), "{host}: {end}");
        assert_eq!(end["deliveryStatus"], "not-delivered");
    }
    let end = posting(&gateway, &mut peer, &format!("http://127.0.0.1:{redirecting}/")).await;
    assert!(end["error"].as_str().unwrap().contains("redirects are not followed"), "{end}");
    assert!(touched.try_recv().is_err(), "the canary was reached");
    gateway.finish().await;
}
