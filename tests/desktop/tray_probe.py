#!/usr/bin/env python3
"""Drive a tray (StatusNotifierItem) application over D-Bus, without a panel.

The probe plays the part of a desktop panel: it owns (or finds)
org.kde.StatusNotifierWatcher on the session bus, lets applications register
their tray items, reads their menus through com.canonical.dbusmenu and clicks
menu entries.  It needs DBUS_SESSION_BUS_ADDRESS and one PyPI package:

    pip install jeepney

Usage (start `watch` BEFORE the application; the other commands attach to it):

    tray_probe.py watch                       own the watcher until SIGTERM; one
                                              JSON line per event on stdout, the
                                              first is "ready"
    tray_probe.py wait  [--timeout S]         wait until a matching item exists
    tray_probe.py wait  --label L [--checked true|false] [--enabled true|false]
                                              wait for a menu entry (in a state)
    tray_probe.py wait  --gone                wait until no matching item is left
    tray_probe.py list  [--json]              items, properties and menu trees
    tray_probe.py click LABEL [--timeout S]   e.g. click "Open WebChat"
                                              nested: click "More/Notify"
    tray_probe.py activate                    primary click on the icon itself (items made
                                              by libayatana answer UnknownMethod)

If no watcher runs, each command owns the name for its own lifetime; the
application then sees a panel come and go, which is a useful test in itself.

Options for all but watch: --item ID  only items whose Id property contains ID.
Exit status: 0 done, 1 not found or timed out, 2 no bus or wrong usage.
"""

import argparse
import collections
import hashlib
import json
import os
import sys
import time

from jeepney import (DBusAddress, HeaderFields, MessageType, MatchRule,
                     new_error, new_method_call, new_method_return, new_signal,
                     message_bus)
from jeepney.io.blocking import open_dbus_connection

WATCHER = "org.kde.StatusNotifierWatcher"
WATCHER_PATH = "/StatusNotifierWatcher"
ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"
PROPS = "org.freedesktop.DBus.Properties"
INTROSPECT = "org.freedesktop.DBus.Introspectable"
# libayatana-appindicator never asks for this; `gdbus introspect` does.
WATCHER_XML = """<node><interface name="org.kde.StatusNotifierWatcher">
<method name="RegisterStatusNotifierItem"><arg direction="in" type="s"/></method>
<method name="RegisterStatusNotifierHost"><arg direction="in" type="s"/></method>
<property name="RegisteredStatusNotifierItems" type="as" access="read"/>
<property name="IsStatusNotifierHostRegistered" type="b" access="read"/>
<property name="ProtocolVersion" type="i" access="read"/>
<signal name="StatusNotifierItemRegistered"><arg type="s"/></signal>
<signal name="StatusNotifierItemUnregistered"><arg type="s"/></signal>
<signal name="StatusNotifierHostRegistered"/></interface></node>"""


class ProbeError(Exception):
    """The bus answered with an error, or not in time."""


