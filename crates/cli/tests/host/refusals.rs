//! Why a gateway does not start, word for word, and with which exit code.

use crate::home::{Home, Shown, TOKEN};

fn refusal(home: &Home, args: &[&str]) -> String {
    let Shown { out, err, code } = home.run(&[&["gateway"], args].concat());
    assert_eq!(out, "", "{err}");
    format!("{err}exit code {code}")
}

#[test]
fn without_a_mode() {
    insta::assert_snapshot!(refusal(&Home::new(), &[]), @"
    Gateway start blocked: set gateway.mode=local (current: unset) or pass --allow-unconfigured.
    exit code 64
    ");
}

#[test]
fn exposed_without_a_secret() {
    let home = Home::new();
    home.config("{ gateway: { mode: 'local', auth: { mode: 'none' } } }");
    insta::assert_snapshot!(refusal(&home, &["--bind", "lan"]), @"
    Refusing to bind gateway to lan without auth.
    Set gateway.auth.token/password (or CLAWDBOT_GATEWAY_TOKEN/CLAWDBOT_GATEWAY_PASSWORD) or pass --token/--password.
    exit code 64
    ");
    // Nor is one made up for others to be told.
    let fresh = Home::new();
    fresh.config("{ gateway: { mode: 'local' } }");
    assert!(
        refusal(&fresh, &["--bind", "lan"])
            .starts_with("Refusing to bind gateway to lan without auth.\n")
    );
    insta::assert_snapshot!(refusal(&home, &["--bind", "lan", "--token", "your-token"]), @"
    Refusing to bind gateway to lan: gateway.auth.token the gateway secret is a sample value that anyone can guess; set gateway.auth.token to at least 24 random characters, or bind to loopback
    exit code 64
    ");
}

#[test]
fn funnel_without_a_password() {
    let home = Home::new();
    home.config(&format!(
        "{{\n  gateway: {{\n    mode: 'local',\n    auth: {{ mode: 'token', token: '{TOKEN}' }},\n    tailscale: {{ mode: 'funnel' }},\n  }},\n}}"
    ));
    insta::assert_snapshot!(refusal(&home, &[]), @r#"
    HOME/.clawdbot/clawdbot.json cannot be used; it was left unchanged.
      line 5, column 24: gateway.tailscale.mode: "funnel" reaches the Internet and needs gateway.auth.mode "password"
    Fix the lines above and start again.
    exit code 64
    "#);
}

#[test]
fn password_without_a_password() {
    insta::assert_snapshot!(refusal(&Home::configured(), &["--auth", "password"]), @"
    gateway.auth.mode is password but no password is set. Set gateway.auth.password or CLAWDBOT_GATEWAY_PASSWORD.
    exit code 64
    ");
}

#[test]
fn reset_without_dev() {
    insta::assert_snapshot!(refusal(&Home::configured(), &["--reset"]), @"
    Use --reset with --dev.
    exit code 2
    ");
}

#[test]
fn a_port_in_use() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let program = std::env::current_exe().unwrap();
    // Linux keeps 15 letters of a name.
    let name: String = program.file_name().unwrap().to_str().unwrap().chars().take(15).collect();
    let text = refusal(&Home::configured(), &["--port", &port])
        .replace(&port, "18789")
        .replace(&std::process::id().to_string(), "9876")
        .replace(program.to_str().unwrap(), "/usr/bin/other")
        .replace(&name, "other");
    insta::assert_snapshot!(text, @"
    Error: listen EADDRINUSE: address already in use 127.0.0.1:18789, held by pid 9876 (other, /usr/bin/other). Three ways out: stop that program, choose another port with --port or gateway.port, or take the port over with --force.
    exit code 69
    ");
}

#[test]
fn already_running() {
    let home = Home::configured();
    let gateway = home.gateway(&["--port", "0"]);
    let text = refusal(&home, &["--port", "0"])
        .replace(&gateway.port.to_string(), "18789")
        .replace(&gateway.pid().to_string(), "12345");
    insta::assert_snapshot!(text, @"
    Gateway already running locally (pid 12345, ws://127.0.0.1:18789). Stop it first (clawdbot gateway stop, or quit the app), take over with --force, or use another state directory with CLAWDBOT_STATE_DIR.
    exit code 69
    ");
}

#[test]
fn wrong_usage() {
    let home = Home::configured();
    assert_eq!(home.run(&["gateway", "--bind", "everywhere"]).code, 2);
    assert_eq!(home.run(&["gateway", "--port", "70000"]).code, 2);
    assert_eq!(home.run(&["gatewya"]).code, 2);
}

#[test]
fn the_version_is_said_as_the_guide_shows_it() {
    let shown = Home::new().run(&["--version"]);
    assert_eq!(shown.out, format!("clawdbot CLI v{}\n", env!("CARGO_PKG_VERSION")));
}
