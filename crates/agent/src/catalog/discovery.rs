//! Finds model servers on this computer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join3;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::provider::{Provider, bare_info};
use super::settings::LocalServers;
use crate::model::{Api, ModelInfo};
use crate::models::Http;

/// A local server answers at once or is busy starting; nobody waits for it.
const TIMEOUT: Duration = Duration::from_millis(800);
/// Anything may listen on these ports: no answer is read beyond this.
const MAX_ANSWER: usize = 1024 * 1024;
const MAX_MODELS: usize = 200;

#[derive(Deserialize)]
struct OllamaTags {
    models: Vec<OllamaModel>,
}

#[derive(Deserialize)]
struct OllamaModel {
    name: String,
}

#[derive(Deserialize)]
struct OpenAiModels {
    data: Vec<OpenAiModel>,
}

#[derive(Deserialize)]
struct OpenAiModel {
    id: String,
}

/// The servers that answered, each with at least one model.
pub(super) async fn discover(servers: &LocalServers, http: &Arc<Http>) -> Vec<Provider> {
    let (ollama, lm_studio, llama_cpp) = join3(
        ollama(&servers.ollama, http),
        openai_like("lmstudio", &servers.lm_studio, http),
        openai_like("llamacpp", &servers.llama_cpp, http),
    )
    .await;
    [ollama, lm_studio, llama_cpp].into_iter().flatten().collect()
}

async fn ollama(base: &str, http: &Arc<Http>) -> Option<Provider> {
    let tags: OllamaTags = get(&format!("{base}/api/tags"), http).await?;
    let names = tags.models.into_iter().map(|model| model.name);
    let models = infos("ollama", names, Api::Ollama);
    (!models.is_empty())
        .then(|| Provider::local("ollama", base.to_owned(), Api::Ollama, models, http))
}

async fn openai_like(id: &str, base: &str, http: &Arc<Http>) -> Option<Provider> {
    let api = Api::OpenAiCompletions;
    let listed: OpenAiModels = get(&format!("{base}/v1/models"), http).await?;
    let models = infos(id, listed.data.into_iter().map(|model| model.id), api);
    (!models.is_empty()).then(|| Provider::local(id, format!("{base}/v1"), api, models, http))
}

fn infos(provider: &str, ids: impl Iterator<Item = String>, api: Api) -> Vec<ModelInfo> {
    // Embedding models are listed too and cannot chat.
    ids.filter(|id| !id.is_empty() && !id.contains("embed"))
        .take(MAX_MODELS)
        .map(|id| bare_info(provider, &id, api))
        .collect()
}

async fn get<T: DeserializeOwned>(url: &str, http: &Http) -> Option<T> {
    let answer = async {
        let response = http.client_for(url).ok()?.get(url).send().await.ok()?;
        let mut chunks = response.error_for_status().ok()?.bytes_stream();
        let mut body = Vec::new();
        while let Some(chunk) = chunks.next().await {
            body.extend_from_slice(&chunk.ok()?);
            if body.len() > MAX_ANSWER {
                return None;
            }
        }
        serde_json::from_slice(&body).ok()
    };
    tokio::time::timeout(TIMEOUT, answer).await.ok()?
}
