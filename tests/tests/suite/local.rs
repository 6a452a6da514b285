//! What other users and other programs of this machine can see: files, arguments, logs.

use clawdbot_tests::{Connect, GatewayProcess, Peer, Setup, TOKEN, grep, http, modes};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_gateway-under-test");
const CANARY: &str = "canary-5f2d9c";

#[tokio::test]
async fn everything_on_disk_is_the_owners_alone_loc_01() {
    let setup = Setup::new().await;
    setup.model().echo();
    setup.write();
    // The process runs with umask 000. The configuration was put there by somebody else.
    let config = setup.state().join("clawdbot.json");
    let gateway = GatewayProcess::start(PROGRAM, setup.home()).await;
    let mut peer = gateway.peer().await;
    peer.connect(Connect::v4()).await.unwrap();
    let attachment = json!([{"mimeType": "text/plain", "fileName": "a.txt", "content": "aGk="}]);
    let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "k-1",
        "attachments": attachment});
    peer.ok("chat.send", send).await;
    peer.terminal("k-1").await;
    let all = modes(&setup.state());
    let loose: Vec<_> = all
        .iter()
        .filter(|(path, _)| **path != config)
        .filter(|(path, mode)| **mode != if path.is_dir() { 0o700 } else { 0o600 })
        .collect();
    assert!(loose.is_empty(), "{loose:?}");
    for name in ["clawdbot.sqlite", "clawdbot.sqlite-wal", "logs/gateway.log", "gateway.lock"] {
        assert!(all.contains_key(&setup.state().join(name)), "{name} was not looked at");
    }
    assert!(all.keys().any(|path| path.parent().is_some_and(|dir| dir.ends_with("inbound"))));
    assert!(gateway.stop().await.success());
}

#[tokio::test]
async fn secrets_are_in_no_argument_and_in_no_log_loc_02() {
    let setup = Setup::new().await;
    setup.write();
    let gateway = GatewayProcess::start(PROGRAM, setup.home()).await;
    let mut peer = gateway.peer().await;
    peer.connect(Connect::v4()).await.unwrap();
    peer.ok("config.get", json!({})).await;
    for auth in
        [json!({"token": CANARY}), json!({"password": CANARY}), json!({"deviceToken": CANARY})]
    {
        let refused = gateway.peer().await.connect(Connect::v4().auth(auth)).await.unwrap_err();
        let said = format!("{} {}", refused.error, refused.reason);
        assert!(!said.contains(CANARY), "{said}");
        let mut peer = gateway.peer().await;
        peer.connect(Connect::v4()).await.unwrap();
    }
    http(gateway.address, &format!("GET /?token={CANARY} HTTP/1.1"), "").await;
    let bearer = format!("GET /media/inbound/x.png HTTP/1.1\nAuthorization: Bearer {CANARY}");
    http(gateway.address, &bearer, "").await;
    let process = format!("/proc/{}", gateway.pid());
    let arguments = std::fs::read(format!("{process}/cmdline")).unwrap();
    assert!(!String::from_utf8_lossy(&arguments).contains(TOKEN));
    let logs = setup.state().join("logs");
    assert!(gateway.stop().await.success());
    for secret in [CANARY, TOKEN, "sk-fake"] {
        assert_eq!(grep(&logs, secret), [""; 0].map(std::path::PathBuf::from), "{secret}");
    }
    // The search finds what is there.
    assert!(!grep(&logs, "connect refused").is_empty());
}

#[tokio::test]
async fn a_log_record_is_one_line_whatever_a_client_sends_loc_03() {
    let setup = Setup::new().await;
    setup.model().echo();
    setup.write();
    let gateway = GatewayProcess::start(PROGRAM, setup.home()).await;
    let evil = format!("a\r\n{{\"fake\":\"record\"}}\u{1b}[31m{}", "x".repeat(15_000));
    let mut named = json!({"id": "gateway-client", "version": "1", "platform": "linux",
        "mode": "backend"});
    named["displayName"] = json!(evil);
    let mut peer = gateway.peer().await;
    peer.connect(Connect::v4().set("client", named)).await.unwrap();
    peer.fails(&evil, json!({})).await;
    let send = json!({"sessionKey": "main", "message": evil, "idempotencyKey": "a\r\nb\u{1b}[31m"});
    peer.ok("chat.send", send).await;
    peer.terminal("a\r\nb\u{1b}[31m").await;
    let version = json!({"id": evil, "version": evil, "platform": evil, "mode": evil});
    let refused = gateway.peer().await.connect(Connect::v4().set("client", version)).await;
    refused.unwrap_err();
    let header = [("user-agent", "x\u{7f}"), ("origin", "https://evil.example")];
    if let Ok(mut peer) = Peer::open_with(gateway.address, &header[1..]).await {
        peer.connect(Connect::v4()).await.unwrap_err();
    }
    let log = setup.state().join("logs/gateway.log");
    assert!(gateway.stop().await.success());
    let text = std::fs::read_to_string(log).unwrap();
    assert!(text.contains("run started"), "{text}");
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap_or_else(|error| {
            panic!("{error}: {line}");
        });
        assert_eq!(record.get("fake"), None, "a forged record: {line}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(line.len() < 8 * 1024, "{} bytes", line.len());
    }
}

/// Where a process takes connections or datagrams, as the kernel lists it: `tcp 0100007F:4965`.
fn listeners(pid: u32) -> Vec<String> {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = links.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    let own: Vec<String> = links.map(|link| link.display().to_string()).collect();
    let mut found = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (address, state, inode) = (fields[1], fields[3], fields[9]);
            // Listening, or a datagram socket without a partner.
            let open = state == "0A" || (table.starts_with("udp") && state == "07");
            if open && own.contains(&format!("socket:[{inode}]")) {
                found.push(format!("{table} {address}"));
            }
        }
    }
    found
}

#[tokio::test]
async fn there_is_one_listener_and_it_is_on_loopback_web_11() {
    let setup = Setup::new()
        .await
        .set("hooks", json!({"enabled": true, "token": "a-token-for-hooks-only"}))
        .set("gateway.http.endpoints.chatCompletions.enabled", json!(true))
        .set("agents.defaults.heartbeat", json!({"every": "30m"}));
    setup.write();
    let gateway = GatewayProcess::start(PROGRAM, setup.home()).await;
    // It answers, also to a client that has done something.
    let mut peer = gateway.peer().await;
    peer.connect(Connect::v4()).await.unwrap();
    peer.ok("sessions.list", json!({})).await;
    let only = format!("tcp 0100007F:{:04X}", gateway.address.port());
    assert_eq!(listeners(gateway.pid()), [only]);
    assert!(gateway.stop().await.success());
}
