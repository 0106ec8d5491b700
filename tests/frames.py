"""Frames, bruco-frame(5), in Python: written and read independently of lib/frame, for tests.

    python3 frames.py write 'record(1, b"value", key=b"k")' 'end(1)' > capture
    python3 frames.py read < capture        # a line a frame
    python3 frames.py values < capture      # the values, a line each, as repr
"""

import collections
import struct
import sys

HEAD = struct.Struct("<2sBBHHIIQ")
RECORD = struct.Struct("<qqiIiiII")
TYPES = {1: "record", 2: "empty", 3: "failed", 4: "end"}
MASK = (1 << 64) - 1

Frame = collections.namedtuple(
    "Frame", "type flags attempt seq topic partition offset timestamp key headers value origin system first",
    defaults=[None] * 10)


def check(head):
    first, length, seq = struct.unpack_from("<QI4xQ", head)
    mix = first * 0x9E3779B97F4A7C15 & MASK
    mix = (mix ^ mix >> 32 ^ length) * 0xBF58476D1CE4E5B9 & MASK
    mix = (mix ^ mix >> 29 ^ seq) * 0x94D049BB133111EB & MASK
    return mix >> 32


def frame(kind, flags, attempt, seq, body):
    """A frame of any content, with its check right."""
    length = HEAD.size + len(body)
    head = HEAD.pack(b"Br", 1, kind, flags, attempt, length, 0, seq)
    return HEAD.pack(b"Br", 1, kind, flags, attempt, length, check(head), seq) + body


def size(part):
    return -1 if part is None else len(part)


def record(seq, value, key=None, topic="", partition=-1, offset=-1, timestamp=-1, headers=(),
           flags=1, attempt=0, kind=1, system=""):
    flags |= 16 if system else 0
    packed = b"".join(struct.pack("<Ii", len(name), size(content)) + name + (content or b"")
                      for name, content in headers)
    fields = RECORD.pack(offset, timestamp, partition, len(topic), size(key), size(value),
                         len(headers), len(packed))
    return frame(kind, flags, attempt, seq,
                 fields + topic.encode() + (key or b"") + packed + (value or b"") + system.encode())


def failed(seq, value, **fields):
    return record(seq, value, kind=3, **fields)


def empty(seq, first=None):
    return frame(2, 1, 0, seq, b"" if first is None else struct.pack("<Q", first))


def end(seq):
    return frame(4, 0, 0, seq, b"")


def parse_record(body, flags):
    offset, timestamp, partition, *lengths, count, _ = RECORD.unpack_from(body)
    at = RECORD.size

    def take(length):
        nonlocal at
        if length < 0:
            return None
        at += length
        return body[at - length:at]

    topic, key = take(lengths[0]).decode(), take(lengths[1])
    headers = []
    for _ in range(count):
        name_length, value_length = struct.unpack("<Ii", take(8))
        headers.append((take(name_length), take(value_length)))
    value = take(lengths[2])
    origin = None
    if flags & 2 and at < len(body):
        origin_offset, origin_partition = struct.unpack("<qi", take(12))
        origin = (take(len(body) - at).decode(), origin_partition, origin_offset)
    system = take(len(body) - at).decode() if flags & 16 else None
    assert at == len(body), "lengths don't add up"
    return topic, partition, offset, timestamp, key, headers, value, origin, system


def read(stream):
    """Yields each Frame of a binary stream; AssertionError for what is none."""
    while head := stream.read(HEAD.size):
        magic, version, kind, flags, attempt, length, found, seq = HEAD.unpack(head)
        assert magic == b"Br" and version == 1 and found == check(head), f"bad head: {head!r}"
        body = stream.read(length - HEAD.size)
        assert len(body) == length - HEAD.size, "truncated"
        parts = parse_record(body, flags) if kind in (1, 3) else (None,) * 9
        first = struct.unpack("<Q", body)[0] if kind == 2 and body else None
        yield Frame(TYPES[kind], flags, attempt, seq, *parts, first)


def main(command, *arguments):
    if command == "write":
        for text in arguments:
            sys.stdout.buffer.write(eval(text))
    elif command == "read":
        for one in read(sys.stdin.buffer):
            fields = one._asdict().items()
            nullable = ("key", "value") if one.topic is not None else ()
            print(" ".join(f"{name}={value!r}" for name, value in fields
                           if value is not None or name in nullable))
    elif command == "values":
        for one in read(sys.stdin.buffer):
            print(one.type if one.topic is None else repr(one.value))


if __name__ == "__main__":
    main(*sys.argv[1:])
