"""What becomes of a handler's result: the one definition of the rules in bruco-worker(1).

The worker calls `encode` for every result but None, bytes, bytearray and str, which it knows
itself; `bruco.testing` calls it for all.
"""

import datetime
import enum
import json
import re
import sys
import types
from typing import Any, Iterable, Iterator, List, NamedTuple, NoReturn, Optional, Tuple, Union

from bruco._event import Event, to_milliseconds
from bruco._failures import Failed, failure
from bruco._headers import kind, of_view, to_pairs, to_utf8, to_value
from bruco._message import KEEP, Keep, Message
from bruco._trace import inherit

# The limits are those of lib/frame/limits.h, which a test compares.
GENERATOR_MAX = 64 << 20  #: bytes of all outputs of one input, or maxRecordSize if that is more
HEADERS_MAX = 65536  #: headers in one record, those of a failure aside:
FAILURE_HEADERS = 10  #: so many, with
FAILURE_BYTES = 32 << 10  #: so many bytes with their framing, don't count
RECORD_FRONT = 64  #: bytes of a record besides topic, key, headers and value
HEADER_FRONT = 8  #: bytes of a header besides name and value

Header = Tuple[bytes, Optional[bytes]]


class Output(NamedTuple):
    """One output. KEEP stands for what is the input's; None is null."""

    value: Optional[bytes]
    key: Union[bytes, None, Keep] = KEEP
    headers: Union[List[Header], Keep] = KEEP
    timestamp: Union[int, Keep] = KEEP  #: milliseconds since 1970, -1: none
    topic: Union[bytes, Keep] = KEEP  #: where to; b"" is the sink's own, KEEP too
    partition: Union[int, Keep] = KEEP  #: -1 with a topic: the sink's partitioner chooses


def encode(result: Any, event: Event, number: Optional[int] = None) -> Optional[Output]:
    """What a handler returned (or yielded as the output of this number) for an event.

    None when there is no output. TypeError and ValueError name the place that has no form. What a
    Failed stands for is raised.
    """
    if result is None:
        return None
    if isinstance(result, Failed):
        raise failure(result)
    place = "result" if number is None else f"outputs[{number}]"
    if isinstance(result, Message):
        return _of_message(result, event, place)
    return Output(_to_bytes(result, event, place))


def _of_message(message: Message, event: Event, place: str) -> Output:
    key = message.key
    timestamp: Union[int, Keep] = KEEP
    topic: Union[bytes, Keep] = KEEP
    partition: Union[int, Keep] = KEEP
    if message.timestamp is not KEEP:
        given = to_milliseconds(message.timestamp, f"{place}.timestamp")
        timestamp = -1 if given is None else given
    if message.topic is not KEEP or message.partition is not KEEP:
        topic, partition = b"", -1
        if message.topic is not KEEP:
            topic = _to_topic(message.topic, f"{place}.topic")
        if message.partition is not KEEP:
            partition = _to_partition(message.partition, f"{place}.partition")
    # Most need no name for the place.
    return Output(
        _to_bytes(message.value, event, f"{place}.value"),
        key if key is KEEP or type(key) is bytes else to_value(key, f"{place}.key"),
        _to_headers(message, event, place),
        timestamp,
        topic,
        partition,
    )


def _to_topic(topic: Any, place: str) -> bytes:
    if not isinstance(topic, str):
        raise TypeError(f"{place}: {kind(topic)} is not str")
    if not re.fullmatch("[A-Za-z0-9._-]{1,249}", topic):
        raise ValueError(f"{place}: {topic!r} can't be the name of a topic")
    return str.encode(topic)  # not a subclass's


def _to_partition(partition: Any, place: str) -> int:
    if not isinstance(partition, int) or isinstance(partition, bool):
        raise TypeError(f"{place}: {kind(partition)} is not int")
    if not 0 <= partition < 2**31:
        raise ValueError(f"{place}: {partition} can't be a partition")
    return partition


def _to_status(status: Any) -> bytes:
    if not isinstance(status, int) or isinstance(status, bool):
        raise TypeError(f"status: {kind(status)} is not int")
    if not 200 <= status <= 599:
        raise ValueError(f"status: {int(status)} is not from 200 to 599")
    return b"%d" % status


