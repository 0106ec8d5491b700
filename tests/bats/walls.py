"""What a hostile handler tries: to read what it was not given. Each attack has a name and a result:
"taken" when the secret was seen, "open" when a way in stood open, "refused" when neither."""
import ctypes
import json
import os
import stat
import threading

SECRET = bytes(reversed(b"-yranac"))  # not in this file as it is written
LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH, PTRACE_DETACH, WALL = 16, 17, 0x40000000
PIDFD_OPEN, PIDFD_GETFD = 434, 438


def saw(data):
    return "taken" if SECRET in data else "open"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def environ(pid):
    return saw(read(f"/proc/{pid}/environ"))


def cmdline(pid):
    return "taken" if SECRET in read(f"/proc/{pid}/cmdline") else "refused"


def memory(pid):
    found = "open"
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for line in read(f"/proc/{pid}/maps").decode().splitlines():
            start, end = (int(one, 16) for one in line.split()[0].split("-"))
            if line.split()[1].startswith("rw"):
                try:
                    mem.seek(start)
                    if SECRET in mem.read(end - start):
                        found = "taken"
                except OSError:
                    pass
    return found


def maps(pid):
    return "open" if read(f"/proc/{pid}/maps") else "refused"


def descriptors(pid):
    found = "open"
    for number in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{number}"
        if stat.S_ISREG(os.stat(path).st_mode) and SECRET in read(path):
            found = "taken"
    return found


def pidfd(pid):
    """Copies of its descriptors."""
    process = LIBC.syscall(PIDFD_OPEN, pid, 0)
    found = "refused"
    for number in range(64):
        copy = LIBC.syscall(PIDFD_GETFD, process, number, 0)
        if copy >= 0:
            found = "open"
            os.close(copy)
    os.close(process)
    return found


def ptrace(pid):
    """Attaches to it for a moment."""
    LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if LIBC.ptrace(PTRACE_ATTACH, pid, None, None) < 0:
        return "refused"
    os.waitpid(pid, WALL)
    LIBC.ptrace(PTRACE_DETACH, pid, None, None)
    return "open"


def attempt(attack, *args):
    try:
        return attack(*args)
    except OSError:
        return "refused"


def own_environment():
    if SECRET in b"".join(os.environb.values()) + read("/proc/self/environ"):
        return "taken"
    return "refused"


def own_descriptors():
    for number in os.listdir("/proc/self/fd"):
        try:
            regular = stat.S_ISREG(os.fstat(int(number)).st_mode)
            if regular and SECRET in os.pread(int(number), 1 << 20, 0):
                return "taken"
            if regular and SECRET in read(f"/proc/self/fd/{number}"):
                return "taken"
        except OSError:
            pass
    return "refused"


def on_process(name, pid):
    attacks = environ, cmdline, maps, memory, descriptors, pidfd, ptrace
    return {f"{name} {one.__name__}": attempt(one, pid) for one in attacks}


def pipeline(driver):
    """The driver's and the other stages' pids by name."""
    pids = {"driver": driver}
    for child in read(f"/proc/{driver}/task/{driver}/children").split():
        name = read(f"/proc/{int(child)}/comm").decode().strip()
        if name in ("bruco-source", "bruco-sink"):
            pids[name[6:]] = int(child)
    return pids


def attack_all():
    found = {"own environment": own_environment(), "own descriptors": own_descriptors()}
    for name, pid in pipeline(os.getppid()).items():
        found.update(on_process(name, pid))
    return found


def status():
    lines = dict(line.split(":\t", 1) for line in read("/proc/self/status").decode().splitlines())
    limits = [line for line in read("/proc/self/limits").decode().splitlines() if "core" in line]
    return {"uid": os.getuid(), "NoNewPrivs": lines["NoNewPrivs"], "core": limits[0].split()[4:6],
            "threads": threading.active_count()}


def write(path):
    with open(path, "w") as file:
        json.dump({"found": attack_all(), "status": status(), "environ": sorted(os.environ)}, file)
