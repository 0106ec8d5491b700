"""Runs a command until its work is done and says what it took."""
import dataclasses
import os
import signal
import subprocess
import threading
import time

SAMPLE_SECONDS = 0.05
END_SECONDS = 30  # for a contender to end after SIGTERM
PAGE = os.sysconf("SC_PAGE_SIZE")


class Failed(Exception):
    """A run that did not do its work; its text says why, in one line."""


@dataclasses.dataclass
class Usage:
    """What all processes of a command used: CPU in seconds (user and system, start and end
    included), the highest sum of their resident memory in bytes (pages that processes share count
    in each of them)."""

    cpu: float
    memory: int


def family(pid):
    """The process and all its descendants, as a list of pids."""
    found, new = [], [pid]
    while new:
        found += new
        children = []
        for parent in new:
            try:
                for task in os.listdir(f"/proc/{parent}/task"):
                    with open(f"/proc/{parent}/task/{task}/children", "rb") as file:
                        children += [int(word) for word in file.read().split()]
            except OSError:
                pass  # it has ended
        new = children
    return found


def resident(pids):
    """The sum of their resident memory in bytes."""
    pages = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/statm", "rb") as file:
                pages += int(file.read().split()[1])
        except (OSError, IndexError):
            pass
    return pages * PAGE


def proportional(pids):
    """The sum of their proportional set sizes in bytes: shared pages count once in all."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except OSError:
            pass
    return total * 1024


def cpu_nanoseconds(pids):
    """The CPU time of all their threads that there are now, user and system."""
    total = 0
    for pid in pids:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat", "rb") as file:
                    total += int(file.read().split()[0])
        except (OSError, IndexError):
            pass  # it has ended
    return total


class CpuRecord:
    """What a command's processes use of the CPU, over time. Use it with `with`."""

    EVERY_SECONDS = 0.2

    def __init__(self, pid):
        self._pid = pid
        self._ended = threading.Event()
        self._samples = []
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def _sample(self):
        while True:
            self._samples.append((time.monotonic(), cpu_nanoseconds(family(self._pid)) / 1e9))
            if self._ended.wait(self.EVERY_SECONDS):
                break

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._ended.set()
        self._thread.join()

    def _at(self, moment):
        before = self._samples[0]
        for after in self._samples:
            if after[0] >= moment:
                share = (moment - before[0]) / ((after[0] - before[0]) or 1)
                return before[1] + share * (after[1] - before[1])
            before = after
        return before[1]

    def between(self, begin, end):
        """CPU seconds between two moments of time.monotonic()."""
        return self._at(end) - self._at(begin)


class Running:
    """A command that runs in a session of its own. Use it with `with`: whatever happens, nothing of
    it is left. Its output is in the file `log`; `peak` is the highest resident memory so far, in
    bytes."""

    def __init__(self, command, folder, **options):
        self.log = os.path.join(folder, "log")
        self.usage = None
        self.peak = 0
        self._ended = threading.Event()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, stdin=options.pop("stdin", subprocess.DEVNULL),
                stdout=options.pop("stdout", log), stderr=options.pop("stderr", log),
                start_new_session=True, **options)
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()

    def _sample(self):
        pids, turn = [], 0
        while not self._ended.wait(SAMPLE_SECONDS):
            if turn % 5 == 0:
                pids = family(self.process.pid)
            turn += 1
            self.peak = max(self.peak, resident(pids))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._ended.set()
        if self.usage is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()

    def last_line(self):
        """What it said last, for a message."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file if line.strip()]
        return lines[-1][:200] if lines else "it said nothing"

    def alive(self):
        """Whether it still runs; its usage stays to be asked for."""
        return os.waitid(os.P_PID, self.process.pid,
                         os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def stop(self):
        """Ends it with SIGTERM; returns its Usage. Raises Failed unless it ends with status 0."""
        deadline = time.monotonic() + END_SECONDS
        self.process.send_signal(signal.SIGTERM)
        while True:
            pid, status, used = os.wait4(self.process.pid, os.WNOHANG)
            if pid != 0:
                break
            if time.monotonic() > deadline:
                raise Failed(f"did not end within {END_SECONDS} s of SIGTERM")
            time.sleep(0.01)
        self._ended.set()
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.usage = Usage(used.ru_utime + used.ru_stime, self.peak)
        if self.process.returncode != 0:
            raise Failed(f"ended with {self.process.returncode}: {self.last_line()}")
        return self.usage
