//! What is said about the connection, in the person's language: worked out from what happened, never
//! from a sentence about it.

mod en;
mod es;
mod fr;

use std::io::{self, ErrorKind};

use clawdbot_client::{ConnectError, Distrust, NotAGateway};
use clawdbot_config::EditError;
use clawdbot_protocol::ErrorCode;
use clawdbot_remote::ssh::{SshError, Trouble};
use clawdbot_remote::tailscale::TailscaleError;

use super::target::TargetError;
use super::vault::VaultError;
use crate::host::HolderError;
use crate::phrases::fill;
use crate::settings::Language;
use crate::words::Words;

/// States that are no trouble, or only a little.
pub(crate) struct States {
    pub(crate) starting: &'static str,
    pub(crate) ready: &'static str,
    pub(crate) connecting: &'static str,
    pub(crate) paused: &'static str,
    pub(crate) connect_again: &'static str,
    pub(crate) tunnel_down: &'static str,
    pub(crate) no_answer: &'static str,
    pub(crate) waiting: &'static str,
    pub(crate) waiting_because: &'static str,
    pub(crate) waiting_remedy: &'static str,
    pub(crate) attached: &'static str,
    /// `{}` is the port.
    pub(crate) port_taken: &'static str,
    pub(crate) port_taken_remedy: &'static str,
}

impl States {
    pub(crate) fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &en::STATES,
            Language::Fr => &fr::STATES,
            Language::Es => &es::STATES,
        }
    }
}

/// Of a tunnel that broke.
pub(crate) fn of_tunnel(trouble: &Trouble, language: Language) -> Words {
    let (message, remedy) = match language {
        Language::En => (trouble.to_string(), trouble.remedy()),
        Language::Fr => fr::tunnel(trouble),
        Language::Es => es::tunnel(trouble),
    };
    Words::short(message, remedy)
}

/// Of a tunnel that cannot even be tried.
pub(crate) fn of_ssh(error: &SshError, language: Language) -> Words {
    let (message, remedy) = match language {
        Language::En => en::ssh(error),
        Language::Fr => fr::ssh(error),
        Language::Es => es::ssh(error),
    };
    Words::short(message, remedy.to_owned())
}

/// Of a gateway that does not let this app in, or is none.
pub(crate) fn of_connect(error: &ConnectError, language: Language) -> Words {
    let cause = Cause::of(error);
    let (headline, message, remedy) = match language {
        Language::En => en::connect(error, cause),
        Language::Fr => fr::connect(error, cause),
        Language::Es => es::connect(error, cause),
    };
    let remedy = match Request::of(error) {
        Some(request) => fill(remedy, &[&request.0]),
        None => remedy.to_owned(),
    };
    Words { headline: headline.to_owned(), message, remedy: Some(remedy) }
}

/// Of a device that was not let in although it had asked.
pub(crate) fn of_declined(request: &Request, language: Language) -> Words {
    let (headline, message, remedy) = match language {
        Language::En => en::DECLINED,
        Language::Fr => fr::DECLINED,
        Language::Es => es::DECLINED,
    };
    Words {
        headline: headline.to_owned(),
        message: message.to_owned(),
        remedy: Some(fill(remedy, &[&request.0])),
    }
}

/// Of a target that is written wrongly.
pub(crate) fn of_target(error: &TargetError, language: Language) -> Words {
    let (message, remedy) = match language {
        Language::En => (error.to_string(), "Correct it in the connection settings."),
        Language::Fr => fr::target(error),
        Language::Es => es::target(error),
    };
    Words::short(message, remedy.to_owned())
}

/// Of secrets that are neither known nor kept.
pub(crate) fn of_vault(error: &VaultError, language: Language) -> Words {
    let (message, remedy) = match language {
        Language::En => (error.to_string(), error.remedy()),
        Language::Fr => fr::vault(error),
        Language::Es => es::vault(error),
    };
    Words::short(message, remedy.to_owned())
}

/// Of a gateway of another program that goes on.
pub(crate) fn of_holder(error: &HolderError, language: Language) -> String {
    match language {
        Language::En => error.to_string(),
        Language::Fr => fr::holder(error),
        Language::Es => es::holder(error),
    }
}

/// Of a change for which the configuration has no room.
pub(crate) fn of_edit(error: &EditError, language: Language) -> Words {
    let (message, remedy) = match language {
        Language::En => (
            format!("clawdbot.json was not changed: {error}."),
            "Mend it, or change the setting there yourself.",
        ),
        Language::Fr => fr::edit(error),
        Language::Es => es::edit(error),
    };
    Words::short(message, remedy.to_owned())
}

