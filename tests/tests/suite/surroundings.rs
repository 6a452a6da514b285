//! Protocol §14.1, §14.11, §14.12, §15: what is around conversations. Voice, updates, the wizard,
//! this machine, agents and their files.

use std::sync::Arc;

use clawdbot_protocol::DeviceIdentity;
use clawdbot_tests::{Connect, Gate, Peer, Script, Setup, TestGateway, fixture};
use serde_json::{Value, json};

#[tokio::test]
async fn wake_words_outlive_the_gateway_and_everybody_hears_of_them() {
    let gateway = TestGateway::start().await;
    let mut v3 = gateway.v3().await;
    let mut v4 = gateway.v4().await;
    let identity = Arc::new(DeviceIdentity::from_seed(&[3; 32]));
    let node = Connect::v4().client("node-host", "node").set("role", json!("node")).scopes(&[]);
    let mut node = gateway.join(node.device(&identity)).await;
    assert_eq!(v3.ok("voicewake.get", json!({})).await["triggers"][0], "clawd");
    assert_eq!(v4.ok("voicewake.get", json!({})).await["triggers"][0], "openclaw");
    let words = json!({"triggers": [" hey claw ", "", "computer"]});
    let kept = json!({"triggers": ["hey claw", "computer"]});
    assert_eq!(v4.ok("voicewake.set", words).await, kept);
    let heard = |frame: &Value| frame["event"] == "voicewake.changed";
    for peer in [&mut v3, &mut v4] {
        let event = peer.event(heard).await;
        assert_eq!(event["payload"], kept);
        assert!(event["seq"].is_u64());
    }
    let event = node.event(heard).await;
    assert_eq!((&event["payload"], event.get("seq")), (&kept, None), "§11.1: nodes do not count");
    let error = v4.fails("voicewake.set", json!({"triggers": [1]})).await;
    assert_eq!(error["message"], "voicewake.set requires triggers: string[]");
    let gateway = gateway.restart().await;
    assert_eq!(gateway.v3().await.ok("voicewake.get", json!({})).await, kept);
    gateway.finish().await;
}

#[tokio::test]
async fn talk_mode_is_passed_on_and_needs_the_right_to_talk() {
    let gateway = TestGateway::start().await;
    let mut hearer = gateway.v3().await;
    let talk = Connect::v4().scopes(&["operator.talk"]);
    let mut talker = gateway.join(talk).await;
    let mode = talker.ok("talk.mode", json!({"enabled": true, "phase": "listening"})).await;
    let event = hearer.event(|frame| frame["event"] == "talk.mode").await;
    assert_eq!(event["payload"], mode);
    let mut reader = gateway.join(Connect::v4().scopes(&["operator.read"])).await;
    let error = reader.fails("talk.mode", json!({"enabled": true})).await;
    assert_eq!(error["details"]["missingScope"], "operator.talk");
    gateway.finish().await;
}

#[tokio::test]
async fn a_page_of_generation_3_can_talk_only_through_a_phone() {
    let gateway = TestGateway::start().await;
    let origin = format!("http://{}", gateway.address());
    let headers = [("origin", origin.as_str())];
    let mut page = Peer::open_with(gateway.address(), &headers).await.unwrap();
    let identity = Arc::new(DeviceIdentity::from_seed(&[4; 32]));
    page.connect(Connect::v3().client("webchat", "webchat").device(&identity)).await.unwrap();
    let error = page.fails("talk.mode", json!({"enabled": true})).await;
    assert_eq!(error, fixture("recorded-v3.json")["talk.mode"][0]["error"]);
    let identity = Arc::new(DeviceIdentity::from_seed(&[3; 32]));
    let phone = Connect::v4().client("node-host", "node").set("role", json!("node")).scopes(&[]);
    let _phone = gateway.join(phone.device(&identity)).await;
    assert_eq!(page.ok("talk.mode", json!({"enabled": true})).await["enabled"], true);
    gateway.finish().await;
}

