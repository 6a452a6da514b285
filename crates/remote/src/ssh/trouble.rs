//! What went wrong with `ssh`, from what it says: its exit code is 255 for everything.

/// One cause, with one remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The name means nothing.
    #[error("The name of the remote machine cannot be resolved.")]
    Name,
    /// Nobody listens.
    #[error("The remote machine refuses SSH connections.")]
    Refused,
    /// No answer.
    #[error("The remote machine does not answer.")]
    Timeout,
    /// No way there.
    #[error("There is no network route to the remote machine.")]
    Unreachable,
    /// Never seen before, and nobody has accepted it.
    #[error("The remote machine shows a host key that is not known here{}.", fingerprint.as_ref().map(|f| format!(" ({f})")).unwrap_or_default())]
    HostKeyUnknown {
        /// Its fingerprint.
        fingerprint: Option<String>,
    },
    /// Not the key it had.
    #[error(
        "The remote machine shows another host key than before. Somebody may be listening in, or it was set up anew."
    )]
    HostKeyChanged {
        /// The command that removes the old one, as far as `ssh` says where that is.
        removal: Option<String>,
    },
    /// No key, password or code was good.
    #[error("The remote machine does not let you in.")]
    Denied,
    /// A question was not answered.
    #[error("The sign-in was cancelled.")]
    Declined,
    /// A key file that others can read.
    #[error("The SSH key file can be read by others, so ssh does not use it.")]
    IdentityPermissions,
    /// The server forbids tunnels.
    #[error("The remote machine does not allow tunnels to the gateway's port.")]
    ForwardRefused,
    /// The tunnel is there and nobody is at its far end.
    #[error("The tunnel is up, but nothing listens on the gateway's port of the remote machine.")]
    GatewayPort,
    /// It was up and broke.
    #[error("The connection to the remote machine was lost.")]
    Lost,
    /// An option or a configuration file that `ssh` does not take.
    #[error("ssh does not accept its configuration: {0}")]
    Configuration(String),
    /// `ssh` does not start.
    #[error("ssh cannot be started: {0}")]
    Program(String),
    /// Something else, in the words of `ssh`.
    #[error("The SSH connection failed: {0}.")]
    Other(String),
}

impl Trouble {
    /// A stable name for this kind of failure.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name => "SSH_NAME",
            Self::Refused => "SSH_REFUSED",
            Self::Timeout => "SSH_TIMEOUT",
            Self::Unreachable => "SSH_UNREACHABLE",
            Self::HostKeyUnknown { .. } => "SSH_HOST_KEY_UNKNOWN",
            Self::HostKeyChanged { .. } => "SSH_HOST_KEY_CHANGED",
            Self::Denied => "SSH_DENIED",
            Self::Declined => "SSH_DECLINED",
            Self::IdentityPermissions => "SSH_IDENTITY_PERMISSIONS",
            Self::ForwardRefused => "SSH_FORWARD_REFUSED",
            Self::GatewayPort => "SSH_GATEWAY_PORT",
            Self::Lost => "SSH_LOST",
            Self::Configuration(_) => "SSH_CONFIGURATION",
            Self::Program(_) => "SSH_PROGRAM",
            Self::Other(_) => "SSH_OTHER",
        }
    }

    /// The one thing to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Name => "Check the spelling of the host, or use its address.",
            Self::Refused => "Check that an SSH server runs there and that the port is right.",
            Self::Timeout => "Check that the machine is on and that no firewall is in between.",
            Self::Unreachable => "Check this computer's network connection.",
            Self::HostKeyUnknown { .. } => {
                "Connect again, compare the fingerprint with the one the machine's owner gives you, and accept it."
            }
            Self::HostKeyChanged { removal: Some(removal) } => {
                return format!("If you know why it changed, run this and connect again: {removal}");
            }
            Self::HostKeyChanged { removal: None } => {
                "If you know why it changed, remove the old key from ~/.ssh/known_hosts with ssh-keygen -R and connect again."
            }
            Self::Denied => {
                "Check the user name, the password or passphrase if you were asked for one, and that your public key is in ~/.ssh/authorized_keys on that machine."
            }
            Self::Declined => "Connect again when you have the answer.",
            Self::IdentityPermissions => "Run chmod 600 on the key file and connect again.",
            Self::ForwardRefused => {
                "Set AllowTcpForwarding yes (or PermitOpen for the port) in its sshd_config."
            }
            Self::GatewayPort => {
                "Start the gateway there (clawdbot gateway), or correct the remote port."
            }
            Self::Lost => "Nothing to do: it is tried again by itself.",
            Self::Configuration(_) => "Correct that line of your SSH configuration.",
            Self::Program(_) => "Check that OpenSSH is installed properly.",
            Self::Other(_) => "Try the same with ssh in a terminal.",
        }
        .to_owned()
    }

    /// Whether trying again without a person is pointless or harmful.
    pub const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::HostKeyUnknown { .. }
                | Self::HostKeyChanged { .. }
                | Self::Denied
                | Self::Declined
                | Self::IdentityPermissions
                | Self::Configuration(_)
                | Self::Program(_)
        )
    }

    /// From the last lines of `ssh`; `was_up` when the tunnel had been ready.
    pub(crate) fn of<'a>(
        lines: impl DoubleEndedIterator<Item = &'a str> + Clone,
        was_up: bool,
    ) -> Self {
        let has = |known: fn(&str) -> bool| lines.clone().any(known);
        // Once up, a server's own texts may be among the lines, and all of this is behind us.
        if was_up {
            return Self::Lost;
        }
        if has(|line| line.contains("REMOTE HOST IDENTIFICATION HAS CHANGED")) {
            return Self::HostKeyChanged { removal: removal(lines) };
        }
        if has(|line| line.starts_with("Host key verification failed")) {
            return Self::HostKeyUnknown { fingerprint: None };
        }
        if has(|line| line.contains("UNPROTECTED PRIVATE KEY FILE")) {
            return Self::IdentityPermissions;
        }
        if has(|line| {
            line.contains(": Permission denied (")
                || line.contains("Too many authentication failures")
        }) {
            return Self::Denied;
        }
        if has(|line| line.contains("Could not resolve hostname")) {
            return Self::Name;
        }
        if has(|line| line.contains("Connection refused")) {
            return Self::Refused;
        }
        if has(|line| line.contains("timed out") || line.contains("not responding")) {
            return Self::Timeout;
        }
        if has(|line| line.contains("No route to host") || line.contains("Network is unreachable"))
        {
            return Self::Unreachable;
        }
        if let Some(line) = lines.clone().find(|line| {
            line.contains("Bad configuration option")
                || line.contains("Bad owner or permissions on")
        }) {
            return Self::Configuration(line.to_owned());
        }
        let last = lines.rev().find(|line| !line.trim().is_empty());
        Self::Other(last.unwrap_or("it ended without a word").to_owned())
    }

    /// From a line that `ssh` says while the tunnel is up.
    pub(crate) fn while_up(line: &str) -> Option<Self> {
        let reason = line.strip_prefix("channel ")?.split_once(": open failed: ")?.1;
        if reason.starts_with("administratively prohibited") {
            Some(Self::ForwardRefused)
        } else if reason.starts_with("connect failed") {
            Some(Self::GatewayPort)
        } else {
            None
        }
    }
}

