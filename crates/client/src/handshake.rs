//! Challenge, `connect`, `hello-ok` (protocol §4).

use std::time::Duration;

use clawdbot_protocol::{
    ConnectAuth, ConnectParams, HelloOk, MAX_FRAME, MAX_PREAUTH_FRAME, TICK_INTERVAL_MS,
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::dial::{Attempt, Socket};
use crate::error::{ConnectError, NotAGateway, Stage};
use crate::options::{ConnectOptions, Credential};
use crate::wire::{Frame, Request};

/// Largest handshake message taken from a gateway; a real `hello-ok` has about 25 KiB.
const MAX_HELLO: usize = 4 * 1024 * 1024;
/// Handshake messages looked at before giving up.
const MAX_MESSAGES: usize = 64;
/// Tick intervals outside of this, in milliseconds, are moved into it.
const TICK_RANGE: (f64, f64) = (1_000.0, 300_000.0);
/// A refused client waits this long for the close code.
const CLOSE_WAIT: Duration = Duration::from_secs(1);
/// The id of the `connect` request.
const CONNECT_ID: &str = "connect";

#[derive(Deserialize)]
struct Challenge {
    nonce: String,
    ts: i64,
}

impl Attempt<'_> {
    /// Does the handshake on a fresh socket.
    pub(crate) async fn handshake(
        &self,
        socket: &mut Socket,
    ) -> Result<(HelloOk, Value), ConnectError> {
        let challenge = self.stage(Stage::Challenge, self.challenge(socket)).await?;
        let params = connect_params(self.options, &challenge);
        let text = Request::json(CONNECT_ID, "connect", &params)
            .map_err(|_| self.not_a_gateway(NotAGateway::NoChallenge))?;
        self.stage(Stage::Hello, async {
            // A failed write shows again when reading, together with the reason.
            let _ = socket.send(Message::text(text)).await;
            self.hello(socket).await
        })
        .await
    }

    /// Waits for the challenge: only a gateway sends one.
    pub(crate) async fn prove(&self, socket: &mut Socket) -> Result<(), ConnectError> {
        self.stage(Stage::Challenge, self.challenge(socket)).await.map(drop)
    }

    async fn challenge(&self, socket: &mut Socket) -> Result<Challenge, ConnectError> {
        match self.frame(socket, NotAGateway::NoChallenge).await? {
            Frame::Event(event) if event.event == "connect.challenge" => {
                serde_json::from_value(event.payload).ok()
            }
            _ => None,
        }
        .filter(|challenge: &Challenge| {
            !challenge.nonce.is_empty() && challenge.nonce.len() <= MAX_PREAUTH_FRAME / 2
        })
        .ok_or_else(|| self.not_a_gateway(NotAGateway::NoChallenge))
    }

    async fn hello(&self, socket: &mut Socket) -> Result<(HelloOk, Value), ConnectError> {
        for _ in 0..MAX_MESSAGES {
            let Frame::Response(response) = self.frame(socket, NotAGateway::BadHello).await? else {
                continue;
            };
            if response.id != CONNECT_ID {
                continue;
            }
            return match response.result {
                Ok(payload) => self.accept(payload),
                Err(error) => Err(ConnectError::Refused { error, close: close_code(socket).await }),
            };
        }
        Err(self.not_a_gateway(NotAGateway::BadHello))
    }

    fn accept(&self, mut payload: Value) -> Result<(HelloOk, Value), ConnectError> {
        clamp(&mut payload);
        let hello: HelloOk = HelloOk::deserialize(&payload)
            .ok()
            .filter(|hello: &HelloOk| hello.kind == "hello-ok")
            .ok_or_else(|| self.not_a_gateway(NotAGateway::BadHello))?;
        if !self.options.generations.contains(&hello.protocol) {
            return Err(self.not_a_gateway(NotAGateway::WrongGeneration(hello.protocol)));
        }
        Ok((hello, payload))
    }

    /// The next message; anything but a frame of a bearable size is `wrong`.
    async fn frame(&self, socket: &mut Socket, wrong: NotAGateway) -> Result<Frame, ConnectError> {
        loop {
            let reason = match socket.next().await {
                Some(Ok(Message::Text(text))) if text.len() > MAX_HELLO => NotAGateway::TooBig,
                Some(Ok(Message::Text(text))) => match Frame::parse(&text) {
                    Some(frame) => return Ok(frame),
                    None => wrong,
                },
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Binary(_))) => NotAGateway::NotWebSocket,
                Some(Ok(Message::Close(frame))) => NotAGateway::HungUp(code_of(frame.as_ref())),
                Some(Err(_)) | None => NotAGateway::HungUp(1006),
            };
            return Err(self.not_a_gateway(reason));
        }
    }
}

fn connect_params(options: &ConnectOptions, challenge: &Challenge) -> ConnectParams {
    let mut params = ConnectParams {
        min_protocol: *options.generations.start(),
        max_protocol: *options.generations.end(),
        client: options.client.clone(),
        caps: Some(options.caps.clone()),
        commands: None,
        permissions: None,
        path_env: None,
        role: Some(options.role.as_str().to_owned()),
        scopes: Some(options.scopes.clone()),
        device: None,
        auth: options.credential.clone().map(|credential| match credential {
            Credential::Token(token) => ConnectAuth { token: Some(token), ..Default::default() },
            Credential::Password(password) => {
                ConnectAuth { password: Some(password), ..Default::default() }
            }
        }),
        locale: None,
        user_agent: None,
    };
    if let Some(identity) = &options.identity {
        let proof = identity.prove(&params.proof_terms(), &challenge.nonce, challenge.ts);
        params.device = Some(proof);
    }
    params
}

/// Moves absurd limits into a sane range before they are believed (APP-09).
fn clamp(hello: &mut Value) {
    let Some(policy) = hello.get_mut("policy").and_then(Value::as_object_mut) else { return };
    let ranges = [
        ("tickIntervalMs", TICK_RANGE, TICK_INTERVAL_MS),
        ("maxPayload", (MAX_PREAUTH_FRAME as f64, MAX_FRAME as f64), MAX_FRAME as u64),
        (
            "maxBufferedBytes",
            (MAX_PREAUTH_FRAME as f64, 1e9),
            clawdbot_protocol::MAX_BUFFERED as u64,
        ),
    ];
    for (name, (low, high), usual) in ranges {
        let value = match policy.get(name).and_then(Value::as_f64) {
            Some(number) => number.clamp(low, high) as u64,
            None => usual,
        };
        policy.insert(name.to_owned(), json!(value));
    }
}

async fn close_code(socket: &mut Socket) -> Option<u16> {
    let close = async {
        loop {
            match socket.next().await? {
                Ok(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    };
    tokio::time::timeout(CLOSE_WAIT, close).await.ok().flatten()
}

pub(crate) fn code_of(frame: Option<&CloseFrame>) -> u16 {
    frame.map_or(1005, |frame| frame.code.into())
}
