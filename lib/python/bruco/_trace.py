"""The trace that an event is part of: W3C's traceparent, tracestate and baggage, as headers."""

import logging
import os
import re
from typing import Any, Callable, List, NamedTuple, Optional, Tuple

from bruco._headers import Headers, Pair

#: What belongs together: an output keeps its input's unless the handler sets one of them.
GROUPS = (("traceparent", "tracestate"), ("baggage",))
NAMES = frozenset(name for group in GROUPS for name in group)

_FORM = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?",
    re.ASCII | re.DOTALL,
)


class Trace(NamedTuple):
    """``context.event.trace``: what the headers of a record say of the trace that it is part of.

    trace_id   of the whole trace, 32 hexadecimal digits
    parent_id  of the span that sent the record, 16 hexadecimal digits
    flags      0 to 255; the lowest bit says that the trace is sampled
    state      tracestate, "" without one
    baggage    baggage, "" without one
    """

    trace_id: str
    parent_id: str
    flags: int
    state: str = ""
    baggage: str = ""

    @property
    def sampled(self) -> bool:
        """Whether the sender records this trace."""
        return bool(self.flags & 1)


def of_headers(headers: Headers) -> Optional[Trace]:
    """The trace; None if there is no traceparent, or one that does not have W3C's form.

    Of several traceparents the last one counts; those of the other two are joined by commas.
    """
    if "traceparent" not in headers:
        return None
    found = _FORM.fullmatch(text_of(headers["traceparent"]))
    if found is None or (found[1] == "00" and found[5] is not None):
        return None
    return Trace(
        found[2],
        found[3],
        int(found[4], 16),
        ",".join(map(text_of, headers.getall("tracestate"))),
        ",".join(map(text_of, headers.getall("baggage"))),
    )


def text_of(value: Optional[bytes]) -> str:
    """A header's value as text; "" for null."""
    return (value or b"").decode("utf-8", "replace")


def inherit(pairs: List[Pair], headers: Headers) -> None:
    """Adds the input's trace to an output's own headers, unless the handler has set one there."""
    own = {name.lower() for name, _ in pairs}
    kept: Tuple[str, ...] = ()
    for group in GROUPS:
        if own.isdisjoint(group):
            kept += group
    pairs.extend(pair for pair in headers.items() if pair[0] in kept)


def instrument(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """What the worker calls for the handler's function of this name.

    With opentelemetry-api in the handler's environment each call runs inside a span; without it,
    nothing is imported, and this is the function itself.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or not _has_api():
        return function
    try:
        from bruco._spans import in_spans
    except Exception as error:  # an installation that is broken, or of another kind
        logging.getLogger("bruco").warning("no spans, opentelemetry can't be used: %r", error)
        return function
    return in_spans(function, name)


def _has_api() -> bool:
    from importlib.util import find_spec

    try:
        return find_spec("opentelemetry") is not None and (
            find_spec("opentelemetry.trace") is not None
        )
    except (ImportError, ValueError):
        return False
