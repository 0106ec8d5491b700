"""Calls of a handler inside spans of OpenTelemetry.

Imported only where the handler's environment has opentelemetry-api (bruco._trace.instrument).
"""

import copy
import functools
import importlib
import types
from typing import Any, AsyncIterator, Callable, Dict, Iterator, List, Optional, Sequence

from bruco._event import Event
from bruco._failures import Failed, failure
from bruco._headers import to_pairs
from bruco._message import KEEP, Message
from bruco._trace import GROUPS, text_of

# Type checkers need not have them.
contexts: Any = importlib.import_module("opentelemetry.context")
trace: Any = importlib.import_module("opentelemetry.trace")
_baggage: Any = importlib.import_module("opentelemetry.baggage.propagation")
_tracecontext: Any = importlib.import_module("opentelemetry.trace.propagation.tracecontext")

PROPAGATORS = (
    _tracecontext.TraceContextTextMapPropagator(),
    _baggage.W3CBaggagePropagator(),
)
#: Until the handler sets a provider, its spans are none.
TRACER = trace.get_tracer("bruco")


class Scope:
    """The span of one call: current inside of `with`, which may be entered again until `end`."""

    __slots__ = ("span", "context", "parent", "_token", "_fields")

    def __init__(self, span: Any, context: Any, parent: int) -> None:
        self.span = span
        self.context = trace.set_span_in_context(span, context)
        self.parent = parent
        self._fields: Optional[Dict[str, str]] = None

    def __enter__(self) -> "Scope":
        self._token = contexts.attach(self.context)
        return self

    def __exit__(self, kind: Any, error: Optional[BaseException], trace_back: Any) -> None:
        contexts.detach(self._token)
        if error is not None:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """The call has failed, or one of its results has."""
        if not self.span.is_recording() or isinstance(error, GeneratorExit):
            return
        self.span.record_exception(error)
        what = f"{type(error).__name__}: {error}"
        self.span.set_status(trace.Status(trace.StatusCode.ERROR, what))

    def end(self) -> None:
        self.span.end()

    def fields(self) -> Dict[str, str]:
        """The headers of this span's context; {} where the input's say all there is to say."""
        if self._fields is None:
            self._fields = {}
            own = self.span.get_span_context()
            if own.is_valid and own.span_id != self.parent:
                for propagator in PROPAGATORS:
                    propagator.inject(self._fields, context=self.context)
        return self._fields


# ---- before the call


def _extract(event: Event) -> Any:
    """The context that an event's headers say."""
    headers = event.headers
    context = contexts.get_current()
    carrier = {}
    for group in GROUPS:
        for name in group:
            values = headers.getall(name)
            if values:
                # Of a traceparent the last one counts, as in context.event.trace.
                texts = values[-1:] if name == "traceparent" else values
                carrier[name] = ",".join(map(text_of, texts))
    if carrier:
        for propagator in PROPAGATORS:
            context = propagator.extract(carrier, context=context)
    return context


def _attributes(event: Event) -> Dict[str, Any]:
    attributes: Dict[str, Any] = {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": event.topic,
        "messaging.destination.partition.id": None,
        "messaging.kafka.offset": event.offset,
        "bruco.attempt": event.attempt if event.attempt > 1 else None,
    }
    if event.partition is not None:
        attributes["messaging.destination.partition.id"] = str(event.partition)
    return {name: value for name, value in attributes.items() if value is not None}


def _name(event: Event) -> str:
    return "process" if event.topic is None else f"process {event.topic}"


def _begin(event: Event) -> Scope:
    context = _extract(event)
    span = TRACER.start_span(
        _name(event),
        context=context,
        kind=trace.SpanKind.CONSUMER,
        attributes=_attributes(event),
    )
    return Scope(span, context, trace.get_current_span(context).get_span_context().span_id)


def _begin_batch(events: Sequence[Event]) -> Scope:
    """A batch has many producers: its span is linked to them, and a child of none."""
    found = [trace.get_current_span(_extract(event)).get_span_context() for event in events]
    attributes = _attributes(events[0])
    attributes["messaging.batch.message_count"] = len(events)
    for name in ("messaging.destination.partition.id", "messaging.kafka.offset", "bruco.attempt"):
        attributes.pop(name, None)
    span = TRACER.start_span(
        _name(events[0]),
        kind=trace.SpanKind.CONSUMER,
        attributes=attributes,
        links=[trace.Link(context) for context in found if context.is_valid],
    )
    return Scope(span, contexts.get_current(), 0)


