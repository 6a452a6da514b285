//! What a command line will run, worked out without a shell.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::ExecCall;

/// Longest command in characters: what cannot be shown in full cannot be allowed (EXE-07).
const MAX_COMMAND: usize = 4_096;
/// Characters that mean something to a shell outside of quotes.
const SYNTAX: &str = "|&;<>()$`\\\"'*?[]#~!{}^";
/// Characters that mean something to a shell between double quotes.
const QUOTED_SYNTAX: &str = "$`\\!";
/// Programs that run what their arguments, their input or a file in the workspace says, or write
/// where their arguments say. Consent to one of them would be consent to anything, these rules
/// included (EXE-02, EXE-03, CFG-02).
const RUNNERS: &str = "sh bash dash ash zsh ksh mksh fish csh tcsh rbash busybox toybox coreutils \
    env nice ionice nohup setsid stdbuf timeout time chrt taskset flock xargs parallel script \
    unbuffer expect watch sudo doas su runuser pkexec chroot unshare nsenter setpriv capsh \
    systemd-run at batch crontab start-stop-daemon ssh scp sftp rsync rsh find fd fdfind awk gawk \
    mawk nawk sed ed ex vi vim nvim view emacs nano less more man info python pypy perl ruby irb \
    node nodejs deno bun bunx npx npm pnpm yarn uv uvx pip pipx php lua luajit tclsh wish guile \
    osascript open xdg-open pwsh powershell java jshell groovy scala dotnet r rscript julia git hg \
    svn make gmake cmake ninja meson cargo rustc go gcc cc g++ c++ clang ld docker podman kubectl \
    tar zip sort split gdb lldb strace ltrace perf screen tmux nc ncat socat openssl curl wget \
    sqlite psql mysql ffmpeg gpg tee dd cp mv ln rm rmdir unlink shred install truncate chmod chown \
    mkdir touch patch uniq xxd csplit cpio ar unzip gzip gunzip bzip xz zstd rg ag tree file jq yq gh";

/// A command line, read.
pub(super) struct Plan {
    text: String,
    pub(super) cwd: PathBuf,
    /// The program and its arguments, when no shell is needed.
    direct: Option<(PathBuf, Vec<String>)>,
}

impl Plan {
    /// Reads `command`; programs are looked for in the directories of `path`.
    pub(super) fn read(command: String, cwd: PathBuf, path: &str) -> Result<Self, String> {
        let length = command.chars().count();
        if length > MAX_COMMAND {
            return Err(format!(
                "The command is too long to be shown in full ({length} characters, at most \
                 {MAX_COMMAND}). Use several shorter ones."
            ));
        }
        if command.trim().is_empty() || command.contains('\0') {
            return Err("The command is empty or contains a NUL. Send a command line.".into());
        }
        let direct = words(&command).0.and_then(|words| {
            let (name, arguments) = words.split_first()?;
            Some((resolve(name, &cwd, path)?, arguments.to_vec()))
        });
        Ok(Self { text: command, cwd, direct })
    }

    pub(super) fn call(&self, call_id: String) -> ExecCall {
        let program = self.direct.as_ref().map(|(program, _)| program.clone());
        ExecCall {
            call_id,
            command: self.text.clone(),
            cwd: self.cwd.clone(),
            standing: program.as_deref().is_some_and(may_stand),
            program,
        }
    }

    /// Files whose content decides what the command does: the program, and words that name scripts.
    pub(super) fn code(&self) -> Vec<PathBuf> {
        let apart = |c: char| c.is_whitespace() || "|&;<>()$`\"'{}=".contains(c);
        let named = self.text.split(apart).filter(|word| !word.is_empty());
        let scripts = named.map(|word| self.cwd.join(word)).filter(|path| is_code(path));
        self.direct.iter().map(|(program, _)| program.clone()).chain(scripts).collect()
    }

    /// The process to start; its environment is `env` and nothing else (EXE-05).
    pub(super) fn command(&self, env: &[(String, String)]) -> Command {
        let mut command = match &self.direct {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments);
                command
            }
            None => shell(&self.text),
        };
        command.current_dir(&self.cwd).env_clear().envs(env.iter().cloned());
        command
    }
}

#[cfg(unix)]
fn shell(text: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", text]);
    command
}

/// PowerShell, because `cmd.exe` cannot be given text safely (EXE-09).
#[cfg(not(unix))]
fn shell(text: &str) -> Command {
    const SHELL: &str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";
    let mut command = Command::new(SHELL);
    command.args(["-NoProfile", "-NonInteractive", "-Command", text]);
    command
}

/// How many commands a command line holds, counted by what separates them outside of quotes.
pub fn commands_in(command: &str) -> usize {
    words(command).1
}

/// The words of a command that every shell would read alike, or `None` when it needs a shell; and
/// how many commands there are, counted by what separates them.
fn words(command: &str) -> (Option<Vec<String>>, usize) {
    let (mut words, mut word, mut plain, mut parts) = (Vec::new(), None::<String>, true, 1);
    let mut chars = command.trim_end().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => words.extend(word.take()),
            '\'' | '"' => {
                let quoted: String = chars.by_ref().take_while(|end| *end != c).collect();
                let active = c == '"' && quoted.contains(|c| QUOTED_SYNTAX.contains(c));
                plain &= !active && !quoted.contains(char::is_control);
                word.get_or_insert_default().push_str(&quoted);
            }
            ';' | '|' | '&' | '\n' => {
                plain = false;
                parts += usize::from(chars.peek() != Some(&c));
            }
            c if SYNTAX.contains(c) || c.is_control() => plain = false,
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    // An unfinished quotation and an assignment in front are the shell's business.
    plain &= ['\'', '"'].iter().all(|quote| command.matches(*quote).count().is_multiple_of(2));
    plain &= words.first().is_some_and(|name| !name.is_empty() && !name.contains('='));
    (plain.then_some(words), parts)
}

