"""Starts one bruco-worker as the driver does, gives it frames, and shows what it makes of them.

    python3 driven.py CONFIG FRAMES [STEP ...]

CONFIG is the YAML document that the worker gets, FRAMES an expression of frames.py. Then come the
steps, by default eof:

    eof          its input ends; without this it stays open
    leave        the driver is gone
    kill NAME    sends it SIGNAME
    give FRAMES  gives it more
    wait TEXT    until the expression is true; it may use the page's state (0 idle, 1 running, 2
                 writing), attempt, seq and ran (seconds since it began), and the modules os and time

Shown are the READY message, the exit status, the outputs, the log without times, and the shared
page. The layouts are those of lib/control/messages.h and lib/stats/page.h.
"""

import io
import mmap
import os
import shutil
import signal
import socket
import struct
import sys
import time

import frames

MESSAGE = struct.Struct("<7Ii2IQIIQQQ")  # type lane life lanes level format flags status depth - seq page
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


def page_fields(page):
    state, attempt, seq, since = struct.unpack_from("<IIQq", page)
    ran = time.monotonic() - since / 1e9
    return {"state": state, "attempt": attempt, "seq": seq, "ran": ran}


def wait(page, text):
    deadline = time.monotonic() + 10
    while not eval(text, {"os": os, "time": time}, fields := page_fields(page)):
        if time.monotonic() > deadline:
            sys.exit(f"waited in vain for {text}: {fields}")
        time.sleep(0.001)


def show(frame):
    print("out", frame.seq, frame.type, frame.value)
    if frame.type == "failed":
        print("attempts", frame.attempt, "headers", *(
            (name.decode(), value and value.decode().rpartition("\n")[2])
            for name, value in frame.headers))


def main(config, expression, *steps):
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control.settimeout(10)
    page_fd = memory_file(bytes(4096))
    page = mmap.mmap(page_fd, 4096)
    (in_read, in_write), (out_read, out_write) = os.pipe(), os.pipe()
    (log_read, log_write), (print_read, print_write) = os.pipe(), os.pipe()
    pid = start(theirs.fileno(), print_write)
    theirs.close()
    given = [memory_file(config.encode()), page_fd, in_read, out_write, log_write, memory_file(b"")]
    socket.send_fds(control, [MESSAGE.pack(HELLO, LANE, LIFE, 4, 2, *[0] * 11)], given)
    for fd in (*given, print_write):
        os.close(fd)
    ready = control.recv(4096)
    print("ready", bool(ready) and MESSAGE.unpack(ready)[:3] == (READY, LANE, LIFE))
    os.write(in_write, eval(expression, vars(frames)))
    for step in steps or ["eof"]:
        step, _, text = step.partition(" ")
        if step == "eof":
            os.close(in_write)
        elif step == "leave":
            control.close()
        elif step == "kill":
            os.kill(pid, signal.Signals["SIG" + text])
        elif step == "give":
            os.write(in_write, eval(text, vars(frames)))
        elif step == "wait":
            wait(page, text)
        else:
            sys.exit(f"no step {step}")
    print("status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    for frame in frames.read(io.BytesIO(read_all(out_read))):
        show(frame)
    for line in read_all(log_read).decode().splitlines():
        print("log", line.partition("Z ")[2] or line)
    print("printed", read_all(print_read))
    fields = page_fields(page)
    print("page", *(f"{name} {fields[name]}" for name in ("state", "attempt", "seq")))
    counters = struct.unpack_from("<7Q", page, 64)
    print("counters", *counters)


if __name__ == "__main__":
    main(*sys.argv[1:])
