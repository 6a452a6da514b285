//! `system.info`, `gateway.*`, `users.self`, `environments.list` (protocol §14.1, §15).

use clawdbot_protocol::{
    Environment, Environments, GatewayIdentity, NoParams, RestartBlocker, RestartCounts,
    RestartPreflight, RpcError, SystemInfo, UserProfile, UsersSelf,
};

use crate::host;
use crate::rewrite::blocking;
use crate::router::{Ctx, Reply};

pub(super) async fn info(ctx: Ctx, _params: NoParams) -> Result<Reply<SystemInfo>, RpcError> {
    let gateway = ctx.gateway.clone();
    let info = blocking(move || {
        let (memory_total_bytes, memory_free_bytes) = host::memory();
        let disk = host::disk(&gateway.paths.state_dir);
        SystemInfo {
            machine_name: gateway.host.clone(),
            hostname: gateway.host.clone(),
            platform: host::platform().to_owned(),
            release: host::release(),
            arch: host::arch().to_owned(),
            os_label: host::os_label(),
            port: gateway.address().map(|address| address.port()),
            node_version: format!("none (clawdbot {}, native)", gateway.version),
            pid: std::process::id(),
            process_instance_id: gateway.instance_id.clone(),
            uptime_ms: gateway.uptime_ms(),
            cpu_count: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_total_bytes,
            memory_free_bytes,
            process_memory: host::process_memory(),
            disk_total_bytes: disk.map(|(total, _)| total),
            disk_available_bytes: disk.map(|(_, available)| available),
            disk_path: gateway.paths.state_dir.display().to_string(),
        }
    });
    Reply::of(&info.await?)
}

pub(super) async fn identity(
    ctx: Ctx,
    _params: NoParams,
) -> Result<Reply<GatewayIdentity>, RpcError> {
    Reply::of(&ctx.gateway.identity.get(&ctx.gateway).await?.public)
}

/// Says what a restart would interrupt. Whether anybody then restarts is up to the owner.
pub(super) async fn restart_preflight(
    ctx: Ctx,
    _params: NoParams,
) -> Result<Reply<RestartPreflight>, RpcError> {
    let runs = ctx.gateway.runs.active();
    let message = format!("{runs} active run(s)");
    let blockers = (runs > 0).then(|| RestartBlocker {
        kind: "embedded-run".to_owned(),
        count: runs,
        message: message.clone(),
    });
    Reply::of(&RestartPreflight {
        safe: runs == 0,
        counts: RestartCounts { embedded_runs: runs, total_active: runs, ..Default::default() },
        blockers: blockers.into_iter().collect(),
        summary: match runs {
            0 => "restart safe: nothing is under way".to_owned(),
            _ => format!("restart deferred: {message}"),
        },
    })
}

pub(super) async fn user(ctx: Ctx, _params: NoParams) -> Result<Reply<UsersSelf>, RpcError> {
    let created_at = ctx.gateway.identity.get(&ctx.gateway).await?.created_at_ms;
    Reply::of(&UsersSelf {
        profile: UserProfile {
            id: "gateway-owner".to_owned(),
            display_name: None,
            avatar_mime: None,
            merged_into: None,
            created_at,
            updated_at: created_at,
            emails: Vec::new(),
            github_identity: None,
            has_avatar: false,
        },
    })
}

pub(super) async fn environments(
    _ctx: Ctx,
    _params: NoParams,
) -> Result<Reply<Environments>, RpcError> {
    Reply::of(&Environments {
        environments: vec![Environment {
            id: "gateway".to_owned(),
            kind: "local".to_owned(),
            label: "Gateway local".to_owned(),
            status: "available".to_owned(),
            platform: host::platform().to_owned(),
            session_host: true,
            trust: "persistent".to_owned(),
            capabilities: ["agent.run", "sessions", "tools", "workspace"]
                .map(str::to_owned)
                .to_vec(),
        }],
    })
}
