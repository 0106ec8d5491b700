"""One handler with every kind of result: the function in CASES that the event's offset names.

compare.py runs it through the real worker and through bruco.testing.run; both must agree.
"""

import dataclasses
import datetime
import decimal
import enum
import uuid

from bruco import Failed, Message, Reject, Timeout

UTC = datetime.timezone.utc


class Colour(enum.Enum):
    RED = "red"


class Word(str, enum.Enum):
    YES = "yes"


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Point:
    x: object
    when: object = datetime.date(2026, 1, 31)


@dataclasses.dataclass
class Broken:
    x: int

    def __getattribute__(self, name):
        if name == "x":
            raise RuntimeError("no x")
        return object.__getattribute__(self, name)


class Bytes(bytes):
    pass


class Text(str):
    def encode(self, *_):
        return b"not this"


class Array(bytearray):
    pass


class NotATime(datetime.datetime):
    def __ne__(self, other):
        return True

    def __repr__(self):
        return "NaT"


bool_ = type("bool", (), {"__module__": "numpy"})


async def asynchronous_words(data):
    for word in (b"a", None, b"b", data):
        yield word


async def fails_later():
    raise Reject("later")


def endless():
    result = []
    result.append({"again": result})
    return result


def deep():
    result = []
    for _ in range(100000):
        result = [result]
    return result


def released():
    view = memoryview(b"x")
    view.release()
    return view


def changed(data):
    data += b" and more"
    return data


def cleared(data):
    data.clear()
    return data


def reused():
    buffer = bytearray(b"a")
    for letter in b"bcd":
        yield buffer
        buffer[0] = letter


def fails_after(count):
    yield from [b"x"] * count
    raise KeyError("late")


def returns_one():
    yield 1
    return b"value"


def raises(exception):
    raise exception


async def coroutine():
    return 1


async def asynchronous():
    yield 1


def content(context, *arguments, **keywords):
    return context.response(*arguments, **keywords)


def strange_message():
    message = Message(b"x")
    message.key = {"k": 1}
    return message


