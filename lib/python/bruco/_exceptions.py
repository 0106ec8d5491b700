"""Exceptions as text, whatever they do when they are asked."""

import traceback

from bruco._logging import line


def describe(exception):
    """(class name, "class: message", traceback) as bytes; no traceback is b""."""
    kind = type(exception)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = f"{kind.__module__}.{name}"
    try:
        message = str(exception)
    except BaseException:
        message = "<its __str__ raises>"
    summary = f"{name}: {message}" if message else name
    details = ""
    if exception.__traceback__ is not None or isinstance(exception, SyntaxError):
        details = "".join(
            traceback.format_exception(kind, exception, exception.__traceback__)
        )
    return line(name), line(summary), line(details)
