//! What the gateway does when the machine under it fails: a full disk, a damaged database, a client
//! that does not read, an end in the middle of everything.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clawdbot_tests::{
    Connect, GatewayProcess, Peer, Script, Setup, TOKEN, TestGateway, client_frame, close_code,
    soon, upgrade,
};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

const PROGRAM: &str = env!("CARGO_BIN_EXE_gateway-under-test");
/// An answer, good or bad, takes no longer than this.
const PROMPT: Duration = Duration::from_secs(1);
const PAGE: u64 = 4096;

/// Writes until nothing more fits.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    let mut piece = vec![0xA5; 1 << 20];
    while piece.len() > 1 {
        if file.write_all(&piece).is_err() {
            piece.truncate(piece.len() / 2);
        }
    }
}

#[expect(clippy::print_stderr, reason = "a test that proves nothing has to say so")]
fn skipped(why: &str) {
    eprintln!("SKIPPED, this system does not permit a small disk: {why}");
}

#[tokio::test]
async fn a_full_disk_refuses_messages_keeps_what_there_is_and_heals() {
    let setup = Setup::new().await;
    setup.model().echo();
    setup.write();
    let gateway = match GatewayProcess::start_on_disk(PROGRAM, setup.home(), 12).await {
        Ok(gateway) => gateway,
        Err(why) => return skipped(&why),
    };
    let mut peer = gateway.peer().await;
    peer.connect(Connect::v4()).await.unwrap();
    let send = |n: usize| {
        let text = format!("{n} {}", "long ".repeat(20_000));
        json!({"sessionKey": format!("room-{n}"), "message": text, "idempotencyKey": format!("k-{n}")})
    };
    peer.ok("chat.send", send(0)).await;
    assert_eq!(peer.terminal("k-0").await["state"], "final");

    let ballast = gateway.path(&setup.home().join("disk/ballast"));
    fill(&ballast);
    // The log of the database has room of its own, so the first messages may still fit.
    let mut n = 0;
    let refusal = loop {
        n += 1;
        assert!(n < 200, "the disk is full and nothing is refused");
        let asked = Instant::now();
        let response = peer.request("chat.send", send(n)).await;
        assert!(asked.elapsed() < PROMPT, "{:?}", asked.elapsed());
        if response["ok"] == false {
            break response["error"].clone();
        }
        // Its answer may find no room; that it ended is said either way.
        peer.terminal(&format!("k-{n}")).await;
    };
    assert_eq!(refusal["code"], "UNAVAILABLE", "{refusal}");
    assert_eq!(refusal["details"]["code"], "STORE_FULL", "{refusal}");
    assert_eq!(refusal["retryable"], true, "{refusal}");
    assert!(refusal["message"].as_str().unwrap().contains("disk is full"), "{refusal}");
    let mut attachment =
        json!({"sessionKey": "main", "message": "a file", "idempotencyKey": "k-file"});
    attachment["attachments"] = json!([{"type": "file", "mimeType": "text/plain", "fileName": "a.txt", "content": "YWFh".repeat(50_000)}]);
    let error = peer.fails("chat.send", attachment.clone()).await;
    assert_eq!(error["retryable"], true, "{error}");

    // Reads work: everything acknowledged is there, what was refused is not.
    for room in 0..n {
        let history = peer.ok("chat.history", json!({"sessionKey": format!("room-{room}")})).await;
        let said = history["messages"][0]["content"].as_str().unwrap();
        assert!(said.starts_with(&format!("{room} long")), "room {room}");
    }
    let history = peer.ok("chat.history", json!({"sessionKey": format!("room-{n}")})).await;
    assert_eq!(history["messages"], json!([]));
    peer.ok("health", json!({})).await;

    // It heals by itself, and the same message is welcome.
    std::fs::remove_file(&ballast).unwrap();
    peer.ok("chat.send", send(n)).await;
    assert_eq!(peer.terminal(&format!("k-{n}")).await["state"], "final");
    peer.ok("chat.send", attachment).await;
    assert_eq!(peer.terminal("k-file").await["state"], "final");
    assert!(gateway.stop().await.success());
}

