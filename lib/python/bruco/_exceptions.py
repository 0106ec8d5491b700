"""Exceptions as text, whatever they do when they are asked."""

import traceback
from typing import Tuple


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
    """(class name, "class: message", traceback) as bytes; no traceback is b""."""
    kind = type(exception)
    name, summary = summarize(exception)
    details = ""
    if exception.__traceback__ is not None or isinstance(exception, SyntaxError):
        details = "".join(
            traceback.format_exception(kind, exception, exception.__traceback__)
        )
    return line(name), line(summary), line(details)
