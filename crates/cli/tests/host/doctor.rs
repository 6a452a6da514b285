//! Broken set-ups: each fault is found, and where there is a repair, it repairs.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::home::{Home, Shown, TOKEN, mode, mode_of};

/// The ids of what is wrong, and the answer as a whole.
fn findings(home: &Home, args: &[&str]) -> (Vec<String>, Value) {
    let Shown { out, err, .. } = home.run(&[args, &["--json"]].concat());
    let answer: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    let rows = answer["findings"].as_array().unwrap();
    (rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect(), answer)
}

/// The fault is found by the doctor, is gone after the repair, and nothing else is said about it.
fn repairs(id: &str, set_up: impl FnOnce(&Home)) -> Home {
    let home = Home::healthy();
    let (before, _) = findings(&home, &["doctor"]);
    assert_eq!(before, Vec::<String>::new(), "the set-up before {id}");
    set_up(&home);
    let (found, answer) = findings(&home, &["doctor"]);
    assert!(found.iter().any(|found| found == id), "{id}: {answer:#}");
    let (_, repaired) = findings(&home, &["doctor", "--fix"]);
    let row = repaired["findings"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap();
    assert!(row["fixed"].is_string(), "{row:#}");
    let (after, _) = findings(&home, &["doctor"]);
    assert!(!after.iter().any(|found| found == id), "{id} after its repair: {after:?}");
    home
}

/// The fault is found; what to do about it is a person's decision.
fn names(id: &str, args: &[&str], set_up: impl FnOnce(&Home)) -> Value {
    let home = Home::healthy();
    set_up(&home);
    let (_, answer) = findings(&home, args);
    let row = answer["findings"].as_array().unwrap().iter().find(|row| row["id"] == id).cloned();
    let row = row.unwrap_or_else(|| panic!("{id}: {answer:#}"));
    assert!(
        row["message"].as_str().unwrap().len() > 20 && row["remedy"].as_str().unwrap().len() > 10
    );
    row
}

fn config(gateway: &str) -> String {
    format!("{{ gateway: {{ mode: 'local', port: 47811, {gateway} }} /* mine */ }}")
}

#[test]
fn loose_permissions_of_the_state_loc_01() {
    repairs("state-dir-permissions", |home| mode(&home.state(""), 0o755));
    let home = repairs("state-file-permissions", |home| mode(&home.state("clawdbot.json"), 0o644));
    assert_eq!(mode_of(&home.state("clawdbot.json")), 0o600);
}

#[test]
fn a_state_directory_that_is_a_link() {
    names("state-dir-unusable", &["security", "audit"], |home| {
        let real = home.path().join("real");
        fs::rename(home.state(""), &real).unwrap();
        symlink(&real, home.path().join(".clawdbot")).unwrap();
    });
}

#[test]
fn a_workspace_that_anybody_may_write() {
    repairs("workspace-writable-by-all", |home| {
        let dir = home.path().join("clawd");
        fs::create_dir_all(&dir).unwrap();
        mode(&dir, 0o777);
    });
}

#[test]
fn a_damaged_database() {
    let home = repairs("database-damaged", |home| {
        fs::write(home.state("clawdbot.sqlite"), vec![7; 40_000]).unwrap();
        mode(&home.state("clawdbot.sqlite"), 0o600);
    });
    let kept = fs::read_dir(home.state("")).unwrap().flatten();
    assert!(kept.into_iter().any(|entry| entry.file_name().to_string_lossy().contains("damaged")));
}

#[test]
fn a_clock_that_went_back() {
    names("clock-skew", &["doctor"], |home| {
        let file = fs::File::options().append(true).open(home.state("clawdbot.json")).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(3600)).unwrap();
    });
}

#[test]
fn a_full_disk() {
    let home = Home::healthy();
    let script = "mkdir -p disk && mount -t tmpfs -o size=1m,mode=700 tmpfs disk && \
         CLAWDBOT_STATE_DIR=\"$PWD/disk\" exec \"$0\" doctor --json";
    let mut unshare =
        home.other("unshare".as_ref(), &["--map-root-user", "--mount", "/bin/sh", "-c"]);
    unshare.args([script, crate::home::PROGRAM]).current_dir(home.path());
    let shown = home.finish(unshare);
    // Not every system lets a test mount something.
    if shown.out.is_empty() {
        return eprintln!("skipped: {}", shown.err);
    }
    assert!(shown.out.contains("\"disk-full\""), "{}", shown.out);
}

