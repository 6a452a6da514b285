//! `clawdbot logs`: the gateway's log, wherever the gateway runs.

use std::time::Duration;

use clawdbot_config::{Env, Paths};
use clawdbot_protocol::{LogsTailParams, Scope};
use serde_json::Value;

use crate::connection::{self, ConnectionArgs};
use crate::{out, text};

/// Read the gateway's log
#[derive(Debug, clap::Args)]
pub(crate) struct LogsArgs {
    /// Go on printing what is added
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Lines to begin with
    #[arg(long, short = 'n', default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// How often the gateway is asked for more.
const INTERVAL: Duration = Duration::from_millis(500);

pub(crate) fn run(args: &LogsArgs, paths: &Paths, env: &Env) -> anyhow::Result<()> {
    connection::with(&args.connection, (paths, env), &[Scope::Read], async |connected| {
        let mut params = LogsTailParams { limit: Some(args.limit), ..LogsTailParams::default() };
        loop {
            let answer = connected.client.request("logs.tail", &params).await?;
            if answer["reset"] == true {
                out::error("The log was started anew, or grew too fast to show all of it.");
            }
            for line in text::rows(&answer, "lines").iter().filter_map(Value::as_str) {
                let line = if args.connection.json { text::plain(line) } else { readable(line) };
                // Whoever reads a log that never ends must be able to stop it by going away.
                if out::try_line(&line).is_err() {
                    return Ok(());
                }
            }
            if !args.follow {
                return Ok(());
            }
            params.cursor = answer["cursor"].as_u64();
            tokio::time::sleep(INTERVAL).await;
        }
    })
}

/// `2026-01-31T08:00:00.123Z  INFO  gateway: message`; a line that is no record as it is.
fn readable(line: &str) -> String {
    let Ok(record) = serde_json::from_str::<Value>(line) else { return text::plain(line) };
    let meta = &record["_meta"];
    let subsystem: Value = serde_json::from_str(text::of(&record, "0")).unwrap_or_default();
    let message = text::first(&record, &["message", "1", "0"]);
    let subsystem = match text::of(&subsystem, "subsystem") {
        "" => String::new(),
        name => format!("{name}: "),
    };
    let line = format!(
        "{}  {:<5}  {subsystem}{}",
        text::first(&record, &["time"]),
        text::of(meta, "logLevelName"),
        message.replace('\n', " ")
    );
    text::plain(&line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_becomes_a_line_and_other_text_stays() {
        let record = r#"{"0":"{\"subsystem\":\"clawdbot_gateway/runs\"}","1":"run started","_meta":{"logLevelName":"INFO"},"time":"2026-01-31T08:00:00.123Z","message":"run\nstarted \u001b[31m"}"#;
        assert_eq!(
            readable(record),
            "2026-01-31T08:00:00.123Z  INFO   clawdbot_gateway/runs: run started [31m"
        );
        assert_eq!(readable("panic at \u{7}"), "panic at ");
    }
}
