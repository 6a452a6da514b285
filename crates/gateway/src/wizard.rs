//! Setting up a model provider step by step, for clients that show steps (protocol §14.12). One at a
//! time; nothing is written before the last answer.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clawdbot_agent::{ProviderChoice, provider_choices};
use clawdbot_protocol::{WizardOption, WizardStep};
use serde_json::{Value, json};

/// A wizard that nobody answers for this long makes room for another.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// Longest key or model name.
const MAX_TEXT: usize = 1_000;
/// The choice that leaves everything as it is.
const KEEP: &str = "keep";

/// The wizard under way, if there is one.
#[derive(Default)]
pub(crate) struct Wizards {
    current: Mutex<Option<Wizard>>,
}

/// One set-up under way.
pub(crate) struct Wizard {
    pub(crate) id: String,
    step_id: String,
    stage: Stage,
    touched: Instant,
    workspace: Option<String>,
    provider: Option<ProviderChoice>,
    key: Option<String>,
    model: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Welcome,
    Provider,
    Key,
    Model,
    Confirm,
}

/// What an answer leads to.
pub(crate) enum Turn {
    /// The next step.
    Step,
    /// The end, with what is to be written.
    Done(Option<Value>),
}

impl Wizards {
    /// Begins a wizard unless there is one.
    pub(crate) fn start(&self, workspace: Option<String>) -> Option<(String, WizardStep)> {
        let mut current = self.lock();
        if current.as_ref().is_some_and(|wizard| wizard.touched.elapsed() < IDLE) {
            return None;
        }
        let wizard = current.insert(Wizard::new(workspace));
        Some((wizard.id.clone(), wizard.step()))
    }

    /// Takes the wizard of that id out; [`Wizards::put_back`] unless it has ended.
    pub(crate) fn take(&self, id: &str) -> Option<Wizard> {
        self.lock().take_if(|wizard| wizard.id == id)
    }

    pub(crate) fn put_back(&self, wizard: Wizard) {
        self.lock().get_or_insert(wizard);
    }

