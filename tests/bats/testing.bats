# bruco test: recorded events through the real worker, compared with what is expected.

load helpers

# A project in this folder whose handler does what the event's text says.
project() {
    cat >config.yaml <<'END'
processor: {moduleName: handler, timeout: 300ms, retry: {attempts: 5, backoff: 10s}, onFailure: stop}
source: {kind: kafka, brokers: "${NOBODY_SETS_THIS}", topics: [in], consumerGroup: group}
sink: {kind: lines}
END
    cat >handler.py <<'END'
import os
import time


def init_context(context):
    context.count = 0


def handle_event(context, data):
    context.count += 1
    text = data.decode()
    print("got", text)
    if text == "none":
        return None
    if text == "bad":
        raise ValueError("bad id")
    if text == "exit":
        os._exit(3)
    if text == "kill":
        os.kill(os.getpid(), 9)
    if text == "pause":
        time.sleep(0.2)  # what came before leaves the worker
    if text == "slow":
        time.sleep(60)
    if text == "count":
        return f"{context.count}"
    return data.upper()
END
}

# case NAME LINE ...: a file in the folder `cases`
case_file() {
    mkdir -p cases
    printf '%s\n' "${@:2}" >"cases/$1"
}

@test "a recorded file without expectation: its outputs as JSON lines, failed events too" {
    project
    printf '%s\n' one none bad two >events.lines
    run_x 1 bruco test events.lines
    equals "$output" '{"value": "ONE"}
{"failed": "ValueError: bad id"}
{"value": "TWO"}'
    contains "$stderr" "bruco-worker-0: info: got one"
    contains "$stderr" "error: handler raised ValueError: bad id (record 3, attempt 1)"
    contains "$stderr" "  Traceback (most recent call last):"
    sed -i /bad/d events.lines
    run_x 0 bruco test -q events.lines
    equals "$output" '{"value": "ONE"}
{"value": "TWO"}'
    equals "$stderr" ""
}

@test "lines, JSON and frames are told by the file's name, and show key, headers and timestamp" {
    project
    cat >events.json <<'END'
{"topic": "orders", "partition": 3, "offset": 12, "timestamp": 1767225600000, "key": "k", "value": "one", "headers": [["a", "1"], ["a", null]]}
{"key": {"base64": "/w=="}, "value": null}
END
    bruco-source -q json <events.json >events.frames
    local want='{"timestamp": 1767225600000, "key": "k", "value": "ONE", "headers": [["a", "1"], ["a", null]]}
{"key": {"base64": "/w=="}, "value": ""}'
    run_x 0 bruco test -q events.json
    equals "$output" "$want"
    run_x 0 bruco test -q events.frames
    equals "$output" "$want"
    run_x 0 bruco test -q events.json events.frames
    equals "$output" "$want
$want"
}

@test "a failed frame and a later attempt in a capture are run as new events" {
    project
    python3 "$ROOT/tests/frames.py" write 'record(7, b"one", attempt=4)' 'failed(9, b"two", topic="t")' \
        'empty(10)' >events.frames
    run_x 0 bruco test -q events.frames
    equals "$output" '{"value": "ONE"}
{"value": "TWO"}'
}

