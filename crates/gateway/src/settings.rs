//! What one configuration means for a running gateway, worked out once and replaced as a whole
//! when the configuration changes. Whoever needs several facts at once takes one snapshot.

use std::sync::Arc;

use clawdbot_agent::Catalog;
use clawdbot_config::{AuthMode, Config, ExecConfig, Loaded, Paths, SessionScope, TailscaleMode};
use clawdbot_protocol::KeyRules;

use crate::access::{AccessRules, parse_net};
use crate::agents::Agents;
use crate::attachments::Limits;

/// A configuration with everything that follows from it.
pub(crate) struct Settings {
    pub(crate) loaded: Loaded,
    pub(crate) keys: KeyRules,
    pub(crate) limits: Limits,
    pub(crate) access: AccessRules,
    pub(crate) agents: Agents,
    /// Shared with the settings before it while nothing about models has changed, so that what
    /// was found out about local servers stays.
    pub(crate) catalog: Arc<Catalog>,
}

impl Settings {
    /// Works out what `loaded` means. Does no I/O.
    pub(crate) fn new(loaded: Loaded, paths: &Paths, before: Option<&Self>) -> Self {
        let config = &loaded.config;
        let gateway = &config.gateway;
        let catalog = before
            .filter(|before| same_models(&before.loaded, &loaded))
            .map_or_else(|| Arc::new(crate::models::catalog(&loaded)), |old| old.catalog.clone());
        Self {
            keys: KeyRules {
                default_agent: config.agents.default_id(),
                main_key: config.session.main_key.clone(),
                global_scope: config.session.scope == SessionScope::Global,
            },
            limits: Limits::new(config.agents.defaults.media_max_mb),
            access: AccessRules {
                allowed_origins: gateway.control_ui.allowed_origins.clone(),
                trusted_proxies: gateway
                    .trusted_proxies
                    .iter()
                    .filter_map(|text| parse_net(text))
                    .collect(),
                users_by_proxy: gateway.auth.mode == Some(AuthMode::TrustedProxy),
                real_ip: gateway.allow_real_ip_fallback,
                tailscale: gateway.tailscale.mode != TailscaleMode::Off
                    || gateway.allows_tailscale(),
            },
            agents: Agents::new(config, paths),
            catalog,
            loaded,
        }
    }

    /// The typed settings.
    pub(crate) fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// How the commands of an agent run.
    pub(crate) fn exec(&self, agent_id: &str) -> ExecConfig {
        let general = &self.config().tools.exec;
        let own = self.agents.get(agent_id).map(|agent| agent.tools.exec.over(general));
        own.unwrap_or_else(|| general.clone())
    }

    /// Whether an agent may use the tool `name`: both its own rules and everybody's leave it.
    pub(crate) fn offers(&self, agent_id: &str, name: &str) -> bool {
        let own = self.agents.get(agent_id).is_none_or(|agent| agent.tools.rules.offer(name));
        own && self.config().tools.rules.offer(name)
    }
}

fn same_models(old: &Loaded, new: &Loaded) -> bool {
    old.config.models == new.config.models
        && old.config.agents.defaults.model == new.config.agents.defaults.model
        && old.config.env == new.config.env
}
