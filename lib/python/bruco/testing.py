"""Running a handler without Bruco, for unit tests.

    import handler
    from bruco import testing

    def test_greeting():
        assert testing.run(handler, [b"one", "two"])[1].value == b"hello TWO"

What the handler is given and what becomes of its results is as in bruco-worker(1). An event is
tried once and takes as long as it takes.
"""

import asyncio
import datetime
import inspect
from typing import Any, Awaitable, Callable, Iterable, List, Optional, Union

from bruco import encoding
from bruco._async import collect
from bruco._context import Context, make_logger, variable
from bruco._event import EPOCH, Event
from bruco._exceptions import line, summarize
from bruco._failures import Failed, Timeout, failure as exception_of
from bruco._functions import explain_call
from bruco._headers import Headers
from bruco._message import KEEP

__all__ = ["Context", "Event", "Output", "Result", "run"]

Input = Union[bytes, bytearray, memoryview, str, None, Event]

# What fails an event. Other exceptions that derive from BaseException are the test's.
_FAILURES = (Exception, SystemExit, GeneratorExit, Timeout)


class Output:
    """One output: a record for the sink.

    value         bytes; None is null, a tombstone
    key           bytes; None is null
    headers       a bruco.Headers
    timestamp_ms  milliseconds since 1970; None for none
    topic         where to; None: the sink's own
    partition     which one of it; None: the sink's partitioner chooses
    """

    __slots__ = ("value", "key", "headers", "timestamp_ms", "topic", "partition")

    def __init__(self, encoded: encoding.Output, event: Event) -> None:
        value, key, headers, timestamp, topic, partition = encoded
        self.value: Optional[bytes] = value
        self.key: Optional[bytes] = event.key if key is KEEP else key
        self.headers: Headers = (
            event.headers
            if headers is KEEP
            else Headers([(name.decode("utf-8", "surrogateescape"), item) for name, item in headers])
        )
        self.timestamp_ms: Optional[int] = event.timestamp_ms
        if timestamp is not KEEP:
            self.timestamp_ms = None if timestamp < 0 else timestamp
        self.topic: Optional[str] = topic.decode() if topic is not KEEP and topic else None
        self.partition: Optional[int] = (
            partition if partition is not KEEP and partition >= 0 else None
        )

    @property
    def timestamp(self) -> Optional[datetime.datetime]:
        """timestamp_ms as a datetime in UTC."""
        if self.timestamp_ms is None:
            return None
        return EPOCH + datetime.timedelta(milliseconds=self.timestamp_ms)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"Output({fields})"


class Result:
    """What became of one event: its outputs, or the exception that failed it.

    event      the Event
    exception  what failed it, or None
    """

    def __init__(
        self, event: Event, outputs: Iterable[Output], exception: Optional[BaseException] = None
    ) -> None:
        self.event = event
        self.exception = exception
        self._outputs = list(outputs)

    @property
    def outputs(self) -> List[Output]:
        """All outputs, [] for a filtered event. Raises the exception of a failed one."""
        if self.exception is not None:
            raise self.exception
        return self._outputs

    @property
    def values(self) -> List[Optional[bytes]]:
        """The outputs' values. Raises the exception of a failed event."""
        return [output.value for output in self.outputs]

    @property
    def output(self) -> Output:
        """The one output; AssertionError when there are none or several."""
        outputs = self.outputs
        assert len(outputs) == 1, f"{len(outputs)} outputs, not 1"
        return outputs[0]

    @property
    def value(self) -> Optional[bytes]:
        """The value of the one output; AssertionError when there are none or several."""
        return self.output.value

    @property
    def error(self) -> Optional[str]:
        """The exception as log lines and the header bruco-error have it, or None."""
        return None if self.exception is None else line(summarize(self.exception)[1]).decode()

    def __repr__(self) -> str:
        if self.exception is not None:
            return f"<failed: {self.error}>"
        return f"<outputs: {self._outputs!r}>"


