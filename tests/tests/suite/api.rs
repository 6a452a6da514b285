//! The programming interfaces over HTTP: OpenAI's and `tools/invoke` (protocol §17.4, §17.5).

use clawdbot_tests::{
    Answer, Connect, Gate, Script, Setup, TOKEN, TestGateway, fingerprint, http, http_until, post,
    post_head, soon,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

async fn setup() -> Setup {
    Setup::new()
        .await
        .set("gateway.http.endpoints.chatCompletions.enabled", json!(true))
        .set("gateway.http.endpoints.responses.enabled", json!(true))
        .set("agents.list", json!([{"id": "main", "default": true}, {"id": "ops"}]))
}

async fn ask(gateway: &TestGateway, path: &str, more: &str, body: Value) -> Answer {
    post(gateway.address(), path, TOKEN, more, &body.to_string()).await
}

fn hello(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "hello"}]})
}

/// The events of a stream: their names, where they have one, and their data.
fn events(answer: &Answer) -> Vec<(String, Value)> {
    let blocks = answer.body.split("\n\n").filter(|block| !block.is_empty());
    blocks
        .map(|block| {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            let data = field("data: ").unwrap_or_default();
            let data = serde_json::from_str(data).unwrap_or_else(|_| json!(data));
            (field("event: ").unwrap_or_default().to_owned(), data)
        })
        .collect()
}

#[tokio::test]
async fn a_completion_comes_whole() {
    let gateway = setup().await.start().await;
    gateway.model.push(Script::text(["Good ", "day"]));
    let answer = ask(&gateway, CHAT, "", hello("clawdbot")).await;
    let body = answer.json();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!((&body["object"], &body["model"]), (&json!("chat.completion"), &json!("clawdbot")));
    assert!(body["id"].as_str().unwrap().starts_with("chatcmpl-"));
    let choice = &body["choices"][0];
    assert_eq!(choice["message"]["content"], "Good day");
    assert_eq!((&choice["finish_reason"], &choice["index"]), (&json!("stop"), &json!(0)));
    let usage = json!({"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 0}});
    assert_eq!(body["usage"], usage);
    gateway.finish().await;
}

#[tokio::test]
async fn a_completion_comes_bit_by_bit() {
    let gateway = setup().await.start().await;
    let gate = Gate::new();
    gateway.model.push(Script::text(["Good "]).hold(&gate).say("day"));
    let mut body = hello("openclaw/ops");
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    let (address, head) = (gateway.address(), post_head(CHAT, TOKEN, ""));
    let answer = http_until(address, &head, &body.to_string(), "Good ", || gate.open()).await;
    assert!(answer.headers.contains("content-type: text/event-stream"), "{answer:?}");
    let events = events(&answer);
    let (last, chunks) = events.split_last().unwrap();
    assert_eq!(last.1, "[DONE]");
    assert!(chunks.iter().all(|(_, chunk)| chunk["object"] == "chat.completion.chunk"));
    assert_eq!(chunks[0].1["choices"][0]["delta"]["role"], "assistant");
    let texts: Vec<&str> = chunks
        .iter()
        .filter_map(|(_, chunk)| chunk["choices"][0]["delta"]["content"].as_str())
        .filter(|text| !text.is_empty())
        .collect();
    assert_eq!(texts, ["Good ", "day"], "{chunks:?}");
    let (usage, rest) = chunks.split_last().unwrap();
    assert_eq!((&usage.1["choices"], &usage.1["usage"]["total_tokens"]), (&json!([]), &json!(18)));
    let finish = &rest.last().unwrap().1["choices"][0];
    assert_eq!((&finish["finish_reason"], &finish["delta"]), (&json!("stop"), &json!({})));
    gateway.finish().await;
}

#[tokio::test]
async fn a_response_comes_whole_and_is_continued() {
    let gateway = setup().await.start().await;
    gateway.model.push(Script::text(["One."]));
    gateway.model.push(Script::text(["Two."]));
    let body = json!({"model": "clawdbot:main", "input": "first", "instructions": "Be brief."});
    let first = ask(&gateway, RESPONSES, "", body).await.json();
    assert_eq!((&first["object"], &first["status"]), (&json!("response"), &json!("completed")));
    let output = &first["output"][0];
    assert_eq!((&output["type"], &output["role"]), (&json!("message"), &json!("assistant")));
    assert_eq!(output["content"][0]["type"], "output_text");
    assert_eq!(output["content"][0]["text"], "One.");
    assert_eq!(
        (&first["usage"]["input_tokens"], &first["usage"]["output_tokens"]),
        (&json!(11), &json!(7))
    );
    let body = json!({"model": "clawdbot", "previous_response_id": first["id"],
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "second"}]}]});
    let second = ask(&gateway, RESPONSES, "", body).await.json();
    assert_eq!(second["output"][0]["content"][0]["text"], "Two.");
    // The agent remembers the first exchange by itself.
    let asked = gateway.model.requests();
    assert!(asked[0]["messages"][0].to_string().contains("Be brief."));
    let said = asked[1]["messages"].to_string();
    assert!(said.contains("first") && said.contains("One.") && said.contains("second"), "{said}");
    let body = json!({"model": "clawdbot", "input": "x", "previous_response_id": "resp_nobody"});
    assert_eq!(ask(&gateway, RESPONSES, "", body).await.status, 400);
    gateway.finish().await;
}

