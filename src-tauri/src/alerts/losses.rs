//! When the loss of a remote gateway is worth telling: pure, so that it can be tested.

use std::time::Duration;

use tokio::time::Instant;

use crate::connection::Mode;
use crate::host::{Away, HostState};

/// A loss that is over sooner says nothing.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The connection to a remote gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// There is none, or not yet, or the person ended it.
    Off,
    Up,
    Down,
    /// Down until a person acts, whether it ever was up or not; a gateway here that cannot start.
    Stuck,
}

/// What is worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    Lost,
    /// It never was there, and only a person can change that.
    Stuck,
    Back,
}

/// What became of the connection so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Losses {
    #[default]
    Off,
    Up,
    /// Down since then, and nothing was said.
    Down(Instant),
    Told,
}

impl Link {
    pub(super) fn of(state: &HostState, mode: Mode) -> Self {
        match state {
            HostState::Failed(_) => Self::Stuck,
            _ if mode == Mode::Local => Self::Off,
            HostState::Running(_) => Self::Up,
            HostState::Away(Away { phase: "paused", .. })
            | HostState::Starting
            | HostState::Stopped => Self::Off,
            HostState::Away(_) => Self::Down,
        }
    }
}

impl Losses {
    /// Takes in how the connection is at `now`.
    pub(super) fn see(&mut self, link: Link, now: Instant) -> Option<News> {
        let (next, news) = match (link, &*self) {
            (Link::Off, _) => (Self::Off, None),
            (Link::Up, Self::Told) => (Self::Up, Some(News::Back)),
            (Link::Up, _) => (Self::Up, None),
            (Link::Stuck, Self::Off) => (Self::Told, Some(News::Stuck)),
            // What was never there is not lost.
            (Link::Down, Self::Off) => return None,
            (Link::Down | Link::Stuck, Self::Up) => (Self::Down(now), None),
            (Link::Down | Link::Stuck, Self::Down(since)) if now - *since >= PATIENCE => {
                (Self::Told, Some(News::Lost))
            }
            (Link::Down | Link::Stuck, Self::Down(_) | Self::Told) => return None,
        };
        *self = next;
        news
    }

    /// When to look again although nothing has happened.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Self::Down(since) => Some(*since + PATIENCE),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Link::{Down, Off, Stuck, Up};

    /// The news of what is seen at these seconds.
    fn news(seen: &[(u64, Link)]) -> Vec<(u64, News)> {
        let start = Instant::now();
        let mut losses = Losses::default();
        let seen = seen.iter().filter_map(|(second, link)| {
            Some((*second, losses.see(*link, start + Duration::from_secs(*second))?))
        });
        seen.collect()
    }

    #[test]
    fn a_loss_is_told_once_and_so_is_its_end() {
        let seen = [(0, Up), (1, Down), (5, Down), (11, Down), (12, Down), (40, Down), (50, Up)];
        assert_eq!(news(&seen), [(11, News::Lost), (50, News::Back)]);
        let again = [(0, Up), (1, Down), (11, Down), (20, Up), (21, Down), (31, Down)];
        assert_eq!(news(&again), [(11, News::Lost), (20, News::Back), (31, News::Lost)]);
    }

    #[test]
    fn a_short_loss_says_nothing() {
        assert_eq!(news(&[(0, Up), (1, Down), (10, Down), (10, Up), (11, Down), (20, Up)]), []);
    }

    #[test]
    fn what_never_was_or_was_ended_is_not_lost() {
        assert_eq!(news(&[(0, Off), (1, Down), (60, Down), (61, Up)]), []);
        assert_eq!(news(&[(0, Up), (1, Off), (2, Down), (60, Down)]), []);
        assert_eq!(news(&[(0, Up), (1, Down), (5, Off), (60, Down)]), []);
    }

    #[test]
    fn what_never_came_up_and_needs_a_person_is_told_once() {
        let seen = [(0, Off), (1, Down), (2, Stuck), (3, Down), (4, Stuck), (60, Stuck)];
        assert_eq!(news(&seen), [(2, News::Stuck)]);
        // Lost first, it is told as a loss.
        assert_eq!(news(&[(0, Up), (1, Stuck), (11, Stuck), (60, Stuck)]), [(11, News::Lost)]);
    }

    #[test]
    fn it_looks_again_when_a_loss_has_lasted() {
        let start = Instant::now();
        let mut losses = Losses::Up;
        assert_eq!(losses.due(), None);
        losses.see(Down, start);
        assert_eq!(losses.due(), Some(start + PATIENCE));
    }

    #[test]
    fn only_a_remote_gateway_has_a_connection() {
        let lost = HostState::Away(Away { phase: "connecting", ..Away::default() });
        let ended = HostState::Away(Away { phase: "paused", ..Away::default() });
        assert_eq!(Link::of(&lost, Mode::Local), Off);
        assert_eq!(Link::of(&lost, Mode::Ssh), Down);
        assert_eq!(Link::of(&ended, Mode::Direct), Off);
        assert_eq!(Link::of(&HostState::Starting, Mode::Ssh), Off);
    }
}
