//! Protocol §14.10, skills: found on the disk, checked against this machine, switched on and off in
//! the configuration, installed by programs that are there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clawdbot_protocol::DeviceIdentity;
use clawdbot_tests::{Connect, Script, Setup, TestGateway, fixture, lacks};
use serde_json::{Value, json};

/// A gateway whose PATH is one directory of its own, and that directory.
async fn gateway() -> (TestGateway, PathBuf) {
    let setup = Setup::new().await;
    let bin = setup.home().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    (setup.set("env.vars.PATH", json!(path)).start().await, bin)
}

fn write_skill(root: &Path, name: &str, metadata: &Value) {
    let dir = root.join(name);
    std::fs::create_dir_all(&dir).unwrap();
    let metadata = json!({"clawdbot": metadata});
    let text = format!(
        "---\nname: {name}\ndescription: Does {name}.\nmetadata: {metadata}\n---\n\n# {name}\n"
    );
    std::fs::write(dir.join("SKILL.md"), text).unwrap();
}

fn script(file: &Path, body: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(file, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn skill<'a>(status: &'a Value, name: &str) -> &'a Value {
    let skills = status["skills"].as_array().unwrap();
    skills.iter().find(|skill| skill["name"] == name).unwrap()
}

#[tokio::test]
async fn what_a_skill_needs_is_looked_for_on_this_machine() {
    let (gateway, bin) = gateway().await;
    let needs = json!({
        "emoji": "🍵",
        "homepage": "https://example.com/",
        "requires": {"bins": ["kettle-x"], "env": ["TEA_KEY"], "config": ["gateway.mode"]},
        "primaryEnv": "TEA_KEY",
        "install": [{"id": "brew", "kind": "brew", "formula": "kettle", "bins": ["kettle-x"]}],
    });
    write_skill(&gateway.state().join("skills"), "tea", &needs);
    write_skill(&gateway.state().join("skills"), "mac", &json!({"os": ["darwin", "win32"]}));
    std::fs::create_dir_all(gateway.state().join("skills/broken")).unwrap();
    std::fs::write(gateway.state().join("skills/broken/SKILL.md"), "no front matter").unwrap();
    let mut peer = gateway.v4().await;
    let status = peer.ok("skills.status", json!({})).await;
    assert_eq!(status["skills"].as_array().unwrap().len(), 2);
    let recorded = &fixture("recorded-v4.json")["skills.status"][0]["payload"];
    let tea = skill(&status, "tea");
    let alone = |skill: &Value| {
        let mut all = status.clone();
        all["skills"] = json!([skill]);
        all
    };
    assert_eq!(lacks(&alone(tea), recorded, &[]), [""; 0]);
    assert_eq!(tea["source"], "openclaw-managed");
    assert_eq!(tea["missing"]["bins"], json!(["kettle-x"]));
    assert_eq!(tea["missing"]["env"], json!(["TEA_KEY"]));
    assert_eq!(tea["configChecks"], json!([{"path": "gateway.mode", "satisfied": true}]));
    assert_eq!(tea["install"][0]["label"], "Install kettle (brew)");
    assert_eq!((&tea["eligible"], &tea["disabled"]), (&json!(false), &json!(false)));
    assert_eq!(skill(&status, "mac")["platformIncompatible"], true);

    script(&bin.join("kettle-x"), "exit 0");
    peer.ok("skills.update", json!({"skillKey": "tea", "apiKey": "sk-tea-0123456789"})).await;
    let status = peer.ok("skills.status", json!({"agentId": "main"})).await;
    assert_eq!(skill(&status, "tea")["eligible"], true);
    let v3 = gateway.v3().await.ok("skills.status", json!({})).await;
    assert_eq!(skill(&v3, "tea")["source"], "clawdbot-managed");
    let recorded = &fixture("recorded-v3.json")["skills.status"][0]["payload"];
    assert_eq!(lacks(&alone(skill(&v3, "tea")), recorded, &[]), [""; 0]);
    gateway.finish().await;
}

