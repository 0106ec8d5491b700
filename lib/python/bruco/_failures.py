"""How events fail."""


class Timeout(BaseException):
    """Raised in ``handle_event`` when it runs for longer than ``processor.timeout``.

    The attempt has failed, unless the handler catches this and returns within 2 seconds; after
    that the worker is killed. It derives from BaseException so that ``except Exception`` lets it
    through. It is raised in the main thread only, between two bytecodes or out of a wait such as
    ``time.sleep``.
    """


class Failed:
    """In the list that ``handle_batch`` returns: this event has failed, with this exception."""

    __slots__ = ("exception",)

    def __init__(self, exception: BaseException) -> None:
        self.exception = exception

    def __repr__(self) -> str:
        return f"Failed({self.exception!r})"
