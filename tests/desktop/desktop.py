"""One private desktop for one test: screen, window manager, session bus, home and tray."""

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.options import ArgOptions

import tray_probe

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "out"
APP = os.environ.get("CLAWDBOT_DESKTOP_BIN", "")
CLI = os.environ.get("CLAWDBOT_BIN", "")
TITLE = "Clawdbot"
KEYRING_PASSWORD = "keyring password"
BUS = """<busconfig>
  <type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth><servicedir>%s</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
"""


def until(test, timeout=10.0, what="the condition"):
    """The first true value of `test`, asked again and again until the time is over."""
    end = time.monotonic() + timeout
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("%s did not come true in %.0f s" % (what, timeout))
        time.sleep(0.03)


def free_port():
    """One that nobody listens on, below those that systems give to connections meanwhile."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass  # somebody has it


def children(pid):
    """All processes below `pid` as {pid: name}."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = stat.read_text().split("(", 1)[1].rsplit(")", 1)
        except (OSError, IndexError):
            continue
        found[int(stat.parent.name)] = (int(rest.split()[1]), name)
    below, grown = {pid}, True
    while grown:
        more = {p for p, (parent, _) in found.items() if parent in below} - below
        below |= more
        grown = bool(more)
    return {p: found[p][1] for p in below if p in found and p != pid}


