#!/usr/bin/env bats
# What a handler logs and prints, by whatever way: log lines of its worker, with the right level, and
# never among the frames. Under the driver and by hand.

load helpers
load logging

@test "context.logger is a logging.Logger, with all that it can" {
    project <<'END'
import logging
def init_context(context):
    assert isinstance(context.logger, logging.Logger)
    assert context.logger is logging.getLogger("handler")
def handle_event(context, data):
    log = context.logger
    log.critical("X a critical")
    log.error("X an %s", "error")
    log.warning("X %(a)s and %(b)d", {"a": "named", "b": 5})
    log.info("X with extra", extra={"user": "me", "level": 3})
    log.log(25, "X between the levels")
    log.getChild("part").info("X of a child")
    logging.LoggerAdapter(log, {"k": "v"}).info("X through an adapter")
    log.debug("X not shown")
    log.info("X percent %d%%")
    log.info("X é ü \U0001f600")
    return data
END
    run_x 0 bruco app <<<one
    equals "$output" one
    local expected=('bruco-worker-0: error: X a critical' 'bruco-worker-0: error: X an error'
        'bruco-worker-0: warning: X named and 5' 'bruco-worker-0: info: X with extra'
        'bruco-worker-0: info: X between the levels' 'bruco-worker-0: info: X of a child'
        'bruco-worker-0: info: X through an adapter' 'bruco-worker-0: info: X percent %d%%'
        'bruco-worker-0: info: X é ü 😀')
    says X "${expected[@]}"
    run_x 0 bruco-worker --lines -d app <<<one
    equals "$output" one
    says X "${expected[@]//worker-0/worker}"
    run_x 0 bruco-worker --lines -v -d app <<<one
    said stderr | grep -qxF 'bruco-worker: debug: X not shown'
}

@test "every way to print: a line of its worker, by its stream's level, and no frame" {
    project <<'END'
import ctypes, os, subprocess, sys, threading
libc = ctypes.CDLL(None)
def handle_event(context, data):
    print("X print")
    print("X print to stderr", file=sys.stderr)
    sys.__stdout__.write("X the original stdout\n")
    os.write(1, b"X write 1\n")
    os.write(2, b"X write 2\n")
    libc.printf(b"X printf %d\n", 5)
    libc.puts(b"X puts")
    libc.dprintf(2, b"X dprintf\n")
    subprocess.run(["sh", "-c", "echo X child; echo X child to stderr >&2"], check=True)
    os.system("echo X system")
    thread = threading.Thread(target=print, args=("X a thread",))
    thread.start()
    thread.join()
    return data
END
    local out=('X a thread' 'X child' 'X print' 'X printf 5' 'X puts' 'X system' 'X the original stdout' 'X write 1')
    local err=('X child to stderr' 'X dprintf' 'X print to stderr' 'X write 2')
    run_x 0 bruco app <<<one
    equals "$output" one
    equals "$(said stderr | grep X | sort)" \
        "$(printf 'bruco-worker-0: info: %s\n' "${out[@]}"; printf 'bruco-worker-0: warning: %s\n' "${err[@]}")"
    # By hand nobody turns them into log lines: they stand on stderr as they are.
    run_x 0 bruco-worker --lines -d app <<<one
    equals "$output" one
    equals "$(grep X stderr | sort)" "$(printf '%s\n' "${out[@]}" "${err[@]}" | sort)"
}

