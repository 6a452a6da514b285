//! This computer as a device of other gateways: a key made once, kept where and as the original
//! keeps it (protocol §20.1).

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use clawdbot_config::Paths;
use clawdbot_protocol::DeviceIdentity;
use serde_json::{Value, json};

/// The key; made where there is none.
pub(crate) fn own(paths: &Paths) -> anyhow::Result<Arc<DeviceIdentity>> {
    let file = paths.state_dir.join("identity").join("device.json");
    if let Some(known) = read(&file)? {
        return Ok(Arc::new(known));
    }
    paths.prepare()?;
    let made =
        make(&file).with_context(|| format!("cannot keep a device key in {}", file.display()));
    match made? {
        Some(made) => Ok(Arc::new(made)),
        // Another command was faster.
        None => read(&file)?.map(Arc::new).ok_or_else(|| damaged(&file)),
    }
}

fn read(file: &Path) -> anyhow::Result<Option<DeviceIdentity>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    let stored: Value = serde_json::from_str(&text).map_err(|_| damaged(file))?;
    let key = stored["privateKeyPem"].as_str().and_then(DeviceIdentity::from_pem);
    key.map(Some).ok_or_else(|| damaged(file))
}

fn damaged(file: &Path) -> anyhow::Error {
    anyhow!(
        "{} holds no device key. Move it away to become a new device, which has to be approved again.",
        file.display()
    )
}

/// Writes a new key for its owner's eyes only; `None` when a file is there already.
fn make(file: &Path) -> anyhow::Result<Option<DeviceIdentity>> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| anyhow!("the system has no randomness: {error}"))?;
    let made = DeviceIdentity::from_seed(&seed);
    let (private, public) =
        made.to_pem().ok_or_else(|| anyhow!("the key cannot be written down"))?;
    let stored = json!({
        "version": 1,
        "deviceId": made.id(),
        "publicKeyPem": public,
        "privateKeyPem": private,
        "createdAtMs": jiff::Timestamp::now().as_millisecond(),
    });
    if let Some(dir) = file.parent() {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(dir)?;
    }
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Ok(mut file) => {
            file.write_all(format!("{stored:#}\n").as_bytes())?;
            file.sync_all()?;
            Ok(Some(made))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_is_its_owners_alone_loc_01() {
        let home = tempfile::tempdir().unwrap();
        let env = [("HOME", home.path().to_str().unwrap())].into_iter().collect();
        let paths = Paths::resolve(&env, None);
        let first = own(&paths).unwrap();
        assert_eq!(own(&paths).unwrap().id(), first.id());
        let file = paths.state_dir.join("identity/device.json");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(&first.id()) && text.contains("BEGIN PRIVATE KEY"), "{text}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        }
        std::fs::write(&file, "{}").unwrap();
        let error = own(&paths).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("Move it away"), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "{}", "never written over");
    }
}
