"""requirements.py KIND FILE [UV]: a list of packages as requirements for pip, on standard output.

KIND is script (a block in a Python file, PEP 723), pyproject, pylock (PEP 751) or uvlock. It is run by the Python
that the packages are for, in its new environment. A lock is written with all its hashes. With UV, its path, uv
exports a uv.lock. When the list is not what it should be, or asks for another Python, one line on standard error
says so, and the status is 1.
"""

import os
import platform
import re
import shlex
import subprocess
import sys


class Refused(Exception):
    """What is wrong with the list."""


def warn(text):
    print(f"WARNING: {text}", file=sys.stderr)


# ---- files


def parse(text):
    try:
        import tomllib
    except ImportError:  # before 3.11
        try:
            from pip._vendor import tomli as tomllib
        except ImportError:
            raise Refused(f"Python {platform.python_version()} reads no TOML; BRUCO_UV=false helps") from None
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise Refused(f"not as TOML is written: {error}") from None


def read(path):
    with open(path, encoding="utf-8") as file:
        try:
            return file.read()
        except UnicodeDecodeError:
            raise Refused("it is not UTF-8") from None


def entry(table, name, kind, default=None):
    """A table's entry, which is of this type or not there."""
    value = table.get(name, default)
    if value is not None and not isinstance(value, kind):
        raise Refused(f"'{name}' is not what it should be")
    return value


def texts(table, name):
    values = entry(table, name, list, [])
    if not all(isinstance(value, str) for value in values):
        raise Refused(f"'{name}' is not a list of texts")
    return values


def requirement(text):
    """The same, when pip takes it for a requirement: no option, no comment, one line."""
    if not re.fullmatch(r"\s*[A-Za-z0-9](?!.*\s[-#]).*", text):
        raise Refused(f"{text!r} is no requirement")
    return text


def script(text):
    """The block's content. Comment lines follow each other from its first to its last."""
    blocks, block = [], None
    for line in text.splitlines():
        if block is None:
            block = [] if line.rstrip() == "# /// script" else None
        elif line == "#" or line.startswith("# "):
            block.append(line.rstrip())
        else:
            blocks, block = blocks + [block], None
    blocks = [block for block in blocks + [block or []] if "# ///" in block]
    if len(blocks) != 1:
        raise Refused(f"there are {len(blocks)} blocks '# /// script'")
    block = blocks[0][:len(blocks[0]) - 1 - blocks[0][::-1].index("# ///")]
    return "\n".join(line[2:] for line in block)


# ---- which Python


def release(text):
    numbers = re.fullmatch(r"v?(\d+(?:\.\d+)*)(?:\.\*)?((?:a|b|rc|\.?dev|\.?post)\d*)?", text.strip(), re.IGNORECASE)
    if numbers is None:
        raise Refused(f"'{text}' is no version of Python")
    return [int(number) for number in numbers[1].split(".")]


def holds(clause, version):
    """Whether this version is one of '>=3.9' or another clause of PEP 440."""
    found = re.fullmatch(r"\s*(===|==|!=|~=|<=|>=|<|>)\s*(\S+?)\s*", clause)
    if found is None:
        raise Refused(f"requires-python: '{clause.strip()}' is no condition")
    operator, word = found.groups()
    asked = release(word)
    if word.endswith(".*") or operator == "~=":
        prefix = asked if word.endswith(".*") else asked[:-1]
        same = version[:len(prefix)] == prefix
        if operator in ("==", "!="):
            return same == (operator == "==")
        return same and version >= asked
    width = max(len(asked), len(version))
    one, other = ([*numbers, *[0] * (width - len(numbers))] for numbers in (version, asked))
    return {"<": one < other, ">": one > other, "<=": one <= other, ">=": one >= other,
            "!=": one != other}.get(operator, one == other)


def check_python(table):
    asked = entry(table, "requires-python", str, "")
    version = list(sys.version_info[:3])
    if not all(holds(clause, version) for clause in asked.split(",") if clause.strip()):
        raise Refused(f"requires-python is '{asked}', but the worker's Python is {platform.python_version()}")


