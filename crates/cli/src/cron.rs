//! `clawdbot cron`: scheduled jobs.

use clap::Subcommand;
use clawdbot_config::{Env, Paths};
use clawdbot_protocol::{CronAddParams, CronJob, CronPayload, CronSchedule, CronWakeMode, Scope};
use serde_json::{Value, json};

use crate::connection::{self, ConnectionArgs};
use crate::table::Table;
use crate::{out, text, when};

/// See and change scheduled jobs
#[derive(Debug, clap::Args)]
pub(crate) struct CronArgs {
    #[command(subcommand)]
    pub(crate) command: CronCommand,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CronCommand {
    /// Jobs and when they run next
    List {
        /// Those that are switched off, too
        #[arg(long)]
        all: bool,
    },
    /// Whether jobs run, and when the next one does
    Status,
    /// Add a job
    Add(AddArgs),
    /// Run a job now
    Run {
        /// Job id, from the list
        id: String,
    },
    /// Remove a job
    #[command(alias = "rm")]
    Remove {
        /// Job id, from the list
        id: String,
    },
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("schedule").required(true))]
#[command(group = clap::ArgGroup::new("payload").required(true))]
pub(crate) struct AddArgs {
    /// Name of the job
    #[arg(long)]
    name: String,
    /// Once: a time from now such as 20m, or a moment such as 2026-01-31T08:00
    #[arg(long, group = "schedule", value_parser = when::moment)]
    at: Option<i64>,
    /// Again and again, for example 15m or 1d
    #[arg(long, group = "schedule", value_parser = when::duration)]
    every: Option<i64>,
    /// By the calendar, for example "0 8 * * 1-5"
    #[arg(long, group = "schedule", value_name = "EXPRESSION")]
    cron: Option<String>,
    /// Time zone for --cron, for example Europe/Paris [default: the gateway's]
    #[arg(long, requires = "cron")]
    tz: Option<String>,
    /// Ask the agent this, in a conversation of its own
    #[arg(long, short, group = "payload")]
    message: Option<String>,
    /// Tell the main conversation this
    #[arg(long, group = "payload", value_name = "TEXT")]
    system_event: Option<String>,
    /// Agent that works on it [default: the default agent]
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// Model for it, as provider/model
    #[arg(long, requires = "message")]
    model: Option<String>,
    /// Do not wait for the next heartbeat with --system-event
    #[arg(long, requires = "system_event")]
    now: bool,
    /// Remove it once it has run well; only with --at
    #[arg(long, requires = "at")]
    delete_after_run: bool,
}

pub(crate) fn run(args: &CronArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let ask = |scope: Scope, method: &str, params: &Value| {
        connection::ask(&args.connection, (paths, env), &[scope], method, params)
    };
    match &args.command {
        CronCommand::List { all } => {
            let params = json!({"includeDisabled": all, "limit": 200, "offset": 0});
            if let Some(list) = ask(Scope::Read, "cron.list", &params)? {
                show(&list);
            }
        }
        CronCommand::Status => {
            if let Some(status) = ask(Scope::Read, "cron.status", &json!({}))? {
                let jobs = status["jobs"].as_u64().unwrap_or_default().to_string();
                let next = when::relative(status["nextWakeAtMs"].as_i64());
                let on = if status["enabled"] == true { "on" } else { "off" };
                out::facts([("Scheduler", on), ("Jobs", &jobs), ("Next", &next)]);
            }
        }
        CronCommand::Add(job) => {
            let params = serde_json::to_value(params(job))?;
            if let Some(job) = ask(Scope::Admin, "cron.add", &params)? {
                let next = job["state"]["nextRunAtMs"].as_i64();
                out::done(format_args!(
                    "added as {}; it runs {}",
                    text::plain(text::of(&job, "id")),
                    when::relative(next)
                ));
            }
        }
        CronCommand::Run { id } => {
            let params = json!({"id": id, "mode": "force"});
            if let Some(answer) = ask(Scope::Admin, "cron.run", &params)? {
                match text::of(&answer, "reason") {
                    "" => out::done("it runs"),
                    reason => anyhow::bail!("It does not run: {}", text::plain(reason)),
                }
            }
        }
        CronCommand::Remove { id } => {
            if let Some(answer) = ask(Scope::Admin, "cron.remove", &json!({"id": id}))? {
                if answer["removed"] != true {
                    anyhow::bail!("There is no job {id}. See: clawdbot cron list --all");
                }
                out::done("removed");
            }
        }
    }
    Ok(())
}

fn params(job: &AddArgs) -> CronAddParams {
    let schedule = match (&job.at, &job.every, &job.cron) {
        (Some(at), _, _) => CronSchedule::At { at_ms: Some(*at), at: None },
        (_, Some(every), _) => CronSchedule::Every { every_ms: *every, anchor_ms: None },
        (_, _, expr) => CronSchedule::Cron {
            expr: expr.clone().unwrap_or_default(),
            tz: job.tz.clone(),
            stagger_ms: None,
        },
    };
    let payload = match &job.message {
        Some(message) => CronPayload::AgentTurn {
            message: message.clone(),
            model: job.model.clone(),
            thinking: None,
            timeout_seconds: None,
            deliver: None,
            channel: None,
            to: None,
            best_effort_deliver: None,
        },
        None => CronPayload::SystemEvent { text: job.system_event.clone().unwrap_or_default() },
    };
    CronAddParams {
        name: job.name.clone(),
        agent_id: job.agent.clone(),
        description: None,
        enabled: None,
        delete_after_run: job.delete_after_run.then_some(true),
        schedule,
        session_target: None,
        session_key: None,
        wake_mode: if job.now { CronWakeMode::Now } else { CronWakeMode::default() },
        payload,
        isolation: None,
        delivery: None,
    }
}

fn show(list: &Value) {
    let mut table = Table::new(&["Id", "Name", "Runs", "Next", "Last", "Outcome"]);
    for job in text::rows(list, "jobs") {
        let Ok(job) = serde_json::from_value::<CronJob>(job.clone()) else { continue };
        let state = &job.state;
        let next = if job.enabled { when::relative(state.next_run_at_ms) } else { "off".into() };
        table.row([
            job.id.as_str(),
            &text::short(&job.name, 40),
            &schedule(&job.schedule),
            &next,
            &when::relative(state.last_run_at_ms),
            state.last_status.as_deref().unwrap_or_default(),
        ]);
    }
    if table.is_empty() {
        out::line(
            "There are no jobs. Add one with: clawdbot cron add --name … --every … --message …",
        );
    } else {
        out::line(table);
    }
}

fn schedule(schedule: &CronSchedule) -> String {
    match schedule {
        CronSchedule::At { .. } => "once".to_owned(),
        CronSchedule::Every { every_ms, .. } => format!("every {}", when::lasting(*every_ms)),
        CronSchedule::Cron { expr, tz: Some(tz), .. } => format!("{expr} ({tz})"),
        CronSchedule::Cron { expr, .. } => expr.clone(),
    }
}
