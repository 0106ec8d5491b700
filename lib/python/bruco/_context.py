"""The context that handlers get."""

import contextvars
import logging
import sys
from typing import TYPE_CHECKING, Any, Optional

from bruco._event import Event
from bruco._message import KEEP, Message, response

if TYPE_CHECKING:

    def _current(context: object) -> Optional[Event]: ...

else:
    try:
        from _bruco import current_event as _current
    except ImportError:

        def _current(context):
            return variable.get()


#: The event of each call outside a worker, and of each running call of an async def handler.
variable: "contextvars.ContextVar[Optional[Event]]" = contextvars.ContextVar(
    "bruco.event", default=None
)


class UsualLevel(int):
    """A level that Bruco has set: whether a handler has set the root's can be told from it."""


class Logger(logging.Logger):
    """A logging.Logger that logging.config does not silence.

    By default ``dictConfig`` and ``fileConfig`` disable all loggers that exist and are not named.
    A handler that sets `disabled` itself is obeyed. One that sets the level, here or at the root,
    is, too: `usual` is the level until then.
    """

    @property
    def level(self) -> int:
        given: int = self.__dict__.get("level", logging.NOTSET)
        usual: Optional[int] = self.__dict__.get("usual")
        if usual is None or not isinstance(logging.getLogger().level, UsualLevel):
            return given
        return usual

    @level.setter
    def level(self, level: int) -> None:
        self.__dict__["level"] = level
        self.__dict__["usual"] = None

    @property
    def disabled(self) -> bool:
        return bool(self.__dict__.get("_disabled", False))

    @disabled.setter
    def disabled(self, value: bool) -> None:
        if sys._getframe(1).f_globals.get("__name__") != "logging.config":
            self.__dict__["_disabled"] = value

    def getLogger(self, name: Optional[str] = None) -> logging.Logger:
        """This logger, or the one of that name, as talkative as this one; as in earlier versions."""
        if name is None:
            return self
        logger = make_logger(name)
        if logger.level == logging.NOTSET:
            logger.__dict__["usual"] = self.__dict__.get("usual")
        return logger


def make_logger(name: str) -> logging.Logger:
    """The logger of this name, which is a Logger from now on, whoever made it."""
    logger = logging.getLogger(name)
    kind = type(logger)
    if not isinstance(logger, Logger):
        logger.__class__ = Logger if kind is logging.Logger else type("Logger", (Logger, kind), {})
    return logger


#: The worker's. What it holds lives, as a module's variables do, until all that is registered with
#: atexit has run: pools of processes are ended there.
of_worker: "Optional[Context]" = None


class Context:
    """What a worker knows: `logger`, `worker_name`, `event`, and what handlers keep on it.

    There is one, for as long as the worker lives.
    """

    __slots__ = ("__dict__", "__weakref__", "logger", "_worker_name")

    #: The handler's logger; its lines are the worker's log lines.
    logger: Logger

    def __init__(self, logger: logging.Logger, worker_name: str) -> None:
        self.logger = logger  # type: ignore[assignment]
        self._worker_name = worker_name

    @property
    def worker_name(self) -> str:
        """Which worker this is: "worker-0" and so on."""
        return self._worker_name

    event = property(_current, doc="The event that is being handled; None between events.")

    def response(
        self,
        key: Any = KEEP,
        data: Any = None,
        content_type: Optional[str] = "application/json",
        status: Optional[int] = None,
    ) -> Message:
        """An output for handle_event to return, as in earlier versions.

        key           bytes-like, str, None for null; anything else becomes its str; left out, the
                      input's is kept
        data          as the value of a Message
        content_type  becomes the header "content-type", in place of the input's; None: no change
        status        of the answer to an http source's request, 200 to 599; becomes the header
                      ":status"; None: 200
        """
        return response(key, data, content_type, status)

    if TYPE_CHECKING:  # whatever handlers set

        def __getattr__(self, name: str) -> Any: ...

        def __setattr__(self, name: str, value: Any) -> None: ...
