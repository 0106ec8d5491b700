"""What a hostile handler forges, by the descriptors of its own worker: frames on its lane, messages on its control
socket, its page. For a handler's folder, together with frames.py."""

import ctypes
import os
import socket
import struct

import frames

CONTROL, OUT = 64, 67  # found by hand


def head(kind, flags, seq, length, attempt=0, check=None):
    """A frame's head, whatever its length is."""
    first = struct.pack("<2sBBHHI", b"Br", 1, kind, flags, attempt, length)
    if check is None:
        check = frames.check(first + struct.pack("<IQ", 0, seq))
    return first + struct.pack("<IQ", check, seq)


def mark(seq, first):
    """The end of all inputs from `first` to `seq`."""
    return head(2, 1, seq, 32) + struct.pack("<Q", first)


def record(seq, value=b"forged", kind=1, flags=1, topic=b"", headers=(), attempt=0, more=0):
    """An output; `more`: bytes that its length claims besides."""
    packed = b"".join(struct.pack("<Ii", len(n), len(v)) + n + v for n, v in headers)
    length = 64 + len(topic) + len(packed) + len(value)
    return (head(kind, flags, seq, length + more, attempt) +
            struct.pack("<qqiIiiII", -1, -1, -1, len(topic), -1, len(value), len(headers), len(packed)) +
            topic + packed + value)


def write(data):
    """All of it into the lane."""
    while data:
        data = data[os.write(OUT, data):]


def message(kind, depth=0, seq=0, attempt=0):
    """As lib/control/messages.h has it."""
    return struct.pack("<IIIIIIIiIIQIIQQQ", kind, 0, 0, 0, 0, 0, 0, 0, depth, 0, seq, 0, attempt, 0, 0, 0)


def send(data, fds=()):
    """On the control socket."""
    with socket.socket(fileno=os.dup(CONTROL)) as control:
        control.setblocking(True)
        return socket.send_fds(control, [data], fds)


def page():
    """Where the page is."""
    with open("/proc/self/maps") as maps:
        return next(int(line.split("-")[0], 16) for line in maps if "memfd:bruco-page" in line)


def page_seq():
    """The number of the event that runs now."""
    return ctypes.c_uint64.from_address(page() + 8).value


def page_write(state, attempt, seq, since=0, first=0, last=0):
    values = (value & 2**64 - 1 for value in (state, attempt, seq, since, first, last))
    ctypes.memmove(page(), struct.pack("<IIQQQQ", *values), 40)