/// A gateway's home with 40 conversations of 20 rows; nothing is under way in it.
async fn used() -> (TestGateway, PathBuf) {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    for room in 0..40 {
        let key = format!("room-{room}");
        peer.ok("sessions.create", json!({"key": key})).await;
        for n in 0..20 {
            let text = format!("{room}/{n} {}", "words ".repeat(60));
            peer.post("chat.inject", json!({"sessionKey": key, "message": text})).await;
        }
        peer.ok("chat.history", json!({"sessionKey": key})).await;
    }
    let rows = rows(&mut peer).await.unwrap();
    assert_eq!(rows, 800);
    let database = gateway.gateway.paths().database.clone();
    (gateway, database)
}

/// How many rows can be read; an error when some cannot.
async fn rows(peer: &mut Peer) -> Result<usize, Value> {
    let mut found = 0;
    for room in 0..40 {
        let params = json!({"sessionKey": format!("room-{room}"), "limit": 1000});
        let response = peer.request("chat.history", params).await;
        match response["payload"]["messages"].as_array() {
            Some(messages) => found += messages.len(),
            None => return Err(response["error"].clone()),
        }
    }
    Ok(found)
}

fn set_aside(database: &Path) -> Vec<PathBuf> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut all: Vec<PathBuf> = std::fs::read_dir(database.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| name(path).starts_with("clawdbot.sqlite.damaged-"))
        .filter(|path| !name(path).ends_with("-wal") && !name(path).ends_with("-shm"))
        .collect();
    all.sort();
    all
}

async fn chats(gateway: &TestGateway, peer: &mut Peer) {
    gateway.model.push(Script::text(["works"]));
    let send = json!({"sessionKey": "after", "message": "hi", "idempotencyKey": "after"});
    peer.ok("chat.send", send).await;
    assert_eq!(peer.terminal("after").await["state"], "final");
}

#[tokio::test]
async fn flipped_bits_are_reported_then_set_aside_and_the_rest_is_readable() {
    let (gateway, database) = used().await;
    let gateway = gateway
        .restart_after(|| {
            let mut file = std::fs::File::options().read(true).write(true).open(&database).unwrap();
            let pages = file.metadata().unwrap().len() / PAGE;
            // The header of a few pages in the middle, one bit each.
            for page in [pages / 3, pages / 2, pages / 2 + 1] {
                let mut byte = [0];
                file.seek(SeekFrom::Start(page * PAGE)).unwrap();
                file.read_exact(&mut byte).unwrap();
                file.seek(SeekFrom::Start(page * PAGE)).unwrap();
                file.write_all(&[byte[0] ^ 0x40]).unwrap();
            }
        })
        .await;
    let damaged = std::fs::read(&database).unwrap();
    let mut peer = gateway.v4().await;
    let error = rows(&mut peer).await.unwrap_err();
    assert_eq!(error["details"]["code"], "STORE_CORRUPT", "{error}");
    assert!(error["message"].as_str().unwrap().contains("Restart the gateway"), "{error}");
    assert_eq!(std::fs::metadata(&database).unwrap().len(), damaged.len() as u64);

    let gateway = gateway.restart().await;
    let aside = set_aside(&database);
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert!(gateway.gateway.warnings().iter().any(|warning| warning.contains("damaged")));
    let mut peer = gateway.v4().await;
    let rescued = rows(&mut peer).await.unwrap();
    assert!((600..800).contains(&rescued), "{rescued} of 800 rows");
    chats(&gateway, &mut peer).await;
    let gateway = gateway.restart().await;
    assert_eq!(set_aside(&database), aside, "the new database is whole");
    gateway.finish().await;
}

#[tokio::test]
async fn a_truncated_database_is_set_aside_and_the_gateway_starts() {
    let (gateway, database) = used().await;
    let half = std::fs::metadata(&database).unwrap().len() / 2 / PAGE * PAGE;
    let cut = || {
        std::fs::File::options().write(true).open(&database).unwrap().set_len(half).unwrap();
    };
    let gateway = gateway.restart_after(cut).await;
    let aside = set_aside(&database);
    assert_eq!(std::fs::metadata(&aside[0]).unwrap().len(), half);
    let mut peer = gateway.v4().await;
    rows(&mut peer).await.unwrap();
    chats(&gateway, &mut peer).await;
    gateway.finish().await;
}

#[tokio::test]
async fn an_empty_or_foreign_file_does_not_keep_the_gateway_from_starting() {
    for text in ["", "this was never a database "] {
        let (gateway, database) = used().await;
        let content = text.repeat(500);
        let gateway = gateway.restart_after(|| std::fs::write(&database, &content).unwrap()).await;
        let aside = set_aside(&database);
        assert_eq!(aside.len(), usize::from(!text.is_empty()));
        for path in aside {
            assert_eq!(std::fs::read_to_string(path).unwrap(), content);
        }
        let mut peer = gateway.v4().await;
        chats(&gateway, &mut peer).await;
        gateway.finish().await;
    }
}

