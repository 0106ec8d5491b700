"""What Bruco gives to handlers.

A handler is a module with a function ``handle_event(context, data)`` and, if it needs one, a
function ``init_context(context)``; bruco-worker(1) describes both.
"""

from typing import TYPE_CHECKING

from bruco._context import Context
from bruco._headers import Headers

if TYPE_CHECKING:
    from bruco._event import Event
else:
    try:
        from _bruco import Event
    except ImportError:
        from bruco._event import Event

__all__ = ["Context", "Event", "Headers", "Timeout"]


class Timeout(BaseException):
    """Raised in ``handle_event`` when it runs for longer than ``processor.timeout``.

    The attempt has failed, unless the handler catches this and returns within 2 seconds; after
    that the worker is killed. It derives from BaseException so that ``except Exception`` lets it
    through. It is raised in the main thread only, between two bytecodes or out of a wait such as
    ``time.sleep``.
    """
