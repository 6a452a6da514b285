//! What a start was based on, so that a change of the configuration is told from none.

use clawdbot_config::Loaded;
use serde_json::Value;

use crate::connection::{Credential, Target, Wish, configured_secret};

/// What of the configuration decides where the gateway is.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Basis {
    /// `None` where the configuration names no usable one.
    target: Option<Target>,
    /// For a gateway elsewhere.
    secret: Option<(String, Credential)>,
    /// All of it; `None` when it cannot be read.
    value: Option<Value>,
}

impl Basis {
    pub(super) fn of(loaded: Option<&Loaded>) -> Self {
        let Some(loaded) = loaded else { return Self::default() };
        let target = Wish::of(&loaded.config).check().ok();
        let is_elsewhere = target.as_ref().is_some_and(|target| *target != Target::Local);
        let secret = configured_secret(&loaded.config).filter(|_| is_elsewhere);
        Self { target, secret, value: Some(loaded.value.clone()) }
    }

    /// Whether a start would turn somewhere else with `now`. One that cannot be read changes
    /// nothing.
    pub(super) fn is_left_by(&self, now: &Self) -> bool {
        now.value.is_some() && (&self.target, &self.secret) != (&now.target, &now.secret)
    }
}
