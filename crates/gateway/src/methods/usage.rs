//! `usage.cost`, `usage.status`, `sessions.usage`: totals of what stored runs used (protocol §14.2,
//! §14.12).

use std::collections::BTreeMap;
use std::ops::Range;

use clawdbot_agent::Usage;
use clawdbot_protocol::{
    NoParams, RpcError, SessionsUsageParams, UsageCost, UsageCostParams, UsageDay, UsageStatus,
    UsageTotals,
};
use clawdbot_store::{MessageCount, RunUsage};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};
use serde_json::{Value, json};

use super::resolve;
use crate::error::store_error;
use crate::router::{Ctx, Reply};

const DEFAULT_DAYS: u32 = 30;
const DEFAULT_SESSIONS: u32 = 50;

pub(super) async fn cost(ctx: Ctx, params: UsageCostParams) -> Result<Reply<UsageCost>, RpcError> {
    let days = params.days.unwrap_or(DEFAULT_DAYS);
    let today = Zoned::now().date();
    let runs = ctx.gateway.store.usage(span(days_before(today, days), today)?, None).await;
    let runs = runs.map_err(store_error)?;
    Reply::of(&UsageCost {
        updated_at: ctx.gateway.now_ms(),
        days,
        daily: daily(&runs),
        totals: total(&runs),
    })
}

/// Nobody's subscription is known here, so there is no quota to tell of.
pub(super) async fn status(ctx: Ctx, _params: NoParams) -> Result<Reply<UsageStatus>, RpcError> {
    Reply::of(&UsageStatus { updated_at: ctx.gateway.now_ms(), providers: Vec::new() })
}

pub(super) async fn sessions(ctx: Ctx, params: SessionsUsageParams) -> Result<Reply, RpcError> {
    let (start, end) = dates(&params)?;
    let key = params.key.as_deref().map(|key| resolve(&ctx, key)).transpose()?;
    let key = key.as_ref().map(|key| key.as_str());
    let store = &ctx.gateway.store;
    let runs = store.usage(span(start, end)?, key).await.map_err(store_error)?;
    let counts = store.message_counts(span(start, end)?, key).await.map_err(store_error)?;
    let by_session = grouped(&runs, |run| run.session_key.clone());
    let limit = params.limit.unwrap_or(DEFAULT_SESSIONS) as usize;
    let mut sessions = Vec::new();
    for (key, runs) in by_session.iter().take(limit) {
        let session = store.session(key).await.map_err(store_error)?;
        let session = session.as_ref();
        sessions.push(json!({
            "key": key,
            "label": session.and_then(|session| session.fields.get("label")),
            "sessionId": session.map(|session| &session.session_id),
            "agentId": runs.first().map(|run| &run.agent_id),
            "updatedAt": session.map(|session| session.updated_ms),
            "usage": total(runs),
        }));
    }
    Reply::ok(&json!({
        "updatedAt": ctx.gateway.now_ms(),
        "startDate": start.to_string(),
        "endDate": end.to_string(),
        "sessions": sessions,
        "totals": total(&runs),
        "aggregates": aggregates(&runs, &counts, by_session.len()),
        "creatorOptions": [],
    }))
}

fn aggregates(runs: &[RunUsage], counts: &[MessageCount], sessions: usize) -> Value {
    let of_role = |role: &str| -> u64 {
        counts.iter().filter(|count| count.role == role).map(|count| count.count).sum()
    };
    let tools: Vec<Value> = counts
        .iter()
        .filter_map(|count| Some(json!({"name": count.tool.as_ref()?, "count": count.count})))
        .collect();
    let (user, assistant, results) = (of_role("user"), of_role("assistant"), of_role("toolResult"));
    let by = |key: fn(&RunUsage) -> Value| -> Vec<Value> {
        let groups = grouped(runs, |run| key(run).to_string());
        let described = |group: &Vec<RunUsage>| {
            let mut entry = group.first().map(key).unwrap_or_default();
            entry["count"] = json!(group.len());
            entry["totals"] = json!(total(group));
            entry
        };
        groups.values().map(described).collect()
    };
    json!({
        "sessionCount": sessions,
        "messages": {
            "total": user + assistant + results,
            "user": user,
            "assistant": assistant,
            "toolCalls": results,
            "toolResults": results,
            "errors": runs.iter().filter(|run| run.failed).count(),
        },
        "tools": {"totalCalls": results, "uniqueTools": tools.len(), "tools": tools},
        "byModel": by(|run| json!({"provider": run.provider, "model": run.model})),
        "byProvider": by(|run| json!({"provider": run.provider})),
        "byAgent": by(|run| json!({"agentId": run.agent_id})),
        "byChannel": [],
        "byCreator": [],
        "costDaily": daily(runs),
        "dailyLatency": [],
        "modelDaily": by(|run| {
            json!({"date": day(run), "provider": run.provider, "model": run.model})
        }),
        "daily": by(|run| json!({"date": day(run)})),
    })
}

