//! Parameters and results of the methods, one type each, one file per area (protocol §13, §14).

mod agent;
mod branch;
mod catalog;
mod chat;
mod config;
mod cron;
mod cron_calls;
mod devices;
mod exec;
mod nodes;
mod sessions;
mod system;
mod usage;
mod wake;

pub use agent::*;
pub use branch::*;
pub use catalog::*;
pub use chat::*;
pub use config::*;
pub use cron::*;
pub use cron_calls::*;
pub use devices::*;
pub use exec::*;
pub use nodes::*;
pub use sessions::*;
pub use system::*;
pub use usage::*;
pub use wake::*;
