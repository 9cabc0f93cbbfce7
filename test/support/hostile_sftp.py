"""An SFTP server that lies. Its only argument names the lie; everything else it says is plausible."""

import struct
import sys
import time

LIE = sys.argv[1]
FOLDER, FILE, LINK, FIFO = 0o040755, 0o100644, 0o120777, 0o010644
STATUS, HANDLE, DATA, NAME, ATTRS = 101, 102, 103, 104, 105
OUT = sys.stdout.buffer


def string(data):
    return struct.pack(">I", len(data)) + data


def send(kind, payload):
    OUT.write(struct.pack(">IB", len(payload) + 1, kind) + payload)
    OUT.flush()


def attrs(mode, size=0):
    return struct.pack(">IQI", 0x5, size, mode)


def status(ident, code, text=b""):
    send(STATUS, struct.pack(">II", ident, code) + string(text) + string(b""))


def names(ident, entries):
    body = b"".join(string(name) + string(b"") + attrs(mode, size) for name, mode, size in entries)
    send(NAME, struct.pack(">II", ident, len(entries)) + body)


# What the folder "tree" holds, and what a link says.
LISTS = {
    "slash": [(b"ok", FILE, 2), (b"../evil", FILE, 2)],
    "absolute": [(b"/tmp/evil", FILE, 2)],
    "empty-name": [(b"", FILE, 2)],
    "nul": [(b"a\0b", FILE, 2)],
    "twice": [(b"x", LINK, 0), (b"x", FOLDER, 0)],
    "link-out": [(b"x", LINK, 0), (b"ok", FILE, 2)],
    "size-huge": [(b"f", FILE, 1 << 45)],
    "size-beyond": [(b"f", FILE, 1 << 63)],
    "size-small": [(b"f", FILE, 10)],
    "set-uid": [(b"f", 0o106777, 2), (b"d", 0o042777, 0)],
    "fifo": [(b"f", FILE, 2), (b"p", FIFO, 0)],
    "words": [(b"f", FILE, 2)],
    "too-much": [(b"f", FILE, 10)],
    "long-handle": [(b"f", FILE, 10)],
    "plain": [(b"ok", FILE, 2)],
}
# A name that comes again counts as well as a new one.
MANY = (string(b"n") + string(b"") + attrs(FILE)) * 6000
listed = {}


def content(ident, offset, length):
    if LIE == "size-small":
        return send(DATA, struct.pack(">I", ident) + string(b"x" * length))
    if LIE == "too-much":
        return send(DATA, struct.pack(">I", ident) + string(b"x" * (length + 1)))
    data = (b"0123456789" if LIE == "size-huge" else b"ok")[offset : offset + length]
    if not data:
        return status(ident, 1)
    send(DATA, struct.pack(">I", ident) + string(data))


def readdir(ident, handle):
    count = listed[handle] = listed.get(handle, 0) + 1
    if LIE == "endless":
        return send(NAME, struct.pack(">II", ident, 6000) + MANY)
    if LIE == "no-names":
        return names(ident, [])
    if LIE == "many-counted":
        return send(NAME, struct.pack(">II", ident, 0xFFFFFFFF))
    if count > 1:
        return status(ident, 1)
    if LIE == "deep":
        return names(ident, [(b"d", FOLDER, 0)])
    if handle.endswith(b"/x") or handle.endswith(b"/d"):
        return names(ident, [(b"evil", FILE, 2)])
    return names(ident, LISTS[LIE])


def kind_of(path):
    name = path.split(b"/")[-1]
    if name in (b"tree", b"d", b"x", b"."):
        return FOLDER
    return FILE


def answer(kind, ident, body):
    first = body[4 : 4 + struct.unpack(">I", body[:4])[0]] if len(body) >= 4 else b""
    if LIE == "hang":
        time.sleep(1000)
    if LIE == "stranger":
        return status(ident + 1000, 0)
    if LIE == "wrong-kind":
        return send(HANDLE, struct.pack(">I", ident) + string(b"h"))
    if LIE == "long-message":
        OUT.write(struct.pack(">IB", 1 << 30, ATTRS))
        return OUT.flush()
    if LIE == "cut":
        return send(ATTRS, struct.pack(">II", ident, 0x5))
    if kind == 3:
        if LIE == "words":
            return status(ident, 4, b"\x1b[2Jboo\r\n")
        return send(HANDLE, struct.pack(">I", ident) + string(first * (100 if LIE == "long-handle" else 1)))
    if kind == 5:
        rest = body[4 + len(first) :]
        return content(ident, *struct.unpack(">QI", rest[:12]))
    if kind in (7, 17):
        return send(ATTRS, struct.pack(">I", ident) + attrs(kind_of(first)))
    if kind == 8:
        entry = {name: (mode, size) for name, mode, size in LISTS.get(LIE, [])}
        mode, size = entry.get(first.split(b"/")[-1], (FILE, 2))
        return send(ATTRS, struct.pack(">I", ident) + attrs(FIFO if LIE == "fifo" else mode, size))
    if kind == 11:
        handle = b"%d" % ident if LIE == "deep" else first
        return send(HANDLE, struct.pack(">I", ident) + string(handle))
    if kind == 12:
        return readdir(ident, first)
    if kind == 19:
        return names(ident, [(b"../outside", 0, 0)])
    status(ident, 0)


def read(length):
    data = sys.stdin.buffer.read(length)
    if len(data) < length:
        sys.exit(0)
    return data


if LIE == "garbage":
    print("Welcome to this machine!", flush=True)
while True:
    (length,) = struct.unpack(">I", read(4))
    message = read(length)
    if message[0] == 1:
        send(2, struct.pack(">I", 3))
    else:
        answer(message[0], struct.unpack(">I", message[1:5])[0], message[5:])
