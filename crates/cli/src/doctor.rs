//! `clawdbot doctor` and `clawdbot security audit`: one list of checks, two selections of it.

mod files;
mod models;
mod network;
mod secrets;
mod settings;
mod surroundings;

use std::time::SystemTime;

use clawdbot_config::{ConfigError, Document, Env, Loaded, Paths};
use clawdbot_gateway::Running;
use clawdbot_service::Status;
use serde::Serialize;
use serde_json::json;

use crate::exit::Faults;
use crate::out;
use crate::service::Own;

#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// Repair what can be repaired without a decision of yours
    #[arg(long)]
    fix: bool,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

/// Find what could let others in
#[derive(Debug, clap::Subcommand)]
pub(crate) enum SecurityArgs {
    /// Check permissions, secrets and reachability
    Audit {
        /// Also knock at the running gateway
        #[arg(long)]
        deep: bool,
        /// Repair what can be repaired without a decision of yours
        #[arg(long)]
        fix: bool,
        /// Print the findings as JSON
        #[arg(long)]
        json: bool,
    },
}

/// What the checks look at, gathered once.
struct Facts<'a> {
    paths: &'a Paths,
    env: &'a Env,
    loaded: Result<Loaded, ConfigError>,
    running: Option<Running>,
    own: Own,
    service: Status,
    now: SystemTime,
}

impl<'a> Facts<'a> {
    fn gather(paths: &'a Paths, env: &'a Env) -> anyhow::Result<Self> {
        let own = Own::new(paths, env)?;
        Ok(Self {
            paths,
            env,
            loaded: Document::load(&paths.config, env),
            running: Running::find(paths),
            service: own.status(),
            own,
            now: SystemTime::now(),
        })
    }

    /// The configuration, where it can be used at all.
    fn config(&self) -> Option<&Loaded> {
        self.loaded.as_ref().ok()
    }

    fn save(&self, path: &[&str], value: Option<serde_json::Value>) -> anyhow::Result<()> {
        crate::config::save(self.paths, self.env, path, value).map(drop)
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    /// Good to know.
    Info,
    /// Something does not work as it should, or soon will not.
    Warning,
    /// It does not work, or others can get in.
    Critical,
}

/// What a check has found.
struct Finding<'a> {
    severity: Severity,
    /// What is wrong and why that matters.
    message: String,
    /// One thing to do.
    remedy: String,
    /// Does it; answers with what was done.
    fix: Option<Fix<'a>>,
}

type Fix<'a> = Box<dyn FnOnce() -> anyhow::Result<String> + 'a>;

impl<'a> Finding<'a> {
    fn new(severity: Severity, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity, message: message.into(), remedy: remedy.into(), fix: None }
    }

    fn fixed_by(mut self, fix: impl FnOnce() -> anyhow::Result<String> + 'a) -> Self {
        self.fix = Some(Box::new(fix));
        self
    }
}

/// One question with a stable name.
struct Check {
    id: &'static str,
    /// Whether the security audit asks it.
    security: bool,
    /// Whether it is only asked when somebody may wait for it.
    deep: bool,
    run: for<'a> fn(&'a Facts<'a>) -> Vec<Finding<'a>>,
}

const fn check(id: &'static str, run: for<'a> fn(&'a Facts<'a>) -> Vec<Finding<'a>>) -> Check {
    Check { id, security: false, deep: false, run }
}

const fn security(id: &'static str, run: for<'a> fn(&'a Facts<'a>) -> Vec<Finding<'a>>) -> Check {
    Check { id, security: true, deep: false, run }
}

const fn deep(check: Check) -> Check {
    Check { deep: true, ..check }
}

