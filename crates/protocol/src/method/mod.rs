//! Parameters and results of the methods, one type each, one file per area (protocol §13, §14).

mod agent;
mod catalog;
mod chat;
mod config;
mod cron;
mod cron_calls;
mod sessions;
mod system;
mod wake;

pub use agent::*;
pub use catalog::*;
pub use chat::*;
pub use config::*;
pub use cron::*;
pub use cron_calls::*;
pub use sessions::*;
pub use system::*;
pub use wake::*;
