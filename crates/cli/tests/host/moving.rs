//! `onboard --server`: the assistant moves through a real `sshd` to another home directory.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use clawdbot_tests::Sshd;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::ChildStdout;

use crate::home::{Home, PROGRAM, Shown, TOKEN, mode, mode_of};

/// A server that this computer knows as `box`.
struct Server {
    _sshd: Sshd,
    _tools: tempfile::TempDir,
    home: Home,
}

impl Server {
    /// `path` comes before the usual places of programs over there.
    async fn new(here: &Home, path: &str) -> Self {
        let home = Home::new();
        // The account there is a real one, whose settings are none of a test's business.
        let tools = tempfile::tempdir().unwrap();
        tool(&tools.path().join("loginctl"), "exit 1");
        let path = format!("{path}{}:", tools.path().display());
        let sshd = Sshd::configured(&set_env(&home, &path)).await;
        wrap_ssh(here, &sshd);
        Self { _sshd: sshd, _tools: tools, home }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// What is in the home directory there.
    fn entries(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.home.path()).unwrap().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

pub(crate) fn set_env(home: &Home, path: &str) -> String {
    format!("SetEnv HOME={} PATH={path}/usr/bin:/bin", home.path().display())
}

/// `ssh` looks for its configuration where the account lives, not where `HOME` says.
pub(crate) fn wrap_ssh(here: &Home, sshd: &Sshd) {
    let ssh = here.path().join("bin/ssh");
    std::fs::create_dir_all(ssh.parent().unwrap()).unwrap();
    let config = sshd.file("config");
    let script = format!("#!/bin/sh\nexec /usr/bin/ssh -F '{}' \"$@\"\n", config.display());
    std::fs::write(&ssh, script).unwrap();
    mode(&ssh, 0o755);
}

/// A program that is found instead of the real one.
fn tool(path: &Path, script: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    mode(path, 0o755);
}

/// A service here, as far as `systemctl` tells, which also does `more` whenever it is asked how it is.
fn service(here: &Home, state: &str, more: &str) {
    let unit = here.path().join(".config/systemd/user/clawdbot.service");
    std::fs::create_dir_all(unit.parent().unwrap()).unwrap();
    std::fs::write(unit, "# Written by clawdbot gateway install\n").unwrap();
    std::fs::create_dir_all(here.path().join("bin")).unwrap();
    let asked = here.path().join("asked");
    let script = format!(
        "echo \"$2 $3\" >>'{}'\ncase $3 in *ActiveState*) printf 'ActiveState={state}\\nUnitFileState=enabled\\n'; {more} ;; esac",
        asked.display()
    );
    tool(&here.path().join("bin/systemctl"), &script);
}

/// What was done with that service.
fn done_with_service(here: &Home) -> Vec<String> {
    let asked = std::fs::read_to_string(here.path().join("asked")).unwrap();
    let verbs = asked.lines().filter_map(|line| line.split_once(' ')).map(|(verb, _)| verb);
    verbs.filter(|verb| *verb != "show").map(str::to_owned).collect()
}

fn onboard(here: &Home, args: &[&str]) -> Shown {
    let mut command = here.command(&[&["onboard", "--non-interactive"], args].concat());
    command.env("PATH", format!("{}/bin:/usr/bin:/bin", here.path().display()));
    here.finish(command)
}

/// An assistant with settings, a conversation and a file of its own.
fn assistant() -> Home {
    let home = Home::healthy();
    let text = std::fs::read_to_string(home.state("clawdbot.json")).unwrap();
    home.config(&text.replacen('{', "{ // mine\n", 1));
    std::fs::create_dir(home.path().join("clawd")).unwrap();
    std::fs::write(home.path().join("clawd/notes.md"), "remember").unwrap();
    home
}

#[tokio::test]
async fn everything_moves_and_this_computer_goes_on_there() {
    let here = assistant();
    let server = Server::new(&here, "").await;
    let mut gateway = here.gateway(&[]);
    assert_eq!(here.run(&["agent", "--message", "the purple elephant"]).code, 0);
    let shown = onboard(&here, &["--server", "box"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(gateway.end().success(), "it had time to stop in order");
    let out = shown.out.replace(&gateway.pid().to_string(), "12345");
    let out = out.replace(server.home.path().to_str().unwrap(), "THERE");
    let size = out.split("✓ ").find_map(|line| line.strip_suffix(" copied to box\n")).unwrap();
    insta::assert_snapshot!(out.replace(size, "N MB"), @"
    ✓ connecting to box
    ✓ gateway stopped (pid 12345)
    ✓ N MB copied to box
    ✓ the gateway was tried and answers on box
    ✓ this computer uses the gateway on box (gateway.mode remote, through SSH)
    No service manager of your own answers on box, so the gateway does not run there yet. Start it there: THERE/.local/bin/clawdbot gateway
    To make it a service, see docs/server.md, or log in there with a session of your own and run: clawdbot gateway install
    The conversations and files here stay as they are in HOME/.clawdbot, and are not used any more. To go back, first stop the gateway on box, then run here: clawdbot onboard
    Reach the gateway with Clawdbot Desktop, or with: clawdbot tunnel
    ");

    // All of it is there, and for nobody else.
    let config = std::fs::read_to_string(server.file(".clawdbot/clawdbot.json")).unwrap();
    assert!(config.contains("mode: 'local'") && config.contains("// mine"), "{config}");
    assert_eq!(mode_of(&server.file(".clawdbot")), 0o700);
    assert_eq!(mode_of(&server.file(".clawdbot/clawdbot.json")), 0o600);
    assert_eq!(std::fs::read_to_string(server.file("clawd/notes.md")).unwrap(), "remember");
    assert_eq!(server.entries(), [".clawdbot", ".local", "clawd"]);
    let program = server.file(".local/bin/clawdbot");
    let command = server.home.other(&program, &["gateway"]);
    let there = server.home.foreground(command);
    let told = server.home.run(&["sessions", "show", "main"]);
    assert!(told.out.contains("the purple elephant"), "{told:?}");

    // Here everything stays, and the configuration leads there.
    assert!(here.state("clawdbot.sqlite").exists());
    let config = std::fs::read_to_string(here.state("clawdbot.json")).unwrap();
    assert!(config.contains("// mine"), "{config}");
    let get = |path: &str| here.run(&["config", "get", path]).out;
    assert_eq!(get("gateway.mode"), "remote\n");
    assert_eq!(get("gateway.remote.sshTarget"), "box\n");
    assert_eq!(get("gateway.remote.remotePort"), format!("{}\n", here.port()));
    assert_eq!(get("gateway.remote.token"), format!("{TOKEN}\n"));
    let health = here.run(&["health"]);
    assert_eq!(health.code, 0, "{health:?}");
    drop(there);
    let closed = here.run(&["health"]);
    assert_eq!(closed.code, 69, "{closed:?}");
    assert!(closed.err.starts_with("The gateway is on box. Open the way there"), "{closed:?}");
    assert_eq!(onboard(&here, &["--server", "box"]).code, 64, "it is not here any more");
}

#[tokio::test]
async fn what_is_on_the_server_is_kept_whatever_is_asked() {
    let here = assistant();
    let server = Server::new(&here, "").await;
    for (file, text) in [(".clawdbot/clawdbot.json", "{ /* theirs */ }"), ("clawd/old.md", "old")] {
        std::fs::create_dir_all(server.file(file).parent().unwrap()).unwrap();
        std::fs::write(server.file(file), text).unwrap();
    }
    let _gateway = here.gateway(&[]);
    let refused = onboard(&here, &["--server", "box"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("there is already ~/.clawdbot, ~/clawd."), "{refused:?}");
    assert_eq!(server.entries(), [".clawdbot", "clawd"]);
    assert_eq!(here.run(&["health"]).code, 0, "nothing was stopped");
    let done = onboard(&here, &["--server", "box", "--replace"]);
    assert_eq!(done.code, 0, "{done:?}");
    let aside = |name: &str| server.entries().into_iter().find(|entry| entry.starts_with(name));
    let (state, work) = (aside(".clawdbot.before-").unwrap(), aside("clawd.before-").unwrap());
    let theirs = std::fs::read_to_string(server.file(&state).join("clawdbot.json")).unwrap();
    assert_eq!(theirs, "{ /* theirs */ }");
    assert!(server.file(&work).join("old.md").exists());
    assert!(done.out.contains(&format!("what was there before is ~/{state}")), "{done:?}");
    assert!(server.file("clawd/notes.md").exists());
}

#[tokio::test]
async fn another_kind_of_machine_is_refused_unless_it_has_the_program() {
    let here = assistant();
    let tools = tempfile::tempdir().unwrap();
    tool(&tools.path().join("uname"), "[ \"$1\" = -m ] && echo riscv64 || echo Linux");
    let server = Server::new(&here, &format!("{}:", tools.path().display())).await;
    let refused = onboard(&here, &["--server", "box"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("box is Linux on riscv64"), "{refused:?}");
    assert!(refused.err.contains("installer/run.sh --headless --build-only"), "{refused:?}");
    assert!(server.entries().is_empty());
    let theirs = server.file(".local/bin/clawdbot");
    std::fs::create_dir_all(theirs.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(PROGRAM, &theirs).unwrap();
    let done = onboard(&here, &["--server", "box"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(theirs.is_symlink(), "theirs was used");
}

#[tokio::test]
async fn what_does_not_answer_there_is_taken_away_again() {
    let here = assistant();
    let server = Server::new(&here, "").await;
    let before = std::fs::read_to_string(here.state("clawdbot.json")).unwrap();
    let _holder = std::net::TcpListener::bind(("127.0.0.1", here.port())).unwrap();
    service(&here, "active", "");
    let failed = onboard(&here, &["--server", "box"]);
    assert_eq!(failed.code, 69, "{failed:?}");
    assert!(failed.err.contains("everything is still here"), "{failed:?}");
    assert!(failed.err.contains("address already in use"), "{failed:?}");
    assert_eq!(server.entries(), [".local"]);
    assert_eq!(std::fs::read_to_string(here.state("clawdbot.json")).unwrap(), before);
    assert_eq!(done_with_service(&here), ["disable", "stop", "enable", "start"]);
}

#[tokio::test]
async fn what_was_there_is_put_back_when_the_new_does_not_answer() {
    let here = assistant();
    let server = Server::new(&here, "").await;
    let _holder = std::net::TcpListener::bind(("127.0.0.1", here.port())).unwrap();
    let port = server.home.port();
    server.home.config(&format!(
        "{{ /* theirs */ gateway: {{ mode: 'local', port: {port}, auth: {{ token: '{TOKEN}' }} }} }}"
    ));
    let program = server.file(".local/bin/clawdbot");
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    tool(&program, "cat >/dev/null; echo older");
    let mut theirs = server.home.gateway(&[]);
    let failed = onboard(&here, &["--server", "box", "--replace"]);
    assert_eq!(failed.code, 69, "{failed:?}");
    assert!(theirs.end().success());
    assert!(failed.out.contains("The gateway that was here before is stopped"), "{failed:?}");
    assert_eq!(
        std::fs::read_to_string(&program).unwrap(),
        "#!/bin/sh\ncat >/dev/null; echo older\n"
    );
    assert!(
        std::fs::read_to_string(server.file(".clawdbot/clawdbot.json")).unwrap().contains("theirs")
    );
    assert_eq!(server.entries(), [".clawdbot", ".local"]);
}

#[tokio::test]
async fn a_service_that_was_there_runs_again_when_the_new_does_not_start() {
    let here = assistant();
    let tools = tempfile::tempdir().unwrap();
    let asked = tools.path().join("asked");
    // The first start fails.
    let script = format!(
        "echo \"$2 $3\" >>'{0}'\ncase \"$2 $3\" in *ActiveState*) echo ActiveState=active ;; restart*) [ $(grep -c restart '{0}') -gt 1 ] ;; esac",
        asked.display()
    );
    tool(&tools.path().join("systemctl"), &script);
    let server = Server::new(&here, &format!("{}:", tools.path().display())).await;
    let text = std::fs::read_to_string(here.state("clawdbot.json")).unwrap();
    server.home.config(&text.replace("mine", "theirs"));
    let program = server.file(".local/bin/clawdbot");
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(PROGRAM, &program).unwrap();
    let failed = onboard(&here, &["--server", "box", "--replace"]);
    assert_eq!(failed.code, 69, "{failed:?}");
    assert!(failed.err.contains("The service cannot be installed there"), "{failed:?}");
    assert!(
        failed.out.contains("✓ box: the service that was here before runs again"),
        "{failed:?}"
    );
    let asked = std::fs::read_to_string(asked).unwrap();
    let verbs = asked.lines().filter_map(|line| line.split_once(' ')).map(|(verb, _)| verb);
    let told = ["stop", "enable", "restart", "disable"];
    let verbs: Vec<&str> = verbs.filter(|verb| told.contains(verb)).collect();
    assert_eq!(verbs, ["stop", "enable", "restart", "disable", "enable", "restart"], "{failed:?}");
    let config = std::fs::read_to_string(server.file(".clawdbot/clawdbot.json")).unwrap();
    assert!(config.contains("theirs") && program.is_symlink(), "{config}");
}

#[tokio::test]
async fn what_cannot_be_put_in_its_place_takes_the_rest_along() {
    let here = assistant();
    let server = Server::new(&here, "").await;
    std::fs::create_dir_all(here.path().join("my/work")).unwrap();
    here.run(&["config", "set", "agents.defaults.workspace", "~/my/work"]);
    std::fs::write(server.file("my"), "a file").unwrap();
    let failed = onboard(&here, &["--server", "box"]);
    assert_eq!(failed.code, 69, "{failed:?}");
    assert!(failed.err.contains("cannot be put in its place there: my/work: "), "{failed:?}");
    assert_eq!(server.entries(), [".local", "my"]);
    assert_eq!(std::fs::read_to_string(server.file("my")).unwrap(), "a file");
}

#[tokio::test]
async fn what_changes_before_the_gateway_stops_is_seen() {
    let here = assistant();
    let server = Server::new(&here, "").await;
    let (config, work) = (here.state("clawdbot.json"), here.path().join("new"));
    std::fs::create_dir(work).unwrap();
    let new = format!(
        "sed -i 's|// mine|agents: {{ defaults: {{ workspace: \"~/new\" }} }},|' '{}'",
        config.display()
    );
    service(&here, "inactive", &new);
    let refused = onboard(&here, &["--server", "box"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("Run this again"), "{refused:?}");
    assert_eq!(done_with_service(&here), ["disable", "enable"]);
    assert!(server.entries().is_empty(), "{:?}", server.entries());
}

#[tokio::test]
async fn a_move_that_cannot_be_written_down_here_is_told() {
    let here = assistant();
    let tools = tempfile::tempdir().unwrap();
    // Called over there once the copy is in its place.
    let breaks = format!("echo '{{ broken' >'{}'; exit 1", here.state("clawdbot.json").display());
    tool(&tools.path().join("systemctl"), &breaks);
    let server = Server::new(&here, &format!("{}:", tools.path().display())).await;
    service(&here, "inactive", "");
    let shown = onboard(&here, &["--server", "box"]);
    assert_eq!(shown.code, 1, "{shown:?}");
    assert!(shown.err.contains("The assistant moved to box, but"), "{shown:?}");
    assert!(shown.err.contains("gateway.remote.sshTarget \"box\""), "{shown:?}");
    assert!(!shown.err.contains(TOKEN), "{shown:?}");
    assert!(!here.path().join(".config/systemd/user/clawdbot.service").exists());
    assert!(server.file("clawd/notes.md").exists());
}

#[tokio::test]
async fn a_service_goes_on_when_another_gateway_holds_the_state() {
    let here = assistant();
    let server = Server::new(&here, "").await;
    let _gateway = here.gateway(&[]);
    service(&here, "active", "");
    let refused = onboard(&here, &["--server", "box"]);
    assert_ne!(refused.code, 0, "{refused:?}");
    assert_eq!(done_with_service(&here), ["disable", "stop", "enable", "start"]);
    assert!(server.entries().is_empty());
}

#[tokio::test]
async fn a_server_is_named_and_known_or_nothing_happens_ssh_01_ssh_03() {
    let here = assistant();
    let sshd = Sshd::unknown().await;
    wrap_ssh(&here, &sshd);
    let stranger = onboard(&here, &["--server", "box"]);
    assert_eq!(stranger.code, 77, "{stranger:?}");
    assert!(stranger.err.contains("a host key that is not known here"), "{stranger:?}");
    assert_eq!(onboard(&here, &["--server=-oProxyCommand=touch /tmp/x"]).code, 64);
    assert_eq!(onboard(&here, &["--replace"]).code, 2);
    here.config("{ gateway: { mode: 'local', auth: { mode: 'password' } } }");
    let mut command = here.command(&["onboard", "--non-interactive", "--server", "box"]);
    command.env("CLAWDBOT_GATEWAY_PASSWORD", "a pass word");
    let secret = here.finish(command);
    assert_eq!(secret.code, 64, "{secret:?}");
    assert!(secret.err.contains("is set in this terminal only"), "{secret:?}");
}

/// Moves until the program `stuck` is called there, which does `first` and goes no further, and is told
/// `signal` then.
async fn interrupted(stuck: &str, first: &str, signal: Signal) -> (Home, Server, Shown) {
    let here = assistant();
    let reached = here.path().join("reached");
    let tools = tempfile::tempdir().unwrap();
    let script = format!(
        "{first}\nps -o pgid= -p $$ >'{0}.new'\nmv '{0}.new' '{0}'\nexec sleep 60",
        reached.display()
    );
    tool(&tools.path().join(stuck), &script);
    let server = Server::new(&here, &format!("{}:", tools.path().display())).await;
    let mut gateway = here.gateway(&[]);
    service(&here, "inactive", "");
    let mut command = here.command(&["onboard", "--non-interactive", "--server", "box"]);
    command.env("PATH", format!("{}/bin:/usr/bin:/bin", here.path().display()));
    let child = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.unwrap();
    crate::home::soon("it gets there", || reached.exists().then_some(()));
    assert!(gateway.end().success());
    // As a terminal does: everybody in the foreground is told.
    let group = Pid::from_raw(child.id().cast_signed()).unwrap();
    kill_process_group(group, signal).unwrap();
    let done = child.wait_with_output().unwrap();
    // What is stuck over there may not notice.
    let stuck = std::fs::read_to_string(&reached).unwrap().trim().parse().unwrap();
    let stuck = Pid::from_raw(stuck).unwrap();
    assert_ne!(stuck, rustix::process::getpgrp());
    let _ = kill_process_group(stuck, Signal::KILL);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = done.status.code().unwrap_or(-1);
    let shown = Shown { out: text(done.stdout), err: text(done.stderr), code };
    assert_eq!(here.run(&["config", "get", "gateway.mode"]).out, "local\n");
    (here, server, shown)
}

#[tokio::test]
async fn an_interrupted_copy_leaves_everything_here() {
    let (here, server, shown) = interrupted("tar", "", Signal::HUP).await;
    assert_eq!(shown.code, 69, "{shown:?}");
    assert!(shown.err.contains("everything is still here"), "{shown:?}");
    assert!(shown.out.contains("The gateway here was stopped. Start it again"), "{shown:?}");
    assert_eq!(done_with_service(&here), ["disable", "enable"]);
    assert!(!server.file(".clawdbot").exists());
    assert!(here.gateway(&[]).started.contains("listening"));
}

#[tokio::test]
async fn a_connection_lost_after_the_copy_starts_nothing_twice() {
    let (here, server, shown) = interrupted("systemctl", "", Signal::INT).await;
    assert_eq!(shown.code, 69, "{shown:?}");
    assert!(shown.err.contains("It is not known whether the assistant moved"), "{shown:?}");
    assert!(!shown.out.contains("Start it again"), "{shown:?}");
    assert!(server.file(".clawdbot/clawdbot.json").exists());
    assert_eq!(done_with_service(&here), ["disable"], "nor at the next login");
}

/// Nobody has said yet that it arrived.
#[tokio::test]
async fn a_connection_lost_with_the_last_byte_starts_nothing_twice() {
    let (here, _server, shown) = interrupted("tar", "cat >/dev/null", Signal::TERM).await;
    assert_eq!(shown.code, 69, "{shown:?}");
    assert!(shown.err.contains("It is not known whether the assistant moved"), "{shown:?}");
    assert_eq!(done_with_service(&here), ["disable"]);
}

/// A workspace elsewhere, with a name that a shell would look at.
#[tokio::test]
async fn workspaces_go_below_the_other_home_directory() {
    let here = assistant();
    let server = Server::new(&here, "").await;
    let odd = here.path().join("my work/$(touch x) 'a'");
    std::fs::create_dir_all(&odd).unwrap();
    std::fs::write(odd.join("plan.md"), "plan").unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let (odd, elsewhere) = (odd.to_str().unwrap(), elsewhere.path().to_str().unwrap());
    for (path, value) in [
        ("agents.defaults.workspace", format!("{odd:?}")),
        (
            "agents.list",
            format!("[{{\"id\": \"main\"}}, {{\"id\": \"b\", \"workspace\": {elsewhere:?}}}]"),
        ),
    ] {
        let set = here.run(&["config", "set", path, &value]);
        assert_eq!(set.code, 0, "{set:?}");
    }
    let done = onboard(&here, &["--server", "box"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.err.contains("was not copied"), "{done:?}");
    assert!(server.file("my work/$(touch x) 'a'/plan.md").exists());
    assert!(!server.file("x").exists() && !Path::new("/root/x").exists());
    let get = server.home.run(&["config", "get", "agents.defaults.workspace"]);
    assert_eq!(get.out, "~/my work/$(touch x) 'a'\n");
}

/// Waits for what has to happen soon.
async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(60), wait).await;
    done.unwrap_or_else(|_| panic!("{what} did not happen"))
}

/// Reads until the terminal has been sent `wanted`.
async fn until(screen: &mut ChildStdout, wanted: &str) {
    let (mut seen, mut bytes) = (String::new(), [0; 4096]);
    while !seen.contains(wanted) {
        let count = soon(wanted, screen.read(&mut bytes)).await.unwrap();
        assert!(count > 0, "it ended before {wanted:?}: {seen}");
        seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
}

#[tokio::test]
async fn a_person_is_asked_where_to_and_whether() {
    let here = assistant();
    let server = Server::new(&here, "").await;
    let inside = format!("exec {PROGRAM} onboard");
    let arguments = ["--quiet", "--flush", "--return", "--command", &inside, "/dev/null"];
    let mut terminal = here.other(Path::new("/usr/bin/script"), &arguments);
    let path = format!("{}/bin:/usr/bin:/bin", here.path().display());
    terminal.env("PATH", path).env("TERM", "xterm");
    let mut terminal = tokio::process::Command::from(terminal);
    let terminal = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = terminal.spawn().unwrap();
    let (mut keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    for (asked, answer) in [
        ("Where shall the assistant run?", "\u{1b}[B\r"),
        ("an alias from ~/.ssh/config", "box\r"),
        ("go on there?", "y"),
    ] {
        until(&mut screen, asked).await;
        keys.write_all(answer.as_bytes()).await.unwrap();
    }
    until(&mut screen, "clawdbot tunnel").await;
    assert!(soon("the end", child.wait()).await.unwrap().success());
    assert!(server.file("clawd/notes.md").exists());
}
