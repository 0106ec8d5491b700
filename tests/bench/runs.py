"""Runs jobs and keeps what they took."""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

from contender import Job, Unavailable
from contenders import all_contenders
from measure import CpuRecord, Failed, Running
from peers import environment, packages

START_SECONDS = 60  # a contender has that long before its first record
LEAST_RATE = 600    # and must be at least that fast
RATE_WARM_SECONDS = 1  # of records that are not measured
RATE_SECONDS = 10      # of those that are
RATE_FAST, RATE_FAST_SECONDS = 20000, 5  # from so many records/s on


def say(text):
    """One line of progress."""
    print(text, file=sys.stderr, flush=True)


class Bench:
    """Contenders, a broker and the results so far. `results` is plain data, written to results.json
    after each step; report.py reads it."""

    def __init__(self, options, work, kafka):
        self.options = options
        self.work = pathlib.Path(work)
        self.kafka = kafka
        self.contenders = all_contenders()
        self.deadline = 0
        self.results = {"contenders": {}, "workloads": {}, "start": {}, "latency": {}, "rates": {},
                        "figures": {}, "skipped": []}
        self._inputs = {}

    # ---- contenders

    def prepare(self):
        """Makes all contenders ready; those that can't be had are noted with the reason."""
        for name, contender in self.contenders.items():
            note = {"label": contender.label, "version": "", "library": "",
                    "settings": contender.settings, "error": None}
            self.results["contenders"][name] = note
            if not self.wanted(name):
                note["error"] = "left out"
                continue
            say(f"preparing: {contender.label}")
            try:
                contender.prepare(self.work)
                note.update(version=contender.version, library=contender.library)
            except (Unavailable, OSError, ValueError, subprocess.SubprocessError) as error:
                note["error"] = str(error).split("\n")[0]
                say(f"{contender.label}: {note['error']}")
        self.deadline = time.monotonic() + self.options.minutes * 60

    def wanted(self, name):
        """Whether a contender takes part."""
        if self.options.short and not name.startswith(("loop", "bruco")):
            return False
        only = self.options.contenders
        return not only or any(word in name for word in only)

    def available(self, name):
        """Whether it could be made ready."""
        return self.results["contenders"][name]["error"] is None

    # ---- time

    def late(self, what):
        """Whether the time is up; then `what` is noted as skipped."""
        if time.monotonic() < self.deadline:
            return False
        if what not in self.results["skipped"]:
            self.results["skipped"].append(what)
            say(f"no time left for: {what}")
        return True

    def save(self):
        """Writes the results so far."""
        (self.work / "results.json").write_text(json.dumps(self.results, indent=1))

    # ---- runs

    def folder(self):
        """An empty folder for one run."""
        path = self.work / "run"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return str(path)

    def scaled(self, count):
        """A number of records by RECORDS."""
        return max(1000, count * self.options.records // 1000000)

    def input(self, workload, count):
        """The topic that holds `count` records of the workload, filled when first asked for."""
        key = (workload.partitions, workload.size, workload.json, count)
        if key not in self._inputs:
            topic = self.kafka.topic(workload.partitions)
            self.kafka.fill(topic, count, workload.size, workload.json)
            self._inputs[key] = topic
        return self._inputs[key]

    def drop_inputs(self, least=0):
        """Removes the inputs of `least` records or more."""
        for key in [key for key in self._inputs if key[-1] >= least]:
            self.kafka.delete(self._inputs.pop(key))

    def start(self, name, workload, source, target):
        """Starts a contender on a job. Returns what measure.Running is."""
        folder = self.folder()
        job = Job(self.kafka.address, source, target, target, workload.handler, workload.kind,
                  folder, batch=workload.batch)
        variables = dict(os.environ)
        if workload.requirements:
            job.environment = str(environment(self.work, workload.requirements))
            variables["PYTHONPATH"] = packages(job.environment)
        return Running(self.contenders[name].command(job), folder, env=variables)

    def once(self, name, workload, count):
        """One run: a dictionary with rate, cpu (seconds, all of it) and memory. Raises Failed; also
        when the output has not exactly as many records as the input."""
        source = self.input(workload, count)
        target = self.kafka.topic(workload.partitions)
        transactional = self.contenders[name].transactional
        limit = START_SECONDS + min(count // LEAST_RATE, 90)
        try:
            with self.start(name, workload, source, target) as running:
                self.kafka.span(target, count, limit, running, transactional)
                usage = running.stop()
            found, seconds = self.kafka.span(target, 0, 1, None, transactional)
        finally:
            self.kafka.delete(target)
        if found != count:
            raise Failed(f"{count} records went in, {found} came out")
        return {"count": count, "rate": count / max(seconds, 0.001), "cpu": usage.cpu,
                "memory": usage.memory}

    def _need(self, workload):
        """Installs what the handler imports. Raises Unavailable."""
        if workload.requirements:
            environment(self.work, workload.requirements)

    def compete(self, workload):
        """All rounds of one workload: in each, all contenders in turn."""
        entry = {"title": workload.title, "runs": {}, "failed": {}}
        self.results["workloads"][workload.name] = entry
        rounds = 1 if self.options.short else self.options.rounds or workload.rounds
        try:
            self._need(workload)
        except Unavailable as error:
            entry["failed"] = {name: str(error) for name in workload.records if self.wanted(name)}
            return
        for turn in range(rounds):
            for name, count in workload.records.items():
                if name in entry["failed"] or not self.wanted(name):
                    continue
                if self.late(f"{workload.title}, round {turn + 1}"):
                    break
                if not self.available(name):
                    entry["failed"][name] = self.results["contenders"][name]["error"]
                    continue
                try:
                    run = self.once(name, workload, self.scaled(count))
                    entry["runs"].setdefault(name, []).append(run)
                    say(f"{workload.name} {turn + 1}/{rounds} {name}: {run['rate']:.0f} records/s, "
                        f"{run['cpu'] * 1e6 / run['count']:.2f} CPU-s/million, "
                        f"{run['memory'] / 1e6:.0f} MB")
                except (Failed, OSError) as error:
                    entry["failed"][name] = str(error)
                    say(f"{workload.name} {turn + 1}/{rounds} {name}: failed: {error}")
            self.save()

    def start_costs(self, workload, names, times=1):
        """What a contender's start and end cost: the mean CPU in seconds of so many runs with a
        single record."""
        for name in names:
            if not self.wanted(name) or not self.available(name) or self.late("start costs"):
                continue
            try:
                costs = [self.once(name, workload, 1)["cpu"] for _ in range(times)]
                self.results["start"][name] = statistics.mean(costs)
            except (Failed, OSError) as error:
                say(f"start of {name}: failed: {error}")
        self.save()

    def _turns(self, what, entries, names, rounds, measure):
        """Fills `entries` by name, contenders in turn: "runs" has what measure(name) returned."""
        for turn in range(1 if self.options.short else self.options.rounds or rounds):
            for name in names:
                entry = entries.setdefault(name, {"runs": [], "failed": None})
                if not self.wanted(name) or entry["failed"] or self.late(what):
                    continue
                if not self.available(name):
                    entry["failed"] = self.results["contenders"][name]["error"]
                    continue
                try:
                    entry["runs"].append(measure(name))
                except (Failed, OSError) as error:
                    entry["failed"] = str(error)
                    say(f"{what} {name}: failed: {error}")
            self.save()

    def latencies(self, workload, names, rounds):
        """Latency at 1,000 records/s, contenders in turn."""
        count, warm = (300, 100) if self.options.short else (4000, 1000)

        def measure(name):
            # A broker's first transactions take ten times as long as the later ones.
            first = 10 * warm if self.contenders[name].transactional else warm
            latency, _ = self._latency(name, workload, 1000, first, count)
            say(f"latency {name}: p50 {latency.percentiles[0]} us, "
                f"p99 {latency.percentiles[1]} us")
            return latency.percentiles

        self._turns("latency", self.results["latency"], names, rounds, measure)

    def rates(self, workload, names_by_rate, rounds):
        """Latency and CPU at each of the rates, so many records a second, contenders in turn."""
        def measure(name, rate):
            warm = 0.2 if self.options.short else RATE_WARM_SECONDS
            seconds = (0.5 if self.options.short else
                       RATE_SECONDS if rate < RATE_FAST else RATE_FAST_SECONDS)
            latency, cpu = self._latency(name, workload, rate, max(10, round(rate * warm)),
                                         max(20, round(rate * seconds)))
            say(f"{rate} records/s, {name}: {latency.rate():.0f} records/s in, p50 "
                f"{latency.percentiles[0]} us, p99 {latency.percentiles[1]} us, "
                f"{cpu:.3f} CPU-s/s")
            return {"percentiles": latency.percentiles, "cpu": cpu, "rate": latency.rate()}

        for rate, names in names_by_rate.items():
            self._turns(f"{rate:,} records/s", self.results["rates"].setdefault(str(rate), {}),
                        names, rounds, lambda name, rate=rate: measure(name, rate))

    def _latency(self, name, workload, rate, warm, count):
        """A kafka.Latency, and the contender's CPU seconds for each second of input, until the last
        measured record has come back."""
        source = self.kafka.topic(workload.partitions)
        target = self.kafka.topic(workload.partitions)
        try:
            with self.start(name, workload, source, target) as running:
                with CpuRecord(running.process.pid) as cpu:
                    latency = self.kafka.latency(source, target, rate, warm, count, running)
                running.stop()
        finally:
            self.kafka.delete(source)
            self.kafka.delete(target)
        used = cpu.between(latency.begin, latency.returned)
        return latency, used / (latency.end - latency.begin)
