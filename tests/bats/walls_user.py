"""What a handler of another user, processor.user, tries besides what walls.py has: what only root may. The
same results: "taken", "open" or "refused"."""
import glob
import json
import os
import signal
import socket

import walls

HOUSE = os.environ["HOUSE"]


def take(path):
    return walls.saw(walls.read(path))


def connect(path, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_UNIX, kind) as stream:
        stream.connect(path)
    return "open"


def console(_driver):
    """The folder can't be listed, so its name is guessed, as it can be."""
    names = glob.glob(f"{HOUSE}/run/bruco/*") or [f"{HOUSE}/run/bruco/work.sock"]
    return connect(names[0])


def signalled(pid):
    os.kill(pid, signal.SIGURG)
    return "open"


def root_again(_driver):
    pid = os.fork()
    if pid:
        return "open" if os.waitpid(pid, 0)[1] == 0 else "refused"
    try:
        os.setuid(0)
        os._exit(0)
    except OSError:
        os._exit(1)


def groups_again(_driver):
    pid = os.fork()
    if pid:
        return "open" if os.waitpid(pid, 0)[1] == 0 else "refused"
    try:
        os.setgroups([0])
        os._exit(0)
    except OSError:
        os._exit(1)


def changed(_driver):
    with open(f"{HOUSE}/work/app/handler.py", "a"):
        return "open"


def replaced(_driver):
    os.rename(f"{HOUSE}/work/app/handler.py", f"{HOUSE}/work/app/other.py")
    return "open"


ATTACKS = {
    "configuration": lambda _: take(f"{HOUSE}/work/config.yaml"),
    "configuration by its link": lambda _: take(f"{HOUSE}/work/app/link.yaml"),
    "configuration by the driver's folder": lambda driver: take(f"/proc/{driver}/cwd/config.yaml"),
    "${file:} target": lambda _: take(f"{HOUSE}/work/password"),
    ".env": lambda _: take(f"{HOUSE}/work/app/.env"),
    "console": console,
    "link": lambda _: connect(f"{HOUSE}/link", socket.SOCK_SEQPACKET),
    "root again": root_again,
    "root's groups again": groups_again,
    "changing the handler": changed,
    "replacing the handler": replaced,
}


def report(pids):
    """`pids`: the driver's and the stages', as JSON, since not everybody may look for them."""
    found = {name: walls.attempt(attack, os.getppid()) for name, attack in ATTACKS.items()}
    found["own environment"], found["own descriptors"] = walls.own_environment(), walls.own_descriptors()
    for name, pid in json.loads(pids).items():
        found.update(walls.on_process(name, pid))
        found[f"{name} signalled"] = walls.attempt(signalled, pid)
    return json.dumps({"found": found, "status": walls.status(), "home": os.environ.get("HOME"),
                       "capabilities": [line.split()[1] for line in walls.read("/proc/self/status").decode().splitlines()
                                        if line.startswith(("CapInh", "CapPrm", "CapEff", "CapAmb"))],
                       "ids": [os.getresuid(), os.getresgid(), os.getgroups()]})
