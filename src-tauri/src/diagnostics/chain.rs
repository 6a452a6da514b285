//! The links of the chain as the app knows them. The window measures the rest by itself.

use serde::Serialize;

use crate::connection::Mode;
use crate::host::{HostState, Running};

/// One link between the window and the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Link {
    id: LinkId,
    state: LinkState,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
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

/// The chain to the gateway in use.
pub(crate) fn chain(host: &HostState, target: Mode, version: &str) -> Vec<Link> {
    let model = Link::new(LinkId::Model, LinkState::Unknown, model(host));
    vec![
        Link::new(LinkId::Window, LinkState::Ok, None),
        Link::new(LinkId::App, LinkState::Ok, Some(version.to_owned())),
        tunnel(host, target),
        gateway(host),
        model,
    ]
}

impl Link {
    fn new(id: LinkId, state: LinkState, detail: Option<String>) -> Self {
        Self { id, state, detail, remedy: None }
    }
}

fn tunnel(host: &HostState, target: Mode) -> Link {
    let link = |state, detail| Link::new(LinkId::Tunnel, state, detail);
    match host {
        _ if target != Mode::Ssh => link(LinkState::Off, None),
        HostState::Running(_) => link(LinkState::Ok, None),
        HostState::Away(away) if away.phase != "connecting" => Link {
            remedy: away.remedy.clone(),
            ..link(LinkState::Broken, Some(away.message.clone()))
        },
        HostState::Failed(failure) if failure.code.starts_with("SSH_") => Link {
            remedy: failure.remedy.clone(),
            ..link(LinkState::Broken, Some(failure.headline.clone()))
        },
        _ => link(LinkState::Unknown, None),
    }
}

fn gateway(host: &HostState) -> Link {
    match host {
        HostState::Away(_) => Link::new(LinkId::Gateway, LinkState::Unknown, None),
        HostState::Running(running) => {
            Link::new(LinkId::Gateway, LinkState::Ok, Some(address(running)))
        }
        HostState::Starting => Link::new(LinkId::Gateway, LinkState::Unknown, None),
        HostState::Failed(failure) => Link {
            remedy: Some(failure.message.clone()),
            ..Link::new(LinkId::Gateway, LinkState::Broken, Some(failure.headline.clone()))
        },
        HostState::Stopped => Link::new(LinkId::Gateway, LinkState::Broken, None),
    }
}

/// Where browsers reach it; the window needs no port.
fn address(running: &Running) -> String {
    match (running.status.address, &running.port_taken) {
        (Some(address), _) => address.to_string(),
        (None, Some(taken)) => format!("in the window only, port {} is taken", taken.port),
        (None, None) => "in the window only".to_owned(),
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
    use serde_json::{json, to_value};

    use super::chain;
    use crate::connection::Mode;
    use crate::host::{Failure, HostState};

    #[test]
    fn a_gateway_that_cannot_start_is_the_broken_link() {
        let failure = Failure {
            code: "CONFIG_INVALID".into(),
            headline: "clawdbot.json, line 3".into(),
            message: "clawdbot.json, line 3: fix it".into(),
            remedy: None,
        };
        let links = to_value(chain(&HostState::Failed(failure), Mode::Local, "1.2.3")).unwrap();
        assert_eq!(links[1], json!({"id": "app", "state": "ok", "detail": "1.2.3"}));
        assert_eq!(links[2], json!({"id": "tunnel", "state": "off"}));
        assert_eq!(
            links[3],
            json!({
                "id": "gateway",
                "state": "broken",
                "detail": "clawdbot.json, line 3",
                "remedy": "clawdbot.json, line 3: fix it",
            })
        );
        assert_eq!(links.as_array().unwrap().len(), 5);
    }
}
