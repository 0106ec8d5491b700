"""The results of the scenarios: as lines for a terminal, as JSON, and as a page."""

import json


def numbers(result):
    parts = [f"{name.replace('_', ' ')} {result[name]}" for name in
             ("input", "output", "dead_letter", "filtered", "lost", "invented", "out_of_order",
              "duplicates", "misplaced", "mislabelled", "samples", "committed_early")
             if name in result]
    return ", ".join(parts)


def bound(result):
    """Zero losses in N independent faults bound the loss per fault by 3/N (95 %)."""
    count = sum(result["faults"].values())
    if count == 0 or result.get("lost", 1) != 0:
        return ""
    return f"0 lost in {count} faults: at most {3 / count:.4f} losses a fault (95 %)"


def lines(name, result):
    out = [f"{'WRONG' if result['wrong'] else 'ok'}: {numbers(result)} ({result['seconds']} s)"]
    out.append("faults: " + ", ".join(f"{k} {v}" for k, v in sorted(result["faults"].items())))
    if result.get("duplicates_by_cause"):
        out.append("duplicates by cause: " + ", ".join(
            f"{k} {v}" for k, v in sorted(result["duplicates_by_cause"].items())))
    for cause, times in sorted(result["recovery"].items()):
        out.append(f"recovery after {cause}: median {times['median']:.2f} s, "
                   f"maximum {times['maximum']:.2f} s ({times['count']})")
    for program, sweep in result.get("programs", {}).items():
        out.append(f"{program}: killed at {sweep['kills']} of {sweep['places']} places, "
                   f"{sweep['calls']} different calls ({sweep['not_reached']} places were not "
                   "reached again)")
    out += [bound(result)] if bound(result) else []
    out += [f"WRONG: {text}" for text in result["wrong"]]
    return out


def page(results):
    out = ["# What the chaos scenarios found", "",
           "Written by `tests/chaos/chaos --report`; the details, with each run's schedule and",
           "configuration, are in report.json. `make chaos` repeats all of it.", "",
           "| scenario | records | faults | lost | invented | out of order | duplicates | wrong |",
           "|---|---|---|---|---|---|---|---|"]
    for name, result in results.items():
        out.append(f"| {name} | {result.get('input', '')} | {sum(result['faults'].values())} | "
                   f"{result.get('lost', '')} | {result.get('invented', '')} | "
                   f"{result.get('out_of_order', '')} | {result.get('duplicates', '')} | "
                   f"{'; '.join(result['wrong']) or 'nothing'} |")
    for name, result in results.items():
        out += ["", f"## {name}", "", " ".join(result["what"].split()), "",
                f"    {result['command']}", ""]
        out += [f"- {line}" for line in lines(name, result)]
        out += [f"- {result['versions']}"]
    return "\n".join(out) + "\n"


def keep(folder, name, result):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "report.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    results[name] = result
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    (folder / "REPORT.md").write_text(page(results))