@test "what was printed without a newline is not lost, and does not wait for one" {
    project <<'END'
import ctypes, os, sys, time
def handle_event(context, data):
    sys.stdout.write("X half")
    sys.stdout.flush()
    open("half", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    sys.stdout.write("X never flushed by the handler")
    ctypes.CDLL(None).printf(b"X in a buffer of the C library")
    return data
END
    start_x bruco bruco app <<<one
    wait_for 10 file_has bruco.err 'bruco-worker-0: info: X half$'
    touch app/go
    wait_x bruco 0
    equals "$(said bruco.err | grep -o 'X [a-z ]*C library\|X never[a-z ]*handler' | sort)" \
        "X in a buffer of the C library
X never flushed by the handler"
}

@test "long lines are cut at 8 KiB between characters, garbage is shown as escapes, under both formats" {
    project <<'END'
import os
def handle_event(context, data):
    os.write(1, b"X" + "\u00e9".encode() * 10000 + b"\n")
    os.write(2, bytes(range(256)) * 2 + b"\n")
    context.logger.info("Y" + "\u00e9" * 10000)
    context.logger.info("Z \x1b[31m \x07 \r \x85 \u2028 \x00")
    print("after")
    return data
END
    local format
    for format in text json; do
        run_x 0 bruco --log-format "$format" app <<<one
        equals "$output" one
        /usr/bin/python3 - "$format" <<'END'
import json, sys
text = open("stderr", "rb").read().decode()  # fails when a character was cut
lines = [line for line in text.split("\n") if line]
if sys.argv[1] == "json":
    lines = [json.loads(line)["message"] for line in lines]
else:
    assert not any(ord(c) < 32 or ord(c) == 127 for line in lines for c in line), lines
printed = [line for line in lines if "Xé" in line]
assert len(printed) == 1 and 8180 < len(printed[0].split("X")[1].encode()) <= 8192, printed
logged = [line for line in lines if "Yé" in line]
assert len(logged) == 1 and 8000 < len(logged[0].encode()) <= 8192 + 100, logged
assert any(line.endswith("after") for line in lines), lines
assert any("\\xfe\\xff" in line for line in lines), lines
END
    done
}

@test "exceptions are one entry each, wherever they are logged or end a thread" {
    project <<'END'
import logging, sys, threading
def fail():
    raise KeyError("in a thread")
def handle_event(context, data):
    try:
        try:
            int("no")
        except ValueError as error:
            raise RuntimeError("outer\nwith a second line") from error
    except RuntimeError:
        context.logger.exception("E1")
        logging.getLogger("a.b").warning("E2", exc_info=True)
    context.logger.info("E3", stack_info=True)
    context.logger.info("E4", exc_info=True)
    context.logger.error("E5", exc_info=ValueError("an instance"))
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    raise LookupError("E6")
END
    run_x 1 bruco --log-format json app <<<one
    /usr/bin/python3 - <<'END'
import json
lines = [json.loads(line) for line in open("stderr")]
by = {line["message"][:2]: line for line in lines}
def entry(name):
    found = [line for line in lines if line["message"] == name]
    assert len(found) == 1, (name, lines)
    return found[0]
one = entry("E1")
assert (one["level"], one["error"]) == ("error", "RuntimeError"), one
assert "ValueError: invalid literal" in one["traceback"] and "direct cause" in one["traceback"], one
assert entry("E2")["level"] == "warning" and "RuntimeError: outer" in entry("E2")["traceback"]
assert "handle_event" in entry("E3")["traceback"] and "error" not in entry("E3"), entry("E3")
assert "traceback" not in entry("E4"), entry("E4")
assert entry("E5")["error"] == "ValueError"
thread = [line for line in lines if "in a thread" in line.get("traceback", line["message"])]
assert len(thread) == 1 and thread[0]["level"] == "error", thread
assert thread[0]["error"] == "KeyError" and thread[0]["worker"] == "worker-0", thread
last = [line for line in lines if line["message"].startswith("handler raised LookupError")]
assert len(last) == 1, lines
END
    run_x 1 bruco app <<<one
    equals "$(grep -c '^  Traceback' stderr)" "$(grep -c 'Traceback' stderr)"
}

@test "warnings are warnings, once a place" {
    project <<'END'
import warnings
def handle_event(context, data):
    warnings.warn("X careful")
    warnings.warn("X old", DeprecationWarning)
    return data
END
    run_x 0 bruco app < <(seq 3)
    equals "$(said stderr | grep -c 'bruco-worker-0: warning: .*handler.py:3: UserWarning: X careful')" 1
    file_lacks stderr 'info: .*UserWarning'
}

@test "a handler may configure logging itself: basicConfig, dictConfig, handlers, filters, levels" {
    project <<'END'
import logging, logging.config
logging.basicConfig(level=logging.DEBUG, format="never %(message)s")  # does nothing: it is configured
class Add(logging.Filter):
    def filter(self, record):
        record.msg = "X filtered " + str(record.msg)
        return "secret" not in record.msg
def init_context(context):
    context.logger.addFilter(Add())
    logging.getLogger("quiet").setLevel(logging.ERROR)
    logging.getLogger("loud").setLevel(logging.DEBUG)
def handle_event(context, data):
    context.logger.info("one")
    context.logger.info("secret")
    logging.getLogger("quiet").warning("X quiet warning")
    logging.getLogger("loud").debug("X loud debug")
    if data == b"2":
        logging.config.dictConfig({
            "version": 1, "disable_existing_loggers": False,
            "formatters": {"f": {"format": "X own %(levelname)s %(name)s %(message)s"}},
            "handlers": {"h": {"class": "logging.StreamHandler", "formatter": "f"}},
            "root": {"level": "INFO", "handlers": ["h"]}})
        logging.info("after")
    return data
END
    run_x 0 bruco app < <(seq 2)
    says 'X filtered' 'bruco-worker-0: info: X filtered one' 'bruco-worker-0: info: X filtered one'
    says 'X loud' 'bruco-worker-0: debug: X loud debug' 'bruco-worker-0: debug: X loud debug'
    says 'X own' 'bruco-worker-0: warning: X own INFO root after'
    file_lacks stderr 'quiet|secret'
    file_lacks stderr never
}

@test "the handler's own formatter on Bruco's handler is used" {
    project <<'END'
import logging
def init_context(context):
    for handler in logging.getLogger().handlers:
        handler.setFormatter(logging.Formatter("X [%(name)s] %(message)s"))
def handle_event(context, data):
    context.logger.info("formatted")
    try:
        1 / 0
    except ZeroDivisionError:
        context.logger.exception("with an error")
    return data
END
    run_x 0 bruco app <<<one
    said stderr | grep -qxF 'bruco-worker-0: info: X [handler] formatted'
    said stderr | grep -qxF 'bruco-worker-0: error: X [handler] with an error'
    equals "$(grep -c 'ZeroDivisionError: division' stderr)" 1
}

@test "a log call that is wrong says where, and the event goes on" {
    project <<'END'
class Bad:
    def __str__(self):
        raise ValueError("no text")
    def __del__(self):
        raise OSError("in __del__")
def handle_event(context, data):
    context.logger.info("X %d", "no number")
    context.logger.info("X %s", Bad())
    context.logger.info("X good")
    return data
END
    run_x 0 bruco app <<<one
    equals "$output" one
    said stderr | grep -qxF 'bruco-worker-0: info: X good'
    file_has stderr "worker-0: error: cannot log 'X %d', at .*/handler.py:7: TypeError: %d format: a.* number is required"
    file_has stderr "worker-0: error: cannot log 'X %s', at .*/handler.py:8: ValueError: no text"
    file_has stderr 'worker-0: warning: Exception ignored in.* <function Bad.__del__ at'
    equals "$(grep -c '^  Traceback' stderr)" "$(grep -c Traceback stderr)"
    sed -i '1i import logging; logging.raiseExceptions = False' app/handler.py
    run_x 0 bruco app <<<one
    file_lacks stderr 'cannot log'
}

@test "threads and processes of the handler log too" {
    project <<'END'
import concurrent.futures, logging, multiprocessing, threading
def child(number):
    logging.getLogger("child").warning("X process %d", number)
    print("X printed by process", number, flush=True)
def handle_event(context, data):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: context.logger.info("X thread %d " + "y" * 3000, n), range(100)))
    for method in ("fork", "spawn"):
        process = multiprocessing.get_context(method).Process(target=child, args=(len(method),))
        process.start()
        process.join()
        assert process.exitcode == 0, process.exitcode
    return data