/// Of a configuration that cannot be written.
pub(crate) fn of_write(error: &io::Error, language: Language) -> Words {
    let (message, remedy) = match language {
        Language::En => (
            format!("clawdbot.json cannot be written: {error}."),
            "Check that there is space and that you may write there.",
        ),
        Language::Fr => fr::write(error),
        Language::Es => es::write(error),
    };
    Words::short(message, remedy.to_owned())
}

/// Of a gateway that Tailscale does not publish.
pub(crate) fn of_tailscale(error: &TailscaleError, language: Language) -> String {
    match language {
        Language::En => error.to_string(),
        Language::Fr => fr::tailscale(error),
        Language::Es => es::tailscale(error),
    }
}

/// Host and port, where the failure names them.
fn host(error: &ConnectError) -> &str {
    match error {
        ConnectError::Unreachable { host, .. }
        | ConnectError::Tls { host, .. }
        | ConnectError::Timeout { host, .. }
        | ConnectError::NotAGateway { host, .. } => host,
        ConnectError::Address(_) | ConnectError::Refused { .. } => "",
    }
}

/// What is behind a failure, as far as it makes a difference to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Address,
    /// No such name.
    Name,
    /// Nobody listens.
    Refused,
    Unreachable,
    Distrust(Distrust),
    Timeout,
    NotAGateway,
    /// What stands in front of the gateway does not reach it.
    NoneBehind,
    /// The way there leads back here.
    Circle,
    /// A token or password that is missing or wrong.
    Secret,
    /// A person has to let this device in.
    Pairing,
    Denied,
}

/// What this device asked another gateway for: to be let in. The name is that gateway's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request(String);

impl Request {
    /// `None` when a gateway refuses for another reason.
    pub(crate) fn of(error: &ConnectError) -> Option<Self> {
        let ConnectError::Refused { error, .. } = error else { return None };
        // Generation 3 has no code in the details.
        let wanted =
            error.code == ErrorCode::NotPaired || error.detail_code() == Some("PAIRING_REQUIRED");
        let id = error.details.as_ref().and_then(|details| details["requestId"].as_str());
        let id = id.unwrap_or_default().chars();
        let id = id.filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(64);
        wanted.then(|| Self(id.collect()))
    }
}

