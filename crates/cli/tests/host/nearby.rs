//! `gateway probe` and what others announce on this network.

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::process::Command;
use std::time::Duration;

use mdns_sd::{ServiceDaemon, ServiceInfo};

use crate::home::{Home, TOKEN};

/// Says that this process is in a network of its own.
const APART: &str = "CLAWDBOT_TEST_APART";

/// The address of this computer in a private network, where plain text may go.
fn own_address() -> Option<Ipv4Addr> {
    if_addrs::get_if_addrs().unwrap().iter().find_map(|at| match at.ip() {
        IpAddr::V4(ip) if ip.is_private() => Some(ip),
        _ => None,
    })
}

/// Runs a test again in a network of its own; false where there can be none.
fn in_a_private_network(test: &str) -> bool {
    let network = "ip link set lo up && ip link add d0 type veth peer name d1 && ip addr add 10.77.0.1/24 dev d0 \
        && ip link set d1 up && ip link set d0 up && ip route add 224.0.0.0/4 dev d0 && echo NETWORK && exec \"$@\"";
    let program = std::env::current_exe().unwrap();
    let mut unshare = Command::new("timeout");
    unshare.args(["--kill-after=5", "180", "unshare", "--net", "--kill-child"]);
    unshare.args(["sh", "-c", network, "sh"]).env(APART, "yes");
    let done = unshare.arg(program).args(["--exact", test]).output();
    let Ok(done) = done else { return false };
    let shown = String::from_utf8_lossy(&done.stdout);
    let there = shown.contains("NETWORK");
    assert!(!there || done.status.success(), "{shown}");
    there
}

#[test]
fn an_announcement_is_a_new_entry_and_hears_no_secret_ts_04_ts_05() {
    // Nothing of this is to be heard in the network that this computer is in.
    let apart = std::env::var_os(APART).and_then(|_| own_address());
    let Some(ip) = apart else {
        let test = "nearby::an_announcement_is_a_new_entry_and_hears_no_secret_ts_04_ts_05";
        if !in_a_private_network(test) {
            eprintln!("skipped: there is no private network here");
        }
        return;
    };
    // Somebody pretends to be the gateway that is saved here.
    let trap = TcpListener::bind((ip, 0)).unwrap();
    let port = trap.local_addr().unwrap().port();
    trap.set_nonblocking(true).unwrap();
    let home = Home::configured();
    home.config(&format!(
        "{{ gateway: {{ mode: 'remote', auth: {{ token: '{TOKEN}' }}, remote: {{ url: 'ws://saved.invalid:18789', token: 'remote-{TOKEN}' }} }} }}"
    ));
    let daemon = ServiceDaemon::new().unwrap();
    let txt = [("lanHost", "saved.invalid"), ("tailnetDns", "saved.invalid"), ("gatewayTls", "1")];
    let service = ServiceInfo::new(
        "_openclaw-gw._tcp.local.",
        "saved.invalid<b>\u{1b}[31m",
        "saved.local.",
        IpAddr::V4(ip),
        port,
        &txt[..],
    );
    daemon.register(service.unwrap()).unwrap();
    let url = format!("ws://{ip}:{port}");
    let found = crate::home::soon("the announcement is found", || {
        let shown = home.run(&["gateway", "probe", "--json"]);
        let found: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
        assert!(!shown.out.contains('\u{1b}'));
        found["gateways"].as_array()?.iter().find(|row| row["url"] == url.as_str()).cloned()
    });
    assert_eq!((&found["place"], &found["connected"]), (&"mdns".into(), &false.into()));
    assert_eq!(found["name"], "saved.invalid<b>[31m");
    // The caller has gone, so that this is all it said.
    let (mut stream, _) = crate::home::soon("it is called", || trap.accept().ok());
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard);
    let heard = String::from_utf8_lossy(&heard);
    assert!(heard.starts_with("GET / HTTP/1.1"), "it was called: {heard:?}");
    assert!(!heard.contains(TOKEN) && !heard.contains("publicKey"), "{heard:?}");
    let _ = daemon.shutdown();
}
