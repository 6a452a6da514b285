//! One connection: its handshake, its questions, its events.

use std::collections::HashMap;

use clawdbot_gateway::{InProcess, Outgoing};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, watch};

use super::frames::{self, Frame, Settled};
use super::{Decision, Kept, Moment, Now};

/// Conversations that the menu shows.
const CHATS: usize = 5;
/// Conversations that titles are looked for in.
const LISTED: u32 = 200;
/// Commands and devices that wait for a person, and runs; a gateway that names more does not mean
/// them.
const MAX_PENDING: usize = 64;
/// Answers that wait for their session's title; more are told without one.
const MAX_WAITING: usize = 16;

pub(super) struct Listener<'a> {
    now: &'a watch::Sender<Now>,
    moments: &'a mpsc::Sender<Moment>,
    /// What outlives a connection.
    kept: &'a mut Kept,
    asked: HashMap<String, Asked>,
    next_id: u64,
    /// The gateway has let this connection in; before that it takes nothing else.
    connected: bool,
    /// The list of conversations changed while it was being asked for.
    stale: bool,
}

enum Asked {
    Chats,
    Approvals,
    Pairings,
    Decision(Decision),
    /// An answer whose session's title is to come with the list.
    Title {
        session: String,
        text: String,
    },
}

impl<'a> Listener<'a> {
    pub(super) fn new(
        now: &'a watch::Sender<Now>,
        moments: &'a mpsc::Sender<Moment>,
        kept: &'a mut Kept,
    ) -> Self {
        let asked = HashMap::new();
        Self { now, moments, kept, asked, next_id: 0, connected: false, stale: false }
    }