#[test]
fn a_broken_configuration_goes_back_to_the_last_good_one() {
    let home = repairs("config-broken", |home| {
        fs::copy(home.state("clawdbot.json"), home.state("clawdbot.json.last-good")).unwrap();
        fs::write(home.state("clawdbot.json"), "{ gateway: { port: 'many' } }").unwrap();
    });
    let aside = fs::read_to_string(home.state("clawdbot.json.broken")).unwrap();
    assert_eq!(aside, "{ gateway: { port: 'many' } }");
}

#[test]
fn keys_of_early_versions_move() {
    let home = repairs("config-legacy-key", |home| {
        home.config(&config(&format!(
            "auth: {{ token: '{TOKEN}' }} }}, session: {{ idleMinutes: 30"
        )));
    });
    let text = fs::read_to_string(home.state("clawdbot.json")).unwrap();
    assert!(text.contains("reset") && text.contains("/* mine */"), "{text}");
    let row = names("config-unknown-key", &["doctor"], |home| {
        home.config(&config(&format!("auth: {{ token: '{TOKEN}' }}, prot: 1")));
    });
    assert!(row["message"].as_str().unwrap().contains("port"), "{row}");
}

#[test]
fn no_mode() {
    repairs("mode-unset", |home| {
        home.config(&format!("{{ gateway: {{ port: 47811, auth: {{ token: '{TOKEN}' }} }} }}"));
    });
}

#[test]
fn secrets_that_are_none_or_weak_ws_03() {
    let home = repairs("secret-none", |home| home.config(&config("auth: { mode: 'none' }")));
    let token = home.run(&["config", "get", "gateway.auth.token"]).out;
    assert_eq!(token.trim().len(), 43);
    repairs("secret-weak", |home| home.config(&config("auth: { token: 'changeme' }")));
    let row = names("secret-weak", &["security", "audit"], |home| {
        home.config(&config("bind: 'lan', auth: { password: 'short' }"));
    });
    assert_eq!(row["severity"], "critical");
    assert!(!row.to_string().contains("'short'"));
}

#[test]
fn doors_that_stand_open_prx_07() {
    repairs("exposed-bind", |home| {
        home.config(&config(&format!("bind: 'lan', auth: {{ token: '{TOKEN}' }}")));
    });
    repairs("origin-any", |home| {
        home.config(&config(&format!("auth: {{ token: '{TOKEN}' }}, controlUi: {{ allowedOrigins: ['*', 'https://a.example'] }}")));
    });
    repairs("proxy-any", |home| {
        home.config(&config(&format!(
            "auth: {{ token: '{TOKEN}' }}, trustedProxies: ['0.0.0.0/0', '10.0.0.1']"
        )));
    });
    names("remote-plaintext", &["security", "audit"], |home| {
        home.config(&config(&format!(
            "auth: {{ token: '{TOKEN}' }}, remote: {{ url: 'ws://far.example:18789' }}"
        )));
    });
}

#[test]
fn commands_that_nobody_is_asked_about() {
    repairs("commands-unasked", |home| {
        home.config(&config(&format!(
            "auth: {{ token: '{TOKEN}' }} }}, tools: {{ exec: {{ security: 'full', ask: 'off' }}"
        )));
    });
}

#[test]
fn a_stolen_port_and_a_secret_in_the_process_list() {
    let thief = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = thief.local_addr().unwrap().port();
    let row = names("port-stolen", &["doctor"], |home| {
        home.config(
            &config(&format!("auth: {{ token: '{TOKEN}' }}")).replace("47811", &port.to_string()),
        );
    });
    assert!(row["message"].as_str().unwrap().contains(&std::process::id().to_string()), "{row}");

    let home = Home::healthy();
    let gateway = home.gateway(&["--port", "0", "--token", TOKEN]);
    let (found, _) = findings(&home, &["security", "audit"]);
    assert!(found.contains(&"secret-on-command-line".to_owned()), "{found:?}");
    drop(gateway);
    home.config(&config("auth: { mode: 'none' }"));
    let _gateway = home.gateway(&["--port", "0"]);
    let (found, _) = findings(&home, &["security", "audit"]);
    assert!(!found.contains(&"open-door".to_owned()), "only --deep knocks: {found:?}");
    let (found, _) = findings(&home, &["security", "audit", "--deep"]);
    assert!(found.contains(&"open-door".to_owned()), "{found:?}");
}

