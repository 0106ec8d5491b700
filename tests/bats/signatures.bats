#!/usr/bin/env bats
# A handler's functions are looked at before the first event: by the worker at its start, and by
# `bruco check`, which runs nothing of them, and with --handler imports them.

load helpers

setup() {
    common_setup
    cat >config.yaml <<'END'
processor: {handlerPath: .}
source: {kind: lines}
sink: {kind: lines}
END
}

@test "functions that can't be called so: status 78, before init_context runs" {
    local text call
    while IFS='|' read -r text call; do
        printf '%b\n' "import functools\nclass Object: pass\n$text" >handler.py
        run_x 78 bruco . < <(echo x)
        contains "$stderr" "$call"
        contains "$stderr" "$PWD/handler.py:"
        [[ $stderr != *"never called"* ]]
        run_x 78 bruco check --handler .
        contains "$stderr" "$call"
        run_x 0 bruco check .
    done <<'END'
def handle_event(event): pass|handle_event(event) can't be called as handle_event(context, data)
def handle_event(): pass|handle_event() can't be called as handle_event(context, data)
def handle_event(context, data, more): pass|handle_event(context, data, more) can't be called as handle_event(context, data)
def handle_event(context, *, data): pass|handle_event(context, *, data) can't be called as handle_event(context, data)
async def handle_event(context, data, *, more): pass|handle_event(context, data, *, more) can't be called as handle_event(context, data)
def two(a, b): pass\nhandle_event = functools.partial(two, 1)|handle_event(b) can't be called as handle_event(context, data)
def handle_batch(context): pass|handle_batch(context) can't be called as handle_batch(context, events)
def init_context(): print("never called")\ndef handle_event(context, data): pass|init_context() can't be called as init_context(context)
def init_context(context): print("never called")\ndef close_context(context, more): pass\ndef handle_event(context, data): pass|close_context(context, more) can't be called as close_context(context)
def f(self): pass\nObject.__call__ = f\nhandle_event = Object()|handle_event() can't be called as handle_event(context, data)
END
}

@test "functions that can be called so, whatever they are" {
    cat >head.py <<'END'
import functools, operator
class Object:
    def __call__(self, context, data): return data
    def method(self, context, data): return data
    @classmethod
    def of_class(cls, context, data): return data
    @staticmethod
    def static(context, data): return data
def three(more, context, data): return data
def named(context, data, *, more): return data
def injected(function):
    @functools.wraps(function)
    def wrapper(context, data):
        return function(context, data, "a connection")
    return wrapper
@injected
def with_connection(context, data, connection): return data
END
    local text
    while read -r text; do
        { cat head.py; echo "$text"; } >handler.py
        run_x 0 bruco -q . < <(echo x)
        equals "$output" x
        run_x 0 bruco check --handler .
    done <<'END'
def handle_event(*arguments): return arguments[1]
def handle_event(context, data, more=1): return data
def handle_event(context, data, *more, key=None, **keys): return data
def handle_event(context, /, data): return data
handle_event = lambda context, data: data
handle_event = functools.partial(three, 1)
handle_event = functools.partial(named, more=1)
handle_event = Object()
handle_event = Object().method
handle_event = Object.of_class
handle_event = Object.static
handle_event = with_connection
handle_event = functools.lru_cache(lambda context, data: b"x") if False else lambda *a: a[1]
handle_event = functools.singledispatch(lambda context, data: data)
handle_event = max if False else operator.itemgetter if False else (lambda c, d=None: d)
END
    printf 'import operator\nhandle_event = operator.or_\n' >handler.py # in C, without a signature
    run_x 1 bruco -q . < <(echo x)
    contains "$stderr" "handler raised TypeError: unsupported operand"
    printf 'close_context = 1\ndef handle_event(context, data): pass\n' >handler.py
    run_x 78 bruco . < <(echo x)
    contains "$stderr" "close_context in module 'handler' is not a function"
}

@test "bruco check finds a syntax error and a missing handle_event, and runs nothing" {
    local text why
    while IFS='|' read -r text why; do
        printf "open('ran', 'w')\n$text" >handler.py
        run_x 78 bruco check .
        equals "$stderr" "$PWD/handler.py$why"
        equals "$output" ""
        [[ ! -e ran ]]
    done <<'END'
def handle_event(context, data)\n    pass\n|:2:32: expected ':'
x = 1\n|: no handle_event
def handle_events(context, data): pass\n|: no handle_event
def f():\n    def handle_event(context, data): pass\n|: no handle_event
class C:\n    def handle_event(context, data): pass\n|: no handle_event
END
}