#[tokio::test]
async fn a_stalled_client_beside_twenty_is_closed_alone_dos_04() {
    let gateway = TestGateway::start().await;
    let mut first = gateway.v4().await;
    first.ok("sessions.create", json!({"key": "big"})).await;
    for _ in 0..2 {
        let note = json!({"sessionKey": "big", "message": "x".repeat(450_000)});
        first.ok("chat.inject", note).await;
    }
    let mut good = vec![first];
    while good.len() < 20 {
        good.push(gateway.v4().await);
    }
    let (mut stalled, _) = upgrade(gateway.address(), "").await;
    let params = json!({"minProtocol": 4, "maxProtocol": 4, "scopes": ["operator.read"],
        "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"},
        "auth": {"token": TOKEN}});
    let request = |id: usize, method: &str, params: &Value| {
        let frame =
            json!({"type": "req", "id": id.to_string(), "method": method, "params": params});
        client_frame(&frame.to_string())
    };
    stalled.write_all(&request(0, "connect", &params)).await.unwrap();
    let mut connections = gateway.gateway.status();
    soon("all joining", connections.wait_for(|status| status.connections == 21)).await.unwrap();
    // It asks for 90 MB and reads nothing of it; 50 MiB may wait (§2).
    for id in 1..=100 {
        let ask = request(id, "chat.history", &json!({"sessionKey": "big"}));
        if stalled.write_all(&ask).await.is_err() {
            break;
        }
    }
    soon("its end", connections.wait_for(|status| status.connections == 20)).await.unwrap();
    assert_eq!(close_code(&mut stalled).await, 1008);
    // The others get everything of what happens now, each in its own order.
    gateway.model.push(Script::text(["one ", "two ", "three"]));
    let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "k-1"});
    good[0].post("chat.send", send).await;
    for peer in &mut good {
        let ended = |frame: &Value| {
            frame["payload"]["state"] == "final" && frame["payload"]["runId"] == "k-1"
        };
        let frames = peer.until(ended).await;
        let seqs: Vec<u64> = frames.iter().filter_map(|frame| frame["seq"].as_u64()).collect();
        assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "an event is missing");
        assert_eq!(
            frames.last().unwrap()["payload"]["message"]["content"][0]["text"],
            "one two three"
        );
    }
    assert_eq!(connections.borrow().connections, 20);
    gateway.finish().await;
}

#[tokio::test]
async fn twenty_streams_that_are_told_to_stop_are_on_disk_and_closed_with_1012() {
    let setup = Setup::new().await;
    setup.write();
    let gateway = GatewayProcess::start(PROGRAM, setup.home()).await;
    let mut peers = Vec::new();
    for n in 0..20 {
        setup.model().push(Script::text(["half a sentence"]).stall());
        let mut peer = gateway.peer().await;
        peer.connect(Connect::v4()).await.unwrap();
        let send = json!({"sessionKey": format!("room-{n}"), "message": format!("ask {n}"),
            "idempotencyKey": format!("k-{n}")});
        peer.ok("chat.send", send).await;
        peers.push(peer);
    }
    for (n, peer) in peers.iter_mut().enumerate() {
        let key = format!("k-{n}");
        peer.event(|frame| {
            frame["payload"]["state"] == "delta" && frame["payload"]["runId"] == key
        })
        .await;
    }
    let asked = Instant::now();
    assert!(gateway.stop().await.success());
    assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
    for (n, peer) in peers.iter_mut().enumerate() {
        let end = peer.terminal(&format!("k-{n}")).await;
        assert_eq!(end["state"], "aborted", "{end}");
        assert_eq!(peer.closed().await, (1012, "service restart".to_owned()));
    }
    let gateway = GatewayProcess::start(PROGRAM, setup.home()).await;
    let mut peer = gateway.peer().await;
    peer.connect(Connect::v4()).await.unwrap();
    for n in 0..20 {
        let history = peer.ok("chat.history", json!({"sessionKey": format!("room-{n}")})).await;
        assert_eq!(history["totalMessages"], 2);
        assert_eq!(history["messages"][0]["content"], format!("ask {n}"));
        assert_eq!(history["messages"][1]["content"][0]["text"], "half a sentence");
    }
    assert!(gateway.stop().await.success());
}
