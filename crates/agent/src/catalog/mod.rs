//! Which models exist, which one is the default, and how to get one.

mod discovery;
mod provider;
mod settings;

use std::sync::{Arc, PoisonError, RwLock};

use crate::model::{Model, ModelInfo, ModelRef};
use crate::models::{Demo, Http, Remote};
use provider::Provider;
pub use settings::{CatalogSettings, LocalServers, ModelSettings, ProviderSettings};

/// Every model that can be asked, from configuration, environment and this computer.
pub struct Catalog {
    primary: Option<String>,
    /// Configured first, then those with a key in the environment.
    providers: Vec<Provider>,
    discovered: RwLock<Vec<Provider>>,
    servers: Option<LocalServers>,
    http: Arc<Http>,
    demo: Arc<Demo>,
}

/// Why a model cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// No such provider.
    #[error("Unknown provider \"{0}\". Use /models to list providers.")]
    UnknownProvider(String),
    /// The provider has a fixed set of models and this is none of them.
    #[error("Unknown model \"{0}\". Use /models to list models.")]
    UnknownModel(ModelRef),
    /// The provider needs a key.
    #[error("{provider} has no API key. Set {variable} or models.providers.{provider}.apiKey.")]
    MissingKey {
        /// Provider id.
        provider: String,
        /// The variable to set.
        variable: String,
    },
    /// The address is absent, no HTTP address, or has credentials in it.
    #[error(
        "{provider} has no usable address. Set models.providers.{provider}.baseUrl to an http:// or \
         https:// URL without user name and password."
    )]
    InvalidBaseUrl {
        /// Provider id.
        provider: String,
    },
    /// The configuration names an API we do not speak.
    #[error(
        "{provider} is configured with the unknown API \"{api}\". Set models.providers.{provider}.api \
         to openai-completions, openai-responses, anthropic-messages, google-generative-ai or ollama."
    )]
    UnknownApi {
        /// Provider id.
        provider: String,
        /// The name found.
        api: String,
    },
}

impl CatalogError {
    /// Stable code of the variant.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownProvider(_) => "UNKNOWN_PROVIDER",
            Self::UnknownModel(_) => "UNKNOWN_MODEL",
            Self::MissingKey { .. } => "MISSING_API_KEY",
            Self::InvalidBaseUrl { .. } => "INVALID_BASE_URL",
            Self::UnknownApi { .. } => "UNKNOWN_MODEL_API",
        }
    }
}

impl Catalog {
    /// Works out the providers; touches neither network nor disk.
    pub fn new(settings: CatalogSettings) -> Self {
        let http = Arc::new(Http::default());
        let servers =
            settings.local_probe.then(|| settings.local_servers.clone().with_env(&settings.env));
        Self {
            providers: provider::resolve(&settings, &http),
            primary: settings.primary,
            discovered: RwLock::default(),
            servers,
            http,
            demo: Arc::new(Demo::new()),
        }
    }

    /// Models of usable providers, local servers as last discovered, and the demo.
    pub fn list(&self) -> Vec<ModelInfo> {
        let discovered = self.discovered();
        self.providers
            .iter()
            .filter(|provider| provider.is_usable())
            .chain(discovered.iter())
            .flat_map(|provider| provider.models.iter().cloned())
            .chain([self.demo.info().clone()])
            .collect()
    }

    /// The listed model with this reference.
    pub fn info(&self, reference: &ModelRef) -> Option<ModelInfo> {
        self.find(|info| info.reference == *reference)
    }

    /// The configured primary model; else the first model of the first configured provider, of the
    /// first one with a key in the environment, of the first local server; else the demo.
    pub fn default_model(&self) -> ModelRef {
        self.primary
            .as_deref()
            .and_then(|primary| self.parse_primary(primary))
            .or_else(|| self.find(|_| true).map(|info| info.reference))
            .unwrap_or_else(Demo::reference)
    }

    /// The model to talk to. Ids that are not in [`Catalog::list`] are tried as they are.
    ///
    /// # Errors
    /// See [`CatalogError`]: unknown provider, or one that lacks key, address or a known API.
    pub fn model(&self, reference: &ModelRef) -> Result<Arc<dyn Model>, CatalogError> {
        if reference.provider == Demo::reference().provider {
            return if *reference == Demo::reference() {
                Ok(Arc::clone(&self.demo) as Arc<dyn Model>)
            } else {
                Err(CatalogError::UnknownModel(reference.clone()))
            };
        }
        let discovered = self.discovered();
        let usable = self.providers.iter().filter(|known| known.is_usable());
        let provider = usable
            .chain(discovered.iter())
            .chain(&self.providers)
            .find(|provider| provider.id() == reference.provider)
            .ok_or_else(|| CatalogError::UnknownProvider(reference.provider.clone()))?;
        provider.check()?;
        let info = provider.info_of(&reference.id);
        Ok(Arc::new(Remote::new(info, Arc::clone(&provider.connection))))
    }

    /// Looks for model servers on this computer and remembers what they offer. Takes about a
    /// second at most; does nothing when `local_probe` is off.
    pub async fn discover(&self) {
        let Some(servers) = &self.servers else { return };
        let mut found = discovery::discover(servers, &self.http).await;
        // A provider the user configured under the same name wins.
        found.retain(|new| {
            !self.providers.iter().any(|known| known.id() == new.id() && known.is_usable())
        });
        *self.discovered.write().unwrap_or_else(PoisonError::into_inner) = found;
    }

    /// The first of [`Catalog::list`] that is wanted; copies no other, as rows of sessions ask often.
    fn find(&self, wanted: impl Fn(&ModelInfo) -> bool) -> Option<ModelInfo> {
        let discovered = self.discovered();
        self.providers
            .iter()
            .filter(|provider| provider.is_usable())
            .chain(discovered.iter())
            .flat_map(|provider| &provider.models)
            .chain([self.demo.info()])
            .find(|info| wanted(info))
            .cloned()
    }

    fn discovered(&self) -> std::sync::RwLockReadGuard<'_, Vec<Provider>> {
        self.discovered.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// `provider/model`, or a bare model id of whoever offers it.
    fn parse_primary(&self, primary: &str) -> Option<ModelRef> {
        if let Ok(reference) = primary.parse() {
            return Some(reference);
        }
        let id = primary.trim();
        let found = self.find(|info| info.reference.id == id).map(|info| info.reference);
        // The original reads a bare id as one of Anthropic's.
        found.or_else(|| (!id.is_empty()).then(|| ModelRef::new("anthropic", id)))
    }
}
