//! Loading and checking documents.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::path::Path;

use clawdbot_config::{
    AuthMode, Bind, Config, ConfigError, Document, Env, Loaded, MAIN_AGENT, Thinking,
};
use serde_json::json;

fn check_with(text: &str, vars: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let env: Env = vars.iter().copied().collect();
    Document::check(text, Path::new("/nowhere/clawdbot.json"), &env)
}

fn check(text: &str) -> Result<Loaded, ConfigError> {
    check_with(text, &[])
}

fn config(text: &str) -> Config {
    check(text).unwrap().config
}

/// Every issue as one line of text.
fn issues(text: &str) -> Vec<String> {
    check(text).unwrap_err().issues.iter().map(ToString::to_string).collect()
}

fn warnings(text: &str) -> Vec<String> {
    check(text).unwrap().warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_missing_file_is_all_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let loaded = Document::load(&dir.path().join("clawdbot.json"), &Env::default()).unwrap();
    assert!(!loaded.exists());
    assert_eq!(loaded.config, Config::default());
    assert_eq!(loaded.config.agents.default_id(), MAIN_AGENT);
    assert_eq!(loaded.config.agents.defaults.media_max_mb, 20.0);
    assert_eq!(loaded.config.gateway.auth.rate_limit.max_attempts, 10);
}

#[test]
fn the_documented_example_loads_without_warnings() {
    let text = r#"{
      gateway: { mode: "local", bind: "loopback", port: 18789, auth: { mode: "token", token: "change-me" } },
      models: { providers: { mock: {
        baseUrl: "http://127.0.0.1:8080/v1", apiKey: "sk-example", api: "openai-completions",
        models: [{ id: "mock-1", name: "Mock One", contextWindow: 128000, maxTokens: 4096,
                   input: ["text", "image"], reasoning: false,
                   cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 } }] } } },
      agents: { defaults: { model: { primary: "mock/mock-1" }, workspace: "~/workspace", skipBootstrap: true } },
    }"#;
    let loaded = check(text).unwrap();
    assert_eq!(loaded.warnings, []);
    let provider = &loaded.config.models.providers["mock"];
    assert_eq!(provider.api_key.as_ref().unwrap().expose(), "sk-example");
    assert_eq!(provider.models[0].context_window, Some(128_000));
    let model = loaded.config.agents.defaults.model.unwrap();
    assert_eq!(model.primary(), Some("mock/mock-1"));
}

#[test]
fn json5_syntax_is_read() {
    let text = "\u{feff}// first\n{ 'gateway': { port: 0x4965, bind: 'l\\x61n', /* in */ }, \"agents\": { defaults: { mediaMaxMb: +.5, thinkingDefault: 'xhigh', }, }, }";
    let config = config(text);
    assert_eq!(config.gateway.port, Some(18789));
    assert_eq!(config.gateway.bind, Bind::Lan);
    assert_eq!(config.agents.defaults.media_max_mb, 0.5);
    assert_eq!(config.agents.defaults.thinking_default, Some(Thinking::Xhigh));
}

#[test]
fn every_problem_is_reported_with_its_place_and_what_was_expected() {
    let text = "{\n  gateway: {\n    port: 99999,\n    mode: 'nowhere',\n    auth: null,\n    customBindHost: 'example.org',\n  },\n  models: { providers: { x: { models: [{ name: '' }] } } },\n}";
    assert_eq!(
        issues(text),
        [
            "line 3, column 11: gateway.port: expected a whole number from 1 to 65535, found 99999",
            "line 4, column 11: gateway.mode: expected one of \"local\", \"remote\", found another text",
            "line 5, column 11: gateway.auth: expected an object, found null; remove the key to use the default",
            "line 6, column 21: gateway.customBindHost: expected an IPv4 address, found another text",
            "line 8, column 40: models.providers.x.models.0: expected the key \"id\" with a text that is not empty",
        ]
    );
}

#[test]
fn broken_syntax_shows_line_and_column() {
    assert_eq!(issues("{\n  a: 1\n  b: 2\n}"), ["line 2, column 7: expected a comma"]);
    assert_eq!(
        issues("{\n  a: [1, 2\n"),
        ["line 2, column 6: expected \"]\" before the end of the file"]
    );
    assert_eq!(issues("[]"), ["line 1, column 1: expected an object: { … }"]);
    assert_eq!(issues(""), ["line 1, column 1: expected an object: { … }"]);
    assert_eq!(
        issues("{ä: x}"),
        ["line 1, column 5: expected a value; a text needs quotes around it"]
    );
}