#[tokio::test]
async fn the_talk_configuration_hides_keys_from_those_who_may_not_see_them() {
    let setup = Setup::new().await;
    let setup = setup.set("talk", json!({"voiceId": "v", "apiKey": "sk-talk-0123456789"}));
    let gateway = setup.set("ui", json!({"seamColor": "#ff0000"})).start().await;
    let mut reader = gateway.join(Connect::v4().scopes(&["operator.read"])).await;
    let shown = reader.ok("talk.config", json!({})).await;
    assert_eq!(shown["config"]["talk"]["voiceId"], "v");
    assert_eq!(shown["config"]["ui"]["seamColor"], "#ff0000");
    assert!(!shown.to_string().contains("sk-talk"), "{shown}");
    let error = reader.fails("talk.config", json!({"includeSecrets": true})).await;
    assert_eq!(error["details"]["missingScope"], "operator.talk.secrets");
    let scopes = ["operator.read", "operator.talk.secrets"];
    let mut voice = gateway.join(Connect::v4().scopes(&scopes)).await;
    let shown = voice.ok("talk.config", json!({"includeSecrets": true})).await;
    assert_eq!(shown["config"]["talk"]["apiKey"], "sk-talk-0123456789");
    gateway.finish().await;
}

#[tokio::test]
async fn the_gateway_is_the_same_device_after_a_restart_and_keeps_its_key() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let (first, second) = (
        peer.ok("gateway.identity.get", json!({})).await,
        peer.ok("gateway.identity.get", json!({})).await,
    );
    assert_eq!(first, second);
    assert_eq!(first.as_object().unwrap().len(), 2, "only what is public");
    let id = first["deviceId"].as_str().unwrap();
    assert!(id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let user = peer.ok("users.self", json!({})).await;
    assert_eq!(user["profile"]["id"], "gateway-owner");
    let gateway = gateway.restart().await;
    let mut peer = gateway.v4().await;
    assert_eq!(peer.ok("gateway.identity.get", json!({})).await, first);
    gateway.finish().await;
}

#[tokio::test]
async fn health_and_status_know_the_conversations_the_memory_and_the_time() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    assert_eq!(peer.ok("health", json!({})).await["sessions"]["count"], 0);
    peer.ok("sessions.patch", json!({"key": "main", "label": "One"})).await;
    let health = peer.ok("health", json!({})).await;
    for sessions in [&health["sessions"], &health["agents"][0]["sessions"]] {
        assert_eq!(sessions["count"], 1, "{health}");
        assert_eq!(sessions["recent"][0]["key"], "agent:main:main");
        assert!(sessions["recent"][0]["age"].as_i64().unwrap() >= 0);
    }
    let status = peer.ok("status", json!({})).await;
    assert_eq!(status["sessions"]["byAgent"][0]["count"], 1);
    assert!(status["processMemory"]["rssBytes"].as_u64().unwrap() > 1_000_000);
    assert!(status["uptimeMs"].is_u64());
    let info = peer.ok("system.info", json!({})).await;
    assert!(info["memoryTotalBytes"].as_u64().unwrap() > info["memoryFreeBytes"].as_u64().unwrap());
    assert!(info["diskTotalBytes"].as_u64().unwrap() > 0);
    assert_eq!(info["port"], gateway.address().port());
    gateway.finish().await;
}

#[tokio::test]
async fn a_restart_is_safe_only_while_nothing_is_under_way() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    assert_eq!(peer.ok("gateway.restart.preflight", json!({})).await["safe"], true);
    let gate = Gate::new();
    gateway.model.push(Script::text(["slow"]).hold(&gate));
    let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "r-1"});
    peer.ok("chat.send", send).await;
    let busy = peer.ok("gateway.restart.preflight", json!({})).await;
    assert_eq!((&busy["safe"], &busy["counts"]["totalActive"]), (&json!(false), &json!(1)));
    assert_eq!(busy["blockers"][0]["count"], 1);
    gate.open();
    peer.terminal("r-1").await;
    gateway.finish().await;
}

