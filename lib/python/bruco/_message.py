"""Messages: outputs that say more than their value."""

import datetime
import enum
from typing import Any, Optional, Union

from bruco._headers import Source

Bytes = Union[bytes, bytearray, memoryview]


class Keep(enum.Enum):
    """Stands for what an output keeps of its input."""

    KEEP = "keep"

    def __repr__(self) -> str:
        return "KEEP"


KEEP = Keep.KEEP


class Message:
    """An output with a key, headers or a place of its own. What is left out, the input's is kept.

    value      as a result: bytes-like, str, or whatever has a form in JSON; None is null, so that
               ``Message(None)`` is a tombstone
    key        bytes-like, str (becomes UTF-8), or None for null
    headers    a mapping or (name, value) pairs; values are bytes-like, str or None. The input's
               trace is kept even so, unless they have a traceparent, tracestate or baggage
    timestamp  a datetime with a time zone, or milliseconds since 1970; None for none
    topic      where to, one of the sink's ``topic`` and ``topics``
    partition  which one of that topic; left out, the sink's partitioner chooses

    It is looked at when the handler returns or yields it; TypeError and ValueError then fail the
    event.
    """

    __slots__ = ("value", "key", "headers", "timestamp", "topic", "partition", "_content_type", "_status")

    def __init__(
        self,
        value: Any,
        *,
        key: Union[Bytes, str, None, Keep] = KEEP,
        headers: Union[Source, Keep] = KEEP,
        timestamp: Union[datetime.datetime, int, None, Keep] = KEEP,
        topic: Union[str, Keep] = KEEP,
        partition: Union[int, Keep] = KEEP,
    ) -> None:
        self.value = value
        self.key = key
        self.headers = headers
        self.timestamp = timestamp
        self.topic = topic
        self.partition = partition
        self._content_type: Optional[str] = None
        self._status: Optional[int] = None

    def __repr__(self) -> str:
        given = [
            f", {name}={getattr(self, name)!r}"
            for name in ("key", "headers", "timestamp", "topic", "partition")
            if getattr(self, name) is not KEEP
        ]
        return f"Message({self.value!r}{''.join(given)})"


def response(
    key: Any, data: Any, content_type: Optional[str], status: Optional[int]
) -> Message:
    """Context.response."""
    if not (key is KEEP or key is None or isinstance(key, (str, bytes, bytearray, memoryview))):
        key = str(key)
    message = Message(data, key=key)
    message._content_type = content_type
    message._status = status
    return message