/// All questions, in the order of what stands in the way of the others.
const CHECKS: [Check; 27] = [
    security("state-dir-unusable", files::state_dir_unusable),
    security("state-dir-permissions", files::state_dir_permissions),
    security("state-file-permissions", files::state_file_permissions),
    security("workspace-writable-by-all", files::workspace),
    check("disk-full", files::disk_full),
    check("database-damaged", files::database),
    check("clock-skew", files::clock),
    check("config-broken", settings::broken),
    check("config-legacy-key", settings::legacy),
    check("config-unknown-key", settings::unknown),
    check("mode-unset", settings::mode),
    security("secret-none", secrets::none),
    security("secret-weak", secrets::weak),
    security("secret-on-command-line", secrets::on_command_line),
    security("exposed-bind", network::exposed),
    security("origin-any", network::any_origin),
    security("proxy-any", network::any_proxy),
    security("remote-plaintext", network::plaintext),
    security("commands-unasked", settings::commands),
    deep(security("open-door", network::open_door)),
    check("port-stolen", network::port_stolen),
    check("gateway-silent", network::silent),
    check("service-drifted", surroundings::drifted),
    check("service-second", surroundings::second),
    check("old-state", surroundings::old_state),
    check("tool-missing", surroundings::tools),
    deep(check("model-key-refused", models::key_refused)),
];

/// A finding as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: &'static str,
    severity: Severity,
    message: String,
    remedy: String,
    /// Whether `--fix` can do it.
    fixable: bool,
    /// What `--fix` has done.
    #[serde(skip_serializing_if = "Option::is_none")]
    fixed: Option<String>,
    /// Why `--fix` could not do it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix_failed: Option<String>,
}

pub(crate) fn run(args: &DoctorArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    examine((paths, env), |_| true, args.fix, args.json)
}

pub(crate) fn audit(args: &SecurityArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let SecurityArgs::Audit { deep, fix, json } = *args;
    examine((paths, env), |check| check.security && (deep || !check.deep), fix, json)
}

fn examine(
    (paths, env): (&Paths, &Env),
    selected: impl Fn(&Check) -> bool,
    fix: bool,
    json: bool,
) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    let mut asked = 0;
    for check in CHECKS.iter().filter(|check| selected(check)) {
        asked += 1;
        // Gathered anew, because a repair changes what the next check sees.
        let facts = Facts::gather(paths, env)?;
        rows.extend((check.run)(&facts).into_iter().map(|finding| settle(check.id, finding, fix)));
    }
    let open =
        rows.iter().filter(|row| row.severity > Severity::Info && row.fixed.is_none()).count();
    if json {
        out::json(&json!({"findings": rows, "checks": asked, "open": open}))?;
    } else {
        rows.iter().for_each(show);
        let fixable = rows.iter().filter(|row| row.fixable && row.fixed.is_none()).count();
        match (open, fixable) {
            (0, _) => out::done(format_args!("{asked} checks, no open fault")),
            (_, 0) => {}
            _ => out::line(format_args!("{fixable} of these can be repaired with --fix.")),
        }
    }
    if open == 0 { Ok(()) } else { Err(Faults(open).into()) }
}

fn settle(id: &'static str, finding: Finding<'_>, fix: bool) -> Row {
    let Finding { severity, message, remedy, fix: repair } = finding;
    let fixable = repair.is_some();
    let done = repair.filter(|_| fix).map(|repair| repair());
    let (fixed, fix_failed) = match done {
        Some(Ok(done)) => (Some(done), None),
        Some(Err(error)) => (None, Some(format!("{error:#}"))),
        None => (None, None),
    };
    Row { id, severity, message, remedy, fixable, fixed, fix_failed }
}

fn show(row: &Row) {
    let mark = match row.severity {
        _ if row.fixed.is_some() => "✓",
        Severity::Critical => "✗",
        Severity::Warning => "!",
        Severity::Info => "i",
    };
    out::line(format_args!("{mark} {}: {}", row.id, row.message));
    match (&row.fixed, &row.fix_failed) {
        (Some(done), _) => out::line(format_args!("    repaired: {done}")),
        (None, Some(error)) => {
            out::line(format_args!("    could not be repaired: {error}"));
            out::line(format_args!("    {}", row.remedy));
        }
        (None, None) => out::line(format_args!("    {}", row.remedy)),
    }
}