/// MCP-01: what lies in a workspace may have come with somebody's files.
#[tokio::test]
async fn a_workspace_skill_counts_only_while_it_says_what_was_switched_on_mcp_01() {
    let (gateway, _) = gateway().await;
    let skills = gateway.workspace().join("skills");
    write_skill(&skills, "tea", &json!({}));
    let mut peer = gateway.v4().await;
    let system = async |run: &str| {
        gateway.model.push(Script::text(["ok"]));
        let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": run});
        let mut peer = gateway.v4().await;
        peer.ok("chat.send", send).await;
        peer.terminal(run).await;
        gateway.model.requests().last().unwrap()["messages"][0]["content"].to_string()
    };
    let status = peer.ok("skills.status", json!({})).await;
    assert_eq!(skill(&status, "tea")["disabled"], true);
    assert!(!system("r-1").await.contains("Does tea."));

    peer.ok("skills.update", json!({"skillKey": "tea", "enabled": true})).await;
    let status = peer.ok("skills.status", json!({})).await;
    assert_eq!(skill(&status, "tea")["modelVisible"], true);
    assert!(system("r-2").await.contains("- tea: Does tea. (skills/tea/SKILL.md)"));

    write_skill(&skills, "tea", &json!({"emoji": "changed"}));
    let status = peer.ok("skills.status", json!({})).await;
    assert_eq!(skill(&status, "tea")["eligible"], false);
    assert!(!system("r-3").await.contains("Does tea."));
    gateway.finish().await;
}

/// MCP-01: switching on one skill must not switch on another one that claims its key.
#[tokio::test]
async fn a_key_that_two_workspace_skills_claim_switches_on_neither_mcp_01() {
    let (gateway, _) = gateway().await;
    let skills = gateway.workspace().join("skills");
    write_skill(&skills, "tea", &json!({}));
    write_skill(&skills, "thief", &json!({"skillKey": "tea"}));
    let before = std::fs::read_to_string(gateway.state().join("clawdbot.json")).unwrap();
    let mut peer = gateway.v4().await;
    let on = json!({"skillKey": "tea", "enabled": true});
    let error = peer.fails("skills.update", on.clone()).await;
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("tea/SKILL.md") && message.contains("thief/SKILL.md"), "{message}");
    let after = std::fs::read_to_string(gateway.state().join("clawdbot.json")).unwrap();
    assert_eq!(before, after);
    std::fs::remove_dir_all(skills.join("thief")).unwrap();
    peer.ok("skills.update", on.clone()).await;
    // What counts goes on counting beside one that came later.
    write_skill(&skills, "thief", &json!({"skillKey": "tea"}));
    peer.fails("skills.update", on).await;
    let status = peer.ok("skills.status", json!({})).await;
    assert_eq!(skill(&status, "tea")["modelVisible"], true);
    assert_eq!(skill(&status, "thief")["modelVisible"], false);
    gateway.finish().await;
}

#[tokio::test]
async fn a_change_that_is_refused_switches_nothing_on_mcp_01() {
    let (gateway, _) = gateway().await;
    write_skill(&gateway.workspace().join("skills"), "tea", &json!({}));
    let mut peer = gateway.v4().await;
    let document = gateway.state().join("clawdbot.json");
    let good = std::fs::read_to_string(&document).unwrap();
    std::fs::write(&document, "{ broken").unwrap();
    peer.fails("skills.update", json!({"skillKey": "tea", "enabled": true})).await;
    std::fs::write(&document, good).unwrap();
    let status = peer.ok("skills.status", json!({})).await;
    assert_eq!(skill(&status, "tea")["disabled"], true);
    gateway.finish().await;
}

