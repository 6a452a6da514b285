//! `config`, `onboard`, `reset`, `update` and `completion`.

use crate::home::{Home, Shown, TOKEN, mode_of};

#[test]
fn config_get_as_the_webchat_guide_uses_it() {
    let home = Home::new();
    assert_eq!(home.run(&["config", "get", "gateway.port"]).out, "18789\n");
    assert_eq!(home.run(&["config", "get", "gateway.auth.mode"]).out, "token\n");
    assert_eq!(home.run(&["config", "get", "gateway.auth.token"]).code, 1);
    for (path, value) in [("gateway.auth.mode", "token"), ("gateway.auth.token", TOKEN)] {
        assert_eq!(home.run(&["config", "set", path, value]).code, 0);
    }
    assert_eq!(home.run(&["config", "get", "gateway.auth.token"]).out, format!("{TOKEN}\n"));
    insta::assert_snapshot!(home.run(&["config", "get", "gateway.auth.*"]).out, @"
    gateway.auth.mode = token
    gateway.auth.token = __OPENCLAW_REDACTED__
    ");
    assert_eq!(home.run(&["config", "set", "gateway.tailscale.mode", "serve"]).code, 0);
    let refused = home.run(&["config", "set", "gateway.tailscale.mode", "funnel"]);
    assert_eq!(refused.code, 64, "{refused:?}");
    assert!(refused.err.contains("needs gateway.auth.mode \"password\""), "{refused:?}");
    assert_eq!(home.run(&["config", "get", "gateway.tailscale.mode"]).out, "serve\n");
    let typo = home.run(&["config", "set", "gateway.prot", "1"]);
    assert!(typo.err.contains("gateway.prot") && typo.err.contains("port"), "{typo:?}");
}

#[test]
fn config_validate_schema_and_path() {
    let home = Home::configured();
    assert_eq!(home.run(&["config", "path"]).out, "HOME/.clawdbot/clawdbot.json\n");
    let schema: serde_json::Value =
        serde_json::from_str(&home.run(&["config", "schema"]).out).unwrap();
    assert_eq!(schema["properties"]["gateway"]["properties"]["port"]["maximum"], 65535);
    home.config("{ gateway: { port: 0 } }");
    let Shown { out, code, .. } = home.run(&["config", "validate", "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &answer["valid"]), (64, &serde_json::Value::Bool(false)));
    assert_eq!(answer["issues"][0]["path"], "gateway.port");
}

#[test]
fn config_edit_saves_only_what_is_valid() {
    let home = Home::configured();
    let edit = |script: &str| {
        let editor = home.path().join("editor");
        std::fs::write(&editor, format!("#!/bin/sh\n{script}\n")).unwrap();
        crate::home::mode(&editor, 0o700);
        let mut command = home.command(&["config", "edit"]);
        command.env("EDITOR", &editor);
        home.finish(command)
    };
    let before = std::fs::read_to_string(home.state("clawdbot.json")).unwrap();
    assert_eq!(edit("true").out, "✓ nothing was changed\n");
    let broken = edit("echo '{ gateway: { port: 0 } }' >\"$1\"");
    assert_eq!(broken.code, 64, "{broken:?}");
    assert!(broken.err.contains("nothing was saved; your text is in"), "{broken:?}");
    assert_eq!(std::fs::read_to_string(home.state("clawdbot.json")).unwrap(), before);
    let good = edit("echo '{ gateway: { port: 4711 } /* mine */ }' >\"$1\"");
    assert_eq!(good.code, 0, "{good:?}");
    assert_eq!(home.run(&["config", "get", "gateway.port"]).out, "4711\n");
    assert_eq!(mode_of(&home.state("clawdbot.json")), 0o600);
    assert_eq!(home.run(&["config", "edit"]).code, 2);
}

#[test]
fn onboard_sets_up_without_questions() {
    let home = Home::new();
    let Shown { out, err, code } = home.run(&["onboard", "--non-interactive"]);
    assert_eq!(code, 0, "{err}");
    insta::assert_snapshot!(out, @"
    ✓ Gateway configured successfully
    ✓ Channels configured: none (this version connects none)
    ✓ AI model configured: builtin/demo
    Start it with `clawdbot gateway`, or as a service with `clawdbot gateway install`.
    Then open WebChat: clawdbot web
    ");
    let token = home.run(&["config", "get", "gateway.auth.token"]).out;
    assert_eq!(token.trim().len(), 43);
    let gateway = home.gateway(&["--port", "0"]);
    assert_eq!(home.run(&["health", "--url", &gateway.url()]).code, 0);
    drop(gateway);
    // Again, and nothing that was set is lost.
    assert_eq!(home.run(&["onboard", "--non-interactive"]).code, 0);
    assert_eq!(home.run(&["config", "get", "gateway.auth.token"]).out, token);
    assert_eq!(home.run(&["onboard"]).code, 2, "nobody can be asked");
    assert_eq!(home.run(&["onboard", "--non-interactive", "--auth", "password"]).code, 2);
    let mut found = home.command(&["onboard", "--non-interactive", "--auth", "password"]);
    found.env("ANTHROPIC_API_KEY", "sk-ant-found").env("CLAWDBOT_GATEWAY_PASSWORD", "a pass word");
    let Shown { out, .. } = home.finish(found);
    assert!(out.contains("✓ AI model configured: anthropic/"), "{out}");
    let text = std::fs::read_to_string(home.state("clawdbot.json")).unwrap();
    assert!(!text.contains("sk-ant-found") && !text.contains("a pass word"), "{text}");
}

#[test]
fn reset_sets_aside_and_deletes_nothing() {
    let home = Home::configured();
    let gateway = home.gateway(&["--port", "0"]);
    assert_eq!(home.run(&["reset", "--yes"]).code, 69, "a gateway uses it");
    drop(gateway);
    assert_eq!(home.run(&["reset"]).code, 2, "nobody can be asked");
    assert_eq!(home.run(&["reset", "--dry-run"]).code, 0);
    assert!(home.state("clawdbot.json").exists());
    let done = home.run(&["reset", "--yes"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(!home.state("").exists());
    let aside = std::fs::read_dir(home.path()).unwrap().flatten().map(|entry| entry.path());
    let aside: Vec<_> = aside.filter(|path| path.to_string_lossy().contains(".reset-")).collect();
    assert!(aside[0].join("clawdbot.json").exists() && aside[0].join("clawdbot.sqlite").exists());
}

#[test]
fn every_command_has_a_manual_page() {
    let home = Home::new();
    let pages = home.path().join("man1");
    assert_eq!(home.run(&["man", pages.to_str().unwrap()]).code, 0);
    let read = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap();
    let first = read("clawdbot.1");
    for part in ["clawdbot\\-onboard(1)", ".SH \"EXIT STATUS\"", "~/.clawdbot/.env"] {
        assert!(first.contains(part), "{part}: {first}");
    }
    assert!(read("clawdbot-gateway-install.1").contains("\\-\\-system"));
    assert!(!pages.join("clawdbot-man.1").exists());
}

#[test]
fn update_and_completion_say_the_truth() {
    let home = Home::new();
    assert!(home.run(&["update"]).out.contains("does not update itself"));
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = home.run(&["completion", shell]).out;
        assert!(script.contains("clawdbot") && script.contains("doctor"), "{shell}");
    }
}
