"""Small measurements of Bruco alone: start, restart, memory, system calls, allocations."""
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import time

from contender import HANDLERS
from measure import Failed, Running, family, proportional, resident
from runs import say
from workloads import UNEVEN

READY_SECONDS = 30
STAGES = ("bruco-source", "bruco-worker", "bruco-sink")


def _name(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _wait(condition, seconds, what):
    """Polls until `condition` returns something true; returns that."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failed(f"waited {seconds} s for {what}")
        time.sleep(0.002)


def _read_line(file, what):
    line = file.readline()
    if not line:
        raise Failed(f"{what}: the stream ended")
    return line


def _lines_config(folder, sink):
    path = pathlib.Path(folder, "config.yaml")
    path.write_text(f"processor: {{handlerPath: {HANDLERS}, moduleName: identity}}\n"
                    f"source: {{kind: lines}}\nsink: {{kind: {sink}}}\n")
    return ["bruco", "-c", str(path)]


def start_milliseconds(bench, times):
    """From exec to "ready", with a lines source and a discard sink: no broker's group to join."""
    taken = []
    for _ in range(times):
        folder = bench.folder()
        begun = time.monotonic()
        with Running(_lines_config(folder, "discard"), folder, stdin=subprocess.PIPE,
                     stderr=subprocess.PIPE) as running:
            while b"info: ready" not in _read_line(running.process.stderr, "start"):
                pass
            taken.append((time.monotonic() - begun) * 1000)
            running.process.stdin.close()
            running.stop()
            running.process.stderr.close()
    return taken


def restart_milliseconds(bench, times):
    """From SIGKILL for the worker until a line that was written behind it comes out."""
    folder = bench.folder()
    taken = []
    with Running(_lines_config(folder, "lines"), folder, stdin=subprocess.PIPE,
                 stdout=subprocess.PIPE) as running:
        stdin, stdout = running.process.stdin, running.process.stdout

        def pass_one():
            stdin.write(b"line\n")
            stdin.flush()
            return _read_line(stdout, "restart")

        def worker(other_than):
            for pid in family(running.process.pid):
                if pid != other_than and _name(pid) == "bruco-worker":
                    return pid
            return 0

        pid = 0
        for _ in range(times):
            pass_one()
            pid = _wait(lambda: worker(pid), 5, "a worker")
            begun = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            pass_one()
            taken.append((time.monotonic() - begun) * 1000)
        stdin.close()
        running.stop()
        stdout.close()
    return taken


def idle_memory(bench, workload):
    """2 workers, ready and without work: the pipeline's bytes as (resident, proportional)."""
    source = bench.kafka.topic(workload.partitions)
    target = bench.kafka.topic(workload.partitions)
    with bench.start("bruco-2", workload, source, target) as running:
        bench.kafka.fill(source, 1, 100, False)
        bench.kafka.span(target, 1, READY_SECONDS, running)
        pids = family(running.process.pid)
        figures = resident(pids), proportional(pids)
        running.stop()
    bench.kafka.delete(source)
    bench.kafka.delete(target)
    return figures


def stalled_memory(bench, workload, count, seconds):
    """`count` records wait and the sink takes none (its output is a pipe that nobody reads): the
    highest resident memory of the pipeline in bytes within so many seconds."""
    folder = bench.folder()
    source = bench.input(workload, count)
    path = pathlib.Path(folder, "config.yaml")
    path.write_text(f"""\
processor: {{handlerPath: {HANDLERS}, moduleName: identity, workers: 2}}
source: {{kind: kafka, brokers: ["{bench.kafka.address}"], topics: ["{source}"], offset: earliest, \
consumerGroup: "stalled-{os.getpid()}"}}
sink: {{kind: lines}}
shutdownTimeout: 1s
""")
    with Running(["bruco", "-q", "-c", str(path)], folder, stdout=subprocess.PIPE) as running:
        time.sleep(seconds)
        if not running.alive():
            raise Failed(f"ended early: {running.last_line()}")
        peak = running.peak
        pids = family(running.process.pid)
        now = resident(pids)
        try:
            running.stop()
        except Failed:
            pass  # with work left, as it must be
        running.process.stdout.close()
    return peak, now


def _call_counter():
    """How to count a process's system calls into a file, and to read the file: perf, which costs
    next to nothing, or strace, which makes threads wait for each other more often."""
    event = ["stat", "-x", ",", "-e", "raw_syscalls:sys_enter"]
    if shutil.which("perf") and subprocess.run(["perf"] + event + ["true"],
                                               capture_output=True).returncode == 0:
        return (lambda pid, path: ["perf"] + event + ["-o", path, "-p", str(pid)]), _perf_total
    if shutil.which("strace"):
        return (lambda pid, path: ["strace", "-q", "-c", "-f", "-o", path, "-p", str(pid)],
                _strace_total)
    raise Failed("neither perf nor strace can be used")


def _perf_total(path):
    for line in path.read_text().split("\n"):
        if "raw_syscalls:sys_enter" in line and line.split(",")[0].isdigit():
            return int(line.split(",")[0])
    raise Failed("perf has counted nothing")


def _strace_total(path):
    for line in path.read_text().split("\n"):
        if line.endswith(" total"):
            return int(line.split()[3])
    raise Failed("strace has counted nothing")


def system_calls(bench, workload, count):
    """System calls per record by stage, at full speed, counted from when the stages are there."""
    command, total = _call_counter()
    source = bench.input(workload, count)
    target = bench.kafka.topic(workload.partitions)
    tracers, files = [], {}
    with bench.start("bruco-1", workload, source, target) as running:
        def stages():
            found = {_name(pid): pid for pid in family(running.process.pid)}
            return found if all(stage in found for stage in STAGES) else None

        try:
            found = _wait(stages, 10, "the stages")
            for stage in STAGES:
                files[stage] = pathlib.Path(bench.work, "calls." + stage)
                files[stage].unlink(missing_ok=True)
                tracers.append(subprocess.Popen(
                    command(found[stage], str(files[stage])),
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            bench.kafka.span(target, count, 120, running)
            running.stop()
            for tracer in tracers:
                tracer.wait(10)
        finally:
            for tracer in tracers:
                if tracer.poll() is None:
                    tracer.kill()
                    tracer.wait()
    bench.kafka.delete(target)
    return {stage: total(path) / count for stage, path in files.items()}


def allocations(bench, workload, count):
    """Allocations per record in source and sink: {stage: (of its own code, of all)}."""
    counter = pathlib.Path(os.environ["BRUCO_TESTS"], "allocations.so")
    if not counter.exists():
        raise Failed(f"'{counter}' is not there; make tests")
    counts = bench.work / "allocations"
    shutil.rmtree(counts, ignore_errors=True)
    counts.mkdir()
    source = bench.input(workload, count)
    target = bench.kafka.topic(workload.partitions)
    os.environ.update(LD_PRELOAD=str(counter), BENCH_ALLOCATIONS=str(counts))
    try:
        running = bench.start("bruco-1", workload, source, target)
    finally:
        del os.environ["LD_PRELOAD"], os.environ["BENCH_ALLOCATIONS"]
    with running:
        bench.kafka.span(target, count, 120, running)
        running.stop()
    bench.kafka.delete(target)
    figures = {}
    for path in counts.iterdir():
        own, everything = struct.unpack("=QQ", path.read_bytes())
        figures[path.name.split(".")[0]] = own / count, everything / count
    return figures


def neighbour(bench):
    """Milliseconds (median, p99) of 50 records/s in partition 1, alone and beside a partition 0 that
    gets three times what its lane's worker can do."""
    warm, count = (100, 100) if bench.options.short else (1500, 750)  # its window is full before
    found = {}
    for name, load in (("alone", 0), ("beside", 1500)):
        source, target = bench.kafka.topic(UNEVEN.partitions), bench.kafka.topic(UNEVEN.partitions)
        with bench.start("bruco-2", UNEVEN, source, target) as running:
            figures = bench.kafka.latency(source, target, 50, warm if load else 100, count, running,
                                          load)
        found[name] = [part / 1000 for part in figures.percentiles[:2]]
        bench.kafka.delete(source)
        bench.kafka.delete(target)
    return found


def fairness(bench):
    """Into results["figures"]["neighbour"]."""
    if not bench.wanted("bruco-2") or bench.late("fairness"):
        return
    try:
        bench.results["figures"]["neighbour"] = neighbour(bench)
    except (Failed, OSError, subprocess.SubprocessError) as error:
        bench.results["figures"]["neighbour"] = {"failed": str(error)}
    say(f"neighbour: {bench.results['figures']['neighbour']}")
    bench.save()


def measure_all(bench, workload):
    """All of the above, into results["figures"]; what fails says why there."""
    short = bench.options.short
    count = bench.scaled(1000000)
    jobs = {
        "start_ms": lambda: start_milliseconds(bench, 3 if short else 10),
        "restart_ms": lambda: restart_milliseconds(bench, 3 if short else 10),
        "idle_memory": lambda: idle_memory(bench, workload),
        "system_calls": lambda: system_calls(bench, workload, count),
        "allocations": lambda: allocations(bench, workload, count),
    }
    for name, job in jobs.items():
        if not bench.wanted("bruco-1") or bench.late(name):
            continue
        try:
            bench.results["figures"][name] = job()
            say(f"{name}: {bench.results['figures'][name]}")
        except (Failed, OSError, subprocess.SubprocessError) as error:
            bench.results["figures"][name] = {"failed": str(error)}
            say(f"{name}: failed: {error}")
        bench.save()