    pub(crate) fn is_running(&self, id: &str) -> bool {
        self.lock().as_ref().is_some_and(|wizard| wizard.id == id)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Wizard>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wizard {
    fn new(workspace: Option<String>) -> Self {
        Self {
            id: new_id(),
            step_id: new_id(),
            stage: Stage::Welcome,
            touched: Instant::now(),
            workspace,
            provider: None,
            key: None,
            model: String::new(),
        }
    }

    /// Whether `step_id` is the step shown now.
    pub(crate) fn is_at(&self, step_id: &str) -> bool {
        self.step_id == step_id
    }

    /// Takes an answer to the step shown. `has_key` tells whether a provider could be used without
    /// a new key.
    ///
    /// # Errors
    /// What is wrong with the answer, for people; the step stays.
    pub(crate) fn answer(
        &mut self,
        value: &Value,
        has_key: impl Fn(&str) -> bool,
    ) -> Result<Turn, String> {
        self.touched = Instant::now();
        let text = value.as_str().unwrap_or_default().trim();
        if text.len() > MAX_TEXT {
            return Err("That is too long.".to_owned());
        }
        self.stage = match self.stage {
            Stage::Welcome => Stage::Provider,
            Stage::Provider if text == KEEP => return Ok(Turn::Done(None)),
            Stage::Provider => self.choose_provider(text)?,
            Stage::Key => self.take_key(text, has_key)?,
            Stage::Model => self.choose_model(text)?,
            Stage::Confirm if value == true => return Ok(Turn::Done(Some(self.patch()))),
            Stage::Confirm => Stage::Provider,
        };
        self.step_id = new_id();
        Ok(Turn::Step)
    }

    fn choose_provider(&mut self, id: &str) -> Result<Stage, String> {
        let chosen = provider_choices().into_iter().find(|choice| choice.id == id);
        let chosen = chosen.ok_or("Choose one of the providers.")?;
        let next = if chosen.needs_key { Stage::Key } else { Stage::Model };
        self.key = None;
        self.provider = Some(chosen);
        Ok(next)
    }

    fn take_key(&mut self, key: &str, has_key: impl Fn(&str) -> bool) -> Result<Stage, String> {
        let provider = self.provider.as_ref().map_or("", |choice| choice.id);
        if key.is_empty() && !has_key(provider) {
            return Err(format!("{provider} needs an API key. Paste it here."));
        }
        if !key.chars().all(|c| c.is_ascii_graphic()) || key.contains('$') {
            return Err("That does not look like an API key. Paste the key alone.".to_owned());
        }
        self.key = (!key.is_empty()).then(|| key.to_owned());
        Ok(Stage::Model)
    }

    fn choose_model(&mut self, model: &str) -> Result<Stage, String> {
        if model.is_empty() || model.contains(|c: char| c.is_whitespace() || c == '$') {
            return Err("Name a model of this provider, without spaces.".to_owned());
        }
        model.clone_into(&mut self.model);
        Ok(Stage::Confirm)
    }

    /// What the answers mean for the configuration, as a merge patch.
    fn patch(&self) -> Value {
        let provider = self.provider.as_ref().map_or("", |choice| choice.id);
        let mut patch = json!({
            "agents": {"defaults": {"model": {"primary": format!("{provider}/{}", self.model)}}},
            "wizard": {
                "lastRunAt": jiff::Timestamp::now().to_string(),
                "lastRunVersion": env!("CARGO_PKG_VERSION"),
                "lastRunCommand": "wizard.start",
                "lastRunMode": "local",
            },
        });
        if let Some(key) = &self.key {
            patch["models"]["providers"][provider]["apiKey"] = json!(key);
        }
        if let Some(workspace) = &self.workspace {
            patch["agents"]["defaults"]["workspace"] = json!(workspace);
        }
        patch
    }

    /// The step to show now.
    pub(crate) fn step(&self) -> WizardStep {
        let provider = self.provider.as_ref().map_or("", |choice| choice.id);
        let step = |kind: &str, title: &str, message: String| WizardStep {
            id: self.step_id.clone(),
            kind: kind.to_owned(),
            title: title.to_owned(),
            message,
            options: None,
            initial_value: None,
            placeholder: None,
            sensitive: None,
            executor: "client".to_owned(),
        };
        match self.stage {
            Stage::Welcome => step(
                "note",
                "Clawdbot setup",
                "Chooses who answers: a model provider, its key and a model. Nothing is changed \
                 before you confirm."
                    .to_owned(),
            ),
            Stage::Provider => WizardStep {
                options: Some(provider_options()),
                initial_value: Some(json!(KEEP)),
                ..step("select", "Model provider", "Who shall answer?".to_owned())
            },
            Stage::Key => WizardStep {
                sensitive: Some(true),
                placeholder: Some("API key".to_owned()),
                ..step(
                    "text",
                    "API key",
                    format!(
                        "The key for {provider}. It is kept in the configuration file of this \
                         gateway. Leave it empty to use the one that is set up already."
                    ),
                )
            },
            Stage::Model => {
                self.model_step(step("text", "Model", format!("A model of {provider}.")))
            }
            Stage::Confirm => WizardStep {
                initial_value: Some(json!(true)),
                ..step("confirm", "Save", format!("Use {provider}/{} from now on?", self.model))
            },
        }
    }

    fn model_step(&self, step: WizardStep) -> WizardStep {
        let models = self.provider.iter().flat_map(|choice| &choice.models);
        let options: Vec<_> = models.map(|(id, name)| option(id, name)).collect();
        match options.first() {
            None => WizardStep { placeholder: Some("model name".to_owned()), ..step },
            Some(first) => WizardStep {
                kind: "select".to_owned(),
                initial_value: Some(json!(first.value)),
                options: Some(options),
                ..step
            },
        }
    }
}

fn provider_options() -> Vec<WizardOption> {
    let known = provider_choices();
    let known = known.iter().map(|choice| option(choice.id, choice.id));
    known.chain([option(KEEP, "Leave everything as it is")]).collect()
}

fn option(value: &str, label: &str) -> WizardOption {
    WizardOption { value: value.to_owned(), label: label.to_owned(), hint: None }
}

fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
