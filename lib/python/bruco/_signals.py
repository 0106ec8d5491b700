"""The worker's signals, as Python's signal module sees them, and what its children get instead.

signal.signal() can't give back a handler that is not Python's. So there are Python functions, and
handlers in C are put on top of them, where the signal module does not see them.
"""

import faulthandler
import os
import signal
import threading
import types
from typing import Any, Callable, Dict, List, Optional

import _bruco

Handler = Callable[[int, Optional[types.FrameType]], None]

#: The handlers that children get in place of the worker's own.
_childrens: Dict[int, Any] = {}

_mask = threading.local()  # `before`: the thread's, around a fork


def nothing(number: int, frame: Optional[types.FrameType]) -> None:
    """Handles a signal that means nothing to a worker, which ends when its input does."""


def show_stacks(number: int, frame: Optional[types.FrameType]) -> None:
    """Handles SIGUSR2 after the fault handler, until the user's handler takes its place."""
    faulthandler.dump_traceback(file=2, all_threads=True)


def take(number: int, handler: Handler, childrens: Any) -> None:
    """Sets a handler of the worker's, for which its children get another one."""
    signal.signal(number, handler)
    _childrens[number] = handler, childrens


# A signal that reaches a child before it has its own handlers must wait for them, or Python would
# forget it. Not SIGALRM, whose handler raises, which concerns the event.


def _before_fork() -> None:
    idle = [number for number in _childrens if signal.getsignal(number) is nothing]
    _mask.before = signal.pthread_sigmask(signal.SIG_BLOCK, idle)


def _after_fork() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _mask.before)


def _in_child() -> None:
    """Restores the handlers of an ordinary Python, where nobody else has changed them."""
    for number, (handler, childrens) in _childrens.items():
        if signal.getsignal(number) is not handler:
            continue
        faulthandler.unregister(number)
        signal.signal(number, childrens)
    _childrens.clear()
    _after_fork()


def prepare(with_timeout: bool, idle: List[int]) -> None:
    """SIGUSR2 shows every thread's traceback; SIGALRM raises bruco.Timeout, if there is one.

    `idle`: the signals that are to do nothing. The worker puts a handler in C on top of these, too.
    """
    faulthandler.enable()  # a crash shows where it was
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as Python itself does
    take(signal.SIGUSR2, show_stacks, signal.SIG_DFL)
    faulthandler.register(signal.SIGUSR2, file=2, all_threads=True, chain=False)
    if with_timeout:
        take(signal.SIGALRM, _bruco.raise_timeout, signal.SIG_DFL)
    for number in idle:
        usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        take(number, nothing, usual)
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child
    )
