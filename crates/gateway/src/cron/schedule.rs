//! When a job runs next. Pure: the time comes in.

use clawdbot_protocol::{CronJob, CronSchedule, RpcError};
use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use sha2::{Digest as _, Sha256};

/// Shortest time between two starts of a job, however its schedule reads (DOS-09).
const MIN_GAP_MS: i64 = 10_000;
/// Pauses after one, two … failures in a row, so that a broken job does not spend for nothing.
const BACK_OFF_MS: [i64; 5] = [30_000, 60_000, 300_000, 900_000, 3_600_000];
/// A clock that was set back by less than this is left to catch up.
pub(super) const SLACK_MS: i64 = 120_000;
/// How long ago a new `at` may lie: a client's clock may be late.
const LATE_MS: i64 = 60_000;

/// Checks a schedule somebody sent and writes it down in one way: `at` as milliseconds, `every`
/// with its anchor.
pub(super) fn accept(
    schedule: CronSchedule,
    now_ms: i64,
    anchor_ms: i64,
) -> Result<CronSchedule, RpcError> {
    let schedule = canonical(schedule, anchor_ms)?;
    match &schedule {
        CronSchedule::At { at_ms, .. } => {
            let at_ms = at_ms.unwrap_or_default();
            if Timestamp::from_millisecond(at_ms).is_err() {
                return Err(RpcError::invalid("schedule.at is out of range"));
            }
            if at_ms < now_ms - LATE_MS {
                return Err(RpcError::invalid(format!(
                    "schedule.at is in the past ({}); choose a later time",
                    iso(at_ms)
                )));
            }
        }
        CronSchedule::Every { .. } => {}
        CronSchedule::Cron { expr, tz, .. } => {
            zone(tz.as_deref())?;
            let cron = parse(expr)?;
            let now = at(now_ms, zone(tz.as_deref())?)?;
            cron.find_next_occurrence(&now, false).map_err(|_| {
                RpcError::invalid(format!("schedule.expr \"{expr}\" never comes; check its day"))
            })?;
        }
    }
    Ok(schedule)
}

/// The same schedule in the one way it is kept. Does not look at the clock, so it also reads what
/// is stored.
pub(super) fn canonical(schedule: CronSchedule, anchor_ms: i64) -> Result<CronSchedule, RpcError> {
    Ok(match schedule {
        CronSchedule::At { at_ms: Some(at_ms), .. } => {
            CronSchedule::At { at_ms: Some(at_ms), at: None }
        }
        CronSchedule::At { at: Some(text), .. } => {
            CronSchedule::At { at_ms: Some(parse_iso(&text)?), at: None }
        }
        CronSchedule::At { .. } => {
            return Err(RpcError::invalid("schedule needs `at` (ISO 8601) or `atMs`"));
        }
        CronSchedule::Every { every_ms, anchor_ms: own } => {
            CronSchedule::Every { every_ms: every_ms.max(1), anchor_ms: own.or(Some(anchor_ms)) }
        }
        cron @ CronSchedule::Cron { .. } => cron,
    })
}

/// When the job runs next, seen from `now_ms`: never the moment of a run that has begun, never in
/// quick succession, later and later while it fails. `None` when it never does.
pub(super) fn plan(job: &CronJob, now_ms: i64) -> Option<i64> {
    if !job.enabled {
        return None;
    }
    let last = job.state.last_run_at_ms;
    if let CronSchedule::At { at_ms, .. } = job.schedule {
        return at_ms.filter(|at_ms| last.is_none_or(|last| last < *at_ms));
    }
    // A run that seems to lie in the future is from before the clock was set back.
    let last = last.filter(|last| *last <= now_ms.saturating_add(SLACK_MS));
    let base = last.map_or(now_ms, |last| last.max(now_ms));
    let next = next_after(job, base)?;
    let Some(last) = last else { return Some(next) };
    let failures = job.state.consecutive_errors.unwrap_or_default() as usize;
    let pause = match failures.checked_sub(1) {
        Some(index) => BACK_OFF_MS.get(index).or(BACK_OFF_MS.last()).copied().unwrap_or_default(),
        None => MIN_GAP_MS,
    };
    Some(next.max(last.saturating_add(pause)))
}

