//! The gateway's log: JSON lines in the shape `logs.tail` readers expect (config reference, §10).

use std::fs::File;
use std::io;
use std::path::Path;

use clawdbot_config::LogLevel;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, filter::LevelFilter, filter::Targets};

/// Longest value of one field, in characters.
const MAX_FIELD: usize = 1024;
/// A log larger than this is set aside as `<name>.1` at the next start.
const MAX_LOG_BYTES: u64 = 10 * 1024 * 1024;
/// Records that may wait for the disk before some are dropped. The queue is allocated whole.
const MAX_QUEUED: usize = 4096;

/// Every request is logged under this name: those that failed or took long at debug, the others at
/// trace.
pub(crate) const REQUESTS: &str = "clawdbot_gateway::requests";

/// What standard error shows beside the file.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    /// The least important messages shown.
    pub level: LogLevel,
    /// Which requests of clients are shown.
    pub requests: ShownRequests,
    /// Whether lines may be coloured.
    pub color: bool,
}

/// Which requests of clients are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownRequests {
    /// As much as the level says: with debug those that failed or took long.
    ByLevel,
    /// Those that failed or took long.
    Notable,
    /// All of them.
    All,
}

/// Starts logging to `file`; `console` adds readable lines on standard error.
///
/// Keep the guard until the end of the process: dropping it writes out what is queued.
///
/// # Errors
/// When the file cannot be opened.
pub fn init(file: &Path, level: LogLevel, console: Option<Console>) -> io::Result<WorkerGuard> {
    let queue = NonBlockingBuilder::default().buffered_lines_limit(MAX_QUEUED);
    let (writer, guard) = queue.finish(open(file)?);
    let to_file = tracing_subscriber::fmt::layer()
        .event_format(WireFormat)
        // Both layers share the text of a span's fields.
        .with_ansi(false)
        .with_writer(writer)
        .with_filter(ours(level));
    let to_console = console.map(|console| {
        let shown = match console.requests {
            ShownRequests::ByLevel => ours(console.level),
            ShownRequests::Notable => ours(console.level).with_target(REQUESTS, Level::DEBUG),
            ShownRequests::All => ours(console.level).with_target(REQUESTS, Level::TRACE),
        };
        tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(console.color)
            .with_target(false)
            .with_filter(shown)
    });
    tracing_subscriber::registry()
        .with(to_file)
        .with(to_console)
        .try_init()
        .map_err(io::Error::other)?;
    Ok(guard)
}

/// Everything of ours at `level`; libraries only when they warn.
fn ours(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Silent => LevelFilter::OFF,
        LogLevel::Fatal | LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("genai", LevelFilter::OFF)
        .with_targets(
            ["clawdbot", "clawdbot_agent", "clawdbot_desktop", "clawdbot_gateway"]
                .map(|target| (target, level)),
        )
}

fn open(path: &Path) -> io::Result<File> {
    if std::fs::metadata(path).is_ok_and(|meta| meta.len() > MAX_LOG_BYTES) {
        let mut aside = path.as_os_str().to_owned();
        aside.push(".1");
        std::fs::rename(path, aside)?;
    }
    let mut options = File::options();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// One JSON object per line. JSON escapes control characters, so that a record stays one line
/// whatever it quotes (LOC-03).
struct WireFormat;

impl<S, N> FormatEvent<S, N> for WireFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let meta = event.metadata();
        let subsystem = json!({"subsystem": meta.target().replace("::", "/")}).to_string();
        let spans: Vec<&str> = context
            .event_scope()
            .into_iter()
            .flat_map(|scope| scope.from_root())
            .map(|span| span.name())
            .collect();
        let now = jiff::Timestamp::now();
        let (id, name) = match *meta.level() {
            Level::TRACE => (1, "TRACE"),
            Level::DEBUG => (2, "DEBUG"),
            Level::INFO => (3, "INFO"),
            Level::WARN => (4, "WARN"),
            Level::ERROR => (5, "ERROR"),
        };
        let message = fields.line();
        let line = json!({
            "0": subsystem,
            "1": message,
            "_meta": {
                "runtime": "rust",
                "date": format!("{now:.3}"),
                "logLevelId": id,
                "logLevelName": name,
                "name": subsystem,
                "parentNames": ["clawdbot"],
                "path": spans.join("/"),
            },
            "time": format!("{now:.3}"),
            "message": message,
        });
        writeln!(writer, "{line}")
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    rest: Map<String, Value>,
}

impl Fields {
    fn line(self) -> String {
        let mut line = self.message;
        for (name, value) in self.rest {
            let text = value.as_str().unwrap_or_default();
            line.push_str(&format!(" {name}={text}"));
        }
        line
    }

    fn put(&mut self, field: &Field, text: &str) {
        let text: String = text.chars().take(MAX_FIELD).collect();
        if field.name() == "message" {
            self.message = text;
        } else {
            self.rest.insert(field.name().to_owned(), Value::String(text));
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.put(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(write: impl FnOnce()) -> String {
        let buffer = Buffer::default();
        let sink = buffer.clone();
        let layer = tracing_subscriber::fmt::layer()
            .event_format(WireFormat)
            .with_writer(move || sink.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), write);
        String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_record_is_one_line_whatever_it_quotes_loc_03() {
        let hostile = format!("a\r\nb\u{1b}[31m\"}}{}", "x".repeat(15_000));
        let text = logged(|| tracing::warn!(name = %hostile, "header {}", "c\nd"));
        assert_eq!(text.lines().count(), 1);
        assert!(!text.contains('\u{1b}'));
        assert!(text.len() < 8 * 1024, "{}", text.len());
        let record: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(record["_meta"]["logLevelName"], "WARN");
        assert!(record["1"].as_str().unwrap().starts_with("header c\nd name=a\r\nb"));
    }

    #[test]
    fn the_file_is_the_owners_alone_loc_01() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.log");
        drop(open(&path).unwrap());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
