//! Conversations: shown, found, written to files, taken over, deleted.

use clawdbot_tests::{Script, TestGateway};
use serde_json::Value;

use crate::CLAWDBOT;

async fn with_one_conversation() -> TestGateway {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::text(["The capital is **Lima**."]));
    let ask = ["agent", "-m", "Capital of Peru?", "--session", "agent:main:geo"];
    gateway.cli(CLAWDBOT, &ask).await.ok();
    gateway
}

#[tokio::test]
async fn a_conversation_is_listed_shown_and_found() {
    let gateway = with_one_conversation().await;
    let list = gateway.cli(CLAWDBOT, &["sessions", "list"]).await.ok();
    assert!(list.starts_with("KEY") && list.contains("agent:main:geo  Capital of Peru?"), "{list}");
    let shown = gateway.cli(CLAWDBOT, &["sessions", "show", "agent:main:geo"]).await.ok();
    assert!(shown.starts_with("user  "), "{shown}");
    assert!(shown.contains("\nThe capital is **Lima**.\n"), "{shown}");
    let found = gateway.cli(CLAWDBOT, &["sessions", "search", "lima"]).await.ok();
    assert!(found.contains("agent:main:geo"), "{found}");
    let status = gateway.cli(CLAWDBOT, &["status"]).await.ok();
    assert!(status.contains("Conversations: 1") && status.contains("agent:main:geo"), "{status}");
    gateway.finish().await;
}

#[tokio::test]
async fn an_exported_conversation_can_be_taken_over_again() {
    let gateway = with_one_conversation().await;
    let file = gateway.state().join("geo.jsonl");
    let path = file.to_str().unwrap();
    gateway.cli(CLAWDBOT, &["sessions", "export", "agent:main:geo", "-o", path]).await.ok();
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["type"], &lines[0]["version"]), (&"session".into(), &3.into()));
    assert_eq!(lines[1]["message"]["role"], "user");
    assert_eq!(lines[2]["parentId"], lines[1]["id"]);
    assert_eq!(lines[1]["message"].get("__openclaw"), None);
    assert_eq!(clawdbot_tests::modes(gateway.state())[&file], 0o600);
    // Never over a file that is there.
    let again = gateway.cli(CLAWDBOT, &["sessions", "export", "main", "-o", path]).await;
    assert_eq!(again.code(), 1);
    let import = ["sessions", "import", path, "--session", "agent:main:copy"];
    let imported = gateway.cli(CLAWDBOT, &[&import[..], &["--json"]].concat()).await.json();
    assert_eq!((&imported["messages"], &imported["damagedLines"]), (&2.into(), &0.into()));
    let shown = gateway.cli(CLAWDBOT, &["sessions", "show", "agent:main:copy"]).await.ok();
    assert!(shown.contains("Capital of Peru?") && shown.contains("**Lima**"), "{shown}");
    let twice = gateway.cli(CLAWDBOT, &import).await;
    assert!(twice.stderr.contains("agent:main:copy already"), "{}", twice.stderr);
    gateway.finish().await;
}

#[tokio::test]
async fn what_is_no_transcript_is_refused_and_leaves_nothing() {
    let gateway = TestGateway::start().await;
    let file = gateway.state().join("notes.txt");
    std::fs::write(&file, "shopping\nlist\n").unwrap();
    let ran = gateway.cli(CLAWDBOT, &["sessions", "import", file.to_str().unwrap()]).await;
    assert_eq!(ran.code(), 1);
    assert!(ran.stderr.contains("no message"), "{}", ran.stderr);
    let list = gateway.cli(CLAWDBOT, &["sessions", "list", "--json"]).await.json();
    assert_eq!(list["totalCount"], 0);
    gateway.finish().await;
}

#[tokio::test]
async fn nothing_is_deleted_without_a_yes() {
    let gateway = with_one_conversation().await;
    let asked = gateway.cli(CLAWDBOT, &["sessions", "delete", "agent:main:geo"]).await;
    assert_eq!(asked.code(), 2, "{asked:?}");
    gateway.cli(CLAWDBOT, &["sessions", "delete", "agent:main:geo", "--yes"]).await.ok();
    let gone = gateway.cli(CLAWDBOT, &["sessions", "delete", "agent:main:geo", "--yes"]).await;
    assert_eq!(gone.code(), 1);
    gateway.finish().await;
}
