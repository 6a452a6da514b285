//! A connection whose frames somebody else reads and writes.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::address::Address;
use crate::dial::{Attempt, Socket};
use crate::dialer::Stream;
use crate::error::{Closed, ConnectError};
use crate::handshake::code_of;
use crate::options::ConnectOptions;
use crate::pace::Pace;

/// An admitted connection that passes frames on unread, for a page that speaks the protocol itself
/// and shall hold no secret.
pub struct Line {
    /// The gateway's `hello-ok`, limits clamped. It may hold a device token.
    pub hello: Value,
    socket: Socket,
    pace: Pace,
}

impl Line {
    /// Connects and says hello.
    ///
    /// # Errors
    /// [`ConnectError`] names the layer that failed; nothing is left open.
    pub async fn open(options: &ConnectOptions) -> Result<Self, ConnectError> {
        let address = Address::pinned(&options.url, options.pin.as_ref())?;
        let deadline = Instant::now() + options.timeout;
        let attempt = Attempt { address: &address, deadline, options };
        let mut socket = Box::pin(attempt.dial()).await?;
        let (_, hello) = attempt.handshake(&mut socket).await?;
        Ok(Self { hello, socket, pace: Pace::new(options.max_rate) })
    }

    /// Sends one frame, as it is.
    ///
    /// # Errors
    /// How the connection ended.
    pub async fn send(&mut self, frame: String) -> Result<(), Closed> {
        let sent = self.socket.send(Message::text(frame)).await;
        sent.map_err(|error| Closed::Broken(error.to_string()))
    }

    /// The next frame, as it is. May be dropped half way and called again.
    ///
    /// # Errors
    /// How the connection ended.
    pub async fn receive(&mut self) -> Result<String, Closed> {
        loop {
            self.pace.ready().await;
            let message = self.socket.next().await;
            if let Some(Ok(message)) = &message {
                self.pace.count(message.len());
            }
            match message {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Message::Close(frame))) => {
                    let code = code_of(frame.as_ref());
                    let reason = frame.map(|frame| frame.reason.to_string()).unwrap_or_default();
                    return Err(Closed::There { code, reason });
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(Closed::Broken(error.to_string())),
                None => return Err(Closed::Broken("the far end went away".to_owned())),
            }
        }
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        let frame = CloseFrame { code: 1000.into(), reason: "".into() };
        let _ = self.socket.close(Some(frame)).await;
    }
}

/// Dials and waits for the challenge, which proves a gateway; sends nothing.
///
/// # Errors
/// [`ConnectError`] names the layer that failed.
pub async fn knock(options: &ConnectOptions) -> Result<(), ConnectError> {
    let address = Address::pinned(&options.url, options.pin.as_ref())?;
    let deadline = Instant::now() + options.timeout;
    let attempt = Attempt { address: &address, deadline, options };
    let mut socket = Box::pin(attempt.dial()).await?;
    attempt.prove(&mut socket).await?;
    let _ = socket.close(None).await;
    Ok(())
}

/// Opens the byte stream of a connection, and no more.
///
/// # Errors
/// [`ConnectError`] names the layer that failed.
pub async fn dial(options: &ConnectOptions) -> Result<Box<dyn Stream>, ConnectError> {
    let address = Address::pinned(&options.url, options.pin.as_ref())?;
    let deadline = Instant::now() + options.timeout;
    Box::pin(Attempt { address: &address, deadline, options }.stream()).await
}