#[tokio::test]
async fn a_response_comes_bit_by_bit() {
    let gateway = setup().await.start().await;
    gateway.model.push(Script::text(["Good day"]));
    let body = json!({"model": "clawdbot", "input": "hello", "stream": true});
    let events = events(&ask(&gateway, RESPONSES, "", body).await);
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
        "",
    ];
    assert_eq!(names, expected);
    for (at, (name, data)) in events[..9].iter().enumerate() {
        assert_eq!((&data["type"], &data["sequence_number"]), (&json!(name), &json!(at)));
    }
    assert_eq!(events[4].1["delta"], "Good day");
    let done = &events[8].1["response"];
    assert_eq!(done["output"][0]["content"][0]["text"], "Good day");
    assert_eq!(done["usage"]["total_tokens"], 18);
    gateway.finish().await;
}

#[tokio::test]
async fn interfaces_are_off_until_they_are_switched_on() {
    let gateway = TestGateway::start().await;
    for path in [CHAT, RESPONSES] {
        assert_eq!(ask(&gateway, path, "", hello("clawdbot")).await.status, 404, "{path}");
    }
    let models = format!("GET /v1/models HTTP/1.1\nAuthorization: Bearer {TOKEN}");
    assert_eq!(http(gateway.address(), &models, "").await.status, 404);
    // Switched on while the gateway runs.
    let mut peer = gateway.v4().await;
    let hash = peer.ok("config.get", json!({})).await["hash"].clone();
    let raw = json!({"gateway": {"http": {"endpoints": {"chatCompletions": {"enabled": true}}}}});
    peer.ok("config.patch", json!({"raw": raw.to_string(), "baseHash": hash})).await;
    gateway.model.echo();
    let answer = ask(&gateway, CHAT, "", hello("clawdbot")).await;
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "hello");
    let list = http(gateway.address(), &models, "").await.json();
    assert_eq!((&list["object"], &list["data"][0]["id"]), (&json!("list"), &json!("clawdbot")));
    gateway.finish().await;
}

