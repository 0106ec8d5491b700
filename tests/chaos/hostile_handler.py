"""A handler that attacks from its own worker, in the lanes that HOSTILE names; scenario `hostile`. In the other
lanes it does what is right, so that one rule holds for the records of all: every ID that STEP divides is for an
attack, those that POISON divides belong into the dead letter, those of FILTERED nowhere, all others come out."""

import ctypes
import fcntl
import os
import random
import resource
import signal
import sys
import threading
import time

import forge

STEP, POISON, FILTERED = (int(number) for number in os.environ["HOSTILE_IDS"].split())
LANES = os.environ["HOSTILE"].split()
DONE = os.environ["HOSTILE_DONE"]


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def wait():
    """For Bruco's answer, which ends this worker."""
    time.sleep(60)


# ---- frames

def mark_beyond(seq):
    """Further than this worker can have been given; what it was given it could end like that."""
    forge.write(forge.mark(seq + 9_999, seq))
    wait()


def mark_all(seq):
    forge.write(forge.mark(2**64 - 1, seq))
    wait()


def mark_many(seq):
    forge.write(forge.mark(seq + 20_000_000, seq))
    wait()


def not_given(seq):
    forge.write(forge.record(seq + 1))
    wait()


def again(seq):
    """What was answered long ago; the outputs of the last ones may still be in this worker's hands."""
    forge.write(forge.head(2, 1, max(1, seq - 1000), 24))
    wait() if seq > 1 else die()


def lying_length(seq):
    forge.write(forge.record(seq, more=10) + b"x" * 10)
    wait()


def long_length(seq):
    forge.write(forge.head(1, 1, seq, 2**32 - 1) + b"x" * 100_000)
    wait()


def short_length(seq):
    forge.write(forge.head(1, 1, seq, 24) + b"x" * 100)
    wait()


def wrong_check(seq):
    forge.write(forge.head(2, 1, seq, 24, check=1))
    wait()


def flag_of_source(seq):
    forge.write(forge.record(seq, flags=1 | 4))
    wait()


def noise(seq):
    forge.write(random.Random(seq).randbytes(100_000))
    wait()


def torn(seq):
    forge.write(forge.record(seq, b"x" * 1000)[:-1])
    die()


def without_end(seq):
    part = forge.record(seq, bytes(1 << 20), flags=0)
    try:
        while True:
            forge.write(part)
    except OSError:
        wait()


def left_behind(seq):
    """A process that outlives the worker goes on writing into its pipe, and on its socket."""
    copies = os.dup(forge.OUT), os.dup(forge.CONTROL)  # the guard of fork does not know these
    if os.fork() == 0:
        os.setsid()
        signal.alarm(3)
        forge.OUT, forge.CONTROL = copies
        for _ in range(100):
            # Of this record a whole output would be its worker's own, and go out.
            for attack in (lambda: forge.write(forge.record(seq + 1)), lambda: forge.send(forge.message(11))):
                try:
                    attack()
                except OSError:
                    pass
            time.sleep(0.01)
        os._exit(0)
    die()


# ---- the control socket

def saying(*messages, fds=()):
    def attack(_):
        for data in messages:
            forge.send(data, fds)
        wait()
    return attack


def flood(seq):
    data = forge.message(12, seq=seq, attempt=1)
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        forge.send(data)
    die()


# ---- the page

def page_lies(seq):
    chance = random.Random(seq)
    forge.page_write(chance.choice((0, 1, 2, 3, 99)), chance.getrandbits(32), chance.getrandbits(63) | 1 << 63,
                     chance.getrandbits(64), chance.getrandbits(63) | 1 << 63, chance.getrandbits(64))
    die()


def page_changes(seq):
    """While it is read: a thread writes it anew without a pause, until this worker ends."""
    def change():
        chance = random.Random(seq)
        at = forge.page()
        while True:
            state, attempt = chance.choice((0, 2, 3, 99)), chance.getrandbits(32)
            ctypes.memmove(at, state.to_bytes(4, "little") + attempt.to_bytes(4, "little") +
                           chance.randbytes(4000), 4008)
    threading.Thread(target=change, daemon=True).start()
    time.sleep(0.3)
    die()


def page_shrinks(_):
    for number in range(3, 100):
        for size in (0, 1 << 40):
            try:
                os.ftruncate(number, size)
            except OSError:
                pass
    die()


# ---- everything else

def closes(_):
    os.closerange(3, 1000)
    wait()


def pipes_change(_):
    for number in range(3, 100):
        try:
            fcntl.fcntl(number, 1031, 4096)  # F_SETPIPE_SZ
        except OSError:
            pass
        try:
            os.set_blocking(number, False)
        except OSError:
            pass
    die()


def signals(_):
    """At the driver, source and sink. Only where workers have a user of their own, which is no wall between them."""
    if os.getuid() != 0 and "HOSTILE_ALONE" in os.environ:
        for pid in range(os.getppid(), os.getppid() + 20):
            try:
                with open(f"/proc/{pid}/comm") as file:
                    if file.read() in ("bruco\n", "bruco-source\n", "bruco-sink\n"):
                        os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
    die()


def logs(_):
    for _ in range(2000):
        sys.stderr.write("2026-01-01T00:00:00.000Z bruco: error: \x1b[2J\u202e forged \x9b31m " + "x" * 100 + "\n")
    os.write(2, bytes(range(256)) * 400)
    die()


def descriptors(_):
    for _ in range(50):
        forge.send(b"", [0] * 8)
    wait()


def stops(_):
    os.kill(os.getpid(), signal.SIGSTOP)


def loops(_):
    signal.pthread_sigmask(signal.SIG_BLOCK, set(range(1, 64)))
    while True:
        pass


ENDING = {one.__name__.replace("_", "-"): one for one in (
    mark_beyond, mark_all, mark_many, not_given, again, lying_length, long_length, short_length, wrong_check,
    flag_of_source, noise, torn, without_end, left_behind, flood, page_lies, page_changes, page_shrinks, closes,
    pipes_change, signals, logs, descriptors, stops, loops)}
ENDING["words"] = saying(b"hello")
ENDING["long-words"] = saying(bytes(100_000))
ENDING["speaks-as-source"] = saying(forge.message(6))
ENDING["speaks-as-sink"] = saying(forge.message(7))
ENDING["no-such-message"] = saying(forge.message(99))
ENDING["ready-again"] = saying(forge.message(5, depth=2**31), forge.message(5, depth=2**31))
ENDING["gives-descriptors"] = saying(forge.message(11), fds=[0] * 100)
NAMES = sorted(ENDING)


def claim(number, name):
    """Whether this record is attacked with now, once."""
    try:
        os.close(os.open(f"{DONE}/{number}.{name}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        return True
    except FileExistsError:
        return False


def init_context(context):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    context.hostile = context.worker_name in LANES


def handle_event(context, data):
    number = int(data.split(b" ", 1)[0])
    if number % POISON == 0:
        raise ValueError("bad id")
    if number % FILTERED == FILTERED // 2:
        return None
    if number % STEP == 0 and context.hostile:
        name = NAMES[number // STEP % len(NAMES)]
        if claim(number, name):
            ENDING[name](forge.page_seq())
    return data