# ---- lists


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def written_in(project):
    """The names that a pyproject.toml asks for in any case."""
    for text in map(requirement, texts(project, "dependencies")):
        if ";" not in text:
            yield normal(re.match(r"\s*([\w.-]+)", text)[1])


def read_project(folder):
    """The table [project] beside a lock, or an empty one."""
    path = os.path.join(folder, "pyproject.toml")
    return entry(parse(read(path)), "project", dict, {}) if os.path.exists(path) else {}


def check_names(folder, names, command):
    """A lock that does not know what its project asks for by now is old."""
    for name in written_in(read_project(folder)):
        if name not in names:
            raise Refused(f"it does not have '{name}', which pyproject.toml asks for: run '{command}'")


def check_settings(table):
    if {"sources", "index"} & set(entry(entry(table, "tool", dict, {}), "uv", dict, {})):
        warn("[tool.uv] is not read: a uv.lock, or the settings of pip or uv, say where packages come from")


def files_of(package):
    return entry(package, "wheels", list, []) + ([package["sdist"]] if "sdist" in package else [])


def hash_options(files):
    """--hash=... of each file, as a table of hashes or as a text; None: a file has none."""
    found = []
    for file in files:
        hashes = file.get("hashes") or dict([file["hash"].split(":", 1)] if ":" in file.get("hash", "") else [])
        known = [(kind, hashes[kind]) for kind in ("sha256", "sha384", "sha512") if kind in hashes]
        if not known:
            return None
        found.append(shlex.quote("--hash={}:{}".format(*known[0])))
    return sorted(set(found))


def line(package, files, marker, address=None):
    """A pinned requirement with the hashes of its files."""
    name, version = entry(package, "name", str), entry(package, "version", str)
    hashes = hash_options(files)
    if not name or not files or hashes is None or not (version or address):
        raise Refused(f"package '{name}' has no version, no file or no hash")
    what = f"{name} @ {address}" if address else f"{name}=={version}"
    return " ".join([requirement(what + (f" ; {marker}" if marker else "")), *hashes])


def local(folder, file):
    """The path of a file that is not fetched, or None."""
    return os.path.abspath(os.path.join(folder, file["path"])) if "path" in file else None


def as_address(folder, file):
    """Where an archive is, as pip writes it."""
    from urllib.request import pathname2url

    path = local(folder, file)
    return "file://" + pathname2url(path) if path else file.get("url")


def pylock(table, folder):
    if not re.fullmatch(r"1\.\d+", entry(table, "lock-version", str, "")):
        raise Refused(f"its lock-version is {table.get('lock-version')!r}, and Bruco knows 1.0")
    check_python(table)
    groups = texts(table, "default-groups")
    names, found, folders = set(), [], set()

    def chosen(match):
        """Whether an extra or a group is wanted is known here; pip does not know such a marker."""
        wanted = match[4] == "dependency_groups" and match[2] in groups
        return f"python_version {'<' if wanted == bool(match[3]) else '>='} '0'"

    for package in entry(table, "packages", list, []):
        names.add(normal(entry(package, "name", str, "")))
        marker = re.sub(r"(['\"])([\w.-]+)\1\s+(not\s+)?in\s+(extras|dependency_groups)", chosen,
                        entry(package, "marker", str, ""))
        archive, directory = entry(package, "archive", dict), entry(package, "directory", dict)
        files = files_of(package)
        if directory and local(folder, directory) == os.path.abspath(folder):
            continue  # the project itself, whose handler is there
        if archive:
            found.append(line(package, [archive], marker, as_address(folder, archive)))
        elif files:
            found.append(line(package, files, marker))
            folders |= {os.path.dirname(path) for path in (local(folder, file) for file in files) if path}
        else:
            raise Refused(f"package '{package.get('name')}' comes from a folder or a repository, which no hash holds")
    check_names(folder, names, "pip lock' or 'uv export --format pylock.toml")
    return [f"--find-links {shlex.quote(path)}" for path in sorted(folders)] + found