#[tokio::test]
async fn the_model_can_read_the_skills_it_is_told_of_and_nothing_beside_them() {
    let (gateway, _) = gateway().await;
    let managed = gateway.state().join("skills");
    write_skill(&managed, "tea", &json!({}));
    let mut peer = gateway.v4().await;
    let mut read = async |run: &str, path: String| {
        gateway.model.push(Script::tool("read", json!({"path": path})));
        gateway.model.push(Script::text(["done"]));
        let send = json!({"sessionKey": "main", "message": "go", "idempotencyKey": run});
        peer.ok("chat.send", send).await;
        peer.terminal(run).await;
        gateway.model.requests().last().unwrap()["messages"].to_string()
    };
    let tea = managed.join("tea/SKILL.md").display().to_string();
    assert!(read("r-1", tea).await.contains("# tea"));
    let token = managed.join("../clawdbot.json").display().to_string();
    assert!(!read("r-2", token).await.contains(clawdbot_tests::TOKEN));
    gateway.finish().await;
}

/// FS-03: neither links nor hard links lead out of the workspace.
#[tokio::test]
async fn a_skill_that_is_a_link_to_the_outside_is_not_there_fs_03() {
    let (gateway, _) = gateway().await;
    write_skill(&gateway.state().join("outside"), "tea", &json!({}));
    let skills = gateway.workspace().join("skills");
    std::fs::create_dir_all(skills.join("hard")).unwrap();
    let outside = gateway.state().join("outside/tea");
    std::os::unix::fs::symlink(&outside, skills.join("soft")).unwrap();
    std::fs::hard_link(outside.join("SKILL.md"), skills.join("hard/SKILL.md")).unwrap();
    write_skill(&skills, "plain", &json!({}));
    let status = gateway.v4().await.ok("skills.status", json!({})).await;
    let names: Vec<_> = status["skills"].as_array().unwrap().iter().map(|s| &s["name"]).collect();
    assert_eq!(names, ["plain"]);
    gateway.finish().await;
}

#[tokio::test]
async fn an_update_goes_to_the_configuration_and_shows_no_secret() {
    let (gateway, _) = gateway().await;
    let mut peer = gateway.v4().await;
    let update = json!({"skillKey": "a.b", "enabled": false, "apiKey": " sk-secret-0123456789 ",
        "env": {"TEA_MODE": "green"}});
    let updated = peer.ok("skills.update", update).await;
    assert!(!updated.to_string().contains("sk-secret"), "{updated}");
    assert_eq!(updated["config"]["enabled"], false);
    let file = gateway.state().join("clawdbot.json");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("// written by hand") && text.contains("\"sk-secret-0123456789\""));
    let config = peer.ok("config.get", json!({})).await["config"].take();
    assert_eq!(config["skills"]["entries"]["a.b"]["enabled"], false);

    let clear = json!({"skillKey": "a.b", "apiKey": "", "env": {"TEA_MODE": ""}});
    peer.ok("skills.update", clear).await;
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("sk-secret") && !text.contains("green"), "{text}");
    let mut reader = gateway.join(Connect::v4().scopes(&["operator.read"])).await;
    let error = reader.fails("skills.update", json!({"skillKey": "x", "enabled": true})).await;
    assert_eq!(error["message"], "missing scope: operator.admin");
    gateway.finish().await;
}

