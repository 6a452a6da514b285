//! Every network model, through the `genai` client library; nothing outside this module knows it.

mod answer;
mod calls;
mod error;
mod request;
mod retry;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::stream::{BoxStream, Stream, StreamExt};
use genai::adapter::AdapterKind;
use genai::chat::ChatStreamEvent;
use genai::resolver::{AuthData, Endpoint};
use genai::{ModelIden, ServiceTarget};
use secrecy::{ExposeSecret, SecretString};

use super::http::Http;
use crate::error::ModelError;
use crate::model::{Api, Model, ModelEvent, ModelInfo, ModelRequest};
use answer::Answer;
use error::model_error;
use request::{chat_options, chat_request};
use retry::Retries;

/// What a key-less local server is sent; it ignores the value.
const NO_KEY: &str = "none";

/// How to reach a provider.
pub(crate) struct Connection {
    pub(crate) provider: String,
    pub(crate) base_url: String,
    pub(crate) key: Option<SecretString>,
    pub(crate) headers: BTreeMap<String, SecretString>,
    pub(crate) http: Arc<Http>,
}

/// One model of one provider.
pub(crate) struct Remote {
    info: ModelInfo,
    connection: Arc<Connection>,
}

impl Connection {
    /// Everything that must not be repeated to anyone.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.key.iter().chain(self.headers.values())
    }

    fn client(&self) -> Result<genai::Client, genai::Error> {
        let http = self
            .http
            .client_for(&self.base_url)
            .map_err(|error| genai::Error::ClientBuildFail { cause: error.to_string() })?;
        genai::Client::builder().with_reqwest(http.clone()).build()
    }

    fn target(&self, info: &ModelInfo) -> ServiceTarget {
        let key = self.key.as_ref().map_or(NO_KEY, |key| key.expose_secret());
        ServiceTarget {
            endpoint: Endpoint::from_owned(endpoint(&self.base_url, info.api)),
            auth: AuthData::from_single(key),
            model: ModelIden::new(adapter(info.api, &self.provider), info.reference.id.as_str()),
        }
    }
}

impl Remote {
    pub(crate) fn new(info: ModelInfo, connection: Arc<Connection>) -> Self {
        Self { info, connection }
    }
}

impl Model for Remote {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn stream(&self, request: ModelRequest) -> BoxStream<'static, Result<ModelEvent, ModelError>> {
        let connection = Arc::clone(&self.connection);
        let info = self.info.clone();
        with_retries(connection, info, request).boxed()
    }
}

fn with_retries(
    connection: Arc<Connection>,
    info: ModelInfo,
    mut request: ModelRequest,
) -> impl Stream<Item = Result<ModelEvent, ModelError>> + Send {
    async_stream::stream! {
        let mut retries = Retries::new();
        loop {
            let mut delivered = false;
            let mut failed = None;
            let mut attempt = std::pin::pin!(attempt(&connection, &info, request.clone()));
            while let Some(event) = attempt.next().await {
                match event {
                    Ok(event) => {
                        delivered = true;
                        yield Ok(event);
                    }
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
            let Some(error) = failed else { return };
            if delivered {
                yield Err(error);
                return;
            }
            if refuses_tools(&error) && !request.tools.is_empty() {
                request.tools.clear();
                continue;
            }
            let attempt = retries.attempt;
            let Some(after) = retries.wait_after(&error) else {
                yield Err(error);
                return;
            };
            tracing::warn!(attempt, ?after, %error, "the model request will be repeated");
            yield Ok(ModelEvent::Retry { attempt, after, cause: error.to_string() });
            tokio::time::sleep(after).await;
        }
    }
}

/// Small local models say so when they were not made for tools; they can still chat.
fn refuses_tools(error: &ModelError) -> bool {
    ["does not support tools", "tools param requires"]
        .iter()
        .any(|words| error.cause.contains(words))
}

fn attempt(
    connection: &Connection,
    info: &ModelInfo,
    request: ModelRequest,
) -> impl Stream<Item = Result<ModelEvent, ModelError>> + Send {
    let options = chat_options(info, connection, &request);
    let chat = chat_request(info, request);
    async_stream::stream! {
        let failed = |error| model_error(error, connection, &info.reference.id);
        let client = match connection.client() {
            Ok(client) => client,
            Err(error) => {
                yield Err(failed(error));
                return;
            }
        };
        let target = connection.target(info);
        let mut stream = match client.exec_chat_stream(target, chat, Some(&options)).await {
            Ok(response) => response.stream,
            Err(error) => {
                yield Err(failed(error));
                return;
            }
        };
        let mut answer = Answer::new(info, &connection.provider);
        while let Some(event) = stream.next().await {
            let event = match event {
                Ok(ChatStreamEvent::End(end)) => {
                    match answer.finish(end) {
                        Ok(events) => {
                            for event in events {
                                yield Ok(event);
                            }
                        }
                        Err(error) => yield Err(error),
                    }
                    return;
                }
                Ok(event) => answer.push(event),
                Err(error) => Err(failed(error)),
            };
            match event {
                Ok(Some(event)) => yield Ok(event),
                Ok(None) => {}
                Err(error) => {
                    yield Err(error);
                    return;
                }
            }
        }
        yield Err(answer.broken_off());
    }
}

fn adapter(api: Api, provider: &str) -> AdapterKind {
    match api {
        Api::AnthropicMessages => AdapterKind::Anthropic,
        Api::OpenAiResponses => AdapterKind::OpenAIResp,
        Api::GoogleGenerativeAi => AdapterKind::Gemini,
        Api::Ollama => AdapterKind::Ollama,
        // Small differences of otherwise compatible providers.
        Api::OpenAiCompletions | Api::Demo => match provider {
            "deepseek" => AdapterKind::DeepSeek,
            "groq" => AdapterKind::Groq,
            "mistral" => AdapterKind::Mistral,
            "openrouter" => AdapterKind::OpenRouter,
            "xai" => AdapterKind::Xai,
            _ => AdapterKind::OpenAI,
        },
    }
}

/// The base URL in the form the library wants, whatever habit it was written in.
fn endpoint(base_url: &str, api: Api) -> String {
    let base = base_url.trim_end_matches('/');
    match api {
        Api::AnthropicMessages if !base.ends_with("/v1") => format!("{base}/v1/"),
        Api::Ollama => format!("{}/", base.trim_end_matches("/v1").trim_end_matches("/api")),
        _ => format!("{base}/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_accepted_in_every_habit() {
        let anthropic = Api::AnthropicMessages;
        for (base, api, expected) in [
            ("https://api.anthropic.com", anthropic, "https://api.anthropic.com/v1/"),
            ("https://api.anthropic.com/v1/", anthropic, "https://api.anthropic.com/v1/"),
            ("http://h:11434/v1", Api::Ollama, "http://h:11434/"),
            ("http://h/v1", Api::OpenAiCompletions, "http://h/v1/"),
        ] {
            assert_eq!(endpoint(base, api), expected);
        }
    }
}
