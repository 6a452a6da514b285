//! `tui` on a real terminal, as far as a test can have one.
#![cfg(target_os = "linux")]

use std::process::Stdio;

use clawdbot_tests::{Script, TestGateway, soon};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::CLAWDBOT;

/// Reads until the terminal has been sent `wanted`.
async fn until(screen: &mut tokio::process::ChildStdout, seen: &mut String, wanted: &str) {
    let mut bytes = [0; 4096];
    while !seen.contains(wanted) {
        let count = screen.read(&mut bytes).await.unwrap();
        assert!(count > 0, "it ended before {wanted:?}: {seen}");
        seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
}

#[tokio::test]
async fn a_message_is_written_answered_and_the_terminal_left_as_it_was() {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::text(["Pleased", "-to-meet-you."]));
    let inside = format!("stty cols 80 rows 24; exec {CLAWDBOT} tui");
    let mut child = gateway
        .command("/usr/bin/script", &["--quiet", "--flush", "--return", "--command", &inside])
        .arg("/dev/null")
        .env("PATH", "/usr/bin:/bin")
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keys = child.stdin.take().unwrap();
    let mut screen = child.stdout.take().unwrap();
    let mut seen = String::new();
    soon("the first screen", until(&mut screen, &mut seen, "Ctrl+P")).await;
    assert!(seen.contains("\u{1b}[?1049h"), "a screen of its own");
    keys.write_all(b"Hello\r").await.unwrap();
    soon("the answer", until(&mut screen, &mut seen, "-to-meet-you.")).await;
    keys.write_all(b"\x03").await.unwrap();
    soon("the end", until(&mut screen, &mut seen, "\u{1b}[?1049l")).await;
    assert!(soon("the exit", child.wait()).await.unwrap().success());
    let shown = gateway.cli(CLAWDBOT, &["sessions", "show", "main"]).await.ok();
    assert!(shown.contains("Hello") && shown.contains("Pleased-to-meet-you."), "{shown}");
    gateway.finish().await;
}

#[tokio::test]
async fn without_a_terminal_it_says_what_to_use_instead() {
    let gateway = TestGateway::start().await;
    let ran = gateway.cli(CLAWDBOT, &["chat"]).await;
    assert_eq!(ran.code(), 2);
    assert!(ran.stderr.contains("clawdbot agent --message"), "{}", ran.stderr);
    gateway.finish().await;
}
