//! Exit codes: 0 done, 1 failed, 2 wrong usage, 64 configuration, 69 unavailable, 77 permission.

use std::process::ExitCode;

use clawdbot_client::{ConnectError, RequestError};
use clawdbot_config::{ConfigError, PathsError};
use clawdbot_gateway::StartError;
use clawdbot_protocol::{ErrorCode, RpcError};
use clawdbot_service::ServiceError;

use crate::onboard::MoveError;
use crate::out;
use crate::service::Situation;
use crate::tunnel::TunnelError;

pub(crate) const FAILED: u8 = 1;
const USAGE: u8 = 2;
pub(crate) const CONFIGURATION: u8 = 64;
pub(crate) const UNAVAILABLE: u8 = 69;
pub(crate) const PERMISSION: u8 = 77;

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
    if let Some(ConnectError::Refused { error, .. }) = error.downcast_ref::<ConnectError>()
        && let Some(request) = waiting(error)
    {
        out::error(format_args!(
            "Let this device in on the gateway's computer: clawdbot devices approve {request}"
        ));
    }
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
    if let Some(error) = error.downcast_ref::<RequestError>() {
        return request(error);
    }
    if let Some(error) = error.downcast_ref::<ServiceError>() {
        return match error {
            ServiceError::NoManager { .. } => UNAVAILABLE,
            ServiceError::Foreign { .. } | ServiceError::File { .. } => PERMISSION,
            _ => FAILED,
        };
    }
    if let Some(Situation::NotAdministrator) = error.downcast_ref::<Situation>() {
        return PERMISSION;
    }
    if error.is::<Unavailable>() || error.is::<Situation>() {
        return UNAVAILABLE;
    }
    if error.is::<Usage>() {
        return USAGE;
    }
    if let Some(error) = error.downcast_ref::<TunnelError>() {
        return error.exit_code();
    }
    if let Some(error) = error.downcast_ref::<MoveError>() {
        return error.exit_code();
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

/// What a running gateway said. Generation 3 names a missing scope in its words only.
fn request(error: &RequestError) -> u8 {
    match error {
        RequestError::Refused(error) => match error.code {
            ErrorCode::Forbidden | ErrorCode::NotPaired => PERMISSION,
            ErrorCode::InvalidRequest if error.message.starts_with("missing scope") => PERMISSION,
            ErrorCode::Unavailable => UNAVAILABLE,
            _ => FAILED,
        },
        RequestError::Timeout { .. } | RequestError::Closed(_) => UNAVAILABLE,
        RequestError::Params(_) | RequestError::TooBig { .. } | RequestError::Busy => FAILED,
    }
}

/// Nobody answers where somebody was expected.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unavailable(pub(crate) String);

/// What a check has left open.
#[derive(Debug, thiserror::Error)]
#[error("{0} to look at")]
pub(crate) struct Faults(pub(crate) usize);

/// Arguments that say nothing together with where the command runs.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) &'static str);

/// The request of a device that has to be let in first.
fn waiting(error: &RpcError) -> Option<String> {
    let request = error.details.as_ref()?.get("requestId")?.as_str()?;
    Some(crate::text::short(request, 64))
}
