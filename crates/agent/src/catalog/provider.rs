//! A provider as configuration, environment and our own table together describe it.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::CatalogError;
use super::settings::{CatalogSettings, ModelSettings, ProviderSettings, ollama_url};
use crate::model::{Api, InputKind, ModelInfo, ModelRef, Price};
use crate::models::known::{self, KnownModel, KnownProvider};
use crate::models::{Connection, Http};

/// Context assumed for a model nothing is known about.
const CONTEXT_WINDOW: u64 = 128_000;

/// A provider that can be asked, or whose problem can be told.
pub(super) struct Provider {
    pub(super) connection: Arc<Connection>,
    pub(super) models: Vec<ModelInfo>,
    api: Api,
    problem: Option<CatalogError>,
}

/// Configured providers in their order, then known ones in ours.
pub(super) fn resolve(settings: &CatalogSettings, http: &Arc<Http>) -> Vec<Provider> {
    let configured =
        settings.providers.iter().map(|configured| Provider::new(configured, &settings.env, http));
    let known = known::PROVIDERS
        .iter()
        .filter(|known| {
            !settings.replace && !settings.providers.iter().any(|own| own.id == known.id)
        })
        .map(|known| {
            let blank = ProviderSettings { id: known.id.into(), ..ProviderSettings::default() };
            Provider::new(&blank, &settings.env, http)
        });
    configured.chain(known).collect()
}

impl Provider {
    fn new(settings: &ProviderSettings, env: &BTreeMap<String, String>, http: &Arc<Http>) -> Self {
        let known = known::provider(&settings.id);
        let base_url = base_url(settings, known, env);
        let at_home = known.is_some_and(|known| base_url.as_deref() == Some(known.base_url));
        let (api, unknown_api) = api(settings, known, at_home);
        let key = settings
            .api_key
            .clone()
            .filter(|key| !key.expose_secret().trim().is_empty())
            .or_else(|| key_from_env(known?, env));
        let problem = unknown_api
            .map(|api| CatalogError::UnknownApi { provider: settings.id.clone(), api })
            .or_else(|| {
                missing(settings, known.filter(|_| at_home), base_url.as_deref(), key.is_some())
            });
        let models = models(settings, known, api);
        let connection = Connection {
            provider: settings.id.clone(),
            base_url: base_url.unwrap_or_default(),
            headers: headers(settings, key.as_ref(), api),
            key,
            http: Arc::clone(http),
        };
        Self { connection: Arc::new(connection), models, api, problem }
    }

