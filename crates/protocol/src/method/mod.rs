//! Parameters and results of the methods, one type each, one file per area (protocol §13, §14).

mod agent;
mod agents;
mod catalog;
mod channels;
mod chat;
mod config;
mod host;
mod sessions;
mod skills;
mod system;
mod talk;
mod update;
mod wizard;

pub use agent::*;
pub use agents::*;
pub use catalog::*;
pub use channels::*;
pub use chat::*;
pub use config::*;
pub use host::*;
pub use sessions::*;
pub use skills::*;
pub use system::*;
pub use talk::*;
pub use update::*;
pub use wizard::*;