/// The first moment of the schedule after `base_ms`.
fn next_after(job: &CronJob, base_ms: i64) -> Option<i64> {
    match &job.schedule {
        CronSchedule::At { at_ms, .. } => *at_ms,
        CronSchedule::Every { every_ms, anchor_ms } => {
            let anchor = anchor_ms.unwrap_or(job.created_at_ms);
            // An anchor after the job was made is its first run; any other only sets the phase, also
            // when the clock has been set back to before it.
            if anchor > job.created_at_ms && base_ms < anchor {
                return Some(anchor);
            }
            let since = base_ms.checked_sub(anchor)?.rem_euclid(*every_ms);
            base_ms.checked_add(every_ms - since)
        }
        CronSchedule::Cron { expr, tz, stagger_ms } => {
            let later = stagger(&job.id, stagger_ms.unwrap_or_default());
            let base = at(base_ms - later, zone(tz.as_deref()).ok()?).ok()?;
            let next = parse(expr).ok()?.find_next_occurrence(&base, false).ok()?;
            Some(next.timestamp().as_millisecond() + later)
        }
    }
}

/// By how much this job is late, always the same.
fn stagger(id: &str, most_ms: i64) -> i64 {
    if most_ms <= 0 {
        return 0;
    }
    let digest = Sha256::digest(id.as_bytes());
    let number = digest.iter().take(4).fold(0_i64, |all, byte| (all << 8) | i64::from(*byte));
    number % most_ms
}

fn parse(expr: &str) -> Result<Cron, RpcError> {
    expr.parse().map_err(|error: croner::errors::CronError| {
        RpcError::invalid(format!("schedule.expr \"{expr}\" is no cron expression: {error}"))
    })
}

fn zone(name: Option<&str>) -> Result<TimeZone, RpcError> {
    match name {
        None => Ok(TimeZone::system()),
        Some(name) => TimeZone::get(name).map_err(|_| {
            RpcError::invalid(format!(
                "schedule.tz \"{name}\" is no known time zone; use a name such as Europe/Paris"
            ))
        }),
    }
}

fn at(ms: i64, zone: TimeZone) -> Result<jiff::Zoned, RpcError> {
    let time = Timestamp::from_millisecond(ms)
        .map_err(|_| RpcError::invalid("schedule is out of range"))?;
    Ok(time.to_zoned(zone))
}

/// ISO 8601; UTC unless it says otherwise.
fn parse_iso(text: &str) -> Result<i64, RpcError> {
    let text = text.trim();
    let time = text.parse::<Timestamp>().or_else(|_| {
        let civil: civil::DateTime = text.parse()?;
        Ok(civil.to_zoned(TimeZone::UTC)?.timestamp())
    });
    time.map(Timestamp::as_millisecond).map_err(|_: jiff::Error| {
        RpcError::invalid(format!("schedule.at \"{text}\" is no ISO 8601 time"))
    })
}

