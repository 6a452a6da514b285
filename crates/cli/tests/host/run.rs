//! `clawdbot gateway`, as the start-up guide shows it.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::home::{Home, PROGRAM, TOKEN, mode_of, soon, timeless};

#[test]
fn a_start_says_model_address_pid_and_log() {
    let home = Home::configured();
    let mut gateway = home.gateway(&["--port", "0"]);
    insta::assert_snapshot!(gateway.started, @"
    ✓ agent model: builtin/demo
    ✓ listening on ws://127.0.0.1:PORT (PID 12345)
    ✓ log file: HOME/.clawdbot/logs/gateway.log
    ");
    let health = home.run(&["health", "--url", &gateway.url()]);
    assert_eq!(health.code, 0, "{health:?}");
    gateway.signal(Signal::TERM);
    assert!(gateway.end().success());
}

#[test]
fn every_address_gets_a_line_and_only_the_first_the_pid() {
    let home = Home::configured();
    let gateway = home.gateway(&["--port", "0", "--bind", "lan"]);
    let lines: Vec<&str> =
        gateway.started.lines().filter(|line| line.contains("listening on")).collect();
    assert!(lines[0].ends_with("(PID 12345)"), "{lines:?}");
    assert!(lines[1..].iter().all(|line| !line.contains("PID")), "{lines:?}");
    assert!(lines.last().unwrap().contains("ws://127.0.0.1:PORT"), "{lines:?}");
    assert!(!gateway.started.contains("0.0.0.0"), "{lines:?}");
}

#[test]
fn an_address_of_this_computer_may_be_named() {
    let home = Home::configured();
    let gateway = home.gateway(&["--port", "0", "--bind", "127.0.0.2"]);
    assert!(gateway.started.contains("listening on ws://127.0.0.2:PORT"), "{}", gateway.started);
}

#[test]
fn auth_chooses_what_clients_present() {
    let home = Home::configured();
    let gateway = home.gateway(&["--port", "0", "--auth", "password", "--password", "a pass word"]);
    let url = gateway.url();
    assert_eq!(home.run(&["health", "--url", &url, "--token", TOKEN]).code, 77);
    assert_eq!(home.run(&["health", "--url", &url, "--password", "a pass word"]).code, 0);
}

#[test]
fn force_ends_a_stranger_on_the_port_and_says_so() {
    let stranger = Command::new("python3")
        .args(["-c", "import socket,time; s=socket.socket(); s.bind(('127.0.0.1',0)); s.listen(); print(s.getsockname()[1],flush=True); time.sleep(60)"])
        .stdout(std::process::Stdio::piped())
        .spawn();
    // Without Python there is nobody to end.
    let Ok(mut stranger) = stranger else { return };
    let mut line = String::new();
    let mut out = std::io::BufReader::new(stranger.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    let home = Home::configured();
    let gateway = home.gateway(&["--port", line.trim(), "--force"]);
    let started = timeless(&gateway.started).replace(&stranger.id().to_string(), "9876");
    insta::assert_snapshot!(started, @"
    ✓ force: killed pid 9876 (python3) on port PORT
    ✓ force: waited Nms for port PORT to free
    ✓ agent model: builtin/demo
    ✓ listening on ws://127.0.0.1:PORT (PID 12345)
    ✓ log file: HOME/.clawdbot/logs/gateway.log
    ");
    assert!(!stranger.wait().unwrap().success());
}

#[test]
fn force_takes_over_from_a_gateway_of_the_same_state() {
    let home = Home::configured();
    let mut first = home.gateway(&["--port", "0"]);
    let second = home.gateway(&["--port", "0", "--force"]);
    assert!(first.end().success(), "it had time to stop in order");
    let said = format!("force: killed pid {} (clawdbot) on port {}", first.pid(), first.port);
    assert!(second.started.contains(&said), "{}", second.started);
    assert_eq!(home.run(&["health", "--url", &second.url()]).code, 0);
}

#[test]
fn dev_has_settings_and_a_workspace_of_its_own_and_needs_no_secret() {
    let home = Home::configured();
    let before = std::fs::read_to_string(home.state("clawdbot.json")).unwrap();
    let gateway = home.gateway(&["--dev", "--port", "0"]);
    insta::assert_snapshot!(gateway.started, @"
    ✓ dev config created at ~/.clawdbot-dev/clawdbot.json
    ✓ dev workspace initialized at ~/clawd-dev
    ✓ agent model: builtin/demo
    ✓ listening on ws://127.0.0.1:PORT (PID 12345)
    ✓ log file: HOME/.clawdbot-dev/logs/gateway.log
    ");
    let health = home.run(&["--profile", "dev", "health", "--url", &gateway.url()]);
    assert_eq!(health.code, 0, "{health:?}");
    assert_eq!(home.run(&["--profile", "dev", "config", "get", "gateway.port"]).out, "18789\n");
    assert_eq!(mode_of(&home.path().join("clawd-dev")), 0o700);
    assert_eq!(std::fs::read_to_string(home.state("clawdbot.json")).unwrap(), before);
    let running = home.run(&["gateway", "--dev", "--reset"]);
    assert!(running.err.contains("Stop it before you start over"), "{running:?}");
    drop(gateway);

    // Whatever the environment says about state, only development is removed.
    let notes = home.path().join("clawd-dev/notes.md");
    std::fs::write(&notes, "old").unwrap();
    let mut again = home.command(&["gateway", "--dev", "--reset", "--port", "0"]);
    again.env("CLAWDBOT_STATE_DIR", home.state(""));
    let gateway = home.foreground(again);
    assert!(gateway.started.starts_with("✓ dev state removed: ~/.clawdbot-dev\n"));
    assert!(gateway.started.contains("✓ dev workspace removed: ~/clawd-dev\n"));
    assert!(!notes.exists());
    assert_eq!(std::fs::read_to_string(home.state("clawdbot.json")).unwrap(), before);
}

#[test]
fn dev_starts_again_when_the_program_is_built_anew() {
    let home = Home::new();
    let program = home.path().join("clawdbot");
    std::fs::copy(PROGRAM, &program).unwrap();
    let dev = home.other(&program, &["gateway", "--dev", "--port", "0"]);
    let mut gateway = home.foreground(dev);
    std::fs::remove_file(&program).unwrap();
    std::fs::copy(PROGRAM, &program).unwrap();
    assert_eq!(gateway.line(), "✓ the program was built anew; starting again");
    gateway.started();
    assert_eq!(home.run(&["--profile", "dev", "health", "--url", &gateway.url()]).code, 0);
}

#[test]
fn a_hangup_reads_the_configuration_again() {
    let home = Home::configured();
    // Changes behind a link to another directory are not noticed by themselves.
    let real = home.path().join("elsewhere/clawdbot.json");
    std::fs::create_dir(real.parent().unwrap()).unwrap();
    std::fs::rename(home.state("clawdbot.json"), &real).unwrap();
    std::os::unix::fs::symlink(&real, home.state("clawdbot.json")).unwrap();
    let gateway = home.gateway(&["--port", "0"]);
    let other = "another-token-of-good-length-1234";
    let text = std::fs::read_to_string(&real).unwrap().replace(TOKEN, other);
    std::fs::write(&real, text).unwrap();
    let url = gateway.url();
    let asks = || home.run(&["health", "--url", &url, "--token", other]).code;
    assert_eq!(asks(), 77);
    gateway.signal(Signal::HUP);
    soon("the new token counts", || (asks() == 0).then_some(()));
}

#[test]
fn a_service_manager_hears_ready_alive_and_stopping() {
    let home = Home::configured();
    let path = home.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut command = home.command(&["gateway", "--port", "0"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    let mut gateway = home.foreground(command);
    let first = hear(&manager);
    assert!(first.contains("READY=1") && first.contains("listening on ws://127.0.0.1"), "{first}");
    assert_eq!(hear(&manager).trim(), "WATCHDOG=1");
    assert_eq!(hear(&manager).trim(), "WATCHDOG=1");
    gateway.signal(Signal::TERM);
    while hear(&manager).trim() != "STOPPING=1" {}
    assert!(gateway.end().success());
}

fn hear(manager: &UnixDatagram) -> String {
    let mut buffer = [0; 512];
    let length = manager.recv(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn requests_are_shown_when_asked_for() {
    let home = Home::configured();
    let log = home.path().join("terminal");
    let mut command = home.command(&["gateway", "--port", "0", "--ws-log", "full"]);
    command.stderr(std::fs::File::create(&log).unwrap());
    let gateway = home.foreground_as_is(command);
    home.run(&["health", "--url", &gateway.url()]);
    let text = soon("the request is shown", || {
        let text = std::fs::read_to_string(&log).unwrap();
        text.contains("method=health").then_some(text)
    });
    assert!(!text.contains(TOKEN) && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn the_env_file_counts_for_the_gateway_and_for_commands() {
    let home = Home::new();
    home.config("{ gateway: { mode: 'local', auth: { mode: 'token' } } }");
    let file = home.state(".env");
    std::fs::write(&file, format!("# mine\nCLAWDBOT_GATEWAY_TOKEN='{TOKEN}'\n")).unwrap();
    crate::home::mode(&file, 0o600);
    let gateway = home.gateway(&["--port", "0"]);
    let asks = |file_mode| {
        crate::home::mode(&file, file_mode);
        home.run(&["health", "--url", &gateway.url()])
    };
    assert_eq!(asks(0o600).code, 0);
    let text = std::fs::read_to_string(home.state("clawdbot.json")).unwrap();
    assert!(!text.contains("token:"), "no token was made up: {text}");
    let ignored = asks(0o622);
    assert_eq!(ignored.code, 77, "{ignored:?}");
    assert!(ignored.err.contains("can be changed by others"), "{ignored:?}");
    // What the terminal says comes first.
    crate::home::mode(&file, 0o600);
    let mut other = home.command(&["health", "--url", &gateway.url()]);
    other.env("CLAWDBOT_GATEWAY_TOKEN", "another-token-of-good-length-1234");
    assert_eq!(home.finish(other).code, 77);
}

#[test]
fn the_log_goes_where_the_configuration_says() {
    let home = Home::new();
    let port = home.port();
    home.config(&format!(
        "{{ gateway: {{ mode: 'local', port: {port}, auth: {{ token: '{TOKEN}' }} }}, logging: {{ file: '~/logs here/claw.log' }} }}"
    ));
    let gateway = home.gateway(&[]);
    assert!(
        gateway.started.ends_with("✓ log file: HOME/logs here/claw.log"),
        "{}",
        gateway.started
    );
    let log = home.path().join("logs here/claw.log");
    // It is written a little after the terminal has been told.
    soon("the log", || std::fs::read_to_string(&log).ok()?.contains("ready").then_some(()));
    assert_eq!((mode_of(&log), mode_of(log.parent().unwrap())), (0o600, 0o700));
    assert!(!home.state("logs/gateway.log").exists());
    let told = home.run(&["logs", "--json"]);
    assert!(told.out.contains("ready"), "{told:?}");
    drop(gateway);
    home.config("{ logging: { file: 'claw.log' } }");
    let relative = home.run(&["gateway"]);
    assert_eq!(relative.code, 64, "{relative:?}");
    assert!(relative.err.contains("logging.file"), "{relative:?}");
}

#[test]
fn boot_md_is_done_at_every_start_but_not_in_development() {
    let home = Home::configured();
    for workspace in ["clawd", "clawd-dev"] {
        let dir = home.path().join(workspace);
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join("BOOT.md"), "# At start\nSay the word heliotrope.\n").unwrap();
    }
    let told = |more: &[&str], url: &str| {
        let args = [more, &["sessions", "show", "main", "--url", url][..]].concat();
        home.run(&args).out.matches("Say the word heliotrope").count()
    };
    for starts in 1..=2 {
        let mut gateway = home.gateway(&["--port", "0"]);
        let url = gateway.url();
        soon("it is done", || (told(&[], &url) >= starts).then_some(()));
        gateway.signal(Signal::TERM);
        assert!(gateway.end().success());
    }
    let gateway = home.gateway(&["--dev", "--port", "0"]);
    let dev = ["--profile", "dev"];
    let url = gateway.url();
    let said = home.run(&["--profile", "dev", "agent", "-m", "hello", "--url", &url]);
    assert_eq!(said.code, 0, "{said:?}");
    // A conversation has one run at a time, in order: one at the start would be there before.
    assert_eq!(told(&dev, &url), 0);
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let home = Home::configured();
    let mut shell = home.other(Path::new("/bin/sh"), &["-c", "\"$0\" --help | head -n 1 >/dev/null; \"$0\" config schema | head -c 10 >/dev/null; \"$0\" config path >&- "]);
    shell.arg(PROGRAM);
    let shown = home.finish(shell);
    assert!(!shown.err.contains("panicked"), "{shown:?}");
}