#[tokio::test]
async fn an_update_that_did_not_happen_is_not_reported_as_one() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let ran = peer.ok("update.run", json!({"note": "please"})).await;
    assert_eq!(ran["result"]["status"], "skipped");
    assert!(ran["result"]["reason"].as_str().unwrap().contains("Install the new version"));
    assert_eq!((&ran["restart"]["ok"], &ran["sentinel"]["path"]), (&json!(false), &Value::Null));
    assert_eq!(peer.ok("update.status", json!({})).await["updateAvailable"], Value::Null);
    gateway.finish().await;
}

/// Answers the wizard's present step.
async fn answer(peer: &mut Peer, id: &Value, step: &Value, value: Value) -> Value {
    let answer = json!({"stepId": step["id"], "value": value});
    peer.ok("wizard.next", json!({"sessionId": id, "answer": answer})).await
}

#[tokio::test]
async fn the_wizard_sets_up_a_provider_and_changes_nothing_before_the_last_answer() {
    let gateway = TestGateway::start().await;
    let before = std::fs::read_to_string(gateway.state().join("clawdbot.json")).unwrap();
    let mut peer = gateway.v4().await;
    let started = peer.ok("wizard.start", json!({"mode": "local"})).await;
    let id = &started["sessionId"];
    let busy = gateway.v3().await.fails("wizard.start", json!({})).await;
    assert_eq!(busy["message"], "wizard already running");
    let select = answer(&mut peer, id, &started["step"], json!(true)).await;
    assert_eq!(select["step"]["type"], "select");
    let wrong = answer(&mut peer, id, &select["step"], json!("nobody")).await;
    assert_eq!(
        (&wrong["step"]["id"], &wrong["status"]),
        (&select["step"]["id"], &json!("running"))
    );
    assert!(wrong["error"].is_string());
    let key = answer(&mut peer, id, &select["step"], json!("openai")).await;
    assert_eq!(key["step"]["sensitive"], true);
    let none = answer(&mut peer, id, &key["step"], json!("")).await;
    assert_eq!(none["error"], "openai needs an API key. Paste it here.");
    let model = answer(&mut peer, id, &key["step"], json!("sk-wizard-0123456789")).await;
    let chosen = model["step"]["options"][0]["value"].clone();
    let confirm = answer(&mut peer, id, &model["step"], chosen.clone()).await;
    let stale = json!({"stepId": model["step"]["id"], "value": chosen});
    let stale = peer.fails("wizard.next", json!({"sessionId": id, "answer": stale})).await;
    assert_eq!(stale["message"], "wizard: no pending step");
    let file = gateway.state().join("clawdbot.json");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    let done = answer(&mut peer, id, &confirm["step"], json!(true)).await;
    assert_eq!((&done["done"], &done["status"]), (&json!(true), &json!("done")));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("sk-wizard-0123456789") && text.starts_with("// written by hand"));
    let wanted = format!("openai/{}", chosen.as_str().unwrap());
    let agents = peer.ok("agents.list", json!({})).await;
    assert_eq!(agents["agents"][0]["model"]["primary"], wanted);
    let gone = peer.fails("wizard.status", json!({"sessionId": id})).await;
    assert_eq!(gone["details"]["code"], "WIZARD_NOT_FOUND");
    gateway.finish().await;
}

#[tokio::test]
async fn a_cancelled_wizard_makes_room_for_another() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let id = peer.ok("wizard.start", json!({})).await["sessionId"].take();
    let status = peer.ok("wizard.status", json!({"sessionId": id})).await;
    assert_eq!(status, json!({"status": "running"}));
    let cancelled = peer.ok("wizard.cancel", json!({"sessionId": id})).await;
    assert_eq!(cancelled, json!({"status": "cancelled", "error": "cancelled"}));
    let next = peer.ok("wizard.start", json!({})).await;
    assert_ne!(next["sessionId"], id);
    gateway.finish().await;
}

