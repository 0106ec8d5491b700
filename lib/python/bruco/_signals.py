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

#: What children get, for each signal that has a handler of the worker's.
_childrens: Dict[int, Any] = {}

_mask = threading.local()  # `before`: the thread's, around a fork


def nothing(number: int, frame: Optional[types.FrameType]) -> None:
    """The handler of a signal that means nothing to a worker: its input ends it."""


def show_stacks(number: int, frame: Optional[types.FrameType]) -> None:
    """The handler of SIGUSR2. The fault handler stands before it, until a handler takes its place."""
    faulthandler.dump_traceback(file=2, all_threads=True)


def _take(number: int, handler: Handler, childrens: Any) -> None:
    signal.signal(number, handler)
    _childrens[number] = handler, childrens


# A signal that comes to a child before it has what is a child's must wait for that: Python would
# forget it. Not SIGALRM, whose handler raises, and that is for the event.


def _before_fork() -> None:
    idle = [number for number in _childrens if signal.getsignal(number) is nothing]
    _mask.before = signal.pthread_sigmask(signal.SIG_BLOCK, idle)


def _after_fork() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _mask.before)


def _in_child() -> None:
    """What an ordinary Python has, where no one else has changed it."""
    for number, (handler, childrens) in _childrens.items():
        if signal.getsignal(number) is not handler:
            continue
        if number == signal.SIGUSR2:
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
    _take(signal.SIGUSR2, show_stacks, signal.SIG_DFL)
    faulthandler.register(signal.SIGUSR2, file=2, all_threads=True, chain=False)
    if with_timeout:
        _take(signal.SIGALRM, _bruco.raise_timeout, signal.SIG_DFL)
    for number in idle:
        usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        _take(number, nothing, usual)
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child
    )