def _to_headers(message: Message, event: Event, place: str) -> Union[List[Header], Keep]:
    content_type, status = message._content_type, message._status
    if message.headers is KEEP and content_type is None and status is None:
        return KEEP
    place += ".headers"
    if message.headers is not KEEP:
        pairs = to_pairs(message.headers, place)
        if event._traced:
            inherit(pairs, event.headers)
    else:
        pairs = list(event.headers.items())
    if content_type is not None:
        pairs = [pair for pair in pairs if pair[0].lower() != "content-type"]
        pairs.append(("content-type", to_value(content_type, "content_type")))
    if status is not None:
        pairs.append((":status", _to_status(status)))
    try:
        encoded = _encode_names(pairs)
    except UnicodeEncodeError as error:
        raise ValueError(f"{place}: {error}") from None
    if len(pairs) > HEADERS_MAX and len(pairs) - _of_failure(encoded)[0] > HEADERS_MAX:
        raise ValueError(f"{place}: {len(pairs)} headers are more than {HEADERS_MAX}")
    return encoded


_FAILURE_NAMES = frozenset(
    b"bruco-" + name
    for name in (
        b"error", b"traceback", b"attempts", b"topic", b"partition", b"offset", b"worker",
        b"without", b"timestamp", b"key",
    )  # fmt: skip
)


def _of_failure(headers: Iterable[Header]) -> Tuple[int, int]:
    """Of the headers that a failure adds: how many, and their bytes, as far as they don't count."""
    sizes = [
        HEADER_FRONT + len(name) + len(value or b"")
        for name, value in headers
        if name in _FAILURE_NAMES
    ]
    return min(len(sizes), FAILURE_HEADERS), min(sum(sizes), FAILURE_BYTES)


def _encode_names(pairs: Iterable[Tuple[str, Optional[bytes]]]) -> List[Header]:
    return [(str.encode(name, "utf-8", "surrogateescape"), value) for name, value in pairs]


def _to_bytes(value: Any, event: Event, place: str) -> Optional[bytes]:
    if value is None:
        return None
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, bytearray):
        if not value and value is event.data and event.value is None:
            return None  # the record as it came, null included
        return bytes(value)
    if isinstance(value, str):
        return to_utf8(value, place)
    if isinstance(value, memoryview):
        return of_view(value, place)
    return to_json(value, place).encode()


# ---- sizes


def _headers(output: Output, event: Event) -> List[Header]:
    if output.headers is KEEP:
        return _encode_names(event.headers.items())
    return output.headers


def size(output: Output, event: Event) -> int:
    """The bytes of this output's record with all that it keeps of the event."""
    topic = output.topic
    if topic is KEEP:
        topic = (event.topic or "").encode("utf-8", "surrogateescape")
    return _counted(output, event) + len(topic)


def _counted(output: Output, event: Event) -> int:
    """The bytes that count for maxRecordSize, with the headers of a failure."""
    key = output.key
    headers = _headers(output, event)
    if key is KEEP:
        key = event.key
    return (
        RECORD_FRONT
        + len(key or b"")
        + sum(HEADER_FRONT + len(name) + len(value or b"") for name, value in headers)
        + len(output.value or b"")
    )


def _check(output: Output, event: Event, cap: int, number: Optional[int] = None) -> None:
    counted = _counted(output, event)
    if counted > cap and counted - _of_failure(_headers(output, event))[1] > cap:
        too_large(counted, cap, number)


def too_large(size: int, cap: int, number: Optional[int] = None) -> NoReturn:
    """Raises for an output of more than maxRecordSize."""
    place = "result" if number is None else f"outputs[{number}]"
    raise ValueError(
        f"{place}: {size} bytes with key and headers are more than maxRecordSize, {cap}"
    )


def too_much(number: int, cap: int) -> NoReturn:
    """Raises when a generator's outputs are too many, with output `number`."""
    most = "64 MiB" if cap <= GENERATOR_MAX else f"maxRecordSize, {cap} bytes,"
    raise ValueError(
        f"outputs[{number}]: with it the outputs of one input are more than {most} together"
    )


def returned(value: Any) -> NoReturn:
    """Raises for a generator that returns a value."""
    raise TypeError(f"a generator returned {kind(value)}: only what it yields is output")


def outputs(result: Any, event: Event, cap: int) -> List[Output]:
    """All outputs that a result makes of an event, none of more than `cap` bytes.

    The worker does the same in C (result.c).
    """
    if not isinstance(result, types.GeneratorType):
        output = encode(result, event)
        if output is None:
            return []
        _check(output, event, cap)
        return [output]
    try:
        return _generate(result, event, cap)
    finally:
        result.close()


def _generate(generator: Iterator[Any], event: Event, cap: int) -> List[Output]:
    made: List[Output] = []
    total = 0
    while True:
        try:
            item = next(generator)
        except StopIteration as end:
            if end.value is not None:
                returned(end.value)
            return made
        number = len(made)
        output = encode(item, event, number)
        if output is None:
            continue
        _check(output, event, cap, number)
        total += size(output, event)
        if number > 0 and total > max(GENERATOR_MAX, cap):
            too_much(number, cap)
        made.append(output)


