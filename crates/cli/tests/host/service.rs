//! The gateway as a service: against a real `systemd --user` where a test may start one, and the
//! words where there is none.

use std::path::Path;

use clawdbot_tests::Sshd;

use crate::home::{Home, PROGRAM, Shown, soon, timeless};
use crate::moving;

/// Starts a service manager of the user in namespaces of its own, then runs the rest. Whatever is
/// left over ends with the namespace of the processes.
const MANAGER: &str = r#"
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system "$XDG_RUNTIME_DIR"
chmod 700 "$XDG_RUNTIME_DIR"
for tree in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
  if [ -w "$tree/cgroup.procs" ] && mkdir "$tree/$CGROUP" 2>/dev/null; then
    echo $$ >"$tree/$CGROUP/cgroup.procs"
  fi
done
/lib/systemd/systemd --user >/dev/null 2>&1 &
for _ in $(seq 100); do
  systemctl --user is-system-running >/dev/null 2>&1 && break
  sleep 0.1
done
systemctl --user is-system-running >/dev/null || exit 99
echo MANAGER
try() { printf '$ clawdbot %s\n' "$*"; "$CLAWDBOT" "$@" 2>&1 || echo "exit code $?"; }
"#;

/// What a script has shown, or `None` where no manager can be started.
fn with_manager(home: &Home, script: &str) -> Option<String> {
    let script = format!("{MANAGER}{script}\n");
    let apart = ["--mount", "--pid", "--fork", "--mount-proc", "--kill-child"];
    let command = ["/bin/bash", "-c", &script];
    let mut unshare = home.other(Path::new("unshare"), &[&apart[..], &command].concat());
    let cgroup = format!("clawdbot-test-{}", home.port());
    unshare.env("XDG_RUNTIME_DIR", "/run/user/0").env("CLAWDBOT", PROGRAM).env("CGROUP", &cgroup);
    let Shown { out, err, .. } = home.finish(unshare);
    for tree in ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"] {
        let dir = Path::new(tree).join(&cgroup);
        soon("the cgroup is empty", || remove(&dir).then_some(()));
    }
    let Some((_, shown)) = out.split_once("MANAGER\n") else {
        eprintln!("skipped, no systemd --user here: {out}{err}");
        return None;
    };
    let shown =
        shown.replace(&home.port().to_string(), "18789").replace(PROGRAM, "/usr/bin/clawdbot");
    Some(pidless(&timeless(&shown)))
}

/// Removes a cgroup and those in it; possible once their processes have ended.
fn remove(dir: &Path) -> bool {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove(&entry.path());
    }
    std::fs::remove_dir(dir).is_ok() || !dir.exists()
}

