"""What Bruco gives to handlers.

A handler is a module with a function ``handle_event(context, data)`` and, if it needs one, a
function ``init_context(context)``; bruco-worker(1) describes both. ``bruco.testing`` runs it
without Bruco.
"""

from typing import TYPE_CHECKING

from bruco._context import Context
from bruco._failures import Failed, Reject, Timeout
from bruco._headers import Headers
from bruco._message import Message
from bruco._trace import Trace

if TYPE_CHECKING:
    from bruco._event import Event
else:
    try:
        from _bruco import Event
    except ImportError:
        from bruco._event import Event

__all__ = ["Context", "Event", "Failed", "Headers", "Message", "Reject", "Timeout", "Trace"]

for _public in (Context, Event, Failed, Headers, Message, Reject, Timeout, Trace):
    if _public.__module__ != "bruco":
        _public.__module__ = "bruco"  # their name in tracebacks, wherever they are defined
del _public
