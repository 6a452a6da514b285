//! An acknowledged message is on disk, whatever happens to the process afterwards.

use std::time::Duration;

use clawdbot_client::{Client, ConnectOptions, Connected, Credential, RequestError};
use clawdbot_tests::{ALL_SCOPES, Connect, Gate, GatewayProcess, Peer, Script, Setup, TOKEN, soon};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const PROGRAM: &str = env!("CARGO_BIN_EXE_gateway-under-test");
/// How often the gateway is killed, unless `CLAWDBOT_TEST_KILLS` says otherwise.
const KILLS: usize = 100;
const CLIENTS: usize = 4;
/// Messages one client sends in one life of the gateway at most.
const PER_LIFE: usize = 4;

/// A client that goes on where it left off in the gateway's last life.
struct Sender {
    room: String,
    /// Number of the first message nobody acknowledged.
    next: usize,
}

impl Sender {
    fn params(&self) -> Value {
        json!({
            "sessionKey": self.room,
            "message": format!("{} says {}", self.room, self.next),
            "idempotencyKey": format!("{}-{}", self.room, self.next),
        })
    }

    /// Sends until the gateway dies.
    async fn talk(mut self, url: String, acknowledged: mpsc::Sender<()>) -> Self {
        let Ok(Connected { client, .. }) = Client::connect(options(url)).await else { return self };
        for _ in 0..PER_LIFE {
            match client.request("chat.send", &self.params()).await {
                Ok(_) => self.next += 1,
                Err(RequestError::Closed(_)) => break,
                Err(error) => panic!("{error}"),
            }
            let _ = acknowledged.try_send(());
        }
        soon("the end of the connection", client.closed()).await;
        self
    }
}

fn options(url: String) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.client.id = "cli".into();
    options.client.mode = "cli".into();
    options.scopes = ALL_SCOPES.map(str::to_owned).to_vec();
    options.credential = Some(Credential::Token(TOKEN.into()));
    options.timeout = Duration::from_secs(10);
    options
}

/// Every row of a conversation, oldest first.
async fn whole(peer: &mut Peer, key: &str) -> Vec<Value> {
    let mut rows: Vec<Value> = Vec::new();
    loop {
        let params = json!({"sessionKey": key, "limit": 1000, "offset": rows.len()});
        let page = peer.ok("chat.history", params).await;
        rows.splice(0..0, page["messages"].as_array().unwrap().iter().cloned());
        if page["hasMore"] == false {
            return rows;
        }
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_doubled_or_reordered_by_a_hundred_kills() {
    let kills = std::env::var("CLAWDBOT_TEST_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let setup = Setup::new().await;
    setup.model().echo();
    setup.write();
    let mut senders: Vec<Sender> =
        (0..CLIENTS).map(|n| Sender { room: format!("room-{n}"), next: 0 }).collect();
    for life in 0..kills {
        let gateway = GatewayProcess::start(PROGRAM, setup.home()).await;
        let url = format!("ws://{}", gateway.address);
        let (acknowledged, mut acknowledgements) = mpsc::channel(64);
        let mut talking = JoinSet::new();
        for sender in senders.drain(..) {
            talking.spawn(sender.talk(url.clone(), acknowledged.clone()));
        }
        drop(acknowledged);
        // Every life ends at another moment.
        for _ in 0..=life % (CLIENTS * PER_LIFE) {
            soon("an acknowledgement", acknowledgements.recv()).await.unwrap();
        }
        gateway.kill().await;
        senders = talking.join_all().await;
        senders.sort_by(|a, b| a.room.cmp(&b.room));
    }
    let gateway = GatewayProcess::start(PROGRAM, setup.home()).await;
    let mut peer = gateway.peer().await;
    peer.connect(Connect::v4()).await.unwrap();
    for sender in &senders {
        let rows = whole(&mut peer, &sender.room).await;
        let said: Vec<&str> = rows
            .iter()
            .filter(|row| row["role"] == "user")
            .map(|row| row["content"].as_str().unwrap())
            .collect();
        let want: Vec<String> =
            (0..said.len()).map(|n| format!("{} says {n}", sender.room)).collect();
        assert_eq!(said, want, "each message once and in order");
        // The message under way when the last life ended may be stored without its answer.
        assert!((sender.next..=sender.next + 1).contains(&said.len()), "{}", sender.next);
        assert!(sender.next >= kills / 8, "{} messages are too few to prove much", sender.next);
        let mut answered: Vec<&Value> = rows
            .iter()
            .filter(|row| row["role"] == "assistant")
            .map(|row| &row["__openclaw"]["runId"])
            .collect();
        let all = answered.len();
        answered.dedup();
        assert_eq!(answered.len(), all, "an answer was stored twice");
    }
    assert!(gateway.stop().await.success());
}

#[tokio::test]
async fn what_was_shown_before_a_crash_is_in_the_history_and_marked() {
    let setup = Setup::new().await;
    setup.write();
    let gate = Gate::new();
    setup.model().push(Script::text(["half a sentence"]).hold(&gate));
    let gateway = GatewayProcess::start(PROGRAM, setup.home()).await;
    let mut peer = gateway.peer().await;
    peer.connect(Connect::v4()).await.unwrap();
    let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "k-1"});
    peer.ok("chat.send", send.clone()).await;
    peer.event(|frame| frame["payload"]["state"] == "delta").await;
    gateway.kill().await;

    let gateway = GatewayProcess::start(PROGRAM, setup.home()).await;
    let mut peer = gateway.peer().await;
    peer.connect(Connect::v4()).await.unwrap();
    let history = peer.ok("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(history["totalMessages"], 2);
    let row = &history["messages"][1];
    assert_eq!(row["content"][0]["text"], "half a sentence");
    assert_eq!(row["__openclaw"]["interrupted"], true, "{row:#}");
    assert_eq!(row["__openclaw"]["runId"], "k-1");
    // The same key is not answered again; a new one is.
    assert_eq!(peer.ok("chat.send", send).await["status"], "aborted");
    setup.model().push(Script::text(["whole"]));
    let send = json!({"sessionKey": "main", "message": "again", "idempotencyKey": "k-2"});
    peer.ok("chat.send", send).await;
    assert_eq!(peer.terminal("k-2").await["state"], "final");
    assert!(gateway.stop().await.success());
}

#[tokio::test]
async fn a_text_for_a_run_that_never_ended_waits_for_the_next_one() {
    let setup = Setup::new().await;
    setup.model().push(Script::text(["Well"]).stall());
    setup.write();
    let gateway = GatewayProcess::start(PROGRAM, setup.home()).await;
    let mut peer = gateway.peer().await;
    peer.connect(Connect::v4()).await.unwrap();
    peer.ok("system-event", json!({"text": "first"})).await;
    let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "one"});
    peer.ok("chat.send", send).await;
    peer.event(|frame| frame["payload"]["state"] == "delta").await;
    // It rewrites what is on disk while the run has the first one.
    peer.ok("system-event", json!({"text": "second"})).await;
    gateway.kill().await;
    let gateway = GatewayProcess::start(PROGRAM, setup.home()).await;
    let mut peer = gateway.peer().await;
    peer.connect(Connect::v4()).await.unwrap();
    let waiting = peer.ok("status", json!({})).await["queuedSystemEvents"].take();
    assert_eq!(waiting, json!(["first", "second"]));
}
