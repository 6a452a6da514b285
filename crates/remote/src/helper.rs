//! What this program is when `ssh` or the tunnel start it again: the one that starts `ssh` so that it
//! ends with its parent, and the one that carries a question to the parent.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use zeroize::Zeroizing;

use crate::ssh::local;

/// Which part to play.
const ROLE: &str = "CLAWDBOT_SSH_HELPER";
const LAUNCH: &str = "launch";
const ASK: &str = "ask";
/// Where to ask, and the word that lets a question in.
const SOCKET: &str = "CLAWDBOT_SSH_ASK_SOCKET";
const WORD: &str = "CLAWDBOT_SSH_ASK_WORD";
/// Who starts `ssh`.
const PARENT: &str = "CLAWDBOT_SSH_PARENT";
/// Bytes of an answer.
const MAX_ANSWER: u64 = 16 * 1024;
/// What an answer begins with; without it there is none.
pub(crate) const ANSWERED: u8 = b'+';

/// Plays the helper if this process was started as one, and says how it ended. The first thing in
/// `main`; `var` reads the environment and `arguments` are those after the program's name.
pub fn run(
    var: impl Fn(&str) -> Option<OsString>,
    arguments: impl Iterator<Item = OsString>,
) -> Option<ExitCode> {
    let role = var(ROLE)?;
    let code = if role == LAUNCH {
        launch(&var, arguments)
    } else if role == ASK {
        ask(&var, arguments)
    } else {
        return None;
    };
    Some(code.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS))
}

/// The variables for a start through [`run`].
pub(crate) fn launch_env(helper: &Path, (socket, word): (&Path, &str)) -> [(String, OsString); 7] {
    [
        (ROLE.to_owned(), LAUNCH.into()),
        (PARENT.to_owned(), std::process::id().to_string().into()),
        (SOCKET.to_owned(), socket.into()),
        (WORD.to_owned(), word.into()),
        ("SSH_ASKPASS".to_owned(), helper.into()),
        ("SSH_ASKPASS_REQUIRE".to_owned(), "force".into()),
        ("LC_ALL".to_owned(), "C".into()),
    ]
}

/// Becomes the program in the arguments, which the system ends when the parent ends.
#[cfg(target_os = "linux")]
fn launch(
    var: &impl Fn(&str) -> Option<OsString>,
    mut arguments: impl Iterator<Item = OsString>,
) -> Option<()> {
    use std::os::unix::process::CommandExt as _;

    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    let parent: i32 = var(PARENT)?.to_str()?.parse().ok()?;
    set_parent_process_death_signal(Some(Signal::TERM)).ok()?;
    // It may have ended before this was set.
    if getppid()?.as_raw_nonzero().get() != parent {
        return None;
    }
    let error = std::process::Command::new(arguments.next()?).args(arguments).env(ROLE, ASK).exec();
    let _ = writeln!(std::io::stderr(), "ssh cannot be started: {error}");
    None
}

/// Starts the program in the arguments and ends it when the parent, which holds the other end of
/// standard input, is gone.
#[cfg(not(target_os = "linux"))]
fn launch(
    _var: &impl Fn(&str) -> Option<OsString>,
    mut arguments: impl Iterator<Item = OsString>,
) -> Option<()> {
    use std::process::{Command, Stdio};
    use std::sync::{Arc, Mutex, PoisonError};
    use std::time::Duration;

    let mut command = Command::new(arguments.next()?);
    let child = command.args(arguments).env(ROLE, ASK).stdin(Stdio::null()).spawn().ok()?;
    let child = Arc::new(Mutex::new(child));
    let watched = child.clone();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = watched.lock().unwrap_or_else(PoisonError::into_inner).kill();
    });
    loop {
        let ended = child.lock().unwrap_or_else(PoisonError::into_inner).try_wait().ok()?;
        match ended {
            Some(status) => return status.success().then_some(()),
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Carries the question in the arguments to the parent and prints the answer for `ssh`.
fn ask(
    var: &impl Fn(&str) -> Option<OsString>,
    mut arguments: impl Iterator<Item = OsString>,
) -> Option<()> {
    let question = arguments.next().unwrap_or_default();
    let mut stream = local::connect(Path::new(&var(SOCKET)?)).ok()?;
    let word = var(WORD)?;
    let text = format!("{}\n{}\n{}", word.to_str()?, asker(), question.to_string_lossy());
    // The length stands first, because not every system can close one direction alone.
    stream.write_all(&u32::try_from(text.len()).ok()?.to_be_bytes()).ok()?;
    stream.write_all(text.as_bytes()).ok()?;
    let mut answer = Zeroizing::new(Vec::with_capacity(1024));
    stream.take(MAX_ANSWER).read_to_end(&mut answer).ok()?;
    let answer = answer.strip_prefix(&[ANSWERED])?;
    let mut out = std::io::stdout().lock();
    out.write_all(answer).ok()?;
    out.write_all(b"\n").ok()?;
    out.flush().ok()
}

/// The `ssh` that asks: each machine on the way has one of its own.
#[cfg(unix)]
fn asker() -> u32 {
    std::os::unix::process::parent_id()
}

/// Not told apart on this system.
#[cfg(not(unix))]
fn asker() -> u32 {
    0
}
