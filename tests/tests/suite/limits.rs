//! Guessing budgets and slow consumers.

use std::sync::Arc;

use clawdbot_protocol::DeviceIdentity;
use clawdbot_tests::{
    Connect, Peer, Refused, TOKEN, TestGateway, client_frame, close_code, soon, upgrade,
};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

const WRONG_GUESSES: usize = 10;

fn is_rate_limited(refused: &Refused) -> bool {
    refused.error["details"]["code"] == "AUTH_RATE_LIMITED"
}

/// Guesses until the budget is gone and answers the refusal that said so.
async fn exhaust(gateway: &TestGateway, origin: &str, guess: impl Fn(usize) -> Connect) -> Refused {
    for n in 0..=WRONG_GUESSES {
        let mut peer = Peer::open_with(gateway.address(), &[("origin", origin)]).await.unwrap();
        let refused = peer.connect(guess(n)).await.unwrap_err();
        if n == WRONG_GUESSES {
            return refused;
        }
        assert!(!is_rate_limited(&refused), "limited after {n} guesses");
    }
    unreachable!()
}

fn page() -> Connect {
    Connect::v4().client("openclaw-control-ui", "ui").device(&device(1))
}

fn device(seed: u8) -> Arc<DeviceIdentity> {
    Arc::new(DeviceIdentity::from_seed(&[seed; 32]))
}

#[tokio::test]
async fn a_page_has_ten_guesses_a_minute_rl_01() {
    let gateway = TestGateway::start().await;
    let origin = format!("http://{}", gateway.address());
    let guess = |n| page().auth(json!({"token": format!("guess-{n}")}));
    let refused = exhaust(&gateway, &origin, guess).await;
    assert!(is_rate_limited(&refused), "{refused:?}");
    assert_eq!(refused.error["retryable"], true);
    assert!(refused.error["retryAfterMs"].as_u64().unwrap() > 0);
    assert!(refused.reason.starts_with("unauthorized: too many failed authentication attempts"));
    // The right token is not even looked at any more.
    let mut peer = Peer::open_with(gateway.address(), &[("origin", &origin)]).await.unwrap();
    assert!(is_rate_limited(&peer.connect(page()).await.unwrap_err()));
    // The twin: the command line on this machine is not locked out.
    gateway.v4().await;
    gateway.finish().await;
}

#[tokio::test]
async fn a_device_or_a_device_token_buys_no_further_guess_rl_02() {
    let gateway = TestGateway::start().await;
    let origin = format!("http://{}", gateway.address());
    let guess = |n: usize| {
        let seed = u8::try_from(n).unwrap() + 10;
        let auth = json!({"token": format!("guess-{n}"), "deviceToken": format!("device-{n}")});
        Connect::v4().client("openclaw-control-ui", "ui").device(&device(seed)).auth(auth)
    };
    assert!(is_rate_limited(&exhaust(&gateway, &origin, guess).await));
    gateway.finish().await;
}

#[tokio::test]
async fn parallel_guesses_share_the_budget_rl_04() {
    let gateway = TestGateway::start().await;
    let origin = format!("http://{}", gateway.address());
    let mut guesses = tokio::task::JoinSet::new();
    for n in 0..50 {
        let (address, origin) = (gateway.address(), origin.clone());
        guesses.spawn(async move {
            let mut peer = Peer::open_with(address, &[("origin", &origin)]).await.unwrap();
            peer.connect(page().auth(json!({"token": format!("g-{n}")}))).await.unwrap_err()
        });
    }
    let refused = guesses.join_all().await;
    let evaluated = refused.iter().filter(|refused| !is_rate_limited(refused)).count();
    assert!(evaluated <= WRONG_GUESSES, "{evaluated} guesses were compared");
    gateway.finish().await;
}

#[tokio::test]
async fn a_success_costs_nothing_and_pays_for_no_wrong_guess_rl_01() {
    let gateway = TestGateway::start().await;
    let origin = format!("http://{}", gateway.address());
    let attempt = async |connect: Connect| {
        let mut peer = Peer::open_with(gateway.address(), &[("origin", &origin)]).await.unwrap();
        peer.connect(connect).await
    };
    for n in 0..3 * WRONG_GUESSES {
        attempt(page()).await.unwrap_or_else(|refused| panic!("success {n}: {refused:?}"));
    }
    for n in 0..WRONG_GUESSES {
        attempt(page()).await.unwrap_or_else(|refused| panic!("between, {n}: {refused:?}"));
        let refused = attempt(page().auth(json!({"token": "wrong"}))).await.unwrap_err();
        assert!(!is_rate_limited(&refused), "guess {n}");
    }
    assert!(is_rate_limited(&attempt(page()).await.unwrap_err()));
    gateway.finish().await;
}

#[tokio::test]
async fn a_connection_follows_256_conversations_at_most() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let key = |n: usize| json!({"key": format!("room-{n}")});
    for n in 0..256 {
        peer.ok("sessions.messages.subscribe", key(n)).await;
    }
    let error = peer.fails("sessions.messages.subscribe", key(256)).await;
    assert!(error["message"].as_str().unwrap().contains("256"), "{error}");
    peer.ok("sessions.messages.subscribe", key(0)).await;
    peer.ok("sessions.messages.unsubscribe", key(0)).await;
    peer.ok("sessions.messages.subscribe", key(256)).await;
    gateway.finish().await;
}

#[tokio::test]
async fn a_stalled_client_alone_is_closed_dos_04() {
    let gateway = TestGateway::start().await;
    let mut good = gateway.v4().await;
    good.ok("sessions.create", json!({"key": "big"})).await;
    let (mut stalled, _) = upgrade(gateway.address(), "").await;
    let params = json!({"minProtocol": 4, "maxProtocol": 4, "scopes": ["operator.read"],
        "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"},
        "auth": {"token": TOKEN}});
    let connect = json!({"type": "req", "id": "1", "method": "connect", "params": params});
    stalled.write_all(&client_frame(&connect.to_string())).await.unwrap();
    let mut connections = gateway.gateway.status();
    let joined = connections.wait_for(|status| status.connections == 2);
    soon("the stalled client joining", joined).await.unwrap();
    // Everybody is told of every note. It reads nothing; 50 MiB may wait for it (§2).
    let note = "x".repeat(2 << 20);
    let mut notes = 0;
    while connections.borrow().connections == 2 {
        assert!(notes < 60, "120 MiB wait for a client that does not read");
        good.ok("chat.inject", json!({"sessionKey": "big", "message": note})).await;
        notes += 1;
    }
    assert!(notes > 50 / 2, "closed after {notes} notes already");
    assert_eq!(close_code(&mut stalled).await, 1008);
    // Nobody else noticed.
    gateway.model.echo();
    let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "k-1"});
    good.post("chat.send", send).await;
    let frames = good
        .until(|frame| frame["payload"]["state"] == "final" && frame["payload"]["runId"] == "k-1")
        .await;
    let seqs: Vec<u64> = frames.iter().filter_map(|frame| frame["seq"].as_u64()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "an event is missing");
    assert!(seqs.len() > notes);
    gateway.finish().await;
}