#[tokio::test]
async fn installers_run_with_fixed_arguments_and_a_clean_environment() {
    let (gateway, bin) = gateway().await;
    let install = json!([
        {"id": "good", "kind": "node", "package": "@tea/kettle@1"},
        {"id": "option", "kind": "node", "package": "--registry=http://evil.example"},
        {"id": "repository", "kind": "node", "package": "evil/kettle"},
        {"id": "url", "kind": "download", "url": "http://evil.example/x"},
        {"id": "none", "kind": "uv", "package": "kettle"},
        {"id": "fails", "kind": "go", "module": "example.com/kettle@latest"},
    ]);
    write_skill(&gateway.state().join("skills"), "tea", &json!({"install": install}));
    script(
        &bin.join("npm"),
        &format!("echo \"$@\" > {0}/argv; env > {0}/env; echo fine", bin.display()),
    );
    script(&bin.join("go"), "echo broken >&2; exit 3");
    let mut peer = gateway.v4().await;
    let request = |id: &str| json!({"name": "tea", "installId": id});
    let done = peer.ok("skills.install", request("good")).await;
    assert_eq!(
        done,
        json!({"ok": true, "message": "Installed", "stdout": "fine", "stderr": "", "code": 0})
    );
    let argv = std::fs::read_to_string(bin.join("argv")).unwrap();
    assert_eq!(argv, "install -g --ignore-scripts @tea/kettle@1\n");
    let env = std::fs::read_to_string(bin.join("env")).unwrap();
    assert!(!env.contains("CARGO") && !env.contains("TOKEN"), "{env}");
    std::fs::remove_file(bin.join("argv")).unwrap();
    for (id, message) in [
        ("option", "The installer's package is not a package name."),
        ("repository", "The installer's package is not in a registry."),
        ("none", "uv not installed"),
        ("fails", "Install failed (exit 3): broken"),
        ("nope", "Installer not found: nope"),
    ] {
        let answer = peer.request("skills.install", request(id)).await;
        assert_eq!(answer["error"]["message"], message, "{answer}");
        assert_eq!(answer["payload"]["message"], message);
        assert_eq!(answer["payload"]["ok"], false);
    }
    let answer = peer.request("skills.install", request("url")).await;
    assert_eq!(answer["ok"], false, "{answer}");
    assert!(!bin.join("argv").exists());
    gateway.finish().await;
}

#[tokio::test]
async fn an_installer_that_hangs_or_floods_is_ended() {
    let (gateway, bin) = gateway().await;
    let install = json!([
        {"id": "hangs", "kind": "node", "package": "kettle"},
        {"id": "floods", "kind": "go", "module": "kettle"},
    ]);
    write_skill(&gateway.state().join("skills"), "tea", &json!({"install": install}));
    let pid = bin.join("pid");
    script(&bin.join("npm"), &format!("sleep 600 & echo $! > {}; wait", pid.display()));
    script(&bin.join("go"), "yes | head -c 3000000; echo end");
    let mut peer = gateway.v4().await;
    let request = |id: &str| json!({"name": "tea", "installId": id, "timeoutMs": 1000});
    let error = peer.fails("skills.install", request("hangs")).await;
    assert_eq!(error["message"], "Install failed (timed out after 1 s)");
    let child: i32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
    let child = rustix::process::Pid::from_raw(child).unwrap();
    clawdbot_tests::soon("the end of the installer's child", async {
        while is_alive(child) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
    let flood = json!({"name": "tea", "installId": "floods", "timeoutMs": 20_000});
    let flood = peer.ok("skills.install", flood).await;
    let stdout = flood["stdout"].as_str().unwrap();
    assert!(stdout.len() <= 64 * 1024 && stdout.ends_with("end"), "{}", stdout.len());
    gateway.finish().await;
}

/// A killed child of a killed parent may stay a zombie where nobody reaps it.
fn is_alive(pid: rustix::process::Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn nodes_learn_which_programs_skills_may_want() {
    let (gateway, _) = gateway().await;
    let needs = json!({"requires": {"bins": ["kettle"], "anyBins": ["cup", "mug"]},
        "install": [{"kind": "brew", "formula": "kettle", "bins": ["kettle", "pot"]}]});
    write_skill(&gateway.state().join("skills"), "tea", &needs);
    let identity = Arc::new(DeviceIdentity::from_seed(&[3; 32]));
    let node = Connect::v4().client("node-host", "node").set("role", json!("node")).scopes(&[]);
    let mut node = gateway.join(node.device(&identity)).await;
    let bins = node.ok("skills.bins", json!({})).await;
    assert_eq!(bins, json!({"bins": ["cup", "kettle", "mug", "pot"]}));
    gateway.finish().await;
}
