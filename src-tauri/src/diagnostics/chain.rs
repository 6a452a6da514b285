//! The links of the chain as the app knows them. The window measures the rest by itself.

use std::time::Duration;

use serde::Serialize;

use crate::connection::{Mode, Wish, is_tunnel_trouble};
use crate::host::{HostState, Running};
use crate::phrases::{Phrases, fill};
use crate::settings::Language;
use crate::words::Words;

/// One link between the window and the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Link {
    id: LinkId,
    state: LinkState,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Milliseconds to the far end.
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum LinkId {
    Window,
    App,
    Tunnel,
    Gateway,
    Model,
}

/// How a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum LinkState {
    Ok,
    Broken,
    /// Not part of this chain.
    Off,
    /// The window has to find out.
    Unknown,
}

/// The chain to the gateway in use; `latency` is that of a connection to a gateway elsewhere.
pub(crate) fn chain(
    host: &HostState,
    target: &Wish,
    latency: Option<Duration>,
    version: &str,
    language: Language,
) -> Vec<Link> {
    let model = Link::new(LinkId::Model, LinkState::Unknown, model(host));
    vec![
        Link::new(LinkId::Window, LinkState::Ok, None),
        Link::new(LinkId::App, LinkState::Ok, Some(version.to_owned())),
        tunnel(host, target, latency, language),
        gateway(host, target.mode, language),
        model,
    ]
}

impl Link {
    fn new(id: LinkId, state: LinkState, detail: Option<String>) -> Self {
        Self { id, state, detail, ms: None, remedy: None }
    }

    /// With the cause, or the headline where that says enough.
    fn broken(id: LinkId, words: &Words, detail: &str) -> Self {
        let remedy = words.remedy.clone();
        Self { remedy, ..Self::new(id, LinkState::Broken, Some(detail.to_owned())) }
    }
}

fn tunnel(host: &HostState, target: &Wish, latency: Option<Duration>, language: Language) -> Link {
    let link = |state, detail| Link::new(LinkId::Tunnel, state, detail);
    if target.mode != Mode::Ssh {
        return link(LinkState::Off, None);
    }
    let place = target.place().map(str::to_owned);
    match host {
        HostState::Running(_) => {
            let ms = latency.and_then(|latency| u64::try_from(latency.as_millis()).ok());
            Link { ms, ..link(LinkState::Ok, place) }
        }
        HostState::Away(away) => match away.code.as_deref() {
            Some(code) if is_tunnel_trouble(code) => {
                let words = away.said.in_language(language);
                Link::broken(LinkId::Tunnel, words, &words.message)
            }
            // It is the gateway at its end that does not answer.
            Some(_) => link(LinkState::Ok, place),
            None if away.phase == "paused" => {
                let words = away.said.in_language(language);
                Link::broken(LinkId::Tunnel, words, &words.headline)
            }
            None => link(LinkState::Unknown, place),
        },
        HostState::Failed(failure) if is_tunnel_trouble(&failure.code) => {
            let words = failure.said.in_language(language);
            Link::broken(LinkId::Tunnel, words, &words.headline)
        }
        HostState::Failed(_) => link(LinkState::Ok, place),
        HostState::Starting | HostState::Stopped => link(LinkState::Unknown, place),
    }
}

fn gateway(host: &HostState, target: Mode, language: Language) -> Link {
    let link = |state, detail| Link::new(LinkId::Gateway, state, detail);
    match host {
        HostState::Running(running) => {
            link(LinkState::Ok, Some(address(running, Phrases::of(language))))
        }
        HostState::Away(away) => match &away.code {
            Some(code) if !is_tunnel_trouble(code) => {
                let words = away.said.in_language(language);
                Link::broken(LinkId::Gateway, words, &words.message)
            }
            _ => link(LinkState::Unknown, None),
        },
        HostState::Failed(failure) if target == Mode::Ssh && is_tunnel_trouble(&failure.code) => {
            link(LinkState::Unknown, None)
        }
        HostState::Failed(failure) => {
            let words = failure.said.in_language(language);
            Link::broken(LinkId::Gateway, words, &words.headline)
        }
        HostState::Starting => link(LinkState::Unknown, None),
        HostState::Stopped => link(LinkState::Broken, None),
    }
}

/// Where browsers reach it; the window needs no port.
fn address(running: &Running, phrases: &Phrases) -> String {
    match (running.status.address, &running.port_taken) {
        (Some(address), _) => address.to_string(),
        (None, Some(taken)) => fill(phrases.window_only_taken, &[&taken.port.to_string()]),
        (None, None) => phrases.window_only.to_owned(),
    }
}

fn model(host: &HostState) -> Option<String> {
    match host {
        HostState::Running(running) => running.gateway.default_model(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json, to_value};

    use super::chain;
    use crate::connection::{Mode, Wish};
    use crate::host::{Away, Failure, HostState};
    use crate::settings::Language;
    use crate::words::{Said, Words};

    fn over_ssh(host: &HostState) -> Value {
        let target =
            Wish { mode: Mode::Ssh, ssh_target: Some("me@server".into()), ..Wish::default() };
        to_value(chain(host, &target, None, "1.2.3", Language::En)).unwrap()
    }

    fn away(code: Option<&str>) -> HostState {
        HostState::Away(Away {
            phase: "waiting",
            code: code.map(str::to_owned),
            said: Said::of(|_| Words::short("What happened.".into(), "What to do.".into())),
            ..Away::default()
        })
    }

    #[test]
    fn a_tunnel_that_is_down_is_the_broken_link() {
        let links = over_ssh(&away(Some("SSH_LOST")));
        let said = json!({
            "id": "tunnel", "state": "broken",
            "detail": "What happened.", "remedy": "What to do.",
        });
        assert_eq!(links[2], said);
        assert_eq!(links[3], json!({"id": "gateway", "state": "unknown"}));
        assert_eq!(over_ssh(&away(None))[2]["state"], "unknown");
    }

    #[test]
    fn a_gateway_that_does_not_answer_is_not_the_tunnels_fault() {
        for code in ["TIMEOUT", "SSH_GATEWAY_PORT"] {
            let links = over_ssh(&away(Some(code)));
            assert_eq!(links[2], json!({"id": "tunnel", "state": "ok", "detail": "me@server"}));
            assert_eq!(links[3]["state"], "broken", "{code}");
            assert_eq!(links[3]["remedy"], "What to do.");
        }
    }

    #[test]
    fn a_gateway_that_cannot_start_is_the_broken_link() {
        let failure = Failure::new("CONFIG_INVALID", |_| Words {
            headline: "clawdbot.json, line 3".into(),
            ..Words::short("Line 3 is wrong.".into(), "Mend line 3.".into())
        });
        let links = to_value(chain(
            &HostState::Failed(failure),
            &Wish::default(),
            None,
            "1.2.3",
            Language::En,
        ))
        .unwrap();
        assert_eq!(links[1], json!({"id": "app", "state": "ok", "detail": "1.2.3"}));
        assert_eq!(links[2], json!({"id": "tunnel", "state": "off"}));
        assert_eq!(
            links[3],
            json!({
                "id": "gateway",
                "state": "broken",
                "detail": "clawdbot.json, line 3",
                "remedy": "Mend line 3.",
            })
        );
        assert_eq!(links.as_array().unwrap().len(), 5);
    }
}
