//! What a session has come to, in words for people.

use std::time::Duration;

use clawdbot_client::ConnectError;
use clawdbot_remote::ssh::{SshError, Status, Trouble, Tunnel};

use super::{Session, SessionEvent};
use crate::connection::vault::VaultError;
use crate::connection::words::{self, States, Words};
use crate::host::{Away, Failure};
use crate::settings::Language;

/// How long `ssh` may take to say why it could not reach the gateway's port.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Why a session cannot even begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error(transparent)]
    Ssh(#[from] SshError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl SessionError {
    /// Whether it may come right without anybody telling the app.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Vault(VaultError::Silent))
    }

    /// The failure it is for people.
    pub(crate) fn told(&self, language: Language) -> Failure {
        match self {
            Self::Ssh(error) => Failure::told(error.code(), words::of_ssh(error, language)),
            Self::Vault(error) => Failure::told(error.code(), words::of_vault(error, language)),
        }
    }
}

impl Session {
    /// What a gateway that did not let this app in comes to.
    pub(super) async fn refused(&mut self, error: ConnectError) -> SessionEvent {
        if matches!(
            error,
            ConnectError::Refused { .. } | ConnectError::Tls { .. } | ConnectError::Address(_)
        ) {
            tracing::warn!(code = error.code(), %error, "the remote gateway cannot be used");
            let words = words::of_connect(&error, self.language);
            return SessionEvent::Failed(Failure::told(error.code(), words));
        }
        let Words { message, remedy, .. } = match trouble_behind(self.tunnel.as_ref()).await {
            Some(trouble) => words::of_tunnel(&trouble, self.language),
            None => words::of_connect(&error, self.language),
        };
        self.pause = Some(self.delays.next_delay());
        SessionEvent::Away(Away {
            code: Some(error.code().to_owned()),
            headline: self.states().no_answer.to_owned(),
            message,
            remedy,
            ..self.away("waiting")
        })
    }

    fn states(&self) -> &'static States {
        States::of(self.language)
    }

    pub(super) fn of_tunnel(&self, status: Status) -> SessionEvent {
        match status {
            Status::Failed(trouble) => {
                let words = words::of_tunnel(&trouble, self.language);
                SessionEvent::Failed(Failure::told(trouble.code(), words))
            }
            Status::Waiting { trouble, .. } => {
                let Words { message, remedy, .. } = words::of_tunnel(&trouble, self.language);
                SessionEvent::Away(Away {
                    code: Some(trouble.code().to_owned()),
                    headline: self.states().tunnel_down.to_owned(),
                    message,
                    remedy,
                    ..self.away("waiting")
                })
            }
            Status::Paused => SessionEvent::Away(Away {
                headline: self.states().paused.to_owned(),
                remedy: Some(self.states().connect_again.to_owned()),
                ..self.away("paused")
            }),
            Status::Connecting | Status::Up { .. } => SessionEvent::Away(self.away("connecting")),
        }
    }

    pub(super) fn away(&self, phase: &'static str) -> Away {
        Away {
            phase,
            headline: self.states().connecting.to_owned(),
            front_door: self.address(),
            ..Away::default()
        }
    }
}

/// Why a connection through a tunnel that is up came to nothing. `ssh` says so a moment later.
pub(crate) async fn trouble_behind(tunnel: Option<&Tunnel>) -> Option<Trouble> {
    let mut status = tunnel?.status();
    let known = status.wait_for(|now| matches!(now, Status::Up { trouble: Some(_), .. }));
    let known = tokio::time::timeout(LAST_WORDS, known).await.ok()?.ok()?.clone();
    if let Status::Up { trouble, .. } = known { trouble } else { None }
}

/// Whether the trouble with that code is the tunnel's own, not of the gateway at its end.
pub(crate) fn is_tunnel_trouble(code: &str) -> bool {
    code.starts_with("SSH_") && code != "SSH_GATEWAY_PORT"
}