class Desktop:
    """Use as a context manager; everything it started is gone afterwards."""

    def __init__(self, language="C.UTF-8", watcher=True, keyring=False):
        self.language = language
        self.with_watcher = watcher
        self.with_keyring = keyring
        self.started = []
        self.drivers = []
        self.probe = None

    def __enter__(self):
        self.root = Path(tempfile.mkdtemp(prefix="clawdbot-desktop-"))
        self.home = self.root / "home"
        self.bin = self.root / "bin"
        runtime = self.root / "run"
        for directory in (self.home, self.bin, runtime):
            directory.mkdir(mode=0o700)
        self.env = {
            "HOME": str(self.home), "XDG_RUNTIME_DIR": str(runtime), "GDK_BACKEND": "x11",
            "PATH": "%s:%s" % (self.bin, os.environ["PATH"]), "LANG": self.language,
        }
        try:
            self._screen()
            self._bus()
            self._window_manager()
            if self.with_keyring:
                self.unlock_keyring()
            if self.with_watcher:
                self.start_watcher()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for driver in self.drivers:
            try:
                driver.quit()
            except Exception:  # the window it drove may be gone
                pass
        if self.probe:
            self.probe.conn.close()
        for process in reversed(self.started):
            for pid in [*children(process.pid), process.pid]:
                if process.poll() is None or pid != process.pid:
                    kill(pid)
            process.wait()
            if process.stdout:
                process.stdout.close()
        shutil.rmtree(self.root, ignore_errors=True)

    # -- what is around the app ---------------------------------------------
    def run(self, *command, env=None, **options):
        """Starts a program on this desktop."""
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.DEVNULL)
        process = subprocess.Popen(command, env=self.env | (env or {}), **options)
        self.started.append(process)
        return process

    def output(self, *command):
        result = subprocess.run(command, env=self.env, capture_output=True, text=True)
        return result.stdout.strip()

    def program(self, name, script):
        """Puts a program of that name before all others."""
        path = self.bin / name
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)

    def _screen(self):
        read, write = os.pipe()
        self.run("Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24",
                 "-nolisten", "tcp", pass_fds=(write,))
        os.close(write)
        with os.fdopen(read) as pipe:
            self.env["DISPLAY"] = ":" + pipe.readline().strip()

    def _window_manager(self):
        """A window that comes before its window manager never gets the focus."""
        manager = self.run("openbox", "--sm-disable")

        def managed():
            nonlocal manager
            if manager.poll() is not None:
                manager = self.run("openbox", "--sm-disable")
            return "window id" in self.output("xprop", "-root", "_NET_SUPPORTING_WM_CHECK")

        until(managed, 20, "the window manager")

    def _bus(self):
        """A session bus that starts services on demand, but no keyring: that is for tests to do."""
        services = self.root / "services"
        services.mkdir()
        for service in Path("/usr/share/dbus-1/services").glob("*.service"):
            if not re.search("keyring|secret", service.name, re.I):
                (services / service.name).symlink_to(service)
        config = self.root / "bus.conf"
        config.write_text(BUS % services)
        bus = self.run("dbus-daemon", "--config-file=%s" % config, "--nofork", "--print-address=1",
                       stdout=subprocess.PIPE, text=True)
        self.env["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().strip()

    # -- keyring ------------------------------------------------------------
    def unlock_keyring(self):
        """A real keyring, open; what it keeps is there again after the next unlocking."""
        self._keyring("--unlock", password=KEYRING_PASSWORD.encode())

    def lock_keyring(self):
        """The same keyring as after a login that did not open it."""
        self.stop_keyring()
        self._keyring()

    def let_keyring_ask(self):
        """From now on it shows its own window when it needs its password."""
        service = "org.gnome.keyring.SystemPrompter.service"
        (self.root / "services" / service).symlink_to(Path("/usr/share/dbus-1/services") / service)
        self.output("gdbus", "call", "--session", "-d", "org.freedesktop.DBus", "-o", "/org/freedesktop/DBus",
                    "-m", "org.freedesktop.DBus.ReloadConfig")

    def stop_keyring(self):
        self.keyring.terminate()
        self.keyring.wait()
        until(lambda: not self._has_keyring(), 10, "the end of the keyring")

    def _keyring(self, *options, password=b""):
        self.keyring = self.run("gnome-keyring-daemon", "--foreground", "--components=secrets", *options,
                                stdin=subprocess.PIPE)
        self.keyring.stdin.write(password)
        self.keyring.stdin.close()
        until(self._has_keyring, 15, "the keyring")

    def _has_keyring(self):
        return self._has_name("org.freedesktop.secrets")

    def _has_name(self, name):
        return "true" in self.output(
            "gdbus", "call", "--session", "-d", "org.freedesktop.DBus", "-o", "/org/freedesktop/DBus",
            "-m", "org.freedesktop.DBus.NameHasOwner", name)

    def secret(self, name):
        """What the keyring has of this app under that name."""
        return self.output("secret-tool", "lookup", "service", "Clawdbot", "username", name)

    def start_watcher(self):
        """Lets a panel appear: from now on tray items can register."""
        watcher = self.run(sys.executable, str(HERE / "tray_probe.py"), "watch",
                           stdout=subprocess.PIPE, text=True)
        # An app that waited for a panel may be faster than the word itself.
        assert any("ready" in watcher.stdout.readline() for _ in range(5))
        return watcher

    def forget_panel(self):
        """The next question goes to the panel that is there then."""
        self.probe.conn.close()
        self.probe = None

    # -- the app ----------------------------------------------------------------
    def configure(self, model_url, port=None):
        """Writes the configuration; returns the gateway's port."""
        self.port = port or free_port()
        model = {"id": "mock-1", "name": "Mock", "contextWindow": 128000, "maxTokens": 4096}
        provider = {"baseUrl": model_url, "apiKey": "test-key", "api": "openai-completions",
                    "models": [model]}
        self.write_config({
            "gateway": {"mode": "local", "port": self.port,
                        "auth": {"mode": "token", "token": "desktop-test-token"}},
            "models": {"providers": {"mock": provider}},
            "agents": {"defaults": {"model": {"primary": "mock/mock-1"}}},
        })
        return self.port

    def write_config(self, value):
        self._write_state("clawdbot.json", value if isinstance(value, str) else json.dumps(value))

    def _write_state(self, name, text):
        state = self.home / ".clawdbot"
        state.mkdir(mode=0o700, exist_ok=True)
        path = state / name
        path.write_text(text)
        path.chmod(0o600)

    def write_settings(self, value):
        """What the app finds as its own settings."""
        self._write_state("desktop.json", json.dumps(value))

    def settings(self):
        """What the app keeps for itself."""
        file = self.home / ".clawdbot/desktop.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def start(self, *args, wait=True, program=APP, first_run=False, **options):
        """Starts the app; by default waits for its tray item, and the first steps are behind us."""
        if not first_run and not (self.home / ".clawdbot/desktop.json").exists():
            self.write_settings({"firstRunDone": True})
        self.inspector = free_port()
        automation = {"WEBKIT_INSPECTOR_SERVER": "127.0.0.1:%d" % self.inspector,
                      "TAURI_WEBVIEW_AUTOMATION": "true"}
        with open(self.root / "app.log", "ab") as log:
            self.app = self.run(program, *args, env=automation, stdout=log, stderr=log, **options)
        if wait:
            self.item()
        return self.app

    def ask_to_run(self, command):
        """Lets a program ask whether a command may run; its answer is on standard output."""
        params = {"command": command, "host": "gateway", "timeoutMs": 60_000}
        return self.run(CLI, "gateway", "call", "exec.approval.request", "--params", json.dumps(params),
                        "--timeout", "60000", stdout=subprocess.PIPE, text=True)

    def call(self, method, params):
        """Asks the gateway as the command line does."""
        return self.output(CLI, "gateway", "call", method, "--params", json.dumps(params))

    def start_dunst(self, log):
        """The notification server; `answer_notification` presses its buttons."""
        self.program("choose", 'grep -m1 -F "$(cat "%s/choice")"\n' % self.root)
        config = self.home / ".config/dunst/dunstrc"
        config.parent.mkdir(parents=True)
        config.write_text("[global]\nmarkup = full\ndmenu = %s/choose\n" % self.bin)
        with open(log, "wb") as out:
            self.run("dunst", "-print", stdout=out)
        until(lambda: self._has_name("org.freedesktop.Notifications"), 5, "dunst")

    def answer_notification(self, button):
        (self.root / "choice").write_text(button)
        self.output("dunstctl", "context")

    def log(self):
        path = self.home / ".clawdbot/logs/gateway.log"
        return path.read_text() if path.exists() else ""

    def web_processes(self):
        return [p for p, name in children(self.app.pid).items() if name.startswith("WebKitWebProces")]

    def window_process(self):
        """The process that has the windows."""
        def is_one(pid):
            try:
                return b"--window-process" in Path("/proc/%d/cmdline" % pid).read_bytes()
            except OSError:
                return False  # it ended meanwhile

        return next(filter(is_one, children(self.app.pid)), None)

    # -- tray ---------------------------------------------------------------------
    def _probe(self):
        if self.probe is None:
            self.probe = tray_probe.Probe(bus=self.env["DBUS_SESSION_BUS_ADDRESS"])
        return self.probe

    def item(self, timeout=10.0):
        return until(self._item, timeout, "a tray item")

    def _item(self):
        try:
            return next(iter(self._probe().find("clawdbot")), None)
        except tray_probe.ProbeError:
            return None

    def has_item(self):
        return self._item() is not None

    def menu(self):
        return self._probe().menu(self.item())["children"]

    def entry(self, *path):
        """The entry with that label, in the submenus named before it."""
        entries, entry = self.menu(), None
        for label in path:
            entry = next((entry for entry in entries if entry["label"] == label), None)
            entries = entry.get("children", []) if entry else []
        return entry

    def wait_entry(self, *path, timeout=10.0):
        return until(lambda: self.entry(*path), timeout, "the entry %r" % (path,))

    def status(self):
        """The first line of the menu."""
        return self.menu()[0]["label"]

    def click(self, *path):
        def clicked():
            entry = self.entry(*path)
            assert entry and entry["enabled"], "no entry %r in %r" % (path, self.menu())
            try:
                self._probe().event(self.item(), entry["id"])
            except tray_probe.ProbeError as error:
                # Entries that come or go in between make the numbers of the others new ones.
                if "id not found" in str(error):
                    return False
                # Quit can be faster than its own reply.
                if "NoReply" not in str(error):
                    raise
            return True

        until(clicked, 5, "a click on %r" % (path,))

    def left_click(self):
        item = self.item()
        self._probe().call(item["service"], item["path"], tray_probe.ITEM, "Activate", "ii", (0, 0))

    def wait_ready(self):
        until(lambda: self.status().startswith("Ready on"), 20, "the gateway")
        # The last thing that changes with a state, after the icon.
        until(lambda: "Ready on" in self.item()["ToolTip"][1], 5, "the tooltip")

    # -- window -------------------------------------------------------------------
    def windows(self, title=TITLE):
        """The X ids of the windows of that title that are not hidden: the window manager's own list,
        because a search among all windows fails while others come and go."""
        listed = (line.split(None, 3) for line in self.output("wmctrl", "-l").splitlines())
        return [str(int(window[0], 16)) for window in listed if window[3:] == [title]]

    def wait_window(self, timeout=15.0):
        """The window, once the window manager has given it the focus."""
        def focused():
            active = self.active_window()
            return active if active in self.windows() else None

        return until(focused, timeout, "a WebChat window")

    def close_window(self):
        """What the close button of the title bar does."""
        self.output("wmctrl", "-i", "-c", self.wait_window())
        until(lambda: not self.windows(), 5, "the closed window")

    def active_window(self):
        return self.output("xdotool", "getactivewindow")

    def open_page(self):
        """Opens WebChat from the menu and returns a driver for its page."""
        self.click("Open WebChat")
        return self.page_when_open()

    def page_when_open(self):
        self.wait_window()
        return self.page()

    def page(self):
        port = free_port()
        self.run("WebKitWebDriver", "--port=%d" % port, "--target=127.0.0.1:%d" % self.inspector)
        until(lambda: answers(port), 5, "WebKitWebDriver")
        driver = webdriver.Remote(command_executor="http://127.0.0.1:%d" % port, options=ArgOptions())
        self.drivers.append(driver)
        until(lambda: driver.window_handles, 5, "a page")
        driver.switch_to.window(driver.window_handles[0])
        return driver

    def leave(self, driver):
        """Detaches a driver; the page goes on."""
        self.drivers.remove(driver)
        driver.quit()

    def picture(self, name):
        """Keeps a picture of the whole screen, as a person would see it."""
        OUT.mkdir(exist_ok=True)
        time.sleep(0.7)  # a frame may still be on its way to the screen
        self.output("import", "-window", "root", str(OUT / (name + ".png")))


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


# -- the page ---------------------------------------------------------------------
def element(driver, name, timeout=10.0):
    """The element with that test id, once it is there."""
    found = until(lambda: elements(driver, name), timeout, "[data-testid=%s]" % name)
    return found[-1]


def elements(driver, name):
    return driver.find_elements(By.CSS_SELECTOR, '[data-testid="%s"]' % name)


def say(driver, text):
    """Types a message and sends it, once the conversation is on screen."""
    until(lambda: driver.execute_script("return document.documentElement.dataset.ready"), 15,
          "a ready page")
    element(driver, "composer").send_keys(text)
    send = element(driver, "send")
    until(send.is_enabled, 10, "an enabled send button")
    send.click()


def answer(driver):
    """The text of the last answer on screen, or nothing."""
    found = elements(driver, "assistant-message")
    return found[-1].text if found else ""


def wait_answer(driver, text, timeout=20.0):
    until(lambda: text in answer(driver), timeout, "the answer %r" % text)
