"""What is at the far end of a connection: a second gateway, a real sshd, a TLS front; and the page's
commands for it."""

import hashlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

from desktop import CLI, children, element, free_port, kill, until

TOKEN = "far-gateway-token"


def connection_page(desktop, page):
    """Opens the connection settings and returns what they say about the state."""
    desktop.click("Settings")
    element(page, "settings-connection", 15).click()
    return lambda: element(page, "connection-state").text


class Sshd:
    """A real sshd on loopback, and an ssh configuration with the alias `far` for it."""

    def __init__(self, desktop, more="", passphrase="", within=()):
        self.directory = desktop.root / "sshd"
        self.directory.mkdir(mode=0o700)
        os.makedirs("/run/sshd", exist_ok=True)
        for name, secret in (("host", ""), ("id", passphrase)):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", secret, "-f", self.path(name)], check=True)
        self.port = free_port()
        (self.directory / "sshd_config").write_text("\n".join([
            more, "Port %d" % self.port, "ListenAddress 127.0.0.1", "HostKey " + self.path("host"),
            "PidFile none", "AuthorizedKeysFile " + self.path("id.pub"), "StrictModes no", "UsePAM no",
            "PasswordAuthentication no", "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password", ""]))
        config = self.path("config")
        (self.directory / "config").write_text("\n".join([
            "Host far", " HostName 127.0.0.1", " Port %d" % self.port, " User root",
            " IdentityFile " + self.path("id"), " IdentityAgent none",
            " UserKnownHostsFile " + self.path("known_hosts"), " GlobalKnownHostsFile /dev/null",
            # What the tutorials teach; it must not be in the way.
            " LocalForward %d 127.0.0.1:1" % desktop.port,
            "Host nowhere", " HostName no-such-machine.invalid", ""]))
        # The home directory of ssh is that of the account, not of HOME.
        desktop.program("ssh", 'exec /usr/bin/ssh -F "%s" "$@"\n' % config)
        self.process = desktop.run(*within, "/usr/sbin/sshd", "-D", "-e", "-f", self.path("sshd_config"))

    def path(self, name):
        return str(self.directory / name)

    def trust(self):
        """Puts the host key where it counts as known, and waits for the server."""
        kind, key = (self.directory / "host.pub").read_text().split()[:2]
        (self.directory / "known_hosts").write_text("[127.0.0.1]:%d %s %s\n" % (self.port, kind, key))

        def listens():
            with socket.socket() as visitor:
                return visitor.connect_ex(("127.0.0.1", self.port)) == 0

        until(listens, 15, "sshd")

    def jump(self, passphrase):
        """Puts another machine on the way, with a key of its own that opens this one too."""
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", self.path("jump")], check=True)
        with open(self.path("id.pub"), "a") as keys:
            keys.write((self.directory / "jump.pub").read_text())
        config = self.directory / "config"
        text = config.read_text().replace("Host far", "Host far\n ProxyJump jump")
        jump = text[:text.index(" LocalForward")].replace("Host far\n ProxyJump jump", "Host jump")
        config.write_text(text + jump.replace(self.path("id"), self.path("jump")))

    def drop_sessions(self):
        """Ends every connection to it, as when the network breaks; how many there were."""
        sessions = children(self.process.pid)
        for session in sessions:
            kill(session)
        return len(sessions)

    def freeze(self, listener=False):
        """Stops every connection to it, and on demand the server as well; what has to be thawed."""
        frozen = [*([self.process.pid] if listener else []), *children(self.process.pid)]
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        return frozen

    def thaw(self, frozen):
        for pid in frozen:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass  # its far end is gone, and it was told so


