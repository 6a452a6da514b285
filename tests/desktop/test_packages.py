"""The packages, as `installer/package.sh` makes them, and taking the app away again."""

import gzip
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from desktop import APP, Desktop, HERE, until

BUNDLE = Path(os.environ.get("CLAWDBOT_BUNDLE", HERE.parents[1] / "target/release/bundle"))
SYSTEM = "/usr/share/applications/Clawdbot.desktop"


def package(ending):
    return next(iter(BUNDLE.glob("*/*." + ending)), None)


def libraries_of_this_system(work):
    """An rpm that stands for this system: it has the libraries that are here, for others to require."""
    listed = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    names = {line.split()[0] for line in listed.splitlines() if "x86-64" in line}
    lines = ["Name: system", "Version: 1", "Release: 1", "License: none", "Summary: This system",
             *("Provides: %s()(64bit)" % name for name in sorted(names)), "%description", "This system.", "%files"]
    Path(work, "system.spec").write_text("\n".join(lines) + "\n")
    subprocess.run(["rpmbuild", "-bb", "--define", "_topdir " + work, work + "/system.spec"],
                   check=True, capture_output=True)
    return next(Path(work, "RPMS").rglob("*.rpm"))


@unittest.skipUnless(package("deb"), "no package; installer/package.sh makes one")
class Packages(unittest.TestCase):
    def unpacked(self):
        root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        subprocess.run(["dpkg-deb", "-x", package("deb"), root], check=True)
        return root

    def test_the_deb_has_everything(self):
        root = self.unpacked()
        for program in ("clawdbot", "clawdbot-desktop"):
            self.assertTrue(os.access(root / "usr/bin" / program, os.X_OK), program)
        entry = (root / SYSTEM[1:]).read_text()
        self.assertIn("Exec=clawdbot-desktop %u", entry)
        self.assertIn("MimeType=x-scheme-handler/clawdbot;", entry)
        self.assertEqual(subprocess.run(["desktop-file-validate", root / SYSTEM[1:]]).returncode, 0)
        self.assertTrue(list((root / "usr/share/icons/hicolor").rglob("clawdbot-desktop.png")))
        for completion in ("bash-completion/completions/clawdbot", "zsh/vendor-completions/_clawdbot",
                           "fish/vendor_completions.d/clawdbot.fish"):
            self.assertIn("gateway", (root / "usr/share" / completion).read_text(), completion)
        for page in ("clawdbot", "clawdbot-gateway-install", "clawdbot-desktop"):
            text = gzip.decompress((root / f"usr/share/man/man1/{page}.1.gz").read_bytes()).decode()
            self.assertRegex(text, f"(?m)^.TH {page} 1 ", page)

    def installed(self, install, remove):
        """Installs the app, uses it, and removes it."""
        if os.geteuid() != 0 or Path("/usr/bin/clawdbot-desktop").exists():
            self.skipTest("installs a package: needs root, and no such package yet")
        self.addCleanup(subprocess.run, remove, capture_output=True)
        subprocess.run(install, check=True, capture_output=True)
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        desktop.start("--hidden", program="/usr/bin/clawdbot-desktop")
        desktop.wait_ready()
        self.assertNotIn("command", desktop.item()["ToolTip"][1], "the command is beside the app")
        desktop.click("Open WebChat")
        desktop.wait_window()
        desktop.click("Quit")
        self.assertEqual(desktop.app.wait(15), 0)
        subprocess.run(remove, check=True, capture_output=True)
        left = [path for path in ("/usr/bin/clawdbot-desktop", "/usr/bin/clawdbot", SYSTEM) if Path(path).exists()]
        self.assertEqual(left, [])

    def test_the_deb_is_installed_starts_and_goes_again(self):
        self.installed(["dpkg", "-i", package("deb")], ["dpkg", "--purge", "clawdbot"])

    @unittest.skipUnless(package("rpm"), "no rpm")
    def test_the_rpm_is_installed_starts_and_goes_again(self):
        work = self.enterContext(tempfile.TemporaryDirectory())
        # A database of its own: nothing but the package itself reaches this system.
        rpm = ["rpm", "--dbpath", work + "/db"]
        subprocess.run([*rpm, "--install", "--justdb", libraries_of_this_system(work)], check=True, capture_output=True)
        self.installed([*rpm, "--install", package("rpm")], [*rpm, "--erase", "clawdbot"])

    @unittest.skipUnless(package("rpm"), "no rpm")
    def test_the_rpm_has_the_same(self):
        listed = subprocess.run(["rpm", "-qlp", package("rpm")], capture_output=True, text=True, check=True)
        for path in ("/usr/bin/clawdbot", "/usr/bin/clawdbot-desktop", SYSTEM,
                     "/usr/share/zsh/site-functions/_clawdbot", "/usr/share/man/man1/clawdbot.1.gz",
                     "/usr/share/man/man1/clawdbot-desktop.1.gz"):
            self.assertIn(path + "\n", listed.stdout)


class Uninstall(unittest.TestCase):
    def test_what_the_app_put_elsewhere_goes_and_the_rest_is_named(self):
        desktop = self.enterContext(Desktop())
        desktop.configure("http://127.0.0.1:9/v1")
        desktop.start("--hidden")
        desktop.wait_ready()
        entry = desktop.home / ".config/autostart/Clawdbot.desktop"
        desktop.click("Start at login")
        until(entry.exists, 5, "the login entry")
        choices = desktop.home / ".config/mimeapps.list"
        choices.write_text("[Default Applications]\nx-scheme-handler/clawdbot=x.desktop\ntext/html=y.desktop\n")
        # While it runs it would put everything back.
        running = subprocess.run([APP, "--uninstall"], env=desktop.env, capture_output=True, text=True)
        self.assertEqual((running.returncode, running.stdout), (1, ""))
        self.assertIn("Clawdbot is running", running.stderr)
        self.assertTrue(entry.exists())
        desktop.click("Quit")
        desktop.app.wait(15)
        said = desktop.output(APP, "--uninstall")
        self.assertFalse(entry.exists())
        self.assertEqual(choices.read_text(), "[Default Applications]\ntext/html=y.desktop\n")
        self.assertIn("Start at login: removed.", said)
        for kept in (".clawdbot", "clawd"):
            self.assertIn("  %s\n" % (desktop.home / kept), said)
        self.assertTrue((desktop.home / ".clawdbot/clawdbot.json").exists())
        self.assertIn("Start at login: there was nothing to remove.", desktop.output(APP, "--uninstall"))


if __name__ == "__main__":
    unittest.main()
