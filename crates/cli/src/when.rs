//! Moments as people say them.

use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};
use jiff::{SignedDuration, Span, SpanRound, Timestamp, Unit};

/// `5m ago`, `in 2h`, `now`; nothing for no moment.
pub(crate) fn relative(ms: Option<i64>) -> String {
    let then = ms.filter(|ms| *ms > 0).and_then(|ms| Timestamp::from_millisecond(ms).ok());
    then.map(|then| from(then, Timestamp::now())).unwrap_or_default()
}

/// `3h`: the largest unit alone.
pub(crate) fn lasting(ms: i64) -> String {
    let duration = SignedDuration::from_millis(ms).abs();
    let unit = match duration.as_secs() {
        0..60 => Unit::Second,
        60..3_600 => Unit::Minute,
        3_600..86_400 => Unit::Hour,
        _ => Unit::Day,
    };
    let round = SpanRound::new().largest(unit).smallest(unit).days_are_24_hours();
    let span = Span::try_from(duration).and_then(|span| span.round(round)).unwrap_or_default();
    SpanPrinter::new().designator(Designator::Compact).spacing(Spacing::None).span_to_string(&span)
}

fn from(then: Timestamp, now: Timestamp) -> String {
    let ms = then.duration_since(now).as_millis();
    let ms = i64::try_from(ms).unwrap_or_default();
    match ms {
        -999..=999 => "now".to_owned(),
        ..-999 => format!("{} ago", lasting(ms)),
        _ => format!("in {}", lasting(ms)),
    }
}

/// Milliseconds of a moment written as `2026-01-31T08:00:00Z`, `2026-01-31 08:00` (this computer's
/// time) or as a time from now such as `20m`.
pub(crate) fn moment(text: &str) -> Result<i64, String> {
    if let Ok(span) = duration(text) {
        return Ok(Timestamp::now().as_millisecond() + span);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.as_millisecond());
    }
    let here = text
        .parse::<jiff::civil::DateTime>()
        .and_then(|at| at.to_zoned(jiff::tz::TimeZone::system()));
    here.map(|at| at.timestamp().as_millisecond()).map_err(|_| {
        "not a moment; write for example 20m, 2026-01-31T08:00 or 2026-01-31T08:00:00Z".to_owned()
    })
}

/// Milliseconds of a duration written as `90s`, `15m`, `2h` or `1d`.
pub(crate) fn duration(text: &str) -> Result<i64, String> {
    let wrong = || "not a duration; write for example 90s, 15m, 2h or 1d".to_owned();
    let span: Span = text.parse().map_err(|_| wrong())?;
    let round = SpanRound::new().largest(Unit::Hour).days_are_24_hours();
    let span = span.round(round).map_err(|_| wrong())?;
    let ms = SignedDuration::try_from(span).map_err(|_| wrong())?.as_millis();
    i64::try_from(ms).ok().filter(|ms| *ms > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_said_in_their_largest_unit() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        for (then, said) in [
            ("2026-03-01T12:00:00.4Z", "now"),
            ("2026-03-01T11:59:20Z", "40s ago"),
            ("2026-03-01T10:10:00Z", "2h ago"),
            ("2026-02-27T12:00:00Z", "2d ago"),
            ("2026-03-01T12:05:00Z", "in 5m"),
        ] {
            assert_eq!(from(then.parse().unwrap(), now), said, "{then}");
        }
        assert_eq!(relative(None), "");
    }

    #[test]
    fn durations_are_positive_and_have_a_unit() {
        assert_eq!(duration("15m"), Ok(900_000));
        assert_eq!(duration("1d"), Ok(86_400_000));
        assert_eq!(duration("1h 30m"), Ok(5_400_000));
        for wrong in ["", "15", "-5m", "0s", "soon"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert!(moment("2026-01-31T08:00:00Z").is_ok());
        assert!(moment("tomorrow").is_err());
    }
}