fn grouped(
    runs: &[RunUsage],
    key: impl Fn(&RunUsage) -> String,
) -> BTreeMap<String, Vec<RunUsage>> {
    let mut groups: BTreeMap<String, Vec<RunUsage>> = BTreeMap::new();
    for run in runs {
        groups.entry(key(run)).or_default().push(run.clone());
    }
    groups
}

fn daily(runs: &[RunUsage]) -> Vec<UsageDay> {
    let days = grouped(runs, day);
    days.into_iter().map(|(date, runs)| UsageDay { date, totals: total(&runs) }).collect()
}

/// The local day on which a run ended.
fn day(run: &RunUsage) -> String {
    let ended = jiff::Timestamp::from_millisecond(run.ended_ms).unwrap_or_default();
    ended.to_zoned(TimeZone::system()).date().to_string()
}

fn total(runs: &[RunUsage]) -> UsageTotals {
    let mut sum = Usage::default();
    let mut unpriced = 0;
    for run in runs {
        let usage: Usage = run
            .usage
            .as_ref()
            .and_then(|usage| serde_json::from_value(usage.clone()).ok())
            .unwrap_or_default();
        unpriced += u64::from(usage.total_tokens > 0 && usage.cost.total == 0.0);
        sum += usage;
    }
    UsageTotals {
        input: sum.input,
        output: sum.output,
        cache_read: sum.cache_read,
        cache_write: sum.cache_write,
        total_tokens: sum.total_tokens,
        total_cost: sum.cost.total,
        input_cost: sum.cost.input,
        output_cost: sum.cost.output,
        cache_read_cost: sum.cost.cache_read,
        cache_write_cost: sum.cost.cache_write,
        missing_cost_entries: unpriced,
    }
}

/// First and last day asked for.
fn dates(params: &SessionsUsageParams) -> Result<(Date, Date), RpcError> {
    let date = |name: &str, text: &str| {
        text.parse::<Date>()
            .map_err(|_| RpcError::invalid(format!("invalid {name} (use YYYY-MM-DD)")))
    };
    let end = match &params.end_date {
        Some(text) => date("endDate", text)?,
        None => Zoned::now().date(),
    };
    let start = match (&params.start_date, params.range.as_deref()) {
        (Some(text), _) => date("startDate", text)?,
        (None, None) => days_before(end, DEFAULT_DAYS),
        (None, Some("7d")) => days_before(end, 7),
        (None, Some("30d")) => days_before(end, 30),
        (None, Some("90d")) => days_before(end, 90),
        (None, Some("1y")) => days_before(end, 365),
        (None, Some("all")) => jiff::civil::date(1970, 1, 2),
        (None, Some(_)) => {
            return Err(RpcError::invalid("invalid range (use 7d, 30d, 90d, 1y or all)"));
        }
    };
    if start > end {
        return Err(RpcError::invalid("startDate must not be after endDate"));
    }
    Ok((start, end))
}

/// The first of `days` days that end with `last`.
fn days_before(last: Date, days: u32) -> Date {
    last.saturating_sub((i64::from(days) - 1).days())
}

/// The local days from `first` to `last` in milliseconds.
fn span(first: Date, last: Date) -> Result<Range<i64>, RpcError> {
    let midnight = |date: Date| {
        date.to_zoned(TimeZone::system())
            .map(|at| at.timestamp().as_millisecond())
            .map_err(|error| RpcError::invalid(format!("the date is out of range: {error}")))
    };
    Ok(midnight(first)?..midnight(last.saturating_add(1.day()))?)
}
