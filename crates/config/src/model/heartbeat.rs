use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

/// How often an agent looks after things by itself: `agents.defaults.heartbeat`, or the `heartbeat`
/// block of one agent, whose settings come first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HeartbeatConfig {
    /// The time between two heartbeats, for example `30m` or `1h`; `0m` turns them off. 30 minutes
    /// when unset.
    pub every: Option<String>,
    /// The hours in which heartbeats happen; always when unset.
    pub active_hours: Option<ActiveHours>,
    /// The model that is asked, as `provider/model`; the agent's when unset.
    pub model: Option<String>,
    /// What the agent is asked.
    pub prompt: Option<String>,
    /// An acknowledgement with at most this many characters beside it is not shown; 300 when unset.
    pub ack_max_chars: Option<u32>,
}

/// Hours of the day, `HH:MM`. An end before the start is on the next day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ActiveHours {
    /// From here on; midnight when unset.
    pub start: Option<String>,
    /// Until here; `24:00` when unset.
    pub end: Option<String>,
    /// An IANA time zone, `local` for the computer's, or `user` for `agents.defaults.userTimezone`.
    pub timezone: Option<String>,
}

impl HeartbeatConfig {
    /// The time between two heartbeats; `None` when they are off.
    pub fn period(&self) -> Option<Duration> {
        let every = self.every.as_deref().and_then(parse_duration);
        let every = every.unwrap_or(Duration::from_secs(30 * 60));
        (!every.is_zero()).then_some(every)
    }

    /// These settings, and those of `other` where these say nothing.
    pub fn or(self, other: &Self) -> Self {
        Self {
            every: self.every.or_else(|| other.every.clone()),
            active_hours: self.active_hours.or_else(|| other.active_hours.clone()),
            model: self.model.or_else(|| other.model.clone()),
            prompt: self.prompt.or_else(|| other.prompt.clone()),
            ack_max_chars: self.ack_max_chars.or(other.ack_max_chars),
        }
    }
}

/// A whole number with `ms`, `s`, `m`, `h` or `d`; minutes without a unit.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "" | "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(millis)?))
}

/// Minutes after midnight of `HH:MM`, up to `24:00`.
pub fn minutes_of_day(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let total = hours.checked_mul(60)?.checked_add(minutes)?;
    (minutes < 60 && total <= 24 * 60).then_some(total)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn durations_have_a_unit_or_are_minutes() {
        let seconds = |text| parse_duration(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("30m"), Some(1800));
        assert_eq!(seconds("30"), Some(1800));
        assert_eq!(seconds("2h"), Some(7200));
        assert_eq!(seconds("1d"), Some(86_400));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        for wrong in ["", "m", "soon", "-5m", "1.5h", "5 weeks", "99999999999999999999m"] {
            assert_eq!(parse_duration(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn agents_with_a_block_of_their_own_are_the_only_ones_and_take_the_rest_from_the_defaults() {
        let beats = |config: serde_json::Value| -> Vec<(String, Option<String>, Option<u32>)> {
            let config: crate::Config = serde_json::from_value(config).unwrap();
            let all = config.agents.heartbeats().into_iter();
            all.map(|(id, heartbeat)| (id, heartbeat.every, heartbeat.ack_max_chars)).collect()
        };
        let defaults = json!({"heartbeat": {"every": "1h", "ackMaxChars": 10}});
        let list = json!([{"id": "main"}, {"id": "scout", "heartbeat": {"every": "5m"}}]);
        assert_eq!(beats(json!({})), []);
        assert_eq!(
            beats(json!({"agents": {"defaults": defaults}})),
            [("main".into(), Some("1h".into()), Some(10))]
        );
        assert_eq!(
            beats(json!({"agents": {"defaults": defaults, "list": list}})),
            [("scout".into(), Some("5m".into()), Some(10))]
        );
    }

    #[test]
    fn a_day_ends_at_24_00() {
        assert_eq!(minutes_of_day("08:30"), Some(510));
        assert_eq!(minutes_of_day("24:00"), Some(1440));
        for wrong in ["", "8", "24:01", "12:60", "-1:00"] {
            assert_eq!(minutes_of_day(wrong), None, "{wrong:?}");
        }
    }
}
