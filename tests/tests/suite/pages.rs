//! What browsers fetch: WebChat below its base path, its settings, pictures (protocol §17, §18).

use clawdbot_tests::{Setup, TOKEN, TestGateway, http, post};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn get(gateway: &TestGateway, path: &str) -> clawdbot_tests::Answer {
    http(gateway.address(), &format!("GET {path} HTTP/1.1"), "").await
}

async fn signed_in(gateway: &TestGateway, path: &str) -> clawdbot_tests::Answer {
    let head = format!("GET {path} HTTP/1.1\nAuthorization: Bearer {TOKEN}");
    http(gateway.address(), &head, "").await
}

#[tokio::test]
async fn the_page_lives_below_its_base_path() {
    let base = ("gateway.controlUi.basePath", json!("ui/"));
    let gateway = Setup::new().await.set(base.0, base.1).start().await;
    let moved = get(&gateway, "/ui?session=main").await;
    assert_eq!(moved.status, 302);
    assert!(moved.headers.contains("location: /ui/?session=main"), "{moved:?}");
    for path in ["/ui/", "/ui/chat", "/ui/chat/agent%3Amain%3Amain"] {
        let page = get(&gateway, path).await;
        assert_eq!(page.status, 200, "{path}");
        let script = page.body.split("src=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(script.starts_with("/ui/"), "{path}: {script}");
        assert_eq!(get(&gateway, script).await.status, 200, "{script}");
    }
    for path in ["/", "/uix", "/chat", "/ui/assets/nothing.js", "/v1/embeddings", "/api/users/1"] {
        assert_eq!(get(&gateway, path).await.status, 404, "{path}");
    }
    assert_eq!(get(&gateway, "/health").await.status, 200);
    gateway.finish().await;
}

#[tokio::test]
async fn a_page_gets_its_settings_once_it_has_signed_in_web_09() {
    let gateway = Setup::new()
        .await
        .set("ui.assistant", json!({"name": "Molly", "avatar": "M"}))
        .start()
        .await;
    for prefix in ["", "/__openclaw", "/__openclaw__"] {
        let path = format!("{prefix}/control-ui-config.json");
        let refused = get(&gateway, &path).await;
        let body = json!({"error": {"message": "Unauthorized", "type": "unauthorized"}});
        assert_eq!((refused.status, refused.json()), (401, body));
        let config = signed_in(&gateway, &path).await.json();
        assert_eq!(config["assistantName"], "Molly");
        assert_eq!(
            (&config["basePath"], &config["assistantAgentId"]),
            (&json!(""), &json!("main"))
        );
        assert_eq!(config.get("serverBuildId"), None);
    }
    for path in ["/v1/embeddings", "/api/users/1/avatar", "/__openclaw__/canvas/x"] {
        assert_eq!(get(&gateway, path).await.status, 404, "{path}");
    }
    for path in ["/health", "/healthz", "/ready", "/readyz"] {
        let answer = get(&gateway, path).await;
        assert_eq!(answer.status, 200, "{path}");
        let members: Vec<String> = answer.json().as_object().unwrap().keys().cloned().collect();
        assert!(members.len() == 2 && !answer.body.contains('/'), "{answer:?}");
    }
    gateway.finish().await;
}

#[tokio::test]
async fn an_avatar_is_a_picture_of_the_workspace_and_nothing_else_fs_01() {
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";
    let agents = json!([
        {"id": "main", "default": true, "identity": {"avatar": "face.png"}},
        {"id": "sly", "identity": {"avatar": "../.clawdbot/clawdbot.json"}},
        {"id": "text", "identity": {"avatar": "note.txt"}},
        {"id": "far", "identity": {"avatar": "https://pictures.example/a.png"}},
    ]);
    let gateway = Setup::new().await.set("agents.list", agents).start().await;
    std::fs::write(gateway.workspace().join("face.png"), PNG).unwrap();
    std::fs::write(gateway.workspace().join("note.txt"), "a note").unwrap();
    assert_eq!(get(&gateway, "/avatar/main").await.status, 401);
    let face = signed_in(&gateway, "/avatar/main").await;
    assert_eq!(face.status, 200);
    assert!(face.headers.contains("content-type: image/png"), "{face:?}");
    assert!(face.headers.contains("sandbox"), "{face:?}");
    for id in ["sly", "text", "far", "nobody"] {
        assert_eq!(signed_in(&gateway, &format!("/avatar/{id}")).await.status, 404, "{id}");
    }
    let meta = async |id: &str| {
        signed_in(&gateway, &format!("/avatar/{id}?meta=1")).await.json()["avatarUrl"].clone()
    };
    assert_eq!(meta("main").await, "/avatar/main");
    assert_eq!(meta("far").await, "https://pictures.example/a.png");
    assert_eq!(meta("sly").await, Value::Null);
    gateway.finish().await;
}

#[tokio::test]
async fn every_answer_carries_the_headers_web_07() {
    let hsts = "max-age=31536000; includeSubDomains";
    let gateway = Setup::new()
        .await
        .set("gateway.http.securityHeaders.strictTransportSecurity", json!(hsts))
        .set("gateway.controlUi.basePath", json!("/ui"))
        .start()
        .await;
    let address = gateway.address();
    let answers = [
        (302, get(&gateway, "/ui").await),
        (200, get(&gateway, "/ui/").await),
        (404, get(&gateway, "/nowhere").await),
        (400, get(&gateway, "/a/../b").await),
        (401, get(&gateway, "/ui/control-ui-config.json").await),
        (405, post(address, "/health", TOKEN, "", "{}").await),
        (
            415,
            http(
                address,
                &format!("POST /tools/invoke HTTP/1.1\nAuthorization: Bearer {TOKEN}"),
                "{}",
            )
            .await,
        ),
        (403, http(address, "GET / HTTP/1.1\nHost: evil.example", "").await),
    ];
    for (status, answer) in answers {
        assert_eq!(answer.status, status, "{answer:?}");
        for header in [
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
            "frame-ancestors 'none'",
            "permissions-policy: camera=()",
            &format!("strict-transport-security: {}", hsts.to_lowercase()),
        ] {
            assert!(answer.headers.contains(header), "{status} lacks {header}: {}", answer.headers);
        }
        assert!(!answer.headers.contains("access-control-"), "{}", answer.headers);
    }
    gateway.finish().await;
    // Only where it is configured.
    let gateway = Setup::new()
        .await
        .set("gateway.http.securityHeaders.strictTransportSecurity", json!(false))
        .start()
        .await;
    assert!(!get(&gateway, "/").await.headers.contains("strict-transport"));
    gateway.finish().await;
}

#[tokio::test]
async fn an_old_secret_fails_on_the_next_request_of_an_open_connection_ws_06() {
    let gateway = TestGateway::start().await;
    let mut tcp = TcpStream::connect(gateway.address()).await.unwrap();
    let mut get = async || {
        let head = format!(
            "GET /control-ui-config.json HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n",
            gateway.address()
        );
        tcp.write_all(head.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(tcp.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let length = head.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap();
        tcp.read_exact(&mut vec![0; length.parse().unwrap()]).await.unwrap();
        head.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(get().await, "200");
    let mut peer = gateway.v4().await;
    let hash = peer.ok("config.get", json!({})).await["hash"].clone();
    let raw = json!({"gateway": {"auth": {"token": "another-token-of-the-owner"}}});
    peer.post("config.patch", json!({"raw": raw.to_string(), "baseHash": hash})).await;
    assert_eq!(peer.closed().await.0, 4001);
    assert_eq!(get().await, "401");
    gateway.finish().await;
}

#[tokio::test]
async fn another_interface_is_served_from_its_own_directory_only() {
    let setup = Setup::new().await;
    let (root, secret) = (setup.home().join("my-ui"), setup.home().join("secret.txt"));
    std::fs::create_dir_all(root.join("js")).unwrap();
    std::fs::write(root.join("index.html"), "<script src=\"./js/app.js\"></script>").unwrap();
    std::fs::write(root.join("js/app.js"), "hello()").unwrap();
    std::fs::write(&secret, "canary").unwrap();
    std::os::unix::fs::symlink(&secret, root.join("link.txt")).unwrap();
    std::fs::hard_link(&secret, root.join("hard.txt")).unwrap();
    std::fs::write(root.join("js/.env"), "canary").unwrap();
    let base = setup.set("gateway.controlUi.basePath", json!("/ui"));
    let gateway = base.set("gateway.controlUi.root", json!("~/my-ui")).start().await;
    for path in ["/ui/", "/ui/chat/main"] {
        let page = get(&gateway, path).await;
        assert_eq!(page.body, "<script src=\"/ui/js/app.js\"></script>");
        assert!(page.headers.contains("content-security-policy") && page.status == 200);
    }
    let script = get(&gateway, "/ui/js/app.js").await;
    assert_eq!(script.body, "hello()");
    assert!(script.headers.contains("content-type: text/javascript"), "{script:?}");
    // FS-03: neither a link nor a path leads out of it, and what is hidden stays so.
    let paths =
        ["link.txt", "hard.txt", "../secret.txt", "%2e%2e/secret.txt", "js/../../secret.txt"];
    for path in paths.into_iter().chain(["js/.env"]) {
        let answer = get(&gateway, &format!("/ui/{path}")).await;
        assert!(
            matches!(answer.status, 400 | 404) && !answer.body.contains("canary"),
            "{answer:?}"
        );
    }
    std::fs::remove_file(root.join("index.html")).unwrap();
    let gone = get(&gateway, "/ui/").await;
    assert_eq!(gone.status, 503);
    assert!(gone.body.contains("gateway.controlUi.root"), "{gone:?}");
    gateway.finish().await;
}
