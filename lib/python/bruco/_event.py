"""The event outside a worker; inside, bruco.Event is a C type with the same surface."""

import datetime
import itertools
from typing import Optional, Union

from bruco._headers import Headers, Source, kind, to_value
from bruco._trace import NAMES, Trace, of_headers

_made = itertools.count(1)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class Event:
    """One record of the input, as ``context.event`` and as a member of a batch.

    It can't be changed, its data can. Handlers may keep it for as long as they like. Only tests
    make some themselves: ``Event(value, key=..., headers=..., timestamp=..., ...)``.
    """

    __slots__ = (
        "_value", "_key", "_headers", "_timestamp_ms", "_topic", "_partition", "_offset",
        "_attempt", "_data", "_id",
    )  # fmt: skip

    def __init__(
        self,
        value: Union[bytes, bytearray, memoryview, str, None] = b"",
        *,
        key: Union[bytes, bytearray, memoryview, str, None] = None,
        headers: Source = (),
        timestamp: Union[datetime.datetime, int, None] = None,
        topic: Optional[str] = None,
        partition: Optional[int] = None,
        offset: Optional[int] = None,
        attempt: int = 1,
        id: Optional[str] = None,
    ) -> None:
        self._value = to_value(value, "value")
        self._key = to_value(key, "key")
        self._headers = headers if isinstance(headers, Headers) else Headers(headers)
        self._timestamp_ms = to_milliseconds(timestamp, "timestamp")
        self._topic = topic
        self._partition = partition
        self._offset = offset
        self._attempt = attempt
        self._data = bytearray(self._value or b"")
        self._id = f"test-{next(_made)}" if id is None else id

    @property
    def key(self) -> Optional[bytes]:
        """The record's key; None when it is null."""
        return self._key

    @property
    def value(self) -> Optional[bytes]:
        """The record's value as it came; None when it is null."""
        return self._value

    @property
    def data(self) -> bytearray:
        """The value as handle_event gets it: a bytearray that belongs to the handler."""
        return self._data

    @property
    def headers(self) -> Headers:
        """The record's headers, in their order."""
        return self._headers

    @property
    def timestamp(self) -> Optional[datetime.datetime]:
        """The record's time, in UTC; None when it has none. OverflowError beyond the year 9999."""
        if self._timestamp_ms is None:
            return None
        return EPOCH + datetime.timedelta(milliseconds=self._timestamp_ms)

    @property
    def timestamp_ms(self) -> Optional[int]:
        """The record's time in milliseconds since 1970; None when it has none."""
        return self._timestamp_ms

    @property
    def topic(self) -> Optional[str]:
        """Where the record came from; None when there is no topic."""
        return self._topic

    @property
    def partition(self) -> Optional[int]:
        """The partition of that topic; None when there is none."""
        return self._partition

    @property
    def offset(self) -> Optional[int]:
        """The offset in that partition; None when there is none."""
        return self._offset

    @property
    def id(self) -> str:
        """A text that names the record: the same whenever it comes again, see bruco-worker(1)."""
        return self._id

    @property
    def attempt(self) -> int:
        """Which attempt at this event this is: 1 is the first, as in log lines."""
        return self._attempt

    @property
    def trace(self) -> Optional[Trace]:
        """The trace that the record is part of; None without a valid traceparent header."""
        return of_headers(self._headers)

    @property
    def _traced(self) -> bool:
        """Whether any header is about a trace."""
        return any(name in NAMES for name in self._headers)

    def __repr__(self) -> str:
        if self._topic is None:
            return "<bruco.Event>"
        return f"<bruco.Event {self._topic}[{self._partition}]@{self._offset}>"


def to_milliseconds(timestamp: Union[datetime.datetime, int, None], place: str) -> Optional[int]:
    """Milliseconds since 1970 of a datetime with a time zone, or of such a number."""
    if timestamp is None:
        return None
    if isinstance(timestamp, datetime.datetime):
        if timestamp.utcoffset() is None:
            raise ValueError(f"{place}: a datetime without a time zone")
        number = (timestamp - EPOCH) // datetime.timedelta(milliseconds=1)
    elif isinstance(timestamp, int) and not isinstance(timestamp, bool):
        number = timestamp
    else:
        raise TypeError(
            f"{place}: {kind(timestamp)} is neither a datetime, milliseconds nor None"
        )
    if not 0 <= number < 2**63:
        raise ValueError(f"{place}: before 1970 or out of range")
    return number
