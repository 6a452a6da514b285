//! The environment of commands: a short list of harmless variables, so that no secret of the gateway
//! and no variable that changes what a program does gets through (EXE-05, LOC-02).

use clawdbot_config::Env;

const PASSED: &str = "HOME USER LOGNAME USERNAME SHELL LANG LANGUAGE LC_ALL LC_CTYPE LC_MESSAGES \
    LC_TIME LC_NUMERIC LC_COLLATE TZ TMPDIR TEMP TMP SystemRoot SystemDrive ComSpec PATHEXT \
    USERPROFILE APPDATA LOCALAPPDATA ProgramData ProgramFiles OS NUMBER_OF_PROCESSORS \
    PROCESSOR_ARCHITECTURE";
/// Where programs are looked for when the gateway was started without a `PATH`.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What a command gets of the gateway's environment.
pub(super) fn of_commands(env: &Env) -> Vec<(String, String)> {
    let passed = PASSED
        .split_whitespace()
        .filter_map(|name| Some((name.to_owned(), env.get(name)?.to_owned())));
    passed.chain([("PATH".to_owned(), path(env)), ("TERM".to_owned(), "dumb".to_owned())]).collect()
}

/// Only full paths: a relative one would find programs in the workspace (EXE-04).
fn path(env: &Env) -> String {
    let configured = env.get("PATH").or_else(|| env.get("Path")).unwrap_or(PATH);
    let full = std::env::split_paths(configured).filter(|dir| dir.is_absolute());
    std::env::join_paths(full)
        .ok()
        .and_then(|path| path.into_string().ok())
        .unwrap_or_else(|| PATH.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_switches_stay_out_exe_05() {
        let env: Env = [
            ("HOME", "/home/u"),
            ("PATH", "bin:/usr/bin:./node_modules/.bin"),
            ("ANTHROPIC_API_KEY", "sk-1"),
            ("CLAWDBOT_GATEWAY_TOKEN", "t"),
            ("LD_PRELOAD", "/x.so"),
            ("BASH_ENV", "/x"),
            ("NODE_OPTIONS", "--require x"),
            ("GIT_SSH_COMMAND", "x"),
        ]
        .into_iter()
        .collect();
        let expected = [("HOME", "/home/u"), ("PATH", "/usr/bin"), ("TERM", "dumb")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(of_commands(&env), expected);
    }
}
