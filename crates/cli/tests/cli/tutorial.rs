//! The commands of the WebChat tutorial, one after the other, as a reader types them. Those that
//! install, restart and ask the service are with the service; Tailscale's are with Tailscale.

use clawdbot_tests::{GatewayProcess, command, http, run};

use crate::CLAWDBOT;

#[tokio::test]
async fn the_tutorial_works_as_written() {
    let home = tempfile::tempdir().unwrap();
    let type_in = async |args: &[&str]| run(command(CLAWDBOT, home.path(), args)).await;
    // Optional: set up authentication.
    type_in(&["config", "set", "gateway.mode", "local"]).await.ok();
    type_in(&["config", "set", "gateway.auth.mode", "token"]).await.ok();
    type_in(&["config", "set", "gateway.auth.token", "your-secure-token-here"]).await.ok();
    assert_eq!(type_in(&["config", "get", "gateway.auth.mode"]).await.ok(), "token\n");
    let token = type_in(&["config", "get", "gateway.auth.token"]).await.ok();
    assert_eq!(token, "your-secure-token-here\n");
    // Pitfall: the gateway has not been started.
    let early = type_in(&["web", "--no-open"]).await;
    assert_eq!(early.code(), 69, "{early:?}");
    assert!(early.stderr.contains("Check that the gateway is running"), "{}", early.stderr);
    // `clawdbot gateway --port …`
    let gateway = GatewayProcess::start(CLAWDBOT, home.path()).await;
    let port = gateway.address.port().to_string();
    type_in(&["config", "set", "gateway.port", &port]).await.ok();
    assert_eq!(type_in(&["config", "get", "gateway.port"]).await.ok(), format!("{port}\n"));
    // Prerequisite: a model answers.
    let models = type_in(&["models", "list"]).await.ok();
    assert!(models.contains("builtin/demo") && models.contains("default"), "{models}");
    // Step 1, method 1: both addresses show the page. Method 3: the command opens it.
    for host in ["localhost", "127.0.0.1"] {
        let head = format!("GET / HTTP/1.1\nHost: {host}:{port}");
        let page = http(gateway.address, &head, "").await;
        assert_eq!(page.status, 200, "{host}");
    }
    let url = type_in(&["web", "--no-open"]).await.ok();
    assert!(url.starts_with(&format!("http://127.0.0.1:{port}/#code=")), "{url}");
    // Step 2: the first message, here from the command line, in the conversation all clients share.
    let hello = "Hello! I'm testing WebChat. Can you introduce yourself?";
    let answer = type_in(&["agent", "--message", hello]).await.ok();
    assert!(!answer.trim().is_empty());
    // Step 3: conversations are kept and shared.
    let list = type_in(&["sessions", "list"]).await.ok();
    assert!(list.contains("agent:main:main"), "{list}");
    let shown = type_in(&["sessions", "show", "main"]).await.ok();
    assert!(shown.contains(hello), "{shown}");
    // Through a tunnel the gateway is asked with the token given.
    let url = format!("ws://127.0.0.1:{port}");
    let through = ["health", "--url", &url, "--token", "your-secure-token-here"];
    assert!(type_in(&through).await.ok().contains("Gateway is healthy"));
    assert!(gateway.stop().await.success());
    // Pitfall: what the page would say without a gateway.
    assert_eq!(type_in(&["health"]).await.code(), 69);
}