#[test]
fn unknown_keys_are_warnings_with_the_nearest_name() {
    assert_eq!(
        warnings("{\n  gatway: {},\n  gateway: { prot: 1, qwertz: 2,\n    auth: { tokn: 'x' } } }"),
        [
            "line 2, column 3: gatway: unknown key \"gatway\" is ignored; did you mean \"gateway\"?",
            "line 3, column 14: gateway.prot: unknown key \"prot\" is ignored; did you mean \"port\"?",
            "line 3, column 23: gateway.qwertz: unknown key \"qwertz\" is ignored",
            "line 4, column 13: gateway.auth.tokn: unknown key \"tokn\" is ignored; did you mean \"token\"?",
        ]
    );
}

#[test]
fn keys_that_nothing_reads_are_accepted_and_their_names_checked() {
    let known = "{ tools: { exec: { host: 'gateway', safeBins: ['ls'] }, web: { search: { apiKey: 'k' } } },
        channels: { telegram: { botToken: '1:a', groups: { '*': { requireMention: true } } }, discord: { anything: 1 } },
        gateway: { http: { endpoints: { responses: { enabled: true } } }, reload: { mode: 'hybrid' } },
        auth: { profiles: { p: { provider: 'x', mode: 'token', email: 'a@b' } } },
        env: { SOME: 'x', vars: { A: 'b' }, shellEnv: { enabled: true } },
        agents: { list: [{ id: 'main', identity: { theme: 't' }, tools: { allow: ['x'] } }] },
        models: { providers: { p: { auth: 'api-key', models: [{ id: 'm', compat: { any: 1 } }] } } },
        cron: { enabled: true }, wizard: { lastRunAt: 'x' }, meta: { lastTouchedAt: 'x' }, $schema: 'x' }";
    assert_eq!(warnings(known), Vec::<String>::new());
    assert_eq!(
        warnings("{ tools: { exec: { hots: 'gateway' } } }"),
        [
            "line 1, column 20: tools.exec.hots: unknown key \"hots\" is ignored; did you mean \"host\"?"
        ]
    );
}

#[test]
fn hostile_texts_are_rejected_whole() {
    for (text, expected) in [
        ("{ a: 1, \"a\": 2 }", "stands twice"),
        ("{ __proto__: {} }", "reserved"),
        ("{ x: { 'constr\\x75ctor': 1 } }", "reserved"),
        ("{ a: 1e400 }", "too large"),
        ("{ a: 0x10000000000000000 }", "too large"),
        ("{ a: NaN }", "expected a value"),
        ("{ a: '\\ud800' }", "escapes"),
    ] {
        let found = issues(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].contains(expected) && found[0].starts_with("line 1"), "{text}: {found:?}");
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    for depth in [10_000, 100_000] {
        for (open, close) in [("[", "]"), ("{a:", "}")] {
            let text = format!("{{ a: {}{} }}", open.repeat(depth), close.repeat(depth));
            assert!(issues(&text)[0].contains("128 levels"), "{open} {depth}");
        }
    }
    let allowed = format!("{{ x: {}1{} }}", "[".repeat(127), "]".repeat(127));
    assert!(check(&allowed).is_ok());
}

#[test]
fn a_long_number_and_an_oversized_text_are_handled() {
    assert!(issues(&format!("{{ a: {} }}", "9".repeat(1_000_000)))[0].contains("too large"));
    assert!(issues(&" ".repeat(1024 * 1024 + 1))[0].contains("at most 1 MiB"));
}

#[test]
fn secrets_come_from_text_variables_and_references() {
    let vars = [("TOKEN", "from-env"), ("DOLLAR", "${TOKEN}")];
    for (written, expected) in [
        ("'plain'", "plain"),
        ("'${TOKEN}'", "from-env"),
        ("'$TOKEN'", "from-env"),
        ("{ source: 'env', provider: 'default', id: 'TOKEN' }", "from-env"),
        ("'a-${TOKEN}-$${TOKEN}'", "a-from-env-${TOKEN}"),
        ("'$DOLLAR'", "${TOKEN}"),
        ("'$lower'", "$lower"),
    ] {
        let text = format!("{{ gateway: {{ auth: {{ token: {written} }} }} }}");
        let loaded = check_with(&text, &vars).unwrap();
        assert_eq!(loaded.config.gateway.auth.token.unwrap().expose(), expected, "{written}");
    }
}

#[test]
fn outside_of_secrets_a_bare_dollar_is_literal() {
    let loaded = check_with("{ ui: { assistant: { name: '$NAME' } } }", &[("NAME", "x")]).unwrap();
    assert_eq!(loaded.config.ui.assistant.name.as_deref(), Some("$NAME"));
}

#[test]
fn a_megabyte_of_members_is_no_problem() {
    let members: String = (0..60_000).map(|n| format!("k{n}:[0,1],")).collect();
    assert_eq!(warnings(&format!("{{ ui: {{ {members} }} }}")).len(), 100);
    let wrong: String = (0..10_000).map(|n| format!("k{n}:0,")).collect();
    assert_eq!(issues(&format!("{{ models: {{ providers: {{ {wrong} }} }} }}")).len(), 101);
}

