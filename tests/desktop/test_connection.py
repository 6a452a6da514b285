"""Where Clawdbot runs: here, on a remote machine over SSH, and here again."""

import json
import os
import subprocess
import unittest
import urllib.request

from desktop import CLI, Desktop, element, free_port, say, until, wait_answer
from fake_model import Answer, FakeModel

HERE = Answer(chunks=["An answer ", "from here."], delay=0)
THERE = Answer(chunks=["An answer ", "from there."], delay=0)


class Sshd:
    """A real sshd on loopback, and an ssh configuration with the alias `far` for it."""

    def __init__(self, desktop):
        self.directory = desktop.root / "sshd"
        self.directory.mkdir(mode=0o700)
        os.makedirs("/run/sshd", exist_ok=True)
        for name in ("host", "id"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path(name)], check=True)
        self.port = free_port()
        (self.directory / "sshd_config").write_text("\n".join([
            "Port %d" % self.port, "ListenAddress 127.0.0.1", "HostKey " + self.path("host"),
            "PidFile none", "AuthorizedKeysFile " + self.path("id.pub"), "StrictModes no", "UsePAM no",
            "PasswordAuthentication no", "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password", ""]))
        config = self.path("config")
        (self.directory / "config").write_text("\n".join([
            "Host far", " HostName 127.0.0.1", " Port %d" % self.port, " User root",
            " IdentityFile " + self.path("id"), " IdentityAgent none",
            " UserKnownHostsFile " + self.path("known_hosts"), " GlobalKnownHostsFile /dev/null",
            # What the tutorials teach; it must not be in the way.
            " LocalForward %d 127.0.0.1:1" % desktop.port, ""]))
        # The home directory of ssh is that of the account, not of HOME.
        desktop.program("ssh", 'exec /usr/bin/ssh -F "%s" "$@"\n' % config)
        desktop.run("/usr/sbin/sshd", "-D", "-e", "-f", self.path("sshd_config"))

    def path(self, name):
        return str(self.directory / name)


def far_gateway(desktop, model_url):
    """A second gateway, with a home of its own; returns its port."""
    home, port = desktop.root / "far", free_port()
    state = home / ".clawdbot"
    state.mkdir(parents=True, mode=0o700)
    provider = {"baseUrl": model_url, "apiKey": "k", "api": "openai-completions",
                "models": [{"id": "mock-1", "name": "Mock"}]}
    (state / "clawdbot.json").write_text(json.dumps({
        "gateway": {"mode": "local", "auth": {"mode": "token", "token": "far-gateway-token"}},
        "models": {"providers": {"mock": provider}},
        "agents": {"defaults": {"model": {"primary": "mock/mock-1"}}}}))
    desktop.run(CLI, "gateway", "--port", str(port), env={"HOME": str(home)})
    until(lambda: answers(port), 15, "the second gateway")
    return port


def answers(port):
    try:
        return urllib.request.urlopen("http://127.0.0.1:%d/" % port, timeout=5).status == 200
    except OSError:
        return False


def call(page, command, **args):
    """Calls a command of the app as its page does."""
    done = page.execute_async_script("""
        const [command, args, done] = arguments;
        window.__TAURI_INTERNALS__.invoke(command, args).then(
            (value) => done({value}), (error) => done({error}));""", command, args)
    assert "error" not in done, done
    return done["value"]


class Connection(unittest.TestCase):
    def test_a_window_follows_from_here_to_a_remote_machine_and_back(self):
        here, there = self.enterContext(FakeModel(HERE, HERE)), self.enterContext(FakeModel(THERE))
        desktop = self.enterContext(Desktop())
        desktop.configure(here.url)
        sshd = Sshd(desktop)
        far = far_gateway(desktop, there.url)
        desktop.start("--hidden")
        page = desktop.open_page()
        page.set_script_timeout(20)
        say(page, "Where are you?")
        wait_answer(page, "from here.")
        self.assertEqual(call(page, "connection_read")["mode"], "local")
        page.execute_script("window.sameDocument = true")

        target = {"mode": "ssh", "sshTarget": "far", "remotePort": far}
        call(page, "connection_use", target=target, credential={"token": "far-gateway-token"})
        # The host key is unknown: its fingerprint is on screen and waits for a person.
        shown = element(page, "ask-fingerprint", 20)
        key = subprocess.run(["ssh-keygen", "-lf", sshd.path("host.pub")], capture_output=True, text=True)
        self.assertEqual(shown.text, key.stdout.split()[1])
        desktop.picture("host-key")
        element(page, "ask-ok").click()
        state = lambda: call(page, "connection_read")["state"]
        until(lambda: state() == "ready", 20, "the remote gateway")
        text = lambda: page.find_element("tag name", "body").text
        until(lambda: "from here." not in text(), 10, "the old gateway's conversation to go")
        say(page, "And now?")
        wait_answer(page, "from there.")
        self.assertIn("And now?", str(there.requests[-1]["messages"][-1]))
        # A browser on this computer reaches it at the usual address.
        self.assertEqual(call(page, "connection_read")["frontDoor"], "127.0.0.1:%d" % desktop.port)
        self.assertTrue(answers(desktop.port))
        # Its secret is in no file of the configuration and nowhere in the page.
        config = (desktop.home / ".clawdbot/clawdbot.json").read_text()
        self.assertNotIn("far-gateway-token", config + page.page_source + desktop.log())

        call(page, "connection_use", target={"mode": "local"})
        # The port may still be the front door's for a moment; the window does not need it.
        until(lambda: state() == "ready", 40, "the gateway here")
        until(lambda: "from here." in text() and "from there." not in text(), 10, "the conversation here")
        say(page, "Back?")
        until(lambda: len(here.requests) == 2, 15, "the message here")
        self.assertTrue(page.execute_script("return window.sameDocument"), "the page was never reloaded")
        desktop.click("Quit")
        self.assertEqual(desktop.app.wait(15), 0)
        running = subprocess.run(["pgrep", "-f", sshd.path("config")], capture_output=True, text=True)
        self.assertNotIn("ssh -F", running.stdout)


if __name__ == "__main__":
    unittest.main()
