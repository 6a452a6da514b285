//! The way to the gateway in a few words: where it is, whether it is reached, how far it is published.

use clawdbot_gateway::Published;
use clawdbot_remote::tailscale::State;

use super::view::Mark;
use crate::connection::{Mode, PAIRING, Wish, is_tunnel_trouble};
use crate::host::{Away, HostState};
use crate::phrases::{Phrases, fill};

/// Where the gateway is and how the connection to it is.
pub(super) fn line(state: &HostState, target: &Wish, phrases: &Phrases) -> String {
    let phrase = match target.mode {
        Mode::Local => return here(state, phrases),
        Mode::Ssh => phrases.over_ssh,
        Mode::Direct => phrases.at_address,
    };
    let link = match state {
        HostState::Running(_) => phrases.link_up,
        HostState::Away(Away { phase: "paused", .. }) | HostState::Stopped => phrases.link_stopped,
        HostState::Away(away) if is_tunnel(away) => phrases.link_tunnel_down,
        HostState::Away(away) if is_asking(away) => phrases.link_to_be_let_in,
        HostState::Away(Away { phase: "waiting", .. }) => phrases.link_no_answer,
        HostState::Away(_) | HostState::Starting => phrases.link_connecting,
        HostState::Failed(_) => phrases.link_failed,
    };
    fill(phrase, &[target.place().unwrap_or_default(), link])
}

/// The icon and the state of a gateway that is not there just now.
pub(super) fn away(away: &Away, mode: Mode, phrases: &Phrases) -> (Mark, &'static str) {
    match (away.phase, mode) {
        ("paused", _) => (Mark::Paused, phrases.disconnected),
        ("waiting", Mode::Local) => (Mark::Starting, phrases.waiting_for_another),
        ("waiting", _) if is_tunnel(away) => (Mark::Away, phrases.tunnel_down),
        ("waiting", _) if is_asking(away) => (Mark::Waiting, phrases.to_be_let_in),
        ("waiting", _) => (Mark::Away, phrases.no_answer),
        _ => (Mark::Starting, phrases.connecting),
    }
}

/// How far Tailscale publishes the gateway of this computer.
pub(super) fn published(published: &Published, phrases: &Phrases) -> String {
    let reach = published.reach.to_string();
    match &published.state {
        State::Published { url } => fill(phrases.published, &[&reach, url]),
        State::Claiming => fill(phrases.publishing, &[&reach]),
        State::Failed(_) => fill(phrases.not_published, &[&reach]),
    }
}

fn here(state: &HostState, phrases: &Phrases) -> String {
    let holder = match state {
        HostState::Running(running) => running.attached.as_ref(),
        _ => None,
    };
    match holder.and_then(|taken| taken.holder.as_ref()) {
        Some(holder) => fill(phrases.here_other, &[&holder.name, &holder.pid.to_string()]),
        None => phrases.here.to_owned(),
    }
}

/// Whether a person has to let this device in there.
fn is_asking(away: &Away) -> bool {
    away.code.as_deref() == Some(PAIRING)
}

fn is_tunnel(away: &Away) -> bool {
    away.phase == "waiting" && away.code.as_deref().is_some_and(is_tunnel_trouble)
}

#[cfg(test)]
mod tests {
    use clawdbot_remote::tailscale::{Reach, TailscaleError};

    use super::*;
    use crate::settings::Language;

    #[test]
    fn tailscale_says_its_address_or_that_something_is_in_the_way() {
        let phrases = Phrases::of(Language::En);
        let url = "https://box.example.ts.net/".to_owned();
        for (reach, state, line) in [
            (
                Reach::Serve,
                State::Published { url },
                "Tailscale Serve: https://box.example.ts.net/",
            ),
            (Reach::Funnel, State::Claiming, "Tailscale Funnel: being set up"),
            (
                Reach::Serve,
                State::Failed(TailscaleError::NotInstalled),
                "Tailscale Serve: not published, see Settings",
            ),
        ] {
            assert_eq!(published(&Published { reach, state }, phrases), line);
        }
    }
}