fn pidless(text: &str) -> String {
    let mut parts = text.split("PID ");
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        out.push_str("PID 12345");
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    // The frame is as wide as its longest row.
    out.lines()
        .map(|line| match line.strip_prefix("│ ").and_then(|row| row.strip_suffix('│')) {
            Some(row) => format!("│ {} │", row.trim_end()),
            None if line.starts_with("✓ RPC methods: available") => {
                "✓ RPC methods: available (…)".to_owned()
            }
            None if line.starts_with(['┌', '└']) => line.chars().take(4).collect(),
            None => line.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_guide_from_install_to_uninstall() {
    let home = Home::healthy();
    let shown = with_manager(
        &home,
        "try gateway install
try gateway start
try gateway status
try gateway health
try gateway restart
try gateway stop
try gateway status --no-probe
try gateway uninstall
ls \"$HOME/.config/systemd/user\"",
    );
    if let Some(shown) = shown {
        insta::assert_snapshot!(shown, @"
        $ clawdbot gateway install
        ✓ systemd service enabled
        ✓ service runtime: active
        $ clawdbot gateway start
        🚀 Gateway starting...
        📡 WebSocket: ws://127.0.0.1:18789
        🔒 Auth mode: token
        ✓ service runtime: active
        $ clawdbot gateway status
        Gateway service status
        ┌───
        │ Service: systemd (loaded) │
        │ Runtime: running (PID 12345, active) │
        │ Port: 18789 │
        │ Last gateway error: none │
        └───

        RPC probe
        ┌───
        │ Target: ws://127.0.0.1:18789 │
        │ Status: ✓ connected │
        │ Latency: Nms │
        └───
        $ clawdbot gateway health
        ✓ Gateway is healthy
        ✓ Authenticated successfully
        ✓ WebSocket connection: OK (N ms)
        ✓ RPC methods: available (…)
        $ clawdbot gateway restart
        🚀 Gateway starting...
        📡 WebSocket: ws://127.0.0.1:18789
        🔒 Auth mode: token
        ✓ service runtime: active
        $ clawdbot gateway stop
        ✓ service stopped
        $ clawdbot gateway status --no-probe
        Gateway service status
        ┌───
        │ Service: systemd (loaded) │
        │ Runtime: inactive │
        │ Port: 18789 │
        │ Last gateway error: none │
        └───
        $ clawdbot gateway uninstall
        ✓ systemd service removed
        Settings and conversations stay in HOME/.clawdbot.
        ");
    }
}

/// The server's own service manager takes over.
#[tokio::test]
async fn an_assistant_that_moves_becomes_a_service_there() {
    let (here, there) = (Home::healthy(), Home::new());
    // Who may not change that is told.
    let tools = tempfile::tempdir().unwrap();
    let loginctl = tools.path().join("loginctl");
    let script = "#!/bin/sh\n[ \"$1\" = show-user ] && echo Linger=no\n";
    std::fs::write(&loginctl, script).unwrap();
    crate::home::mode(&loginctl, 0o755);
    let path = format!("{}:", tools.path().display());
    let more = format!("{} XDG_RUNTIME_DIR=/run/user/0", moving::set_env(&there, &path));
    let mut sshd = Sshd::configured(&more).await;
    // The same server once more, in the namespace of the service manager.
    sshd.end();
    moving::wrap_ssh(&here, &sshd);
    let config = sshd.file("sshd_config");
    let shown = with_manager(
        &there,
        &format!(
            "mkdir /run/sshd
/usr/sbin/sshd -D -e -f '{config}' 2>/dev/null &
HERE='{here}'
export PATH=\"$HERE/bin:$PATH\"
for _ in $(seq 100); do ssh box true 2>/dev/null && break; sleep 0.1; done
HOME=$HERE try onboard --non-interactive --server box
systemctl --user is-enabled clawdbot.service
try gateway status --no-probe | sed -n 4p
HOME=$HERE try health
try gateway stop",
            config = config.display(),
            here = here.path().display(),
        ),
    );
    if let Some(shown) = shown {
        let shown = shown.replace(&here.port().to_string(), "18789");
        let shown = shown.replace(here.path().to_str().unwrap(), "HERE");
        let size = shown.split("✓ ").find_map(|line| line.strip_suffix(" copied to box\n"));
        let shown = shown.replace(size.unwrap(), "N MB");
        insta::assert_snapshot!(shown, @"
        $ clawdbot onboard --non-interactive --server box
        ✓ connecting to box
        ✓ N MB copied to box
        ✓ box: systemd service enabled
        ✓ box: service runtime: active
        box: The service ends when you log out. To let it go on: loginctl enable-linger
        ✓ the gateway answers on box
        ✓ this computer uses the gateway on box (gateway.mode remote, through SSH)
        The conversations and files here stay as they are in HERE/.clawdbot, and are not used any more. To go back, first stop the gateway on box, then run here: clawdbot onboard
        Reach the gateway with Clawdbot Desktop, or with: clawdbot tunnel
        enabled
        │ Service: systemd (loaded) │
        $ clawdbot health
        ✓ Gateway is healthy
        ✓ Authenticated successfully
        ✓ WebSocket connection: OK (N ms)
        ✓ RPC methods: available (…)
        $ clawdbot gateway stop
        ✓ service stopped
        ");
    }
}

#[test]
fn start_installs_first_and_what_differs_is_noticed() {
    let home = Home::healthy();
    let shown = with_manager(
        &home,
        "try gateway start
echo '# touched' >>\"$HOME/.config/systemd/user/clawdbot.service\"
try gateway status --no-probe | tail -n 1
try doctor --fix
try gateway status --no-probe | tail -n 1
kill -KILL $(systemctl --user show clawdbot --property=MainPID --value)
for _ in $(seq 100); do \"$CLAWDBOT\" health >/dev/null 2>&1 && break; sleep 0.1; done
try gateway health | head -n 2",
    );
    if let Some(shown) = shown {
        insta::assert_snapshot!(shown, @"
        $ clawdbot gateway start
        🚀 Gateway starting...
        📡 WebSocket: ws://127.0.0.1:18789
        🔒 Auth mode: token
        ✓ systemd service enabled
        ✓ service runtime: active
        The installed service differs from what this version would write. Bring it up to date: clawdbot gateway install
        $ clawdbot doctor --fix
        ✓ service-drifted: HOME/.config/systemd/user/clawdbot.service differs from what this version would write, for example because the program has moved
            repaired: written anew; it counts from the next start of the service on
        ✓ 27 checks, no open fault
        └───
        $ clawdbot gateway health
        ✓ Gateway is healthy
        ");
    }
}

#[test]
fn a_unit_of_the_original_is_never_overwritten_silently() {
    let home = Home::healthy();
    let units = home.path().join(".config/systemd/user");
    std::fs::create_dir_all(&units).unwrap();
    let theirs = "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=default.target\n";
    std::fs::write(units.join("clawdbot-gateway.service"), theirs).unwrap();
    std::fs::write(units.join("clawdbot.service"), "# by hand\n").unwrap();
    let shown = with_manager(
        &home,
        "systemctl --user enable --quiet --now clawdbot-gateway.service
try gateway install
try gateway status --no-probe --deep | tail -n 3
try gateway install --replace
systemctl --user is-active clawdbot-gateway.service",
    );
    if let Some(shown) = shown {
        insta::assert_snapshot!(shown, @"
        $ clawdbot gateway install
        The original's service clawdbot-gateway.service is installed (HOME/.config/systemd/user/clawdbot-gateway.service), and both would want the same port. Take it out of use with `clawdbot gateway install --replace`; its file stays.
        exit code 69
        └───
        HOME/.config/systemd/user/clawdbot.service was not written by clawdbot and is left alone.
        Service of the original, in use: clawdbot-gateway.service (HOME/.config/systemd/user/clawdbot-gateway.service)
        $ clawdbot gateway install --replace
        ✓ clawdbot-gateway.service of the original is out of use
        ✓ systemd service enabled
        ✓ service runtime: active
        inactive
        ");
        assert_eq!(
            std::fs::read_to_string(units.join("clawdbot.service.old")).unwrap(),
            "# by hand\n"
        );
    }
    assert_eq!(std::fs::read_to_string(units.join("clawdbot-gateway.service")).unwrap(), theirs);
}

#[test]
fn without_a_service_manager_the_way_out_is_named() {
    let home = Home::healthy();
    for command in ["install", "start", "restart"] {
        let Shown { err, code, .. } = home.run(&["gateway", command]);
        assert!(err.contains("systemd --user does not answer here"), "{err}");
        assert!(err.contains("`clawdbot gateway` in the foreground"), "{err}");
        assert_eq!(code, 69);
    }
    assert!(!home.path().join(".config").exists(), "nothing is left half done");
    let unset = Home::new().run(&["gateway", "install"]);
    assert!(unset.err.starts_with("Gateway start blocked: set gateway.mode=local"), "{unset:?}");
}

#[test]
fn a_gateway_in_the_foreground_is_seen_probed_and_stopped() {
    let home = Home::healthy();
    let mut gateway = home.gateway(&[]);
    let status = home.run(&["gateway", "status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!(status["pid"], gateway.pid());
    assert_eq!(status["port"], gateway.port);
    assert_eq!(status["rpc"]["ok"], true);
    assert_eq!(status["lastError"], serde_json::Value::Null);
    let mut alone = home.command(&["gateway", "probe"]);
    alone.env("CLAWDBOT_DISABLE_BONJOUR", "1");
    let probed = home.finish(alone);
    assert_eq!(probed.code, 0);
    let line = format!("✓ local  ws://127.0.0.1:{}  ", gateway.port);
    assert!(probed.out.starts_with(&line), "{probed:?}");
    let health = timeless(&home.run(&["gateway", "health"]).out);
    assert!(health.starts_with(
        "✓ Gateway is healthy\n✓ Authenticated successfully\n✓ WebSocket connection: OK"
    ));
    let stop = home.run(&["gateway", "stop"]);
    assert_eq!(stop.out, format!("✓ gateway stopped (pid {})\n", gateway.pid()));
    assert!(gateway.end().success());
    assert_eq!(home.run(&["gateway", "stop"]).out, "✓ the gateway is not running\n");
    assert_eq!(home.run(&["gateway", "status"]).code, 69);
    assert_eq!(home.run(&["gateway", "status", "--no-probe"]).code, 0);
    assert_eq!(home.run(&["gateway", "probe"]).code, 69);
}

#[test]
fn a_system_unit_may_run_gateway_start() {
    let home = Home::healthy();
    let unit = home.other(
        Path::new("/bin/sh"),
        &["-c", "SYSTEMD_EXEC_PID=$$ exec \"$0\" gateway start", PROGRAM],
    );
    let gateway = home.foreground(unit);
    assert!(gateway.started.contains("listening on ws://127.0.0.1:PORT (PID 12345)"));
}

/// Stands in for systemd where it is not the first process, and answers that all is well.
const SYSTEMCTL: &str = "#!/bin/sh\necho \"systemctl $*\" >>/var/lib/asked\n";

/// A server of its own to change: users, units and programs end with the namespace.
const SERVER: &str = r#"
set -e
mount -t tmpfs tmpfs /var/lib
mkdir /var/lib/upper /var/lib/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/var/lib/upper,workdir=/var/lib/work /etc || exit 99
mount -t tmpfs tmpfs /usr/local/bin
mkdir -p /etc/systemd/system
cp "$SYSTEMCTL" /usr/local/bin/systemctl
echo SERVER
try() { printf '$ clawdbot %s\n' "$*"; "$CLAWDBOT" "$@" 2>&1 || echo "exit code $?"; }
"#;

#[test]
fn a_service_of_the_whole_server_has_a_user_of_its_own() {
    let home = Home::new();
    let systemctl = home.path().join("systemctl");
    std::fs::write(&systemctl, SYSTEMCTL).unwrap();
    crate::home::mode(&systemctl, 0o755);
    let script = format!(
        "{SERVER}
try gateway install --system
cmp /etc/systemd/system/clawdbot.service '{unit}' && stat -c '%a %U' /etc/systemd/system/clawdbot.service
stat -c '%a %U %G' /var/lib/clawdbot /var/lib/clawdbot/.clawdbot/clawdbot.json /usr/local/bin/clawdbot
setpriv --reuid clawdbot --regid clawdbot --clear-groups env -i HOME=/var/lib/clawdbot /usr/local/bin/clawdbot gateway --port 0 >/var/lib/said 2>&1 &
for _ in $(seq 200); do grep -q 'log file' /var/lib/said && break; sleep 0.1; done
tail -n 1 /var/lib/said; kill %1; wait %1; echo ended $?
echo '# mine' >/etc/systemd/system/clawdbot.service
try gateway install --system
try gateway install --system --replace
cat /etc/systemd/system/clawdbot.service.old
try gateway uninstall --system
cat /var/lib/asked
setpriv --reuid 65534 --regid 65534 --clear-groups /usr/local/bin/clawdbot gateway install --system 2>&1
",
        unit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../installer/clawdbot.service"),
    );
    let arguments =
        ["--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "/bin/bash", "-c"];
    let mut unshare = home.other(Path::new("unshare"), &[&arguments[..], &[&script]].concat());
    unshare.env("CLAWDBOT", PROGRAM).env("SYSTEMCTL", &systemctl);
    unshare.env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
    let Shown { out, err, .. } = home.finish(unshare);
    let Some((_, shown)) = out.split_once("SERVER\n") else {
        return eprintln!("skipped, no namespace with users of its own here: {out}{err}");
    };
    insta::assert_snapshot!(shown, @"
    $ clawdbot gateway install --system
    ✓ program copied to /usr/local/bin/clawdbot
    ✓ user clawdbot made
    ✓ settings made in /var/lib/clawdbot/.clawdbot
    ✓ systemd service enabled
    ✓ service runtime: active
    Keys of models go into /etc/clawdbot/environment, for root alone (0600); then: systemctl restart clawdbot
    Ask it with: sudo -u clawdbot HOME=/var/lib/clawdbot /usr/local/bin/clawdbot health
    644 root
    700 clawdbot clawdbot
    600 clawdbot clawdbot
    755 root root
    ✓ log file: /var/lib/clawdbot/.clawdbot/logs/gateway.log
    ended 0
    $ clawdbot gateway install --system
    /etc/systemd/system/clawdbot.service exists and was not written by clawdbot, so it was left alone. Move it away, or replace it with --replace, which keeps it as /etc/systemd/system/clawdbot.service.old.
    exit code 77
    $ clawdbot gateway install --system --replace
    ✓ program copied to /usr/local/bin/clawdbot
    ✓ systemd service enabled
    ✓ service runtime: active
    Keys of models go into /etc/clawdbot/environment, for root alone (0600); then: systemctl restart clawdbot
    Ask it with: sudo -u clawdbot HOME=/var/lib/clawdbot /usr/local/bin/clawdbot health
    # mine
    $ clawdbot gateway uninstall --system
    ✓ systemd service removed
    Settings and conversations stay in /var/lib/clawdbot, and the user clawdbot stays too.
    systemctl show --property=Version
    systemctl daemon-reload
    systemctl enable --quiet clawdbot.service
    systemctl reset-failed clawdbot.service
    systemctl restart clawdbot.service
    systemctl show --property=Version
    systemctl show --property=Version
    systemctl daemon-reload
    systemctl enable --quiet clawdbot.service
    systemctl reset-failed clawdbot.service
    systemctl restart clawdbot.service
    systemctl show --property=Version
    systemctl disable --quiet --now clawdbot.service
    systemctl daemon-reload
    A service of the whole server is the administrator's. Run this with sudo.
    ");
}
