#!/usr/bin/python3
"""encoding.py SECONDS FOLDER FOUND: bruco.encoding with whatever a handler may return.

A case follows from its number. The numbers that are names of files in FOLDER come first, then
others, for so many seconds. Only TypeError and ValueError may come out, naming the place; what is
encoded is bytes that mean the same value, within the limits. A case that fails is kept as the file
FOUND and its number.
"""

import collections
import dataclasses
import datetime
import decimal
import enum
import json
import math
import pathlib
import random
import re
import sys
import time
import traceback
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "lib" / "python"))

from bruco import Message, encoding  # noqa: E402
from bruco._event import Event  # noqa: E402
from bruco._headers import Headers  # noqa: E402
from bruco._message import KEEP  # noqa: E402

CAP = 4096
DEPTH = 4


class Colour(enum.Enum):
    RED = "red"
    SELF = ("a", 1)


class Text(str):
    def encode(self, *_):
        return b"not this"

    def __str__(self):
        raise RuntimeError("never asked")


class Broken:
    def __repr__(self):
        raise RuntimeError("broken")


@dataclasses.dataclass
class Point:
    x: object
    y: object = None


def text(rng):
    letters = "ab \n\"\\\0\x1b\u20ac\u202e\U0001f389\ud800\udcff"
    return "".join(rng.choice(letters) for _ in range(rng.choice((0, 1, 5, 40))))


def data(rng):
    return rng.randbytes(rng.choice((0, 1, 7, 300, 5000)))


def number(rng):
    return rng.choice(
        (0, -1, 2**31, 2**63, -(2**63), 10**400, True, 0.5, -0.0, 1e308, math.nan, math.inf,
         rng.random(), rng.getrandbits(64))
    )  # fmt: skip


def odd(rng):
    day = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc)
    return rng.choice(
        (
            day, day.date(), day.time(), day.replace(tzinfo=None), datetime.timedelta(1),
            decimal.Decimal("1.10"), decimal.Decimal("sNaN"), uuid.UUID(int=5), Colour.RED,
            Colour.SELF, Broken(), Point(1), Point(Broken()), object, len, {1, 2}, 1j,
            range(3), Text("x"), collections.OrderedDict(a=1), Message("inner"), iter(()),
            memoryview(b"abc")[::2], bytearray(b"x"), b"\xff",
        )
    )  # fmt: skip


def container(rng, depth):
    if rng.random() < 0.5:
        made = [value(rng, depth - 1) for _ in range(rng.randrange(4))]
        if rng.random() < 0.05:
            made.append(made)
        return made if rng.random() < 0.8 else tuple(made)
    made = {}
    for _ in range(rng.randrange(4)):
        key = rng.choice((text, number, lambda _: None, lambda _: b"k", lambda _: (1,)))(rng)
        made[key] = value(rng, depth - 1)
    return made


def value(rng, depth=DEPTH):
    if depth > 0 and rng.random() < 0.4:
        return container(rng, depth)
    return rng.choice((text, text, number, number, odd, lambda _: None))(rng)


def deep(rng):
    made = value(rng, 1)
    for _ in range(rng.choice((10, 5000))):
        made = [made]
    return made


def headers(rng):
    name = rng.choice(("a", "traceparent", "bruco-error", "Content-Type", "\udcff", "\ud800"))
    pairs = [(name, rng.choice((data, text, number, odd))(rng)) for _ in range(rng.randrange(4))]
    shapes = (pairs, dict(pairs), iter(pairs), [tuple("abc")], "ab", 5, [None], Headers())
    return rng.choice(shapes[:3] if rng.random() < 0.7 else shapes)


def message(rng):
    given = {}
    for name, makers in (
        ("key", (data, text, odd, lambda _: None)),
        ("headers", (headers,)),
        ("timestamp", (number, odd, lambda _: None)),
        ("topic", (text, lambda _: "orders", lambda _: "a" * 250, odd)),
        ("partition", (number, lambda r: r.randrange(9), odd)),
    ):
        if rng.random() < 0.4:
            given[name] = rng.choice(makers)(rng)
    return Message(rng.choice((value, data, text))(rng), **given)


