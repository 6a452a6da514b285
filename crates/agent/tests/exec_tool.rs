//! What a command can and cannot do once it is allowed.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clawdbot_agent::{
    Block, ExecCall, ExecGate, ExecSettings, ExecTool, Progress, Tool, ToolContext, ToolOutput,
};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// Allows everything, after having done something.
struct Gate(Box<dyn Fn() + Send + Sync>);

impl ExecGate for Gate {
    fn admit<'a>(
        &'a self,
        _call: &'a ExecCall,
        _progress: &'a Progress,
    ) -> BoxFuture<'a, Result<(), String>> {
        self.0();
        Box::pin(std::future::ready(Ok(())))
    }
}

fn tool(workspace: &Path, before: impl Fn() + Send + Sync + 'static) -> ExecTool {
    let settings = ExecSettings {
        workspace: workspace.to_owned(),
        env: vec![("PATH".into(), "/usr/bin:/bin".into()), ("HOME".into(), "/home/u".into())],
        timeout: Duration::from_secs(30),
    };
    ExecTool::new(settings, Arc::new(Gate(Box::new(before))))
}

fn context() -> ToolContext {
    ToolContext {
        call_id: "1".into(),
        cancel: CancellationToken::new(),
        progress: Progress::default(),
    }
}

async fn exec(workspace: &Path, arguments: Value) -> ToolOutput {
    tool(workspace, || {}).call(arguments, context()).await
}

fn text(output: &ToolOutput) -> &str {
    match &output.content[0] {
        Block::Text { text } => text,
        other => panic!("{other:?}"),
    }
}

fn alive(pid: &str) -> bool {
    // A zombie has ended; whoever started it has yet to notice.
    std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()))
        .is_ok_and(|stat| !stat.contains(") Z "))
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn output_exit_code_and_directory_are_told() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("sub")).unwrap();
    let fine = exec(dir.path(), json!({"command": "pwd", "workdir": "sub"})).await;
    assert!(text(&fine).trim_end().ends_with("/sub"), "{fine:?}");
    assert!(!fine.is_error);
    let failed = exec(dir.path(), json!({"command": "echo out; echo err >&2; exit 3"})).await;
    assert!(text(&failed).contains("out\n") && text(&failed).contains("err\n"), "{failed:?}");
    assert!(text(&failed).ends_with("[Exit code 3]"));
    assert_eq!((failed.is_error, &failed.details.unwrap()["exitCode"]), (true, &json!(3)));
    for outside in ["..", "/", "/etc", "missing"] {
        let refused = exec(dir.path(), json!({"command": "pwd", "workdir": outside})).await;
        assert!(text(&refused).starts_with("That directory is not available"), "{outside}");
    }
}

#[tokio::test]
async fn the_environment_is_the_one_given_exe_05() {
    let dir = tempfile::tempdir().unwrap();
    let output = exec(dir.path(), json!({"command": "env"})).await;
    let mut lines: Vec<&str> = text(&output).lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["HOME=/home/u", "PATH=/usr/bin:/bin"]);
}

#[tokio::test]
async fn plain_arguments_reach_the_program_untouched_exe_03() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let output =
        exec(dir.path(), json!({"command": "printf '%s|' 'a $(touch m)' '*' \"b;c\""})).await;
    assert_eq!(text(&output), "a $(touch m)|*|b;c|");
    assert!(!dir.path().join("m").exists());
}

#[tokio::test]
async fn a_script_changed_after_it_was_allowed_does_not_run_exe_06() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["build.sh", "build"] {
        let script = dir.path().join(name);
        std::fs::write(&script, "echo fine").unwrap();
        let arguments = json!({"command": format!("sh {name}")});
        assert_eq!(text(&exec(dir.path(), arguments.clone()).await), "fine\n");
        let swap = move || std::fs::write(&script, "touch pwned").unwrap();
        let output = tool(dir.path(), swap).call(arguments, context()).await;
        assert!(text(&output).contains("has changed since it was allowed"), "{output:?}");
        assert!(!dir.path().join("pwned").exists());
    }
}

#[tokio::test]
async fn a_directory_swapped_after_it_was_allowed_is_noticed_exe_06() {
    let dir = tempfile::tempdir().unwrap();
    let (sub, other) = (dir.path().join("sub"), dir.path().join("other"));
    std::fs::create_dir(&sub).unwrap();
    let swap = move || {
        std::fs::rename(&sub, &other).unwrap();
        std::os::unix::fs::symlink("/", &sub).unwrap();
    };
    let arguments = json!({"command": "pwd", "workdir": "sub"});
    let output = tool(dir.path(), swap).call(arguments, context()).await;
    assert!(text(&output).contains("has changed"), "{output:?}");
}

#[tokio::test]
async fn dropping_the_call_ends_grandchildren_too_exe_10() {
    let dir = tempfile::tempdir().unwrap();
    let tool = tool(dir.path(), || {});
    let command = "sh -c 'echo $$ > pid; sleep 300; true' & wait";
    let call = tool.call(json!({ "command": command }), context());
    let pid = dir.path().join("pid");
    let written = || std::fs::read_to_string(&pid).is_ok_and(|pid| pid.ends_with('\n'));
    tokio::select! {
        output = call => panic!("{output:?}"),
        () = until("the grandchild starts", written) => {}
    }
    let pid = std::fs::read_to_string(&pid).unwrap();
    until("the grandchild ends", || !alive(&pid)).await;
}

#[tokio::test]
async fn what_is_left_in_the_background_ends_with_the_command_exe_10() {
    let dir = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let output = exec(dir.path(), json!({"command": "sleep 300 & echo $!"})).await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    until("the background ends", || !alive(text(&output))).await;
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_stopped_exe_10() {
    let dir = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let arguments = json!({"command": "sleep 300 & echo $!; wait", "timeout": 1});
    let output = exec(dir.path(), arguments).await;
    let (pid, rest) = text(&output).split_once('\n').unwrap();
    assert_eq!((rest, output.is_error), ("[Stopped after 1 seconds.]", true));
    assert!(begun.elapsed() < Duration::from_secs(5));
    until("the background ends", || !alive(pid)).await;
}

#[tokio::test]
async fn a_time_beyond_measure_is_cut_exe_10() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = json!({"command": "echo fine", "timeout": u64::MAX});
    assert_eq!(text(&exec(dir.path(), arguments).await), "fine\n");
}

#[tokio::test]
async fn nothing_waits_on_input_exe_10() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(text(&exec(dir.path(), json!({"command": "cat"})).await), "[No output.]");
}

#[tokio::test]
async fn a_gibibyte_of_output_is_bounded_in_memory_and_time_exe_10() {
    let dir = tempfile::tempdir().unwrap();
    let before = resident_kib();
    let begun = Instant::now();
    let output = exec(dir.path(), json!({"command": "head -c 1073741824 /dev/zero"})).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let dropped = output.details.as_ref().unwrap()["droppedBytes"].as_u64().unwrap();
    assert!(dropped > 1_073_741_824 - 100_000);
    assert!(text(&output).len() < 100_000);
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB more");
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
