//! What the configuration says of heartbeats.

use std::time::Duration;

use clawdbot_config::{ActiveHours, HeartbeatConfig, minutes_of_day};
use jiff::Zoned;
use jiff::tz::TimeZone;

use crate::settings::Settings;

/// What an agent is asked unless the configuration says otherwise.
const PROMPT: &str = "This is a heartbeat: nobody has written to you. Look into HEARTBEAT.md of your \
    workspace, if there is one, and do what it asks for now. Do not go on with old tasks or repeat \
    what was already said. If nothing needs the user's attention, answer exactly HEARTBEAT_OK.";
/// Characters beside an acknowledgement that do not make it an answer.
const ACK_MAX_CHARS: u32 = 300;

/// One agent's heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heartbeat {
    pub(crate) agent_id: String,
    /// The time between two; `None` when it beats only when it is nudged.
    pub(crate) period: Option<Duration>,
    pub(crate) prompt: String,
    pub(crate) ack_max_chars: u32,
    pub(crate) model: Option<String>,
    active_hours: Option<ActiveHours>,
}

/// The agents whose heart beats by itself.
pub(crate) fn all(settings: &Settings) -> Vec<Heartbeat> {
    let configured = settings.config().agents.heartbeats();
    configured.into_iter().map(|(id, config)| heartbeat(id, Some(config))).collect()
}

/// One agent's heartbeat, which may beat only when it is nudged.
pub(crate) fn of(settings: &Settings, agent_id: &str) -> Heartbeat {
    let own = settings.config().agents.heartbeats().into_iter().find(|(id, _)| id == agent_id);
    heartbeat(agent_id.to_owned(), own.map(|(_, config)| config))
}

fn heartbeat(agent_id: String, config: Option<HeartbeatConfig>) -> Heartbeat {
    let period = config.as_ref().and_then(HeartbeatConfig::period);
    let config = config.unwrap_or_default();
    Heartbeat {
        agent_id,
        period,
        prompt: config.prompt.unwrap_or_else(|| PROMPT.to_owned()),
        ack_max_chars: config.ack_max_chars.unwrap_or(ACK_MAX_CHARS),
        model: config.model.filter(|model| !model.is_empty()),
        active_hours: config.active_hours,
    }
}

impl Heartbeat {
    /// Whether it may beat at this time of day. A time zone nobody knows counts as the computer's.
    pub(crate) fn is_active(&self, now: &Zoned, user_zone: Option<&str>) -> bool {
        let Some(hours) = &self.active_hours else { return true };
        let zone = match hours.timezone.as_deref() {
            Some("local") => None,
            None | Some("user") => user_zone,
            zone => zone,
        };
        let zone = zone.and_then(|zone| TimeZone::get(zone).ok()).unwrap_or_else(TimeZone::system);
        let time = now.with_time_zone(zone).time();
        let minute =
            u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs());
        let at = |text: &Option<String>, unset| {
            text.as_deref().and_then(minutes_of_day).unwrap_or(unset)
        };
        let (start, end) = (at(&hours.start, 0), at(&hours.end, 24 * 60));
        match start <= end {
            true => (start..end).contains(&minute) || start == end,
            false => minute >= start || minute < end,
        }
    }
}

/// A period as the configuration writes it.
pub(super) fn words(period: Option<Duration>) -> String {
    let seconds = period.map_or(0, |period| period.as_secs());
    match seconds {
        0 => "0m".to_owned(),
        _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn active(start: &str, end: &str, zone: &str, now: &str) -> bool {
        let hours = ActiveHours {
            start: Some(start.into()),
            end: Some(end.into()),
            timezone: Some(zone.into()),
        };
        let config = HeartbeatConfig { active_hours: Some(hours), ..HeartbeatConfig::default() };
        let now: jiff::Timestamp = now.parse().unwrap();
        heartbeat("main".into(), Some(config))
            .is_active(&now.to_zoned(TimeZone::UTC), Some("Asia/Tokyo"))
    }

    #[test]
    fn hours_are_those_of_the_zone_in_summer_and_winter() {
        let paris = |now| active("08:00", "22:00", "Europe/Paris", now);
        assert!(paris("2026-07-01T06:30:00Z"), "08:30 in summer");
        assert!(!paris("2026-12-01T06:30:00Z"), "07:30 in winter");
        assert!(!paris("2026-07-01T20:00:00Z"), "22:00 is over");
        assert!(active("08:00", "22:00", "user", "2026-07-01T00:00:00Z"), "09:00 in Tokyo");
    }

    #[test]
    fn hours_may_go_past_midnight_and_to_the_end_of_the_day() {
        assert!(active("22:00", "06:00", "UTC", "2026-07-01T23:00:00Z"));
        assert!(active("22:00", "06:00", "UTC", "2026-07-01T05:59:00Z"));
        assert!(!active("22:00", "06:00", "UTC", "2026-07-01T12:00:00Z"));
        assert!(active("08:00", "24:00", "UTC", "2026-07-01T23:59:00Z"));
    }

    #[test]
    fn periods_are_written_as_they_are_configured() {
        let words = |seconds| words(Some(Duration::from_secs(seconds)));
        assert_eq!([words(1800), words(7200), words(90)], ["30m", "2h", "90s"]);
    }
}
