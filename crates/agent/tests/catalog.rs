//! Which models exist and which one is the default.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeMap;

use clawdbot_agent::{
    Api, Catalog, CatalogSettings, LocalServers, Message, ModelSettings, ProviderSettings,
};
use serde_json::json;
use support::{KEY, Reply, Server, finish, recorded, run};

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn mock() -> ProviderSettings {
    ProviderSettings {
        id: "mock".into(),
        base_url: Some("http://127.0.0.1:1/v1".into()),
        models: vec![ModelSettings { id: "mock-1".into(), ..ModelSettings::default() }],
        ..ProviderSettings::default()
    }
}

fn default_of(settings: CatalogSettings) -> String {
    Catalog::new(settings).default_model().to_string()
}

#[test]
fn the_default_is_the_best_there_is() {
    let keys = env(&[("OPENAI_API_KEY", "k"), ("GEMINI_API_KEY", "k")]);
    let mut settings = CatalogSettings::default();
    assert_eq!(default_of(settings.clone()), "builtin/demo");
    settings.env = keys;
    assert_eq!(default_of(settings.clone()), "openai/gpt-6.2-sol");
    settings.providers = vec![mock()];
    assert_eq!(default_of(settings.clone()), "mock/mock-1");
    settings.primary = Some("google/gemini-x".into());
    assert_eq!(default_of(settings.clone()), "google/gemini-x");
    settings.primary = Some("mock-1".into());
    assert_eq!(default_of(settings.clone()), "mock/mock-1");
    settings.primary = Some("claude-x".into());
    assert_eq!(default_of(settings), "anthropic/claude-x");
}

#[test]
fn only_usable_providers_are_listed_and_the_demo_always() {
    let settings = CatalogSettings {
        env: env(&[("GOOGLE_API_KEY", "k"), ("ANTHROPIC_API_KEY", "  ")]),
        ..CatalogSettings::default()
    };
    let listed = Catalog::new(settings.clone()).list();
    let providers: Vec<_> = listed.iter().map(|info| info.reference.provider.as_str()).collect();
    assert!(providers[..providers.len() - 1].iter().all(|id| *id == "google"));
    assert_eq!(*providers.last().unwrap(), "builtin");
    let replaced = Catalog::new(CatalogSettings { replace: true, ..settings });
    assert_eq!(replaced.list().len(), 1);
}

#[test]
fn what_cannot_be_had_is_explained() {
    let mut settings = CatalogSettings::default();
    settings.providers.push(ProviderSettings { id: "lost".into(), ..Default::default() });
    settings.providers.push(ProviderSettings {
        id: "open".into(),
        base_url: Some("https://me:secret@example.com/v1".into()),
        ..Default::default()
    });
    settings.providers.push(ProviderSettings { api: Some("morse".into()), ..mock() });
    let catalog = Catalog::new(settings);
    for (reference, code, sentence) in [
        (
            "bogus/x",
            "UNKNOWN_PROVIDER",
            "Unknown provider \"bogus\". Use /models to list providers.",
        ),
        ("builtin/x", "UNKNOWN_MODEL", "Unknown model \"builtin/x\". Use /models to list models."),
        (
            "anthropic/x",
            "MISSING_API_KEY",
            "anthropic has no API key. Set ANTHROPIC_API_KEY or models.providers.anthropic.apiKey.",
        ),
        (
            "lost/x",
            "INVALID_BASE_URL",
            "lost has no usable address. Set models.providers.lost.baseUrl to an http:// or \
             https:// URL without user name and password.",
        ),
        (
            "open/x",
            "INVALID_BASE_URL",
            "open has no usable address. Set models.providers.open.baseUrl to an http:// or \
             https:// URL without user name and password.",
        ),
    ] {
        let error = catalog.model(&reference.parse().unwrap()).err().unwrap();
        assert_eq!((error.code(), error.to_string().as_str()), (code, sentence));
    }
    let error = catalog.model(&"mock/mock-1".parse().unwrap()).err().unwrap();
    assert!(error.to_string().contains("morse"), "{error}");
}

#[test]
fn keys_stay_out_of_debug_output() {
    let settings = ProviderSettings {
        api_key: Some(KEY.into()),
        headers: [("X-Key".to_owned(), KEY.into())].into(),
        ..mock()
    };
    assert!(!format!("{settings:?}").contains(KEY));
}

