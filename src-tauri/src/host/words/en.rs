//! English.

use clawdbot_config::{MIN_SECRET_CHARS, PathsError, WeakSecret};
use clawdbot_gateway::StartError;

use super::{Config, place};

pub(super) static CONFIG: Config = Config {
    place: |issue| place(issue, "line", "column"),
    colon: ": ",
    refused: |path| format!("{path} cannot be used; it was left unchanged."),
    mend: "Mend these places, then restart the gateway.",
    go_back: |copy, path| {
        format!(
            "Mend these places and restart the gateway, or go back to the last version that worked: cp '{copy}' '{path}'"
        )
    },
};

pub(super) fn start(error: &StartError) -> (String, String) {
    let (message, remedy) = match error {
        StartError::Paths(error) => return paths(error),
        StartError::ModeNotLocal(mode) => (
            format!(
                "clawdbot.json does not say that a gateway shall run here (gateway.mode is {mode})."
            ),
            "Choose On this computer in the connection settings.",
        ),
        StartError::AlreadyRunning { pid, .. } => (
            format!("Another gateway uses the same data (pid {pid})."),
            "Stop it (clawdbot gateway stop), then restart the gateway here.",
        ),
        StartError::PortTaken { address, .. } => (
            format!("Another program listens on {address}."),
            "Stop that program, or choose another gateway.port in clawdbot.json.",
        ),
        StartError::Bind { address, source } => (
            format!("The gateway cannot listen on {address}: {source}."),
            "Check gateway.bind and gateway.port in clawdbot.json.",
        ),
        StartError::ExposedWithoutAuth(bind) => (
            format!(
                "The gateway would be open to other computers (gateway.bind is {bind}) without a token or password."
            ),
            "Set gateway.auth.token in clawdbot.json, or gateway.bind to loopback.",
        ),
        StartError::WeakSecret { bind, kind, source } => {
            let remedy = format!(
                "Set gateway.auth.{kind} to at least {MIN_SECRET_CHARS} random characters, or gateway.bind to loopback."
            );
            let message = format!(
                "Other computers reach the gateway (gateway.bind is {bind}), and gateway.auth.{kind} {}.",
                weak(*source)
            );
            return (message, remedy);
        }
        StartError::TwoWaysIn => (
            "gateway.auth.mode is trusted-proxy, but a token or password is set as well."
                .to_owned(),
            "Remove gateway.auth.token and gateway.auth.password (and CLAWDBOT_GATEWAY_TOKEN and CLAWDBOT_GATEWAY_PASSWORD), or choose another gateway.auth.mode.",
        ),
        StartError::HookToken => (
            "hooks.token is the same as the token or password of the gateway itself.".to_owned(),
            "Give hooks a token of their own in clawdbot.json.",
        ),
        StartError::PasswordMissing => (
            "gateway.auth.mode is password, but no password is set.".to_owned(),
            "Set gateway.auth.password in clawdbot.json, or CLAWDBOT_GATEWAY_PASSWORD.",
        ),
        StartError::PublishedBind(mode) => (
            format!("Tailscale {mode} needs a gateway that only this computer reaches."),
            "Set gateway.bind to loopback, or switch Tailscale off in the settings.",
        ),
        StartError::FunnelWithoutPassword => (
            "Tailscale funnel opens the gateway to the whole Internet and needs a password."
                .to_owned(),
            "Set gateway.auth.mode to password and gateway.auth.password in clawdbot.json, or switch Tailscale off in the settings.",
        ),
        StartError::SaveToken { path, source } => (
            format!("The new token of the gateway was not saved in {}: {source}.", path.display()),
            "Check that there is space and that you may write there, then restart the gateway.",
        ),
        StartError::EditToken(error) => (
            format!("The new token of the gateway was not added to clawdbot.json: {error}."),
            "Set gateway.auth.token there yourself, then restart the gateway.",
        ),
        StartError::Lock { path, source } => (
            format!("{} cannot be locked: {source}.", path.display()),
            "Check that you may write in that folder, then restart the gateway.",
        ),
        StartError::DeviceKey { path, source } => (
            format!("{} cannot be used: {source}.", path.display()),
            "Restore that file, or remove it to have every device pair again.",
        ),
        StartError::Store(error) => return store(error.code(), &error.to_string()),
        other => (other.to_string(), "Look at the log, then restart the gateway."),
    };
    (message, remedy.to_owned())
}

fn paths(error: &PathsError) -> (String, String) {
    match error {
        PathsError::NotAbsolute(path) => (
            format!("The data folder {} is not a full path.", path.display()),
            "Set HOME, or CLAWDBOT_STATE_DIR to a full path.".to_owned(),
        ),
        PathsError::Symlink(path) => (
            format!(
                "The data folder {} is a symbolic link, which others may turn elsewhere.",
                path.display()
            ),
            "Set CLAWDBOT_STATE_DIR to the real folder.".to_owned(),
        ),
        PathsError::NotADirectory(path) => (
            format!("{} is not a folder.", path.display()),
            "Move it away, then restart the gateway.".to_owned(),
        ),
        PathsError::WorldWritable { path, mode } => (
            format!("Every user can write in {} (mode {mode:o}).", path.display()),
            format!("Run this, then restart the gateway: chmod 700 '{}'", path.display()),
        ),
        PathsError::ForeignOwner { path, owner, me } => (
            format!("{} belongs to user {owner}, not to you (user {me}).", path.display()),
            format!("Run this, then restart the gateway: sudo chown -R {me} '{}'", path.display()),
        ),
        PathsError::Io { path, source } => (
            format!("The data folder {} cannot be prepared: {source}.", path.display()),
            "Check that you may write there, then restart the gateway.".to_owned(),
        ),
    }
}

fn weak(weakness: WeakSecret) -> String {
    match weakness {
        WeakSecret::Blank => "is blank".to_owned(),
        WeakSecret::Placeholder => "is a sample that anyone can guess".to_owned(),
        WeakSecret::TooShort { found } => format!("has only {found} characters"),
    }
}

fn store(code: &str, told: &str) -> (String, String) {
    let (message, remedy) = match code {
        "STORE_FULL" => ("The disk is full.", "Free some space, then restart the gateway."),
        "STORE_IO" => (
            "The database cannot be read or written.",
            "Check the disk and the permissions of the data folder, then restart the gateway.",
        ),
        "STORE_BUSY" => (
            "Another program uses the database.",
            "Stop the other gateway, then restart the gateway here.",
        ),
        "STORE_CORRUPT" => (
            "The database is damaged.",
            "Restart the gateway: it sets the damaged file aside and carries over what can be read.",
        ),
        "STORE_TOO_NEW" => (
            "The database was written by a newer version and was left untouched.",
            "Update Clawdbot.",
        ),
        _ => (told, "Look at the log, then restart the gateway."),
    };
    (message.to_owned(), remedy.to_owned())
}
