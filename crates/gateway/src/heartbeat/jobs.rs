//! Heartbeats as generation 4 lists them: among the scheduled jobs (protocol §14.9).

use clawdbot_protocol::{CronJob, CronPayload, CronSchedule, CronState};
use sha2::{Digest as _, Sha256};

use super::plan;
use crate::shared::Shared;

/// One job for every agent whose heart beats by itself.
pub(crate) fn jobs(shared: &Shared) -> Vec<CronJob> {
    let now_ms = shared.now_ms();
    let began_ms = shared.heartbeats.began_ms;
    let job = |heartbeat: plan::Heartbeat| {
        let period = heartbeat.period?;
        let next = shared.heartbeats.next_in_ms(&heartbeat.agent_id).map(|wait| now_ms + wait);
        let agent_id = heartbeat.agent_id;
        let schedule = CronSchedule::Every {
            every_ms: i64::try_from(period.as_millis()).unwrap_or(i64::MAX),
            anchor_ms: Some(began_ms),
        };
        let name = format!("heartbeat-{agent_id}");
        Some(CronJob {
            declaration_key: Some(format!("heartbeat:{agent_id}")),
            display_name: Some(format!("Heartbeat ({agent_id})")),
            enabled: shared.heartbeats.on(),
            state: CronState { next_run_at_ms: next, ..CronState::default() },
            effective_agent_id: Some(agent_id.clone()),
            agent_id: Some(agent_id.clone()),
            ..CronJob::new(id(&agent_id), name, schedule, CronPayload::Heartbeat {}, began_ms)
        })
    };
    plan::all(&shared.settings()).into_iter().filter_map(job).collect()
}

/// An id that stays the same, in the form of the others.
fn id(agent_id: &str) -> String {
    let digest = Sha256::digest(format!("heartbeat:{agent_id}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(digest.get(..16).unwrap_or(&[0; 16]));
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}
