//! English. Of tunnels, targets and secrets the errors themselves say it.

use clawdbot_client::{ConnectError, Distrust};
use clawdbot_remote::ssh::SshError;

use super::{Cause, States, host};

pub(super) static STATES: States = States {
    starting: "Starting",
    ready: "Ready",
    connecting: "Connecting",
    paused: "Disconnected until you connect again",
    connect_again: "Connect again in the connection settings.",
    tunnel_down: "The tunnel is down",
    no_answer: "The remote gateway does not answer",
    waiting: "Waiting for another gateway on this computer",
    waiting_because: "The gateway here is stopped, so that another program can run it.",
    waiting_remedy: "Start it with clawdbot gateway, or restart the gateway here.",
    attached: "Another program on this computer runs the gateway; this app uses it.",
    port_taken: "Port {} is used by another program, so only this window reaches the gateway.",
    port_taken_remedy: "Stop that program and restart the gateway.",
};

pub(super) fn ssh(error: &SshError) -> (String, &'static str) {
    match error {
        SshError::NoProgram => (
            "There is no ssh program on this computer.".to_owned(),
            "Install OpenSSH (the package openssh-client) and try again.",
        ),
        SshError::Scratch { path, source } => (
            format!(
                "A private directory for the tunnel cannot be made in {}: {source}.",
                path.display()
            ),
            "Check that it is writable, then try again.",
        ),
    }
}

/// Of a device that was not let in: headline, message, remedy.
pub(super) const DECLINED: (&str, &str, &str) = (
    "The remote gateway did not let this device in",
    "The request of this device was declined there, or nobody answered it in time.",
    "Try again, and approve the new request there: clawdbot devices approve {}.",
);

pub(super) fn connect(error: &ConnectError, cause: Cause) -> (&'static str, String, &'static str) {
    let host = host(error);
    match cause {
        Cause::Address => (
            "The address of the gateway cannot be used",
            error.to_string(),
            "Correct it in the connection settings.",
        ),
        Cause::Name => (
            "The name of the gateway cannot be resolved",
            format!("The name in {host} cannot be resolved."),
            "Check the spelling of the address.",
        ),
        Cause::Refused => (
            "Nothing listens at the gateway's address",
            format!("Nothing listens at {host}."),
            "Check that the gateway is running, and that the port is right.",
        ),
        Cause::Unreachable => (
            "The remote gateway cannot be reached",
            format!("{host} cannot be reached."),
            "Check the network connection, and that the machine is on.",
        ),
        Cause::Distrust(distrust) => {
            let (because, remedy) = identity(distrust);
            let message = format!("{host} could not prove its identity: {because}.");
            ("The remote gateway could not prove its identity", message, remedy)
        }
        Cause::Timeout => (
            "The remote gateway does not answer",
            format!("{host} did not answer in time."),
            "Check that a gateway listens there and is not overloaded.",
        ),
        Cause::NotAGateway => (
            "There is no gateway at that address",
            format!("What answers at {host} is not a gateway, or one of another generation."),
            "Check the address and the port.",
        ),
        Cause::NoneBehind => (
            "No gateway is behind that address",
            format!("Something answers at {host}, but it reaches no gateway."),
            "Check that the gateway is running there.",
        ),
        Cause::Circle => (
            "The way to the gateway leads back to this app",
            format!("The way to {host} leads back to the address that this app keeps for it."),
            "Name the machine or the port where the gateway really is.",
        ),
        Cause::Secret => (
            "The remote gateway does not accept the token or password",
            "The remote gateway does not accept the token or password.".to_owned(),
            "Enter the one of that gateway in the connection settings.",
        ),
        Cause::Pairing => (
            "The remote gateway does not know this device yet",
            "The remote gateway does not know this device yet.".to_owned(),
            "Approve it there: clawdbot devices approve {}.",
        ),
        Cause::Denied => (
            "The remote gateway refuses this app",
            format!("{error}."),
            "Look at the log of that gateway, then try again.",
        ),
    }
}

fn identity(distrust: Distrust) -> (String, &'static str) {
    match distrust {
        Distrust::NotPinned(found) => (
            format!("its certificate is not the pinned one (its SHA-256 is {found})"),
            "If you know why it changed, enter the new fingerprint in the connection settings.",
        ),
        Distrust::Expired => (
            "its certificate is not valid now".to_owned(),
            "Renew the certificate there, and check the clock of this computer.",
        ),
        Distrust::Name => (
            "its certificate is for another name".to_owned(),
            "Use the name that the certificate is for.",
        ),
        Distrust::Issuer => (
            "this computer does not trust its certificate".to_owned(),
            "Enter the fingerprint of the certificate, if you know it, or connect over SSH.",
        ),
        Distrust::NoTls => {
            ("it does not speak TLS properly".to_owned(), "Check the port, or connect over SSH.")
        }
    }
}
