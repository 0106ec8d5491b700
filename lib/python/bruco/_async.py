"""The event loop of a worker that has async functions: one, for as long as the worker lives."""

import asyncio
import inspect
import types
from asyncio import current_task  # for C
from typing import (
    Any,
    AsyncIterable,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
    List,
    Optional,
)

__all__ = ["current_task"]


#: The loop, once there is one.
the_loop: Optional[asyncio.AbstractEventLoop] = None


def make_loop() -> asyncio.AbstractEventLoop:
    global the_loop
    the_loop = loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


async def collect(results: AsyncIterable[Any]) -> Iterator[Any]:
    """Turns an async generator into a generator: each item is one output."""
    return iterate([result async for result in results])


def iterate(results: Iterable[Any]) -> Iterator[Any]:
    yield from results


@types.coroutine
def _convey(
    iterator: Any, overdue: Callable[[], Optional[BaseException]]
) -> Generator[Any, Any, Any]:
    """Awaits; a cancellation after the time is up raises what `overdue` returns."""
    value: Any = None
    error: Optional[BaseException] = None
    while True:
        try:
            wanted = iterator.send(value) if error is None else iterator.throw(error)
        except StopIteration as stop:
            return stop.value
        value, error = None, None
        try:
            value = yield wanted
        except asyncio.CancelledError as cancelled:
            error = overdue() or cancelled
        except BaseException as other:
            error = other


def _iterator(awaitable: Awaitable[Any]) -> Any:
    return awaitable if inspect.iscoroutine(awaitable) else _awaited(awaitable)


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def run(
    loop: asyncio.AbstractEventLoop, awaitable: Any, seconds: float, timeout: BaseException
) -> Any:
    """Runs the loop until it has work for the worker; with `seconds` above 0 at most so long.

    Then the exception `timeout` is raised where it waits.
    """
    if inspect.isasyncgen(awaitable):
        awaitable = collect(awaitable)
    up: List[bool] = []

    def expire() -> None:
        up.append(True)
        task.cancel()

    def overdue() -> Optional[BaseException]:
        return timeout if up and up.pop() else None

    async def whole() -> Any:
        return await _convey(_iterator(awaitable), overdue)

    # Not loop.create_task: the handler's task factory may start the task before it returns it.
    task = asyncio.Task(whole(), loop=loop)
    timer = loop.call_later(seconds, expire) if seconds > 0 else None
    try:
        return loop.run_until_complete(task)
    finally:
        if timer is not None:
            timer.cancel()


def wait(
    loop: asyncio.AbstractEventLoop, readable: int, control: int, seconds: float
) -> int:
    """Runs the loop until one of the descriptors is readable; `control` -1 is none.

    `seconds` below 0 is for ever. The sum of 1, `readable`, and 2, `control`; 0 when the time is up.
    """
    found = 0

    def stop(bit: int) -> None:
        nonlocal found
        found |= bit
        loop.stop()

    timer = loop.call_later(seconds, stop, 0) if seconds >= 0 else None
    try:
        loop.add_reader(readable, stop, 1)
        if control >= 0:
            loop.add_reader(control, stop, 2)
        loop.run_forever()
    except PermissionError:  # a file is always readable
        return 1
    finally:
        loop.remove_reader(readable)
        if control >= 0:
            loop.remove_reader(control)
        if timer is not None:
            timer.cancel()
    return found


def close(loop: asyncio.AbstractEventLoop) -> None:
    """Cancels the tasks that still run, as asyncio.run does."""
    try:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
