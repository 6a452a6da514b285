//! Why a gateway does not start, in words a person can act on.

use clawdbot_config::{Bind, Secret};
use clawdbot_gateway::{Listen, StartError};
use clawdbot_tests::{Connect, Setup, TOKEN, TestGateway};
use serde_json::json;

/// Why it does not start with the configuration that was set up.
async fn refusal(setup: Setup) -> StartError {
    setup.write();
    setup.refusal().await
}

#[tokio::test]
async fn a_broken_configuration_is_named_and_left_alone() {
    let setup = Setup::new().await;
    let path = setup.state().join("clawdbot.json");
    let copy = setup.state().join("clawdbot.json.last-good");
    std::fs::write(&copy, "{gateway: {mode: 'local'}}").unwrap();
    let text = "{\n  gateway: {\n    port: \"many\", // typo\n    mode: 'local',\n  },\n}\n";
    std::fs::write(&path, text).unwrap();
    let error = setup.refusal().await;
    assert_eq!(error.code(), "CONFIG_INVALID");
    let message = error.to_string();
    let problem = "line 3, column 11: gateway.port: expected a whole number from 1 to 65535";
    assert!(message.contains(problem), "{message}");
    assert!(message.contains("left unchanged"), "{message}");
    let offer = format!("cp '{}' '{}'", copy.display(), path.display());
    assert!(message.contains(&offer), "{message}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert_eq!(std::fs::read_to_string(&copy).unwrap(), "{gateway: {mode: 'local'}}");
}

#[tokio::test]
async fn an_app_that_comes_after_a_headless_start_completes_the_configuration() {
    let setup = Setup::new().await.options(|options| {
        options.configure_locally = true;
        options.allow_unconfigured = false;
    });
    let path = setup.state().join("clawdbot.json");
    let text = format!("{{ gateway: {{ auth: {{ token: '{TOKEN}' }} }} /* mine */ }}");
    std::fs::write(&path, text).unwrap();
    let gateway = setup.start_as_is().await;
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.contains("local") && written.contains("/* mine */"), "{written}");
    gateway.v4().await;
    gateway.finish().await;
}

