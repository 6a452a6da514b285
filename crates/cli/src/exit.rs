//! Exit codes: 0 done, 1 failed, 2 wrong usage, 64 configuration, 69 unavailable, 77 permission.

use std::process::ExitCode;

use clawdbot_client::ConnectError;
use clawdbot_config::{ConfigError, PathsError};
use clawdbot_gateway::StartError;

use crate::out;

const FAILED: u8 = 1;
const CONFIGURATION: u8 = 64;
const UNAVAILABLE: u8 = 69;
const PERMISSION: u8 = 77;

/// Prints the whole chain and picks the code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    out::error(text);
    ExitCode::from(code(error))
}

fn code(error: &anyhow::Error) -> u8 {
    if let Some(error) = error.downcast_ref::<StartError>() {
        return match error {
            StartError::PortTaken { .. }
            | StartError::AlreadyRunning { .. }
            | StartError::Bind { .. } => UNAVAILABLE,
            StartError::Paths(error) => paths(error),
            StartError::Store(_) | StartError::Lock { .. } => FAILED,
            _ => CONFIGURATION,
        };
    }
    if let Some(error) = error.downcast_ref::<ConnectError>() {
        return match error {
            ConnectError::Refused { .. } => PERMISSION,
            _ => UNAVAILABLE,
        };
    }
    if error.is::<ConfigError>() {
        return CONFIGURATION;
    }
    error.downcast_ref::<PathsError>().map_or(FAILED, paths)
}

fn paths(error: &PathsError) -> u8 {
    match error {
        PathsError::WorldWritable { .. } | PathsError::ForeignOwner { .. } => PERMISSION,
        _ => CONFIGURATION,
    }
}
