#!/usr/bin/env bats
# What a handler can do to the log: nothing of it reaches a terminal that it would obey, no line speaks in
# another's name, and JSON stays JSON.

load helpers
load logging

# A handler that writes these lines, Python's bytes, to the pipe for its worker's log lines.
forger() {
    project <<END
import os
LINES = [
$(cat)
]
def handle_event(context, data):
    for line in LINES:
        os.write(65, line + b"\n") # found by hand
    return data
END
}

# Bytes that a terminal might obey, or that are no UTF-8: none.
harmless() { # harmless FILE
    /usr/bin/python3 - "$1" <<'END'
import re, sys
text = open(sys.argv[1], "rb").read().decode()
found = re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]", text)
assert not found, found
END
}

@test "forged log lines: escapes are shown, another's name is not believed" {
    forger <<'END'
b"2026-01-31T12:00:00.000Z bruco-worker-0: info: X mine \x1b[31m red \xc2\x9b \xe2\x80\xae \xff",
b"2026-01-31T12:00:00.000Z bruco-sink: error: X theirs",
b"2026-01-31T12:00:00.000Z bruco: info: X done",
b"2026-01-31T12:00:00.000Z bruco-worker-0: fatal: X no level",
b"X no line at all \x1b]0;title\x07",
b"  X of a traceback \x1b[2J",
END
    run_x 0 bruco app <<<one
    equals "$output" one
    harmless stderr
    file_has stderr '^2026-01-31T12:00:00.000Z bruco-worker-0: info: X mine \\x1b\[31m red \\u009b \\u202e \\xff$'
    file_has stderr 'Z bruco-worker-0: warning: 2026-01-31T12:00:00.000Z bruco-sink: error: X theirs$'
    file_has stderr 'Z bruco-worker-0: warning: 2026-01-31T12:00:00.000Z bruco: info: X done$'
    file_has stderr 'Z bruco-worker-0: warning: 2026-01-31T12:00:00.000Z bruco-worker-0: fatal: X no level$'
    file_has stderr 'Z bruco-worker-0: warning: X no line at all \\x1b\]0;title\\x07$'
    file_has stderr '^  X of a traceback \\x1b\[2J$'
    count_in stderr 'X' 6
}

@test "forged log lines in JSON: what is no line of this worker is the message of one" {
    requires jq
    forger <<'END'
b'{"time": "2026-01-31T12:00:00.000Z", "level": "info", "program": "bruco-worker-0", "worker": "worker-0", "message": "X mine"}',
b'{"time": "2026-01-31T12:00:00.000Z", "level": "error", "program": "bruco-sink", "message": "X theirs"}',
b'{"time": "2026-01-31T12:00:00.000Z", "level": "info", "program": "bruco-worker-0", "message": "X twice", "message": "b"}',
b'{"time": "2026-01-31T12:00:00.000Z", "level": "info", "program": "bruco-worker-0", "message": "X cut',
b'{"time": "2026-01-31T12:00:00.000Z", "level": "info", "program": "bruco-worker-0", "message": "X c1 \xc2\x9b"}',
b'{"time": "2026-01-31T12:00:00.000Z", "level": "info", "program": "bruco-worker-0", "message": "X bytes \xff"}',
b'["X"]',
b"X \x1b[31m",
END
    run_x 0 bruco --log-format json app <<<one
    equals "$output" one
    harmless stderr
    jq . stderr >/dev/null
    jq -rs '.[] | select(.message | test("X")) | "\(.program) \(.level) \(.message[0:40])"' stderr >found
    equals "$(grep -c '^bruco-worker-0 warning ' found)" 7
    equals "$(grep -v '^bruco-worker-0 warning ' found)" "bruco-worker-0 info X mine"
}

@test "every byte, printed and logged, in text and in JSON" {
    requires jq
    project <<'END'
import os, sys
def handle_event(context, data):
    os.write(1, b"X " + bytes(range(256)) + b"\n")
    os.write(2, b"X " + "\u202e\u2028\u009b\ufeff".encode() + b"\n")
    context.logger.warning("X " + "".join(map(chr, range(0x180))) + "\u202e\u2066\ud800")
    context.logger.warning("X", extra={"all": "".join(map(chr, range(0x180))) + "\u202e\u2066\ud800"})
    try:
        raise ValueError("X \x1b[31m \u202e")
    except ValueError:
        context.logger.exception("X")
    return data
END
    run_x 0 bruco app <<<one
    harmless stderr
    file_has stderr 'ValueError: X \\x1b\[31m \\u202e'
    run_x 0 bruco --log-format json app <<<one
    harmless stderr
    jq . stderr >/dev/null
    is_true -s 'map(select(.all)) | .[0].all | explode | length == 384 + 2 + 6' stderr
}

@test "a source or a sink that prints something else: shown as its warning" {
    project <<<'def handle_event(context, data): return data'
    # glibc says this on standard error when it is asked to.
    MALLOC_CONF=nonsense:true run_x 0 bruco app <<<one
    equals "$output" one
    harmless stderr
    if grep -q nonsense stderr; then
        file_has stderr 'bruco-(source|sink): warning: .*nonsense'
    fi
}
