//! What each provider API is sent and what is made of its recorded streams.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use clawdbot_agent::{Block, Message, RunEvent, StopReason, ThinkingLevel};
use serde_json::{Value, json};
use support::{Server, finish, messages, recorded, run};

const APIS: [(&str, &str, &str); 5] = [
    ("openai-completions", "openai-text.sse", "openai-tool.sse"),
    ("openai-responses", "responses-text.sse", "responses-tool.sse"),
    ("anthropic-messages", "anthropic-text.sse", "anthropic-tool.sse"),
    ("google-generative-ai", "google-text.sse", "google-tool.sse"),
    ("ollama", "ollama-text.ndjson", "ollama-tool.ndjson"),
];

/// Runs the tool fixture and then the text fixture; returns the stored messages and the second
/// request.
async fn tool_round(api: &str, tool: &str, text: &str) -> (Vec<Message>, Value) {
    let server = Server::start([recorded(tool), recorded(text)]).await;
    let (end, events) = finish(run(&server, api, vec![Message::user("crab?")])).await;
    assert_eq!(end.unwrap().text, "Héllo world", "{api}");
    (messages(&events), server.seen()[1].body.clone())
}

#[tokio::test]
async fn text_streams_with_usage() {
    for (api, text, _) in APIS {
        let server = Server::start([recorded(text)]).await;
        let (end, events) = finish(run(&server, api, vec![Message::user("hi")])).await;
        let end = end.unwrap();
        assert_eq!(
            (end.text.as_str(), end.stop_reason),
            ("Héllo world", StopReason::Stop),
            "{api}"
        );
        let usage = end.usage;
        assert_eq!(
            (usage.input, usage.cache_read, usage.output, usage.total_tokens),
            (60, 40, 7, 107),
            "{api}"
        );
        let deltas: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                RunEvent::Text { delta } => Some(delta.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(deltas, ["Héllo", " world"], "{api}");
        let [Message::Assistant(answer)] = &messages(&events)[..] else {
            panic!("{api}: {events:?}");
        };
        assert_eq!(
            (answer.api.as_str(), answer.provider.as_str(), answer.model.as_str()),
            (api, "test", "m-1")
        );
    }
}

#[tokio::test]
async fn tools_are_called_and_their_results_sent_back() {
    for (api, text, tool) in APIS {
        let (stored, second) = tool_round(api, tool, text).await;
        let Message::Assistant(answer) = &stored[0] else {
            panic!("{api}: {stored:?}");
        };
        assert_eq!(answer.stop_reason, StopReason::ToolUse, "{api}");
        assert_eq!((answer.usage.input, answer.usage.output), (50, 20), "{api}");
        let Message::ToolResult { content, is_error: false, .. } = &stored[1] else {
            panic!("{api}: {stored:?}");
        };
        assert_eq!(content, &[Block::text("found crab")], "{api}");
        assert!(second.to_string().contains("found crab"), "{api}: {second}");
    }
}

#[tokio::test]
async fn system_prompt_tools_and_limits_reach_every_provider() {
    for (api, text, _) in APIS {
        let server = Server::start([recorded(text)]).await;
        finish(run(&server, api, vec![Message::user("hi")])).await.0.unwrap();
        let body = server.seen()[0].body.to_string();
        for part in ["Be brief.", "Looks a word up.", "lookup", "2000", "hi"] {
            assert!(body.contains(part), "{api}: {part} is missing in {body}");
        }
    }
}

#[tokio::test]
async fn addresses_and_keys_are_those_of_each_api() {
    for (api, path, header, value) in [
        (
            "openai-completions",
            "/chat/completions",
            "authorization",
            format!("Bearer {}", support::KEY),
        ),
        ("openai-responses", "/responses", "authorization", format!("Bearer {}", support::KEY)),
        ("anthropic-messages", "/v1/messages", "x-api-key", support::KEY.into()),
        (
            "google-generative-ai",
            "/models/m-1:streamGenerateContent?alt=sse",
            "x-goog-api-key",
            support::KEY.into(),
        ),
        ("ollama", "/api/chat", "authorization", format!("Bearer {}", support::KEY)),
    ] {
        let text = APIS.iter().find(|row| row.0 == api).unwrap().1;
        let server = Server::start([recorded(text)]).await;
        finish(run(&server, api, vec![Message::user("hi")])).await.0.unwrap();
        let seen = &server.seen()[0];
        assert_eq!(seen.path, path, "{api}");
        assert_eq!(seen.headers[header], value, "{api}");
        assert!(!seen.path.contains(support::KEY));
    }
}

#[tokio::test]
async fn images_go_in() {
    for (api, text, _) in APIS {
        let server = Server::start([recorded(text)]).await;
        let question = Message::User {
            content: vec![
                Block::text("what is this?"),
                Block::Image { data: "aW1hZ2U=".into(), mime_type: "image/png".into() },
            ],
        };
        finish(run(&server, api, vec![question])).await.0.unwrap();
        let body = &server.seen()[0].body;
        let (pointer, expected) = match api {
            "openai-completions" => {
                ("/messages/1/content/1/image_url/url", "data:image/png;base64,aW1hZ2U=")
            }
            "openai-responses" => {
                ("/input/0/content/1/image_url", "data:image/png;base64,aW1hZ2U=")
            }
            "anthropic-messages" => ("/messages/0/content/1/source/data", "aW1hZ2U="),
            "google-generative-ai" => ("/contents/0/parts/1/inlineData/data", "aW1hZ2U="),
            _ => ("/messages/1/images/0", "aW1hZ2U="),
        };
        let found = body
            .pointer(pointer)
            .or_else(|| body.pointer(&pointer.replace("inlineData", "inline_data")));
        assert_eq!(found, Some(&json!(expected)), "{api}: {body}");
    }
}

#[tokio::test]
async fn anthropic_thinking_comes_back_signed_and_in_order() {
    let (stored, second) =
        tool_round("anthropic-messages", "anthropic-tool.sse", "anthropic-text.sse").await;
    let Message::Assistant(answer) = &stored[0] else {
        panic!("{stored:?}");
    };
    assert_eq!(
        serde_json::to_value(&answer.content[..2]).unwrap(),
        json!([
            {"type": "thinking", "thinking": "I should look.", "thinkingSignature": "c2lnbmVk"},
            {"type": "thinking", "thinking": "", "thinkingSignature": "b3BhcXVl", "redacted": true},
        ])
    );
    let replayed = &second["messages"][1]["content"];
    assert_eq!(
        replayed,
        &json!([
            {"type": "thinking", "thinking": "I should look.", "signature": "c2lnbmVk"},
            {"type": "redacted_thinking", "data": "b3BhcXVl"},
            {"type": "tool_use", "id": "call_a", "name": "lookup", "input": {"word": "crab"}},
        ])
    );
}

#[tokio::test]
async fn openai_reasoning_comes_back_encrypted() {
    let (_, second) =
        tool_round("openai-responses", "responses-tool.sse", "responses-text.sse").await;
    let items = second["input"].as_array().unwrap();
    let kinds: Vec<_> =
        items.iter().map(|item| item["type"].as_str().unwrap_or("message")).collect();
    assert_eq!(
        kinds,
        ["message", "reasoning", "function_call", "function_call_output"],
        "{second}"
    );
    assert_eq!(items[1]["encrypted_content"], "ZW5jcnlwdGVk");
}

#[tokio::test]
async fn google_signatures_stay_with_their_calls() {
    let (_, second) =
        tool_round("google-generative-ai", "google-tool.sse", "google-text.sse").await;
    let call = &second["contents"][1]["parts"][0];
    assert_eq!(call["functionCall"]["name"], "lookup", "{second}");
    assert_eq!(call["thoughtSignature"], "c2lnbmVk", "{second}");
}

#[tokio::test]
async fn thinking_is_shown_but_not_sent_to_another_model() {
    for (api, text, tool) in APIS {
        let (mut stored, _) = tool_round(api, tool, text).await;
        let Message::Assistant(answer) = &mut stored[0] else {
            panic!("{stored:?}");
        };
        assert!(
            matches!(&answer.content[0], Block::Thinking { thinking, .. } if thinking == "I should look."),
            "{api}: {answer:?}"
        );
        answer.model = "another".into();
        stored.insert(0, Message::user("crab?"));
        let server = Server::start([recorded(text)]).await;
        finish(run(&server, api, stored)).await.0.unwrap();
        let body = server.seen()[0].body.to_string();
        for private in ["I should look.", "c2lnbmVk", "b3BhcXVl", "ZW5jcnlwdGVk"] {
            assert!(!body.contains(private), "{api}: {private} in {body}");
        }
        assert!(body.contains("found crab"), "{api}");
    }
}

#[tokio::test]
async fn images_of_tools_follow_their_results() {
    let history = vec![
        Message::user("look"),
        serde_json::from_value(json!({
            "role": "assistant", "api": "anthropic-messages", "provider": "test", "model": "m-1",
            "stopReason": "toolUse",
            "content": [{"type": "toolCall", "id": "c", "name": "read", "arguments": {}}],
        }))
        .unwrap(),
        serde_json::from_value(json!({
            "role": "toolResult", "toolCallId": "c", "toolName": "read", "isError": false,
            "content": [{"type": "image", "data": "aW1hZ2U=", "mimeType": "image/png"}],
        }))
        .unwrap(),
    ];
    let server = Server::start([recorded("anthropic-text.sse")]).await;
    finish(run(&server, "anthropic-messages", history)).await.0.unwrap();
    let body = &server.seen()[0].body;
    assert_eq!(body["messages"][2]["content"][0]["type"], "tool_result", "{body}");
    assert_eq!(body["messages"][3]["content"][1]["type"], "image", "{body}");
}

#[tokio::test]
async fn thinking_levels_become_the_words_of_each_api() {
    for (api, pointer, low) in [
        ("openai-completions", "/reasoning_effort", json!("low")),
        ("openai-responses", "/reasoning/effort", json!("low")),
        ("anthropic-messages", "/thinking/type", json!("enabled")),
        ("google-generative-ai", "/generationConfig/thinkingConfig/includeThoughts", json!(true)),
        ("ollama", "/think", json!("low")),
    ] {
        let text = APIS.iter().find(|row| row.0 == api).unwrap().1;
        let server = Server::start([recorded(text), recorded(text)]).await;
        finish(run(&server, api, vec![Message::user("hi")])).await.0.unwrap();
        let mut off = run(&server, api, vec![Message::user("hi")]);
        off.thinking = ThinkingLevel::Off;
        finish(off).await.0.unwrap();
        let seen = server.seen();
        assert_eq!(seen[0].body.pointer(pointer), Some(&low), "{api}: {}", seen[0].body);
        let off = seen[1].body.pointer(pointer);
        assert!(off.is_none_or(|value| value == &json!(false)), "{api}: {}", seen[1].body);
    }
}

#[tokio::test]
async fn anthropic_thinking_stays_below_the_answer_cap() {
    let server = Server::start([recorded("anthropic-text.sse")]).await;
    let mut run = run(&server, "anthropic-messages", vec![Message::user("hi")]);
    run.thinking = ThinkingLevel::High;
    finish(run).await.0.unwrap();
    let body = &server.seen()[0].body;
    assert!(body["thinking"]["budget_tokens"].as_u64() < body["max_tokens"].as_u64(), "{body}");
}

#[tokio::test]
async fn model_ids_that_look_like_efforts_survive() {
    for (api, text, _) in APIS {
        let server = Server::start([recorded(text)]).await;
        let model = support::catalog(&server, api)
            .model(&clawdbot_agent::ModelRef::new("test", "qwen-max"))
            .unwrap();
        let mut run = run(&server, api, vec![Message::user("hi")]);
        run.model = model;
        run.thinking = ThinkingLevel::Off;
        finish(run).await.0.unwrap();
        let seen = &server.seen()[0];
        let sent = format!("{} {}", seen.path, seen.body);
        assert!(sent.contains("qwen-max"), "{api}: {sent}");
        assert!(!sent.contains("effort"), "{api}: {sent}");
        assert!(!sent.contains("thinkingConfig"), "{api}: {sent}");
    }
}
