//! What happens when a provider, or the network before it, fails.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use std::time::{Duration, Instant};

use clawdbot_agent::{ErrorKind, Message, ModelError, Run, RunError, RunEvent, StopReason};
use serde_json::json;
use support::{KEY, Reply, Server, finish, fixture, messages, recorded, refused, run};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

const ANTHROPIC: &str = "anthropic-messages";
const OPENAI: &str = "openai-completions";

fn ask(server: &Server, api: &str) -> Run {
    run(server, api, vec![Message::user("hi")])
}

async fn failure(run: Run) -> (ModelError, Vec<RunEvent>) {
    match finish(run).await {
        (Err(RunError::Model(error)), events) => (error, events),
        (other, events) => panic!("{other:?} {events:?}"),
    }
}

fn retries(events: &[RunEvent]) -> Vec<u32> {
    events
        .iter()
        .filter_map(|event| match event {
            RunEvent::Retry { attempt, .. } => Some(*attempt),
            _ => None,
        })
        .collect()
}

fn text(events: &[RunEvent]) -> String {
    events
        .iter()
        .filter_map(|event| match event {
            RunEvent::Text { delta } => Some(delta.as_str()),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn a_wrong_key_is_final_and_not_repeated_to_anyone() {
    let body = json!({"error": {"type": "authentication_error", "message": format!("invalid x-api-key {KEY}")}});
    let server = Server::start([refused(401, body)]).await;
    let (error, events) = failure(ask(&server, ANTHROPIC)).await;
    assert_eq!((error.kind, error.http_status), (ErrorKind::Auth, Some(401)));
    let told = format!("{error} {error:?} {events:?}");
    assert!(told.contains("invalid x-api-key …"), "{told}");
    assert!(!told.contains(KEY), "{told}");
}

#[tokio::test]
async fn busy_providers_are_asked_again() {
    for (status, body) in [
        (429, json!({"error": {"type": "rate_limit_error", "message": "slow down"}})),
        (500, json!({"error": {"type": "api_error", "message": "oops"}})),
        (529, json!({"error": {"type": "overloaded_error", "message": "Overloaded"}})),
    ] {
        let replies =
            [refused(status, body.clone()), refused(status, body), recorded("anthropic-text.sse")];
        let server = Server::start(replies).await;
        let (end, events) = finish(ask(&server, ANTHROPIC)).await;
        assert_eq!(end.unwrap().text, "Héllo world", "{status}");
        assert_eq!(retries(&events), [1, 2], "{status}");
    }
}

#[tokio::test]
async fn an_overload_inside_the_stream_is_asked_again() {
    let server =
        Server::start([recorded("anthropic-overloaded.sse"), recorded("anthropic-text.sse")]).await;
    let (end, events) = finish(ask(&server, ANTHROPIC)).await;
    assert_eq!(end.unwrap().text, "Héllo world");
    assert_eq!(retries(&events), [1]);
}

#[tokio::test]
async fn an_overload_after_text_is_told_and_not_asked_again() {
    let whole = fixture("anthropic-text.sse");
    let begun = whole.split("event: content_block_stop").next().unwrap();
    let stream = format!("{begun}{}", fixture("anthropic-overloaded.sse"));
    let server = Server::start([Reply::Plain(200, Vec::new(), stream)]).await;
    let (error, events) = failure(ask(&server, ANTHROPIC)).await;
    assert_eq!(error.kind, ErrorKind::Overloaded);
    assert_eq!(text(&events), "Héllo world");
    assert!(retries(&events).is_empty());
}

#[tokio::test]
async fn patience_ends_after_four_attempts() {
    let body = json!({"error": {"message": "slow down"}});
    let server = Server::start((0..4).map(|_| refused(429, body.clone()))).await;
    let (error, events) = failure(ask(&server, OPENAI)).await;
    assert_eq!((error.kind, error.wire_kind()), (ErrorKind::RateLimit, "rate_limit"));
    assert_eq!(retries(&events), [1, 2, 3]);
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn nothing_is_repeated_once_text_was_shown() {
    for (api, name) in [
        (OPENAI, "openai-text.sse"),
        (ANTHROPIC, "anthropic-text.sse"),
        ("openai-responses", "responses-text.sse"),
        ("google-generative-ai", "google-text.sse"),
        ("ollama", "ollama-text.ndjson"),
    ] {
        let whole = fixture(name);
        let shown = whole.split_inclusive("Héllo").next().unwrap().len();
        let end = shown + whole[shown..].find('\n').unwrap() + 1;
        let end = end + whole[end..].find('\n').unwrap() + 1;
        let first = whole[..end].to_owned();
        let ended = Reply::Plain(200, Vec::new(), first.clone());
        for reply in [Reply::Cut(first), ended] {
            let server = Server::start([reply]).await;
            let (error, events) = failure(ask(&server, api)).await;
            assert_eq!(error.kind, ErrorKind::Protocol, "{api}: {error}");
            assert!(text(&events).starts_with("Héllo"), "{api}: {events:?}");
            assert!(messages(&events).is_empty(), "{api}: half an answer was stored");
        }
    }
}

#[tokio::test]
async fn malformed_streams_are_errors_and_not_answers() {
    for body in ["data: {not json}\n\n", "<html>hi</html>", "", "data: \u{0}\n\n"] {
        for api in [OPENAI, ANTHROPIC, "openai-responses", "google-generative-ai"] {
            let server = Server::start([Reply::Plain(200, Vec::new(), body.into())]).await;
            let (error, _) = failure(ask(&server, api)).await;
            assert_eq!(error.kind, ErrorKind::Protocol, "{api} {body:?}: {error}");
        }
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Server::start([]).await;
    let location: &'static str = format!("{}/chat/completions", elsewhere.url).leak();
    let replies = [Reply::Plain(307, vec![("location", location)], String::new())];
    let server = Server::start(replies).await;
    let (error, _) = failure(ask(&server, OPENAI)).await;
    assert_eq!((error.kind, error.http_status), (ErrorKind::BadRequest, Some(307)));
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn nobody_listening_is_told_at_once() {
    let server = Server::start([]).await;
    let mut run = ask(&server, OPENAI);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    run.model = clawdbot_agent::Catalog::new(clawdbot_agent::CatalogSettings {
        providers: vec![clawdbot_agent::ProviderSettings {
            id: "test".into(),
            base_url: Some(format!("http://127.0.0.1:{port}/v1")),
            ..Default::default()
        }],
        ..Default::default()
    })
    .model(&"test/m".parse().unwrap())
    .unwrap();
    let (error, events) = failure(run).await;
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
    assert!(error.to_string().contains("models.providers.test.baseUrl"), "{error}");
    assert!(retries(&events).is_empty());
}

#[tokio::test]
async fn a_refusal_is_told_apart() {
    let stream = fixture("anthropic-text.sse").replace("end_turn", "refusal");
    let server = Server::start([Reply::Plain(200, Vec::new(), stream)]).await;
    let (error, _) = failure(ask(&server, ANTHROPIC)).await;
    assert_eq!((error.kind, error.wire_kind()), (ErrorKind::Refusal, "refusal"));
}

#[tokio::test]
async fn a_cut_answer_runs_no_tools() {
    let stream = fixture("openai-tool.sse").replace("\"tool_calls\"}]", "\"length\"}]");
    let server = Server::start([Reply::Plain(200, Vec::new(), stream)]).await;
    let (end, events) = finish(ask(&server, OPENAI)).await;
    assert_eq!(end.unwrap().stop_reason, StopReason::Length);
    assert!(!events.iter().any(|event| matches!(event, RunEvent::ToolStarted { .. })));
}

#[tokio::test]
async fn a_hostile_call_index_costs_nothing() {
    let stream = fixture("openai-tool.sse").replace("\"index\":1", "\"index\":4294967295");
    let server =
        Server::start([Reply::Plain(200, Vec::new(), stream), recorded("openai-text.sse")]).await;
    assert_eq!(finish(ask(&server, OPENAI)).await.0.unwrap().text, "Héllo world");
}

#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    let word = "x".repeat(1024 * 1024);
    let chunk = format!("data: {}\n\n", json!({"choices": [{"delta": {"content": word}}]}));
    let server = Server::start([Reply::Plain(200, Vec::new(), chunk.repeat(20))]).await;
    let (error, events) = failure(ask(&server, OPENAI)).await;
    assert_eq!(error.cause, "the answer does not end");
    assert_eq!(text(&events).len(), 16 * 1024 * 1024);
}

#[tokio::test]
async fn models_without_tools_can_still_chat() {
    let refusal = json!({"error": "library/gemma:2b does not support tools"});
    let server = Server::start([refused(400, refusal), recorded("ollama-text.ndjson")]).await;
    let (end, _) = finish(ask(&server, "ollama")).await;
    assert_eq!(end.unwrap().text, "Héllo world");
    assert!(server.seen()[0].body.get("tools").is_some());
    assert!(server.seen()[1].body.get("tools").is_none());
}

#[tokio::test]
async fn endless_tool_calls_end() {
    let server = Server::start((0..4).map(|_| recorded("openai-tool.sse"))).await;
    let (end, _) = finish(ask(&server, OPENAI)).await;
    assert_eq!(end, Err(RunError::TooManyTurns { limit: 4 }));
}

#[tokio::test]
async fn stopping_takes_milliseconds_and_hangs_up() {
    let first = fixture("openai-text.sse").split_inclusive("\n\n").take(2).collect();
    let (held, gone) = oneshot::channel();
    let server = Server::start([Reply::Hang(first, held)]).await;
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let mut stopped = None;
    let end = ask(&server, OPENAI)
        .execute(cancel, |event| {
            if matches!(event, RunEvent::Text { .. }) {
                stopped = Some(Instant::now());
                stop.cancel();
            }
        })
        .await;
    assert_eq!(end, Err(RunError::Cancelled));
    assert!(stopped.unwrap().elapsed() < Duration::from_millis(100));
    let hung_up = tokio::time::timeout(Duration::from_secs(5), gone).await;
    assert!(hung_up.expect("the provider was left talking").is_err());
}