class Probe:
    """One bus connection; a watcher too when nobody else is."""

    def __init__(self, on_event=None, bus="SESSION"):
        self.conn = open_dbus_connection(bus=bus)
        self.items = []          # "sender/path", in order of registration
        self.on_event = on_event or (lambda *_: None)
        self.replies = {}
        self.inbox = collections.deque()
        self.owner = False

    # -- message plumbing ---------------------------------------------------
    def call(self, dest, path, iface, method, sig=None, body=(), timeout=5.0):
        addr = DBusAddress(path, bus_name=dest, interface=iface)
        return self._send(new_method_call(addr, method, sig, body), timeout)

    def _send(self, msg, timeout=5.0):
        serial = next(self.conn.outgoing_serial)
        self.conn.send(msg, serial=serial)
        end = time.monotonic() + timeout
        while serial not in self.replies:
            self.pump(end - time.monotonic())
            if serial not in self.replies and time.monotonic() > end:
                raise ProbeError("no reply to %s in %.1f s" % (
                    msg.header.fields.get(HeaderFields.member), timeout))
        reply = self.replies.pop(serial)
        if reply.header.message_type == MessageType.error:
            raise ProbeError("%s: %s" % (
                reply.header.fields.get(HeaderFields.error_name),
                " ".join(map(str, reply.body))))
        return reply.body

    def pump(self, timeout):
        """Receive at most one message and deal with it."""
        try:
            msg = self.conn.receive(timeout=max(0.0, timeout))
        except TimeoutError:
            return
        kind = msg.header.message_type
        if kind in (MessageType.method_return, MessageType.error):
            self.replies[msg.header.fields.get(HeaderFields.reply_serial)] = msg
        elif kind == MessageType.method_call:
            self._serve(msg)
        elif kind == MessageType.signal:
            self._signal(msg)

    # -- being the watcher ---------------------------------------------------
    def become_watcher(self):
        """Own the watcher name if it is free; True when we own it."""
        # flag 4: do not queue.  Reply 1 = primary owner, 4 = already ours.
        code = self._send(message_bus.RequestName(WATCHER, 4))[0]
        self.owner = code in (1, 4)
        if self.owner:
            self._send(message_bus.AddMatch(MatchRule(
                type="signal", interface="org.freedesktop.DBus",
                member="NameOwnerChanged", path="/org/freedesktop/DBus")))
            self._emit("StatusNotifierHostRegistered")
        return self.owner

    def _emit(self, name, sig=None, body=()):
        self.conn.send(new_signal(
            DBusAddress(WATCHER_PATH, interface=WATCHER), name, sig, body))

    def _properties(self):
        return {
            "RegisteredStatusNotifierItems": ("as", list(self.items)),
            "IsStatusNotifierHostRegistered": ("b", True),
            "ProtocolVersion": ("i", 0),
        }

    def _serve(self, msg):
        field = msg.header.fields.get
        member, iface = field(HeaderFields.member), field(HeaderFields.interface)
        sender = field(HeaderFields.sender)
        if member == "RegisterStatusNotifierItem":
            arg = msg.body[0]
            # Ayatana sends an object path, KDE/zbus clients a bus name.
            key = sender + arg if arg.startswith("/") else arg + "/StatusNotifierItem"
            if key not in self.items:
                self.items.append(key)
            reply = new_method_return(msg)
            self.conn.send(reply)
            self._emit("StatusNotifierItemRegistered", "s", (key,))
            self.on_event("registered", key)
            return
        if member == "RegisterStatusNotifierHost":
            reply = new_method_return(msg)
        elif iface == PROPS and member == "Get" and msg.body[1] in self._properties():
            reply = new_method_return(msg, "v", (self._properties()[msg.body[1]],))
        elif iface == PROPS and member == "GetAll":
            reply = new_method_return(msg, "a{sv}", (self._properties(),))
        elif iface == INTROSPECT:
            reply = new_method_return(msg, "s", (WATCHER_XML,))
        else:
            reply = new_error(msg, "org.freedesktop.DBus.Error.UnknownMethod",
                              "s", ("%s.%s" % (iface, member),))
        self.conn.send(reply)

    def _signal(self, msg):
        if msg.header.fields.get(HeaderFields.member) != "NameOwnerChanged":
            return
        name, _old, new = msg.body
        if new:
            return
        for key in [k for k in self.items if k.split("/", 1)[0] == name]:
            self.items.remove(key)
            self._emit("StatusNotifierItemUnregistered", "s", (key,))
            self.on_event("unregistered", key)

    # -- being the panel -----------------------------------------------------
    def find(self, item_id=None):
        """The registered items as dicts of their properties."""
        if self.owner:
            self.pump(0.05)
            keys = list(self.items)
        else:
            keys = self.call(WATCHER, WATCHER_PATH, PROPS, "Get", "ss",
                             (WATCHER, "RegisteredStatusNotifierItems"))[0][1]
        found = []
        for key in keys:
            dest, _, path = key.partition("/")
            try:
                raw = self.call(dest, "/" + path, PROPS, "GetAll", "s", (ITEM,))[0]
            except ProbeError:
                continue              # went away between the two calls
            item = {"service": dest, "path": "/" + path}
            for name in ("Id", "Title", "Status", "Category", "IconName",
                         "IconThemePath", "Menu", "XAyatanaLabel", "ToolTip",
                         "ItemIsMenu"):
                if name in raw:
                    item[name] = raw[name][1]
            if "ToolTip" in item:
                item["ToolTip"] = list(item["ToolTip"][2:])   # without its pixmaps
            item["IconDigest"] = hashlib.sha256(
                repr(raw.get("IconPixmap")).encode()).hexdigest()[:16]
            item["IconPixmap"] = [[w, h] for w, h, _ in raw.get("IconPixmap", ("", []))[1]]
            if item_id is None or item_id in str(item.get("Id", "")):
                found.append(item)
        return found

    def menu(self, item):
        """The whole menu as nested dicts; entries are read afresh."""
        path = item.get("Menu")
        if not path or path == "/NO_DBUSMENU":
            return None
        try:
            self.call(item["service"], path, MENU, "AboutToShow", "i", (0,))
        except ProbeError:
            pass                      # optional in practice
        layout = self.call(item["service"], path, MENU, "GetLayout", "iias",
                           (0, -1, []))[1]
        return entry(layout)

    def event(self, item, entry_id, name="clicked"):
        self.call(item["service"], item["Menu"], MENU, "Event", "isvu",
                  (entry_id, name, ("i", 0), int(time.time()) & 0xFFFFFFFF))


