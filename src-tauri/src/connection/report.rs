//! Where Clawdbot runs and how it is, for the page and the tray.

use std::net::SocketAddr;

use serde::Serialize;

use super::target::{Mode, Wish};
use super::words::States;
use crate::host::HostState;
use crate::phrases::fill;
use crate::settings::Language;
use crate::words::{Said, Words};

/// The value of `connection_read` and of the event `connection`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    mode: Mode,
    target: Wish,
    /// Tells the gateway from others, for what the page keeps of each; empty for this computer's own.
    gateway: String,
    state: &'static str,
    code: Option<String>,
    headline: String,
    message: String,
    remedy: Option<String>,
    front_door: Option<SocketAddr>,
    attached: bool,
    holder: Option<String>,
    /// Runs that end when the gateway here does.
    runs: usize,
}

impl Report {
    pub(crate) fn of(state: &HostState, target: &Wish, language: Language) -> Self {
        let states = States::of(language);
        let mut report = Self {
            mode: target.mode,
            target: target.clone(),
            gateway: target.check().map(|target| target.name()).unwrap_or_default(),
            state: "starting",
            code: None,
            headline: states.starting.to_owned(),
            message: String::new(),
            remedy: None,
            front_door: None,
            attached: false,
            holder: None,
            runs: state.runs_here(),
        };
        match state {
            HostState::Starting | HostState::Stopped => {}
            HostState::Running(running) => {
                report.state = "ready";
                report.headline = states.ready.to_owned();
                report.front_door = running.status.address;
                report.attached = running.attached.is_some();
                let taken = running.attached.as_ref().or(running.port_taken.as_ref());
                report.holder =
                    taken.and_then(|taken| taken.holder.as_ref()).map(ToString::to_string);
                if report.attached {
                    states.attached.clone_into(&mut report.message);
                } else if let Some(taken) = &running.port_taken {
                    report.code = Some("PORT_TAKEN".to_owned());
                    report.message = fill(states.port_taken, &[&taken.port.to_string()]);
                    report.remedy = Some(states.port_taken_remedy.to_owned());
                }
            }
            HostState::Away(away) => {
                report.state = away.phase;
                report.code = away.code.clone();
                report.say(&away.said, language);
                report.front_door = away.front_door;
            }
            HostState::Failed(failure) => {
                report.state = "failed";
                report.code = Some(failure.code.clone());
                report.say(&failure.said, language);
            }
        }
        report
    }

    fn say(&mut self, said: &Said, language: Language) {
        let Words { headline, message, remedy } = said.in_language(language).clone();
        (self.headline, self.message, self.remedy) = (headline, message, remedy);
    }
}
