"""What the page may do, and what the built app is allowed to be."""

import http.server
import json
import re
import threading
import unittest
from pathlib import Path

from desktop import Desktop, until

TAURI = Path(__file__).resolve().parents[2] / "src-tauri"
CONFIG = json.loads((TAURI / "tauri.conf.json").read_text())
SECURITY = CONFIG["app"]["security"]
# The app's commands, and the one that ends in the window process.
COMMANDS = set(re.findall(r'^        "(\w+)" =>', (TAURI / "src/commands.rs").read_text(), re.M))
COMMANDS |= {"page_painted", "window_close"}
# A page may hear the app's events; it can send none.
LISTENS = {"core:event:allow-listen", "core:event:allow-unlisten"}


class Configuration(unittest.TestCase):
    def test_policy_allows_the_bundle_and_nothing_else(self):  # APP-06
        policy = SECURITY["csp"]
        self.assertEqual(policy["default-src"], "'none'")
        self.assertEqual(policy["script-src"], "'self'")
        # The page reads its own attachments again when a message is changed; nothing of it is a network.
        own = ["ipc:", "http://ipc.localhost", "clawdbot-media:", "http://clawdbot-media.localhost"]
        self.assertEqual(policy["connect-src"].split(), own)
        for name in ("base-uri", "form-action", "frame-ancestors"):
            self.assertEqual(policy[name], "'none'")
        whole = json.dumps(policy)
        for bad in ("unsafe-eval", "https:", "*", "ws:", "wss:", "asset:"):
            self.assertNotIn(bad, whole)
        loopback = {"http://ipc.localhost", "http://clawdbot-media.localhost"}
        self.assertEqual(set(re.findall(r"http://[^\s\"']+", whole)), loopback)
        # Script rules must keep the hashes Tauri adds; styles have no secrets to guard.
        self.assertEqual(SECURITY["dangerousDisableAssetCspModification"], ["style-src"])

    def test_prototypes_are_frozen_and_no_global_api(self):
        self.assertIs(SECURITY["freezePrototype"], True)
        self.assertIs(CONFIG["app"]["withGlobalTauri"], False)
        self.assertNotIn("assetProtocol", SECURITY)
        self.assertEqual(CONFIG["app"]["windows"], [], "windows are made in one place, in Rust")

    def test_one_capability_with_our_commands_only(self):  # APP-01, APP-06
        files = list((TAURI / "capabilities").iterdir())
        self.assertEqual({file.name for file in files}, {"main.json", "quick.json"})
        quick = json.loads((TAURI / "capabilities/quick.json").read_text())
        frames = {"allow-gateway-open", "allow-gateway-send", "allow-gateway-took", "allow-gateway-close"}
        self.assertEqual(set(quick["permissions"]), frames | {"allow-page-painted", "allow-window-close"})
        self.assertEqual((quick["windows"], "remote" in quick), (["quick"], False))
        capability = json.loads((TAURI / "capabilities/main.json").read_text())
        self.assertEqual(capability["windows"], ["main"])
        self.assertNotIn("remote", capability)
        self.assertNotIn("webviews", capability)
        allowed = {"allow-" + name.replace("_", "-") for name in COMMANDS - {"window_close"}}
        self.assertEqual(set(capability["permissions"]), allowed | LISTENS)
        declared = re.findall(r'^    "(\w+)",|&\["(\w+)"', (TAURI / "build.rs").read_text(), re.M)
        self.assertEqual({name for pair in declared for name in pair if name}, COMMANDS)
        self.assertEqual(SECURITY["capabilities"], ["main", "quick"])

    def test_no_developer_tools_in_releases(self):  # APP-06
        manifest = (TAURI / "Cargo.toml").read_text()
        self.assertNotIn("devtools", manifest)
        window = (TAURI / "src/page/mod.rs").read_text()
        self.assertIn(".devtools(cfg!(debug_assertions))", window)

    def test_the_library_tells_its_own_origin_from_lookalikes(self):  # APP-02
        lock = (TAURI.parent / "Cargo.lock").read_text()
        versions = re.findall(r'name = "tauri"\nversion = "(\d+)\.(\d+)', lock)
        self.assertEqual(len(versions), 1)
        self.assertGreaterEqual(tuple(map(int, versions[0])), (2, 11))
        # And a second line of our own looks at every navigation; its cases are beside it.
        self.assertRegex((TAURI / "src/page/mod.rs").read_text(), r"on_navigation\([^;]*guard::stays_here")
        self.assertIn("tauri.localhost.evil.example", (TAURI / "src/page/guard.rs").read_text())

    def test_pages_reach_the_app_through_its_commands_only(self):
        self.assertIn("gateway_send", COMMANDS)
        for source in (TAURI / "src").rglob("*.rs"):
            self.assertNotIn("generate_handler!", source.read_text(), source)