    /// Listens until the gateway ends the connection.
    pub(super) async fn run(mut self, connection: InProcess) {
        let InProcess { to_gateway, mut from_gateway } = connection;
        loop {
            let replies = tokio::select! {
                frame = from_gateway.recv() => match frame {
                    Some(Outgoing::Text(frame)) => match serde_json::from_str(&frame) {
                        Ok(frame) => self.on_frame(&frame),
                        Err(_) => continue,
                    },
                    Some(Outgoing::Close { .. }) | None => return,
                },
                decision = self.kept.decisions.next(), if self.connected => vec![self.decide(decision)],
            };
            for reply in replies {
                if to_gateway.send(reply).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Deals with one frame; what it returns goes to the gateway.
    fn on_frame(&mut self, frame: &Frame<'_>) -> Vec<String> {
        match (frame.kind.as_ref(), frame.event.as_deref(), frame.id.as_deref()) {
            ("event", Some("connect.challenge"), _) => vec![frames::connect_request()],
            ("event", Some(event), _) => frame
                .payload
                .and_then(|payload| self.on_event(event, payload))
                .into_iter()
                .collect(),
            ("res", _, Some("connect")) if frame.ok => self.on_connected(),
            ("res", _, Some("connect")) => {
                tracing::warn!("the gateway refused the app's own connection");
                Vec::new()
            }
            ("res", _, Some(id)) => {
                let asked = self.asked.remove(id);
                let payload = frame.payload.filter(|_| frame.ok);
                asked.and_then(|asked| self.on_answer(asked, payload)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// What was decided before comes first, so that the lists no longer have it.
    fn on_connected(&mut self) -> Vec<String> {
        self.connected = true;
        let decided = self.kept.decisions.unanswered();
        let mut asking: Vec<_> =
            decided.into_iter().map(|decision| self.decide(decision)).collect();
        asking.extend([
            self.ask("sessions.list", &list_params(), Asked::Chats),
            self.ask("exec.approval.list", &json!({}), Asked::Approvals),
            self.ask("device.pair.list", &json!({}), Asked::Pairings),
        ]);
        asking
    }

    fn on_event(&mut self, event: &str, payload: &RawValue) -> Option<String> {
        if matches!(event, "chat" | "agent") {
            self.on_run(payload);
        }
        match event {
            "chat" => return self.on_chat(payload),
            "sessions.changed" => return self.ask_for_chats(),
            "agent" => {
                let tool = frames::tool(payload)?;
                self.change(|now| now.tool = tool);
            }
            "exec.approval.requested" => {
                let approval = frames::approval(payload)?;
                let is_new = self.change(|now| {
                    now.approvals.retain(|other| other.id != approval.id);
                    push(&mut now.approvals, approval.clone());
                });
                if is_new && self.kept.approvals.tell(&approval.id) {
                    self.tell(Moment::Approval(approval));
                }
            }
            "exec.approval.resolved" => {
                let settled = Settled::of(payload)?;
                // The answer to the decision itself may be lost with the connection.
                if let Some(decision) = settled.decision() {
                    self.kept.decisions.answered(&decision);
                }
                self.change(|now| now.approvals.retain(|other| other.id != settled.id));
                self.kept.approvals.end(&settled.id);
                self.tell(Moment::ApprovalGone(settled.id));
            }
            "device.pair.requested" | "node.pair.requested" => {
                let pairing = frames::pairing(payload)?;
                let is_new = self.change(|now| {
                    now.pairings.retain(|other| other.id != pairing.id);
                    push(&mut now.pairings, pairing.clone());
                });
                if is_new && self.kept.pairings.tell(&pairing.id) {
                    self.tell(Moment::Pairing(pairing));
                }
            }
            "device.pair.resolved" | "node.pair.resolved" => {
                let Settled { id, .. } = Settled::of(payload)?;
                self.change(|now| now.pairings.retain(|other| other.id != id));
                self.kept.pairings.end(&id);
                self.tell(Moment::PairingGone(id));
            }
            _ => {}
        }
        None
    }

    /// Keeps count of the runs, for a gateway that does not do it for the app.
    fn on_run(&self, payload: &RawValue) {
        let Some((run, goes_on)) = frames::run(payload) else { return };
        // Most events change nothing.
        let known = self.now.borrow().runs.contains(&run);
        if goes_on && !known {
            self.change(|now| {
                if now.runs.len() < MAX_PENDING {
                    now.runs.insert(run);
                }
            });
        } else if !goes_on && known {
            self.change(|now| {
                now.runs.remove(&run);
            });
        }
    }

    fn on_chat(&mut self, payload: &RawValue) -> Option<String> {
        let (session, text) = frames::finished_answer(payload)?;
        if self.asked.len() >= MAX_WAITING {
            self.tell(Moment::Answer { session, title: None, text });
            return None;
        }
        Some(self.ask("sessions.list", &list_params(), Asked::Title { session, text }))
    }

    fn on_answer(&mut self, asked: Asked, payload: Option<&RawValue>) -> Option<String> {
        match asked {
            Asked::Chats => {
                if let Some(payload) = payload {
                    self.show_chats(payload);
                }
                return std::mem::take(&mut self.stale).then(|| self.ask_for_chats()).flatten();
            }
            Asked::Title { session, text } => {
                let title = payload.and_then(|payload| self.show_chats(payload).title_of(&session));
                self.tell(Moment::Answer { session, title, text });
            }
            Asked::Approvals => {
                let mut rows = payload.map(frames::approvals).unwrap_or_default();
                rows.truncate(MAX_PENDING);
                for id in self.kept.approvals.ended(rows.iter().map(|row| row.id.as_str())) {
                    self.tell(Moment::ApprovalGone(id));
                }
                for row in &rows {
                    if self.kept.approvals.tell(&row.id) {
                        self.tell(Moment::Approval(row.clone()));
                    }
                }
                self.change(|now| now.approvals = rows);
            }
            Asked::Pairings => {
                let mut rows = payload.map(frames::pairings).unwrap_or_default();
                rows.truncate(MAX_PENDING);
                for id in self.kept.pairings.ended(rows.iter().map(|row| row.id.as_str())) {
                    self.tell(Moment::PairingGone(id));
                }
                for row in &rows {
                    if self.kept.pairings.tell(&row.id) {
                        self.tell(Moment::Pairing(row.clone()));
                    }
                }
                self.change(|now| now.pairings = rows);
            }
            Asked::Decision(decision) => {
                self.kept.decisions.answered(&decision);
                if payload.is_none() {
                    tracing::warn!("the gateway did not take the decision; nothing waits for it");
                    self.tell(Moment::TooLate);
                }
            }
        }
        None
    }

    fn show_chats(&self, payload: &RawValue) -> Titles {
        let chats = frames::chats(payload);
        let shown = chats.iter().take(CHATS).cloned().collect();
        self.change(|now| now.chats = shown);
        Titles(chats)
    }

    /// Once at a time; what changes meanwhile is asked for afterwards.
    fn ask_for_chats(&mut self) -> Option<String> {
        if self.asked.values().any(|asked| matches!(asked, Asked::Chats)) {
            self.stale = true;
            return None;
        }
        Some(self.ask("sessions.list", &list_params(), Asked::Chats))
    }

    fn decide(&mut self, decision: Decision) -> String {
        let params = json!({ "id": decision.id(), "decision": decision.word() });
        self.ask("exec.approval.resolve", &params, Asked::Decision(decision))
    }

    fn ask(&mut self, method: &str, params: &serde_json::Value, asked: Asked) -> String {
        self.next_id += 1;
        let id = format!("tray-{}", self.next_id);
        self.asked.insert(id.clone(), asked);
        frames::request(&id, method, params)
    }

    /// Whether anything is different then.
    fn change(&self, change: impl FnOnce(&mut Now)) -> bool {
        self.now.send_if_modified(|now| {
            let before = now.clone();
            change(now);
            *now != before
        })
    }

    fn tell(&self, moment: Moment) {
        if self.moments.try_send(moment).is_err() {
            tracing::debug!("nobody takes notice any more");
        }
    }
}

fn push<T>(pending: &mut Vec<T>, one: T) {
    if pending.len() < MAX_PENDING {
        pending.push(one);
    }
}

struct Titles(Vec<super::Chat>);

impl Titles {
    fn title_of(&self, session: &str) -> Option<String> {
        let chat = self.0.iter().find(|chat| chat.key == session)?;
        (!chat.title.is_empty()).then(|| chat.title.clone())
    }
}

fn list_params() -> serde_json::Value {
    json!({ "limit": LISTED, "includeDerivedTitles": true })
}
