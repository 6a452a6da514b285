//! The support bundle: settings, state and log in one archive that may be shown to others.

use std::fs::{File, OpenOptions};
use std::io::{self, Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clawdbot_config::{Document, Env, Paths, redact_shared, redact_text};
use clawdbot_gateway::Tail;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::DiagnosticsError;

/// Newest part of the log that goes along.
const LOG_BYTES: u64 = 2 * 1024 * 1024;
const LOG_LINES: u32 = 20_000;
/// In place of the log when it is not known what has to be hidden in it.
const NO_LOG: &str = "The configuration cannot be read, so it is not known which texts of the log are secrets. The log was left out.\n";

/// What is told, before anything is hidden.
pub(super) struct Story<'a> {
    pub(super) paths: &'a Paths,
    pub(super) env: &'a Env,
    /// Versions, settings of the app, the chain.
    pub(super) about: Value,
}

/// One file of the archive.
struct Entry {
    name: &'static str,
    text: String,
}

impl Story<'_> {
    /// Writes the archive into `directory` (0600) and tells where it is.
    pub(super) fn write(&self, directory: &Path) -> Result<PathBuf, DiagnosticsError> {
        let bytes = pack(&self.entries()?)?;
        write_new(directory, "clawdbot-support", "zip", &bytes)
    }

    fn entries(&self) -> Result<Vec<Entry>, DiagnosticsError> {
        let raw = clawdbot_config::read_text(&self.paths.config).unwrap_or_default();
        let loaded = Document::load(&self.paths.config, self.env).ok();
        let config = loaded.as_ref().map(|loaded| &loaded.value);
        let about = serde_json::to_string_pretty(&self.about)
            .map_err(|error| DiagnosticsError::Describe("The app", error))?;
        // Errors in it may quote what they are about.
        let about = redact_text(&about, config.unwrap_or(&json!({})), self.env);
        let log = match config {
            Some(config) => redact_text(&self.log()?, config, self.env),
            None => NO_LOG.to_owned(),
        };
        Ok(vec![
            Entry { name: "about.json", text: about },
            Entry { name: "clawdbot.json", text: redact_shared(&raw) },
            Entry { name: "gateway.log", text: log },
        ])
    }

    fn log(&self) -> Result<String, DiagnosticsError> {
        let path = &self.paths.log_file;
        let tail = Tail::read(path, None, Some(LOG_LINES), Some(LOG_BYTES))
            .map_err(|source| DiagnosticsError::Log { path: path.clone(), source })?;
        Ok(tail.lines.join("\n"))
    }
}

/// Writes the configuration without its secrets into `directory`.
pub(super) fn export(paths: &Paths, directory: &Path) -> Result<PathBuf, DiagnosticsError> {
    let raw = clawdbot_config::read_text(&paths.config)
        .map_err(|source| DiagnosticsError::Write { path: paths.config.clone(), source })?;
    write_new(directory, "clawdbot-settings", "json", redact_shared(&raw).as_bytes())
}

fn pack(entries: &[Entry]) -> Result<Vec<u8>, DiagnosticsError> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for entry in entries {
        archive.start_file(entry.name, options)?;
        archive.write_all(entry.text.as_bytes()).map_err(zip::result::ZipError::from)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// A file of its own for each time, that nobody else reads.
fn write_new(
    directory: &Path,
    name: &str,
    extension: &str,
    bytes: &[u8],
) -> Result<PathBuf, DiagnosticsError> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let path = directory.join(format!("{name}-{seconds}.{extension}"));
    let written = create(&path).and_then(|mut file| file.write_all(bytes));
    written.map_err(|source| DiagnosticsError::Write { path: path.clone(), source })?;
    Ok(path)
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Cursor, Read as _};
    use std::path::Path;

    use clawdbot_config::{Env, Paths};
    use serde_json::json;

    use super::Story;

    const SECRETS: [&str; 4] =
        ["tok-aaaa-bbbb-1111", "sk-cccc-dddd-2222", "pw-eeee-ffff-3333", "sk-env-gggg-4444"];
    const OTHERS: [&str; 4] = ["horse-battery", "v-hhhh-5555", "t-iiii-6666", "t-jjjj-7777"];

    fn contents(path: &Path) -> Vec<(String, String)> {
        let mut archive = zip::ZipArchive::new(Cursor::new(fs::read(path).unwrap())).unwrap();
        (0..archive.len())
            .map(|index| {
                let mut file = archive.by_index(index).unwrap();
                let mut text = String::new();
                file.read_to_string(&mut text).unwrap();
                (file.name().unwrap().into_owned(), text)
            })
            .collect()
    }

    fn place(config: &str) -> (tempfile::TempDir, Paths, Env) {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().display().to_string();
        let env: Env = [
            ("HOME", state.as_str()),
            ("CLAWDBOT_STATE_DIR", &state),
            ("GATEWAY_PW", SECRETS[2]),
            ("OPENAI_API_KEY", SECRETS[3]),
        ]
        .into_iter()
        .collect();
        let paths = Paths::resolve(&env, None);
        fs::create_dir_all(&paths.logs_dir).unwrap();
        fs::write(&paths.config, config).unwrap();
        fs::write(&paths.log_file, format!("first {}\nlast line\n", SECRETS.join(" and ")))
            .unwrap();
        (dir, paths, env)
    }

    #[test]
    fn no_secret_of_configuration_or_environment_is_in_the_bundle() {
        let (dir, paths, env) = place(
            "{ gateway: { mode: 'local', auth: { token: 'tok-aaaa-bbbb-1111', password: '${GATEWAY_PW}' } },\
             // mine is horse-battery-staple\n\
             mcp: { servers: { a: { env: { K: 'v-hhhh-5555' }, args: ['--token', 't-iiii-6666', '--api-key=t-jjjj-7777', '--port=8080'] } } },\
             models: { providers: { x: { baseUrl: 'http://127.0.0.1:1', apiKey: 'sk-cccc-dddd-2222', models: [] } } } }",
        );
        let about = json!({"version": "1", "failure": "refused tok-aaaa-bbbb-1111"});
        let path = Story { paths: &paths, env: &env, about }.write(dir.path()).unwrap();
        let files = contents(&path);
        for (name, text) in &files {
            for secret in SECRETS.into_iter().chain(OTHERS) {
                assert!(!text.contains(secret), "{secret} is in {name}: {text}");
            }
        }
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["about.json", "clawdbot.json", "gateway.log"]);
        for kept in ["mode: 'local'", "'--port=8080'"] {
            assert!(files[1].1.contains(kept), "{}", files[1].1);
        }
        assert!(files[2].1.contains("last line"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_broken_configuration_hides_the_log_as_well() {
        let (dir, paths, env) = place("{ gateway: { auth: { token: 'tok-aaaa-bbbb-1111'");
        let story = Story { paths: &paths, env: &env, about: json!({}) };
        let files = contents(&story.write(dir.path()).unwrap());
        assert!(files.iter().all(|(_, text)| !text.contains("tok-aaaa")), "{files:?}");
        assert!(files[2].1.contains("left out"));
    }
}
