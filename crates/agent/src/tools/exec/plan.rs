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
/// Programs that only read: none of their options writes a file or runs another program. Consent to
/// any other one would be consent to anything, these rules included (EXE-02, EXE-03, CFG-02).
const READERS: &str = "ls cat head tail wc grep cut stat du df pwd whoami id uname basename dirname \
    realpath readlink cmp md5sum sha1sum sha256sum sha512sum uptime free ps";

/// What separates the commands of a line.
const PARTING: [char; 4] = [';', '|', '&', '\n'];

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
            guarded: program.as_deref().is_some_and(|program| both(program, is_guarded)),
            standing: program.as_deref().is_some_and(may_stand),
            program,
        }
    }

    /// Files whose content decides what the command does: the program, and whatever is named to one
    /// that may do more than read it.
    pub(super) fn code(&self) -> Vec<PathBuf> {
        let apart = |c: char| c.is_whitespace() || "|&;<>()$`\"'{}=".contains(c);
        let words = self.direct.iter().flat_map(|(_, words)| words.iter().map(String::as_str));
        let named = self.text.split(apart).chain(words).filter(|word| !word.is_empty());
        let files = named.map(|word| self.cwd.join(word)).filter(|path| path.is_file());
        let code = files.filter(|_| !self.only_reads());
        self.direct.iter().map(|(program, _)| program.clone()).chain(code).collect()
    }

    /// Whether all that is called is known to read only; in doubt it is not.
    fn only_reads(&self) -> bool {
        let called = |part: &str| part.split_whitespace().next().is_some_and(is_reader);
        !self.text.contains(['$', '`', '(', '<']) && self.text.split(PARTING).all(called)
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
            c if PARTING.contains(&c) => {
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

/// Whether consent to `program` may stand: it only reads, and only the administrator can put
/// something else in its place (EXE-04).
fn may_stand(program: &Path) -> bool {
    let reads =
        |path: &Path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_reader);
    both(program, |path| reads(path) && is_guarded(path))
}

/// Whether `test` holds for a program as it was called and as it really is.
fn both(program: &Path, test: impl Fn(&Path) -> bool) -> bool {
    std::fs::canonicalize(program).is_ok_and(|target| test(program) && test(&target))
}

fn is_reader(name: &str) -> bool {
    READERS.split_whitespace().any(|reader| reader == name)
}

/// Whether only the administrator can change what is at `path`.
fn is_guarded(path: &Path) -> bool {
    path.ancestors().all(is_the_administrators)
}

#[cfg(unix)]
fn is_the_administrators(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    path.metadata().is_ok_and(|meta| meta.uid() == 0 && meta.mode() & 0o022 == 0)
}

#[cfg(not(unix))]
fn is_the_administrators(_path: &Path) -> bool {
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
    fn only_programs_that_read_stand_exe_02_exe_03() {
        assert!(call("ls -la").standing && call("grep -r x .").standing);
        for command in [
            "env ls",
            "bash x",
            "prlimit ls",
            "setarch -R ls",
            "run-parts x",
            "ldd x",
            "iconv -o exec-approvals.json x",
            "shuf -o x",
            "sort -o x",
            "find . -exec ls",
            "perl x",
            "egrep x",
        ] {
            assert!(!call(command).standing, "{command}");
        }
        // Whoever writes it into the rules by hand may have another one.
        assert!(call("env ls").guarded);
    }

    #[test]
    fn files_named_to_other_programs_are_code_exe_06() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("job"), "").unwrap();
        std::fs::write(dir.path().join("two words"), "").unwrap();
        let counts = |command: &str, file: &str| {
            let plan = Plan::read(command.into(), dir.path().into(), "/usr/bin:/bin").unwrap();
            plan.code().contains(&dir.path().join(file))
        };
        for command in
            ["sh job", "sh<job", "ls; . job", "cat x | sh job", "ls `sh job`", "! sh job"]
        {
            assert!(counts(command, "job"), "{command}");
        }
        assert!(counts("sh 'two words'", "two words"));
        assert!(!counts("cat job", "job") && !counts("cat job | tail -n 3", "job"));
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
        assert!(!earlier.standing && !earlier.guarded);
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
