//! Which agent, model and conversation a request means.

use clawdbot_agent::ModelRef;
use clawdbot_protocol::SessionKey;
use http::HeaderMap;

use super::Failure;
use crate::settings::Settings;

/// Prefixes of headers that every build of the product understands.
const PREFIXES: [&str; 3] = ["x-clawdbot-", "x-openclaw-", "x-moltbot-"];
/// Names of the product as a model.
const PRODUCTS: [&str; 3] = ["clawdbot", "openclaw", "moltbot"];

/// What a request is about.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) key: SessionKey,
    pub(super) model: Option<ModelRef>,
}

impl Target {
    /// From the model's name, the headers and the `user` member. `earlier` is the conversation of
    /// the response a request refers to.
    pub(super) fn new(
        settings: &Settings,
        headers: &HeaderMap,
        model: &str,
        user: Option<&str>,
        earlier: Option<&str>,
    ) -> Result<Self, Failure> {
        let (named, mut reference) = read_model(settings, model)?;
        if let Some(text) = header(headers, &["model"]) {
            reference = Some(known_model(settings, text)?);
        }
        let agent = header(headers, &["agent-id", "agent"]).map(str::to_ascii_lowercase).or(named);
        if let Some(id) = agent.as_deref().filter(|id| settings.agents.get(id).is_none()) {
            return Err(Failure::no_model(id));
        }
        let explicit = header(headers, &["session-key"]).or(earlier);
        let default = || settings.agents.default_id().to_owned();
        let own = agent.clone().unwrap_or_else(default);
        let raw = match (explicit, user.map(str::trim).filter(|user| !user.is_empty())) {
            (Some(key), _) => key.to_owned(),
            (None, Some(user)) => format!("agent:{own}:openai-user:{user}"),
            (None, None) => format!("agent:{own}:openai:{}", uuid::Uuid::new_v4()),
        };
        let key = SessionKey::resolve(&raw, &settings.keys)
            .map_err(|error| Failure::invalid(error.to_string()))?;
        let owner = key.agent(&settings.keys);
        if settings.agents.get(owner).is_none() {
            return Err(Failure::invalid(format!("unknown agent id \"{owner}\"")));
        }
        match agent {
            Some(agent) if agent != owner => Err(Failure::invalid(format!(
                "agent \"{agent}\" does not match session key agent \"{owner}\""
            ))),
            _ => Ok(Self { key, model: reference }),
        }
    }
}

/// An agent or a configured model, from a model's name.
fn read_model(
    settings: &Settings,
    name: &str,
) -> Result<(Option<String>, Option<ModelRef>), Failure> {
    let name = name.trim();
    let lower = name.to_ascii_lowercase();
    if PRODUCTS.contains(&lower.as_str()) {
        return Ok((None, None));
    }
    let agent = lower
        .split_once([':', '/'])
        .filter(|(product, _)| *product == "agent" || PRODUCTS.contains(product));
    match agent {
        Some((_, "default")) if settings.agents.get("default").is_none() => Ok((None, None)),
        Some((_, id)) if settings.agents.get(id).is_some() => Ok((Some(id.to_owned()), None)),
        Some(_) => Err(Failure::no_model(name)),
        None => known_model(settings, name).map(|model| (None, Some(model))),
    }
}

fn known_model(settings: &Settings, name: &str) -> Result<ModelRef, Failure> {
    let reference: ModelRef = name.parse().map_err(|_| Failure::no_model(name))?;
    match settings.catalog.info(&reference) {
        Some(_) => Ok(reference),
        None => Err(Failure::no_model(name)),
    }
}

fn header<'a>(headers: &'a HeaderMap, names: &[&str]) -> Option<&'a str> {
    let mut all = names.iter().flat_map(|name| PREFIXES.map(|prefix| format!("{prefix}{name}")));
    let value = all.find_map(|name| headers.get(name))?;
    value.to_str().ok().map(str::trim).filter(|value| !value.is_empty())
}
