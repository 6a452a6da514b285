//! The tunnel against a real `sshd`.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clawdbot_client::{Client, ConnectOptions, Credential, Dialer};
use clawdbot_remote::front_door::{FarEnd, FrontDoor};
use clawdbot_remote::ssh::{Kind, Question, Questions, Spec, Status, Trouble, Tunnel};
use clawdbot_tests::{Gate, PASSPHRASE, Script, Sshd, TOKEN, TestGateway, soon};
use rustix::process::Signal;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const HELPER: &str = env!("CARGO_BIN_EXE_ssh-helper-under-test");

fn open(sshd: &Sshd, spec: Spec) -> (Tunnel, Questions) {
    Tunnel::start(sshd.ssh(HELPER), spec).unwrap()
}

async fn reached(
    status: &mut watch::Receiver<Status>,
    wanted: impl FnMut(&Status) -> bool,
) -> Status {
    soon("the status", status.wait_for(wanted)).await.unwrap().clone()
}

async fn up(tunnel: &Tunnel) {
    reached(&mut tunnel.status(), |status| matches!(status, Status::Up { .. })).await;
}

async fn failure(tunnel: &Tunnel) -> Trouble {
    let failed = reached(&mut tunnel.status(), |status| matches!(status, Status::Failed(_))).await;
    let Status::Failed(trouble) = failed else { unreachable!() };
    trouble
}

async fn question(questions: &mut Questions) -> Question {
    soon("a question", questions.recv()).await.unwrap()
}

fn yes() -> Option<zeroize::Zeroizing<String>> {
    Some("yes".to_owned().into())
}

/// Whether a gateway sends its challenge there.
async fn greets(dialer: &Dialer) -> bool {
    let mut options = clawdbot_client::ConnectOptions::new("ws://127.0.0.1:18789");
    options.dialer = Some(dialer.clone());
    options.timeout = Duration::from_secs(5);
    clawdbot_client::knock(&options).await.is_ok()
}

/// Processes with this text in their arguments.
fn running(text: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let arguments = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    arguments.filter(|line| String::from_utf8_lossy(line).contains(text)).count()
}

async fn gone(text: &str) {
    soon("the end of ssh", async {
        while running(text) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_gateway_answers_through_a_private_socket() {
    let (sshd, gateway) = (Sshd::start().await, TestGateway::start().await);
    let (tunnel, _questions) = open(&sshd, sshd.spec(gateway.address().port()));
    up(&tunnel).await;
    assert!(greets(&tunnel.dialer()).await);
    // Nobody else gets at it (LOC-01).
    let scratch = std::fs::read_dir(sshd.file("")).unwrap().flatten();
    let scratch = scratch.map(|entry| entry.path()).find(|path| path.join("t").exists()).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&scratch), mode(&scratch.join("t"))), (0o700, 0o600));
    // Nothing of the product's secrets is in its environment or arguments (LOC-02, SSH-07).
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let read = |name| std::fs::read(entry.path().join(name)).unwrap_or_default();
        let arguments = read("cmdline");
        if String::from_utf8_lossy(&arguments).contains(sshd.file("config").to_str().unwrap()) {
            let all = [arguments, read("environ")].concat();
            assert!(!String::from_utf8_lossy(&all).contains("canary-token"));
        }
    }
    tunnel.stop();
    reached(&mut tunnel.status(), |status| *status == Status::Paused).await;
    gone(sshd.file("config").to_str().unwrap()).await;
    tunnel.retry_now();
    up(&tunnel).await;
    drop(tunnel);
    gone(sshd.file("config").to_str().unwrap()).await;
    assert!(!scratch.exists());
    gateway.finish().await;
}