#[tokio::test]
async fn agents_come_change_and_go_and_the_first_one_stays() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let made = peer.ok("agents.create", json!({"name": "Tea Maker", "emoji": "🍵"})).await;
    assert_eq!(made["agentId"], "tea-maker");
    let again = peer.fails("agents.create", json!({"name": "tea maker"})).await;
    assert_eq!(again["message"], "agent \"tea-maker\" already exists");
    let list = peer.ok("agents.list", json!({})).await;
    let ids: Vec<_> = list["agents"].as_array().unwrap().iter().map(|a| &a["id"]).collect();
    assert_eq!(ids, ["main", "tea-maker"]);
    assert_eq!(list["defaultId"], "main");
    let update = json!({"agentId": "tea-maker", "name": "Brewer", "model": "fake/fake-model"});
    peer.ok("agents.update", update).await;
    let list = peer.ok("agents.list", json!({})).await;
    let identity = &list["agents"][1]["identity"];
    assert_eq!((&identity["name"], &identity["emoji"]), (&json!("Brewer"), &json!("🍵")));
    assert_eq!(list["agents"][1]["workspace"], made["workspace"]);

    let files = json!({"agentId": "tea-maker", "deleteFiles": true});
    let error = peer.fails("agents.delete", files).await;
    assert!(error["message"].as_str().unwrap().contains("deletes no files"), "{error}");
    let gone = peer.ok("agents.delete", json!({"agentId": "tea-maker"})).await;
    assert_eq!(gone, json!({"ok": true, "agentId": "tea-maker", "removedBindings": 0}));
    assert!(std::path::Path::new(made["workspace"].as_str().unwrap()).is_dir());
    let error = peer.fails("agents.delete", json!({"agentId": "main"})).await;
    assert_eq!(error["message"], "\"main\" cannot be deleted");
    let error = peer.fails("agents.delete", json!({"agentId": "tea-maker"})).await;
    assert_eq!(error["message"], "unknown agent id \"tea-maker\"");
    gateway.finish().await;
}

#[tokio::test]
async fn agents_of_an_included_file_are_left_alone() {
    let setup = Setup::new().await.set("agents", json!({"$include": "./agents.json5"}));
    let agents = "{ list: [{ id: 'main', model: 'fake/fake-model' }, { id: 'tea' }] }";
    std::fs::write(setup.state().join("agents.json5"), agents).unwrap();
    let gateway = setup.start().await;
    let mut peer = gateway.v4().await;
    let before = std::fs::read_to_string(gateway.state().join("clawdbot.json")).unwrap();
    for (method, params) in [
        ("agents.create", json!({"name": "cake"})),
        ("agents.update", json!({"agentId": "tea", "name": "Brewer"})),
        ("agents.delete", json!({"agentId": "tea"})),
    ] {
        let error = peer.fails(method, params).await;
        let told = "agents are configured in an included file; change them there";
        assert_eq!(error["message"], told, "{method}");
    }
    let after = std::fs::read_to_string(gateway.state().join("clawdbot.json")).unwrap();
    assert_eq!(after, before);
    gateway.finish().await;
}

