//! What holds for every command: exit codes, closed pipes, refusals.

use clawdbot_tests::{TestGateway, command, run};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::CLAWDBOT;

/// Every command that only reads, with what `--json` answers at its top.
const READS: [(&[&str], &str); 14] = [
    (&["status"], "/runtimeVersion"),
    (&["health"], "/ok"),
    (&["sessions", "list"], "/sessions"),
    (&["sessions", "search", "words"], "/results"),
    (&["models", "list"], "/models/0/id"),
    (&["models", "status"], "/providers"),
    (&["channels", "list"], "/channelOrder"),
    (&["channels", "status"], "/channelOrder"),
    (&["nodes", "list"], "/nodes"),
    (&["devices", "list"], "/paired"),
    (&["cron", "list"], "/jobs"),
    (&["cron", "status"], "/enabled"),
    (&["skills", "list"], "/skills"),
    (&["approvals", "rules"], "/grants"),
];

#[tokio::test]
async fn every_read_command_works_for_people_and_as_json() {
    let gateway = TestGateway::start().await;
    for (args, pointer) in READS {
        let printed = gateway.cli(CLAWDBOT, args).await.ok();
        assert!(printed.ends_with('\n') && !printed.contains('\u{1b}'), "{args:?}: {printed:?}");
        let answer = gateway.cli(CLAWDBOT, &[args, &["--json"]].concat()).await.json();
        assert!(answer.pointer(pointer).is_some(), "{args:?} lacks {pointer}: {answer}");
    }
    let presence = gateway.cli(CLAWDBOT, &["system", "presence", "--json"]).await.json();
    assert!(presence.as_array().is_some_and(|list| !list.is_empty()), "{presence}");
    let last = gateway.cli(CLAWDBOT, &["system", "heartbeat"]).await.ok();
    assert_eq!(last, "There has been no heartbeat since the gateway started.\n");
    let waiting = gateway.cli(CLAWDBOT, &["approvals"]).await.ok();
    assert_eq!(waiting, "Nothing waits for a decision.\n");
    gateway.finish().await;
}

#[tokio::test]
async fn exit_codes_tell_what_is_wrong() {
    let gateway = TestGateway::start().await;
    let code = async |args: &[&str]| gateway.cli(CLAWDBOT, args).await.code();
    assert_eq!(code(&["sessions"]).await, 2, "no command");
    assert_eq!(code(&["cron", "add", "--name", "x", "--message", "y"]).await, 2, "no schedule");
    assert_eq!(code(&["sessions", "show", "nowhere"]).await, 1, "no such thing");
    assert_eq!(code(&["health", "--token", "wrong"]).await, 77, "a wrong secret");
    assert_eq!(code(&["health", "--url", "ws://127.0.0.1:1"]).await, 69, "nobody there");
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".clawdbot")).unwrap();
    std::fs::write(home.path().join(".clawdbot/clawdbot.json"), "{ gateway: {,").unwrap();
    assert_eq!(run(command(CLAWDBOT, home.path(), &["health"])).await.code(), 64);
    gateway.finish().await;
}

#[tokio::test]
async fn an_absent_channel_is_said_so() {
    let gateway = TestGateway::start().await;
    let ran = gateway.cli(CLAWDBOT, &["message", "send", "--to", "me", "-m", "hi"]).await;
    assert_eq!(ran.code(), 1);
    assert!(ran.stderr.contains("no messaging channels"), "{}", ran.stderr);
    gateway.finish().await;
}

#[tokio::test]
async fn a_log_that_nobody_reads_any_more_ends_without_a_panic() {
    let gateway = TestGateway::start().await;
    let log = &gateway.gateway.paths().log_file;
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::fs::write(log, "first\n").unwrap();
    let printed = gateway.cli(CLAWDBOT, &["logs"]).await.ok();
    assert_eq!(printed, "first\n");
    let mut child = gateway.command(CLAWDBOT, &["logs", "--follow"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("first"));
    std::fs::write(log, "first\nsecond\n").unwrap();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("second"));
    drop(lines);
    std::fs::write(log, "first\nsecond\nthird\n").unwrap();
    let output = clawdbot_tests::soon("the end", child.wait_with_output()).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    gateway.finish().await;
}

#[tokio::test]
async fn the_address_of_webchat_holds_a_code_and_no_token() {
    let gateway = TestGateway::start().await;
    let url = gateway.cli(CLAWDBOT, &["web", "--no-open"]).await.ok();
    let page = format!("http://{}/#code=", gateway.address());
    assert!(url.starts_with(&page), "{url}");
    assert!(!url.contains(clawdbot_tests::TOKEN), "{url}");
    let nobody = gateway.cli(CLAWDBOT, &["web", "--url", "ws://127.0.0.1:1"]).await;
    assert_eq!(nobody.code(), 69, "no page is opened where no gateway is");
    gateway.finish().await;
}