/// The absolute path of a program: its directory without symbolic links, and the name it was called
/// by, which is what tells programs of one file apart.
#[cfg(unix)]
fn resolve(name: &str, cwd: &Path, path: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let executable = |path: &PathBuf| {
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    let found = if name.contains('/') {
        Some(cwd.join(name)).filter(executable)
    } else {
        std::env::split_paths(path)
            .filter(|dir| dir.is_absolute())
            .map(|dir| dir.join(name))
            .find(executable)
    }?;
    Some(std::fs::canonicalize(found.parent()?).ok()?.join(found.file_name()?))
}

/// There every command goes through the shell, and so to whoever decides.
#[cfg(not(unix))]
fn resolve(_name: &str, _cwd: &Path, _path: &str) -> Option<PathBuf> {
    None
}

/// Whether consent to `program` may stand: it is no runner under any of its names, and only the
/// administrator can put something else in its place (EXE-04).
fn may_stand(program: &Path) -> bool {
    let Ok(target) = std::fs::canonicalize(program) else {
        return false;
    };
    [program, &target].iter().all(|path| !is_runner(path) && path.ancestors().all(is_guarded))
}

fn is_runner(program: &Path) -> bool {
    let name = program.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let listed = |name: &str| RUNNERS.split_whitespace().any(|runner| runner == name);
    listed(&name) || listed(plain) || plain.is_empty()
}

#[cfg(unix)]
fn is_guarded(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    path.metadata().is_ok_and(|meta| meta.uid() == 0 && meta.mode() & 0o022 == 0)
}

#[cfg(not(unix))]
fn is_guarded(_path: &Path) -> bool {
    false
}

fn is_code(path: &Path) -> bool {
    const SCRIPTS: &str = "sh bash zsh fish py js mjs cjs ts rb pl php lua ps1 bat cmd";
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let script =
        !extension.is_empty() && SCRIPTS.split_whitespace().any(|known| known == extension);
    path.metadata().is_ok_and(|meta| meta.is_file() && (script || is_executable(&meta)))
}

#[cfg(unix)]
fn is_executable(meta: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    meta.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_meta: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn plain(command: &str) -> Option<Vec<String>> {
        words(command).0
    }

    fn call(command: &str) -> ExecCall {
        Plan::read(command.into(), "/".into(), "/usr/bin:/bin").unwrap().call("c".into())
    }

    #[test]
    fn plain_words_and_literal_quotes_need_no_shell() {
        assert_eq!(plain("ls  -la /etc").unwrap(), ["ls", "-la", "/etc"]);
        assert_eq!(plain(r#"grep 'a|b $x' "c d" ''"#).unwrap(), ["grep", "a|b $x", "c d", ""]);
    }

    #[test]
    fn every_shell_syntax_needs_the_shell_exe_01() {
        for command in [
            "ls $(touch m)",
            "ls `touch m`",
            "ls; touch m",
            "ls && touch m",
            "ls | sh",
            "ls & m",
            "ls\ntouch m",
            "ls \\\n m",
            "cat <(m)",
            "cat << E",
            "ls > m",
            "ls *",
            "ls ?",
            "ls [a]",
            "ls ~",
            "ls {a,b}",
            "ls $HOME",
            r#"ls "$(m)""#,
            r#"ls "`m`""#,
            "A=b ls",
            "ls 'open",
            "ls \"open",
            "! ls",
            "# ls",
            "ls \u{7}",
            "ls 'a\nb'",
        ] {
            assert_eq!(plain(command), None, "{command}");
            assert!(!call(command).standing, "{command}");
        }
        assert_eq!(commands_in("a && b; c | d 'e;f'"), 4);
    }

    #[test]
    fn wrappers_and_interpreters_never_stand_exe_02() {
        assert!(call("ls -la").standing);
        for command in [
            "env ls",
            "env -S ls",
            "sh -c ls",
            "bash x",
            "nice ls",
            "timeout 5 ls",
            "xargs ls",
            "find . -exec ls",
            "sort --compress-program=x",
            "awk 1",
            "perl x",
            "tar cf x",
        ] {
            assert!(!call(command).standing, "{command}");
        }
        for name in ["python3.11", "python3", "PERL5", "/opt/x/node22", "bash"] {
            assert!(is_runner(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn only_programs_nobody_can_replace_stand_exe_04() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("ls");
        std::fs::copy("/bin/ls", &own).unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let path = format!("node_modules/.bin:{}:/usr/bin:/bin", dir.path().display());
        let earlier = Plan::read("ls".into(), "/".into(), &path).unwrap().call("c".into());
        assert_eq!(earlier.program, Some(own.canonicalize().unwrap()));
        assert!(!earlier.standing);
        let relative = Plan::read("./ls".into(), dir.path().into(), "").unwrap().call("c".into());
        assert!(!relative.standing);
    }

    #[test]
    fn what_cannot_be_shown_is_refused_exe_07() {
        let read = |command: String| Plan::read(command, "/".into(), "").err();
        assert!(read(format!("echo {}", "x".repeat(20_000))).unwrap().contains("too long"));
        assert!(read("echo \0".into()).unwrap().contains("NUL"));
        assert!(read(" ".into()).is_some());
        assert_eq!(read("echo x".into()), None);
    }
}
