//! `cron.*` (protocol §14.9).

use std::collections::BTreeMap;

use clawdbot_protocol::{
    CronAddParams, CronIdParams, CronJob, CronListEnabled, CronListParams, CronListResult,
    CronPage, CronPayload, CronRemoveResult, CronRunMode, CronRunParams, CronRunResult,
    CronRunsParams, CronRunsResult, CronSortBy, CronSortDir, CronStatus, CronUpdateParams,
    Generation, NoParams, RpcError,
};
use serde_json::json;

use crate::cron::{self, Asking};
use crate::heartbeat;
use crate::router::{Ctx, Reply};

/// Runs that `cron.runs` answers by default and at most.
const RUNS: (usize, usize) = (50, 200);

pub(super) async fn status(ctx: Ctx, _params: NoParams) -> Result<Reply<CronStatus>, RpcError> {
    let gateway = &ctx.gateway;
    let enabled = cron::enabled(gateway);
    let jobs = visible(&ctx).await?;
    let next = gateway.cron.next_ms(gateway).await?;
    let managed = jobs.iter().filter(|job| job.declaration_key.is_some());
    let managed = managed.filter_map(|job| job.state.next_run_at_ms).min();
    let newer = ctx.peer.generation == Generation::V4;
    Reply::of(&CronStatus {
        enabled,
        triggers_enabled: newer.then_some(enabled),
        store_path: gateway.database(),
        storage: newer.then(|| "sqlite".to_owned()),
        sqlite_path: newer.then(|| gateway.database()),
        jobs: jobs.len(),
        next_wake_at_ms: [next, managed].into_iter().flatten().min(),
    })
}

/// The stored jobs and, for generation 4, those that the gateway keeps by itself.
async fn visible(ctx: &Ctx) -> Result<Vec<CronJob>, RpcError> {
    let gateway = &ctx.gateway;
    let mut jobs = match ctx.peer.generation {
        Generation::V3 => Vec::new(),
        Generation::V4 => heartbeat::jobs(gateway),
    };
    jobs.extend(gateway.cron.jobs(gateway).await?);
    Ok(jobs)
}

pub(super) async fn list(
    ctx: Ctx,
    params: CronListParams,
) -> Result<Reply<CronListResult>, RpcError> {
    let mut jobs = visible(&ctx).await?;
    jobs.retain(|job| wanted(&ctx, job, &params));
    sort(&mut jobs, &params);
    if ctx.peer.generation == Generation::V3 {
        let jobs = jobs.into_iter().map(|job| cron::shown(job, Generation::V3)).collect();
        let (snapshot_revision, page, delivery_previews) = (None, None, None);
        return Reply::of(&CronListResult { jobs, snapshot_revision, page, delivery_previews });
    }
    let revision = cron::revision(&jobs);
    let (page, jobs) = cut(jobs, params.offset, params.limit.unwrap_or(usize::MAX));
    let previews: BTreeMap<_, _> =
        jobs.iter().map(|job| (job.id.clone(), cron::preview(job))).collect();
    Reply::of(&CronListResult {
        jobs: jobs.into_iter().map(|job| cron::shown(job, Generation::V4)).collect(),
        snapshot_revision: Some(revision),
        page: Some(page),
        delivery_previews: params.include_delivery_previews.unwrap_or(true).then_some(previews),
    })
}

fn wanted(ctx: &Ctx, job: &CronJob, params: &CronListParams) -> bool {
    let on = match params.enabled {
        Some(CronListEnabled::All) => true,
        Some(CronListEnabled::Enabled) => job.enabled,
        Some(CronListEnabled::Disabled) => !job.enabled,
        None => job.enabled || params.include_disabled == Some(true),
    };
    let settings = ctx.gateway.settings();
    let agent = job.agent_id.as_deref().unwrap_or(settings.agents.default_id());
    let of_agent = params.agent_id.as_deref().is_none_or(|wanted| wanted == agent);
    let said = match &job.payload {
        CronPayload::SystemEvent { text } => text,
        CronPayload::AgentTurn { message, .. } => message,
        CronPayload::Heartbeat {} => "",
    };
    let found = params.query.as_deref().is_none_or(|query| {
        let query = query.trim().to_lowercase();
        let places = [job.name.as_str(), job.description.as_deref().unwrap_or_default(), said];
        places.iter().any(|place| place.to_lowercase().contains(&query))
    });
    on && of_agent && found
}

fn sort(jobs: &mut [CronJob], params: &CronListParams) {
    match params.sort_by.unwrap_or_default() {
        // What never runs again comes last.
        CronSortBy::NextRunAtMs => {
            jobs.sort_by_key(|job| job.state.next_run_at_ms.unwrap_or(i64::MAX));
        }
        CronSortBy::UpdatedAtMs => jobs.sort_by_key(|job| job.updated_at_ms),
        CronSortBy::Name => jobs.sort_by_key(|job| job.name.to_lowercase()),
    }
    if params.sort_dir == Some(CronSortDir::Desc) {
        jobs.reverse();
    }
}

/// One page of a list.
fn cut<T>(all: Vec<T>, offset: Option<usize>, limit: usize) -> (CronPage, Vec<T>) {
    let (total, offset) = (all.len(), offset.unwrap_or_default());
    let limit = limit.min(total.max(1));
    let page: Vec<T> = all.into_iter().skip(offset).take(limit).collect();
    let end = offset.saturating_add(page.len());
    let has_more = end < total;
    let next_offset = has_more.then_some(end);
    (CronPage { total, offset, limit, has_more, next_offset }, page)
}

