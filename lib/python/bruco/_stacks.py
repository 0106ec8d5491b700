"""What `bruco stack` shows of the async tasks: which event each runs, and what it waits for.

The stacks of threads come from faulthandler, called by a signal handler in C. What is here runs
after it, at the next bytecode of the main thread, when there is an event loop.
"""

import faulthandler
import os
import signal
import types
from typing import Any, Iterable, Iterator, List, Optional, Tuple

import _bruco

from bruco import _signals

_FRAMES_MOST = 100  # of a task, as faulthandler shows of a thread
_TEXT_MOST = 900000

_file = -1


def take_signal(number: int, file: int) -> None:
    global _file
    _file = file
    _signals.take(number, _show, signal.SIG_DFL)


def take_fault_handler(number: int, file: int) -> None:
    faulthandler.register(number, file=file, all_threads=True, chain=False)


def _show(number: int, frame: Optional[types.FrameType]) -> None:
    """Writes the tasks. It runs amid the handler's code, into which nothing must be raised."""
    try:
        text = _tasks_text()
    except Exception as error:
        text = f"the async tasks can't be shown: {type(error).__name__}: {error}\n"
    try:
        os.write(_file, text.encode("utf-8", "backslashreplace"))
    except OSError:
        pass
    _bruco.stacks_shown()


def _tasks_text() -> str:
    import asyncio  # is there already, for there is a loop

    from bruco import _async

    loop = _async.the_loop
    assert loop is not None
    current = asyncio.current_task(loop)
    parts: List[str] = []
    length = 0
    tasks = sorted(asyncio.all_tasks(loop), key=_number)
    for shown, task in enumerate(tasks):
        part = _task_text(task, task is current)
        length += len(part)
        if length > _TEXT_MOST:
            parts.append(f"\n... and {len(tasks) - shown} tasks more\n")
            break
        parts.append(part)
    return "".join(parts)


def _number(task: Any) -> Tuple[int, str]:
    """Task-2 comes before Task-10."""
    name = task.get_name()
    return len(name), name


def _task_text(task: Any, runs: bool) -> str:
    lines = [f"\nAsync task {task.get_name()!r}{_event_text(task.get_coro())}"]
    frames = list(_frames(task.get_coro()))
    if runs:
        lines[0] += ", which executes now"
    elif not frames:
        lines[0] += ", which has no stack"
    else:
        lines[0] += " (most recent call first):"
        lines += reversed(frames)
    return "\n".join(lines) + "\n"


def _event_text(coroutine: Any) -> str:
    event: Any = getattr(coroutine, "event", None)
    if getattr(event, "topic", None) is None:
        return ""
    return f" of {event.topic}, partition {event.partition}, offset {event.offset}"


def _frames(awaited: Any) -> Iterator[str]:
    """The frames of a coroutine and of what it awaits, as faulthandler writes them."""
    for _ in range(_FRAMES_MOST):
        frame = _first(awaited, ("cr_frame", "gi_frame", "ag_frame"))
        if frame is not None:
            code = frame.f_code
            yield f'  File "{code.co_filename}", line {frame.f_lineno} in {code.co_name}'
        awaited = _first(awaited, ("cr_await", "gi_yieldfrom", "ag_await"))
        if awaited is None:
            return


def _first(thing: Any, names: Iterable[str]) -> Any:
    return next((value for name in names if (value := getattr(thing, name, None)) is not None), None)