INVOKE = """
const [command, args, done] = arguments;
window.__TAURI_INTERNALS__.invoke(command, args).then(
  value => done({ok: value ?? null}), error => done({error}));
"""

FORBIDDEN = [
    ("plugin:shell|execute", {"program": "clawdbot", "args": ["--version"], "options": {}}),
    ("plugin:shell|open", {"path": "https://example.org"}),
    ("plugin:shell|spawn", {"program": "sh", "args": [], "options": {}}),
    ("plugin:autostart|enable", {}),
    ("plugin:window-state|save_window_state", {"flags": 1}),
    ("plugin:window|close", {"label": "main"}),
    ("plugin:webview|create_webview_window", {"options": {"label": "x", "url": "https://example.org"}}),
    ("plugin:event|emit", {"event": "settings", "payload": {}}),
    ("plugin:path|resolve_directory", {"directory": 1}),
    ("plugin:resources|close", {"rid": 1}),
    ("no_such_command", {}),
]

# (arguments of a command of ours that no page of ours sends, command)
NONSENSE = [
    ("gateway_open", {}), ("gateway_open", {"onFrame": "x"}), ("gateway_open", {"onFrame": 1}),
    ("gateway_send", {}), ("gateway_send", {"frame": None}), ("gateway_send", {"frame": {"a": 1}}),
    ("gateway_send", {"frame": ["x"]}), ("open_external", {}), ("open_external", {"url": 1}),
    ("open_external", {"url": ""}), ("open_external", {"url": "https://" + "a" * 100_000}),
    ("gateway_took", {}), ("gateway_took", {"frames": -1}), ("gateway_took", {"frames": 1e300}),
    ("settings_write", {}), ("settings_write", {"patch": []}), ("settings_write", {"patch": {"x": 1}}),
    ("settings_write", {"patch": {"autostart": "yes"}}), ("settings_write", {"patch": {"quickChat": "K"}}),
    ("settings_write", {"patch": {"language": "../x"}}), ("log_tail", {"cursor": -1}),
    ("settings_write", {"patch": {"quickChat": "Ctrl+" + "A" * 100_000}}), ("log_tail", {"cursor": "x"}),
    ("open_path", {"what": "/etc/passwd"}), ("open_path", {}), ("qr_code", {"text": "a" * 5000}), ("qr_code", {}),
    ("connection_use", {}), ("connection_use", {"target": "local"}), ("connection_use", {"target": {"mode": "shell"}}),
    ("connection_use", {"target": {"mode": "ssh", "sshTarget": "-oProxyCommand=x"}}),
    ("connection_use", {"target": {"mode": "ssh", "sshTarget": ["me@server"]}}),
    ("connection_use", {"target": {"mode": "ssh", "sshTarget": "me@server", "remotePort": 70_000}}),
    ("connection_use", {"target": {"mode": "ssh", "sshTarget": "me@" + "a" * 100_000}}),
    ("connection_use", {"target": {"mode": "direct", "url": "file:///etc/passwd"}}),
    ("connection_use", {"target": {"mode": "direct", "url": "wss://x"}, "credential": "token"}),
    ("connection_test", {"target": {"mode": "local"}}), ("connection_test", {"onStep": "__CHANNEL__:1"}),
    ("ask_answer", {}), ("ask_answer", {"id": "nobody-asked", "value": "yes"}), ("ask_answer", {"id": 1, "value": 2}),
    ("tailscale_use", {}), ("tailscale_use", {"mode": "everything"}), ("tailscale_use", {"mode": "--bg"}),
]
# These take nothing from the page.
WITHOUT_ARGUMENTS = {
    "gateway_close", "show_take", "connection_read", "connection_stop", "connection_retry", "connection_take_over",
    "connection_test_stop",
    "connection_hand_back", "tailscale_read", "settings_read", "diagnostics_read", "diagnostics_bundle",
    "settings_export", "page_painted", "window_close",
}


