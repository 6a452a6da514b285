//! Secrets never leave, and their placeholders never replace them.

use std::path::Path;

use clawdbot_config::{
    Document, Env, REDACTED, parse_object, redact, redact_raw, redact_text, restore_redacted,
    restore_redacted_raw,
};
use proptest::prelude::*;
use serde_json::json;

/// A document with `secret` in every kind of place; each gets its own number.
fn document(secret: &str) -> String {
    format!(
        "{{
  // the old token: {secret}00
  gateway: {{
    port: 18789, // a harmless comment
    auth: {{ token: '{secret}01', password: {{ source: 'env', id: '{secret}02' }} }},
    remote: {{ url: 'wss://me:{secret}03@example.org', token: '{secret}04', password: '{secret}05' }},
  }},
  models: {{ providers: {{ a: {{
    baseUrl: 'https://example.org/v1?api_key={secret}06', apiKey: '{secret}07', maxTokens: 5,
    headers: {{ 'X-Custom': '{secret}08', Authorization: 'Bearer {secret}09' }},
    models: [{{ id: 'm', name: 'repeats {secret}01' }}] }} }} }},
  channels: {{ telegram: {{ botToken: '{secret}10', accounts: {{ b: {{ botToken: '{secret}11', webhookSecret: '{secret}12' }} }} }},
    custom: {{ deep: [{{ clientSecret: '{secret}13' }}] }} }},
  hooks: {{ token: '{secret}14', headers: {{ 'x-api-key': '{secret}15' }} }},
  talk: {{ apiKey: '{secret}16' }}, tools: {{ web: {{ search: {{ apiKey: '{secret}17' }} }} }},
  env: {{ DIRECT: '{secret}18', vars: {{ ANY: '{secret}19' }}, shellEnv: {{ timeoutMs: 5 }} }},
  /* {secret}01 again */ ui: {{ seamColor: '#fff' }},
}}
"
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn redaction_never_leaks(secret in "[A-Za-z0-9_!$%&()=+~^-]{12,40}") {
        let raw = document(&secret);
        let hidden = redact_raw(&raw);
        prop_assert!(!hidden.contains(&secret), "{}", hidden);
        prop_assert!(hidden.contains("// a harmless comment") && hidden.contains("port: 18789"));
        prop_assert!(hidden.contains("maxTokens: 5") && hidden.contains("seamColor: '#fff'"));
        prop_assert!(hidden.contains("timeoutMs: 5"));

        let restored = restore_redacted_raw(&hidden, &raw).unwrap();
        prop_assert_eq!(parse_object(&restored).unwrap(), parse_object(&raw).unwrap());
        prop_assert!(!restored.contains(REDACTED), "{}", restored);
        prop_assert!(restored.contains(&format!("// the old token: {secret}00")), "comments too");
    }
}

#[test]
fn values_are_hidden_and_restored() {
    let raw = document("correct-horse-battery")
        .replace("{ source: 'env', id: 'correct-horse-battery02' }", "'${P}'");
    let env: Env = [("P", "resolved-password")].into_iter().collect();
    let loaded = Document::check(raw, Path::new("/nowhere/c.json"), &env).unwrap();

    let resolved = redact(&loaded.value);
    let text = resolved.to_string();
    assert!(!text.contains("correct-horse") && !text.contains("resolved-password"), "{text}");
    assert_eq!(resolved["gateway"]["auth"]["password"], REDACTED);
    assert_eq!(resolved["gateway"]["port"], 18789);
    assert_eq!(resolved["env"]["vars"], json!({ "ANY": REDACTED }));

    let source = loaded.document.source();
    assert_eq!(&restore_redacted(redact(source), source), source);
    let mut patch = json!({ "gateway": { "auth": { "token": REDACTED, "password": "new" } } });
    patch = restore_redacted(patch, source);
    assert_eq!(
        patch["gateway"]["auth"],
        json!({ "token": "correct-horse-battery01", "password": "new" })
    );
}

#[test]
fn restoring_a_text_keeps_what_the_user_wrote() {
    let old = "{ gateway: { auth: { token: '${TOKEN}' }, port: 1 }, l: [{ id: 'a', secret: 'sa-sa-sa-sa' }, { id: 'b', secret: 'sb' }] }";
    let new = redact_raw(old).replace("port: 1", "/* mine */ port: 2");
    assert_eq!(
        restore_redacted_raw(&new, old).unwrap(),
        old.replace("port: 1", "/* mine */ port: 2")
            .replace("'${TOKEN}'", "\"${TOKEN}\"")
            .replace("'sa-sa-sa-sa'", "\"sa-sa-sa-sa\"")
            .replace("'sb'", "\"sb\"")
    );
    let swapped =
        json!({ "l": [{ "id": "b", "secret": REDACTED }, { "id": "a", "secret": REDACTED }] });
    assert_eq!(restore_redacted(swapped, &parse_object(old).unwrap())["l"][0]["secret"], "sb");
}

#[test]
fn a_placeholder_without_a_stored_secret_is_never_written() {
    let new = format!("{{ hooks: {{ token: '{REDACTED}' }} }}");
    let error = restore_redacted_raw(&new, "{}").unwrap_err();
    assert_eq!(error.code(), "CONFIG_UNKNOWN_PLACEHOLDER");
    assert!(error.to_string().starts_with("hooks.token: "), "{error}");
    assert_eq!(restore_redacted(parse_object(&new).unwrap(), &json!({})), json!({ "hooks": {} }));
}

#[test]
fn a_text_that_cannot_be_read_is_hidden_whole() {
    let hidden = redact_raw("{ gateway: { auth: { token: 'hunter2hunter2' ");
    assert!(!hidden.contains("hunter2") && hidden.contains("cannot be read"));
}

#[test]
fn no_secret_survives_in_a_log() {
    let config = json!({
        "gateway": {"auth": {"token": "token-abcdef-123456"}, "port": 18789},
        "models": {"providers": {"x": {"apiKey": "sk-live-998877", "baseUrl": "http://127.0.0.1"}}},
    });
    let env: Env =
        [("OPENAI_API_KEY", "sk-env-445566"), ("LANG", "en_GB.UTF-8")].into_iter().collect();
    let log = "token-abcdef-123456 at 18789\nurl?k=sk-live-998877&e=sk-env-445566 en_GB.UTF-8";
    let shown = redact_text(log, &config, &env);
    for secret in ["token-abcdef", "sk-live", "sk-env"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("at 18789\n") && shown.contains("en_GB.UTF-8"), "{shown}");
}
