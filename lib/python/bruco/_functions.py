"""What kind of function a handler is."""

import types
from typing import Any, Callable

_ASYNC = 0x80 | 0x200  # a code's flags: async def, async def with yield


def is_async(function: Callable[..., Any]) -> bool:
    """Whether a call is to be awaited, or iterated over with ``async for``."""
    if type(function) is types.FunctionType and not function.__dict__:
        return bool(function.__code__.co_flags & _ASYNC)
    # Decorated, marked, bound or an object: seldom, and inspect costs 5 ms of the worker's start.
    import inspect

    function = inspect.unwrap(function)
    for candidate in (function, getattr(function, "func", None), type(function).__call__):
        if inspect.iscoroutinefunction(candidate) or inspect.isasyncgenfunction(candidate):
            return True
    return False
