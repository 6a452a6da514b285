//! `hooks.mappings`: what the bodies of other services are turned into.

use clawdbot_config::{HookAction, HookMapping, HookMatch, HooksConfig, WakeMode};
use http::{HeaderMap, Request};
use serde_json::Value;

/// Longest text a mapping makes, in bytes; a template can repeat what a body says.
const MAX_TEXT: usize = 512 * 1024;

/// Where a request came from, for templates.
pub(super) struct Source {
    path: String,
    query: String,
    headers: HeaderMap,
}

impl Source {
    pub(super) fn new<B>(path: &str, request: &Request<B>) -> Self {
        Self {
            path: path.to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers: request.headers().clone(),
        }
    }
}

/// What a mapping makes of a request.
pub(super) struct Mapped {
    pub(super) action: HookAction,
    /// The wire's word for when a wake-up is answered.
    pub(super) mode: &'static str,
    pub(super) text: String,
    pub(super) name: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) key: Option<String>,
    pub(super) model: Option<String>,
    pub(super) thinking: Option<String>,
    pub(super) timeout: Option<u64>,
}

/// A mapping that fits a request.
pub(super) struct Mapping(HookMapping);

/// The first mapping for a path and body; configured ones come before presets.
pub(super) fn find(hooks: &HooksConfig, path: &str, body: &Value) -> Option<Mapping> {
    let presets = hooks.presets.iter().filter_map(|name| preset(name));
    let mut all = hooks.mappings.iter().cloned().chain(presets);
    all.find(|mapping| fits(&mapping.matches, path, body)).map(Mapping)
}

fn fits(wanted: &HookMatch, path: &str, body: &Value) -> bool {
    let path_fits = wanted.path.as_deref().map(|wanted| wanted.trim_matches('/') == path);
    let source_fits = wanted.source.as_deref().map(|wanted| body["source"] == wanted);
    match (path_fits, source_fits) {
        (None, None) => false,
        (path, source) => path.unwrap_or(true) && source.unwrap_or(true),
    }
}

fn preset(name: &str) -> Option<HookMapping> {
    (name == "gmail").then(|| HookMapping {
        id: Some("gmail".into()),
        matches: HookMatch { path: Some("gmail".into()), source: None },
        name: Some("Gmail".into()),
        session_key: Some("hook:gmail:{{messages[0].id}}".into()),
        message_template: Some(
            "New email from {{messages[0].from}}\nSubject: {{messages[0].subject}}\n\
             {{messages[0].snippet}}\n{{messages[0].body}}"
                .into(),
        ),
        ..HookMapping::default()
    })
}

impl Mapping {
    /// Fills the templates in.
    pub(super) fn apply(self, source: &Source, body: &Value) -> Mapped {
        let Self(mapping) = self;
        let fill = |template: Option<String>| template.map(|text| render(&text, source, body));
        let template = match mapping.action {
            HookAction::Agent => mapping.message_template,
            HookAction::Wake => mapping.text_template.or(mapping.message_template),
        };
        Mapped {
            action: mapping.action,
            mode: match mapping.wake_mode {
                WakeMode::Now => "now",
                WakeMode::NextHeartbeat => "next-heartbeat",
            },
            text: fill(template).unwrap_or_default(),
            name: fill(mapping.name),
            agent: mapping.agent_id,
            key: fill(mapping.session_key),
            model: mapping.model,
            thinking: mapping.thinking,
            timeout: mapping.timeout_seconds.map(u64::from),
        }
    }
}

/// Replaces `{{…}}` by what it names; what is not there leaves nothing.
fn render(template: &str, source: &Source, body: &Value) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        text.push_str(before);
        text.push_str(&value_of(name.trim(), source, body));
        rest = after;
        if text.len() > MAX_TEXT {
            break;
        }
    }
    if text.len() <= MAX_TEXT {
        text.push_str(rest);
    }
    text.truncate(text.floor_char_boundary(MAX_TEXT));
    text
}

fn value_of(name: &str, source: &Source, body: &Value) -> String {
    if name == "path" {
        return source.path.clone();
    }
    if name == "now" {
        return jiff::Timestamp::now().to_string();
    }
    if let Some(name) = name.strip_prefix("headers.") {
        // Names are found in any case.
        let name = name.to_ascii_lowercase();
        let secret = ["authorization", "cookie", "-token"].iter().any(|end| name.ends_with(end));
        let value = source.headers.get(&name).filter(|_| !secret);
        return value.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    }
    if let Some(name) = name.strip_prefix("query.") {
        let mut pairs = source.query.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(key, _)| *key == name);
        return found.map(|(_, value)| value.to_owned()).unwrap_or_default();
    }
    match member(name.strip_prefix("payload.").unwrap_or(name), body) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// `a.b[0].c` in a body.
fn member<'a>(path: &str, body: &'a Value) -> Option<&'a Value> {
    path.split('.').try_fold(body, |value, part| {
        let (name, indexes) = part.split_once('[').unwrap_or((part, ""));
        let value = if name.is_empty() { value } else { value.get(name)? };
        let indexes = indexes.split('[').filter(|index| !index.is_empty());
        indexes
            .map(|index| index.trim_end_matches(']'))
            .try_fold(value, |value, index| value.get(index.parse::<usize>().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn source() -> Source {
        let request = Request::get("/hooks/gmail?kind=new")
            .header("x-event", "push")
            .header("x-openclaw-token", "secret")
            .header("x-clawdbot-token", "secret")
            .header("authorization", "Bearer secret");
        Source::new("gmail", &request.body(()).unwrap())
    }

    #[test]
    fn templates_take_members_of_the_body() {
        let body = json!({"messages": [{"id": 7, "from": "ann"}], "deep": {"list": [[1, 2]]}});
        let filled = |template: &str| render(template, &source(), &body);
        assert_eq!(filled("{{messages[0].from}}: {{ payload.messages[0].id }}"), "ann: 7");
        assert_eq!(
            filled("{{deep.list[0][1]}} {{path}} {{query.kind}} {{headers.x-event}}"),
            "2 gmail new push"
        );
        assert_eq!(filled("[{{none}}{{messages[9].id}}{{messages[x]}}]"), "[]");
        assert_eq!(filled("open {{messages"), "open {{messages");
    }

    #[test]
    fn a_template_never_sees_what_opens_the_hooks_hook_05() {
        let filled = |template: &str| render(template, &source(), &Value::Null);
        assert_eq!(filled("{{headers.X-Event}}"), "push");
        for name in ["authorization", "Authorization", "X-OpenClaw-Token", "x-clawdbot-token"] {
            assert_eq!(filled(&format!("{{{{headers.{name}}}}}")), "", "{name}");
        }
    }

    #[test]
    fn a_template_cannot_blow_a_body_up_hook_06() {
        let body = json!({"a": "x".repeat(200_000)});
        assert!(render(&"{{a}}".repeat(50), &source(), &body).len() <= MAX_TEXT);
    }

    #[test]
    fn a_mapping_without_conditions_fits_nothing() {
        let all = HooksConfig {
            mappings: vec![HookMapping::default()],
            presets: vec!["gmail".into()],
            ..HooksConfig::default()
        };
        assert!(find(&all, "x", &json!({})).is_none());
        let gmail = find(&all, "gmail", &json!({})).unwrap();
        let mapped = gmail.apply(&source(), &json!({"messages": [{"id": "m1", "from": "ann"}]}));
        assert_eq!(mapped.key.as_deref(), Some("hook:gmail:m1"));
        assert!(mapped.text.starts_with("New email from ann\n"));
    }
}