#[tokio::test]
async fn an_unknown_host_key_is_shown_and_asked_about_once_ssh_03() {
    let (sshd, gateway) = (Sshd::unknown().await, TestGateway::start().await);
    let spec = sshd.spec(gateway.address().port());
    let (tunnel, mut questions) = open(&sshd, spec.clone());
    let asked = question(&mut questions).await;
    let shown = Command::new("ssh-keygen").arg("-lf").arg(sshd.file("host.pub")).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let key = asked.key.clone().unwrap();
    let (fingerprint, machine) = (key.fingerprint, key.machine.unwrap());
    assert!(shown.contains(&fingerprint), "{shown} {fingerprint}");
    assert!(machine.starts_with(&format!("[127.0.0.1]:{}", sshd.address().port())), "{machine}");
    assert_eq!(key.algorithm.as_deref(), Some("ED25519"));
    assert_eq!((asked.kind, asked.host.as_str()), (Kind::HostKey, "box"));
    // Declined, nothing is kept.
    asked.answer(None);
    assert_eq!(failure(&tunnel).await, Trouble::HostKeyUnknown { fingerprint: Some(fingerprint) });
    assert!(!std::fs::read_to_string(sshd.file("known_hosts")).unwrap_or_default().contains("ssh"));
    tunnel.retry_now();
    question(&mut questions).await.answer(yes());
    up(&tunnel).await;
    drop(tunnel);
    let (again, mut questions) = open(&sshd, spec);
    up(&again).await;
    assert!(questions.try_recv().is_err());
    gateway.finish().await;
}

#[tokio::test]
async fn an_ipv6_address_is_a_destination_ssh_01() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return; // this computer has no such addresses
    }
    let sshd = Sshd::configured("ListenAddress ::1").await;
    let gateway = TestGateway::start().await;
    let spec = Spec {
        destination: format!("root@[::1]:{}", sshd.address().port()).parse().unwrap(),
        identity: Some(sshd.file("id").to_str().unwrap().parse().unwrap()),
        remote_port: gateway.address().port(),
    };
    let (tunnel, mut questions) = open(&sshd, spec);
    // Its key is known under the other address only.
    question(&mut questions).await.answer(yes());
    up(&tunnel).await;
    assert!(greets(&tunnel.dialer()).await);
    gateway.finish().await;
}

#[tokio::test]
async fn a_changed_host_key_is_the_end_ssh_03() {
    let mut sshd = Sshd::start().await;
    sshd.restart("other-host", "").await;
    let (tunnel, mut questions) = open(&sshd, sshd.spec(1));
    let trouble = failure(&tunnel).await;
    assert_eq!(trouble.code(), "SSH_HOST_KEY_CHANGED");
    assert!(questions.try_recv().is_err(), "nobody may be asked to accept it");
    // What a person copies from the remedy does what it says: the old key is gone from the file it is in.
    let remedy = trouble.remedy();
    let command = remedy.split_once("again: ").unwrap().1;
    let known = std::fs::read_to_string(sshd.file("known_hosts")).unwrap();
    assert!(known.contains("127.0.0.1"), "{known}");
    let ran = Command::new("sh").arg("-c").arg(command).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let known = std::fs::read_to_string(sshd.file("known_hosts")).unwrap();
    assert!(!known.contains("127.0.0.1"), "{known}");
}

#[tokio::test]
async fn a_passphrase_is_asked_once_and_kept_for_the_next_connection_ssh_07() {
    let (sshd, gateway) = (Sshd::start().await, TestGateway::start().await);
    let identity = sshd.file("locked").to_str().unwrap().parse().unwrap();
    let spec = Spec {
        destination: format!("root@127.0.0.1:{}", sshd.address().port()).parse().unwrap(),
        identity: Some(identity),
        remote_port: gateway.address().port(),
    };
    let (tunnel, mut questions) = open(&sshd, spec);
    let wrong = question(&mut questions).await;
    assert_eq!(wrong.kind, Kind::Passphrase);
    wrong.answer(Some("not this".to_owned().into()));
    question(&mut questions).await.answer(Some(PASSPHRASE.to_owned().into()));
    up(&tunnel).await;
    tunnel.stop();
    reached(&mut tunnel.status(), |status| *status == Status::Paused).await;
    tunnel.retry_now();
    up(&tunnel).await;
    assert!(questions.try_recv().is_err(), "it was known");
    assert!(greets(&tunnel.dialer()).await);
    gateway.finish().await;
}

