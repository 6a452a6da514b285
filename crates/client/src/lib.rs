//! A client for gateways of protocol generations 3 and 4.
//!
//! [`Client::connect`] dials, proves who is calling and answers with a [`Client`] for requests and
//! with [`Events`]. One connection, no reconnecting: when it ends, [`Client::closed`] says why and
//! the caller decides.
//!
//! Invariants:
//! - no credential is sent before the address was accepted and, for `wss://`, the certificate was;
//!   plain `ws://` goes to loopback, private and tailnet addresses only; redirects are not followed;
//! - everything the far end sends is bounded in size and ignored when it does not fit;
//! - credentials appear in no `Debug` output, error or log line.
//!
//! ```no_run
//! use clawdbot_client::{Client, ConnectOptions, Credential};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut options = ConnectOptions::new("ws://127.0.0.1:18789");
//! options.credential = Some(Credential::Token("the gateway's token".to_owned()));
//! let mut connected = Client::connect(options).await?;
//! let health = connected.client.request("health", &serde_json::json!({})).await?;
//! println!("{} answers: {health}", connected.hello.server.version);
//! while let Some(event) = connected.events.recv().await {
//!     println!("{}", event.event);
//! }
//! # Ok(()) }
//! ```

mod address;
mod client;
mod dial;
mod dialer;
mod error;
mod events;
mod handshake;
mod line;
mod options;
mod pace;
mod pin;
mod wire;

pub use address::{AddressError, check_url, is_loopback, loopback_port, web_names};
pub use client::{Client, Connected};
pub use dialer::{Dialer, Stream};
pub use error::{Closed, ConnectError, Distrust, NotAGateway, RequestError, Stage};
pub use events::Events;
pub use line::{Line, dial, knock};
pub use options::{ConnectOptions, Credential};
pub use pin::{Pin, PinError};