# ---- after it: results


def _stamp(scope: Scope, result: Any, event: Event) -> Any:
    """The result with the span's context among its headers."""
    if isinstance(result, Failed):
        scope.fail(failure(result))
        return result
    if type(result) is types.GeneratorType:
        return _each(scope, result, event)
    fields = scope.fields()
    if result is None or isinstance(result, BaseException) or not fields:
        return result
    message = copy.copy(result) if isinstance(result, Message) else Message(result)
    if message.headers is KEEP:
        pairs = [pair for pair in event.headers.items() if pair[0] not in fields]
        message.headers = [*pairs, *fields.items()]
        return message
    given: Any = message.headers
    if hasattr(given, "__next__"):
        message.headers = given = list(given)
    try:
        pairs = to_pairs(given, "headers")
    except (TypeError, ValueError):
        return message  # bruco.encoding says what is wrong
    own = {name.lower() for name, _ in pairs}
    for group in GROUPS:
        if own.isdisjoint(group):
            pairs += [(name, value.encode()) for name, value in fields.items() if name in group]
    message.headers = pairs
    return message


def _each(scope: Scope, wrapped_generator: Iterator[Any], event: Event) -> Iterator[Any]:
    """The generator with its outputs stamped; what it returns is returned."""
    try:
        while True:
            try:
                item = next(wrapped_generator)
            except StopIteration as end:
                return end.value
            yield _stamp(scope, item, event)
    finally:
        wrapped_generator.close()  # type: ignore[attr-defined]


def _generate(scope: Scope, wrapped_generator: Iterator[Any], event: Event) -> Iterator[Any]:
    """The same inside of the span, which ends with it."""
    try:
        with scope:
            returned = yield from _each(scope, wrapped_generator, event)
            return returned
    finally:
        scope.end()


async def _generate_async(
    scope: Scope, generator: AsyncIterator[Any], event: Event
) -> AsyncIterator[Any]:
    try:
        with scope:
            async for item in generator:
                yield _stamp(scope, item, event)
    finally:
        scope.end()


def _stamp_batch(scope: Scope, results: Any, events: Sequence[Event]) -> Any:
    """What is no list of as many results stays as it is: bruco.encoding says so."""
    if hasattr(results, "__next__"):
        results = list(results)
    if not isinstance(results, (list, tuple)) or len(results) != len(events):
        return results
    for result in results:
        if isinstance(result, BaseException):
            scope.fail(result)
    return [_stamp(scope, result, event) for result, event in zip(results, events)]


# ---- the call


async def _await(scope: Scope, awaitable: Any, finish: Callable[[Any], Any]) -> Any:
    result = None
    try:
        with scope:
            result = finish(await awaitable)
    finally:
        if type(result) is not types.GeneratorType:  # which ends the span itself
            scope.end()
    return result


def in_spans(function: Callable[[Any, Any], Any], name: str) -> Callable[[Any, Any], Any]:
    """The handler's function, which has this name, each call inside of a span of its own."""
    batch = name == "handle_batch"

    @functools.wraps(function)
    def call(context: Any, data: Any) -> Any:
        event = context.event
        scope = _begin_batch(data) if batch else _begin(event)
        done = True

        def finish(result: Any) -> Any:
            if batch:
                return _stamp_batch(scope, result, events)
            if type(result) is types.GeneratorType:
                return _generate(scope, result, event)
            return _stamp(scope, result, event)

        events: List[Event] = list(data) if batch else []
        try:
            with scope:
                result = function(context, data)
                if isinstance(result, types.AsyncGeneratorType) and not batch:
                    done = False
                    return _generate_async(scope, result, event)
                if isinstance(result, types.AsyncGeneratorType):
                    result = _collect(result)
                if hasattr(type(result), "__await__"):
                    done = False
                    return _await(scope, result, finish)
                if type(result) is types.GeneratorType and not batch:
                    done = False
                return finish(result)
        finally:
            if done:
                scope.end()

    return call


async def _collect(generator: AsyncIterator[Any]) -> List[Any]:
    return [item async for item in generator]