def of_batch(results: Any, count: int) -> List[Any]:
    """What handle_batch returned for `count` events: a result for each, or a Failed.

    Any iterable will do; None is no output for any; an exception among the results is a Failed.
    TypeError and ValueError fail the whole batch.
    """
    if results is None:
        return [None] * count
    if isinstance(results, (str, bytes, bytearray, dict)) or not isinstance(results, Iterable):
        raise TypeError(f"handle_batch returned {kind(results)}, not a list of results")
    results = list(results)
    if len(results) != count:
        raise ValueError(f"handle_batch returned {len(results)} results for {count} events")
    return [Failed(r) if isinstance(r, BaseException) else r for r in results]


# ---- JSON
#
# dataclasses, decimal and uuid take a fifth of a worker's start to import: whoever has a value of
# theirs has imported them.


def _is_dataclass(value: Any) -> bool:
    return hasattr(type(value), "__dataclass_fields__")


def _is_of(value: Any, module: str, name: str) -> bool:
    return module in sys.modules and isinstance(value, getattr(sys.modules[module], name))


def default(value: Any) -> Any:
    """What the standard library's encoder doesn't know.

    Dataclasses become objects, dates and times ISO 8601 text, UUIDs and Decimals text (exact),
    members of an Enum their value. Everything else raises TypeError.
    """
    if _is_dataclass(value):
        import dataclasses

        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        if value != value:  # pandas.NaT, which is for times what NaN is for numbers
            raise ValueError(f"{value!r} has no form in JSON")
        return value.isoformat()
    if _is_of(value, "uuid", "UUID"):
        return str(value)
    if _is_of(value, "decimal", "Decimal"):
        if not value.is_finite():
            raise ValueError(f"{value!r} has no form in JSON")
        return str(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Message):
        raise TypeError("a Message in another value: yield it, as an output of its own")
    if isinstance(value, types.CoroutineType):
        value.close()  # or Python warns that nobody awaited it
        raise TypeError("a coroutine: is an await missing?")
    hint = " (.item() or .tolist() has)" if type(value).__module__ == "numpy" else ""
    raise TypeError(f"{kind(value)} has no form in JSON{hint}")


_encode = json.JSONEncoder(allow_nan=False, default=default).encode


def to_json(value: Any, place: str = "result") -> str:
    """The value as JSON: ASCII, default separators.

    TypeError and ValueError name what has no such form (NaN and infinities are such) and where.
    """
    try:
        return _encode(value)
    except RecursionError:
        raise _too_deep(place) from None
    except (TypeError, ValueError) as error:
        try:
            _explain(value, place, [])
        except RecursionError:  # the encoder, in C, goes deeper
            raise _too_deep(place) from None
        raise _same_kind(error, place) from None


def _too_deep(place: str) -> Exception:
    return ValueError(f"{place}: nested too deeply for JSON")


def _same_kind(error: Exception, place: str) -> Exception:
    return (TypeError if isinstance(error, TypeError) else ValueError)(f"{place}: {error}")


def _explain(value: Any, place: str, above: List[int]) -> None:
    """Raises for the first part of a value that has no form in JSON."""
    if value is None or isinstance(value, str):
        return
    if isinstance(value, (int, float)):
        _explain_number(value, place)
        return
    if id(value) in above:
        raise ValueError(f"{place}: it contains itself")
    above.append(id(value))
    if isinstance(value, dict):
        for key, item in value.items():
            if not (key is None or isinstance(key, (str, int, float))):
                raise TypeError(f"{place}: {kind(key)} as a key has no form in JSON")
            if isinstance(key, float):
                _explain_number(key, f"{place}: a key")
            _explain(item, f"{place}[{_short(key)}]", above)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            _explain(item, f"{place}[{number}]", above)
    elif _is_dataclass(value):
        for name, item in default(value).items():
            _explain(item, f"{place}.{name}", above)
    else:
        try:
            inner = default(value)
        except (TypeError, ValueError) as error:
            raise _same_kind(error, place) from None
        _explain(inner, place, above)
    above.pop()


def _explain_number(value: Union[int, float], place: str) -> None:
    try:
        _encode(value)
    except ValueError as error:
        why = f"{value!r} has no form in JSON" if isinstance(value, float) else str(error)
        raise ValueError(f"{place}: {why}") from None


def _short(key: Any) -> str:
    if not isinstance(key, str):
        return repr(key)
    return json.dumps(key if len(key) <= 40 else key[:39] + "…", ensure_ascii=False)
