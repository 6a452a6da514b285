use std::collections::HashSet;
use std::net::IpAddr;
use std::path::Path;

use crate::model::{minutes_of_day, parse_duration};
use crate::{AuthMode, Bind, Config, Finding, GatewayMode, HeartbeatConfig, TailscaleMode};

type Found = (Vec<String>, Finding);

/// What the schema cannot say: rules between keys, and formats.
#[derive(Default)]
pub(crate) struct Rules {
    pub(crate) errors: Vec<Found>,
    pub(crate) warnings: Vec<Found>,
}

pub(crate) fn check_rules(config: &Config) -> Rules {
    let mut rules = Rules::default();
    rules.gateway(config);
    rules.trusted_proxy(config);
    rules.hooks(config);
    rules.remote(config);
    rules.agents(config);
    rules.heartbeats(config);
    rules.providers(config);
    rules.logging(config);
    rules
}

impl Rules {
    fn gateway(&mut self, config: &Config) {
        let gateway = &config.gateway;
        if gateway.bind == Bind::Custom && gateway.custom_bind_host.is_none() {
            self.error("gateway.bind", Finding::CustomBind);
        }
        if gateway.tailscale.mode != TailscaleMode::Off && gateway.bind != Bind::Loopback {
            self.error("gateway.tailscale.mode", Finding::TailscaleBind);
        }
        let mode = gateway.auth.effective_mode();
        if gateway.tailscale.mode == TailscaleMode::Funnel && mode != AuthMode::Password {
            self.error("gateway.tailscale.mode", Finding::FunnelAuth);
        }
        if gateway.auth.mode.is_none()
            && gateway.auth.token.is_some()
            && gateway.auth.password.is_some()
        {
            self.warning("gateway.auth", Finding::TwoSecrets);
        }
        for (index, proxy) in gateway.trusted_proxies.iter().enumerate() {
            if !is_address_or_range(proxy) {
                self.error(&format!("gateway.trustedProxies.{index}"), Finding::ProxyAddress);
            }
        }
    }

    fn logging(&mut self, config: &Config) {
        let rooted = |file: &str| file.starts_with("~/") || Path::new(file).is_absolute();
        if config.logging.file.as_deref().is_some_and(|file| !rooted(file)) {
            self.error("logging.file", Finding::LogFile);
        }
    }

    fn trusted_proxy(&mut self, config: &Config) {
        let gateway = &config.gateway;
        if gateway.auth.mode != Some(AuthMode::TrustedProxy) {
            return;
        }
        let proxy = gateway.auth.trusted_proxy.as_ref();
        if proxy.is_none_or(|proxy| proxy.user_header.trim().is_empty()) {
            self.error("gateway.auth.mode", Finding::ProxyHeader);
        }
        if gateway.trusted_proxies.is_empty() {
            self.error("gateway.auth.mode", Finding::NoProxy);
        }
        if gateway.auth.token.is_some() || gateway.auth.password.is_some() {
            self.error("gateway.auth.mode", Finding::ProxyAndSecret);
        }
    }

    fn hooks(&mut self, config: &Config) {
        let hooks = &config.hooks;
        if !hooks.enabled {
            return;
        }
        if hooks.mount().is_empty() {
            self.error("hooks.path", Finding::HookPath);
        }
        match &hooks.token {
            None => self.warning("hooks.enabled", Finding::NoHookToken),
            Some(token) if config.gateway.auth.secrets().any(|secret| secret == token) => {
                self.error("hooks.token", Finding::HookToken)
            }
            Some(_) => {}
        }
        for (index, mapping) in hooks.mappings.iter().enumerate() {
            let is_safe = |key: &String| !key.contains("{{") || key.starts_with("hook:");
            if !mapping.session_key.as_ref().is_none_or(is_safe) {
                self.error(&format!("hooks.mappings.{index}.sessionKey"), Finding::HookKey);
            }
        }
    }