/// What a person may copy to remove a key that has changed.
fn removal<'a>(lines: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
    let name = lines.clone().find_map(changed_name)?;
    Some(match lines.clone().find_map(offending_file) {
        Some(file) => format!("ssh-keygen -f '{file}' -R '{name}'"),
        None => format!("ssh-keygen -R '{name}'"),
    })
}

/// The file in `Offending ED25519 key in FILE:LINE`: without it the command would look into the usual
/// one only. In single quotes a shell looks at nothing but the next of them.
fn offending_file(line: &str) -> Option<String> {
    let (_, place) = line.strip_prefix("Offending ")?.split_once(" key in ")?;
    let (file, line) = place.trim_end().rsplit_once(':')?;
    let plain = |c: char| c != '\'' && !c.is_control();
    (line.parse::<u32>().is_ok() && file.starts_with('/') && file.chars().all(plain))
        .then(|| file.to_owned())
}

/// The name in `Host key for NAME has changed and you have requested strict checking.` It becomes
/// part of a command that a person may copy, so that it holds nothing a shell would look at.
fn changed_name(line: &str) -> Option<String> {
    let name = line.strip_prefix("Host key for ")?.split_once(" has changed")?.0;
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    (!name.starts_with('-') && name.len() <= 300 && name.chars().all(plain))
        .then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        Trouble::of(text.lines(), false).code()
    }

    #[test]
    fn every_failure_has_a_name() {
        for (text, expected) in [
            ("ssh: Could not resolve hostname x: Name or service not known", "SSH_NAME"),
            ("ssh: connect to host 127.0.0.1 port 24099: Connection refused", "SSH_REFUSED"),
            ("Connection timed out during banner exchange", "SSH_TIMEOUT"),
            ("Timeout, server 127.0.0.1 not responding.", "SSH_TIMEOUT"),
            ("ssh: connect to host x port 22: No route to host", "SSH_UNREACHABLE"),
            ("root@127.0.0.1: Permission denied (publickey).", "SSH_DENIED"),
            (
                "No ED25519 host key is known for [h]:1\nHost key verification failed.",
                "SSH_HOST_KEY_UNKNOWN",
            ),
            (
                "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
                "SSH_HOST_KEY_CHANGED",
            ),
            (
                "@ WARNING: UNPROTECTED PRIVATE KEY FILE! @\nroot@h: Permission denied (publickey).",
                "SSH_IDENTITY_PERMISSIONS",
            ),
            ("/root/.ssh/config: line 1: Bad configuration option: foo", "SSH_CONFIGURATION"),
            ("", "SSH_OTHER"),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
    }

    #[test]
    fn the_removal_command_holds_nothing_for_a_shell_ssh_03() {
        let remedy = |name: &str, file: &str| {
            let text = format!(
                "REMOTE HOST IDENTIFICATION HAS CHANGED\nOffending RSA key in {file}\n\
                 Host key for {name} has changed and you have requested strict checking."
            );
            Trouble::of(text.lines(), false).remedy()
        };
        let host = "[127.0.0.1]:22";
        let whole = "again: ssh-keygen -f '/home/a b/known:1' -R '[127.0.0.1]:22'";
        assert!(remedy(host, "/home/a b/known:1:3").ends_with(whole));
        for file in ["", "known", "known:1", "/a'b:3"] {
            assert!(
                remedy(host, file).ends_with("again: ssh-keygen -R '[127.0.0.1]:22'"),
                "{file}"
            );
        }
        assert!(!remedy("x';rm -rf ~;'", "/a:3").contains("rm "));
    }

    #[test]
    fn a_far_end_that_is_not_there_is_noticed() {
        for (line, expected) in [
            (
                "channel 3: open failed: connect failed: Connection refused",
                Some("SSH_GATEWAY_PORT"),
            ),
            (
                "channel 3: open failed: administratively prohibited: open failed",
                Some("SSH_FORWARD_REFUSED"),
            ),
            ("bind [127.0.0.1]:18789: Address already in use", None),
        ] {
            assert_eq!(Trouble::while_up(line).map(|trouble| trouble.code()), expected, "{line}");
        }
    }
}
