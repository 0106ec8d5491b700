"""What a hostile handler tries against isolation strict. Each attack has a name and a result: "open"
when it worked, "refused" when the kernel said no."""
import ctypes
import errno
import json
import os
import signal
import socket
import tempfile

LIBC = ctypes.CDLL(None, use_errno=True)
NEWUSER = 0x10000000
HOUSE, VICTIM = os.environ["HOUSE"], int(os.environ["VICTIM"])
MACHINE = os.uname().machine
CLONE = {"x86_64": 56}.get(MACHINE, 220)
ADD_KEY = {"x86_64": 248}.get(MACHINE, 217)
READV = {"x86_64": 310}.get(MACHINE, 270)
PIDFD_OPEN, PIDFD_GETFD, IO_URING_SETUP = 434, 438, 425


def system(number, *args):
    """Numbers as wide as the kernel reads them: ctypes leaves what is above an int on the stack as it was."""
    wide = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    if LIBC.syscall(number, *wide) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def in_child(attack):
    """Runs the attack where it can do no harm to the worker; raises what it raised."""
    pid = os.fork()
    if pid == 0:
        try:
            attack()
            os._exit(0)
        except OSError as error:
            os._exit(error.errno)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise OSError(code, os.strerror(code))


def read(path):
    with open(path, "rb") as file:
        return file.read(1)


def memory(pid):
    with open(f"/proc/{pid}/maps") as maps:
        start = int(maps.readline().split("-")[0], 16)
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        mem.seek(start)
        mem.read(1)


def linked(make):
    name = os.path.join(tempfile.mkdtemp(), "link")
    make(os.path.abspath("password"), name)
    read(name)


def moved():
    os.rename("password", os.path.join(tempfile.gettempdir(), "moved"))


def write(path):
    with open(path, "w"):
        pass


def traced():
    """Attaches to a child of its own."""
    pid = os.fork()
    if pid == 0:
        signal.pause()
    try:
        LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        if LIBC.ptrace(16, pid, None, None) < 0:
            raise OSError(ctypes.get_errno(), "ptrace")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def copied():
    process = LIBC.syscall(PIDFD_OPEN, os.getpid(), 0)
    system(PIDFD_GETFD, process, 0, 0)


def read_memory():
    """Its own, which the kernel allows."""
    buffer = ctypes.create_string_buffer(8)
    vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
    system(READV, os.getpid(), vector, 1, vector, 1, 0)


def cloned():
    pid = LIBC.syscall(CLONE, NEWUSER | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    if pid < 0:
        raise OSError(ctypes.get_errno(), "clone")
    os.waitpid(pid, 0)


def unshared():
    if LIBC.unshare(NEWUSER) < 0:
        raise OSError(ctypes.get_errno(), "unshare")


def connected():
    with socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), timeout=10):
        pass


def listening():
    with socket.create_server(("127.0.0.1", 0)):
        pass


def datagram(family):
    socket.socket(family, socket.SOCK_DGRAM).close()


FILES = {
    "configuration": lambda: read("config.yaml"),
    "its link": lambda: read("inner/config"),
    ".env": lambda: read(".env"),
    "${file:} target": lambda: read("password"),
    "${file:} target in a folder": lambda: read("inner/deep/password"),
    "symbolic link to it": lambda: linked(os.symlink),
    "hard link to it": lambda: linked(os.link),
    "renaming it": moved,
    "home": lambda: read(f"{HOUSE}/home/.ssh/id"),
    "other file": lambda: read(f"{HOUSE}/other"),
    "environ of another": lambda: read(f"/proc/{VICTIM}/environ"),
    "memory of another": lambda: memory(VICTIM),
    "listing /": lambda: os.listdir("/"),
    "writing outside": lambda: write(f"{HOUSE}/new"),
    "writing its folder": lambda: write("handler.txt"),
    "truncating": lambda: os.truncate(f"{HOUSE}/other2", 0),
    "removing": lambda: os.remove(f"{HOUSE}/other3"),
    "signal to another": lambda: os.kill(VICTIM, signal.SIGCONT),
}
CALLS = {
    "ptrace": traced,
    "process_vm_readv": read_memory,
    "pidfd_getfd": copied,
    "unshare": lambda: in_child(unshared),
    "clone": cloned,
    "add_key": lambda: system(ADD_KEY, b"user", b"bruco-test", b"x", 1, -3),
    "personality": lambda: system({"x86_64": 135}.get(MACHINE, 92), 0xFFFFFFFF),
}
NETWORK = {
    "connecting": connected,
    "listening": listening,
    "UDP": lambda: datagram(socket.AF_INET),
    "IPv6": lambda: datagram(socket.AF_INET6),
    "netlink": lambda: datagram(socket.AF_NETLINK),
    "UNIX": lambda: datagram(socket.AF_UNIX),
}


def attempt(attack):
    try:
        attack()
        return "open"
    except OSError as error:
        return "refused" if error.errno in (errno.EPERM, errno.EACCES, errno.EXDEV) else str(error)


def attack_all():
    found = {name: attempt(one) for name, one in {**CALLS, **NETWORK, **FILES}.items()}
    return json.dumps(found)