#[tokio::test]
async fn without_a_secret_any_key_will_do() {
    let gateway = setup().await.set("gateway.auth", json!({"mode": "none"})).start().await;
    gateway.model.echo();
    let answer = post(gateway.address(), CHAT, "sk-any", "", &hello("clawdbot").to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    gateway.finish().await;
}

#[tokio::test]
async fn without_a_secret_only_this_machine_gets_in() {
    let setup = setup().await.set("gateway.auth", json!({"mode": "none"}));
    let gateway = setup.set("gateway.trustedProxies", json!(["127.0.0.1"])).start().await;
    let status = async |more: &str| {
        let head = format!("GET /v1/models HTTP/1.1\nAuthorization: Bearer sk-any{more}");
        http(gateway.address(), &head, "").await.status
    };
    assert_eq!(status("\nX-Forwarded-For: 203.0.113.9").await, 401);
    assert_eq!(status("").await, 200);
    gateway.finish().await;
}

#[tokio::test]
async fn model_headers_and_user_choose_agent_and_conversation() {
    let gateway = setup().await.start().await;
    gateway.model.echo();
    let keys = async |peer: &mut clawdbot_tests::Peer| {
        let list = peer.ok("sessions.list", json!({})).await;
        let rows = list["sessions"].as_array().unwrap().clone();
        rows.iter().map(|row| row["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut peer = gateway.v4().await;
    let mut with_user = hello("agent:ops");
    with_user["user"] = json!("ann");
    for (more, body, expected) in [
        ("\nx-openclaw-session-key: agent:main:desk", hello("clawdbot"), "agent:main:desk"),
        (
            "\nx-clawdbot-agent-id: ops\nx-clawdbot-session-key: agent:ops:desk",
            hello("moltbot"),
            "agent:ops:desk",
        ),
        ("", with_user, "agent:ops:openai-user:ann"),
        ("", hello("fake/fake-model"), "agent:main:openai:"),
    ] {
        let answer = ask(&gateway, CHAT, more, body).await;
        assert_eq!(answer.status, 200, "{more}: {answer:?}");
        let keys = keys(&mut peer).await;
        assert!(keys.iter().any(|key| key.starts_with(expected)), "{expected}: {keys:?}");
    }
    for (more, model, status) in [
        ("", "gpt-4o", 404),
        ("", "clawdbot/nobody", 404),
        ("", "nowhere/fake-model", 404),
        ("\nx-openclaw-model: nowhere/model", "clawdbot", 404),
        ("\nx-openclaw-agent-id: nobody", "clawdbot", 404),
        ("\nx-openclaw-session-key: agent:ops:x", "clawdbot/main", 400),
        ("\nx-openclaw-session-key: ../../x", "clawdbot", 400),
    ] {
        let answer = ask(&gateway, CHAT, more, hello(model)).await;
        assert_eq!(answer.status, status, "{more} {model}: {answer:?}");
        assert_eq!(answer.json()["error"]["type"], "invalid_request_error");
    }
    gateway.finish().await;
}

#[tokio::test]
async fn a_caller_that_goes_away_stops_its_run() {
    let gateway = setup().await.start().await;
    for (turn, stream) in [true, false].into_iter().enumerate() {
        gateway.model.push(Script::text(["Well, "]).stall());
        let mut body = hello("clawdbot");
        body["stream"] = json!(stream);
        let (text, address) = (body.to_string(), gateway.address());
        let head = format!(
            "POST {CHAT} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        let mut tcp = tokio::net::TcpStream::connect(address).await.unwrap();
        tcp.write_all(head.as_bytes()).await.unwrap();
        let mut status = gateway.gateway.status();
        soon("the run", status.wait_for(|status| status.active_runs == 1)).await.unwrap();
        let asked = async {
            while gateway.model.requests().len() <= turn {
                tokio::task::yield_now().await;
            }
        };
        soon("the model being asked", asked).await;
        if stream {
            assert!(tcp.read_u8().await.is_ok());
        }
        drop(tcp);
        soon("the end", status.wait_for(|status| status.active_runs == 0)).await.unwrap();
        let key = "agent:main:openai:";
        let rows = gateway.v4().await.ok("sessions.list", json!({})).await;
        let rows = rows["sessions"].as_array().unwrap().clone();
        let row = rows.iter().find(|row| row["key"].as_str().unwrap().starts_with(key)).unwrap();
        assert_eq!((&row["status"], &row["abortedLastRun"]), (&json!("killed"), &json!(true)));
    }
    gateway.finish().await;
}

#[tokio::test]
async fn what_fails_fails_in_the_shape_clients_know() {
    let gateway = setup().await.start().await;
    gateway.model.push(Script::error(400, "the model is out"));
    let answer = ask(&gateway, CHAT, "", hello("clawdbot")).await;
    assert_eq!((answer.status, &answer.json()["error"]["type"]), (500, &json!("api_error")));
    gateway.model.push(Script::error(400, "the model is out"));
    let mut body = hello("clawdbot");
    body["stream"] = json!(true);
    let streamed = events(&ask(&gateway, CHAT, "", body).await);
    let failed = streamed.iter().find(|(_, data)| data["error"].is_object()).unwrap();
    assert_eq!(failed.1["error"]["type"], "api_error");
    assert_eq!(streamed.last().unwrap().1, "[DONE]");
    let before = fingerprint(gateway.state());
    let picture = json!([{"type": "image_url", "image_url": {"url": "http://127.0.0.1/x.png"}}]);
    let mut two = hello("clawdbot");
    two["n"] = json!(2);
    for body in [
        json!({"model": "clawdbot", "messages": []}),
        json!({"model": "clawdbot"}),
        json!({"model": "clawdbot", "messages": [{"role": "ghost", "content": "x"}]}),
        json!({"model": "clawdbot", "messages": [{"role": "user", "content": picture}]}),
        two,
    ] {
        let answer = ask(&gateway, CHAT, "", body.clone()).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        assert_eq!(answer.json()["error"]["type"], "invalid_request_error");
    }
    assert_eq!(fingerprint(gateway.state()), before);
    gateway.finish().await;
}

#[tokio::test]
async fn a_picture_in_the_request_reaches_the_model() {
    let gateway = setup().await.start().await;
    gateway.model.push(Script::text(["A dot."]));
    let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let content = json!([{"type": "text", "text": "what is it?"},
        {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{png}")}}]);
    let body = json!({"model": "clawdbot", "messages": [{"role": "user", "content": content}]});
    assert_eq!(ask(&gateway, CHAT, "", body).await.status, 200);
    assert!(gateway.model.requests()[0].to_string().contains(png));
    gateway.finish().await;
}

#[tokio::test]
async fn only_known_callers_with_the_scope_get_through_web_09_web_10() {
    let gateway = setup().await.start().await;
    // Somebody at the same address is signed in; that proves nothing about others.
    let mut peer = gateway.v4().await;
    let before = fingerprint(gateway.state());
    let body = hello("clawdbot").to_string();
    for path in [CHAT, RESPONSES, "/tools/invoke"] {
        let head = format!("POST {path} HTTP/1.1\nContent-Type: application/json");
        let answer = http(gateway.address(), &head, &body).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.body, r#"{"error":{"message":"Unauthorized","type":"unauthorized"}}"#);
        assert_eq!(post(gateway.address(), path, "wrong", "", &body).await.status, 401);
        let get = format!("GET {path} HTTP/1.1\nAuthorization: Bearer {TOKEN}");
        let answer = http(gateway.address(), &get, "").await;
        assert_eq!((answer.status, answer.headers.contains("allow: post")), (405, true), "{path}");
        // The header narrows and never widens (PRX-03).
        let narrow = "\nx-openclaw-scopes: operator.read";
        let answer = post(gateway.address(), path, TOKEN, narrow, &body).await;
        assert_eq!((answer.status, answer.body.contains("operator.write")), (403, true), "{path}");
    }
    assert_eq!(fingerprint(gateway.state()), before);
    // A device's token does what the device may do.
    let device = std::sync::Arc::new(clawdbot_protocol::DeviceIdentity::from_seed(&[5; 32]));
    let reader = Connect::v4().scopes(&["operator.read"]).device(&device);
    let hello_ok = gateway.peer().await.connect(reader).await.unwrap();
    let token = hello_ok["auth"]["deviceToken"].as_str().unwrap();
    let admin = "\nx-openclaw-scopes: operator.admin";
    let answer = post(gateway.address(), CHAT, token, admin, &body).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    let models = format!("GET /v1/models HTTP/1.1\nAuthorization: Bearer {token}");
    assert_eq!(http(gateway.address(), &models, "").await.status, 200);
    peer.ok("health", json!({})).await;
    gateway.finish().await;
}

#[tokio::test]
async fn bodies_are_bounded_and_plain_json_dos_05_dos_08() {
    let limit = ("gateway.http.endpoints.chatCompletions.maxBodyBytes", json!(4096));
    let gateway = setup().await.set(limit.0, limit.1).start().await;
    gateway.model.echo();
    let large = hello(&"x".repeat(5_000)).to_string();
    assert_eq!(post(gateway.address(), CHAT, TOKEN, "", &large).await.status, 413);
    let deep = format!("{}{}", "[".repeat(1_500), "]".repeat(1_500));
    assert_eq!(post(gateway.address(), CHAT, TOKEN, "", &deep).await.status, 400);
    let gzip = "\nContent-Encoding: gzip";
    let small = hello("clawdbot").to_string();
    assert_eq!(post(gateway.address(), CHAT, TOKEN, gzip, &small).await.status, 415);
    assert_eq!(post(gateway.address(), CHAT, TOKEN, "", &small).await.status, 200);
    gateway.finish().await;
}

#[tokio::test]
async fn a_slash_command_is_only_text_here_scp_03() {
    let gateway = setup().await.start().await;
    gateway.model.echo();
    let config = std::fs::read_to_string(&gateway.gateway.paths().config).unwrap();
    let body = json!({"model": "clawdbot",
        "messages": [{"role": "user", "content": "/config set gateway.auth.mode none"}]});
    let answer = ask(&gateway, CHAT, "", body).await;
    let said = &answer.json()["choices"][0]["message"]["content"];
    assert_eq!(said, "/config set gateway.auth.mode none");
    assert_eq!(std::fs::read_to_string(&gateway.gateway.paths().config).unwrap(), config);
    gateway.finish().await;
}

#[tokio::test]
async fn tools_that_look_can_be_called() {
    let gateway = Setup::new().await.set("gateway.tools.deny", json!(["session_status"])).start();
    let gateway = gateway.await;
    std::fs::write(gateway.workspace().join("note.txt"), "remember the milk").unwrap();
    let call = async |body: Value| ask(&gateway, "/tools/invoke", "", body).await;
    let read = call(json!({"tool": "read", "args": {"path": "note.txt"}})).await;
    assert_eq!(read.status, 200, "{read:?}");
    assert_eq!(read.json()["ok"], true);
    assert_eq!(read.json()["result"]["content"][0]["text"], "remember the milk");
    // Nothing outside the workspace (FS-01), nothing that is denied, nothing that does not exist.
    let outside = call(json!({"tool": "read", "args": {"path": "../.clawdbot/clawdbot.json"}}));
    let outside = outside.await;
    assert_eq!((outside.status, &outside.json()["error"]["type"]), (400, &json!("tool_error")));
    assert!(!outside.body.contains(TOKEN));
    for tool in ["session_status", "exec", "nonsense"] {
        let answer = call(json!({"tool": tool})).await;
        let error = json!({"type": "not_found", "message": format!("Tool not available: {tool}")});
        assert_eq!((answer.status, answer.json()), (404, json!({"ok": false, "error": error})));
    }
    assert_eq!(call(json!({"nothing": 1})).await.json()["error"]["type"], "invalid_request");
    gateway.finish().await;
}
