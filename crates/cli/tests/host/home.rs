//! A home directory of its own for the program, and what it shows.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Nothing may take longer.
const PATIENCE: Duration = Duration::from_secs(60);
/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_clawdbot");
/// A secret that may be exposed.
pub(crate) const TOKEN: &str = "Zk3v9Qm1Xw7Rt5Yb2Nc8Lp4Hd6Jf0Ga";

/// A home directory.
pub(crate) struct Home(tempfile::TempDir, u16);

/// What a finished command has shown.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: i32,
}

impl Home {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap(), free_port())
    }

    /// One whose gateway may start.
    pub(crate) fn configured() -> Self {
        let home = Self::new();
        home.config(&format!("{{ gateway: {{ mode: 'local', auth: {{ token: '{TOKEN}' }} }} }}"));
        home
    }

    /// One that leaves nothing to say, with a port of its own.
    pub(crate) fn healthy() -> Self {
        let home = Self::new();
        let port = home.port();
        home.config(&format!(
            "{{ gateway: {{ mode: 'local', port: {port}, auth: {{ token: '{TOKEN}' }} }} }}"
        ));
        home
    }

    /// The port of [`Home::healthy`].
    pub(crate) fn port(&self) -> u16 {
        self.1
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// A file in the state directory.
    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.path().join(".clawdbot").join(name)
    }

    /// Writes `clawdbot.json` as it should be: for the owner alone.
    pub(crate) fn config(&self, text: &str) {
        let dir = self.state("");
        std::fs::create_dir_all(&dir).unwrap();
        mode(&dir, 0o700);
        std::fs::write(self.state("clawdbot.json"), text).unwrap();
        mode(&self.state("clawdbot.json"), 0o600);
    }

    /// The program with this home and nothing else from the environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.other(Path::new(PROGRAM), args)
    }

    pub(crate) fn other(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .env("CLAWDBOT_SKIP_PROVIDERS", "1")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Shown {
        self.finish(self.command(args))
    }

    pub(crate) fn finish(&self, mut command: Command) -> Shown {
        let done = command.output().unwrap();
        let text = |bytes| self.redact(&String::from_utf8(bytes).unwrap());
        Shown {
            out: text(done.stdout),
            err: text(done.stderr),
            code: done.status.code().unwrap_or(-1),
        }
    }

    /// The same text wherever the home directory is.
    pub(crate) fn redact(&self, text: &str) -> String {
        text.replace(self.path().to_str().unwrap(), "HOME")
    }

    /// Runs a gateway in the foreground until it has said everything it says at its start.
    pub(crate) fn gateway(&self, args: &[&str]) -> Foreground {
        self.foreground(self.command(&[&["gateway"], args].concat()))
    }

    /// The same for any command; its log is not shown.
    pub(crate) fn foreground(&self, mut command: Command) -> Foreground {
        command.stderr(Stdio::null());
        self.foreground_as_is(command)
    }

    pub(crate) fn foreground_as_is(&self, mut command: Command) -> Foreground {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let (send, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let mut gateway = Foreground { child, lines, started: String::new(), port: 0 };
        gateway.started();
        gateway.started = self.redact(&gateway.started);
        gateway
    }
}

/// A port that is free now and stays so as far as that can be had: the system gives those to nobody who
/// asks for just any.
fn free_port() -> u16 {
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let start = uuid::Uuid::new_v4().as_u128() % 10_000;
    let mut ports = (20_000..30_000).cycle().skip(usize::try_from(start).unwrap());
    ports.find(is_free).unwrap()
}

/// A gateway in the foreground; killed when dropped.
pub(crate) struct Foreground {
    child: Child,
    lines: Receiver<String>,
    /// What it said at its start, port and pid replaced.
    pub(crate) started: String,
    pub(crate) port: u16,
}

impl Foreground {
    /// Waits for the last line of a start.
    pub(crate) fn started(&mut self) {
        let mut said: Vec<String> = Vec::new();
        while !said.last().is_some_and(|line| line.contains("log file:")) {
            said.push(self.line());
        }
        let said = said.join("\n");
        let (_, after) = said.split_once("listening on ws://").unwrap();
        let address = after.split_whitespace().next().unwrap();
        self.port = address.rsplit(':').next().unwrap().parse().unwrap();
        let pid = self.child.id().to_string();
        self.started = said.replace(&self.port.to_string(), "PORT").replace(&pid, "12345");
    }

    /// The next line it prints.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid().cast_signed()).unwrap(), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        soon("the gateway ends", || self.child.try_wait().unwrap())
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for what has to happen soon.
pub(crate) fn soon<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sets the permissions of a file.
pub(crate) fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The permissions of a file.
pub(crate) fn mode_of(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The same text however long things took: numbers before `ms` become `N`.
pub(crate) fn timeless(text: &str) -> String {
    let mut out = String::new();
    for part in text.split_inclusive("ms") {
        match part
            .strip_suffix("ms")
            .map(|rest| (rest, rest.trim_end().trim_end_matches(|c: char| c.is_ascii_digit())))
        {
            Some((rest, before)) if before.len() < rest.trim_end().len() => {
                out.push_str(before);
                out.push('N');
                out.push_str(&rest[rest.trim_end().len()..]);
                out.push_str("ms");
            }
            _ => out.push_str(part),
        }
    }
    out
}