#[tokio::test]
async fn a_question_that_is_not_answered_ends_the_attempt() {
    let sshd = Sshd::start().await;
    sshd.configure(" IdentitiesOnly yes");
    let spec = Spec {
        identity: Some(sshd.file("locked").to_str().unwrap().parse().unwrap()),
        ..sshd.spec(1)
    };
    std::fs::remove_file(sshd.file("id")).unwrap();
    let (tunnel, mut questions) = open(&sshd, spec);
    question(&mut questions).await.answer(None);
    assert_eq!(failure(&tunnel).await, Trouble::Declined);
}

#[tokio::test]
async fn an_alias_with_forwards_and_commands_of_its_own_does_no_harm_ssh_04() {
    let (sshd, gateway) = (Sshd::start().await, TestGateway::start().await);
    let port = gateway.address().port();
    let trace = sshd.file("trace");
    // As the tutorials teach it: the forward collides with what listens here already.
    sshd.configure(&format!(
        " LocalForward {port} 127.0.0.1:{port}\n ExitOnForwardFailure yes\n ForwardAgent yes\n \
         PermitLocalCommand yes\n LocalCommand touch {0}\n RemoteCommand touch {0}\n \
         ControlMaster auto\n ControlPath {1}\n ControlPersist yes\n StrictHostKeyChecking no",
        trace.display(),
        sshd.file("mux").display(),
    ));
    let (tunnel, _questions) = open(&sshd, sshd.spec(port));
    up(&tunnel).await;
    assert!(greets(&tunnel.dialer()).await);
    assert!(!trace.exists() && !sshd.file("mux").exists());
    drop(tunnel);
    gone(sshd.file("config").to_str().unwrap()).await;
    gateway.finish().await;
}

#[tokio::test]
async fn a_jump_host_of_the_alias_is_on_the_way() {
    let (sshd, gateway) = (Sshd::start().await, TestGateway::start().await);
    let jump = |port: u16| {
        let id = sshd.file("id");
        let host = format!("Host jump\n HostName 127.0.0.1\n Port {port}\n User root");
        sshd.configure(&format!(" ProxyJump jump\n{host}\n IdentityFile {}", id.display()));
        open(&sshd, sshd.spec(gateway.address().port()))
    };
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (tunnel, _questions) = jump(nobody.port());
    let waits = |status: &Status| matches!(status, Status::Waiting { .. });
    reached(&mut tunnel.status(), waits).await;
    drop(tunnel);
    let (tunnel, _questions) = jump(sshd.address().port());
    up(&tunnel).await;
    assert!(greets(&tunnel.dialer()).await);
    drop(tunnel);
    gone(sshd.file("config").to_str().unwrap()).await;
    gateway.finish().await;
}

#[tokio::test]
async fn a_passphrase_for_two_machines_is_asked_for_once_and_told_as_wrong_only_if_it_is() {
    let (sshd, gateway) = (Sshd::start().await, TestGateway::start().await);
    let locked = sshd.file("locked");
    sshd.configure(&format!(
        " IdentitiesOnly yes\n ProxyJump jump\nHost jump\n HostName 127.0.0.1\n Port {}\n User root\n \
         IdentitiesOnly yes\n IdentityFile {}",
        sshd.address().port(),
        locked.display()
    ));
    let spec = Spec {
        identity: Some(locked.to_str().unwrap().parse().unwrap()),
        ..sshd.spec(gateway.address().port())
    };
    std::fs::remove_file(sshd.file("id")).unwrap();
    let (tunnel, mut questions) = open(&sshd, spec);
    let wrong = question(&mut questions).await;
    assert_eq!((wrong.kind, wrong.again), (Kind::Passphrase, false));
    wrong.answer(Some("not this".to_owned().into()));
    let again = question(&mut questions).await;
    assert!(again.again);
    again.answer(Some(PASSPHRASE.to_owned().into()));
    up(&tunnel).await;
    assert!(questions.try_recv().is_err(), "the second machine got the same answer");
    assert!(greets(&tunnel.dialer()).await);
    gateway.finish().await;
}