#[tokio::test]
async fn environment_addresses_and_keys_are_used() {
    let server = Server::start([recorded("anthropic-text.sse")]).await;
    let catalog = Catalog::new(CatalogSettings {
        env: env(&[("ANTHROPIC_API_KEY", KEY), ("ANTHROPIC_BASE_URL", &server.url)]),
        ..CatalogSettings::default()
    });
    let mut run = run(&server, "anthropic-messages", vec![Message::user("hi")]);
    run.model = catalog.model(&catalog.default_model()).unwrap();
    finish(run).await.0.unwrap();
    assert_eq!(server.seen()[0].path, "/v1/messages");
    assert_eq!(server.seen()[0].headers["x-api-key"], KEY);
}

#[test]
fn a_server_in_openais_place_needs_neither_key_nor_the_newer_api() {
    let api = |settings: CatalogSettings| {
        let catalog = Catalog::new(settings);
        let reference = "openai/some-model".parse().unwrap();
        catalog.model(&reference).unwrap().info().api
    };
    let home =
        CatalogSettings { env: env(&[("OPENAI_API_KEY", KEY)]), ..CatalogSettings::default() };
    assert_eq!(api(home), Api::OpenAiResponses);
    let elsewhere = CatalogSettings {
        env: env(&[("OPENAI_BASE_URL", "http://127.0.0.1:4000/v1")]),
        ..CatalogSettings::default()
    };
    assert_eq!(api(elsewhere), Api::OpenAiCompletions);
}

#[tokio::test]
async fn configured_headers_are_sent() {
    let server = Server::start([recorded("openai-text.sse")]).await;
    let catalog = Catalog::new(CatalogSettings {
        providers: vec![ProviderSettings {
            base_url: Some(server.url.clone()),
            headers: [("X-Team".to_owned(), "crabs".into())].into(),
            ..mock()
        }],
        ..CatalogSettings::default()
    });
    let mut run = run(&server, "openai-completions", vec![Message::user("hi")]);
    run.model = catalog.model(&catalog.default_model()).unwrap();
    finish(run).await.0.unwrap();
    assert_eq!(server.seen()[0].headers["x-team"], "crabs");
}

#[tokio::test]
async fn deepseek_is_not_made_to_think() {
    let server = Server::start([recorded("openai-text.sse")]).await;
    let catalog = Catalog::new(CatalogSettings {
        providers: vec![ProviderSettings {
            id: "deepseek".into(),
            base_url: Some(server.url.clone()),
            ..ProviderSettings::default()
        }],
        ..CatalogSettings::default()
    });
    let mut run = run(&server, "openai-completions", vec![Message::user("hi")]);
    run.model = catalog.model(&catalog.default_model()).unwrap();
    finish(run).await.0.unwrap();
    let body = &server.seen()[0].body;
    assert_eq!(body["thinking"], json!({"type": "disabled"}), "{body}");
}

fn json_reply(body: serde_json::Value) -> Reply {
    Reply::Plain(200, Vec::new(), body.to_string())
}

#[tokio::test]
async fn local_servers_are_found_and_forgotten() {
    let tags = json!({"models": [{"name": "nomic-embed-text"}, {"name": "llama3.2:3b"}]});
    let ollama = Server::start([
        json_reply(tags),
        recorded("ollama-text.ndjson"),
        Reply::Plain(500, Vec::new(), String::new()),
    ])
    .await;
    let models = json!({"object": "list", "data": [{"id": "qwen3"}]});
    let studio = Server::start([json_reply(models), json_reply(json!("nonsense"))]).await;
    let catalog = Catalog::new(CatalogSettings {
        local_probe: true,
        local_servers: LocalServers {
            ollama: ollama.url.clone(),
            lm_studio: studio.url.clone(),
            llama_cpp: "http://127.0.0.1:1".into(),
        },
        ..CatalogSettings::default()
    });
    assert_eq!(catalog.default_model().to_string(), "builtin/demo");

    catalog.discover().await;
    let listed: Vec<_> =
        catalog.list().into_iter().map(|info| info.reference.to_string()).collect();
    assert_eq!(listed, ["ollama/llama3.2:3b", "lmstudio/qwen3", "builtin/demo"]);
    assert_eq!(catalog.default_model().to_string(), listed[0]);
    let model = catalog.model(&catalog.default_model()).unwrap();
    assert_eq!(model.info().api, Api::Ollama);
    let mut run = run(&ollama, "ollama", vec![Message::user("hi")]);
    run.model = model;
    assert_eq!(finish(run).await.0.unwrap().text, "Héllo world");

    catalog.discover().await;
    assert_eq!(catalog.default_model().to_string(), "builtin/demo");
}
