//! `clawdbot://` links from outside: read here, shown in the window, and done only when the person
//! there says so.
//!
//! - `clawdbot://agent?message=TEXT[&sessionKey=KEY]` puts a message into the composer, as the
//!   original's links of that name do; none of its parameters that skip the question is known here
//! - `clawdbot://session?key=KEY` opens a conversation
//! - `clawdbot://connect?ssh=USER@HOST[:PORT][&port=PORT]` or `?url=wss://…` proposes a gateway

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;
use tauri::{AppHandle, Url};

use crate::show::{self, Page};

/// The scheme, as the desktop knows it.
pub(crate) const SCHEME: &str = "clawdbot";

const MAX_LINK: usize = 32 * 1024;
const MAX_SHOWN: usize = 500;
const MAX_MESSAGE: usize = 20_000;
const MAX_KEY: usize = 512;
const MAX_HOST: usize = 255;

/// What the window shows before anything happens.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Proposal {
    /// The link as it came, without what cannot be printed.
    url: String,
    #[serde(flatten)]
    action: Action,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Action {
    Message {
        text: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        session_key: Option<String>,
    },
    Session {
        session_key: String,
    },
    Connect {
        target: Target,
    },
    /// Not one of ours, or one that nobody honest would make. It is shown and does nothing.
    Refused,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "mode", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Target {
    Ssh {
        ssh_target: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        remote_port: Option<u16>,
    },
    Direct {
        url: String,
    },
}

/// True for an argument that is such a link, however broken.
pub(crate) fn is_link(argument: &str) -> bool {
    argument.split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME))
}

/// Shows what a link would do.
pub(crate) fn propose(app: &AppHandle, link: &str) {
    let proposal = Proposal { url: printable(link), action: read(link).unwrap_or(Action::Refused) };
    if proposal.action == Action::Refused {
        tracing::warn!("a link from outside was refused");
    }
    let detail = serde_json::to_value(proposal).unwrap_or(Value::Null);
    show::page(app, Page::Link, detail);
}

fn read(link: &str) -> Option<Action> {
    if link.len() > MAX_LINK || link.chars().any(char::is_control) {
        return None;
    }
    let url = Url::parse(link).ok().filter(|url| url.scheme() == SCHEME)?;
    let bare = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    if !bare || !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return None;
    }
    let mut fields = HashMap::new();
    for (name, value) in url.query_pairs() {
        // Said twice, it depends on the reader which one counts.
        if fields.insert(name.into_owned(), value.into_owned()).is_some() {
            return None;
        }
    }
    let action = match url.host_str()? {
        "agent" => message(&mut fields)?,
        "session" => Action::Session { session_key: key(fields.remove("key")?)? },
        "connect" => Action::Connect { target: target(&mut fields)? },
        _ => return None,
    };
    // What is not understood could be what matters.
    fields.is_empty().then_some(action)
}

fn message(fields: &mut HashMap<String, String>) -> Option<Action> {
    let text = fields.remove("message")?;
    let readable = |c: char| matches!(c, '\n' | '\t') || !(c.is_control() || deceives(c));
    let fits = (1..=MAX_MESSAGE).contains(&text.chars().count());
    let session_key = match fields.remove("sessionKey") {
        Some(session) => Some(key(session)?),
        None => None,
    };
    (fits && text.chars().all(readable)).then_some(Action::Message { text, session_key })
}

fn key(key: String) -> Option<String> {
    let plain = |c: char| !(c.is_control() || c.is_whitespace() || deceives(c));
    ((1..=MAX_KEY).contains(&key.len()) && key.chars().all(plain)).then_some(key)
}

fn target(fields: &mut HashMap<String, String>) -> Option<Target> {
    match (fields.remove("ssh"), fields.remove("url")) {
        (Some(ssh_target), None) => {
            let remote_port = match fields.remove("port") {
                Some(port) => Some(port.parse().ok().filter(|port| *port != 0)?),
                None => None,
            };
            is_ssh(&ssh_target).then_some(Target::Ssh { ssh_target, remote_port })
        }
        (None, Some(address)) => {
            let url = Url::parse(&address).ok()?;
            let bare = url.username().is_empty() && url.password().is_none();
            let plain = url.query().is_none() && url.fragment().is_none();
            let ours = matches!(url.scheme(), "ws" | "wss") && url.has_host();
            (bare && plain && ours).then(|| Target::Direct { url: url.into() })
        }
        _ => None,
    }
}