#[tokio::test]
async fn troubles_have_names_and_only_some_are_tried_again() {
    let mut sshd = Sshd::start().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let to = |text: String| Spec { destination: text.parse().unwrap(), ..sshd.spec(nobody.port()) };
    let waiting = async |spec: Spec, sshd: &Sshd| {
        let (tunnel, _questions) = open(sshd, spec);
        let waits = |status: &Status| matches!(status, Status::Waiting { .. });
        match reached(&mut tunnel.status(), waits).await {
            Status::Waiting { trouble, delay } => {
                assert!((1..3).contains(&delay.as_secs()), "{delay:?}");
                trouble
            }
            _ => unreachable!(),
        }
    };
    let refused = waiting(to(format!("root@127.0.0.1:{}", nobody.port())), &sshd).await;
    assert_eq!(refused, Trouble::Refused);
    assert_eq!(waiting(to("root@no-such-host.invalid".into()), &sshd).await, Trouble::Name);
    // The tunnel stands, and its far end does not.
    let up_with = async |sshd: &Sshd| {
        let (tunnel, _questions) = open(sshd, sshd.spec(nobody.port()));
        up(&tunnel).await;
        assert!(!greets(&tunnel.dialer()).await);
        let has = |status: &Status| matches!(status, Status::Up { trouble: Some(_), .. });
        match reached(&mut tunnel.status(), has).await {
            Status::Up { trouble, .. } => trouble.unwrap(),
            _ => unreachable!(),
        }
    };
    assert_eq!(up_with(&sshd).await, Trouble::GatewayPort);
    sshd.restart("host", "AllowTcpForwarding no").await;
    assert_eq!(up_with(&sshd).await, Trouble::ForwardRefused);
    // A key that others can read, and one that opens nothing.
    std::fs::set_permissions(sshd.file("id"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let (tunnel, _questions) = open(&sshd, sshd.spec(1));
    assert_eq!(failure(&tunnel).await, Trouble::IdentityPermissions);
    std::fs::set_permissions(sshd.file("id"), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(sshd.file("authorized_keys"), "").unwrap();
    let (tunnel, _questions) = open(&sshd, sshd.spec(1));
    assert_eq!(failure(&tunnel).await, Trouble::Denied);
}

#[tokio::test]
async fn a_killed_parent_leaves_nothing_behind_ssh_08() {
    let sshd = Sshd::start().await;
    let config = sshd.file("config");
    let mut holder = Command::new(HELPER)
        .args([config.as_os_str(), sshd.file("").as_os_str(), "1".as_ref()])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let scratch = || {
        let entries = std::fs::read_dir(sshd.file("")).unwrap().flatten();
        entries
            .map(|entry| entry.path())
            .filter(|path| path.join("ask").exists())
            .collect::<Vec<_>>()
    };
    soon("the tunnel", async {
        while !scratch().iter().any(|dir| dir.join("t").exists()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let begun = Instant::now();
    holder.kill().unwrap();
    holder.wait().unwrap();
    gone(config.to_str().unwrap()).await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    // The next start clears up and works.
    let left = scratch();
    let (tunnel, _questions) = open(&sshd, sshd.spec(1));
    up(&tunnel).await;
    assert!(left.iter().all(|dir| !dir.exists()), "{left:?}");
}

fn through(door: SocketAddr) -> ConnectOptions {
    let mut options = ConnectOptions::new(format!("ws://{door}"));
    options.client.id = "cli".to_owned();
    options.client.mode = "cli".to_owned();
    options.credential = Some(Credential::Token(TOKEN.to_owned()));
    options
}

async fn connected(door: SocketAddr) -> Client {
    loop {
        if let Ok(connected) = Client::connect(through(door)).await {
            return connected.client;
        }
    }
}

/// Ends every pause of the tunnel at once.
async fn never_wait<T>(tunnel: &Tunnel) -> T {
    let mut status = tunnel.status();
    loop {
        status.wait_for(|status| matches!(status, Status::Waiting { .. })).await.unwrap();
        tunnel.retry_now();
        status.changed().await.unwrap();
    }
}

#[tokio::test]
async fn nothing_is_lost_when_sessions_are_killed_during_an_answer() {
    const DROPS: usize = 100;
    let (sshd, gateway) = (Sshd::start().await, TestGateway::start().await);
    let gate = Gate::new();
    gateway.model.push(Script::text(["the beginning, "]).hold(&gate).say("the end"));
    let (tunnel, _questions) = open(&sshd, sshd.spec(gateway.address().port()));
    let door =
        FrontDoor::bind(([127, 0, 0, 1], 0).into(), clawdbot_gateway::webchat).await.unwrap();
    let far = format!("ws://{}", gateway.address());
    door.lead_to(Some(FarEnd::new(tunnel.dialer(), &far, "far".into()).unwrap()));
    let first = Client::connect(through(door.address())).await.unwrap();
    let message = json!({"sessionKey": "main", "message": "m", "idempotencyKey": "k"});
    first.client.request("chat.send", &message).await.unwrap();
    let mut client = first.client;
    for drop in 1..=DROPS {
        assert!(sshd.signal_sessions(Signal::KILL) > 0, "drop {drop}");
        soon("the end of the connection", client.closed()).await;
        client = soon("the way back", async {
            tokio::select! {
                client = connected(door.address()) => client,
                // Delays that grow are not what this is about.
                never = never_wait(&tunnel) => never,
            }
        })
        .await;
        let history = client.request("chat.history", &json!({"sessionKey": "main"})).await.unwrap();
        assert_eq!(history["inFlightRun"]["text"], "the beginning, ", "drop {drop}");
    }
    gate.open();
    soon("the end of the run", async {
        loop {
            let history = client.request("chat.history", &json!({"sessionKey": "main"})).await;
            let messages = history.unwrap()["messages"].clone();
            if messages[1]["content"][0]["text"] == "the beginning, the end" {
                return;
            }
        }
    })
    .await;
    // The message was worked on once.
    assert_eq!(gateway.model.requests().len(), 1);
    gateway.finish().await;
}

#[tokio::test]
async fn a_frozen_server_is_noticed_and_a_stolen_port_is_no_way_in_ssh_05() {
    let (sshd, gateway) = (Sshd::start().await, TestGateway::start().await);
    let (tunnel, _questions) = open(&sshd, sshd.spec(gateway.address().port()));
    up(&tunnel).await;
    let begun = Instant::now();
    sshd.signal_sessions(Signal::STOP);
    let mut status = tunnel.status();
    let lost = tokio::time::timeout(
        Duration::from_secs(30),
        status.wait_for(|status| matches!(status, Status::Waiting { trouble: Trouble::Lost, .. })),
    );
    lost.await.unwrap().unwrap();
    assert!(begun.elapsed().as_secs() >= 14, "{:?}", begun.elapsed());
    // Another program sits down on every port it can think of; the tunnel does not end in one.
    let thief = TcpListener::bind("127.0.0.1:0").await.unwrap();
    sshd.configure(&format!(" LocalForward {} 127.0.0.1:1", thief.local_addr().unwrap().port()));
    up(&tunnel).await;
    assert!(greets(&tunnel.dialer()).await);
    assert!(tokio::time::timeout(Duration::from_millis(1), thief.accept()).await.is_err());
    let _ = TcpStream::connect(thief.local_addr().unwrap()).await;
    gateway.finish().await;
}