@test "cases: a missing expectation differs, --update writes it, then all is ok" {
    project
    case_file a.lines one none
    mkdir -p cases/deep
    echo '{"key": "k", "value": "two"}' >cases/deep/b.json
    echo not a case >cases/README.md
    run_x 1 bruco test cases
    equals "$output" "differs cases/a.lines
    no 'cases/a.expected.json' yet, --update makes it
    @@ record 1 @@
    +{\"value\": \"ONE\"}
differs cases/deep/b.json
    no 'cases/deep/b.expected.json' yet, --update makes it
    @@ record 1 @@
    +{\"key\": \"k\", \"value\": \"TWO\"}
2 cases: 0 ok, 2 differ"
    run_x 0 bruco test --update cases
    equals "$output" "updated cases/a.expected.json
updated cases/deep/b.expected.json
2 cases: 0 ok, 2 updated"
    equals "$(<cases/a.expected.json)" '{"value": "ONE"}'
    equals "$(<cases/deep/b.expected.json)" '{"key": "k", "value": "TWO"}'
    equals "$(find cases -type f | wc -l)" 5
    run_x 0 bruco test cases
    equals "$output" "ok      cases/a.lines
ok      cases/deep/b.json
2 cases: 2 ok"
    equals "$stderr" ""
    run_x 0 bruco test --update cases
    equals "${lines[-1]}" "2 cases: 2 ok"
    run_x 0 bruco test -q cases
    equals "$output$stderr" ""
    run_x 0 bruco test -v cases/a.lines
    contains "$stderr" "info: got one"
}

@test "without a path it is the folder cases beside the configuration, and a file of it is a case" {
    project
    case_file a.lines one
    run_x 0 bruco test --update
    mkdir elsewhere
    cd elsewhere
    run_x 0 bruco test -c ../config.yaml
    equals "${lines[0]}" "ok      ../cases/a.lines"
    run_x 0 bruco test -c ..
    equals "${lines[0]}" "ok      ../cases/a.lines"
    cd ../cases
    run_x 0 bruco test -c .. a.lines a.expected.json # as a shell's * gives them
    equals "$output" "ok      a.lines
1 case: 1 ok"
}

@test "a difference is shown with its records, what surrounds it, and the part that differs" {
    project
    case_file a.lines one two none three four five six
    cat >cases/a.expected.json <<'END'
{"value": "ONE"}
{"value": "TWO"}
{"value": "gone"}
{"value": "THREE"}
{"value":"FOUR"}
{"value": "FIVER"}
END
    run_x 1 bruco test cases
    equals "$output" 'differs cases/a.lines
    @@ behind record 2 @@
     {"value": "TWO"}
    -{"value": "gone"}
     {"value": "THREE"}
    @@ records 6 to 7 @@
     {"value": "FOUR"}
    -{"value": "FIVER"}
    +{"value": "FIVE"}
    +{"value": "SIX"}
1 case: 0 ok, 1 differs'
    printf '{"value": "%s"}\n' ONE TWO THREE FOUR FiVE sIX >cases/a.expected.json
    run_x 1 bruco test cases
    equals "$output" 'differs cases/a.lines
    @@ records 6 to 7 @@
     {"value": "FOUR"}
    -{"value": "FiVE"}
    +{"value": "FIVE"}
                 ^
    -{"value": "sIX"}
    +{"value": "SIX"}
                ^
1 case: 0 ok, 1 differs'
    contains "$stderr" "info: got five"
}

@test "expected JSON is compared by what it says: order, blanks and nulls don't matter" {
    project
    echo '{"topic": "t", "partition": 1, "offset": 2, "key": "k", "value": "one"}' >in.json
    echo '{ "value":"ONE", "headers":[], "key": "\u006b", "topic":null, "offset": 2 }' >in.expected.json
    run_x 0 bruco test in.json
    equals "$output" "ok      in.json
1 case: 1 ok"
    echo '{"value": "ONE"}' >in.expected.json # the key was kept
    run_x 1 bruco test in.json
    echo '{"value": "ONE", "key": "k", "topic": "t"}' >in.expected.json # no topic to go to
    run_x 1 bruco test in.json
}

@test "an event that fails may be what is expected; the others are run all the same" {
    project
    case_file a.lines one bad two
    printf '%s\n' '{"value": "ONE"}' '{"failed": "ValueError: bad id"}' '{"value": "TWO"}' >cases/a.expected.json
    run_x 0 bruco test
    equals "${lines[0]}" "ok      cases/a.lines"
    equals "$stderr" ""
    sed -i 's/bad id/bad name/' cases/a.expected.json
    run_x 1 bruco test
    contains "$output" '    -{"failed": "ValueError: bad name"}
    +{"failed": "ValueError: bad id"}
                                 ^^'
    contains "$stderr" "handler raised ValueError: bad id (record 2, attempt 1)"
}

@test "an event that kills its worker, or takes too long, is that event's failure alone" {
    project
    printf '%s\n' count pause count exit count kill count slow count >a.lines
    run_x 1 bruco test a.lines
    # Each new worker counts from 1; before the first death all ran in one.
    equals "$output" '{"value": "1"}
{"value": "PAUSE"}
{"value": "3"}
{"failed": "worker exited with status 3 while the event ran"}
{"value": "1"}
{"failed": "worker killed by signal 9 (SIGKILL)"}
{"value": "1"}
{"failed": "bruco.Timeout: no result within 300ms"}
{"value": "3"}'
    contains "$stderr" "warning: the worker died, running the events again one at a time"
    contains "$stderr" "error: worker exited with status 3 while the event ran (record 4)"
    contains "$stderr" "error: worker killed by signal 9 (SIGKILL) (record 6)"
    [[ $stderr != *"attempt 2"* ]]
}

@test "async and batch handlers: all at once, in order, and only the culprit fails" {
    cat >config.yaml <<'END'
processor: {moduleName: handler, concurrency: 10}
source: {kind: lines}
sink: {kind: lines}
END
    cat >handler.py <<'END'
import asyncio
import os

async def handle_event(context, data):
    await asyncio.sleep(0.2 / len(data))
    if data == b"exit":
        os._exit(3)
    if data == b"bad":
        raise ValueError("bad id")
    return data.upper()
END
    printf '%s\n' a bb bad cccccc exit d >events.lines
    local want='{"value": "A"}
{"value": "BB"}
{"failed": "ValueError: bad id"}
{"value": "CCCCCC"}
{"failed": "worker exited with status 3 while the event ran"}
{"value": "D"}'
    run_x 1 bruco test events.lines
    equals "$output" "$want"

    sed -i 's/concurrency: 10/batch: {size: 4, wait: 10ms}/' config.yaml
    cat >handler.py <<'END'
import os
from bruco import Failed

def handle_batch(context, events):
    if any(event.data == b"exit" for event in events):
        os._exit(3)
    return [Failed(ValueError("bad id")) if event.data == b"bad" else event.data.upper()
            for event in events]
END
    run_x 1 bruco test events.lines
    equals "$output" "$want"
}

@test "each case has a worker of its own" {
    project
    case_file a.lines count count
    case_file b.lines count
    printf '{"value": "%s"}\n' 1 2 >cases/a.expected.json
    echo '{"value": "1"}' >cases/b.expected.json
    run_x 0 bruco test
}

@test "NAME.expected.lines holds values only, as lines" {
    project
    case_file a.json '{"key": "k", "value": "one"}' '{"key": "l", "value": "a\nb"}'
    : >cases/a.expected.lines
    run_x 0 bruco test --update
    equals "$(<cases/a.expected.lines)" "ONE
A
B"
    run_x 0 bruco test
    sed -i 's/B/C/' cases/a.expected.lines
    run_x 1 bruco test
    contains "$output" "    @@ record 2 @@
     A
    -C
    +B"
    case_file a.json '{"value": "one"}' '{"value": "bad"}'
    run_x 1 bruco test --update
    contains "$output" "an event failed: 'cases/a.expected.lines' can't hold that, use .expected.json"
    contains "$output" '+{"failed": "ValueError: bad id"}'
    contains "$(<cases/a.expected.lines)" C
}

@test "a thousand events, more than the pipes hold, and large ones" {
    project
    seq -f 'event %g' 1000 >many.lines
    seq -f '{"value": "EVENT %g"}' 1000 >many.expected.json
    python3 -c 'for c in "abc": print(c * 3000000)' >large.lines
    run_x 0 bruco test many.lines
    run_x 0 bruco test -q large.lines
    equals "$(wc -c <stdout)" $((9000000 + 3 * 14))
}

@test "a handler that can't start ends the test with its status and its words" {
    project
    case_file a.lines one
    case_file b.lines two
    echo 'raise RuntimeError("no model")' >>handler.py
    run_x 70 bruco test
    contains "$stderr" "RuntimeError: no model"
    equals "$(grep -c 'RuntimeError: no model' stderr)" 2 # its line and its traceback, once
    equals "$output" ""
    echo 'def' >handler.py
    run_x 78 bruco test
    echo 'import os; os._exit(0)' >handler.py
    run_x 70 bruco test
    contains "$stderr" "the worker died while it started"
}

@test "what is wrong with the files is told with its place" {
    project
    printf '%s\n' '{"value": "one"}' '{"valeu": "two"}' >a.json
    run_x 65 bruco test a.json
    equals "$stderr" "bruco: error: a.json:2: unknown key 'valeu'"
    case_file b.lines one
    echo 'ONE' >cases/b.expected.json
    run_x 65 bruco test
    contains "$stderr" "cases/b.expected.json:1: not JSON"
    python3 "$ROOT/tests/frames.py" write 'record(1, b"one")' 'record(2, b"two")' | head -c 100 >c.frames
    run_x 65 bruco test c.frames
    contains "$stderr" "c.frames: byte 67: truncated"
    run_x 64 bruco test config.yaml
    contains "$stderr" "what is in 'config.yaml'? its name should end in .json, .lines or .frames"
    run_x 64 bruco test nowhere.json
    contains "$stderr" "cannot open 'nowhere.json': No such file or directory"
    mkdir empty
    run_x 64 bruco test empty
    contains "$stderr" "there are no cases"
    case_file b.json '{}'
    run_x 64 bruco test
    contains "$stderr" "'cases/b.json' and 'cases/b.lines' would share 'cases/b.expected.json'"
    rm -r cases
    run_x 64 bruco test
    contains "$stderr" "there is no 'cases'"
    cd empty
    run_x 64 bruco test
    contains "$stderr" "no config.yaml here"
    echo 'sink: {kind: lines}' >config.yaml
    run_x 78 bruco test ../a.json
    contains "$stderr" "'config.yaml' has no processor to test"
    printf 'processor: {moduleNane: x}\n' >config.yaml
    run_x 78 bruco test ../a.json
    contains "$stderr" "config.yaml:1:13: unknown key 'moduleNane'"
}

@test "processor.env is set, the sink's secrets are withheld, and expectations that can't be written are told" {
    project
    cat >config.yaml <<'END'
processor: {moduleName: handler, env: [{name: GREETING, value: "${WORD:-hello}"}]}
source: {kind: lines}
sink: {kind: kafka, brokers: "a:1", topic: t, properties: {sasl.password: "${SECRET_WORD}"}}
END
    cat >handler.py <<'END'
import os
def handle_event(context, data):
    return [os.environ.get("GREETING"), os.environ.get("SECRET_WORD"), os.getcwd()]
END
    case_file a.lines one
    cd cases
    SECRET_WORD=x WORD='a$b' run_x 0 bruco test -c .. --update a.lines
    cd ..
    contains "$(<cases/a.expected.json)" "[\\\"a\$b\\\", null, \\\"$PWD\\\"]"
    rm cases/a.expected.json
    mkdir cases/a.expected.json.new
    run_x 69 bruco test --update
    contains "$stderr" "cannot write 'cases/a.expected.json': Is a directory"
    run_x 69 bash -c 'bruco test >/dev/full'
    contains "$stderr" "cannot write to standard output: No space left on device"
}

@test "Ctrl-C ends the worker and the test, by the signal" {
    project
    sed -i 's/, timeout: 300ms//' config.yaml
    echo slow >slow.lines
    start_x test bruco test slow.lines
    wait_for 10 file_has test.err "got slow"
    kill_x test INT
    wait_x test 130
}
