//! `agent` and `models test`: real runs with the test's model.

use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clawdbot_tests::{Gate, Script, TestGateway, soon};
use serde_json::json;
use tokio::io::AsyncReadExt as _;

use crate::CLAWDBOT;

#[tokio::test]
async fn the_answer_is_printed_as_it_comes() {
    let gateway = TestGateway::start().await;
    let gate = Gate::new();
    gateway.model.push(Script::text(["Hello\u{1b}[31m "]).hold(&gate).say("there."));
    let mut child = gateway.command(CLAWDBOT, &["agent", "--message", "Hi"]).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut first = [0; 10];
    soon("the first words", stdout.read_exact(&mut first)).await.unwrap();
    assert_eq!(&first, b"Hello[31m ");
    gate.open();
    let mut rest = String::new();
    soon("the rest", stdout.read_to_string(&mut rest)).await.unwrap();
    assert_eq!(rest, "there.\n");
    assert!(child.wait().await.unwrap().success());
    gateway.finish().await;
}

#[tokio::test]
async fn json_is_the_gateways_final_answer() {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::text(["Done."]));
    let args = ["agent", "-m", "Hi", "--session", "agent:main:work", "--json"];
    let answer = gateway.cli(CLAWDBOT, &args).await.json();
    assert_eq!(answer["status"], "ok");
    assert_eq!(answer["result"]["payloads"][0]["text"], "Done.");
    assert_eq!(answer["result"]["meta"]["agentMeta"]["sessionKey"], "agent:main:work");
    gateway.finish().await;
}

/// One red pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

#[tokio::test]
async fn a_file_goes_with_the_message() {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::text(["Red."]));
    let file = gateway.gateway.paths().home.join("pixel.png");
    std::fs::write(&file, STANDARD.decode(PIXEL).unwrap()).unwrap();
    let path = file.to_str().unwrap();
    let args = ["agent", "-m", "Which colour?", "--attach", path];
    assert_eq!(gateway.cli(CLAWDBOT, &args).await.ok(), "Red.\n");
    assert!(gateway.model.requests()[0].to_string().contains(PIXEL), "the model has seen it");
    std::fs::remove_file(&file).unwrap();
    let gone = gateway.cli(CLAWDBOT, &args).await;
    assert_eq!(gone.code(), 1, "{gone:?}");
    assert!(gone.stderr.contains("pixel.png was not attached: No such file"), "{}", gone.stderr);
    assert_eq!(gateway.model.requests().len(), 1);
    gateway.finish().await;
}

#[tokio::test]
async fn a_model_that_fails_is_said_with_its_own_words() {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::error(401, "your key is no good"));
    let ran = gateway.cli(CLAWDBOT, &["agent", "-m", "Hi"]).await;
    assert_ne!(ran.code(), 0);
    assert!(ran.stderr.contains("your key is no good"), "{}", ran.stderr);
    gateway.finish().await;
}

#[cfg(unix)]
#[tokio::test]
async fn an_interrupt_stops_the_run() {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::text(["Once upon"]).stall());
    let mut child = gateway.command(CLAWDBOT, &["agent", "-m", "Tell"]).spawn().unwrap();
    let mut first = [0; 9];
    let reading = child.stdout.as_mut().unwrap().read_exact(&mut first);
    soon("the first words", reading).await.unwrap();
    let pid = child.id().unwrap().to_string();
    let killed = tokio::process::Command::new("kill").args(["-INT", &pid]).status().await;
    assert!(killed.unwrap().success());
    let output = soon("the end", child.wait_with_output()).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "Stopped.\n");
    let list = gateway.cli(CLAWDBOT, &["sessions", "list", "--json"]).await.json();
    assert_eq!(list["sessions"][0]["hasActiveRun"], false, "{list}");
    gateway.finish().await;
}

#[tokio::test]
async fn a_model_is_tried_with_a_real_run_that_leaves_no_conversation() {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::text(["ready"]));
    let tried = gateway.cli(CLAWDBOT, &["models", "test", "--json"]).await.json();
    assert_eq!(tried["model"], "fake/fake-model");
    assert_eq!(tried["text"], "ready");
    assert!(tried["totalMs"].as_u64().unwrap() >= tried["firstTextMs"].as_u64().unwrap());
    gateway.model.push(Script::error(401, "no such key"));
    let failed = gateway.cli(CLAWDBOT, &["models", "test", "fake/fake-model"]).await;
    assert!(failed.stderr.contains("no such key"), "{}", failed.stderr);
    let list = gateway.cli(CLAWDBOT, &["sessions", "list", "--json"]).await.json();
    assert_eq!(list["sessions"], json!([]));
    gateway.finish().await;
}

#[tokio::test]
async fn a_chosen_model_is_in_the_configuration() {
    let gateway = TestGateway::start().await;
    let refused = gateway.cli(CLAWDBOT, &["models", "set", "nobody/none"]).await;
    assert!(refused.stderr.contains("clawdbot models list"), "{}", refused.stderr);
    gateway.cli(CLAWDBOT, &["models", "set", "fake/fake-model"]).await.ok();
    let path = ["config", "get", "agents.defaults.model.primary"];
    assert_eq!(gateway.cli(CLAWDBOT, &path).await.ok(), "fake/fake-model\n");
    gateway.finish().await;
}

#[tokio::test]
async fn a_command_is_allowed_from_another_terminal() {
    let gateway = TestGateway::start().await;
    gateway.model.push(Script::tool("exec", json!({"command": "echo allowed > proof.txt"})));
    gateway.model.push(Script::text(["It ran."]));
    let workspace = gateway.workspace();
    let child = gateway
        .command(CLAWDBOT, &["agent", "-m", "Run it"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let id = soon("the question", async {
        loop {
            let list = gateway.cli(CLAWDBOT, &["approvals", "list", "--json"]).await.json();
            if let Some(id) = list[0]["id"].as_str() {
                return id.to_owned();
            }
        }
    })
    .await;
    let shown = gateway.cli(CLAWDBOT, &["approvals"]).await.ok();
    assert!(shown.contains("echo allowed"), "{shown}");
    gateway.cli(CLAWDBOT, &["approvals", "allow", &id]).await.ok();
    let output = soon("the answer", child.wait_with_output()).await.unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("It ran."), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains(&id), "{output:?}");
    assert_eq!(std::fs::read_to_string(workspace.join("proof.txt")).unwrap(), "allowed\n");
    gateway.finish().await;
}
