"""What machine the bench runs on, and how busy it is."""
import os
import platform
import time


def processor():
    """The processor's name."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def describe():
    """The machine in one line."""
    with open("/proc/meminfo", encoding="ascii") as file:
        memory = int(file.readline().split()[1]) / 1e6
    return f"{os.cpu_count()} × {processor()}, {memory:.0f} GB, Linux {platform.release()}"


class Load:
    """How busy all processors are from when it was made until shares()."""

    def __init__(self):
        self._begin = self._ticks()

    @staticmethod
    def _ticks():
        with open("/proc/stat", encoding="ascii") as file:
            numbers = [int(word) for word in file.readline().split()[1:9]]
        return {"all": sum(numbers), "idle": numbers[3] + numbers[4], "steal": numbers[7]}

    def shares(self):
        """{"idle", "steal"}: shares of the time of all processors, and {"load"}: the load average
        of the last minute."""
        now = self._ticks()
        total = max(now["all"] - self._begin["all"], 1)
        return {"idle": (now["idle"] - self._begin["idle"]) / total,
                "steal": (now["steal"] - self._begin["steal"]) / total,
                "load": os.getloadavg()[0]}


def load_of(seconds):
    """The shares() of the next `seconds`."""
    load = Load()
    time.sleep(seconds)
    return load.shares()


def show_load(shares):
    """As text."""
    return (f"{shares['idle']:.1%} idle, {shares['steal']:.1%} steal, load "
            f"{shares['load']:.1f}").replace("%", " %")