def entry(node):
    """One dbusmenu layout node -> dict (label without its mnemonic mark)."""
    ident, props, children = node
    plain = {k: v[1] for k, v in props.items()}
    out = {"id": ident, "label": plain.get("label", "").replace("__", "\0")
           .replace("_", "").replace("\0", "_")}
    if plain.get("type") == "separator":
        out["separator"] = True
    out["enabled"] = plain.get("enabled", True)
    out["visible"] = plain.get("visible", True)
    if plain.get("toggle-type"):
        out["toggle"] = plain["toggle-type"]
        out["checked"] = plain.get("toggle-state") == 1
    if children:
        out["children"] = [entry(c[1]) for c in children]
    return out


def pick(menu, wanted):
    """The entry at LABEL or LABEL/SUBLABEL/...; None when there is none."""
    node = menu
    for part in wanted.split("/"):
        node = next((c for c in (node or {}).get("children", [])
                     if c["label"] == part), None)
    return node


def show(menu, depth=1):
    for c in menu.get("children", []):
        mark = ""
        if "toggle" in c:
            mark = "[x] " if c["checked"] else "[ ] "
        label = "--------" if c.get("separator") else mark + c["label"]
        flags = "".join([" (disabled)" * (not c["enabled"]),
                         " (hidden)" * (not c["visible"])])
        print("%s%-3d %s%s" % ("  " * depth, c["id"], label, flags))
        show(c, depth + 1)


def until(probe, timeout, test):
    """Poll `test` until it gives something true or the time is over."""
    end = time.monotonic() + timeout
    while True:
        try:
            got = test()
        except ProbeError:
            got = None
        if got:
            return got
        if time.monotonic() >= end:
            return None
        probe.pump(0.05)
        time.sleep(0.02)


def main():
    top = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = top.add_subparsers(dest="cmd", required=True)
    for name in ("watch", "wait", "list", "click", "activate"):
        p = sub.add_parser(name)
        p.add_argument("--timeout", type=float, default=10.0)
        if name != "watch":
            p.add_argument("--item", help="part of the item's Id")
        if name == "list":
            p.add_argument("--json", action="store_true")
        if name == "click":
            p.add_argument("label")
        if name == "wait":
            p.add_argument("--label")
            p.add_argument("--gone", action="store_true")
            for flag in ("--checked", "--enabled"):
                p.add_argument(flag, choices=("true", "false"))
    a = top.parse_args()

    start = time.monotonic()

    def report(what, key):
        print(json.dumps({"t": round(time.monotonic() - start, 3),
                          "unix": round(time.time(), 3),
                          "event": what, "item": key}), flush=True)

    try:
        probe = Probe(report if a.cmd == "watch" else None)
    except (KeyError, OSError) as e:
        print("tray_probe: no session bus: %r" % e, file=sys.stderr)
        return 2
    owner = probe.become_watcher()

    if a.cmd == "watch":
        # Another command may hold the name for a moment: wait for our turn.
        if not (owner or until(probe, a.timeout, probe.become_watcher)):
            print("tray_probe: another watcher owns " + WATCHER, file=sys.stderr)
            return 1
        report("ready", "pid %d" % os.getpid())
        while True:
            probe.pump(3600)

    if a.cmd == "wait":
        def test():
            items = probe.find(a.item)
            if a.gone:
                return not items
            for item in items:
                if not a.label:
                    return item
                node = pick(probe.menu(item), a.label)
                if node and all(getattr(a, f) is None or
                                str(node.get(f, False)).lower() == getattr(a, f)
                                for f in ("checked", "enabled")):
                    return node
            return None
        got = until(probe, a.timeout, test)
        if got and got is not True:
            print(json.dumps(got))
        return 0 if got else 1

    # The other commands give the application a moment to register.
    items = until(probe, a.timeout, lambda: probe.find(a.item))
    if not items:
        print("tray_probe: no tray item", file=sys.stderr)
        return 1

    if a.cmd == "list":
        for item in items:
            item["menu"] = probe.menu(item)
        if a.json:
            print(json.dumps(items, indent=1))
        else:
            for item in items:
                print("%s%s  Id=%s Status=%s Title=%r Icon=%s" % (
                    item["service"], item["path"], item.get("Id"),
                    item.get("Status"), item.get("Title"),
                    item.get("IconName") or item["IconPixmap"]))
                if item["menu"]:
                    show(item["menu"])
        return 0

    if a.cmd == "activate":
        try:
            probe.call(items[0]["service"], items[0]["path"], ITEM, "Activate",
                       "ii", (0, 0))
        except ProbeError as e:
            print("tray_probe: %s" % e, file=sys.stderr)
            return 1
        return 0

    # click
    def look():
        for item in items:
            node = pick(probe.menu(item), a.label)
            if node:
                return item, node
        return None
    hit = until(probe, a.timeout, look)
    if not hit:
        print("tray_probe: no menu entry %r" % a.label, file=sys.stderr)
        return 1
    item, node = hit
    if not node["enabled"]:
        print("tray_probe: %r is disabled" % a.label, file=sys.stderr)
        return 1
    probe.event(item, node["id"])
    print(json.dumps(node))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ProbeError as e:
        print("tray_probe: %s" % e, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(0)
