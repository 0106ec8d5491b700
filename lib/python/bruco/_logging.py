"""Log records become Bruco's log lines: one line, one write, by the worker itself."""

import logging
import sys
import traceback

import _bruco

LEVELS = {
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}


def line(text):
    """Text as bytes for a C string: always encodable, without NUL."""
    return text.encode("utf-8", "backslashreplace").replace(b"\0", rb"\x00")


class LineHandler(logging.Handler):
    """Hands each record to the worker's logger, a traceback as part of the same entry."""

    def emit(self, record):
        try:
            error, details = "", []
            if record.exc_info and record.exc_info[0] is not None:
                error = record.exc_info[0].__qualname__
                details.extend(traceback.format_exception(*record.exc_info))
            if record.stack_info:
                details.append(record.stack_info)
            _bruco.log(
                record.levelno,
                line(record.getMessage()),
                line(error),
                line("".join(details)),
            )
        except Exception:
            self.handleError(record)


def prepare(level):
    """Sends the logging module, warnings and prints their way; level as log lines name it."""
    root = logging.getLogger()
    root.addHandler(LineHandler())
    root.setLevel(LEVELS[level])
    logging.captureWarnings(True)
    sys.stdout.reconfigure(line_buffering=True)