END
    run_x 0 bruco app <<<one
    equals "$output" one
    equals "$(said stderr | grep -cxE 'bruco-worker-0: info: X thread [0-9]+ y{3000}')" 100
    said stderr | grep -qxF 'bruco-worker-0: warning: X process 4'
    said stderr | grep -qxF 'bruco-worker-0: info: X printed by process 4'
    # A spawned process is a Python of its own: its logging knows nothing of Bruco, its output does.
    said stderr | grep -qxF 'bruco-worker-0: warning: X process 5'
    said stderr | grep -qxF 'bruco-worker-0: info: X printed by process 5'
}

@test "by hand, --log-format json: what is logged is JSON, with the record" {
    project <<'END'
import logging
def handle_event(context, data):
    logging.getLogger("x").warning("X %s", data.decode())
    return data
END
    run_x 0 bruco-worker --json --log-format json -d app \
        <<<'{"topic": "t", "partition": 3, "offset": 7, "value": "v"}'
    /usr/bin/python3 - <<'END'
import json
lines = [json.loads(line) for line in open("stderr")]
assert len(lines) == 1, lines
line = lines[0]
assert (line["level"], line["program"], line["worker"], line["message"]) == \
    ("warning", "bruco-worker", "worker-0", "X v"), line
assert (line["topic"], line["partition"], line["offset"]) == ("t", 3, 7), line
END
}

@test "dictConfig with its defaults silences neither context.logger nor what Python prints" {
    project <<'END'
import logging, logging.config, threading, warnings
logging.getLogger(__name__).info("X at import")
logging.config.dictConfig({"version": 1})
def init_context(context):
    logging.getLogger("other")
    logging.config.dictConfig({"version": 1, "loggers": {"named": {"level": "DEBUG"}}})
    context.logger.info("X init")
def handle_event(context, data):
    context.logger.info("X event %s", data.decode())
    logging.getLogger("other").warning("X other")
    logging.getLogger("named").debug("X named")
    warnings.warn("X warned")
    thread = threading.Thread(target=lambda: 1 / 0, name="X thread")
    thread.start()
    thread.join()
    if data == b"2":
        context.logger.disabled = True  # its own doing
        context.logger.error("X never")
    return data
END
    run_x 0 bruco app < <(seq 2)
    says 'X init' 'bruco-worker-0: info: X init'
    says 'X event' 'bruco-worker-0: info: X event 1' 'bruco-worker-0: info: X event 2'
    says 'X named' 'bruco-worker-0: debug: X named' 'bruco-worker-0: debug: X named'
    equals "$(said stderr | grep -c 'UserWarning: X warned')" 1
    equals "$(said stderr | grep -c 'error: exception in thread X thread: ZeroDivisionError')" 2
    file_lacks stderr 'X never|X other'
}

