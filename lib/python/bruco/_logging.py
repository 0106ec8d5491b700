"""Log records become Bruco's log lines: one line, one write, by the worker itself."""

import functools
import io
import logging
import sys
import threading
import traceback
from typing import Any, Callable, Iterable, List, Optional, Type

import _bruco

from bruco._context import UsualLevel, make_logger
from bruco._exceptions import line
from bruco._fields import encode_fields

LEVELS = {
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}


def entry(
    level: int,
    message: str,
    error: Optional[Type[BaseException]] = None,
    details: Iterable[str] = (),
    fields: str = "",
) -> None:
    """One log entry: level as logging counts, error an exception's class, details its text."""
    name = error.__qualname__ if error is not None else ""
    _bruco.log(level, line(message), line(name), line("".join(details)), line(fields))


class LineHandler(logging.Handler):
    """Passes each record to the worker's log, with its traceback in the same entry.

    `as_json`: lines have fields, so what the log call gave as `extra` is passed on, too.
    """

    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self.as_json = as_json

    def emit(self, record: logging.LogRecord) -> None:
        try:
            error: Optional[Type[BaseException]] = None
            details: List[str] = []
            if record.exc_info and record.exc_info[0] is not None:
                error = record.exc_info[0]
                details.extend(traceback.format_exception(*record.exc_info))
            if record.stack_info:
                details.append(record.stack_info)
            message = self.message(record)
            fields = encode_fields(record) if self.as_json else ""
            entry(record.levelno, message, error, details, fields)
        except Exception:
            self.handleError(record)

    def message(self, record: logging.LogRecord) -> str:
        """The record's text, by the formatter that the user's handler has set, without tracebacks."""
        if self.formatter is None:
            return record.getMessage()
        bare = logging.makeLogRecord(record.__dict__)
        bare.exc_info = bare.exc_text = bare.stack_info = None
        return self.formatter.format(bare)

    def handleError(self, record: logging.LogRecord) -> None:
        """Logs where a wrong log call stands."""
        if logging.raiseExceptions:
            kind, value, trace = sys.exc_info()
            message = f"cannot log {record.msg!a}, at {record.pathname}:{record.lineno}: "
            entry(
                logging.ERROR,
                message + "".join(traceback.format_exception_only(kind, value)).strip(),
                kind,
                traceback.format_exception(kind, value, trace),
            )


def log_thread_exception(arguments: "threading.ExceptHookArgs") -> None:
    """threading.excepthook: logs the exception that ended a thread as one entry."""
    if arguments.exc_type is SystemExit:
        return
    name = arguments.thread.name if arguments.thread is not None else "?"
    logging.getLogger("threading").error(
        "exception in thread %s: %s",
        name,
        arguments.exc_type.__qualname__,
        exc_info=(  # type: ignore[arg-type]
            arguments.exc_type,
            arguments.exc_value,
            arguments.exc_traceback,
        ),
    )


def log_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    """sys.unraisablehook: logs an exception that nobody can catch, in __del__ for example."""
    try:
        logging.getLogger("unraisable").warning(
            "%s %r",
            unraisable.err_msg or "Exception ignored in",
            unraisable.object,
            exc_info=(  # type: ignore[arg-type]
                unraisable.exc_type,
                unraisable.exc_value,
                unraisable.exc_traceback,
            ),
        )
    except Exception:
        sys.__unraisablehook__(unraisable)


def set_levels(worker: int, configured: Optional[str], module: str) -> None:
    """Sets the levels of the root, which is the libraries', and of the handler's own logger.

    Where none is configured, libraries are one level less talkative than the worker.
    """
    own = worker
    library = max(worker, min(worker + 10, logging.WARNING))
    if configured is not None:
        library = own = LEVELS[configured]
    logging.getLogger().setLevel(UsualLevel(library))
    # Of a package all of it is the handler's own.
    make_logger(module.partition(".")[0]).__dict__["usual"] = own


def obey_level(configure: Callable[..., None]) -> Callable[..., None]:
    """logging.basicConfig, which does nothing where there is a handler, but for the level."""

    @functools.wraps(configure)
    def basic_config(**options: Any) -> None:
        root = logging.getLogger()
        if options.get("level") is not None and root.handlers and not options.get("force"):
            root.setLevel(options["level"])
        configure(**options)

    return basic_config


def prepare(level: str, as_json: int, configured: Optional[str], module: str) -> None:
    """Routes logging, warnings and prints to the worker's log.

    level       the worker's own, as log lines name it
    as_json     whether log lines are JSON
    configured  processor.logLevel, or None
    module      the handler's
    """
    root = logging.getLogger()
    handler = LineHandler(bool(as_json))
    if LEVELS[level] > logging.INFO:
        handler.setLevel(LEVELS[level])  # quiet: whatever levels the handler's loggers have
    root.addHandler(handler)
    set_levels(LEVELS[level], configured, module)
    logging.basicConfig = obey_level(logging.basicConfig)
    for name in ("py.warnings", "threading", "unraisable"):
        make_logger(name)  # what Python itself would print, dictConfig does not silence either
    logging.captureWarnings(True)
    threading.excepthook = log_thread_exception
    sys.unraisablehook = log_unraisable
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
