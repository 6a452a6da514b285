//! Parameters and results of the methods, one type each, one file per area (protocol §13, §14).

mod agent;
mod catalog;
mod chat;
mod config;
mod devices;
mod nodes;
mod sessions;
mod system;

pub use agent::*;
pub use catalog::*;
pub use chat::*;
pub use config::*;
pub use devices::*;
pub use nodes::*;
pub use sessions::*;
pub use system::*;
