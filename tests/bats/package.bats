# The package bruco outside a worker: types, bruco.testing, its installation.

load helpers

PACKAGE=$BRUCO_BIN/../lib/bruco/python

# run_python STATUS ARGUMENT ...: the distribution's, with the package as `make install` puts it
run_python() {
    run_x "$1" env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$PACKAGE" /usr/bin/python3 "${@:2}"
}

has_module() {
    /usr/bin/python3 -c "import $1" 2>/dev/null || skip "python3 has no module $1"
}

# A handler with all there is, with types.
typed_handler() {
    cat >handler.py <<'END'
from __future__ import annotations

from typing import Iterator, Union

from bruco import Context, Event, Failed, Headers, Message, Reject, Timeout


def init_context(context: Context) -> None:
    context.greeting = "hello"
    context.logger.info("worker %s", context.worker_name)


def close_context(context: Context) -> None:
    context.greeting = None
    context.logger.getLogger("part").info("done")


def describe(event: Event) -> str:
    headers: Headers = event.headers
    last: Union[bytes, None] = headers["a"] if "a" in headers else headers.get("b")
    when = event.timestamp.isoformat() if event.timestamp is not None else "never"
    number = event.attempt + (event.offset or 0) + (event.partition or 0)
    return f"{event.topic} {number} {when} {event.key!r} {last!r} {headers.getall('a')}"


def handle_event(context: Context, data: bytearray) -> Iterator[Union[str, Message, Failed]]:
    event = context.event
    if event is None:
        return
    if not data:
        yield Failed(ValueError("empty"))
        raise Reject("empty")
    try:
        yield f"{context.greeting} {data.decode()}"
        yield Message(describe(event), key=event.key, headers=[*event.headers.items(), ("n", "1")])
        yield Message(None, topic="out", partition=0, timestamp=event.timestamp)
        yield context.response("key", {"a": 1})
    except Timeout:
        raise
END
    cat >test_handler.py <<'END'
import handler
from bruco import testing


def test_outputs() -> None:
    event = testing.Event("two", key="k", headers={"a": "1"}, timestamp=0, topic="in", offset=4)
    (result,) = testing.run(handler, [event])
    assert result.values[0] == b"hello two"
    assert result.outputs[1].headers.getall("n") == [b"1"]
    assert result.outputs[2].topic == "out"
END
}

@test "a typed handler and its test are clean under mypy --strict, and so is the package" {
    has_module mypy
    typed_handler
    MYPYPATH=$PACKAGE run_x 0 /usr/bin/python3 -m mypy --strict handler.py test_handler.py
    run_x 0 /usr/bin/python3 -m mypy --strict --python-version 3.9 "$PACKAGE/bruco"
    sed -i 's/event.offset or 0/event.offset/; s/headers.getall/headers.all/' handler.py
    MYPYPATH=$PACKAGE run_x 1 /usr/bin/python3 -m mypy --strict handler.py
    contains "$output" 'Unsupported operand types for + ("int" and "None")'
    contains "$output" '"Headers" has no attribute "all"'
}

@test "a test of a handler passes under pytest, without Bruco, and fails when it should" {
    has_module pytest
    typed_handler
    run_python 0 -m pytest -q -p no:cacheprovider test_handler.py
    contains "$output" "1 passed"
    sed -i 's/hello/hallo/' handler.py
    run_python 1 -m pytest -q -p no:cacheprovider test_handler.py
    contains "$output" "1 failed"
    run_x 0 bruco-worker --lines <<<two
    equals "$(sed -n '1p;$p' stdout)" 'hallo two
{"a": 1}'
}