#[test]
fn unset_and_empty_variables_are_errors() {
    let text = "{ ui: { assistant: { name: '${A}' } },\n gateway: { auth: { token: '$B' } } }";
    let error = check_with(text, &[("A", "")]).unwrap_err();
    let found: Vec<_> = error.issues.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "line 1, column 28: ui.assistant.name: Missing env var \"A\" referenced at config path: ui.assistant.name",
            "line 2, column 28: gateway.auth.token: Missing env var \"B\" referenced at config path: gateway.auth.token",
        ]
    );
}

#[test]
fn the_env_block_applies_where_a_variable_is_not_set() {
    let text = "{ env: { vars: { A: 'block', B: 'block' }, C: 'direct' }, ui: { assistant: { name: '${A} ${B} ${C}' } } }";
    let loaded = check_with(text, &[("A", "process")]).unwrap();
    assert_eq!(loaded.config.ui.assistant.name.as_deref(), Some("process block direct"));
    assert_eq!(loaded.env.get("B"), Some("block"));
}

#[test]
fn secrets_of_wrong_types_and_unavailable_sources_are_errors() {
    for written in [
        "null",
        "0",
        "[]",
        "{}",
        "true",
        "{ source: 'file', id: '/x' }",
        "{ source: 'exec', id: 'x' }",
    ] {
        let found = issues(&format!("{{ gateway: {{ auth: {{ token: {written} }} }} }}"));
        assert!(found[0].contains("gateway.auth.token: "), "{written}: {found:?}");
    }
}

#[test]
fn a_blank_secret_counts_as_not_set() {
    let loaded = check("{ gateway: { auth: { token: '  ', password: 'p' } } }").unwrap();
    assert_eq!(loaded.config.gateway.auth.token, None);
    assert_eq!(loaded.config.gateway.auth.effective_mode(), AuthMode::Password);
    assert!(loaded.warnings[0].to_string().contains("blank"));
}

#[test]
fn rules_between_keys_are_checked() {
    for (text, path) in [
        ("{ gateway: { bind: 'custom' } }", "gateway.bind"),
        ("{ gateway: { bind: 'lan', tailscale: { mode: 'serve' } } }", "gateway.tailscale.mode"),
        ("{ gateway: { tailscale: { mode: 'funnel' } } }", "gateway.tailscale.mode"),
        (
            "{ gateway: { trustedProxies: ['10.0.0.0/8', '10.0.0.0/33'] } }",
            "gateway.trustedProxies.1",
        ),
        ("{ gateway: { remote: { url: 'http://x' } } }", "gateway.remote.url"),
        ("{ gateway: { remote: { tlsFingerprint: 'ab' } } }", "gateway.remote.tlsFingerprint"),
        ("{ agents: { list: [{ name: 'x' }] } }", "agents.list.0"),
        ("{ agents: { list: [{ id: '../x' }] } }", "agents.list.0"),
        ("{ agents: { list: [{ id: 'a' }, { id: 'A' }] } }", "agents.list.1"),
        (
            "{ models: { providers: { p: { baseUrl: 'file:///etc' } } } }",
            "models.providers.p.baseUrl",
        ),
    ] {
        let error = check(text).unwrap_err();
        assert_eq!(error.issues.len(), 1, "{text}");
        assert_eq!(error.issues[0].path, path, "{text}");
        assert!(error.issues[0].line.is_some(), "{text}");
    }
}

#[test]
fn both_shapes_of_agents_are_read() {
    let config = config(
        "{ agents: { list: [{ id: 'Work' }], entries: { home: { default: true, model: 'a/b' } } } }",
    );
    let ids: Vec<_> = config.agents.all().into_iter().filter_map(|agent| agent.id).collect();
    assert_eq!(ids, ["work", "home"]);
    assert_eq!(config.agents.default_id(), "home");
}

#[test]
fn source_keeps_references_and_value_resolves_them() {
    let loaded =
        check_with("{ gateway: { auth: { token: '${T}' } } }", &[("T", "resolved")]).unwrap();
    assert_eq!(loaded.document.source(), &json!({ "gateway": { "auth": { "token": "${T}" } } }));
    assert_eq!(loaded.value["gateway"]["auth"]["token"], "resolved");
}

#[test]
fn neither_errors_nor_debug_output_quote_configured_texts() {
    let text = "{ gateway: { mode: 'hunter2-secret', auth: { token: 5 }, trustedProxies: ['hunter2-secret'] } }";
    let error = check(text).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    let loaded = check("{ gateway: { auth: { token: 'hunter2-secret' } }, env: { vars: { A: 'hunter2-secret' } } }").unwrap();
    assert!(!format!("{loaded:?} {:?}", loaded.config).contains("hunter2"));
}