/// The moment as generation 4 writes it.
pub(super) fn iso(ms: i64) -> String {
    Timestamp::from_millisecond(ms)
        .map(|time| time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clawdbot_protocol::{CronPayload, CronState, CronWakeMode};

    use super::*;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;

    fn ms(text: &str) -> i64 {
        parse_iso(text).unwrap()
    }

    fn job(schedule: CronSchedule) -> CronJob {
        let Ok(job) = serde_json::from_value(serde_json::json!({
            "id": "j", "name": "n", "enabled": true, "createdAtMs": 1_000, "updatedAtMs": 1_000,
            "schedule": schedule, "sessionTarget": "main", "wakeMode": CronWakeMode::Now,
            "payload": CronPayload::SystemEvent { text: "t".into() },
        })) else {
            panic!("no job")
        };
        job
    }

    fn calendar(expr: &str, tz: &str) -> CronJob {
        job(CronSchedule::Cron { expr: expr.into(), tz: Some(tz.into()), stagger_ms: None })
    }

    fn ran(mut job: CronJob, last_ms: i64, errors: u32) -> CronJob {
        let (last, errors) = (Some(last_ms), Some(errors));
        job.state =
            CronState { last_run_at_ms: last, consecutive_errors: errors, ..Default::default() };
        job
    }

    /// Every run from `from` on, each planned from the moment of the one before.
    fn runs(mut job: CronJob, from: &str, count: usize) -> Vec<String> {
        let mut now = ms(from);
        let mut all = Vec::new();
        for _ in 0..count {
            now = plan(&job, now).unwrap();
            job = ran(job, now, 0);
            all.push(iso(now).replace(":00.000Z", "Z"));
        }
        all
    }

    #[test]
    fn in_spring_a_time_that_does_not_exist_moves_and_is_not_lost() {
        // Europe/Paris, 29 March 2026: 02:00 becomes 03:00.
        let all = runs(calendar("30 2 * * *", "Europe/Paris"), "2026-03-27T12:00:00Z", 3);
        assert_eq!(all, ["2026-03-28T01:30Z", "2026-03-29T01:00Z", "2026-03-30T00:30Z"]);
    }

    #[test]
    fn in_autumn_a_time_that_comes_twice_runs_once() {
        // Europe/Paris, 25 October 2026: 03:00 becomes 02:00.
        let all = runs(calendar("30 2 * * *", "Europe/Paris"), "2026-10-24T12:00:00Z", 2);
        assert_eq!(all, ["2026-10-25T00:30Z", "2026-10-26T01:30Z"]);
    }

    #[test]
    fn across_the_change_every_hour_stays_every_hour() {
        let all = runs(calendar("0 * * * *", "Europe/Paris"), "2026-10-24T23:30:00Z", 4);
        let hours: Vec<i64> = all.iter().map(|time| ms(&time.replace('Z', ":00Z"))).collect();
        assert!(hours.windows(2).all(|pair| pair[1] - pair[0] == HOUR), "{all:?}");
        let all = runs(calendar("0 * * * *", "Europe/Paris"), "2026-03-28T23:30:00Z", 4);
        let hours: Vec<i64> = all.iter().map(|time| ms(&time.replace('Z', ":00Z"))).collect();
        assert!(hours.windows(2).all(|pair| pair[1] - pair[0] == HOUR), "{all:?}");
    }

    #[test]
    fn an_interval_keeps_its_phase() {
        let every = |anchor| job(CronSchedule::Every { every_ms: HOUR, anchor_ms: anchor });
        assert_eq!(plan(&every(Some(1_000)), 1_000), Some(1_000 + HOUR));
        assert_eq!(plan(&every(Some(1_000)), 5 * HOUR), Some(1_000 + 5 * HOUR));
        // A later anchor is the first run.
        assert_eq!(plan(&every(Some(9 * HOUR)), 2_000), Some(9 * HOUR));
        // Missed hours are one run: the next is planned from now.
        let late = ran(every(Some(0)), 7 * HOUR + 5, 0);
        assert_eq!(plan(&late, 7 * HOUR + 5), Some(8 * HOUR));
    }

    #[test]
    fn a_clock_set_back_by_a_day_does_not_silence_a_job_for_a_day() {
        let anchor = 100 * DAY;
        let mut every = job(CronSchedule::Every { every_ms: HOUR, anchor_ms: Some(anchor) });
        every.created_at_ms = anchor;
        let every = ran(every, anchor + 3 * HOUR, 0);
        let now = anchor + 3 * HOUR - DAY;
        let next = plan(&every, now).unwrap();
        assert!(next > now && next <= now + HOUR, "{}", next - now);
        let daily = ran(calendar("0 9 * * *", "UTC"), ms("2026-05-05T09:00:00Z"), 0);
        let next = plan(&daily, ms("2026-05-04T09:00:05Z")).unwrap();
        assert_eq!(iso(next), "2026-05-05T09:00:00.000Z");
    }

    #[test]
    fn a_clock_set_back_by_seconds_does_not_repeat_a_run() {
        let daily = ran(calendar("0 9 * * *", "UTC"), ms("2026-05-05T09:00:00Z"), 0);
        let next = plan(&daily, ms("2026-05-05T08:59:55Z")).unwrap();
        assert_eq!(iso(next), "2026-05-06T09:00:00.000Z");
    }

    #[test]
    fn no_schedule_is_faster_than_the_floor_dos_09() {
        let quick = ran(calendar("* * * * * *", "UTC"), 60_000, 0);
        assert_eq!(plan(&quick, 60_100), Some(60_000 + MIN_GAP_MS));
        let quick = job(CronSchedule::Every { every_ms: 1, anchor_ms: None });
        assert_eq!(plan(&ran(quick, 60_000, 0), 60_100), Some(60_000 + MIN_GAP_MS));
    }

    #[test]
    fn a_job_that_fails_is_tried_less_and_less_often() {
        let often = job(CronSchedule::Every { every_ms: 10_000, anchor_ms: Some(0) });
        let pause = |errors| plan(&ran(often.clone(), HOUR, errors), HOUR).unwrap() - HOUR;
        assert_eq!([pause(1), pause(2), pause(9)], [30_000, 60_000, 3_600_000]);
    }

    #[test]
    fn once_is_once() {
        let once = job(CronSchedule::At { at_ms: Some(HOUR), at: None });
        assert_eq!(plan(&once, 5), Some(HOUR));
        assert_eq!(plan(&once, 2 * HOUR), Some(HOUR), "missed, so due now");
        assert_eq!(plan(&ran(once, HOUR + 3, 0), 2 * HOUR), None);
    }

    #[test]
    fn what_cannot_run_is_refused() {
        let refuse =
            |schedule| accept(schedule, ms("2026-01-01T00:00:00Z"), 0).unwrap_err().message;
        let cron = |expr: &str, tz: Option<&str>| CronSchedule::Cron {
            expr: expr.into(),
            tz: tz.map(str::to_owned),
            stagger_ms: None,
        };
        assert!(refuse(cron("0 0 30 2 *", None)).contains("never comes"));
        assert!(refuse(cron("61 * * * *", None)).contains("no cron expression"));
        assert!(refuse(cron("* * * * *", Some("Mars/Base"))).contains("no known time zone"));
        let at = |text: &str| CronSchedule::At { at_ms: None, at: Some(text.into()) };
        assert!(refuse(at("2025-12-31T23:00:00Z")).contains("in the past"));
        assert!(refuse(at("tomorrow")).contains("no ISO 8601 time"));
        assert!(refuse(CronSchedule::At { at_ms: None, at: None }).contains("needs"));
    }

    #[test]
    fn times_are_read_in_both_ways() {
        assert_eq!(ms("2026-07-01T09:00:00+02:00"), ms("2026-07-01T07:00:00Z"));
        assert_eq!(ms("2026-07-01T07:00"), ms("2026-07-01T07:00:00Z"));
        assert_eq!(iso(ms("2026-07-01T07:00:00.250Z")), "2026-07-01T07:00:00.250Z");
    }

    #[test]
    fn a_staggered_job_is_always_late_by_the_same() {
        let plain = calendar("0 9 * * *", "UTC");
        let mut late = plain.clone();
        late.schedule = CronSchedule::Cron {
            expr: "0 9 * * *".into(),
            tz: Some("UTC".into()),
            stagger_ms: Some(300_000),
        };
        let now = ms("2026-05-05T00:00:00Z");
        let by = plan(&late, now).unwrap() - plan(&plain, now).unwrap();
        assert!((1..300_000).contains(&by), "{by}");
        let tomorrow = now + DAY;
        assert_eq!(plan(&late, tomorrow).unwrap() - plan(&plain, tomorrow).unwrap(), by);
    }
}
