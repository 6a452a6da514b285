//! What a catalog is built from; plain data filled in by the gateway.

use std::collections::BTreeMap;

use crate::Secret;
use crate::model::{InputKind, Price};

/// Everything a catalog is built from. Holds keys, hence no `Debug`.
#[derive(Clone, Default)]
pub struct CatalogSettings {
    /// `models.providers`, in the order of the configuration.
    pub providers: Vec<ProviderSettings>,
    /// `agents.defaults.model.primary`.
    pub primary: Option<String>,
    /// Environment variables; only key, address and host variables of providers are looked at.
    pub env: BTreeMap<String, String>,
    /// Whether to look for model servers on this computer.
    pub local_probe: bool,
    /// `models.mode: "replace"`: only configured providers count.
    pub replace: bool,
    /// Where local servers are expected.
    pub local_servers: LocalServers,
}

/// One entry of `models.providers`.
#[derive(Debug, Clone, Default)]
pub struct ProviderSettings {
    /// Its key in `models.providers`.
    pub id: String,
    /// `baseUrl`; needed unless the provider is a known one.
    pub base_url: Option<String>,
    /// `apiKey`, resolved.
    pub api_key: Option<Secret>,
    /// `api`; `openai-completions` when absent and the provider is not a known one.
    pub api: Option<String>,
    /// `authHeader`: send the key as `Authorization: Bearer` too.
    pub auth_header: bool,
    /// `headers`, resolved; values may be secret.
    pub headers: BTreeMap<String, Secret>,
    /// `models`.
    pub models: Vec<ModelSettings>,
}

/// One entry of `models.providers.<id>.models`; what is absent is looked up or assumed.
#[derive(Debug, Clone, Default)]
pub struct ModelSettings {
    /// `id`.
    pub id: String,
    /// `name`.
    pub name: Option<String>,
    /// `api`, when it differs from the provider's.
    pub api: Option<String>,
    /// `contextWindow`.
    pub context_window: Option<u64>,
    /// `maxTokens`.
    pub max_tokens: Option<u32>,
    /// `reasoning`.
    pub reasoning: Option<bool>,
    /// `input`.
    pub input: Option<Vec<InputKind>>,
    /// `cost`.
    pub cost: Option<Price>,
}

/// Base addresses of model servers, each `http://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalServers {
    /// Ollama.
    pub ollama: String,
    /// LM Studio.
    pub lm_studio: String,
    /// llama.cpp's server.
    pub llama_cpp: String,
}

impl Default for LocalServers {
    fn default() -> Self {
        Self {
            ollama: "http://127.0.0.1:11434".into(),
            lm_studio: "http://127.0.0.1:1234".into(),
            llama_cpp: "http://127.0.0.1:8080".into(),
        }
    }
}

impl LocalServers {
    /// `OLLAMA_HOST` tells where Ollama listens.
    pub(super) fn with_env(mut self, env: &BTreeMap<String, String>) -> Self {
        if let Some(host) = env.get("OLLAMA_HOST").filter(|host| !host.trim().is_empty()) {
            self.ollama = ollama_url(host);
        }
        self
    }
}

/// A URL from the forms `OLLAMA_HOST` may have: host, host:port, or a URL. The server itself may
/// listen on all addresses, to which no client can connect.
pub(super) fn ollama_url(host: &str) -> String {
    let host = host.trim().trim_end_matches('/');
    let (scheme, rest) = host.split_once("://").unwrap_or(("http", host));
    let rest = rest.replacen("0.0.0.0", "127.0.0.1", 1);
    let has_port = rest
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    if has_port || scheme == "https" {
        format!("{scheme}://{rest}")
    } else {
        format!("{scheme}://{rest}:11434")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ollama_host_has_many_forms() {
        for (host, url) in [
            ("0.0.0.0", "http://127.0.0.1:11434"),
            ("127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("http://box:11434/", "http://box:11434"),
            ("https://ollama.example", "https://ollama.example"),
        ] {
            assert_eq!(ollama_url(host), url, "{host}");
        }
    }
}
