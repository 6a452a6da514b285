//! Whom to connect to, and with which key.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// `user@host`, `user@host:port`, an address, or the name of a `Host` in the person's own ssh
/// configuration. What it is made of cannot be taken for anything else by `ssh` (SSH-01, SSH-02).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

/// Why a text is no destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// Nothing before or after the `@`.
    #[error(
        "The SSH destination is incomplete. Write it like user@server, user@server:2222 or an alias from your SSH configuration."
    )]
    Incomplete,
    /// A host that is no name and no address.
    #[error(
        "The host of the SSH destination may hold letters, digits, dots, hyphens and underscores only, and starts with a letter or digit. IPv6 addresses are written like user@[2001:db8::1]:22."
    )]
    Host,
    /// A user that is no user name.
    #[error(
        "The user of the SSH destination may hold letters, digits, dots, hyphens and underscores only, and does not start with a hyphen."
    )]
    User,
    /// A port that is none.
    #[error("The port of the SSH destination is a number from 1 to 65535.")]
    Port,
}

impl DestinationError {
    /// A stable name for this kind of failure.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Incomplete => "SSH_TARGET_INCOMPLETE",
            Self::Host => "SSH_TARGET_HOST",
            Self::User => "SSH_TARGET_USER",
            Self::Port => "SSH_TARGET_PORT",
        }
    }
}

impl Destination {
    /// The host or alias.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, where it was named.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The last arguments of `ssh`: the port, the end of the options, the destination.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        if let Some(port) = self.port {
            arguments.extend(["-p".to_owned(), port.to_string()]);
        }
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        arguments.extend(["--".to_owned(), format!("{user}{}", self.host)]);
        arguments
    }
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let (user, rest) = match text.split_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, text),
        };
        if user == Some("") || rest.is_empty() {
            return Err(DestinationError::Incomplete);
        }
        if !user.is_none_or(is_user) {
            return Err(DestinationError::User);
        }
        let (host, port) = host_and_port(rest)?;
        let port = match port {
            Some(port) => Some(parse_port(port)?),
            None => None,
        };
        Ok(Self { user: user.map(str::to_owned), host: host.to_owned(), port })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match (self.port, self.host.contains(':')) {
            (Some(port), true) => write!(f, "[{}]:{port}", self.host),
            (Some(port), false) => write!(f, "{}:{port}", self.host),
            (None, _) => f.write_str(&self.host),
        }
    }
}

fn host_and_port(text: &str) -> Result<(&str, Option<&str>), DestinationError> {
    if let Some(inner) = text.strip_prefix('[') {
        let (address, rest) = inner.split_once(']').ok_or(DestinationError::Host)?;
        address.parse::<Ipv6Addr>().map_err(|_| DestinationError::Host)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((address, Some(port))),
            None if rest.is_empty() => Ok((address, None)),
            None => Err(DestinationError::Host),
        };
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((text, None));
    }
    let (host, port) = match text.split_once(':') {
        // An address that is none.
        Some((_, port)) if port.contains(':') => return Err(DestinationError::Host),
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    if is_host(host) { Ok((host, port)) } else { Err(DestinationError::Host) }
}

fn parse_port(text: &str) -> Result<u16, DestinationError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| plain && *port != 0).ok_or(DestinationError::Port)
}

fn is_host(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=253).contains(&text.len())
        && text.bytes().all(allowed)
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
}

fn is_user(text: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+');
    (1..=64).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with(['-', '+'])
}

/// A private key file. `ssh` would replace `%` signs in its path, so that there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity(PathBuf);

/// Why a path is no identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "The SSH key file must be an absolute path, or start with ~/, without % signs, quotes and line breaks."
)]
pub struct IdentityError;

impl Identity {
    /// The path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let strange = |c: char| c.is_control() || matches!(c, '%' | '"' | '\'' | '$' | '`');
        let rooted = text.starts_with("~/") || Path::new(text).is_absolute();
        if rooted && text.len() <= 4096 && !text.contains(strange) {
            Ok(Self(text.into()))
        } else {
            Err(IdentityError)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_become_plain_arguments() {
        for (text, arguments) in [
            ("server", vec!["--", "server"]),
            ("me@server", vec!["--", "me@server"]),
            ("me@10.0.0.1:2222", vec!["-p", "2222", "--", "me@10.0.0.1"]),
            ("me@[2001:db8::1]:22", vec!["-p", "22", "--", "me@2001:db8::1"]),
            ("::1", vec!["--", "::1"]),
        ] {
            let destination: Destination = text.parse().unwrap();
            assert_eq!(destination.arguments(), arguments, "{text}");
            assert_eq!(destination.to_string().parse(), Ok(destination), "{text}");
        }
    }

    #[test]
    fn nothing_else_reaches_ssh_ssh_01_ssh_02() {
        for (text, code) in [
            ("", "SSH_TARGET_INCOMPLETE"),
            ("@host", "SSH_TARGET_INCOMPLETE"),
            ("me@", "SSH_TARGET_INCOMPLETE"),
            ("-oProxyCommand=touch /tmp/x", "SSH_TARGET_HOST"),
            ("-l@host", "SSH_TARGET_USER"),
            ("me@-oProxyCommand=x", "SSH_TARGET_HOST"),
            ("me@ho st", "SSH_TARGET_HOST"),
            ("me@host\nProxyCommand x", "SSH_TARGET_HOST"),
            ("me;id@host", "SSH_TARGET_USER"),
            ("me@$(id)", "SSH_TARGET_HOST"),
            ("me@%h", "SSH_TARGET_HOST"),
            ("m'e@host", "SSH_TARGET_USER"),
            ("me@host@other", "SSH_TARGET_HOST"),
            ("ssh://host", "SSH_TARGET_PORT"),
            ("me@host:", "SSH_TARGET_PORT"),
            ("me@host:0", "SSH_TARGET_PORT"),
            ("me@host:+22", "SSH_TARGET_PORT"),
            ("me@host:65536", "SSH_TARGET_PORT"),
            ("me@[::1", "SSH_TARGET_HOST"),
            ("me@[server]:22", "SSH_TARGET_HOST"),
            ("me@fe80::1%eth0", "SSH_TARGET_HOST"),
            ("me@hôte", "SSH_TARGET_HOST"),
        ] {
            let parsed = text.parse::<Destination>().map_err(DestinationError::code);
            assert_eq!(parsed, Err(code), "{text}");
        }
        for path in ["", "-i", "id", "~/k%h", "/a\nb", "/a\"b", "/$(id)"] {
            assert_eq!(path.parse::<Identity>(), Err(IdentityError), "{path}");
        }
        assert!("/home/a b/.ssh/id".parse::<Identity>().is_ok());
    }
}
