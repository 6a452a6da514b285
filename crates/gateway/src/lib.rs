//! The gateway: sessions, runs and everybody who wants to talk to them, behind one port.
//!
//! One [`Gateway`] handle serves the headless program, the desktop app and the tests alike.
//!
//! Invariants:
//! - an acknowledged message is on disk; what people see of an answer is on disk first;
//! - host, origin and credentials are judged before anything else, and every method has a scope;
//! - every task belongs to the gateway's tracker, every queue is bounded;
//! - the crate reads no environment variable and installs no signal handler.
//!
//! ```no_run
//! use clawdbot_config::{Env, Paths};
//! use clawdbot_gateway::{Gateway, Listen, Options};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let env = Env::from_process();
//! let paths = Paths::resolve(&env, None);
//! let options = Options { listen: Listen::Port(0), allow_unconfigured: true, ..Options::default() };
//! let gateway = Gateway::builder(paths, env).options(options).start().await?;
//! println!("{:?}", gateway.status().borrow().address);
//! gateway.shutdown(std::time::Duration::from_secs(2)).await;
//! # Ok(()) }
//! ```

mod access;
mod agents;
mod announce;
mod approvals;
mod archive;
mod attachments;
mod auth;
mod authority;
mod boot;
mod compaction;
mod connection;
mod contract;
mod cron;
mod devices;
mod digest;
mod error;
mod exec;
mod gateway;
mod guesses;
mod handshake;
mod heartbeat;
mod host;
mod http;
mod hub;
mod identity;
mod import;
mod in_process;
mod inject;
pub mod logging;
mod media;
pub mod memory;
mod methods;
mod models;
mod nodes;
mod presence;
mod publish;
mod qr;
mod recent;
mod reload;
mod rewrite;
mod router;
mod rows;
mod run_events;
mod run_task;
mod runs;
mod server;
mod settings;
mod setup;
mod shared;
mod skills;
mod start;
mod strangers;
mod submit;
mod system_events;
mod tail;
mod tailscale;
mod text;
mod toolbox;
mod transcript;
mod ui;
mod vouching;
mod watch;
mod websocket;
mod wizard;

pub use auth::AuthMode;
pub use contract::contract;
pub use devices::new_token as new_secret;
pub use error::{Holder, StartError};
pub use gateway::{Gateway, GatewayStatus, Phase};
pub use http::webchat;
pub use in_process::{InProcess, Outgoing};
pub use media::{Media, MediaError};
pub use models::default_model;
pub use publish::{Published, release_route};
pub use qr::qr_code;
pub use setup::{Listen, Lock, Options, Running};
pub use start::Builder;
pub use tail::Tail;
pub use text::hides;
pub use watch::FileWatch;