    /// A key-less server on this computer.
    pub(super) fn local(
        id: &str,
        base_url: String,
        api: Api,
        models: Vec<ModelInfo>,
        http: &Arc<Http>,
    ) -> Self {
        Self {
            connection: Arc::new(Connection {
                provider: id.into(),
                base_url,
                key: None,
                headers: BTreeMap::new(),
                http: Arc::clone(http),
            }),
            models,
            api,
            problem: None,
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.connection.provider
    }

    pub(super) fn is_usable(&self) -> bool {
        self.problem.is_none() && !self.models.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), CatalogError> {
        self.problem.clone().map_or(Ok(()), Err)
    }

    /// The model of that id; of one we do not know, the provider's first gives the limits.
    pub(super) fn info_of(&self, id: &str) -> ModelInfo {
        let listed = self.models.iter().find(|info| info.reference.id == id);
        if let Some(info) = listed {
            return info.clone();
        }
        let mut info = match self.models.first() {
            Some(first) => first.clone(),
            None => bare_info(self.id(), id, self.api),
        };
        info.reference = ModelRef::new(self.id(), id);
        info.name = id.into();
        // Asking for thinking or length that a model does not have is an error; not asking never is.
        info.reasoning = false;
        info.max_tokens = 0;
        info.cost = Price::default();
        info
    }
}

/// What is assumed of a model nothing is known about.
pub(super) fn bare_info(provider: &str, id: &str, api: Api) -> ModelInfo {
    ModelInfo {
        reference: ModelRef::new(provider, id),
        name: id.into(),
        api,
        context_window: CONTEXT_WINDOW,
        max_tokens: 0,
        reasoning: false,
        input: vec![InputKind::Text],
        cost: Price::default(),
    }
}

/// The API, and the name found when we do not speak it.
fn api(
    settings: &ProviderSettings,
    known: Option<&KnownProvider>,
    at_home: bool,
) -> (Api, Option<String>) {
    let names =
        settings.api.iter().chain(settings.models.iter().filter_map(|model| model.api.as_ref()));
    let unknown = names
        .into_iter()
        .find(|name| Api::from_name(name).is_none_or(|api| api == Api::Demo))
        .cloned();
    let configured = settings.api.as_deref().and_then(Api::from_name);
    let fallback = match known.map(|known| known.api) {
        // Servers put in OpenAI's place speak its older API at least.
        Some(Api::OpenAiResponses) if !at_home => Api::OpenAiCompletions,
        Some(api) => api,
        None => Api::OpenAiCompletions,
    };
    (configured.unwrap_or(fallback), unknown)
}

fn base_url(
    settings: &ProviderSettings,
    known: Option<&KnownProvider>,
    env: &BTreeMap<String, String>,
) -> Option<String> {
    let filled = |url: &String| !url.trim().is_empty();
    if let Some(url) = settings.base_url.clone().filter(filled) {
        return Some(url.trim().to_owned());
    }
    let known = known?;
    let from_env =
        known.url_variable.and_then(|variable| env.get(variable).cloned()).filter(filled);
    Some(match from_env {
        Some(host) if known.api == Api::Ollama => ollama_url(&host),
        Some(url) => url.trim().to_owned(),
        None => known.base_url.to_owned(),
    })
}

fn key_from_env(known: &KnownProvider, env: &BTreeMap<String, String>) -> Option<SecretString> {
    known
        .key_variables
        .iter()
        .filter_map(|variable| env.get(*variable))
        .map(|value| value.trim())
        .find(|value| !value.is_empty())
        .map(SecretString::from)
}

/// What is missing to ask the provider; `home` is set when it is asked at its own address, since
/// a proxy elsewhere may well need no key.
fn missing(
    settings: &ProviderSettings,
    home: Option<&KnownProvider>,
    base_url: Option<&str>,
    has_key: bool,
) -> Option<CatalogError> {
    let provider = settings.id.clone();
    if !base_url.is_some_and(is_usable_url) {
        return Some(CatalogError::InvalidBaseUrl { provider });
    }
    let home = home?;
    let needs_key = home.api != Api::Ollama && settings.headers.is_empty();
    (needs_key && !has_key).then(|| CatalogError::MissingKey {
        provider,
        variable: home.key_variables.first().copied().unwrap_or_default().into(),
    })
}

/// Credentials in an address would end up in error messages.
fn is_usable_url(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
    })
}

fn headers(
    settings: &ProviderSettings,
    key: Option<&SecretString>,
    api: Api,
) -> BTreeMap<String, SecretString> {
    let mut headers = settings.headers.clone();
    let bearer = settings.auth_header || api == Api::Ollama;
    if let Some(key) = key.filter(|_| bearer) {
        headers.insert("Authorization".into(), format!("Bearer {}", key.expose_secret()).into());
    }
    headers
}

fn models(settings: &ProviderSettings, known: Option<&KnownProvider>, api: Api) -> Vec<ModelInfo> {
    let rows = known.map(|known| known.models).unwrap_or_default();
    if settings.models.is_empty() {
        return rows.iter().map(|row| known_info(&settings.id, row, api)).collect();
    }
    settings
        .models
        .iter()
        .map(|model| {
            let row = rows.iter().find(|row| row.id == model.id);
            configured_info(&settings.id, model, row, api)
        })
        .collect()
}

fn known_info(provider: &str, row: &KnownModel, api: Api) -> ModelInfo {
    let mut input = vec![InputKind::Text];
    if row.images {
        input.push(InputKind::Image);
    }
    ModelInfo {
        reference: ModelRef::new(provider, row.id),
        name: row.name.into(),
        api,
        context_window: row.context_window,
        max_tokens: row.max_tokens,
        reasoning: row.reasoning,
        input,
        cost: Price::default(),
    }
}

fn configured_info(
    provider: &str,
    model: &ModelSettings,
    row: Option<&KnownModel>,
    api: Api,
) -> ModelInfo {
    let assumed = match row {
        Some(row) => known_info(provider, row, api),
        None => bare_info(provider, &model.id, api),
    };
    ModelInfo {
        name: model.name.clone().unwrap_or(assumed.name),
        api: model.api.as_deref().and_then(Api::from_name).unwrap_or(assumed.api),
        context_window: model.context_window.unwrap_or(assumed.context_window),
        max_tokens: model.max_tokens.unwrap_or(assumed.max_tokens),
        reasoning: model.reasoning.unwrap_or(assumed.reasoning),
        input: model.input.clone().unwrap_or(assumed.input),
        cost: model.cost.unwrap_or(assumed.cost),
        reference: assumed.reference,
    }
}
