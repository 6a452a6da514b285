//! What `tailscale` answers.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::tailscale::{Reach, TailscaleError};

/// Where Tailscale asks people for consent.
const CONSENT: &str = "https://login.tailscale.com/";
const MAX_LINK: usize = 300;

/// The part of `tailscale status --json` that matters.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    backend_state: String,
    #[serde(default, rename = "AuthURL")]
    auth_url: String,
    #[serde(default, rename = "Self")]
    own: Option<Own>,
}

#[derive(Deserialize)]
struct Own {
    #[serde(default, rename = "DNSName")]
    dns_name: String,
}

/// This machine in its tailnet.
#[derive(Debug)]
pub(crate) struct Machine {
    /// `machine.tailnet.ts.net`.
    pub(crate) name: String,
}

impl Machine {
    /// `None` when this is no such answer.
    pub(crate) fn read(answer: &[u8]) -> Option<Result<Self, TailscaleError>> {
        let status: Status = serde_json::from_slice(answer).ok()?;
        let name = status.own.map(|own| own.dns_name.trim_end_matches('.').to_owned());
        Some(match status.backend_state.as_str() {
            "Running" => match name.filter(|name| is_name(name)) {
                Some(name) => Ok(Self { name }),
                None => Err(TailscaleError::Unreadable),
            },
            "NeedsLogin" | "NeedsMachineAuth" => {
                Err(TailscaleError::NotSignedIn { url: link(&status.auth_url) })
            }
            other => Err(TailscaleError::NotRunning(
                other.chars().filter(char::is_ascii_alphanumeric).take(40).collect(),
            )),
        })
    }

    /// Where people reach what is published.
    pub(crate) fn url(&self) -> String {
        format!("https://{}/", self.name)
    }

    fn place(&self) -> String {
        format!("{}:443", self.name)
    }
}

