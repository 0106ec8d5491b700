"""What Bruco is to reach, and whether it did: ratios within each round, then their median."""
import statistics

import noise

MB = 1e6
# Windows, source.prefetch, a response of each broker, and what the pipeline has when idle.
STALLED_MAX = 400 * MB


def _per_million(run):
    return run["cpu"] * 1e6 / run["count"]


def _remark(text):
    return f", {text}" if text else ""


class Targets:
    """Reads the results; rows() are (what, wanted, got, met), where `met` is None when it could not
    be measured and `got` then says why."""

    def __init__(self, results):
        self.results = results
        self.rows = []

    def _runs(self, workload, name):
        return self.results["workloads"].get(workload, {}).get("runs", {}).get(name, [])

    def _missing(self, workload, *names):
        entry = self.results["workloads"].get(workload, {})
        for name in names:
            if not entry.get("runs", {}).get(name):
                return f"{name}: " + entry.get("failed", {}).get(name, "not measured")
        return None

    def _add(self, what, wanted, got, met):
        self.rows.append((what, wanted, got, met))

    def ratio(self, what, workload, left, right, value, limit, at_most):
        """`value` of contender `left` over that of `right`, in the rounds that both have."""
        wanted = ("at most " if at_most else "at least ") + f"{limit:g}×"
        missing = self._missing(workload, left, right)
        if missing:
            self._add(what, wanted, "not measured (" + missing + ")", None)
            return
        ratios, remark = noise.ratio([value(run) for run in self._runs(workload, left)],
                                     [value(run) for run in self._runs(workload, right)])
        middle, low, high = noise.spread(ratios)
        met = middle <= limit if at_most else middle >= limit
        spread = f" ({low:.2f}–{high:.2f})" if len(ratios) > 1 else ""
        self._add(what, wanted, f"{middle:.2f}×{spread}{_remark(remark)}", met)

    def number(self, what, wanted, figure, show, met):
        """One figure of results["figures"]."""
        value = self.results["figures"].get(figure)
        if value is None or isinstance(value, dict) and "failed" in value:
            reason = "not measured" + (f" ({value['failed']})" if value else "")
            self._add(what, wanted, reason, None)
        else:
            self._add(what, wanted, show(value), met(value))

    def _net(self, workload, name):
        """CPU seconds per million without start and end, in each run."""
        start = self.results["start"].get(name, 0.0)
        return [(run["cpu"] - start) * 1e6 / run["count"] for run in self._runs(workload, name)]

    def growth(self, what, many, few, name_many, name_few, limit):
        """CPU per record, start and end left out, of two workloads; the C loop's beside it."""
        wanted = f"at most {limit:g}×"
        missing = self._missing(many, name_many) or self._missing(few, name_few)
        if missing:
            self._add(what, wanted, "not measured (" + missing + ")", None)
            return
        left = statistics.median(self._net(many, name_many))
        right = statistics.median(self._net(few, name_few))
        ratio = left / right
        text = f"{ratio:.2f}× ({left:.2f} to {right:.2f} CPU-s/million)"
        if many != few and not self._missing(many, "loop") and not self._missing(few, "loop"):
            loop = (statistics.median(self._net(many, "loop"))
                    / statistics.median(self._net(few, "loop")))
            text += f"; the C loop {loop:.2f}×"
        self._add(what, wanted, text, ratio <= limit)

    def latency(self, what, name, column, limit):
        """A percentile of a contender's latency over that of the C loop with linger 0."""
        wanted = f"at most {limit:g}×"
        left = self.results["latency"].get(name, {}).get("runs")
        right = self.results["latency"].get("loop-0", {}).get("runs")
        if not left or not right:
            self._add(what, wanted, "not measured", None)
            return
        own, other = [run[column] for run in left], [run[column] for run in right]
        middle, base = statistics.median(own), statistics.median(other)
        _, remark = noise.ratio(own, other)
        self._add(what, wanted, f"{middle / base:.2f}× ({middle / 1000:.2f} to "
                  f"{base / 1000:.2f} ms){_remark(remark)}", middle <= limit * base)

    def rate_cpu(self, what, rate, left, right, limit):
        """The CPU of one contender over that of another at a rate."""
        wanted = f"at most {limit:g}×"
        entries = self.results["rates"].get(str(rate), {})
        own, other = ([run["cpu"] for run in entries.get(name, {}).get("runs", [])]
                      for name in (left, right))
        if not own or not other:
            self._add(what, wanted, "not measured", None)
            return
        ratios, remark = noise.ratio(own, other)
        middle = statistics.median(ratios)
        self._add(what, wanted, f"{middle:.2f}× ({statistics.median(own):.3f} to "
                  f"{statistics.median(other):.3f} CPU-s/s){_remark(remark)}", middle <= limit)

    def judge(self):
        """All targets; returns the rows."""
        def rate(run):
            return run["rate"]

        def memory(run):
            return run["memory"]

        for limit in (1.35, 1.15):
            self.ratio("identity, 1 worker: CPU, to the C loop's" +
                       (" (the ideal)" if limit == 1.15 else ""), "identity", "bruco-1", "loop",
                       _per_million, limit, True)
        self.ratio("identity, 1 KiB, 1 worker: CPU, to the C loop's", "identity-1k", "bruco-1",
                   "loop", _per_million, 1.15, True)
        self.ratio("identity, 1 worker: CPU, to confluent-kafka's", "identity", "bruco-1",
                   "confluent", _per_million, 0.45, True)
        self.ratio("identity, 1 worker: records/s, to the C loop's", "identity", "bruco-1", "loop",
                   rate, 0.95, False)
        self.ratio("identity, 1 worker: records/s, to confluent-kafka's", "identity", "bruco-1",
                   "confluent", rate, 3, False)
        self.ratio("identity, 1 worker: records/s, to confluent-kafka's with its defaults",
                   "identity", "bruco-1", "confluent-default", rate, 8, False)
        self.ratio("JSON, 2 workers: records/s, to confluent-kafka's", "json", "bruco-2",
                   "confluent", rate, 2, False)
        self.ratio("JSON, 2 workers: records/s, to the C loop's", "json", "bruco-2", "loop", rate,
                   1.6, False)
        for name, workers in (("bruco-1", "1 worker"), ("bruco-8", "8 workers")):
            for column, percentile, limit in ((0, "p50", 1.25), (1, "p99", 1.5)):
                self.latency(f"latency at 1,000 records/s, {workers}: {percentile}, to the C "
                             "loop's with linger 0", name, column, limit)
        self.rate_cpu("20,000 records/s, 1 worker: CPU, to that with linger 5", 20000, "bruco-1",
                      "bruco-linger", 1.15)
        self.ratio("identity, 2 workers: peak memory, to confluent-kafka's", "identity", "bruco-2",
                   "confluent", memory, 1, True)
        self.number("idle, 2 workers: memory", "at most 60 MB", "idle_memory",
                    lambda sums: f"{sums[0] / MB:.0f} MB resident, {sums[1] / MB:.0f} MB with "
                    "shared pages counted once", lambda sums: sums[0] <= 60 * MB)
        self.number("stalled sink, ten million records wait: memory",
                    f"at most {STALLED_MAX / MB:.0f} MB, as bruco-internals(7) has it",
                    "stalled_memory",
                    lambda sums: f"{sums[0] / MB:.0f} MB at most, {sums[1] / MB:.0f} MB at the end",
                    lambda sums: sums[0] <= STALLED_MAX)
        self.number("beside a lane that gets three times what its worker can do: median latency, to "
                    "that alone", "at most 2×", "neighbour",
                    lambda found: f"{found['beside'][0] / found['alone'][0]:.2f}× "
                    f"({found['beside'][0]:.1f} to {found['alone'][0]:.1f} ms; p99 "
                    f"{found['beside'][1]:.0f} to {found['alone'][1]:.0f} ms)",
                    lambda found: found["beside"][0] <= 2 * found["alone"][0])
        for what, figure, limit in (("start, exec to ready", "start_ms", 300),
                                    ("restart of a killed worker, to its first result",
                                     "restart_ms", 100)):
            self.number(what, f"under {limit} ms", figure, _show_milliseconds,
                        lambda taken, limit=limit: statistics.median(taken) < limit)
        self.growth("CPU per record: 10,000,000 to 1,000,000 records", "ten-million", "identity",
                    "bruco-1", "bruco-1", 1.1)
        self.growth("CPU per record: 200 to 4 partitions", "partitions-200", "identity", "bruco-2",
                    "bruco-2", 1.1)
        self.growth("CPU per record: 64 to 2 lanes, on 200 partitions", "partitions-200",
                    "partitions-200", "bruco-64", "bruco-2", 1.1)
        self.number("system calls per record at full speed", "at most 0.02", "system_calls",
                    lambda calls: f"{sum(calls.values()):.4f} (" + ", ".join(
                        f"{stage[6:]} {calls[stage]:.4f}" for stage in sorted(calls)) + ")",
                    lambda calls: sum(calls.values()) <= 0.02)
        self.number("own allocations per record in source and sink", "0", "allocations",
                    lambda counts: ", ".join(f"{stage[6:]} {counts[stage][0]:.4f}"
                                             for stage in ("bruco-source", "bruco-sink")),
                    lambda counts: max(counts[stage][0] for stage in
                                       ("bruco-source", "bruco-sink")) < 0.001)
        return self.rows


def _show_milliseconds(taken):
    middle, low, high = noise.spread(taken)
    return f"{middle:.0f} ms ({low:.0f}–{high:.0f})"
