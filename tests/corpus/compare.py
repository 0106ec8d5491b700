"""Runs every case of handler.py through the real worker and through bruco.testing.run.

    python3 compare.py frames > in      # every case with several events
    bruco-worker -c ... < in > out
    python3 compare.py out              # which must be what bruco.testing.run makes of them

The comparison is of every output, byte for byte, and of the errors' texts.
"""

import os
import sys
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "../../lib/python")]

import frames  # noqa: E402
import handler  # noqa: E402
from bruco import testing  # noqa: E402

CAP = 64 << 10

EVENTS = [
    dict(value=b"value", key=b"key", timestamp=1767225600000, topic="in", partition=3,
         headers=[(b"a", b"1"), (b"b", None), (b"Content-Type", b"x/y"), (b"a", b"")]),
    dict(value=b"", key=b"", timestamp=0, topic="t" * 40, partition=0, headers=[(b"\xfe", b"\xff")]),
    dict(value=None, key=None, timestamp=-1, topic="in", partition=0, headers=[]),
    dict(value=b"traced", key=b"t", timestamp=5, topic="in", partition=1,
         headers=[(b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), (b"a", b"1"),
                  (b"tracestate", b"x=1"), (b"tracestate", b"y=2"), (b"baggage", b"user=me")]),
]


def inputs():
    for offset in range(len(handler.CASES)):
        for fields in EVENTS:
            yield dict(fields, offset=offset)


def to_event(fields):
    headers = [(name.decode("utf-8", "surrogateescape"), value)
               for name, value in fields["headers"]]
    timestamp = fields["timestamp"]
    return testing.Event(**dict(fields, headers=headers,
                                timestamp=None if timestamp < 0 else timestamp))


def expected(fields):
    """What the worker must make of an event: a list of tuples, and an error or None."""
    (result,) = testing.run(handler, [to_event(fields)], max_record_size=CAP)
    if result.exception is not None:
        return [], result.error
    return [
        (
            output.value,
            output.key,
            [(name.encode("utf-8", "surrogateescape"), value)
             for name, value in output.headers.items()],
            -1 if output.timestamp_ms is None else output.timestamp_ms,
            output.topic,
            output.partition,
        )
        for output in result.outputs
    ], None


def of_worker(group, fields):
    """The same, from the frames that the worker wrote for an event."""
    outputs = []
    for number, frame in enumerate(group):
        assert (frame.flags & 1) == (number == len(group) - 1), "the flag of the last is wrong"
        if frame.type == "failed":
            assert len(group) == 1 and frame.value == fields["value"]
            error = dict(frame.headers)[b"bruco-error"].decode()
            return [], error
        if frame.type == "empty":
            assert len(group) == 1
            break
        if frame.flags & 2:
            place = frame.topic or None, None if frame.partition < 0 else frame.partition
            assert frame.offset == -1
        else:
            place = None, None
            assert (frame.topic, frame.partition, frame.offset) == (
                fields["topic"], fields["partition"], fields["offset"])
        outputs.append((frame.value, frame.key, frame.headers, frame.timestamp, *place))
    return outputs, None


def short(text):
    return text if len(text) < 300 else f"{text[:300]}... ({len(text)})"


def compare(path):
    groups = {}
    with open(path, "rb") as stream:
        for frame in frames.read(stream):
            groups.setdefault(frame.seq, []).append(frame)
    different = failed = outputs = 0
    for seq, fields in enumerate(inputs(), 1):
        want = expected(fields)
        got = of_worker(groups.pop(seq), fields)
        failed += want[1] is not None
        outputs += len(want[0])
        if got != want:
            different += 1
            print(f"case {fields['offset']} with {fields['value']!r}:")
            print(f"  worker   {short(repr(got))}")
            print(f"  testing  {short(repr(want))}")
    assert not groups, f"frames of no event: {list(groups)}"
    print(f"{seq} events, {outputs} outputs, {failed} failed, {different} different")
    return different > 0


if __name__ == "__main__":
    warnings.simplefilter("error")
    if sys.argv[1] == "frames":
        for number, event in enumerate(inputs(), 1):
            sys.stdout.buffer.write(frames.record(number, **event))
    else:
        sys.exit(compare(sys.argv[1]))