#[tokio::test]
async fn text_that_is_no_json5_is_named_with_its_place() {
    let setup = Setup::new().await;
    let path = setup.state().join("clawdbot.json");
    std::fs::write(&path, "{\n  gateway: {,\n}").unwrap();
    let error = setup.refusal().await;
    assert!(error.to_string().contains("line 2, column 13"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\n  gateway: {,\n}");
}

#[tokio::test]
async fn the_holder_of_a_port_is_named() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let setup = Setup::new().await.options(|options| options.listen = Listen::Port(port));
    let error = refusal(setup).await;
    assert_eq!(error.code(), "PORT_TAKEN");
    let message = error.to_string();
    assert!(message.contains(&format!("127.0.0.1:{port}")), "{message}");
    assert!(message.contains(&format!("pid {}", std::process::id())), "{message}");
    let program = std::env::current_exe().unwrap();
    assert!(message.contains(program.to_str().unwrap()), "{message}");
    drop(holder);
    let setup = Setup::new().await.options(|options| options.listen = Listen::Port(port));
    setup.start().await.finish().await;
}

#[tokio::test]
async fn one_gateway_per_state_directory() {
    let gateway = TestGateway::start().await;
    let env = [
        ("HOME", gateway.gateway.paths().home.to_str().unwrap()),
        ("CLAWDBOT_SKIP_PROVIDERS", "1"),
    ];
    let env: clawdbot_config::Env = env.into_iter().collect();
    let second = clawdbot_gateway::Gateway::builder(gateway.gateway.paths().clone(), env)
        .options(clawdbot_gateway::Options { listen: Listen::Port(0), ..Default::default() })
        .start()
        .await;
    let Err(error) = second else { panic!("it started") };
    assert_eq!(error.code(), "ALREADY_RUNNING");
    let message = error.to_string();
    assert!(message.contains(&format!("pid {}", std::process::id())), "{message}");
    assert!(message.contains(&gateway.address().to_string()), "{message}");
    gateway.v4().await;
    gateway.finish().await;
}

#[tokio::test]
async fn a_gateway_without_a_mode_says_how_to_set_it() {
    let setup = Setup::new().await.set("gateway", json!({"auth": {"token": TOKEN}}));
    let error = refusal(setup).await;
    assert_eq!(error.code(), "MODE_NOT_LOCAL");
    assert!(error.to_string().contains("--allow-unconfigured"), "{error}");
}

#[tokio::test]
async fn exposure_without_a_good_secret_is_refused_prx_07_ws_03() {
    let lan = async |auth| {
        let setup = Setup::new().await.set("gateway.auth", auth);
        setup.options(|options| options.bind = Some(Bind::Lan))
    };
    let error = refusal(lan(json!({"mode": "none"})).await).await;
    assert_eq!(error.code(), "EXPOSED_WITHOUT_AUTH");
    let message = error.to_string();
    assert!(message.contains("lan") && message.contains("gateway.auth.token"), "{message}");
    for weak in ["changeme", "short"] {
        let error = refusal(lan(json!({"mode": "token", "token": weak})).await).await;
        assert_eq!(error.code(), "WEAK_SECRET", "{weak}");
        assert!(!error.to_string().contains(weak), "{error}");
    }
    // A proxy and a token, in the document or from the command line.
    let proxy = json!({"mode": "trusted-proxy", "trustedProxy": {"userHeader": "x-user"}});
    let proxies = json!(["10.0.0.1"]);
    let proxied = async || lan(proxy.clone()).await.set("gateway.trustedProxies", proxies.clone());
    let both = proxied().await.set("gateway.auth.token", json!(TOKEN));
    let error = refusal(both).await;
    assert_eq!(error.code(), "CONFIG_INVALID");
    let message = error.to_string();
    assert!(
        message.contains("trusted-proxy") && message.contains("gateway.auth.token"),
        "{message}"
    );
    let both = proxied().await.options(|options| options.token = Some(Secret::new(TOKEN)));
    assert_eq!(refusal(both).await.code(), "TWO_WAYS_IN");
    let both = proxied().await.env("CLAWDBOT_GATEWAY_PASSWORD", "some password");
    assert_eq!(refusal(both).await.code(), "TWO_WAYS_IN");
    proxied().await.start().await.finish().await;
    // A blank secret is none, and none is made up for others to be told.
    let blank = lan(json!({"mode": "token", "token": " ".repeat(32)})).await;
    assert_eq!(refusal(blank).await.code(), "EXPOSED_WITHOUT_AUTH");
    // The twin: a long random secret may be exposed.
    let strong = "Zk3v9Qm1Xw7Rt5Yb2Nc8Lp4Hd6Jf0Ga";
    let gateway = lan(json!({"mode": "token", "token": strong})).await.start().await;
    assert!(gateway.gateway.status().borrow().address.unwrap().ip().is_unspecified());
    gateway.finish().await;
}

#[tokio::test]
async fn a_first_start_makes_a_secret_and_keeps_it() {
    let setup = Setup::new().await.options(|options| options.configure_locally = true);
    let config = setup.home().join(".clawdbot/clawdbot.json");
    setup.state();
    let gateway = setup.start_as_is().await;
    let text = std::fs::read_to_string(&config).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let token = document["gateway"]["auth"]["token"].as_str().unwrap();
    assert_eq!(token.len(), 43);
    let refused = gateway.peer().await.connect(Connect::v4()).await.unwrap_err();
    assert_eq!(refused.code, 1008);
    gateway.join(Connect::v4().auth(json!({"token": token}))).await;
    gateway.finish().await;
}

#[tokio::test]
async fn a_flag_wins_over_the_configured_secret() {
    let setup = Setup::new()
        .await
        .options(|options| options.token = Some(Secret::new("from-the-command-line")));
    let gateway = setup.start().await;
    gateway.join(Connect::v4().auth(json!({"token": "from-the-command-line"}))).await;
    assert_eq!(gateway.peer().await.connect(Connect::v4()).await.unwrap_err().code, 1008);
    gateway.finish().await;
}

#[tokio::test]
async fn auto_and_tailnet_stay_on_this_machine_where_that_is_all_there_is() {
    for bind in ["auto", "tailnet"] {
        let strong = json!("Zk3v9Qm1Xw7Rt5Yb2Nc8Lp4Hd6Jf0Ga");
        let setup = Setup::new().await.set("gateway.bind", json!(bind));
        let gateway = setup.set("gateway.auth.token", strong).start().await;
        let std::net::IpAddr::V4(ip) = gateway.address().ip() else { panic!("IPv6") };
        let [first, second, ..] = ip.octets();
        let in_tailnet = first == 100 && (64..128).contains(&second);
        assert!(ip.is_loopback() || (bind == "tailnet" && in_tailnet), "{bind}: {ip}");
        gateway.finish().await;
    }
}