/// The part of `tailscale serve status --json` that matters. What runs in a foreground counts too.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Routes {
    #[serde(rename = "TCP")]
    tcp: Option<BTreeMap<String, Port>>,
    web: Option<BTreeMap<String, Site>>,
    allow_funnel: Option<BTreeMap<String, bool>>,
    foreground: Option<BTreeMap<String, Routes>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Port {
    #[serde(rename = "TCPForward")]
    forward: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Site {
    handlers: Option<BTreeMap<String, Handler>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Handler {
    proxy: String,
    path: String,
    text: String,
}

/// Who has the address that a gateway would be published at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Free,
    /// It leads to our gateway.
    Ours(Reach),
    /// It leads elsewhere.
    Foreign(String),
}

impl Routes {
    pub(crate) fn read(answer: &[u8]) -> Option<Self> {
        // Nothing published is `{}`, or nothing at all.
        match answer.trim_ascii() {
            b"" | b"null" => Some(Self::default()),
            // A list would pass for the members in their order.
            object @ [b'{', ..] => serde_json::from_slice(object).ok(),
            _ => None,
        }
    }

    /// Who has the root of `machine`'s HTTPS address, where our gateway listens on `port`.
    pub(crate) fn at(&self, machine: &Machine, port: u16) -> Route {
        let foreground = self.foreground.iter().flat_map(BTreeMap::values);
        let taken = foreground.map(|routes| routes.at(machine, port));
        if let Some(taken) = taken.into_iter().find(|route| *route != Route::Free) {
            return match taken {
                // Somebody holds it in a terminal, and it ends with that terminal.
                Route::Ours(_) => Route::Foreign(format!("port {port} (in a terminal)")),
                other => other,
            };
        }
        let forward = self.tcp.iter().flatten().find(|(at, _)| *at == "443");
        if let Some(forward) =
            forward.map(|(_, port)| port.forward.as_str()).filter(|to| !to.is_empty())
        {
            return Route::Foreign(plain(forward));
        }
        let place = machine.place();
        let sites = self.web.iter().flatten().filter(|(at, _)| **at == place);
        let mut handlers = sites.flat_map(|(_, site)| site.handlers.iter().flatten());
        match handlers.find(|(path, _)| *path == "/") {
            None => Route::Free,
            Some((_, handler)) if is_ours(&handler.proxy, port) => {
                let funnel = self.allow_funnel.iter().flatten().any(|(at, on)| *at == place && *on);
                Route::Ours(if funnel { Reach::Funnel } else { Reach::Serve })
            }
            Some((_, handler)) => {
                let target = [&handler.proxy, &handler.path, &handler.text];
                let target = target.into_iter().find(|target| !target.is_empty());
                Route::Foreign(plain(target.map_or("something else", String::as_str)))
            }
        }
    }
}

fn is_ours(proxy: &str, port: u16) -> bool {
    let address = proxy.strip_prefix("http://").unwrap_or(proxy).trim_end_matches('/');
    [format!("127.0.0.1:{port}"), format!("localhost:{port}")].iter().any(|own| own == address)
}

/// A link of Tailscale's own among other text.
pub(crate) fn link(text: &str) -> Option<String> {
    let rest = &text[text.find(CONSENT)?..];
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&()*+,;=%".contains(c);
    let end = rest.find(|c| !allowed(c)).unwrap_or(rest.len());
    (end <= MAX_LINK).then(|| rest[..end].to_owned())
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    (1..=253).contains(&name.len()) && name.bytes().all(allowed)
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

/// The part of `tailscale whois --json` that matters.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Whois {
    #[serde(default)]
    node: Node,
    user_profile: UserProfile,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Node {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UserProfile {
    login_name: String,
}

/// The login in an answer. A tagged node is a machine and nobody's.
pub(crate) fn login(answer: &[u8]) -> Option<String> {
    let whois: Whois = serde_json::from_slice(answer).ok()?;
    let tagged = whois.node.tags.is_some_and(|tags| !tags.is_empty());
    let login = whois.user_profile.login_name.trim().to_lowercase();
    (!tagged && !login.is_empty() && login != "tagged-devices").then_some(login)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(json: &str) -> Route {
        let machine = Machine { name: "box.tail.ts.net".into() };
        Routes::read(json.as_bytes()).unwrap().at(&machine, 18789)
    }

    fn web(handlers: &str) -> String {
        format!(
            r#"{{"TCP":{{"443":{{"HTTPS":true}}}},"Web":{{"box.tail.ts.net:443":{{"Handlers":{{{handlers}}}}}}}}}"#
        )
    }

    #[test]
    fn our_own_route_is_told_from_others_ts_03() {
        assert_eq!(route("{}"), Route::Free);
        assert_eq!(route("null"), Route::Free);
        assert_eq!(route(""), Route::Free);
        assert_eq!(
            route(&web(r#""/":{"Proxy":"http://127.0.0.1:18789"}"#)),
            Route::Ours(Reach::Serve)
        );
        let funnel = web(r#""/":{"Proxy":"http://127.0.0.1:18789"}"#);
        let funnel = funnel.replacen('{', r#"{"AllowFunnel":{"box.tail.ts.net:443":true},"#, 1);
        assert_eq!(route(&funnel), Route::Ours(Reach::Funnel));
        assert_eq!(route(&web(r#""/photos":{"Path":"/srv"}"#)), Route::Free);
        for foreign in [
            web(r#""/":{"Proxy":"http://127.0.0.1:3000"}"#),
            web(r#""/":{"Path":"/srv/www"}"#),
            web(r#""/":{"Text":"hello"}"#),
            r#"{"TCP":{"443":{"TCPForward":"127.0.0.1:22"}}}"#.to_owned(),
            format!(
                r#"{{"Foreground":{{"x":{}}}}}"#,
                web(r#""/":{"Proxy":"http://127.0.0.1:18789"}"#)
            ),
        ] {
            assert!(matches!(route(&foreign), Route::Foreign(_)), "{foreign}");
        }
        for broken in ["[]", "{\"Web\":7}", "not json"] {
            assert!(Routes::read(broken.as_bytes()).is_none(), "{broken}");
        }
    }

    #[test]
    fn only_tailscales_own_links_are_links_ts_02() {
        let text = "Serve is not enabled on your tailnet.\nTo enable, visit:\n\n         https://login.tailscale.com/f/serve?node=nABC\n";
        assert_eq!(link(text).as_deref(), Some("https://login.tailscale.com/f/serve?node=nABC"));
        assert_eq!(link("see https://login.tailscale.com.evil.example/"), None);
        assert_eq!(
            link("https://login.tailscale.com/\"><script>").as_deref(),
            Some("https://login.tailscale.com/")
        );
        assert_eq!(link(&format!("https://login.tailscale.com/{}", "a".repeat(400))), None);
    }

    #[test]
    fn only_a_person_has_a_login_prx_06() {
        let person = br#"{"Node":{"ID":1,"Name":"laptop.tail.ts.net."},
            "UserProfile":{"ID":2,"LoginName":" Owner@Example.com ","DisplayName":"Owner"},"CapMap":null}"#;
        assert_eq!(login(person).as_deref(), Some("owner@example.com"));
        for nobody in [
            r#"{"Node":{"Tags":["tag:server"]},"UserProfile":{"LoginName":"owner@example.com"}}"#,
            r#"{"Node":{},"UserProfile":{"LoginName":"tagged-devices"}}"#,
            r#"{"Node":{},"UserProfile":{"LoginName":""}}"#,
            r#"{"Node":{},"UserProfile":{"LoginName":7}}"#,
            r#"{"Node":{}}"#,
            "peer not found",
            "",
        ] {
            assert_eq!(login(nobody.as_bytes()), None, "{nobody}");
        }
    }
}
