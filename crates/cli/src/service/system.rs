//! `clawdbot gateway install --system`: a service of the whole server, with a user of its own.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use clawdbot_service::{Account, ServiceError, System, SystemUnit, Text, originals};

use super::Situation;
use crate::out;

type Unit = SystemUnit<System>;

/// Where the program goes when the service could not reach it where it is.
const PLACE: &str = "/usr/local/bin/clawdbot";
/// The service sees nothing of these.
const HIDDEN: [&str; 5] = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];

pub(crate) fn install(replace: bool) -> anyhow::Result<()> {
    administrator()?;
    let unit = SystemUnit::default();
    unit.available()?;
    if unit.text(Path::new(PLACE)) == Text::Foreign && !replace {
        return Err(ServiceError::Foreign { path: unit.path() }.into());
    }
    let home = Path::new(Unit::HOME);
    for original in originals(home, &home.join(".config"), Path::new("/")) {
        if !original.enabled {
            continue;
        }
        if !replace {
            let path = original.path.display().to_string();
            return Err(Situation::Original { name: original.name, path }.into());
        }
        unit.retire(&original)?;
        out::done(format_args!("{} of the original is out of use", original.name));
    }
    let program = program()?;
    let account = unit.account()?;
    if account.is_new {
        out::done("user clawdbot made");
    }
    set_up(&program, account)?;
    unit.install(&program, replace)?;
    out::done("systemd service enabled");
    unit.restart()?;
    out::done("service runtime: active");
    out::line(format_args!(
        "Keys of models go into {}, for root alone (0600); then: systemctl restart clawdbot",
        Unit::SECRETS
    ));
    out::line(format_args!(
        "Ask it with: sudo -u clawdbot HOME={} {} health",
        Unit::HOME,
        program.display()
    ));
    Ok(())
}

pub(crate) fn uninstall() -> anyhow::Result<()> {
    administrator()?;
    let unit = SystemUnit::default();
    unit.available()?;
    if !unit.path().exists() {
        out::done("no service is installed");
        return Ok(());
    }
    unit.uninstall()?;
    out::done("systemd service removed");
    out::line(format_args!(
        "Settings and conversations stay in {}, and the user clawdbot stays too.",
        Unit::HOME
    ));
    Ok(())
}

fn administrator() -> Result<(), Situation> {
    if rustix::process::geteuid().is_root() { Ok(()) } else { Err(Situation::NotAdministrator) }
}

/// The program that the service runs: this one, or a copy where the service could not reach it or
/// somebody other than the administrator could change it.
fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find the own program")?;
    let found = fs::metadata(&own).with_context(|| format!("cannot read {}", own.display()))?;
    let hidden = HIDDEN.iter().any(|place| own.starts_with(place));
    if !hidden && own.starts_with("/usr") && found.uid() == 0 && found.mode() & 0o022 == 0 {
        return Ok(own);
    }
    let new = format!("{PLACE}.new");
    let copy = || {
        fs::copy(&own, &new)?;
        chown(&new, Some(0), Some(0))?;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755))?;
        fs::rename(&new, PLACE)
    };
    copy().with_context(|| format!("cannot copy {} to {PLACE}", own.display()))?;
    out::done(format_args!("program copied to {PLACE}"));
    Ok(PLACE.into())
}

/// Makes the home directory of the service and, where there are none, settings in it.
fn set_up(program: &Path, account: Account) -> anyhow::Result<()> {
    let home = Path::new(Unit::HOME);
    if !home.exists() {
        let make = || {
            fs::create_dir(home)?;
            fs::set_permissions(home, fs::Permissions::from_mode(0o700))?;
            chown(home, Some(account.user), Some(account.group))
        };
        make().with_context(|| format!("cannot make {}", home.display()))?;
    }
    if home.join(".clawdbot/clawdbot.json").exists() {
        return Ok(());
    }
    let done = Command::new(program)
        .args(["onboard", "--non-interactive"])
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .current_dir(home)
        .uid(account.user)
        .gid(account.group)
        .output()
        .with_context(|| format!("cannot run {} as the user clawdbot", program.display()))?;
    if !done.status.success() {
        bail!("setting up {} failed: {}", home.display(), String::from_utf8_lossy(&done.stderr));
    }
    out::done(format_args!("settings made in {}", home.join(".clawdbot").display()));
    Ok(())
}