    fn remote(&mut self, config: &Config) {
        let remote = &config.gateway.remote;
        if let Some(url) = &remote.url
            && !has_scheme(url, &["ws", "wss"])
        {
            self.error("gateway.remote.url", Finding::GatewayAddress);
        }
        if let Some(fingerprint) = &remote.tls_fingerprint
            && !is_fingerprint(fingerprint)
        {
            self.error("gateway.remote.tlsFingerprint", Finding::Fingerprint);
        }
        let named = remote.url.is_some() || remote.ssh_target.is_some();
        if config.gateway.mode == Some(GatewayMode::Remote) && !named {
            self.warning("gateway.mode", Finding::RemoteNowhere);
        }
    }

    fn agents(&mut self, config: &Config) {
        let listed = config.agents.list.iter().enumerate();
        let listed = listed.map(|(index, agent)| {
            (vec!["agents".into(), "list".into(), index.to_string()], agent.id.clone())
        });
        let mapped = config.agents.entries.keys();
        let mapped = mapped
            .map(|id| (vec!["agents".into(), "entries".into(), id.clone()], Some(id.clone())));
        let mut seen = HashSet::new();
        for (path, id) in listed.chain(mapped) {
            let problem = match id.map(|id| id.to_lowercase()) {
                None => Finding::NoAgentId,
                Some(id) if !is_agent_id(&id) => Finding::AgentId,
                Some(id) if seen.contains(&id) => Finding::AgentTwice,
                Some(id) => {
                    seen.insert(id);
                    continue;
                }
            };
            self.errors.push((path, problem));
        }
    }

    fn heartbeats(&mut self, config: &Config) {
        let agents = &config.agents;
        if let Some(heartbeat) = &agents.defaults.heartbeat {
            self.heartbeat("agents.defaults.heartbeat", heartbeat);
        }
        for (index, agent) in agents.list.iter().enumerate() {
            if let Some(heartbeat) = &agent.heartbeat {
                self.heartbeat(&format!("agents.list.{index}.heartbeat"), heartbeat);
            }
        }
        for (id, agent) in &agents.entries {
            if let Some(heartbeat) = &agent.heartbeat {
                self.heartbeat(&format!("agents.entries.{id}.heartbeat"), heartbeat);
            }
        }
    }

    fn heartbeat(&mut self, at: &str, heartbeat: &HeartbeatConfig) {
        if heartbeat.every.as_deref().is_some_and(|every| parse_duration(every).is_none()) {
            self.error(&format!("{at}.every"), Finding::Duration);
        }
        let Some(hours) = &heartbeat.active_hours else { return };
        for (name, time) in [("start", &hours.start), ("end", &hours.end)] {
            if time.as_deref().is_some_and(|time| minutes_of_day(time).is_none()) {
                self.error(&format!("{at}.activeHours.{name}"), Finding::TimeOfDay);
            }
        }
    }

    fn providers(&mut self, config: &Config) {
        for (name, provider) in &config.models.providers {
            let at =
                |key: &str| vec!["models".into(), "providers".into(), name.clone(), key.into()];
            if name.is_empty() || name.contains('/') {
                self.errors.push((at("")[..3].to_vec(), Finding::ProviderName));
            }
            if let Some(url) = &provider.base_url
                && !has_scheme(url, &["http", "https"])
            {
                self.errors.push((at("baseUrl"), Finding::ProviderAddress));
            }
        }
    }

    fn error(&mut self, path: &str, finding: Finding) {
        self.errors.push((split(path), finding));
    }

    fn warning(&mut self, path: &str, finding: Finding) {
        self.warnings.push((split(path), finding));
    }
}

fn split(path: &str) -> Vec<String> {
    path.split('.').map(str::to_owned).collect()
}

fn has_scheme(url: &str, schemes: &[&str]) -> bool {
    url.split_once("://").is_some_and(|(scheme, rest)| {
        !rest.is_empty() && schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known))
    })
}

fn is_address_or_range(text: &str) -> bool {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= most))
}

/// Certificate tools print a fingerprint with colons.
fn is_fingerprint(text: &str) -> bool {
    let digits: Vec<_> = text.chars().filter(|c| *c != ':').collect();
    digits.len() == 64 && digits.iter().all(char::is_ascii_hexdigit)
}

fn is_agent_id(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    id.len() <= 64 && id.starts_with(plain) && id.chars().all(|c| plain(c) || c == '_' || c == '-')
}