class Page(unittest.TestCase):
    """The real window, with a page that has turned against us."""

    @classmethod
    def setUpClass(cls):
        cls.desktop = cls.enterClassContext(Desktop())
        cls.desktop.configure("http://127.0.0.1:9/v1")
        cls.opened = cls.desktop.root / "opened"
        cls.desktop.program("xdg-open", 'printf "%%s\\n" "$*" >> "%s"\n' % cls.opened)
        cls.desktop.start("--hidden")
        cls.driver = cls.desktop.open_page()
        cls.driver.set_script_timeout(10)

    def invoke(self, command, args):
        return self.driver.execute_async_script(INVOKE, command, args)

    def links(self):
        return self.opened.read_text().splitlines() if self.opened.exists() else []

    def test_commands_outside_the_capability_are_denied(self):  # APP-01
        for command, args in FORBIDDEN:
            with self.subTest(command=command):
                result = self.invoke(command, args)
                self.assertIn("error", result)
                self.assertRegex(str(result["error"]), "not allowed|not found|denied")

    def test_nonsense_is_refused_and_the_app_lives(self):  # APP-04
        self.assertEqual({command for command, _ in NONSENSE}, COMMANDS - WITHOUT_ARGUMENTS)
        kept = lambda: [(self.desktop.home / ".clawdbot" / name).read_bytes() for name in ("clawdbot.json", "desktop.json")]
        before = kept()
        for command, args in NONSENSE:
            with self.subTest(command=command, args=str(args)[:60]):
                self.assertIn("error", self.invoke(command, args))
        self.assertEqual(kept(), before)
        # The same commands do what they are for.
        self.assertIn("ok", self.invoke("settings_write", {"patch": {"quickChat": "CmdOrCtrl+Alt+J"}}))
        self.assertNotEqual(kept(), before)
        self.assertRegex(self.invoke("qr_code", {"text": "a" * 500})["ok"], "^data:image/svg")
        huge = "return '{\"type\":\"req\",\"x\":\"' + 'a'.repeat(26 * 1024 * 1024) + '\"}'"
        script = "const done = arguments[0]; const frame = (() => { %s })();" % huge
        script += "window.__TAURI_INTERNALS__.invoke('gateway_send', {frame})"
        script += ".then(() => done('taken'), error => done(error.code));"
        self.assertEqual(self.driver.execute_async_script(script), "BRIDGE_TOO_LARGE")
        self.assertIsNone(self.desktop.app.poll())
        self.assertIsNotNone(self.desktop.item())

    def test_only_safe_links_reach_the_desktop(self):
        for url in ("file:///etc/passwd", "javascript:alert(1)", "smb://x/y", "-x", "/bin/sh",
                    "https://user:secret@example.org/", "mailto:a@b.c?attach=/etc/passwd"):
            result = self.invoke("open_external", {"url": url})
            self.assertRegex(result["error"]["code"], "^LINK_", url)
        good = "https://example.org/a?b=%20c;$(touch%20x)#d"
        self.assertEqual(self.invoke("open_external", {"url": good}), {"ok": None})
        until(lambda: good in self.links(), 5, "the opened link")
        self.assertFalse([link for link in self.links() if not link.startswith("http")])

    def test_the_window_stays_on_our_page(self):  # APP-03
        before = self.driver.current_url
        leave = {
            "assign": "location.assign('%s')",
            "link": "const a = document.createElement('a'); a.href = '%s'; document.body.append(a); a.click()",
            "new window": "window.open('%s')",
            "refresh": "document.head.insertAdjacentHTML('beforeend', '<meta http-equiv=refresh content=\"0;url=%s\">')",
            "replace": "location.replace('%s')",
        }
        for name, script in leave.items():
            with self.subTest(name):
                url = "https://example.org/%s" % name.replace(" ", "-")
                self.driver.execute_script(script % url)
                if "window" not in name:
                    until(lambda: url in self.links(), 5, "the browser with " + url)
                self.assertEqual(self.driver.current_url, before)
                self.assertEqual(len(self.driver.window_handles), 1)
        with self.subTest("a person's click on a link for a new window"):
            url = "https://example.org/clicked"
            self.driver.execute_script("""
                const a = document.createElement('a');
                Object.assign(a, {href: arguments[0], target: '_blank', id: 'away', textContent: 'away'});
                a.style = 'position: fixed; top: 0; left: 0; z-index: 99999; font-size: 40px';
                document.body.append(a);""", url)
            self.driver.find_element("id", "away").click()
            until(lambda: url in self.links(), 5, "the browser with " + url)
            self.assertEqual(len(self.driver.window_handles), 1)
            self.driver.execute_script("document.getElementById('away').remove()")
        for url in ("file:///etc/passwd", "data:text/html,<p>x", "tauri://evil.example/"):
            with self.subTest(url):
                self.driver.execute_script("location.assign('%s')" % url)
                self.assertEqual(self.driver.current_url, before)
                self.assertNotIn(url, self.links())

    def test_the_policy_holds_in_the_engine(self):  # APP-01, APP-03
        hits = []

        class Canary(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                hits.append(self.path)
                self.send_response(200)
                self.send_header("access-control-allow-origin", "*")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Canary)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = "127.0.0.1:%d" % server.server_port
        results = self.driver.execute_async_script("""
            const [base, done] = arguments;
            const seen = {};
            const image = url => new Promise(end => {
              const i = new Image(); i.onload = () => end('loaded'); i.onerror = () => end('refused'); i.src = url; });
            (async () => {
              seen.fetch = await fetch('http://' + base + '/fetch').then(() => 'sent', () => 'refused');
              seen.image = await image('http://' + base + '/image');
              try { new WebSocket('ws://' + base + '/socket'); seen.socket = 'made'; } catch { seen.socket = 'refused'; }
              const script = document.createElement('script');
              script.textContent = 'window.inlineRan = true';
              document.body.append(script);
              seen.inline = window.inlineRan ?? 'refused';
              try { window.evil = (0, eval)('1'); seen.eval = 'ran'; } catch { seen.eval = 'refused'; }
              try { Object.prototype.polluted = 1; } catch {}
              seen.prototype = ({}).polluted ?? 'frozen';
              const frame = document.createElement('iframe');
              frame.src = 'http://' + base + '/frame';
              document.body.append(frame);
              const form = document.createElement('form');
              form.action = 'http://' + base + '/form';
              document.body.append(form);
              form.submit();
              await new Promise(end => setTimeout(end, 500));
              done(seen);
            })();
        """, base)
        results.pop("socket")  # the refusal comes later, as an event; the canary tells
        self.assertEqual(set(results.values()), {"refused", "frozen"}, results)
        self.assertEqual(hits, [])

    def test_media_answers_our_page_only_with_known_files(self):
        statuses = self.driver.execute_async_script("""
            const done = arguments[0];
            const image = url => new Promise(end => {
              const i = new Image(); i.onload = () => end('loaded'); i.onerror = () => end('nothing'); i.src = url; });
            Promise.all(['inbound/none.png', 'inbound%2F..%2Fclawdbot.json', '../clawdbot.json', '']
              .map(path => image('clawdbot-media://localhost/' + path))).then(done);
        """)
        self.assertEqual(statuses, ["nothing"] * 4)


