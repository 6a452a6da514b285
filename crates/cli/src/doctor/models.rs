//! The keys of models, tried where they are meant for.

use std::time::Duration;

use clawdbot_config::{Api, Provider};
use reqwest::StatusCode;

use super::{Facts, Finding, Severity};

/// A provider answers within this time, or is not judged.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn key_refused<'a>(facts: &'a Facts<'a>) -> Vec<Finding<'a>> {
    let Some(loaded) = facts.config() else { return Vec::new() };
    let providers = &loaded.config.models.providers;
    let refused = providers.iter().filter(|(_, provider)| is_refused(provider));
    refused
        .map(|(id, _)| {
            Finding::new(
                Severity::Critical,
                format!("models.providers.{id} refuses its key, so its models do not answer"),
                format!("Make a new key there and set models.providers.{id}.apiKey, or remove the provider."),
            )
        })
        .collect()
}

/// Asks for the list of models, which costs nothing. Only a clear no counts.
fn is_refused(provider: &Provider) -> bool {
    let (Some(base), Some(key)) = (&provider.base_url, &provider.api_key) else { return false };
    let base = base.trim_end_matches('/');
    let Ok(client) = client() else { return false };
    let request = match provider.api {
        Some(Api::AnthropicMessages) => client
            .get(format!("{base}/v1/models"))
            .header("x-api-key", key.expose())
            .header("anthropic-version", "2023-06-01"),
        None | Some(Api::OpenaiCompletions | Api::OpenaiResponses) => {
            client.get(format!("{base}/models")).bearer_auth(key.expose())
        }
        Some(_) => return false,
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return false;
    };
    let answer = runtime.block_on(async { request.send().await });
    answer.is_ok_and(|answer| answer.status() == StatusCode::UNAUTHORIZED)
}

fn client() -> Result<reqwest::Client, reqwest::Error> {
    // Fails only when a provider is installed already, which is just as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(PATIENCE)
        // A redirect could carry the key to another host.
        .redirect(reqwest::redirect::Policy::none())
        .build()
}
