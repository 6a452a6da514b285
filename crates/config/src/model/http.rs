use schemars::JsonSchema;
use serde::Deserialize;

/// The `gateway.http` block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpConfig {
    /// Which programming interfaces are answered.
    pub endpoints: HttpEndpoints,
    /// Headers of every answer, beside the fixed ones.
    pub security_headers: SecurityHeaders,
}

/// The `gateway.http.endpoints` block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpEndpoints {
    /// `POST /v1/chat/completions`.
    pub chat_completions: EndpointConfig,
    /// `POST /v1/responses`.
    pub responses: EndpointConfig,
}

/// One programming interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointConfig {
    /// Answer it; 404 otherwise.
    pub enabled: bool,
    /// Largest request body, in bytes.
    #[schemars(range(min = 1))]
    pub max_body_bytes: Option<u32>,
}

/// The `gateway.http.securityHeaders` block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityHeaders {
    /// The `Strict-Transport-Security` header; `false` or unset sends none.
    pub strict_transport_security: Option<HeaderText>,
}

impl SecurityHeaders {
    /// The header's text, if it is to be sent.
    pub fn hsts(&self) -> Option<&str> {
        match &self.strict_transport_security {
            Some(HeaderText::Text(text)) if !text.trim().is_empty() => Some(text.trim()),
            _ => None,
        }
    }
}

/// A header's text, or `false` for none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum HeaderText {
    /// The text.
    Text(String),
    /// `false`.
    Off(bool),
}

/// The `gateway.auth.trustedProxy` block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TrustedProxyConfig {
    /// The header in which the proxy names the user.
    pub user_header: String,
    /// Headers that every request through the proxy carries.
    pub required_headers: Vec<String>,
    /// The users let in; empty for everybody the proxy lets in.
    pub allow_users: Vec<String>,
    /// Believe a proxy on this computer.
    pub allow_loopback: bool,
}

/// The `hooks` block: how other programs wake the assistant.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HooksConfig {
    /// Answer them; without a token they stay off.
    pub enabled: bool,
    /// The path they are answered below, as written; see [`HooksConfig::mount`].
    pub path: String,
    /// What their callers present. It must differ from the gateway's own secret.
    pub token: Option<crate::Secret>,
    /// Largest request body, in bytes.
    #[schemars(range(min = 1))]
    pub max_body_bytes: u32,
    /// Mappings that come with the product, by name.
    pub presets: Vec<String>,
    /// What the bodies of other services are turned into.
    pub mappings: Vec<HookMapping>,
    /// Let the caller of `agent` choose the conversation.
    pub allow_request_session_key: bool,
}

impl HooksConfig {
    /// The path in the form `/name`, without a trailing slash; empty when it is no path of its own.
    pub fn mount(&self) -> String {
        match self.path.trim().trim_matches('/') {
            "" => String::new(),
            path => format!("/{path}"),
        }
    }
}

impl Default for HooksConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            path: "/hooks".into(),
            token: None,
            max_body_bytes: 256 * 1024,
            presets: Vec::new(),
            mappings: Vec::new(),
            allow_request_session_key: false,
        }
    }
}

/// One entry of `hooks.mappings`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HookMapping {
    /// Name for logs.
    pub id: Option<String>,
    /// Which requests it is for.
    #[serde(rename = "match")]
    pub matches: HookMatch,
    /// What they do.
    pub action: HookAction,
    /// When a wake-up is answered.
    pub wake_mode: WakeMode,
    /// Name of the conversation, for people.
    pub name: Option<String>,
    /// The agent that answers.
    pub agent_id: Option<String>,
    /// The conversation; one of its own for each request unless set.
    pub session_key: Option<String>,
    /// The message for `action: "agent"`; `{{path.to.member}}` stands for a member of the body.
    pub message_template: Option<String>,
    /// The text for `action: "wake"`.
    pub text_template: Option<String>,
    /// The model that answers, as `provider/model`.
    pub model: Option<String>,
    /// How much the model thinks.
    pub thinking: Option<String>,
    /// How long the answer may take.
    pub timeout_seconds: Option<u32>,
}

/// Which requests a mapping is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HookMatch {
    /// The path below `hooks.path`.
    pub path: Option<String>,
    /// The body's `source` member.
    pub source: Option<String>,
}

/// What a mapped request does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HookAction {
    /// A run in a conversation of its own.
    #[default]
    Agent,
    /// A note for the main conversation.
    Wake,
}

/// When a wake-up is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WakeMode {
    /// At once.
    #[default]
    Now,
    /// With the next heartbeat.
    NextHeartbeat,
}
