//! What a session has come to, in words for people.

use std::time::Duration;

use clawdbot_client::ConnectError;
use clawdbot_remote::ssh::{SshError, Status, Trouble, Tunnel};

use super::{Session, SessionEvent};
use crate::connection::vault::VaultError;
use crate::connection::words::{self, Request, States};
use crate::host::{Away, Failure};
use crate::words::{Said, Words};

/// How long `ssh` may take to say why it could not reach the gateway's port.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The code of a device that waits to be let in.
pub(crate) const PAIRING: &str = "PAIRING_REQUIRED";

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
    pub(crate) fn told(&self) -> Failure {
        match self {
            Self::Ssh(error) => Failure::new(error.code(), |said| words::of_ssh(error, said)),
            Self::Vault(error) => Failure::new(error.code(), |said| words::of_vault(error, said)),
        }
    }
}

impl Session {
    /// What a gateway that did not let this app in comes to.
    pub(super) async fn refused(&mut self, error: ConnectError) -> SessionEvent {
        if let Some(request) = Request::of(&error) {
            return self.asked(request, &error);
        }
        if matches!(
            error,
            ConnectError::Refused { .. } | ConnectError::Tls { .. } | ConnectError::Address(_)
        ) {
            tracing::warn!(code = error.code(), %error, "the remote gateway cannot be used");
            let failure =
                Failure::new(error.code(), |language| words::of_connect(&error, language));
            return SessionEvent::Failed(failure);
        }
        let trouble = trouble_behind(self.tunnel.as_ref()).await;
        let said = Said::of(|language| Words {
            headline: States::of(language).no_answer.to_owned(),
            ..match &trouble {
                Some(trouble) => words::of_tunnel(trouble, language),
                None => words::of_connect(&error, language),
            }
        });
        self.pause = Some(self.delays.next_delay());
        SessionEvent::Away(Away {
            code: Some(error.code().to_owned()),
            said,
            ..self.away("waiting")
        })
    }

    /// A person has to let this device in there. As long as it is the same request, they may still
    /// do so; asking on after a refusal would never end.
    fn asked(&mut self, request: Request, error: &ConnectError) -> SessionEvent {
        if self.request.as_ref().is_some_and(|before| *before != request) {
            return SessionEvent::Failed(Failure::new("PAIRING_DECLINED", |language| {
                words::of_declined(&request, language)
            }));
        }
        self.request = Some(request);
        self.pause = Some(self.delays.next_delay());
        SessionEvent::Away(Away {
            code: Some(PAIRING.to_owned()),
            said: Said::of(|language| words::of_connect(error, language)),
            ..self.away("waiting")
        })
    }

    pub(super) fn of_tunnel(&self, status: Status) -> SessionEvent {
        match status {
            Status::Failed(trouble) => {
                SessionEvent::Failed(Failure::new(trouble.code(), |language| {
                    words::of_tunnel(&trouble, language)
                }))
            }
            Status::Waiting { trouble, .. } => SessionEvent::Away(Away {
                code: Some(trouble.code().to_owned()),
                said: Said::of(|language| Words {
                    headline: States::of(language).tunnel_down.to_owned(),
                    ..words::of_tunnel(&trouble, language)
                }),
                ..self.away("waiting")
            }),
            Status::Paused => SessionEvent::Away(Away {
                said: Said::of(|language| Words {
                    remedy: Some(States::of(language).connect_again.to_owned()),
                    ..Words::state(States::of(language).paused)
                }),
                ..self.away("paused")
            }),
            Status::Connecting | Status::Up { .. } => SessionEvent::Away(self.away("connecting")),
        }
    }

    pub(super) fn away(&self, phase: &'static str) -> Away {
        Away {
            phase,
            said: Said::of(|language| Words::state(States::of(language).connecting)),
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