CASES = [
    # as they are
    lambda c, d: None,
    lambda c, d: d,
    lambda c, d: changed(d),
    lambda c, d: cleared(d),
    lambda c, d: bytes(d),
    lambda c, d: bytearray(d),
    lambda c, d: c.event.data,
    lambda c, d: c.event.value,
    lambda c, d: b"",
    lambda c, d: bytearray(),
    lambda c, d: b"a\xff\x00",
    lambda c, d: Bytes(b"sub"),
    lambda c, d: Array(b"class"),
    lambda c, d: memoryview(b"view"),
    lambda c, d: memoryview(b"d1e2f3")[::2],
    lambda c, d: memoryview(b"123456").cast("H"),
    lambda c, d: memoryview(b""),
    lambda c, d: released(),
    lambda c, d: "",
    lambda c, d: "é \U0001f600 \0",
    lambda c, d: Word.YES,
    lambda c, d: "\ud800",
    # JSON
    lambda c, d: {},
    lambda c, d: [],
    lambda c, d: (1, 2),
    lambda c, d: True,
    lambda c, d: False,
    lambda c, d: 0,
    lambda c, d: -(2**70),
    lambda c, d: 1.5e300,
    lambda c, d: {"a": [1, 2.5, None, True, "é\ud800"], 1: 2, None: 3, True: 4, 1.5: 5},
    lambda c, d: Level.HIGH,
    lambda c, d: Colour.RED,
    lambda c, d: {"c": Colour.RED, "l": Level.HIGH, "w": Word.YES},
    lambda c, d: Point(1),
    lambda c, d: [Point(Point(decimal.Decimal("1.10")), uuid.UUID(int=1))],
    lambda c, d: datetime.datetime(2026, 1, 31, 1, 2, 3, 4, UTC),
    lambda c, d: datetime.time(1, 2),
    lambda c, d: uuid.UUID(int=2),
    lambda c, d: decimal.Decimal("-0.0"),
    lambda c, d: {1},
    lambda c, d: {"items": [0, 1, 2, {1, 2}]},
    lambda c, d: {"a": {"b": (0, object)}},
    lambda c, d: {"a": {(1, 2): 3}},
    lambda c, d: {"a" * 100: {"ü\"": b"bytes"}},
    lambda c, d: [Point({"y": [1j]})],
    lambda c, d: [Broken(1)],
    lambda c, d: float("nan"),
    lambda c, d: {"n": [0.0, float("-inf")]},
    lambda c, d: {float("inf"): 1},
    lambda c, d: [decimal.Decimal("NaN")],
    lambda c, d: {"x": endless()},
    lambda c, d: deep(),
    lambda c, d: [10**5000],
    lambda c, d: [Message(b"one"), Message(b"two")],
    lambda c, d: NotImplemented,
    lambda c, d: map(str, [1]),
    lambda c, d: coroutine(),
    lambda c, d: [coroutine()],
    lambda c, d: asynchronous(),
    # messages
    lambda c, d: Message(None),
    lambda c, d: Message(d),
    lambda c, d: Message(cleared(d)),
    lambda c, d: Message(bytearray(d)),
    lambda c, d: Message(b"v"),
    lambda c, d: Message("é"),
    lambda c, d: Message({"a": 1}),
    lambda c, d: Message(memoryview(b"d1e2")[::2]),
    lambda c, d: Message(d, key=None),
    lambda c, d: Message(d, key=b""),
    lambda c, d: Message(d, key="schlüssel"),
    lambda c, d: Message(d, key=bytearray(b"k\xff")),
    lambda c, d: Message(d, key=memoryview(b"k1e2")[::2]),
    lambda c, d: Message(d, key=5),
    lambda c, d: Message(d, key="\ud800"),
    lambda c, d: strange_message(),
    lambda c, d: Message(d, headers={}),
    lambda c, d: Message(d, headers=None),
    lambda c, d: Message(d, headers={"a": b"1", "b": "zwö", "c": None, "d": bytearray(b"2")}),
    lambda c, d: Message(d, headers=[("a", b"1"), ("a", b"2"), ["b", b"3"]]),
    lambda c, d: Message(d, headers=c.event.headers),
    lambda c, d: Message(d, headers=[*c.event.headers.items(), ("new", b"")]),
    lambda c, d: Message(d, headers=dict(c.event.headers)),
    lambda c, d: Message(d, headers=iter([("a", "1")])),
    lambda c, d: Message(d, headers={"traceparent": "own"}),
    lambda c, d: Message(d, headers={"Traceparent": None, "baggage": "own"}),
    lambda c, d: Message(d, headers={"tracestate": "own"}),
    lambda c, d: Message(d, headers={"x": "y"}, topic="t"),
    lambda c, d: (Message(n, headers={"n": str(n)}) for n in range(3)),
    lambda c, d: c.event.trace,
    lambda c, d: str(c.event.trace),
    lambda c, d: c.response(data=d, content_type="text/plain"),
    lambda c, d: Message(d, headers="a"),
    lambda c, d: Message(d, headers=5),
    lambda c, d: Message(d, headers=["ab"]),
    lambda c, d: Message(d, headers=[("a",)]),
    lambda c, d: Message(d, headers=[(b"a", b"1")]),
    lambda c, d: Message(d, headers={"a": 1}),
    lambda c, d: Message(d, headers={"\ud800": b""}),
    lambda c, d: Message(d, headers=[("h", b"")] * 65536),
    lambda c, d: Message(d, headers=[("h", b"")] * 65537),
    lambda c, d: Message(d, timestamp=0),
    lambda c, d: Message(d, timestamp=1767225600123),
    lambda c, d: Message(d, timestamp=None),
    lambda c, d: Message(d, timestamp=datetime.datetime(2026, 1, 31, 1, 2, 3, 4999, UTC)),
    lambda c, d: Message(d, timestamp=c.event.timestamp),
    lambda c, d: Message(d, timestamp=datetime.datetime(2026, 1, 31)),
    lambda c, d: Message(d, timestamp=-1),
    lambda c, d: Message(d, timestamp=2**63),
    lambda c, d: Message(d, timestamp=True),
    lambda c, d: Message(d, timestamp=1.5),
    lambda c, d: Message(d, timestamp=Level.HIGH),
    lambda c, d: Message(d, topic="elsewhere"),
    lambda c, d: Message(d, topic="elsewhere", partition=2),
    lambda c, d: Message(d, partition=2**31 - 1),
    lambda c, d: Message(d, topic="t", key=None, headers={}, timestamp=5, partition=0),
    lambda c, d: Message(Text("v"), topic=Text("t"), key=Text("k"), headers={Text("n"): Text("h")}),
    lambda c, d: Message(d, topic=""),
    lambda c, d: Message(d, topic="a b"),
    lambda c, d: Message(d, topic="t" * 249),
    lambda c, d: Message(d, topic="t" * 250),
    lambda c, d: Message(d, topic=None),
    lambda c, d: Message(d, topic=b"t"),
    lambda c, d: Message(d, partition=-1),
    lambda c, d: Message(d, partition=2**31),
    lambda c, d: Message(d, partition="1"),
    lambda c, d: Message(d, partition=False),
    lambda c, d: Message({"a": [{1}]}),
    lambda c, d: Message("\ud800"),
    lambda c, d: Message(Message(b"x")),
    lambda c, d: Message(x for x in "ab"),
    # as in earlier versions
    lambda c, d: content(c, "k", {"a": 1}),
    lambda c, d: content(c, 17, "text", "text/plain"),
    lambda c, d: content(c, key=("a", 1), data=b"x", content_type="application/octet-stream"),
    lambda c, d: content(c, key=None, data=d),
    lambda c, d: content(c, b"k\xff", None),
    lambda c, d: content(c, data=[1], content_type=None),
    lambda c, d: content(c, "k", {1}),
    lambda c, d: content(c, "k", 1, 5),
    # generators
    lambda c, d: (x for x in ()),
    lambda c, d: (x for x in (None, None)),
    lambda c, d: (x for x in (b"one",)),
    lambda c, d: (x for x in (b"one", None, "two", 3, bytearray(b"4"), {"five": 5}, None)),
    lambda c, d: (x for x in (d, d)),
    lambda c, d: (x for x in (Message(None), Message(b"v", key=b"k", topic="elsewhere"), d)),
    lambda c, d: reused(),
    lambda c, d: (c.event.key for _ in range(3)),
    lambda c, d: (x for x in (b"fine", {"a": [{1}]})),
    lambda c, d: (x for x in (b"fine", None, Message("x", key=3))),
    lambda c, d: (x for x in (b"fine", "\ud800")),
    lambda c, d: (x for x in (b"fine", (y for y in "ab"))),
    lambda c, d: fails_after(0),
    lambda c, d: fails_after(3),
    lambda c, d: returns_one(),
    # sizes: maxRecordSize is 64 KiB here
    lambda c, d: b"x" * (60 << 10),
    lambda c, d: b"x" * (64 << 10),
    lambda c, d: "é" * (32 << 10),
    lambda c, d: Message(b"x", key=b"k" * (64 << 10)),
    lambda c, d: Message(b"x", headers={"h": b"x" * (64 << 10)}),
    lambda c, d: [0] * (32 << 10),
    lambda c, d: (b"x" * n for n in (10, 70000, 20)),
    lambda c, d: (b"x" * (60 << 10) for _ in range(1080)),
    lambda c, d: (b"x" * (60 << 10) for _ in range(2000)),
    lambda c, d: (Message(b"", key=b"x" * (60 << 10)) for _ in range(2000)),
    *(  # up to the cap exactly: the records around it differ in their keys and headers
        lambda c, d, n=n: b"x" * ((64 << 10) - n)
        for n in range(60, 140)
    ),
    # failures
    lambda c, d: raises(ValueError("bad id\nsecond line")),
    lambda c, d: raises(KeyError("a")),
    lambda c, d: raises(Timeout("late")),
    lambda c, d: raises(SystemExit(3)),
    lambda c, d: raises(GeneratorExit),
    lambda c, d: raises(StopIteration(1)),
    lambda c, d: raises(ValueError("\ud800\0")),
    lambda c, d: d.nothing,
    lambda c, d: raises(Reject("why")),
    lambda c, d: raises(Reject),
    # what stands for a failure
    lambda c, d: Failed(ValueError("given")),
    lambda c, d: Failed(Reject("given")),
    lambda c, d: Failed("no exception"),
    lambda c, d: Failed(KeyboardInterrupt()),
    lambda c, d: [Failed(ValueError("in a list"))],
    lambda c, d: Message(Failed(ValueError("in a message"))),
    lambda c, d: (x for x in (b"fine", Failed(KeyError("k")))),
    # not times; types that are called like Python's own
    lambda c, d: {"t": NotATime(2026, 1, 1)},
    lambda c, d: [bool_()],
    # to await, although the handler is not async
    lambda c, d: asynchronous_words(d),
    lambda c, d: fails_later(),
]


def handle_event(context, data):
    return CASES[context.event.offset](context, data)
