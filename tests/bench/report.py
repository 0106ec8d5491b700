"""Makes RESULTS.md, results.svg and the printed table of the results."""
import pathlib
import statistics

import noise
import plot
from targets import Targets

MB = 1e6
REFERENCE = "bruco-1"  # what the tables give ratios to
VERDICT = {True: "met", False: "NOT MET", None: "–"}


def _spread(values, show):
    if len(values) == 1:
        return show(values[0])
    return f"{show(statistics.median(values))} ({show(min(values))}–{show(max(values))})"


def _thousands(value):
    return f"{value:,.0f}"


def _seconds(value):
    return f"{value:.2f}"


def _thousandths(value):
    return f"{value:.3f}"


def _per_million(run):
    return run["cpu"] * 1e6 / run["count"]


def _rate(run):
    return run["rate"]


def _ratio(runs, reference, value):
    """Their ratio to the reference's runs, with a word on the noise."""
    if not reference or runs is reference:
        return ""
    ratios, remark = noise.ratio([value(run) for run in runs], [value(run) for run in reference])
    return f"{statistics.median(ratios):.2f}×" + (f" ({remark})" if remark else "")


def _table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]


class Report:
    """`results` are those of runs.Bench, `setup` the lines that say where and how it ran."""

    def __init__(self, results, setup):
        self.results = results
        self.setup = setup
        self.targets = Targets(results).judge()

    def _label(self, name):
        return self.results["contenders"][name]["label"]

    def _workload_rows(self, entry):
        rows = []
        reference = entry["runs"].get(REFERENCE, [])
        for name in list(entry["runs"]) + [n for n in entry["failed"] if n not in entry["runs"]]:
            runs = entry["runs"].get(name, [])
            failed = entry["failed"].get(name)
            if not runs:
                rows.append([self._label(name), "failed: " + failed] + [""] * 5)
                continue
            rows.append([
                self._label(name) + (f" (then failed: {failed})" if failed else ""),
                _thousands(runs[0]["count"]),
                _spread([_rate(run) for run in runs], _thousands),
                _spread([_per_million(run) for run in runs], _seconds),
                _thousands(max(run["memory"] for run in runs) / MB),
                _ratio(runs, reference, _rate), _ratio(runs, reference, _per_million)])
        return rows

    def _contender_rows(self):
        rows = []
        for name, note in self.results["contenders"].items():
            start = self.results["start"].get(name)
            rows.append([note["label"], note["error"] or note["version"], note["library"],
                         note["settings"], "" if start is None else _seconds(start)])
        return rows

    def _latency_rows(self):
        rows = []
        for name, entry in self.results["latency"].items():
            if entry["runs"]:
                rows.append([self._label(name)] + [
                    _spread([run[i] / 1000 for run in entry["runs"]], _seconds) for i in range(4)])
            elif entry["failed"]:
                rows.append([self._label(name), "failed: " + entry["failed"], "", "", ""])
        return rows

    def _rate_rows(self, entries):
        rows = []
        for name, entry in entries.items():
            runs = entry["runs"]
            if runs:
                rows.append(
                    [self._label(name), _spread([run["rate"] for run in runs], _thousands)] +
                    [_spread([run["percentiles"][i] / 1000 for run in runs], _seconds)
                     for i in (0, 1, 3)] + [_spread([run["cpu"] for run in runs], _thousandths)])
            elif entry["failed"]:
                rows.append([self._label(name), "failed: " + entry["failed"]] + [""] * 4)
        return rows

    def _rate_lines(self):
        lines = ["", "## Latency and CPU by load", "",
                 "Latency in milliseconds, as above. CPU seconds, of all processes of the "
                 "contender, for each second in which records went in, until the last came back; "
                 "\"in\" is how many a second went in. "
                 "From 5,001 a second on they go in in steps of 1 ms, below that each at its "
                 "time. Warm-up records came before."]
        for rate, entries in self.results["rates"].items():
            rows = self._rate_rows(entries)
            if rows:
                lines += ["", f"### {int(rate):,} records/s", ""]
                lines += _table(["contender", "in", "p50", "p99", "longest", "CPU-s/s"], rows)
        return lines

    def lines(self):
        """RESULTS.md."""
        lines = ["# Results of `make bench`", ""] + self.setup + [
            "", "![records/s and CPU](results.svg)", "", "## Targets", "",
            "Ratios are taken within each round; median (lowest–highest). \"Within the noise\": "
                  "the ranges of the two overlap, so that their difference may be none.", ""]
        lines += _table(["what", "wanted", "got", ""],
                        [row[:3] + (VERDICT[row[3]],) for row in self.targets])
        for entry in self.results["workloads"].values():
            lines += ["", "## " + entry["title"], ""]
            lines += _table(["contender", "records", "records/s", "CPU-seconds per million",
                             "peak MB", "records/s, to " + self._label(REFERENCE),
                             "CPU, to " + self._label(REFERENCE)], self._workload_rows(entry))
        if self.results["latency"]:
            lines += ["", "## Latency at 1,000 records/s, in milliseconds", "",
                      "From producing a record into the input to consuming its result from the "
                      "output.", ""]
            lines += _table(["contender", "p50", "p99", "p99.9", "longest"], self._latency_rows())
        if any(self.results["rates"].values()):
            lines += self._rate_lines()
        lines += ["", "## Contenders", ""]
        lines += _table(["contender", "version", "library", "set to",
                         "CPU-seconds of start and end"],
                        self._contender_rows())
        if self.results["skipped"]:
            lines += ["", "Not measured, because the time was up: " +
                      ", ".join(self.results["skipped"]) + "."]
        return lines + [""]

    def _panel(self, workload, what, value, show):
        entry = self.results["workloads"].get(workload)
        if entry is None or not entry["runs"]:
            return []
        bars = []
        for name, runs in entry["runs"].items():
            values = [value(run) for run in runs]
            bars.append((self._label(name), statistics.median(values), min(values), max(values),
                         show(statistics.median(values)), name.startswith("bruco")))
        return [(entry["title"] + ": " + what, bars)]

    def svg(self):
        """The plot."""
        panels = []
        for workload in ("identity", "json"):
            panels += self._panel(workload, "records/s (more is better)", _rate, _thousands)
            panels += self._panel(workload, "CPU-seconds per million (less is better)",
                                  _per_million, _seconds)
        return plot.draw(panels)

    def write(self, folder):
        """Writes both files into the folder."""
        pathlib.Path(folder, "RESULTS.md").write_text("\n".join(self.lines()), encoding="utf-8")
        pathlib.Path(folder, "results.svg").write_text(self.svg(), encoding="utf-8")
