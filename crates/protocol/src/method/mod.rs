//! Parameters and results of the methods, one type each, one file per area (protocol §13, §14).

mod agent;
mod agents;
mod branch;
mod catalog;
mod channels;
mod chat;
mod config;
mod devices;
mod exec;
mod host;
mod nodes;
mod sessions;
mod skills;
mod system;
mod talk;
mod update;
mod usage;
mod wizard;

pub use agent::*;
pub use agents::*;
pub use branch::*;
pub use catalog::*;
pub use channels::*;
pub use chat::*;
pub use config::*;
pub use devices::*;
pub use exec::*;
pub use host::*;
pub use nodes::*;
pub use sessions::*;
pub use skills::*;
pub use system::*;
pub use talk::*;
pub use update::*;
pub use usage::*;
pub use wizard::*;