@test "bruco.testing.run: modules and functions, sync, generators, async and batches" {
    cat >check.py <<'END'
import asyncio
import types

import bruco
from bruco import testing


def plain(context, data):
    return data.upper() if context.event.key else None


def many(context, data):
    yield from data.decode()


async def waits(context, data):
    await asyncio.sleep(0)
    return bruco.Message(data, key=context.event.key + b"!")


def handle_batch(context, events):
    assert context.event is None
    return [bruco.Failed(KeyError("no")) if event.data == b"bad" else [str(event.key), len(events)]
            for event in events]


def outcomes(results):
    return [result.error or result.values for result in results]


event = testing.Event("a", key="k")
assert outcomes(testing.run(plain, [event, b"a", bytearray(b"b"), memoryview(b"c"), None])) == [
    [b"A"], [], [], [], []]
assert outcomes(testing.run(many, ["ab", ""])) == [[b"a", b"b"], []]
assert testing.run(waits, [event])[0].output.key == b"k!"
assert outcomes(testing.run(handle_batch, [event, "bad", b"c"], batch_size=2)) == [
    [b'["b\'k\'", 2]'], "KeyError: 'no'", [b'["None", 1]']]
assert outcomes(testing.run(lambda c, e: c.event.data, [None])) == [[None]]

# a length that isn't the input's, and an exception, fail the whole batch
module = types.SimpleNamespace(handle_batch=lambda context, events: [1])
assert outcomes(testing.run(module, ["a", "b"])) == 2 * [
    "ValueError: handle_batch returned 1 results for 2 events"]
module.handle_batch = lambda context, events: 1 / 0
assert outcomes(testing.run(module, ["a", "b"])) == 2 * ["ZeroDivisionError: division by zero"]

# all of a module, async too; one context
seen = []


async def init_context(context):
    context.count = 0
    seen.append("init")


async def close_context(context):
    seen.append(("close", context.count))


async def handle_event(context, data):
    context.count += 1
    if data == b"2":
        raise bruco.Timeout("late")
    return context.count


module = types.SimpleNamespace(
    init_context=init_context, handle_event=handle_event, close_context=close_context)
results = testing.run(module, ["1", "2", "3"])
assert outcomes(results) == [[b"1"], "bruco.Timeout: late", [b"3"]]
assert seen == ["init", ("close", 3)]

# a failed event can't be taken for a filtered one
for attribute in ("outputs", "values", "output", "value"):
    try:
        getattr(results[1], attribute)
    except bruco.Timeout:
        continue
    raise SystemExit(f"{attribute} hides the failure")

# what is no handler, and no event
for arguments in [(types.SimpleNamespace(), []), (plain, [5])]:
    try:
        testing.run(*arguments)
    except TypeError:
        continue
    raise SystemExit("accepted")

# what is the test's own goes through
class Outcome(BaseException):
    pass


def skips(context, data):
    raise Outcome


try:
    testing.run(skips, ["x"])
except Outcome:
    print("all as it should be")
END
    run_python 0 -W error check.py
    equals "$output" "all as it should be"
}

@test "Event in a worker and outside: one surface, the same texts" {
    cat >handler.py <<'END'
import bruco

def surface(kind):
    for name in sorted(vars(kind)):
        attribute = getattr(kind, name)
        if not name.startswith("_"):
            settable = hasattr(attribute, "fset") and attribute.fset is not None
            yield f"{name}: {attribute.__doc__} {settable}"
    yield f"{kind.__module__}.{kind.__qualname__}"

def handle_event(context, data):
    assert type(context.event) is bruco.Event
    try:
        bruco.Event(b"x")
    except TypeError:
        return "\n".join([*surface(bruco.Event), repr(context.event)])
END
    run_x 0 bruco-worker --json <<<'{"topic": "t", "partition": 1, "offset": 2}'
    python3 -c 'import json, sys; print(json.load(sys.stdin)["value"])' <stdout >inside
    run_python 0 -c "
import bruco, handler
print(*handler.surface(bruco.Event), bruco.Event(topic='t', partition=1, offset=2), sep='\n')"
    equals "$(<inside)" "$output"
    contains "$output" "attempt: Which attempt"
}

@test "pip installs the package, from the sources and from where make install put it" {
    local folder
    for folder in "$ROOT/lib/python" "$PACKAGE"; do
        rm -rf venv
        /usr/bin/python3 -m venv venv
        run_x 0 venv/bin/pip install -q --disable-pip-version-check --no-index "$folder"
        run_x 0 venv/bin/python -c "
import importlib.metadata, os, bruco.testing
folder = os.path.dirname(bruco.__file__)
assert folder.startswith('$PWD/venv/') and os.path.exists(folder + '/py.typed')
print('bruco', importlib.metadata.version('bruco'))"
        equals "$output" "$(bruco --version | head -n 1)"
    done
}
