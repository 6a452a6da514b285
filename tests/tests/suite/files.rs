//! Names and files that come from outside.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clawdbot_tests::{Peer, Script, TOKEN, TestGateway, fingerprint, http};
use serde_json::{Value, json};

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn attach(mime: &str, name: &str, content: &str) -> Value {
    json!({"sessionKey": "main", "message": "look", "idempotencyKey": uuid::Uuid::new_v4().to_string(),
        "attachments": [{"mimeType": mime, "fileName": name, "content": content}]})
}

#[tokio::test]
async fn a_session_key_is_never_a_path_fs_01() {
    let gateway = TestGateway::start().await;
    let canary = gateway.gateway.paths().home.join("canary.json");
    std::fs::write(&canary, "untouched").unwrap();
    let mut peer = gateway.v4().await;
    let before = fingerprint(gateway.state());
    let long = "k".repeat(64 * 1024);
    for key in [
        "../../canary",
        "agent:main:../../../canary",
        "/etc/passwd",
        "C:\\canary",
        "..\\canary",
        "a\0b",
        "a\nb",
        "",
        "agent:../../x:main",
        "agent:MA IN:x",
        long.as_str(),
    ] {
        let send = json!({"sessionKey": key, "message": "hi", "idempotencyKey": "k"});
        for (method, params) in [
            ("chat.send", send),
            ("chat.history", json!({"sessionKey": key})),
            ("sessions.patch", json!({"key": key, "label": "x"})),
            ("sessions.create", json!({"key": key})),
            ("sessions.delete", json!({"key": key})),
            ("sessions.reset", json!({"key": key})),
        ] {
            let error = peer.fails(method, params).await;
            assert_eq!(error["code"], "INVALID_REQUEST", "{method} {key:?}: {error}");
        }
    }
    assert_eq!(fingerprint(gateway.state()), before);
    assert_eq!(std::fs::read_to_string(&canary).unwrap(), "untouched");
    // Reserved names of other systems are ordinary keys here, since no file is named after a key.
    for key in ["CON", "nul.txt", "aux:1"] {
        peer.ok("sessions.create", json!({"key": key})).await;
    }
    let names: Vec<_> = std::fs::read_dir(gateway.state())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(
        names.iter().all(|name| name.starts_with("clawdbot.")
            || ["device-tokens.key", "gateway.lock", "logs", "media"].contains(&name.as_str())),
        "{names:?}"
    );
    gateway.finish().await;
}

#[tokio::test]
async fn a_run_id_is_never_a_path_fs_01() {
    let gateway = TestGateway::start().await;
    gateway.model.echo();
    let mut peer = gateway.v4().await;
    let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "../../x"});
    peer.ok("chat.send", send).await;
    peer.terminal("../../x").await;
    assert!(!gateway.gateway.paths().home.join("x").exists());
    for (name, id) in [("dots", "../../etc/passwd"), ("long", &"x".repeat(300))] {
        let get = json!({"sessionKey": "main", "messageId": id});
        let answer = peer.ok("chat.message.get", get).await;
        assert_eq!(answer["unavailableReason"], "not_found", "{name}");
    }
    gateway.finish().await;
}

async fn media(gateway: &TestGateway, name: &str, token: &str) -> clawdbot_tests::Answer {
    let head = format!("GET /media/inbound/{name} HTTP/1.1\nAuthorization: Bearer {token}");
    http(gateway.address(), &head, "").await
}

#[tokio::test]
async fn an_attachment_is_what_its_bytes_are_cht_02() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    gateway.v4().await;
    let before = fingerprint(gateway.state());
    let html = STANDARD.encode("<html><script>alert(1)</script>");
    let svg = STANDARD.encode("<svg xmlns='http://www.w3.org/2000/svg' onload='x'/>");
    for (mime, content) in [("image/png", &html), ("image/png", &svg), ("application/pdf", &html)] {
        let error = peer.fails("chat.send", attach(mime, "x.png", content)).await;
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("Error: attachment x.png: content is text/plain"), "{message}");
    }
    let program = STANDARD.encode(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    peer.fails("chat.send", attach("image/png", "x", &program)).await;
    assert_eq!(fingerprint(gateway.state()), before, "a refused attachment was stored");
    // The twins: a real image, and HTML that admits to being text.
    for (mime, name, content, kind) in [
        ("image/png", "../../etc/cron.d/x", PNG, "image/png"),
        ("text/html", "x.png\"; a=\r\nX: y", html.as_str(), "text/plain"),
    ] {
        gateway.model.push(Script::text(["seen"]));
        let send = attach(mime, name, content);
        peer.ok("chat.send", send.clone()).await;
        peer.terminal(send["idempotencyKey"].as_str().unwrap()).await;
        let history = peer.ok("chat.history", json!({"sessionKey": "main", "limit": 2})).await;
        let entry = &history["messages"][0]["__openclaw"]["media"][0];
        assert_eq!(entry["contentType"], kind, "{entry}");
        let shown = entry["fileName"].as_str().unwrap();
        assert!(!shown.contains(['/', '\r', '\n']), "{shown:?}");
        let stored = entry["url"].as_str().unwrap().strip_prefix("media://inbound/").unwrap();
        let (id, extension) = stored.split_once('.').unwrap();
        uuid::Uuid::try_parse(id).unwrap();
        assert!(["png", "txt"].contains(&extension));
        let answer = media(&gateway, stored, TOKEN).await;
        assert_eq!(answer.status, 200);
        for header in [
            format!("content-type: {kind}"),
            "x-content-type-options: nosniff".into(),
            "content-disposition: attachment".into(),
            "sandbox".into(),
        ] {
            assert!(answer.headers.contains(&header), "{header}: {}", answer.headers);
        }
        assert_eq!(media(&gateway, stored, "wrong").await.status, 401);
    }
    gateway.finish().await;
}