def result(rng):
    return rng.choice((value, data, text, message, message, deep, odd, lambda _: None))(rng)


def generator(rng, items):
    yield from items
    if rng.random() < 0.1:
        return 5


def event_of(rng):
    pairs = [("a", b"1"), ("traceparent", b"00-%032x-%016x-01" % (5, 7)), ("n", None)]
    return Event(
        rng.choice((None, b"", b"value")),
        key=rng.choice((None, b"k")),
        headers=pairs[: rng.randrange(4)],
        topic=rng.choice((None, "orders")),
        timestamp=rng.choice((None, 5)),
    )


def holds(condition, what):
    if not condition:
        raise AssertionError(what)


def plain(item):
    """Whether json's own encoder must say the same of it."""
    if isinstance(item, (list, tuple)):
        return all(map(plain, item))
    if type(item) is dict:
        return all(type(key) is str and plain(one) for key, one in item.items())
    return item is None or type(item) in (bool, int, str) or type(item) is float


def check_value(item, output, event):
    if isinstance(item, Message):
        item = item.value
    if item is None:
        holds(output.value is None, "None is null")
    elif isinstance(item, (bytes, memoryview)):
        holds(output.value == bytes(item), "bytes are themselves")
    elif isinstance(item, str):
        holds(output.value == str.encode(item), "text is UTF-8")
    elif not isinstance(item, bytearray):
        holds(output.value.isascii() and b"\n" not in output.value, "JSON is one line of ASCII")
        decoded = json.loads(output.value, parse_constant=lambda name: holds(False, name))
        if type(item) in (dict, list, tuple) and plain(item):
            holds(decoded == json.loads(json.dumps(item)), "JSON is the value")
        holds(encoding.encode(decoded, event) is not None or decoded is None, "JSON is a result")


def check(item, output, event):
    holds(output.value is None or type(output.value) is bytes, "a value is bytes")
    holds(output.key in (None, KEEP) or type(output.key) is bytes, "a key is bytes")
    holds(output.timestamp is KEEP or -(2**63) <= output.timestamp < 2**63, "a time has 64 bits")
    if output.topic is not KEEP:
        holds(re.fullmatch(rb"[A-Za-z0-9._-]{0,249}", output.topic), "a topic is a name")
        holds(-1 <= output.partition < 2**31, "a partition has 31 bits")
    if output.headers is not KEEP:
        for name, content in output.headers:
            holds(type(name) is bytes, "a name is bytes")
            holds(content is None or type(content) is bytes, "a header's value is bytes")
    check_value(item, output, event)


def run(seed):
    rng = random.Random(seed)
    event = event_of(rng)
    if rng.random() < 0.2:
        items = [result(rng) for _ in range(rng.randrange(4))]
        given, place = generator(rng, items), r"(outputs\[\d+\]|a generator|result)"
    else:
        items = [result(rng)]
        given, place = items[0], "(result|content_type)"
    try:
        outputs = encoding.outputs(given, event, CAP)
    except (TypeError, ValueError) as error:
        holds(re.match(place, str(error)), f"no place in {error!r}")
        return
    items = [item for item in items if item is not None]
    holds(len(outputs) == len(items), "an output for each")
    for item, output in zip(items, outputs):
        check(item, output, event)
        whole = encoding.size(output, event)
        holds(whole <= CAP + encoding.FAILURE_BYTES + 249, f"{whole} bytes are too many")


def cases(folder, seconds):
    for file in sorted(folder.glob("*")):
        yield int(file.name.rpartition("-")[2])
    first = random.SystemRandom().getrandbits(48)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield first
        first += 1


def main(seconds, folder, found):
    count, begun = 0, time.monotonic()
    status = 0
    for seed in cases(folder, seconds):
        try:
            run(seed)
        except BaseException:
            traceback.print_exc()
            print(f"case {seed} failed", file=sys.stderr)
            pathlib.Path(f"{found}{seed}").touch()
            status = 1
            break
        count += 1
    print(f"stat::number_of_executed_units: {count}")
    print(f"stat::average_exec_per_sec: {int(count / (time.monotonic() - begun + 1e-9))}")
    return status


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]))
