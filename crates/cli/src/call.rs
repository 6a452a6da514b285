//! `clawdbot gateway call`: any method of any gateway.

use anyhow::Context as _;
use clawdbot_config::{Env, Paths};
use clawdbot_protocol::Scope;
use serde_json::Value;

use crate::args::CallArgs;
use crate::{connection, out};

pub(crate) fn run(args: &CallArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    let params: Value = serde_json::from_str(&args.params)
        .context("--params is not JSON; write for example --params '{\"limit\": 5}'")?;
    let answer =
        connection::ask(&args.connection, (paths, env), &Scope::ALL, &args.method, &params)?;
    if let Some(answer) = answer {
        out::json(&answer)?;
    }
    Ok(())
}