@test "extra becomes fields of the JSON log: types are kept, names of Bruco's own are not taken" {
    project <<'END'
import datetime, decimal, enum, logging
class Colour(enum.Enum):
    RED = 1
class Bad:
    def __str__(self):
        raise ValueError("no text")
class Filter(logging.Filter):
    def filter(self, record):
        record.added = "by a filter"
        return True
def handle_event(context, data):
    log = context.logger
    log.info("one", extra={"text": 'a "q" \\ \n \x7f \x00 é \udc80 \x9b \u202e', "n": 3, "f": 1.5, "yes": True,
        "none": None, "list": [1, "two", None], "map": {"a": {"b": [1]}, 5: 6}})
    log.info("two", extra={"date": datetime.date(2026, 1, 31), "dec": decimal.Decimal("1.10"),
        "nan": float("nan"), "bytes": b"x", "enum": Colour.RED, "set": {1}, "bad": Bad(),
        "keys": {(1, 2): 3}, 7: "seven", "in": [datetime.date(2026, 1, 31)]})
    log.info("three", extra={"level": 3, "time": "t", "offset": -1, "error": "e", "extra_level": 4})
    log.info("four", extra={"a": "x" * 5000, "b": "y" * 5000, "c": 1})
    round = []
    round.append(round)
    log.info("five", extra={"round": round})
    logging.LoggerAdapter(log, {"k": "v"}).warning("six")
    log.addFilter(Filter())
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("seven", extra={"traceback": "mine"})
    logging.getLogger("lib").warning("eight", extra={"n": 8})
    return data
END
    run_x 0 bruco --log-format json app <<<one
    equals "$output" one
    /usr/bin/python3 - <<'END'
import json
def pairs(found):
    assert len(dict(found)) == len(found), found  # no name twice
    return dict(found)
lines = [json.loads(line, object_pairs_hook=pairs) for line in open("stderr")]
def entry(name):
    found = [line for line in lines if line["message"] == name]
    assert len(found) == 1, (name, lines)
    return found[0]
def same(name, **fields):
    usual = ("time", "worker", "message", "topic", "partition", "offset")
    assert not set(usual) - set(entry(name)), entry(name)
    got = {k: v for k, v in entry(name).items() if k not in usual}
    want = {"level": "info", "program": "bruco-worker-0", **fields}
    assert got == want, (got, want)
same("one", text='a "q" \\ \n \x7f \x00 é \\udc80 \x9b \u202e', n=3, f=1.5, yes=True, none=None,
    list=[1, "two", None], map={"a": {"b": [1]}, "5": 6})
assert type(entry("one")["n"]) is int and type(entry("one")["yes"]) is bool
same("two", **{"date": "2026-01-31", "dec": "1.10", "nan": "nan", "bytes": "b'x'", "enum": "Colour.RED",
    "set": "{1}", "bad": "<Bad without a str>", "keys": "{(1, 2): 3}", "7": "seven", "in": ["2026-01-31"]})
same("three", extra_extra_level=3, extra_time="t", extra_offset=-1, extra_error="e", extra_level=4)
same("four", a="x" * 5000, c=1, left_out=1)
same("five", round="[[...]]")
same("six", level="warning", k="v")
seven = entry("seven")
assert seven["extra_traceback"] == "mine" and seven["added"] == "by a filter", seven
assert "ZeroDivisionError" in seven["traceback"] and seven["error"] == "ZeroDivisionError", seven
same("eight", level="warning", n=8)
END
    run_x 0 bruco app <<<one
    says ': six' 'bruco-worker-0: warning: six'
    says ': one' 'bruco-worker-0: info: one'
}

@test "settings that librdkafka refuses are told in a log line like all others" {
    local options=(kafka -b 127.0.0.1:1 -t t -X queue.buffering.max.ms=soon)
    run_x 78 bruco-sink "${options[@]}"
    file_has stderr "^[-0-9T:.]+Z bruco-sink: error: property 'queue.buffering.max.ms': Invalid value"
    equals "$(wc -l <stderr)" 1
    run_x 78 bruco-source --log-format json kafka -b 127.0.0.1:1 -t t -g g -X no.such=1
    /usr/bin/python3 - <<'END'
import json
(line,) = map(json.loads, open("stderr"))
assert (line["level"], line["program"]) == ("error", "bruco-source"), line
assert line["message"].startswith("property 'no.such' is not a setting of librdkafka "), line
END
}