#[test]
fn a_gateway_that_lets_the_own_command_line_out() {
    let home = Home::healthy();
    let _gateway = home.gateway(&["--port", "0", "--token", "another-token-of-good-length-1234"]);
    let (found, _) = findings(&home, &["doctor"]);
    assert!(found.contains(&"gateway-silent".to_owned()), "{found:?}");
}

#[test]
fn services_that_differ_or_are_second_and_state_that_is_old() {
    names("service-drifted", &["doctor"], |home| {
        let units = home.path().join(".config/systemd/user");
        fs::create_dir_all(&units).unwrap();
        let text =
            "# Written by clawdbot gateway install.\n[Service]\nExecStart=/gone/clawdbot gateway\n";
        fs::write(units.join("clawdbot.service"), text).unwrap();
    });
    names("service-second", &["doctor"], |home| {
        let wants = home.path().join(".config/systemd/user/default.target.wants");
        fs::create_dir_all(&wants).unwrap();
        fs::write(wants.parent().unwrap().join("openclaw-gateway.service"), "").unwrap();
        fs::write(wants.join("openclaw-gateway.service"), "").unwrap();
    });
    names("old-state", &["doctor"], |home| {
        fs::create_dir_all(home.path().join(".openclaw/agents/main")).unwrap();
    });
}

#[test]
fn programs_that_are_missing() {
    names("tool-missing", &["doctor"], |home| {
        home.config(&config(&format!(
            "auth: {{ token: '{TOKEN}' }}, tailscale: {{ mode: 'serve' }}"
        )));
    });
}

#[test]
fn a_model_key_that_is_refused() {
    use std::io::{Read as _, Write as _};
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", server.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut request = [0; 2048];
        let length = stream.read(&mut request).unwrap();
        stream.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").unwrap();
        String::from_utf8_lossy(&request[..length]).to_lowercase()
    });
    let row = names("model-key-refused", &["doctor"], |home| {
        home.config(&config(&format!(
            "auth: {{ token: '{TOKEN}' }} }}, models: {{ providers: {{ mine: {{ baseUrl: '{url}', apiKey: 'sk-dead', api: 'openai-completions', models: [{{ id: 'm', name: 'M' }}] }} }}"
        )));
    });
    assert!(!row.to_string().contains("sk-dead"), "{row}");
    let request = asked.join().unwrap();
    assert!(
        request.starts_with("get /v1/models ") && request.contains("bearer sk-dead"),
        "{request}"
    );
}

#[test]
fn the_words_and_the_exit_code() {
    let home = Home::healthy();
    insta::assert_snapshot!(words(&home, &["doctor"]), @"
    ✓ 27 checks, no open fault
    exit code 0
    ");
    insta::assert_snapshot!(words(&home, &["security", "audit"]), @"
    ✓ 12 checks, no open fault
    exit code 0
    ");
    mode(&home.state("clawdbot.json"), 0o644);
    home.config(&config("auth: { token: 'changeme' }"));
    mode(&home.state("clawdbot.json"), 0o640);
    insta::assert_snapshot!(words(&home, &["security", "audit"]), @"
    ✗ state-file-permissions: HOME/.clawdbot/clawdbot.json has the permissions 640. Others on this computer can read or change it
        Run: chmod 600 'HOME/.clawdbot/clawdbot.json'
    ! secret-weak: the gateway secret is a sample value that anyone can guess; set gateway.auth.token to at least 24 random characters, or bind to loopback
        Set a long random one; clients need the new one.
    2 of these can be repaired with --fix.
    2 to look at
    exit code 1
    ");
    insta::assert_snapshot!(words(&home, &["security", "audit", "--fix"]), @"
    ✓ state-file-permissions: HOME/.clawdbot/clawdbot.json has the permissions 640. Others on this computer can read or change it
        repaired: permissions of HOME/.clawdbot/clawdbot.json are 600
    ✓ secret-weak: the gateway secret is a sample value that anyone can guess; set gateway.auth.token to at least 24 random characters, or bind to loopback
        repaired: a new token is set; read it with: clawdbot config get gateway.auth.token
    ✓ 12 checks, no open fault
    exit code 0
    ");
}

fn words(home: &Home, args: &[&str]) -> String {
    let Shown { out, err, code } = home.run(args);
    format!("{out}{err}exit code {code}")
}