/// FS-03, FS-05: only known names, only in the workspace, only by the owner, never through a link.
#[tokio::test]
async fn an_agents_files_are_read_and_written_in_its_workspace_only_fs_03() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let empty = peer.ok("agents.files.list", json!({"agentId": "main"})).await;
    assert!(empty["files"].as_array().unwrap().iter().all(|file| file["missing"] == true));
    let set = json!({"agentId": "main", "name": "SOUL.md", "content": "kind\n"});
    let written = peer.ok("agents.files.set", set.clone()).await;
    assert_eq!((&written["ok"], &written["file"]["content"]), (&json!(true), &json!("kind\n")));
    let got = peer.ok("agents.files.get", json!({"agentId": "main", "name": "SOUL.md"})).await;
    assert_eq!((&got["file"]["size"], &got["file"]["content"]), (&json!(5), &json!("kind\n")));
    for name in ["../clawdbot.json", "/etc/passwd", "notes.txt", "soul.md"] {
        let error = peer.fails("agents.files.get", json!({"agentId": "main", "name": name})).await;
        assert_eq!(error["message"], format!("unsupported file \"{name}\""));
    }
    let outside = gateway.state().join("outside.txt");
    std::fs::write(&outside, "canary").unwrap();
    let link = gateway.workspace().join("USER.md");
    std::os::unix::fs::symlink(&outside, &link).unwrap();
    let got = peer.ok("agents.files.get", json!({"agentId": "main", "name": "USER.md"})).await;
    assert_eq!((&got["file"]["missing"], got["file"].get("content")), (&json!(true), None));
    let replace = json!({"agentId": "main", "name": "USER.md", "content": "mine"});
    peer.ok("agents.files.set", replace).await;
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "canary");
    let mut writer = gateway.join(Connect::v4().scopes(&["operator.write"])).await;
    let error = writer.fails("agents.files.set", set).await;
    assert_eq!(error["message"], "missing scope: operator.admin");
    gateway.finish().await;
}

/// FS-03: a look into the workspace shows nothing beside it, whatever it is called.
#[tokio::test]
async fn a_workspace_can_be_looked_into_and_not_out_of_fs_03() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    let list = |path: &str| json!({"agentId": "main", "path": path});
    let nothing = peer.ok("agents.workspace.list", json!({"agentId": "main"})).await;
    assert_eq!(nothing["totalEntries"], 0);
    let workspace = gateway.workspace();
    std::fs::create_dir(workspace.join("notes")).unwrap();
    std::fs::write(workspace.join("notes/a.txt"), "a note").unwrap();
    std::fs::write(workspace.join("z.bin"), [0xff, 0x00]).unwrap();
    std::os::unix::fs::symlink(gateway.state(), workspace.join("state")).unwrap();
    let top = peer.ok("agents.workspace.list", json!({"agentId": "main", "limit": 1})).await;
    assert_eq!((&top["totalEntries"], &top["path"]), (&json!(2), &json!("")));
    assert_eq!(top["entries"][0]["kind"], "directory");
    let notes = peer.ok("agents.workspace.list", list("./notes/")).await;
    assert_eq!((&notes["path"], &notes["parentPath"]), (&json!("notes"), &json!("")));
    assert_eq!(notes["entries"][0]["path"], "notes/a.txt");
    let note = peer.ok("agents.workspace.get", list("notes/a.txt")).await;
    let file = &note["file"];
    assert_eq!((&file["content"], &file["encoding"]), (&json!("a note"), &json!("utf8")));
    let error = peer.fails("agents.workspace.get", list("z.bin")).await;
    assert_eq!(error["message"], "z.bin is neither text nor a picture");
    let config = gateway.state().join("clawdbot.json").display().to_string();
    for path in ["state", "..", "/etc", "notes/../..", "~"] {
        let error = peer.fails("agents.workspace.list", list(path)).await;
        assert_eq!(error["code"], "INVALID_REQUEST", "{path}");
    }
    for path in ["state/clawdbot.json", "../.clawdbot/clawdbot.json", config.as_str()] {
        let error = peer.fails("agents.workspace.get", list(path)).await;
        assert!(!error.to_string().contains(clawdbot_tests::TOKEN), "{path}");
    }
    gateway.finish().await;
}

