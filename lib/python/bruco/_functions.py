"""What kind of function a handler is."""

import types
from typing import Any, Callable, Iterable

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


def may_return_awaitable(function: Callable[..., Any]) -> bool:
    """Whether a function that is not async may yet be a wrapper around one."""
    return type(function) is not types.FunctionType or function.__closure__ is not None


def explain_call(function: Any, name: str, arguments: Iterable[str]) -> str:
    """Why a function can't be called with so many positional arguments, or "".

    Only what is certain counts: the code that is called first, whatever it wraps, and nothing about
    functions written in C.
    """
    arguments = list(arguments)
    if _takes(function, len(arguments), frozenset()):
        return ""
    import inspect

    from bruco._exceptions import code_of

    code = code_of(function)
    place = f", {code.co_filename}:{code.co_firstlineno}" if code is not None else ""
    try:
        signature = str(inspect.signature(function, follow_wrapped=False))
    except (TypeError, ValueError):
        signature = "(...)"
    return f"{name}{signature} can't be called as {name}({', '.join(arguments)}){place}"


def _takes(function: Any, count: int, named: "frozenset[str]") -> bool:
    """Whether a call with `count` positional arguments and these keywords may be right."""
    if isinstance(function, types.MethodType):
        return _takes(function.__func__, count + 1, named)
    if isinstance(function, types.FunctionType):
        return _code_takes(function, count, named)
    if type(function).__name__ == "partial" and hasattr(function, "keywords"):
        return _takes(function.func, count + len(function.args), named | set(function.keywords))
    call = type(function).__dict__.get("__call__")
    if isinstance(call, types.FunctionType) and not isinstance(function, type):
        return _code_takes(call, count + 1, named)
    return True


def _code_takes(function: types.FunctionType, count: int, named: "frozenset[str]") -> bool:
    code = function.__code__
    places = code.co_varnames[: code.co_argcount]
    required = len(places) - len(function.__defaults__ or ())
    if count > len(places) and not code.co_flags & 0x04:  # *args
        return False
    if any(name not in named for name in places[count:required]):
        return False
    keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    given = named | set(function.__kwdefaults__ or ())
    return all(name in given for name in keywords)