@test "bruco check believes a module that may have its functions from elsewhere" {
    local text
    while read -r text; do
        printf 'open("ran", "w")\n%b\n' "$text" >handler.py
        run_x 0 bruco check .
        equals "$stderr" ""
        [[ ! -e ran ]]
    done <<'END'
def handle_event(context, data): pass
async def handle_batch(context, events): pass
handle_event = print
handle_event: object = print
from work import handle_event
from work import run as handle_event
from work import *
import work as handle_event
try:\n    from fast import handle_event\nexcept ImportError:\n    def handle_event(context, data): pass
if True:\n    with open("x") as f:\n        handle_event = f
(handle_event, other) = 1, 2
globals()["handle_event"] = print
def __getattr__(name): pass
def f():\n    global handle_event\n    handle_event = 1
END
    mkdir pack
    echo 'def handle_event(context, data): pass' >pack/__init__.py
    sed -i 's/handlerPath: ./moduleName: pack/' config.yaml
    run_x 0 bruco check .
    sed -i 's/pack/pack.inner/' config.yaml
    echo 'x = (' >pack/inner.py
    run_x 78 bruco check .
    contains "$stderr" "$PWD/pack/inner.py:1:5: '(' was never closed"
}

@test "bruco check --handler imports it as the worker does, and says what is wrong" {
    echo 'import absent
def handle_event(context, data): pass' >handler.py
    run_x 0 bruco check .
    run_x 70 bruco check --handler .
    contains "$stderr" "import of 'handler' failed: ModuleNotFoundError: No module named 'absent'"
    equals "$output" ""
    cat >handler.py <<'END'
import os
print("printed", os.environ["GREETING"], os.environ.get("SECRET"))
def init_context(context): print("never called")
def handle_event(context, data): pass
END
    cat >config.yaml <<'END'
processor: {env: [{name: GREETING, value: "hello ${SECRET}"}]}
source: {kind: kafka, brokers: [localhost:1], topics: [a], consumerGroup: g, properties: {sasl.password: "${SECRET}"}}
END
    SECRET=s3 run_x 0 bruco check --handler --print .
    contains "$stderr" "printed hello s3 None"
    [[ $stderr != *"never called"* && $output == *moduleName* && $output != *printed* ]]
    echo 'import os; os.abort()
def handle_event(context, data): pass' >handler.py
    SECRET=s3 run_x 70 bruco check --handler .
    contains "$stderr" "error: the handler killed its worker while it was imported"
}

@test "what a handler prints while it is checked is escaped, and shown while it runs" {
    mkfifo go
    cat >handler.py <<'END'
import os, subprocess
print("\x1b[2Jcleared \u202eesrever\tand", flush=True)
left = subprocess.Popen(["sleep", "60"], start_new_session=True) # it keeps the pipe open
open("left", "w").write(str(left.pid))
open("go").read()
os.write(1, b"a line without an end \xff\x07")
def handle_event(context, data): pass
END
    echo '{processor: , source: {kind: lines}}' >config.yaml
    start_x check bruco check --handler .
    wait_for 20 file_has check.err '^\\x1b\[2Jcleared \\u202eesrever.and$'
    echo >go
    wait_x check 0
    contains "$(<check.err)" 'a line without an end \xff\x07'
    kill "$(<left)"
}

@test "at isolation strict a checked handler has its temporary folder until it ends, and nobody has it then" {
    cat >handler.py <<'END'
import os, tempfile
print("folder", tempfile.gettempdir(), flush=True)
open("go").read()
tempfile.NamedTemporaryFile().close()
def handle_event(context, data): pass
END
    mkfifo go
    echo '{processor: {isolation: strict}, source: {kind: lines}}' >config.yaml
    bruco check . >said 2>&1 || skip "$(<said)"
    start_x check bruco check --handler .
    wait_for 20 file_has check.err '^folder '
    local folder
    folder=$(sed -n 's/^folder //p' check.err)
    [[ -d $folder ]]
    echo >go
    wait_x check 0
    [[ ! -e $folder ]]
}

@test "bruco-worker --check looks at the handler by hand" {
    echo 'def handle_event(context, data): pass' >handler.py
    run_x 0 bruco-worker --check </dev/null
    equals "$output$stderr" ""
    run_x 0 bruco-worker --check -c . </dev/null
    echo 'def handle_event(data): pass' >handler.py
    run_x 78 bruco-worker --check </dev/null
    run_x 64 bruco-worker --check --lines </dev/null
}