class Accounts:
    """The accounts of a machine with one more, `visitor`, who signs in with a password and, on demand, one-time
    codes. Only what is started `within` sees them."""

    SECRET = "3132333435363738393031323334353637383930"

    def __init__(self, desktop, password):
        self.directory = desktop.root / "accounts"
        self.directory.mkdir()
        hashed = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=password, text=True,
                                capture_output=True, check=True).stdout.strip()
        codes = self.directory / "codes"
        codes.write_text("HOTP visitor - %s\n" % self.SECRET)
        codes.chmod(0o600)
        asks = ["auth requisite pam_unix.so", "auth required pam_oath.so usersfile=%s window=5" % codes,
                "account required pam_permit.so", "session required pam_permit.so"]
        self._write("etc/passwd", "visitor:x:64000:64000::/:/bin/sh")
        self._write("etc/shadow", "visitor:%s:20000:0:99999:7:::" % hashed)
        self._write("etc/pam.d/sshd", *asks, kept=False)
        over = " && ".join("mount --bind %s/%s /%s" % (self.directory, file, file)
                           for file in ("etc/passwd", "etc/shadow", "etc/pam.d/sshd"))
        self.within = ("unshare", "--mount", "sh", "-c", over + ' && exec "$@"', "sh")

    def _write(self, name, *lines, kept=True):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((Path("/", name).read_text() if kept else "") + "".join(line + "\n" for line in lines))
        path.chmod(Path("/", name).stat().st_mode)

    def code(self, count):
        """The one-time code of that count."""
        return subprocess.run(["oathtool", "--counter", str(count), self.SECRET], capture_output=True, text=True,
                              check=True).stdout.strip()


def far_gateway(desktop, model_url, **gateway):
    """A second gateway, with a home and settings of its own; returns its port."""
    home, port = desktop.root / "far", free_port()
    state = home / ".clawdbot"
    state.mkdir(parents=True, mode=0o700)
    provider = {"baseUrl": model_url, "apiKey": "k", "api": "openai-completions",
                "models": [{"id": "mock-1", "name": "Mock"}]}
    (state / "clawdbot.json").write_text(json.dumps({
        "gateway": {"mode": "local", "auth": {"mode": "token", "token": TOKEN}, **gateway},
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


def ask_door(port, *headers):
    """What a program gets that asks the front door with these headers: up to a challenge or a refusal."""
    with socket.create_connection(("127.0.0.1", port), timeout=15) as visitor:
        lines = ["GET / HTTP/1.1", *headers, "", ""]
        visitor.sendall("\r\n".join(lines).encode())
        text = b""
        while not re.search(b"connect.challenge|^HTTP/1.1 (403|409|502) ", text) and (more := visitor.recv(65536)):
            text += more
    return text.decode("utf-8", "replace")


UPGRADE = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")


def challenged(port):
    """Whether a new connection through the front door gets as far as the gateway's challenge."""
    try:
        return "connect.challenge" in ask_door(port, "Host: 127.0.0.1:%d" % port, *UPGRADE)
    except OSError:
        return False


class Front:
    """Something in front of a gateway, with a port of its own; `serve` is what it does with a visitor."""

    def __init__(self, gateway, host="127.0.0.1", port=0):
        self.gateway = gateway
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, port), family=family)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                visitor, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(visitor,), daemon=True).start()

    def _serve(self, visitor):
        try:
            with visitor:
                self.serve(visitor)
        except OSError:
            pass  # either side is gone

    def serve(self, visitor):
        self.pass_on(visitor)

    def pass_on(self, visitor, head=b""):
        with socket.create_connection(("127.0.0.1", self.gateway)) as gateway:
            gateway.sendall(head)
            threading.Thread(target=self.bring, args=(gateway, visitor), daemon=True).start()
            pump(visitor, gateway)

    def bring(self, gateway, visitor):
        """Carries what the gateway says."""
        pump(gateway, visitor)


class SlowFront(Front):
    """What lets every visitor wait for so many seconds."""

    def __init__(self, gateway, seconds, **options):
        self.seconds = seconds
        super().__init__(gateway, **options)

    def serve(self, visitor):
        time.sleep(self.seconds)
        self.pass_on(visitor)