def run(
    handler: Any,
    events: Iterable[Input],
    *,
    context: Optional[Context] = None,
    batch_size: int = 500,
    max_record_size: int = 16 << 20,
) -> List[Result]:
    """Runs a handler over events, in order, and says what became of each.

    handler          a module with handle_event or handle_batch, whose init_context and
                     close_context are called too; or such a function itself. They may be async.
    events           values (bytes-like, str, None for null), or bruco.testing.Event(value, key=...,
                     headers=..., ...) where the other parts matter
    context          what the handler gets; by default a new one
    batch_size       events in a batch, for handle_batch
    max_record_size  as maxRecordSize, in bytes

    An exception in an event is in its result; those of init_context and close_context are raised.
    """
    with_rest = hasattr(handler, "handle_event") or hasattr(handler, "handle_batch")
    name = handler.__name__ if hasattr(handler, "__name__") else type(handler).__name__
    if context is None:
        context = Context(make_logger(name), "worker-0")
    loop = asyncio.new_event_loop()
    try:
        runner = _Runner(handler, with_rest, context, loop, batch_size, max_record_size)
        return runner.run([_to_event(event) for event in events])
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _whole(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _to_event(event: Input) -> Event:
    return event if isinstance(event, Event) else Event(event)


class _Runner:
    def __init__(
        self,
        handler: Any,
        with_rest: bool,
        context: Context,
        loop: asyncio.AbstractEventLoop,
        batch_size: int,
        cap: int,
    ) -> None:
        self.context = context
        self.loop = loop
        self.batch_size = batch_size
        self.cap = cap
        self.init = getattr(handler, "init_context", None) if with_rest else None
        self.close = getattr(handler, "close_context", None) if with_rest else None
        self.batch: Optional[Callable[[Context, List[Event]], Any]] = None
        self.single: Optional[Callable[[Context, bytearray], Any]] = None
        if with_rest:
            self.batch = getattr(handler, "handle_batch", None)
            self.single = getattr(handler, "handle_event", None)
        elif getattr(handler, "__name__", "") == "handle_batch":
            self.batch = handler
        elif callable(handler):
            self.single = handler
        if self.batch is None and self.single is None:
            raise TypeError("a handler is a module with handle_event, or such a function")
        for function, name, arguments in (
            (self.single, "handle_event", ("context", "data")),
            (self.batch, "handle_batch", ("context", "events")),
            (self.init, "init_context", ("context",)),
            (self.close, "close_context", ("context",)),
        ):
            why = explain_call(function, name, arguments) if function is not None else ""
            if why:
                raise TypeError(why)

    def run(self, events: List[Event]) -> List[Result]:
        if self.init is not None:
            self.call(self.init, self.context)
        if self.batch is None:
            results = [self.run_event(event) for event in events]
        else:
            results = []
            for start in range(0, len(events), self.batch_size):
                results += self.run_batch(events[start : start + self.batch_size])
        if self.close is not None:
            self.call(self.close, self.context)
        return results

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function, which may be async."""
        result = function(*arguments)
        if inspect.isasyncgen(result):
            result = collect(result)
        if inspect.isawaitable(result):
            return self.loop.run_until_complete(_whole(result))
        return result

    def run_event(self, event: Event) -> Result:
        assert self.single is not None
        token = variable.set(event)
        try:
            return self.encode(event, self.call(self.single, self.context, event.data))
        except _FAILURES as failure:
            return Result(event, [], failure)
        finally:
            variable.reset(token)

    def run_batch(self, events: List[Event]) -> List[Result]:
        assert self.batch is not None
        try:
            results = encoding.of_batch(self.call(self.batch, self.context, events), len(events))
        except _FAILURES as failure:
            return [Result(event, [], failure) for event in events]
        return [self.encode_one(event, result) for event, result in zip(events, results)]

    def encode_one(self, event: Event, result: Any) -> Result:
        try:
            return self.encode(event, result)
        except _FAILURES as failure:
            return Result(event, [], failure)

    def encode(self, event: Event, result: Any) -> Result:
        if isinstance(result, Failed):
            return Result(event, [], exception_of(result))
        outputs = encoding.outputs(result, event, self.cap)
        return Result(event, [Output(output, event) for output in outputs])
