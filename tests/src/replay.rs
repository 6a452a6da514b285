//! Repeats a recorded exchange of several connections against a gateway and compares what comes
//! back: the same frames in the same order on each connection, with the recorded members. Ids,
//! keys and tokens differ; they are learned from the answers and put into what is sent next.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use clawdbot_protocol::DeviceIdentity;
use serde_json::Value;

use crate::{Connect, Frame, Peer, TestGateway};

/// Members whose values are made up anew each time.
const LEARNED: [&str; 6] = ["requestId", "deviceId", "nodeId", "publicKey", "deviceToken", "id"];
/// Members whose values depend on the machine.
const FREE: [&str; 1] = ["remoteIp"];
/// Members of the original that this gateway does not have.
const OMITTED: [&str; 2] = ["recoveryScope", "recoveryMigrationAllowed"];
/// Events that recordings leave out.
const UNRECORDED: [&str; 6] =
    ["presence", "health", "tick", "agent", "chat", "device.pair.changed"];

/// A recorded exchange under way.
pub struct Replay<'a> {
    gateway: &'a TestGateway,
    device: Arc<DeviceIdentity>,
    /// Connections by their recorded name. Put those in that were open before the recording.
    pub peers: HashMap<String, Peer>,
    learned: HashMap<String, String>,
    remote: bool,
}

impl<'a> Replay<'a> {
    /// Starts with no connection. New ones sign with `device`, and come from elsewhere if `remote`.
    pub fn new(gateway: &'a TestGateway, device: &Arc<DeviceIdentity>, remote: bool) -> Self {
        let device = device.clone();
        Self { gateway, device, peers: HashMap::new(), learned: HashMap::new(), remote }
    }

    /// Repeats `tests/fixtures/<name>`.
    pub async fn run(&mut self, name: &str) {
        for line in lines(name) {
            let conn = line["conn"].as_str().unwrap().to_owned();
            let frame = &line["frame"];
            match line["dir"].as_str().unwrap() {
                "out" if frame["method"] == "connect" => self.connect(&conn, frame).await,
                "out" => {
                    let frame = self.filled_in(frame.clone());
                    self.peers.get_mut(&conn).unwrap().send(&frame).await;
                }
                "in" => self.receive(&conn, frame).await,
                _ if frame["code"] == 1005 => self.peers.remove(&conn).unwrap().leave().await,
                _ => self.close(&conn, frame).await,
            }
        }
    }

    async fn connect(&mut self, conn: &str, request: &Value) {
        let mut params = self.filled_in(request["params"].clone());
        params.as_object_mut().unwrap().shift_remove("device");
        let headers: &[(&str, &str)] =
            if self.remote { &[("x-forwarded-for", "203.0.113.7")] } else { &[] };
        let mut peer = Peer::open_with(self.gateway.address(), headers).await.unwrap();
        peer.post_connect(Connect::recorded(params).device(&self.device)).await;
        self.peers.insert(conn.to_owned(), peer);
    }

    async fn receive(&mut self, conn: &str, recorded: &Value) {
        let peer = self.peers.get_mut(conn).unwrap();
        let ours = loop {
            match peer.next().await {
                Frame::Json(frame) if is_unrecorded(&frame) => {}
                Frame::Json(frame) => break frame,
                Frame::Closed(code, reason) => panic!("{conn} closed {code} {reason}: {recorded}"),
            }
        };
        for name in ["type", "event", "ok"] {
            assert_eq!(ours.get(name), recorded.get(name), "{conn}: {ours}\nrecorded {recorded}");
        }
        let counted = |frame: &Value| frame.get("seq").is_some();
        assert_eq!(counted(&ours), counted(recorded), "{conn}: {ours}");
        for part in ["payload", "error"] {
            self.compare(&ours[part], &recorded[part], &format!("{conn} {part}"), &ours);
        }
    }

    async fn close(&mut self, conn: &str, recorded: &Value) {
        let (code, reason) = self.peers.remove(conn).unwrap().closed().await;
        assert_eq!(recorded["code"], code, "{conn}");
        let mut want = recorded["reason"].as_str().unwrap().to_owned();
        for (theirs, ours) in &self.learned {
            // A long reason is cut in the middle of an id.
            if let Some((before, id)) = want.clone().split_once("requestId: ")
                && theirs.starts_with(id.trim_end_matches(')'))
            {
                want = format!("{before}requestId: {ours})");
                want.truncate(120);
            }
        }
        assert_eq!(reason, want, "{conn}");
    }

    fn compare(&mut self, ours: &Value, recorded: &Value, at: &str, whole: &Value) {
        match (ours, recorded) {
            (Value::Object(ours), Value::Object(recorded)) => {
                for (name, theirs) in recorded {
                    if OMITTED.contains(&name.as_str()) {
                        continue;
                    }
                    let at = format!("{at}/{name}");
                    let Some(ours) = ours.get(name) else { panic!("{at} is missing in {whole}") };
                    match (ours.as_str(), theirs.as_str()) {
                        (Some(ours), Some(theirs)) if LEARNED.contains(&name.as_str()) => {
                            let known = self.learned.entry(theirs.to_owned());
                            let known = known.or_insert_with(|| ours.to_owned());
                            assert_eq!(known, ours, "{at} in {whole}");
                        }
                        _ if FREE.contains(&name.as_str()) => {}
                        // Unknown members are ignored here, and not complained about.
                        (Some(ours), Some(theirs)) if name == "message" => {
                            assert!(theirs.starts_with(ours), "{at} in {whole}");
                        }
                        _ => self.compare(ours, theirs, &at, whole),
                    }
                }
            }
            // Who else is paired differs.
            (Value::Array(ours), Value::Array(_)) if at.ends_with("/paired") => {
                assert!(ours.iter().all(Value::is_object), "{at} in {whole}");
            }
            (Value::Array(ours), Value::Array(recorded)) => {
                assert_eq!(ours.len(), recorded.len(), "{at} in {whole}");
                for (ours, theirs) in ours.iter().zip(recorded) {
                    self.compare(ours, theirs, at, whole);
                }
            }
            (Value::Number(_), Value::Number(_)) => {}
            _ => assert_eq!(ours, recorded, "{at} in {whole}"),
        }
    }

    /// What was recorded, with what was learned since.
    fn filled_in(&self, mut value: Value) -> Value {
        match &mut value {
            Value::String(text) => {
                if let Some(ours) = self.learned.get(text) {
                    text.clone_from(ours);
                }
            }
            Value::Array(all) => {
                for one in all {
                    *one = self.filled_in(one.take());
                }
            }
            Value::Object(members) => {
                for (_, member) in members.iter_mut() {
                    *member = self.filled_in(member.take());
                }
            }
            _ => {}
        }
        value
    }
}

/// The params of the first recorded `connect`.
pub fn recorded_connect(name: &str) -> Value {
    let line = lines(name).into_iter().find(|line| line["frame"]["method"] == "connect");
    line.unwrap()["frame"]["params"].clone()
}

fn is_unrecorded(frame: &Value) -> bool {
    frame["event"].as_str().is_some_and(|name| UNRECORDED.contains(&name))
}

fn lines(name: &str) -> Vec<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