#[tokio::test]
async fn models_are_listed_as_the_caller_wants_to_see_them() {
    let aliases = json!({"fake/fake-model": {"alias": "quick"}});
    let setup = Setup::new().await.set("agents.defaults.models", aliases);
    let gateway = setup.start().await;
    let mut peer = gateway.v4().await;
    let all = peer.ok("models.list", json!({"view": "all", "includeDetails": true})).await;
    let configured =
        json!({"view": "configured", "sessionKey": "agent:main:main", "agentId": "main"});
    let configured = peer.ok("models.list", configured).await;
    let ids = |list: &Value| -> Vec<String> {
        let rows = list["models"].as_array().unwrap().iter();
        rows.map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&configured), ["fake-model"]);
    assert!(ids(&all).len() > 1, "the demonstration model is among all");
    assert_eq!(configured["models"][0]["tags"], json!(["default"]));
    assert_eq!(configured["models"][0]["alias"], "quick");
    let error = peer.fails("models.list", json!({"view": "none"})).await;
    assert_eq!(error["code"], "INVALID_REQUEST");
    let error = peer.fails("models.list", json!({"agentId": "ghost"})).await;
    assert_eq!(error["message"], "unknown agent id \"ghost\"");
    let auth = peer.ok("models.authStatus", json!({})).await;
    assert_eq!(auth["providers"][0]["apiKey"], json!({"source": "config"}));
    assert_eq!(auth["providers"].as_array().unwrap().len(), 1);
    gateway.finish().await;
}

#[tokio::test]
async fn a_provider_is_asked_one_small_question() {
    let gateway = TestGateway::start().await;
    let mut peer = gateway.v4().await;
    gateway.model.push(Script::text(["OK"]));
    let probed = peer.ok("models.probe", json!({"provider": "fake"})).await;
    assert_eq!(probed["status"], "ok");
    assert_eq!(probed["results"][0]["model"], "fake-model");
    assert!(probed["latencyMs"].as_u64().unwrap() < 20_000);
    let asked = gateway.model.requests().pop().unwrap();
    assert_eq!(asked["messages"].as_array().unwrap().len(), 1);

    gateway.model.push(Script::error(401, "wrong key"));
    let probed = peer.ok("models.probe", json!({"provider": "fake"})).await;
    assert_eq!(probed["status"], "error");
    assert!(probed["error"].as_str().unwrap().contains("apiKey"), "{probed}");

    gateway.model.push(Script::default().stall());
    let stalled = json!({"provider": "fake", "model": "other", "timeoutMs": 50});
    let probed = peer.ok("models.probe", stalled).await;
    assert_eq!(probed["results"][0]["model"], "other");
    assert!(probed["error"].as_str().unwrap().contains("did not answer"), "{probed}");

    let probed = peer.ok("models.probe", json!({"provider": "openai", "model": "x"})).await;
    assert!(probed["error"].as_str().unwrap().contains("Unknown provider"), "{probed}");
    let error = peer.fails("models.probe", json!({"provider": "nobody"})).await;
    assert_eq!(error["code"], "INVALID_REQUEST");
    gateway.finish().await;
}

#[tokio::test]
async fn effective_tools_are_those_a_run_gets() {
    let gateway = TestGateway::start().await;
    gateway.workspace();
    let mut peer = gateway.v4().await;
    gateway.model.push(Script::text(["hello"]));
    let send = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "r-1"});
    peer.ok("chat.send", send).await;
    peer.terminal("r-1").await;
    let request = gateway.model.requests().pop().unwrap();
    let mut given: Vec<_> = request["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["function"]["name"].clone())
        .collect();
    let effective = peer.ok("tools.effective", json!({"sessionKey": "agent:main:main"})).await;
    let groups = effective["groups"].as_array().unwrap();
    let mut told: Vec<_> = groups
        .iter()
        .flat_map(|g| g["tools"].as_array().unwrap())
        .map(|t| t["id"].clone())
        .collect();
    given.sort_by_key(Value::to_string);
    told.sort_by_key(Value::to_string);
    assert_eq!(told, given);
    gateway.finish().await;
}
