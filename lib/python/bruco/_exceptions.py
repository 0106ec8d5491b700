"""Exceptions as text, whatever they do when they are asked."""

import os
import traceback
import types
from typing import Any, List, Optional, Set, Tuple


def line(text: str) -> bytes:
    """Text as bytes for a C string: always encodable, without NUL."""
    return text.encode("utf-8", "backslashreplace").replace(b"\0", rb"\x00")


def summarize(exception: BaseException) -> Tuple[str, str]:
    """(class name, "class: message") as text."""
    kind = type(exception)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = f"{kind.__module__}.{name}"
    try:
        message = str(exception)
    except BaseException:
        message = "<its __str__ raises>"
    return name, f"{name}: {message}" if message else name


def describe(exception: BaseException) -> Tuple[bytes, bytes, bytes]:
    """(class name, "class: message", traceback) as bytes; no traceback is b"".

    The traceback has no frames of Bruco's. Where none are left, as when a result has no form, it
    says whose result that was.
    """
    global _yielded_by
    kind = type(exception)
    name, summary = summarize(exception)
    yielded, _yielded_by = _yielded_by, ""
    details = ""
    if exception.__traceback__ is not None or isinstance(exception, SyntaxError):
        _leave_out_ours(exception)
        if exception.__traceback__ is None and type(exception) in (TypeError, ValueError):
            details = yielded or _place("Returned by", code_of(handler))
        else:
            details = "".join(
                traceback.format_exception(kind, exception, exception.__traceback__)
            )
    return line(name), line(summary), line(details)


# ---- only the user's frames

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep


def _leave_out_ours(exception: BaseException) -> None:
    """Takes Bruco's frames, and json's that it called, out of the exception and those behind it."""
    seen: Set[int] = set()
    left: List[Optional[BaseException]] = [exception]
    while left:
        one = left.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        left += [one.__cause__, one.__context__]
        one.__traceback__ = _trim(one.__traceback__)


def _trim(trace: Optional[types.TracebackType]) -> Optional[types.TracebackType]:
    kept: List[types.TracebackType] = []
    dropped = within_ours = False
    at = trace
    while at is not None:
        if at.tb_frame.f_code.co_filename.startswith(_OURS):
            within_ours = True
        elif not str(at.tb_frame.f_globals.get("__name__")).startswith("json."):
            within_ours = False
        if within_ours:
            dropped = True
        else:
            kept.append(at)
        at = at.tb_next
    if not dropped:
        return trace
    trimmed: Optional[types.TracebackType] = None
    for one in reversed(kept):
        trimmed = types.TracebackType(trimmed, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return trimmed


# ---- whose result it was

handler: Any = None  #: the handler's function; the worker sets it

_yielded_by = ""


def yielded_by(generator: Any) -> None:
    """What the next exception is about has just been yielded by this generator."""
    global _yielded_by
    frame = getattr(generator, "gi_frame", None)
    while frame is not None and "wrapped_generator" in frame.f_locals:
        frame = getattr(frame.f_locals["wrapped_generator"], "gi_frame", None)
    if frame is not None and not frame.f_code.co_filename.startswith(_OURS):
        _yielded_by = _place("Yielded by", frame.f_code, frame.f_lineno)


def code_of(function: Any) -> Optional[types.CodeType]:
    """The code of a function, whatever it is wrapped in."""
    for _ in range(100):  # as deep as decorators may be
        if isinstance(function, types.FunctionType) and not hasattr(function, "__wrapped__"):
            return function.__code__
        for inner in ("__wrapped__", "__func__", "func"):
            if hasattr(function, inner):
                function = getattr(function, inner)
                break
        else:
            function = getattr(type(function), "__call__", None)
    return None


def _place(what: str, code: Optional[types.CodeType], number: int = 0) -> str:
    if code is None:
        return ""
    at = traceback.FrameSummary(code.co_filename, number or code.co_firstlineno, code.co_name)
    return f"{what}:\n" + "".join(traceback.format_list([at]))
