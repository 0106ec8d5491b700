"""The exceptions and results that make an event fail."""

import builtins
import importlib
import sys
from typing import Tuple, Type

from bruco._headers import kind


class Timeout(BaseException):
    """Raised in ``handle_event`` when it runs for longer than ``processor.timeout``.

    The attempt has failed, unless the handler catches this and returns within 2 seconds; after
    that the worker is killed. It derives from BaseException so that ``except Exception`` lets it
    through. It is raised in the main thread only, between two bytecodes or out of a wait such as
    ``time.sleep``.
    """


class Reject(Exception):
    """Raised by a handler: this event can never succeed, ``raise Reject("no such customer")``.

    No further attempt is made, whatever ``processor.retry`` says; ``processor.onFailure`` decides at
    once what becomes of the event. The log has one line with the reason and no traceback.
    """


class Failed:
    """A result that stands for a failure: the event has failed with this exception.

    It is as if the exception had been raised for this event alone; what ``handle_batch`` returns
    may hold some among its results.
    """

    __slots__ = ("exception",)

    def __init__(self, exception: BaseException) -> None:
        self.exception = exception

    def __repr__(self) -> str:
        return f"Failed({self.exception!r})"


def failure(failed: Failed) -> BaseException:
    """Returns the exception in a Failed; a TypeError if it holds something else."""
    exception: object = failed.exception
    if isinstance(exception, BaseException):
        return exception
    return TypeError(f"bruco.Failed of {kind(exception)}, which is no exception")


def is_final(exception: BaseException, classes: Tuple[Type[BaseException], ...]) -> bool:
    """Whether another attempt is useless: an instance of the classes, or a group of only such."""
    if isinstance(exception, classes):
        return True
    group = getattr(builtins, "BaseExceptionGroup", None)  # since Python 3.11
    if group is None or not isinstance(exception, group):
        return False
    return all(is_final(inner, classes) for inner in exception.exceptions)


def find_class(name: str, handler: str) -> Type[BaseException]:
    """The exception class of processor.retry.except: a builtin one, or "module.Class".

    `handler` is the name of the handler's module, for a hint. LookupError says what is wrong with
    the name; what importing its module raises is raised.
    """
    if "." not in name:
        found = getattr(builtins, name, None)
        if found is None:
            hint = ""
            if hasattr(sys.modules.get(handler), name):
                hint = f" (did you mean '{handler}.{name}'?)"
            raise LookupError(f"no builtin exception '{name}'{hint}")
    else:
        found = _find_in_modules(name)
    if not (isinstance(found, type) and issubclass(found, BaseException)):
        raise LookupError(f"'{name}' is no exception class")
    return found


def _find_in_modules(name: str) -> object:
    """Imports what "module.Class" names: the longest part that is a module, then its attributes."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:length])
        try:
            found: object = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise  # one that the module itself imports
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                raise LookupError(f"no class '{'.'.join(parts[length:])}' in module '{module}'")
            found = getattr(found, part)
        return found
    raise LookupError(f"no module '{parts[0]}'")