#[tokio::test]
async fn attachments_beyond_the_limits_are_refused_cht_03() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let before = fingerprint(gateway.state());
    let mut bomb = STANDARD.decode(PNG).unwrap();
    bomb.splice(16..24, [0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let image = format!("iVBORw0KGgo{}", "A".repeat(9_000_000));
    for (content, words) in [
        ("A".repeat(26_000_100 - 25_000), "exceeds size limit (19481325 > 19464192 bytes)"),
        (image, "image exceeds size limit (6750008 > 6291456 bytes)"),
        (STANDARD.encode(bomb), "60000 x 60000"),
        ("%%%".into(), "invalid base64 content"),
    ] {
        let error = peer.fails("chat.send", attach("image/png", "x.png", &content)).await;
        assert!(error["message"].as_str().unwrap().contains(words), "{words}: {error}");
    }
    let many: Vec<Value> = (0..10_000).map(|_| json!({"content": "aGk="})).collect();
    let mut send = attach("text/plain", "x", "aGk=");
    send["attachments"] = json!(many);
    let error = peer.fails("chat.send", send).await;
    assert!(error["message"].as_str().unwrap().contains("/attachments"), "{error}");
    assert_eq!(fingerprint(gateway.state()), before);
    gateway.finish().await;
}

async fn ask(gateway: &TestGateway, peer: &mut Peer, key: &str, script: Script) {
    gateway.model.push(script);
    let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": key});
    peer.ok("chat.send", send).await;
    peer.terminal(key).await;
}

#[tokio::test]
async fn names_in_a_models_text_are_never_opened_cht_04() {
    let gateway = TestGateway::start().await;
    let canary = gateway.gateway.paths().home.join("canary.txt");
    std::fs::write(&canary, "top secret canary").unwrap();
    let mut peer = gateway.v4().await;
    let path = canary.display();
    let text = format!("MEDIA:{path}\nfile://{path}\n\\\\host\\share\\x\nmedia://inbound/{path}");
    ask(&gateway, &mut peer, "k-1", Script::text([text.as_str()])).await;
    ask(&gateway, &mut peer, "k-2", Script::text(["ok"])).await;
    let history = peer.ok("chat.history", json!({"sessionKey": "main"})).await;
    assert_eq!(history["messages"][1]["content"], json!([{"type": "text", "text": text}]));
    let seen = format!("{history}{:?}", gateway.model.requests());
    assert!(!seen.contains("top secret canary"));
    gateway.finish().await;
}

#[tokio::test]
async fn the_read_tool_stays_in_the_workspace_fs_02_fs_03_loc_04() {
    let gateway = TestGateway::start().await;
    let workspace = gateway.workspace();
    let home = gateway.gateway.paths().home.clone();
    std::fs::write(home.join("canary.txt"), "top secret canary").unwrap();
    std::fs::write(workspace.join("fine.txt"), "fine content").unwrap();
    std::os::unix::fs::symlink(home.join("canary.txt"), workspace.join("link.txt")).unwrap();
    std::os::unix::fs::symlink(&home, workspace.join("dir")).unwrap();
    let mut peer = gateway.v4().await;
    let absolute = home.join("canary.txt").display().to_string();
    // What others made the gateway write down is not for the model either.
    let log = gateway.gateway.paths().log_file.clone();
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::fs::write(&log, "top secret canary of a log\n").unwrap();
    std::os::unix::fs::symlink(&log, workspace.join("gateway.log")).unwrap();
    let log = log.display().to_string();
    let paths = [
        "../canary.txt",
        "link.txt",
        "dir/canary.txt",
        "~/canary.txt",
        "/proc/self/environ",
        &absolute,
        &log,
        "gateway.log",
    ];
    for (n, path) in paths.iter().enumerate() {
        gateway.model.push(Script::tool("read", json!({"path": path})));
        ask(&gateway, &mut peer, &format!("k-{n}"), Script::text(["done"])).await;
    }
    let seen = format!("{:?}", gateway.model.requests());
    assert!(!seen.contains("top secret canary"));
    assert!(!seen.contains("HOME="));
    gateway.model.push(Script::tool("read", json!({"path": "fine.txt"})));
    ask(&gateway, &mut peer, "fine", Script::text(["done"])).await;
    assert!(format!("{:?}", gateway.model.requests()).contains("fine content"));
    gateway.finish().await;
}