class Prompt(unittest.TestCase):
    def test_the_small_prompt_may_only_talk_to_the_gateway_and_close(self):  # APP-01
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        desktop.start("--hidden")
        desktop.wait_ready()
        prompts = lambda: desktop.windows("Clawdbot quick chat")

        def opened():
            if not prompts():
                desktop.output("xdotool", "key", "ctrl+shift+k")
            return desktop.active_window() in prompts()

        until(opened, 20, "the small prompt")
        page = desktop.page()
        page.set_script_timeout(10)
        until(lambda: page.execute_script("return document.documentElement.dataset.ready"), 15, "its page")
        quick = json.loads((TAURI / "capabilities/quick.json").read_text())["permissions"]
        own = {name.removeprefix("allow-").replace("-", "_") for name in quick}
        for command, args in [*FORBIDDEN, *((name, {}) for name in sorted(COMMANDS - own))]:
            with self.subTest(command=command):
                result = page.execute_async_script(INVOKE, command, args)
                self.assertRegex(str(result.get("error")), "not allowed|not found|denied")
        page.execute_script("window.__TAURI_INTERNALS__.invoke('window_close')")
        until(lambda: not prompts(), 15, "the closed prompt")


class Ssh(unittest.TestCase):
    def test_only_a_plain_destination_reaches_the_program(self):  # SSH-01, SSH-02
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        asked = desktop.root / "asked"
        desktop.program("ssh", 'printf "%%s\\n" "$*" >> "%s"\nexit 255\n' % asked)
        desktop.start("--hidden")
        desktop.wait_ready()
        page = desktop.open_page()
        page.set_script_timeout(10)
        hostile = ["-oProxyCommand=touch x", "-l@server", "me@-J", "me@server -oProxyCommand=x", "me@server\nProxyCommand x",
                   "me@$(id)", "me@`id`", "me;id@server", "me@%h", "me@'server'", "me@server:22;id", "me@ser\u0007ver"]
        targets = [{"sshTarget": target} for target in hostile]
        targets += [{"sshTarget": "me@server", "sshIdentity": path} for path in ("-oX", "id", "~/%h", "/a\nb", "/$(id)")]
        for target in targets:
            with self.subTest(target=target):
                used = page.execute_async_script(INVOKE, "connection_use", {"target": {"mode": "ssh", **target}})
                self.assertRegex(used.get("error", {}).get("code", "used"), "^SSH_(TARGET|IDENTITY)")
        # Nor from the configuration.
        for target in hostile:
            with self.subTest(written=target):
                desktop.write_config({"gateway": {"mode": "remote", "port": desktop.port, "remote": {
                    "transport": "ssh", "sshTarget": target}}})
                desktop.wait_entry("Restart gateway")
                desktop.click("Restart gateway")
                refused = lambda: "Correct it in" in (page.execute_async_script(INVOKE, "connection_read", {})["ok"]["remedy"] or "")
                until(refused, 15, "the refusal")
                desktop.configure("http://127.0.0.1:9/v1")
                desktop.wait_entry("Connect again")
                desktop.click("Connect again")
                until(lambda: not refused(), 15, "the gateway here")
        self.assertFalse(asked.exists(), "ssh was asked")
        target = {"mode": "ssh", "sshTarget": "me@server.invalid:2222", "remotePort": 18789}
        self.assertIn("ok", page.execute_async_script(INVOKE, "connection_use", {"target": target}))
        until(asked.exists, 15, "ssh")
        self.assertTrue(asked.read_text().splitlines()[0].endswith("-p 2222 -- me@server.invalid"), asked.read_text())


if __name__ == "__main__":
    unittest.main()