class Authority:
    """Somebody who issues certificates, and whom the app trusts from now on."""

    def __init__(self, desktop):
        self.directory = desktop.root / "authority"
        self.directory.mkdir()
        (self.directory / "index").touch()
        (self.directory / "conf").write_text("\n".join([
            "[ca]", "default_ca = own", "[own]", "new_certs_dir = .", "database = index", "rand_serial = yes",
            "default_md = sha256", "policy = any", "copy_extensions = copy", "unique_subject = no",
            "certificate = ca.pem", "private_key = ca.key", "[any]", "commonName = supplied", ""]))
        self.openssl("req", "-x509", *NEW_KEY, "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
        desktop.env["SSL_CERT_FILE"] = str(self.directory / "ca.pem")

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True)

    def issue(self, name, until="20990101000000Z"):
        """A certificate for that name, and its key."""
        certificate, key = ("%s-%s.%s" % (name, until, kind) for kind in ("pem", "key"))
        self.openssl("req", *NEW_KEY, "-subj", "/CN=" + name, "-addext", "subjectAltName=DNS:" + name,
                     "-keyout", key, "-out", "request.pem")
        self.openssl("ca", "-batch", "-notext", "-config", "conf", "-startdate", "20200101000000Z",
                     "-enddate", until, "-in", "request.pem", "-out", certificate)
        return str(self.directory / certificate), str(self.directory / key)


NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class TlsFront(Front):
    """What ends TLS in front of a gateway, serving the one name it has: `localhost` and its port. It vouches
    for itself unless it has a certificate and its key, and may add a header line to every request."""

    def __init__(self, desktop, gateway, issued=None, header=""):
        self.added = header and ("\r\n" + header).encode()
        certificate, key = issued or (str(desktop.root / "front.pem"), str(desktop.root / "front.key"))
        if not issued:
            subprocess.run(["openssl", "req", "-x509", *NEW_KEY, "-days", "2", "-subj", "/CN=localhost", "-addext",
                            "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
                           check=True, capture_output=True)
        der = ssl.PEM_cert_to_DER_cert(open(certificate).read())
        self.fingerprint = hashlib.sha256(der).hexdigest()
        self.heads = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        super().__init__(gateway)
        self.name = "localhost:%d" % self.port
        self.url = "wss://" + self.name

    def serve(self, visitor):
        with self.context.wrap_socket(visitor, server_side=True) as visitor:
            head = b""
            while b"\r\n\r\n" not in head:
                more = visitor.recv(65536)
                if not more:
                    return
                head += more
            self.heads.append(head.decode())
            if ("host: %s\r\n" % self.name) not in head.decode().lower():
                return visitor.sendall(b"HTTP/1.1 421 Misdirected Request\r\ncontent-length: 0\r\n\r\n")
            first, rest = head.split(b"\r\n", 1)
            self.pass_on(visitor, first + (self.added or b"") + b"\r\n" + rest)


class Wire(Front):
    """A way to a gateway that can be cut, that can fall silent, and that can keep back what comes from there."""

    def __init__(self, gateway, **options):
        self.changed = threading.Condition()
        self.pattern = None
        self.kept = 0
        self.taken = 0
        self.ends = []
        self.silent = []
        super().__init__(gateway, **options)

    def __exit__(self, *_):
        super().__exit__()
        self.let_go()
        self.cut()

    def keep_back(self, pattern):
        """From now on a connection brings nothing more from where it brings this."""
        with self.changed:
            self.pattern, self.kept = pattern, 0

    def let_go(self):
        with self.changed:
            self.pattern = None
            self.changed.notify_all()

    def cut(self):
        """Ends every connection; new ones are welcome."""
        with self.changed:
            ends, self.ends = self.ends, []
        for end in ends:
            close(end)

    def fall_silent(self):
        """The connections of now stay open and bring nothing more; how many they are."""
        with self.changed:
            self.silent = list(self.ends)
            return len(self.silent) // 2

    def bring(self, gateway, visitor):
        with self.changed:
            self.taken += 1
            self.ends += [visitor, gateway]
        pump(gateway, visitor, self._pass)

    def _pass(self, gateway, brought):
        """Whether what was brought is passed on, now or once it is let go."""
        with self.changed:
            if self.pattern and re.search(self.pattern, brought):
                self.kept += 1
                self.changed.wait_for(lambda: self.pattern is None)
                del brought[:]
            return gateway not in self.silent


def pump(source, sink, passes=None):
    """Carries what `passes` lets through, which sees the last of it, until either end is gone."""
    brought = bytearray()
    try:
        while data := source.recv(65536):
            brought += data
            del brought[:-100_000]
            if passes is None or passes(source, brought):
                sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        close(end)


def close(end):
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