/// `user@host:port` or an alias, with nothing in it that ssh could take for an option or a shell
/// for a command.
fn is_ssh(target: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._-:[]%".contains(c);
    let option = |part: &str| part.is_empty() || part.starts_with('-');
    target.len() <= MAX_HOST && target.chars().all(plain) && !target.split('@').any(option)
}

/// Characters that make a text look like another one.
fn deceives(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn printable(link: &str) -> String {
    let clean = |c: char| if c.is_control() || deceives(c) { '\u{fffd}' } else { c };
    link.chars().take(MAX_SHOWN).map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::{Action, Target, is_link, printable, read};

    fn message(text: &str, session_key: Option<&str>) -> Option<Action> {
        Some(Action::Message { text: text.into(), session_key: session_key.map(Into::into) })
    }

    #[test]
    fn links_propose_what_they_say() {
        let read = |link| read(link);
        assert_eq!(read("clawdbot://agent?message=Good%20day%0A2"), message("Good day\n2", None));
        assert_eq!(
            read("clawdbot://agent/?message=a&sessionKey=agent:main:main"),
            message("a", Some("agent:main:main"))
        );
        let session_key = "agent:main:x".into();
        assert_eq!(
            read("clawdbot://session?key=agent:main:x"),
            Some(Action::Session { session_key })
        );
        let ssh = Target::Ssh { ssh_target: "me@host:2222".into(), remote_port: Some(1) };
        assert_eq!(
            read("clawdbot://connect?ssh=me@host:2222&port=1"),
            Some(Action::Connect { target: ssh })
        );
        let direct = Target::Direct { url: "wss://host.example/".into() };
        assert_eq!(
            read("clawdbot://connect?url=wss://host.example/"),
            Some(Action::Connect { target: direct })
        );
    }

    #[test]
    fn hostile_links_propose_nothing() {
        let long = format!("clawdbot://agent?message={}", "a".repeat(20_001));
        for link in [
            "clawdbot:",
            "clawdbot://",
            "clawdbot://agent",
            "clawdbot://agent?message=",
            &long,
            "clawdbot://agent?message=a&message=b",
            "clawdbot://agent?message=a&key=skip-the-question",
            "clawdbot://agent?message=a&deliver=true",
            "clawdbot://agent?message=%1b%5b31m",
            "clawdbot://agent?message=a%E2%80%AEb",
            "clawdbot://agent?message=a&sessionKey=a%20b",
            "clawdbot://agent/run?message=a",
            "clawdbot://user@agent?message=a",
            "clawdbot://agent:1?message=a",
            "clawdbot://agent?message=a#x",
            "clawdbot://shell?message=ls",
            "clawdbot://session?key=",
            "clawdbot://connect",
            "clawdbot://connect?ssh=-oProxyCommand=x",
            "clawdbot://connect?ssh=me@-oProxyCommand",
            "clawdbot://connect?ssh=host%20-oProxyCommand%3Dx",
            "clawdbot://connect?ssh=host;ls",
            "clawdbot://connect?ssh=host&port=0",
            "clawdbot://connect?ssh=host&port=65536",
            "clawdbot://connect?ssh=host&url=wss://host/",
            "clawdbot://connect?url=https://host/",
            "clawdbot://connect?url=wss://user:secret@host/",
            "clawdbot://connect?url=wss://host/?token=x",
            "clawdbot://connect?url=wss://host/&tlsFingerprint=x&exec=1",
            "https://example.org/",
        ] {
            assert_eq!(read(link), None, "{link}");
        }
    }

    #[test]
    fn only_our_scheme_is_a_link() {
        assert!(is_link("clawdbot://agent") && is_link("CLAWDBOT:x"));
        assert!(!is_link("--open") && !is_link("clawdbots://x") && !is_link("/tmp/clawdbot:"));
        assert_eq!(printable("a\u{202e}b\u{7}"), "a\u{fffd}b\u{fffd}");
    }
}
