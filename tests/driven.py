"""Starts one bruco-worker as the driver does, gives it frames, and shows what it makes of them.

    python3 driven.py CONFIG FRAMES [eof|keep|leave]

CONFIG is the YAML document that the worker gets, FRAMES an expression of frames.py. Then its input
ends (eof), or stays open while the driver lives on (keep) or is gone (leave). Shown are the READY
message, the exit status, the outputs' values, the log without times, and the shared page. The
layouts are those of lib/lane/control.h and lib/stats/page.h.
"""

import io
import mmap
import os
import shutil
import socket
import struct
import sys

import frames

MESSAGE = struct.Struct("<7IiQIIQ")  # type lane life lanes level format flags status seq page
HELLO, READY = 1, 5
LANE, LIFE = 2, 5


def memory_file(content):
    fd = os.memfd_create("file")
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def start(control, printed):
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open("/dev/null", os.O_RDWR), 0)
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        os.dup2(control, 3)
        os.closerange(4, 256)
        os.execv(shutil.which("bruco-worker"), ["bruco-worker", "--driver", "3"])
    return pid


def read_all(fd):
    with open(fd, "rb") as stream:
        return stream.read()


def main(config, expression, then="eof"):
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control.settimeout(10)
    page_fd = memory_file(bytes(4096))
    page = mmap.mmap(page_fd, 4096)
    (in_read, in_write), (out_read, out_write) = os.pipe(), os.pipe()
    (log_read, log_write), (print_read, print_write) = os.pipe(), os.pipe()
    pid = start(theirs.fileno(), print_write)
    theirs.close()
    given = [memory_file(config.encode()), page_fd, in_read, out_write, log_write]
    socket.send_fds(control, [MESSAGE.pack(HELLO, LANE, LIFE, 4, 2, 0, 0, 0, 0, 0, 0, 0)], given)
    for fd in (*given, print_write):
        os.close(fd)
    ready = control.recv(4096)
    print("ready", bool(ready) and MESSAGE.unpack(ready)[:3] == (READY, LANE, LIFE))
    os.write(in_write, eval(expression, vars(frames)))
    if then == "eof":
        os.close(in_write)
    elif then == "leave":
        control.close()
    print("status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    for frame in frames.read(io.BytesIO(read_all(out_read))):
        print("out", frame.seq, frame.type, frame.value)
    for line in read_all(log_read).decode().splitlines():
        print("log", line.partition("Z ")[2] or line)
    print("printed", read_all(print_read))
    state, attempt, seq = struct.unpack_from("<IIQ", page)
    print("page", "state", state, "attempt", attempt, "seq", seq)
    counters = struct.unpack_from("<6Q", page, 64)
    print("counters", *counters)


if __name__ == "__main__":
    main(*sys.argv[1:])
