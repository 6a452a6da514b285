//! One connection of the page to a remote gateway: the page says hello as it always does, and this
//! side proves the gateway, signs the challenge and adds the secrets.

use clawdbot_client::{Closed, ConnectError, Line};
use clawdbot_gateway::Outgoing;
use clawdbot_protocol::ClientInfo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::remote::Remote;

/// Close codes: policy, restart, and an end without a reason.
const POLICY: u16 = 1008;
const RESTART: u16 = 1012;
const ABNORMAL: u16 = 1006;

/// Why a connection ends from this side.
pub(super) const TURNING: &str = "the app turns to another gateway";
pub(super) const SILENT: &str = "the gateway does not answer any more";

/// The page's `connect`.
#[derive(Deserialize)]
struct Hello {
    id: String,
    method: String,
    params: HelloParams,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HelloParams {
    min_protocol: u32,
    max_protocol: u32,
    client: ClientInfo,
    #[serde(default)]
    caps: Vec<String>,
    #[serde(default)]
    scopes: Vec<String>,
}

/// Serves one connection until either side ends it.
pub(crate) async fn serve(
    remote: &Remote,
    mut from_page: mpsc::Receiver<String>,
    to_page: &mpsc::Sender<Outgoing>,
) {
    let nonce = uuid::Uuid::new_v4().to_string();
    let ts = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let ts = u64::try_from(ts.unwrap_or_default().as_millis()).unwrap_or_default();
    // A member of this app's own: what the page keeps of one gateway is not for another.
    let challenge = json!({
        "type": "event", "event": "connect.challenge", "payload": {
            "nonce": nonce, "ts": ts, "gateway": remote.name(),
        },
    });
    say(to_page, challenge.to_string()).await;
    let Some(frame) = from_page.recv().await else { return };
    let Ok(hello) = serde_json::from_str::<Hello>(&frame) else {
        return close(to_page, POLICY, "the first frame must be connect").await;
    };
    if hello.method != "connect" {
        return close(to_page, POLICY, "the first frame must be connect").await;
    }
    match open(remote, &hello.params).await {
        Ok(mut line) => {
            admit(remote, &mut line, &hello.id, to_page).await;
            let (code, reason) = pass(line, from_page, to_page).await;
            close(to_page, code, &reason).await;
        }
        Err(ConnectError::Refused { error, close: code }) => {
            let refusal = json!({"type": "res", "id": hello.id, "ok": false, "error": error});
            say(to_page, refusal.to_string()).await;
            close(to_page, code.unwrap_or(POLICY), &error.message).await;
        }
        Err(error) => close(to_page, ABNORMAL, &error.to_string()).await,
    }
}

/// Tells the page that its connection ends and that another one is worth trying.
pub(super) async fn hang_up(to_page: &mpsc::Sender<Outgoing>, why: &str) {
    close(to_page, RESTART, why).await;
}

async fn open(remote: &Remote, params: &HelloParams) -> Result<Line, ConnectError> {
    let mut options = remote.options();
    // App and page are one device: one that seems to change is asked to be approved again.
    let own = options.client;
    options.client = ClientInfo {
        display_name: own.display_name,
        platform: own.platform,
        device_family: own.device_family,
        model_identifier: own.model_identifier,
        ..params.client.clone()
    };
    options.caps.clone_from(&params.caps);
    options.generations = params.min_protocol..=params.max_protocol;
    if !params.scopes.is_empty() {
        options.scopes.clone_from(&params.scopes);
    }
    Line::open(&options).await
}

/// Passes the hello on, without the device's token.
async fn admit(remote: &Remote, line: &mut Line, id: &str, to_page: &mpsc::Sender<Outgoing>) {
    let mut hello = std::mem::take(&mut line.hello);
    let auth = hello.get_mut("auth").and_then(Value::as_object_mut);
    let token = auth.and_then(|auth| {
        auth.remove("deviceTokens");
        auth.remove("deviceToken")
    });
    if let Some(token) = token.as_ref().and_then(Value::as_str) {
        remote.learn(token).await;
    }
    let answer = json!({"type": "res", "id": id, "ok": true, "payload": hello});
    say(to_page, answer.to_string()).await;
}

/// Carries frames both ways; answers how it ended.
async fn pass(
    mut line: Line,
    mut from_page: mpsc::Receiver<String>,
    to_page: &mpsc::Sender<Outgoing>,
) -> (u16, String) {
    loop {
        tokio::select! {
            frame = from_page.recv() => match frame {
                Some(frame) => {
                    if let Err(closed) = line.send(frame).await {
                        return reason(closed);
                    }
                }
                None => {
                    line.close().await;
                    return (1000, String::new());
                }
            },
            frame = line.receive() => match frame {
                Ok(frame) => say(to_page, frame).await,
                Err(closed) => return reason(closed),
            },
        }
    }
}

fn reason(closed: Closed) -> (u16, String) {
    match closed {
        Closed::There { code, reason } => (code, reason),
        other => (ABNORMAL, other.to_string()),
    }
}

async fn say(to_page: &mpsc::Sender<Outgoing>, frame: String) {
    let _ = to_page.send(Outgoing::Text(frame)).await;
}

async fn close(to_page: &mpsc::Sender<Outgoing>, code: u16, reason: &str) {
    let _ = to_page.send(Outgoing::Close { code, reason: reason.to_owned() }).await;
}
