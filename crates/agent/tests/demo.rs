//! The demo shows the whole loop without any network.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use clawdbot_agent::{
    Demo, Message, ReadTool, Run, RunError, RunEvent, SessionStatusTool, ThinkingLevel,
};
use serde_json::json;
use support::finish;
use tokio_util::sync::CancellationToken;

fn ask(text: &str, workspace: &std::path::Path) -> Run {
    let status = || json!({"model": "builtin/demo", "sessionKey": "agent:main:main"});
    Run {
        model: Arc::new(Demo::new()),
        tools: vec![
            Arc::new(ReadTool::new(workspace).unwrap()),
            Arc::new(SessionStatusTool::new(status)),
        ],
        system: String::new(),
        history: vec![Message::user(text)],
        thinking: ThinkingLevel::Off,
        max_turns: 4,
    }
}

#[tokio::test(start_paused = true)]
async fn status_and_files_go_through_the_tools() {
    let workspace = tempfile::tempdir().unwrap();
    std::fs::write(workspace.path().join("notes.md"), "buy shrimp").unwrap();
    for (question, tool, answer) in [
        ("status please", "session_status", "sessionKey: agent:main:main"),
        ("read notes.md", "read", "buy shrimp"),
        ("lee notes.md", "read", "buy shrimp"),
    ] {
        let (end, events) = finish(ask(question, workspace.path())).await;
        assert!(end.unwrap().text.contains(answer), "{question}");
        let tools: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                RunEvent::ToolFinished { name, is_error: false, .. } => Some(name.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(tools, [tool]);
        let stored = support::messages(&events);
        assert_eq!(stored.len(), 3, "call, result and answer");
    }
}

#[tokio::test(start_paused = true)]
async fn streams_word_by_word_and_stops_when_asked() {
    let workspace = tempfile::tempdir().unwrap();
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let started = tokio::time::Instant::now();
    let mut words = Vec::new();
    let end = ask("hello", workspace.path())
        .execute(cancel, |event| {
            if let RunEvent::Text { delta } = event {
                words.push(delta);
            }
            if words.len() == 3 {
                stop.cancel();
            }
        })
        .await;
    assert_eq!(end, Err(RunError::Cancelled));
    assert_eq!(words, ["This ", "is ", "the "]);
    assert!(started.elapsed() < Duration::from_millis(100));
}
