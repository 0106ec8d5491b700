"""The results of the scenarios: as lines for a terminal, and as a page."""


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


HEAD = """\
# What the chaos scenarios found

Written by `make chaos`; each scenario's command repeats it, with the same load and schedule of
faults. Nothing is configured but what the scenario's text says.

| scenario | records | faults | lost | invented | out of order | duplicates | wrong |
|---|---|---|---|---|---|---|---|
"""


def row(name, result):
    return (f"| {name} | {result.get('input', '')} | {sum(result['faults'].values())} | "
            f"{result.get('lost', '')} | {result.get('invented', '')} | "
            f"{result.get('out_of_order', '')} | {result.get('duplicates', '')} | "
            f"{'; '.join(result['wrong']) or 'nothing'} |\n")


def section(name, result):
    out = [f"## {name}", "", " ".join(result["what"].split()), "", f"    {result['command']}", ""]
    out += [f"- {line}" for line in lines(name, result)]
    return "\n".join([*out, f"- {result['versions']}"]) + "\n"


def keep(folder, name, result):
    """Puts a scenario's row and section into FOLDER/REPORT.md, in place of its earlier ones."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "REPORT.md"
    head, *sections = (path.read_text() if path.exists() else HEAD).split("\n## ")
    rows = {line.split("|")[1].strip(): line + "\n" for line in head.splitlines()
            if line.startswith("|")}
    for title in ("scenario", "---"):
        rows.pop(title, None)
    texts = {text.split("\n", 1)[0]: f"## {text.rstrip()}\n" for text in sections}
    rows[name], texts[name] = row(name, result), section(name, result)
    path.write_text(HEAD + "".join(rows.values()) + "\n" + "\n".join(texts.values()))