impl Cause {
    fn of(error: &ConnectError) -> Self {
        if let Some(distrust) = error.distrust() {
            return Self::Distrust(distrust);
        }
        match error {
            ConnectError::Address(_) => Self::Address,
            ConnectError::Unreachable { source, .. } => match source.kind() {
                ErrorKind::ConnectionRefused => Self::Refused,
                _ if source.raw_os_error().is_none() => Self::Name,
                _ => Self::Unreachable,
            },
            ConnectError::Tls { .. } => Self::Distrust(Distrust::NoTls),
            ConnectError::Timeout { .. } => Self::Timeout,
            ConnectError::NotAGateway { reason: NotAGateway::NoneBehind(_), .. } => {
                Self::NoneBehind
            }
            ConnectError::NotAGateway { reason: NotAGateway::Circle, .. } => Self::Circle,
            ConnectError::NotAGateway { .. } => Self::NotAGateway,
            ConnectError::Refused { .. } if Request::of(error).is_some() => Self::Pairing,
            ConnectError::Refused { error, .. } => {
                let code = error.details.as_ref().and_then(|details| details["code"].as_str());
                match code.unwrap_or_default() {
                    code if code.starts_with("AUTH_") => Self::Secret,
                    _ => Self::Denied,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clawdbot_protocol::{ErrorCode, RpcError};
    use serde_json::json;

    use super::*;

    fn unreachable(source: io::Error) -> ConnectError {
        ConnectError::Unreachable { host: "box:1".to_owned(), source }
    }

    fn refused(code: &str) -> ConnectError {
        let mut error = RpcError::new(ErrorCode::InvalidRequest, "its own words");
        error.details = Some(json!({ "code": code }));
        ConnectError::Refused { error, close: None }
    }

    #[test]
    fn a_cause_is_told_by_what_happened() {
        for (error, cause) in [
            (unreachable(ErrorKind::ConnectionRefused.into()), Cause::Refused),
            (unreachable(io::Error::other("no such name")), Cause::Name),
            (unreachable(io::Error::from_raw_os_error(113)), Cause::Unreachable),
            (refused("AUTH_TOKEN_MISMATCH"), Cause::Secret),
            (refused("PAIRING_REQUIRED"), Cause::Pairing),
            (refused("ELSE"), Cause::Denied),
        ] {
            assert_eq!(Cause::of(&error), cause);
        }
    }

    #[test]
    fn a_request_is_known_by_its_name_and_can_hold_nothing_else() {
        let named = |error: RpcError| {
            let error = ConnectError::Refused { error, close: None };
            (Request::of(&error).is_some(), of_connect(&error, Language::En).remedy.unwrap())
        };
        let mut error = RpcError::new(ErrorCode::NotPaired, "pairing required");
        error.details = Some(json!({ "requestId": "r-1\n; rm -rf" }));
        assert_eq!(
            named(error),
            (true, "Approve it there: clawdbot devices approve r-1rm-rf.".into())
        );
        assert!(!named(RpcError::new(ErrorCode::InvalidRequest, "no")).0);
    }

    #[test]
    fn everything_is_said_in_three_languages_with_one_remedy() {
        let different = |said: [Words; 3]| {
            for words in &said {
                assert!(words.remedy.as_ref().is_some_and(|remedy| remedy.ends_with(['.', '\''])));
                assert!(!words.headline.is_empty() && words.message.ends_with('.'), "{words:?}");
            }
            assert_ne!(said[0], said[1]);
            assert_ne!(said[1], said[2]);
            assert_ne!(said[0], said[2]);
        };
        for trouble in [
            Trouble::Name,
            Trouble::HostKeyUnknown { fingerprint: Some("SHA256:x".to_owned()) },
            Trouble::HostKeyChanged { removal: Some("ssh-keygen -R 'h'".to_owned()) },
            Trouble::Denied,
            Trouble::GatewayPort,
            Trouble::Lost,
        ] {
            different(Language::ALL.map(|language| of_tunnel(&trouble, language)));
        }
        for error in [unreachable(ErrorKind::ConnectionRefused.into()), refused("PAIRING_REQUIRED")]
        {
            different(Language::ALL.map(|language| of_connect(&error, language)));
        }
        let request = Request("r".to_owned());
        different(Language::ALL.map(|language| of_declined(&request, language)));
        different(Language::ALL.map(|language| of_vault(&VaultError::Locked, language)));
        different(Language::ALL.map(|language| of_target(&TargetError::NoAddress, language)));
        different(Language::ALL.map(|language| of_ssh(&SshError::NoProgram, language)));
        different(Language::ALL.map(|language| of_edit(&EditError::NotFaithful, language)));
        let denied = io::Error::from(ErrorKind::PermissionDenied);
        different(Language::ALL.map(|language| of_write(&denied, language)));
    }

    #[test]
    fn whatever_keeps_tailscale_from_publishing_is_said_in_three_languages() {
        let (url, text) = ("https://login.example/a".to_owned(), "why".to_owned());
        for (error, kept) in [
            (TailscaleError::NotInstalled, "tailscale.com/download"),
            (TailscaleError::NotSignedIn { url: Some(url.clone()) }, url.as_str()),
            (TailscaleError::NotRunning(text.clone()), "tailscale up"),
            (TailscaleError::Consent { url: url.clone() }, url.as_str()),
            (TailscaleError::Operator, "sudo tailscale set --operator=$USER"),
            (TailscaleError::Foreign(text.clone()), "tailscale serve --https=443 off"),
            (TailscaleError::Hangs(Duration::from_secs(9)), "9 s"),
            (TailscaleError::TooMuch, "tailscale"),
            (TailscaleError::Unreadable, "1.60"),
            (TailscaleError::Refused(text.clone()), "why"),
            (TailscaleError::Start(text.clone()), "why"),
        ] {
            let said = Language::ALL.map(|language| of_tailscale(&error, language));
            assert!(said.iter().all(|said| said.contains(kept)), "{said:?}");
            // What is copied is a command that the sentence names.
            let command = error.command();
            assert!(command.is_none_or(|command| said.iter().all(|said| said.contains(command))));
            assert_eq!(
                command.is_some(),
                kept.contains("tailscale ") || error.code() == "TAILSCALE_SIGNED_OUT"
            );
            for (one, other) in [(0, 1), (1, 2), (0, 2)] {
                assert_ne!(said[one], said[other]);
            }
        }
    }
}
