//! What helps when something is wrong: the chain from the window to the model, the end of the log,
//! and a bundle of files without secrets.

mod bundle;
mod chain;
pub(crate) mod commands;
mod error;

pub(crate) use self::error::DiagnosticsError;
