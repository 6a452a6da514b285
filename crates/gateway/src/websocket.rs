//! A connection over a WebSocket.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use clawdbot_protocol::{MAX_CLOSE_REASON, MAX_FRAME, MAX_PREAUTH_FRAME};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::connection::{Inbound, Transport};
use crate::hub::Out;
use crate::strangers::Stranger;

/// Kept small: a connection mostly waits, and frames are mostly short.
const BUFFER: usize = 4 * 1024;

/// Bytes a client may send before it is admitted: one frame of the largest size with its header.
const PREAUTH_BYTES: usize = MAX_PREAUTH_FRAME + 14;

/// The gateway's end of a WebSocket.
pub(crate) struct Socket {
    stream: WebSocketStream<Gate>,
    stranger: Arc<Stranger>,
}

impl Socket {
    /// Takes over an upgraded HTTP connection; large frames are refused until it is admitted.
    pub(crate) async fn new(upgraded: Upgraded, stranger: Arc<Stranger>) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            .max_message_size(Some(MAX_FRAME))
            .max_frame_size(Some(MAX_FRAME));
        let gate = Gate { io: TokioIo::new(upgraded), allowance: Some(PREAUTH_BYTES) };
        let stream = WebSocketStream::from_raw_socket(gate, Role::Server, Some(config)).await;
        Self { stream, stranger }
    }
}

/// Counts what a stranger sends. The WebSocket library fixes its frame limit at the upgrade, so
/// the smaller limit of the handshake is kept here.
struct Gate {
    io: TokioIo<Upgraded>,
    allowance: Option<usize>,
}

impl AsyncRead for Gate {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        let read = buffer.filled().len() - before;
        if let Some(allowance) = &mut self.allowance {
            match allowance.checked_sub(read) {
                Some(rest) => *allowance = rest,
                None => return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into())),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Gate {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl Transport for Socket {
    async fn receive(&mut self) -> Option<Inbound> {
        Some(match self.stream.next().await? {
            Ok(Message::Text(text)) => Inbound::Text(text.as_str().to_owned()),
            // A binary message that holds JSON counts as text (protocol §2).
            Ok(Message::Binary(bytes)) => match String::from_utf8(bytes.into()) {
                Ok(text) => Inbound::Text(text),
                Err(_) => Inbound::Garbage,
            },
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => Inbound::Alive,
            Ok(Message::Close(_)) => return None,
            Err(Error::Capacity(CapacityError::MessageTooLong { .. })) => Inbound::TooBig,
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::FileTooLarge => Inbound::TooBig,
            Err(Error::Utf8(_)) => Inbound::Garbage,
            Err(_) => return None,
        })
    }

    async fn feed(&mut self, out: Out) -> bool {
        let message = match out.into_text() {
            Some(text) => Message::text(text),
            None => Message::Ping(Bytes::new()),
        };
        self.stream.feed(message).await.is_ok()
    }

    async fn flush(&mut self) -> bool {
        self.stream.flush().await.is_ok()
    }

    fn admit(&mut self) {
        self.stream.get_mut().allowance = None;
        self.stranger.admit();
    }

    fn silence_matters(&self) -> bool {
        true
    }

    async fn close(&mut self, code: u16, reason: &str) {
        let end = reason.floor_char_boundary(MAX_CLOSE_REASON);
        let frame = CloseFrame {
            code: CloseCode::from(code),
            reason: reason.get(..end).unwrap_or_default().into(),
        };
        let _ = self.stream.close(Some(frame)).await;
        // Whatever still arrives is read away, so that the close frame is not lost to a reset.
        while let Some(Ok(_)) = self.stream.next().await {}
    }
}
