//! Parameters and results of the set-up wizard (protocol §14.12).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is to be set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WizardMode {
    /// This gateway.
    Local,
    /// A client of another gateway, which is set up there.
    Remote,
}

/// `wizard.start`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct WizardStartParams {
    /// What to set up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<WizardMode>,
    /// The agents' workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub workspace: Option<String>,
}

/// `wizard.next`
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WizardNextParams {
    /// From `wizard.start`.
    #[schemars(length(min = 1))]
    pub session_id: String,
    /// The answer to the step shown; without one the step is shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<WizardAnswer>,
}

/// Shows no answer: it may be a key.
impl std::fmt::Debug for WizardNextParams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WizardNextParams")
            .field("session_id", &self.session_id)
            .finish_non_exhaustive()
    }
}

/// An answer to a step.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WizardAnswer {
    /// The step.
    #[schemars(length(min = 1))]
    pub step_id: String,
    /// What was chosen or entered.
    #[serde(default)]
    pub value: Value,
}

/// `wizard.cancel` and `wizard.status`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WizardSessionParams {
    /// From `wizard.start`.
    #[schemars(length(min = 1))]
    pub session_id: String,
}

/// What `wizard.start` and `wizard.next` answer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WizardTurn {
    /// Names the wizard; only `wizard.start` tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Whether that was all.
    pub done: bool,
    /// What to show and ask now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<WizardStep>,
    /// `running`, `done`, `cancelled` or `error`.
    pub status: String,
    /// What is wrong with the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One thing to show or ask.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WizardStep {
    /// For the answer.
    pub id: String,
    /// `note`, `select`, `text` or `confirm`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Heading.
    pub title: String,
    /// Explanation.
    pub message: String,
    /// What can be chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<WizardOption>>,
    /// What is chosen or entered at first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_value: Option<Value>,
    /// What the answer looks like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
    /// Whether the answer is a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sensitive: Option<bool>,
    /// Who shows it: `client`.
    pub executor: String,
}

/// Something to choose.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WizardOption {
    /// The answer.
    pub value: String,
    /// Its name.
    pub label: String,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What `wizard.cancel` and `wizard.status` answer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WizardStatus {
    /// `running`, `done` or `cancelled`.
    pub status: String,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
