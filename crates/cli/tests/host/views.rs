//! What `status`, `gateway probe` and `doctor` show to people.

use crate::home::{Foreground, Home, Shown, mode, timeless};

/// Both streams and the exit code of a command, without what differs from run to run.
fn view(home: &Home, gateway: Option<&Foreground>, args: &[&str]) -> String {
    let mut command = home.command(args);
    command.env("CLAWDBOT_DISABLE_BONJOUR", "1");
    let Shown { out, err, code } = home.finish(command);
    let mut text = timeless(&format!("{out}{err}exit code {code}"))
        .replace(&home.port().to_string(), "18789")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION");
    if let Some(gateway) = gateway {
        text = text.replace(&gateway.pid().to_string(), "12345");
    }
    let unstable = |line: &str| match line.split_once("Up for:") {
        Some((before, _)) => format!("{before}Up for:        …"),
        None => line.to_owned(),
    };
    text.lines().map(unstable).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_gateway_that_runs_and_one_that_does_not() {
    let home = Home::healthy();
    let gateway = home.gateway(&[]);
    assert_eq!(home.run(&["agent", "-m", "hello"]).code, 0);
    insta::assert_snapshot!(view(&home, Some(&gateway), &["status"]), @"
    Version:       VERSION
    Process:       12345
    Up for:        …
    Address:       127.0.0.1:18789
    Model:         demo
    Conversations: 1

    KEY              TITLE  MODEL  USED  STATE
    agent:main:main         demo   now
    exit code 0
    ");
    insta::assert_snapshot!(view(&home, Some(&gateway), &["gateway", "probe"]), @"
    ✓ local  ws://127.0.0.1:18789  Nms, version VERSION
    Asked: this computer, gateway.remote.url and the tailnet.
    exit code 0
    ");
    drop(gateway);
    insta::assert_snapshot!(view(&home, None, &["status"]), @"
    Cannot reach 127.0.0.1:18789: Connection refused (os error 111). Check that the gateway is running and that the address and port are right.
    exit code 69
    ");
    insta::assert_snapshot!(view(&home, None, &["gateway", "probe"]), @"
    ✗ local  ws://127.0.0.1:18789  Cannot reach 127.0.0.1:18789: Connection refused (os error 111). Check that the gateway is running and that the address and port are right.
    Asked: this computer, gateway.remote.url and the tailnet.
    No gateway answers. Start one with `clawdbot gateway`.
    exit code 69
    ");
}

#[test]
fn what_the_doctor_finds_and_repairs() {
    let home = Home::healthy();
    insta::assert_snapshot!(view(&home, None, &["doctor"]), @"
    ✓ 27 checks, no open fault
    exit code 0
    ");
    let port = home.port();
    home.config(&format!(
        "{{ gateway: {{ mode: 'local', prot: 1, port: {port}, bind: 'lan', auth: {{ token: 'short' }} }} }}"
    ));
    mode(&home.state("clawdbot.json"), 0o644);
    insta::assert_snapshot!(view(&home, None, &["doctor"]), @r#"
    ✗ state-file-permissions: HOME/.clawdbot/clawdbot.json has the permissions 644. Others on this computer can read or change it
        Run: chmod 600 'HOME/.clawdbot/clawdbot.json'
    ! config-unknown-key: line 1, column 29: gateway.prot: unknown key "prot" is ignored; did you mean "port"?
        Correct or remove it; `clawdbot config schema` lists every key.
    ✗ secret-weak: the gateway secret has 5 characters and needs at least 24 when other computers can connect; set a longer gateway.auth.token or gateway.auth.password, or bind to loopback
        Set a long random one; clients need the new one.
    ! exposed-bind: gateway.bind lets other computers reach the gateway directly, without encryption
        Safer: gateway.bind loopback, with Tailscale Serve or an SSH tunnel for other computers.
    3 of these can be repaired with --fix.
    4 to look at
    exit code 1
    "#);
    insta::assert_snapshot!(view(&home, None, &["doctor", "--fix"]), @r#"
    ✓ state-file-permissions: HOME/.clawdbot/clawdbot.json has the permissions 644. Others on this computer can read or change it
        repaired: permissions of HOME/.clawdbot/clawdbot.json are 600
    ! config-unknown-key: line 1, column 29: gateway.prot: unknown key "prot" is ignored; did you mean "port"?
        Correct or remove it; `clawdbot config schema` lists every key.
    ✓ secret-weak: the gateway secret has 5 characters and needs at least 24 when other computers can connect; set a longer gateway.auth.token or gateway.auth.password, or bind to loopback
        repaired: a new token is set; read it with: clawdbot config get gateway.auth.token
    ✓ exposed-bind: gateway.bind lets other computers reach the gateway directly, without encryption
        repaired: gateway.bind is loopback, from the next start on
    1 to look at
    exit code 1
    "#);
    insta::assert_snapshot!(view(&home, None, &["security", "audit"]), @"
    ✓ 12 checks, no open fault
    exit code 0
    ");
}