pub(super) async fn get(ctx: Ctx, params: CronIdParams) -> Result<Reply<CronJob>, RpcError> {
    let id = id("cron.get", params)?;
    let found = visible(&ctx).await?.into_iter().find(|job| job.id == id);
    let job = found.ok_or_else(|| not_found(&ctx, &id))?;
    Reply::of(&cron::shown(job, ctx.peer.generation))
}

pub(super) async fn add(ctx: Ctx, params: CronAddParams) -> Result<Reply<CronJob>, RpcError> {
    let gateway = ctx.gateway.clone();
    let job = gateway.cron.add(&gateway, params).await?;
    let mut shown = cron::shown(job.clone(), ctx.peer.generation);
    if ctx.peer.generation == Generation::V4 {
        shown.delivery_preview = Some(cron::preview(&job));
    }
    Ok(Reply::of(&shown)?
        .then(move || cron::announce(&gateway, &job.id, "added", &json!({}), Some(&job))))
}

pub(super) async fn update(ctx: Ctx, params: CronUpdateParams) -> Result<Reply<CronJob>, RpcError> {
    let id = id("cron.update", params.job)?;
    managed(&ctx, &id)?;
    let gateway = ctx.gateway.clone();
    let changed = gateway.cron.update(&gateway, &id, params.patch).await?;
    let job = changed.ok_or_else(|| not_found(&ctx, &id))?;
    Ok(Reply::of(&cron::shown(job.clone(), ctx.peer.generation))?
        .then(move || cron::announce(&gateway, &job.id, "updated", &json!({}), Some(&job))))
}

pub(super) async fn remove(
    ctx: Ctx,
    params: CronIdParams,
) -> Result<Reply<CronRemoveResult>, RpcError> {
    let id = id("cron.remove", params)?;
    managed(&ctx, &id)?;
    let gateway = ctx.gateway.clone();
    let removed = gateway.cron.remove(&gateway, &id).await?;
    if !removed && ctx.peer.generation == Generation::V4 {
        return Err(not_found(&ctx, &id));
    }
    Ok(Reply::of(&CronRemoveResult { ok: true, removed })?.then(move || {
        if removed {
            cron::announce(&gateway, &id, "removed", &json!({}), None);
        }
    }))
}

pub(super) async fn run(ctx: Ctx, params: CronRunParams) -> Result<Reply<CronRunResult>, RpcError> {
    let id = id("cron.run", params.job)?;
    managed(&ctx, &id)?;
    let gateway = &ctx.gateway;
    let newer = ctx.peer.generation == Generation::V4;
    let unsaid = if newer { CronRunMode::Force } else { CronRunMode::Due };
    let asking = gateway.cron.ask(gateway, &id, params.mode.unwrap_or(unsaid)).await?;
    let mut result = CronRunResult {
        ok: true,
        ran: Some(false),
        reason: None,
        enqueued: None,
        run_id: None,
        process_instance_id: None,
    };
    match asking.ok_or_else(|| not_found(&ctx, &id))? {
        Asking::Declined(reason) => result.reason = Some(reason.to_owned()),
        Asking::Accepted { run_id, .. } if newer => {
            result.ran = None;
            result.enqueued = Some(true);
            result.run_id = Some(run_id);
            result.process_instance_id = Some(gateway.cron.process_id().to_owned());
        }
        Asking::Accepted { done, .. } => {
            // The other end is dropped when the job was removed before its turn came.
            let heard = tokio::select! {
                () = gateway.stop.cancelled() => false,
                heard = done => heard.is_ok(),
            };
            if !heard {
                return Err(RpcError::unavailable(
                    "the job did not run: it was removed or the gateway stops",
                ));
            }
            result.ran = Some(true);
        }
    }
    Reply::of(&result)
}

pub(super) async fn runs(
    ctx: Ctx,
    params: CronRunsParams,
) -> Result<Reply<CronRunsResult>, RpcError> {
    let id = id("cron.runs", params.job)?;
    let mut entries = ctx.gateway.cron.runs(&ctx.gateway, &id).await?;
    let limit = params.limit.unwrap_or(RUNS.0);
    if ctx.peer.generation == Generation::V3 {
        let entries = entries.split_off(entries.len().saturating_sub(limit));
        return Reply::of(&CronRunsResult { entries, page: None });
    }
    if limit > RUNS.1 {
        return Err(RpcError::invalid("invalid cron.runs params: at /limit: must be <= 200"));
    }
    entries.reverse();
    let (page, entries) = cut(entries, params.offset, limit);
    let page = CronPage { limit, ..page };
    Reply::of(&CronRunsResult { entries, page: Some(page) })
}

fn id(method: &str, params: CronIdParams) -> Result<String, RpcError> {
    let id = params.id.or(params.job_id).filter(|id| !id.trim().is_empty());
    id.ok_or_else(|| RpcError::invalid(format!("invalid {method} params: missing id")))
}

fn not_found(ctx: &Ctx, id: &str) -> RpcError {
    match ctx.peer.generation {
        Generation::V3 => RpcError::unavailable(format!("Error: unknown cron job id: {id}")),
        Generation::V4 => RpcError::invalid(format!(
            "Automation not found: {id}. It may have been removed; cron.list names those there are."
        ))
        .with_details(json!({"code": "CRON_JOB_NOT_FOUND", "jobId": id})),
    }
}

/// Refuses to change what the configuration says.
fn managed(ctx: &Ctx, id: &str) -> Result<(), RpcError> {
    match heartbeat::jobs(&ctx.gateway).iter().any(|job| job.id == id) {
        true => Err(RpcError::invalid(
            "heartbeats are set in the configuration (agents.defaults.heartbeat); wake starts one",
        )),
        false => Ok(()),
    }
}