def pick(packages, asked):
    """The package that a dependency in a uv.lock means."""
    for package in packages:
        if package.get("name") == asked.get("name") and all(
                asked.get(key) in (None, package.get(key)) for key in ("version", "source")):
            return package
    raise Refused(f"package '{asked.get('name')}' is not in it")


def uvlock_line(package, folder):
    source = entry(package, "source", dict, {})
    files = files_of(package)
    if "registry" in source:
        return line(package, files, "")
    if set(source) & {"url", "path"} and len(files) == 1:
        return line(package, files, "", as_address(folder, source))
    raise Refused(f"package '{package.get('name')}' comes from a folder or a repository, which no hash holds")


def uvlock(table, folder):
    """What the project needs here. Markers are looked at now: they lie on the ways to a package."""
    from pip._vendor.packaging.markers import Marker

    if table.get("version") != 1:
        raise Refused(f"its version is {table.get('version')!r}, and Bruco knows 1")
    check_python(table)
    packages = entry(table, "package", list, [])
    roots = [package for package in packages if package.get("source") in ({"virtual": "."}, {"editable": "."})]
    if len(roots) != 1:
        raise Refused("it does not say which package is the project's")
    check_names(folder, {normal(asked.get("name", "")) for asked in roots[0].get("dependencies", [])}, "uv lock")
    left, done, found = [(roots[0], None)], set(), {}
    while left:
        package, extra = left.pop()
        here = (id(package), extra)
        if here in done:
            continue
        done.add(here)
        needs = package.get("optional-dependencies", {}).get(extra, []) if extra else package.get("dependencies", [])
        if package is not roots[0]:
            found[package["name"]] = uvlock_line(package, folder)
        for asked in needs:
            marker = asked.get("marker", "")
            if "extra" in marker:
                raise Refused(f"whether it needs '{asked.get('name')}' depends on extras: only uv can tell")
            if not marker or Marker(marker).evaluate():
                other = pick(packages, asked)
                left += [(other, name) for name in [None, *asked.get("extra", [])]]
    return [found[name] for name in sorted(found)]


def export(uv, folder):
    """The same by uv, which knows all that its lock may say."""
    check_python(read_project(folder))
    table = parse(read(os.path.join(folder, "uv.lock")))
    check_python(table)
    roots = [package for package in entry(table, "package", list, [])
             if package.get("source") in ({"virtual": "."}, {"editable": "."})]
    check_names(folder, {normal(asked.get("name", "")) for root in roots for asked in root.get("dependencies", [])},
                "uv lock")
    words = [uv, "export", "--frozen", "--offline", "--no-progress", "--no-default-groups", "--no-emit-project",
             "--no-header", "--no-annotate", "--format", "requirements.txt", "--python", sys.executable,
             "--project", folder]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise Refused("uv cannot export it")
    return done.stdout.decode().splitlines()


def requirements(kind, path, uv):
    folder = os.path.dirname(path)
    if kind == "uvlock" and uv:
        return export(uv, folder)
    text = read(path)
    table = parse(script(text) if kind == "script" else text)
    if kind == "pylock":
        return pylock(table, folder)
    if kind == "uvlock":
        return uvlock(table, folder)
    check_settings(table)
    if kind == "pyproject":
        table = entry(table, "project", dict, {})
    check_python(table)
    return [requirement(text) for text in texts(table, "dependencies")]


def main():
    kind, path = sys.argv[1:3]
    try:
        lines = requirements(kind, path, "".join(sys.argv[3:4]))
        print(*lines, sep="\n")
    except (Refused, OSError, AttributeError, TypeError, KeyError) as error:
        what = error if isinstance(error, (Refused, OSError)) else "not what such a file holds"
        print(f"ERROR: {what}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main()
