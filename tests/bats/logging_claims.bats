#!/usr/bin/env bats
# What others' texts can do to the log and to the terminal: nothing of them reaches it that it would obey, no
# line speaks in another's name, and JSON stays JSON.

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
b"X nul \x00 behind",
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
    file_has stderr 'Z bruco-worker-0: warning: X nul \\x00 behind$'
    count_in stderr 'X' 7
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
    file_has stderr 'warning: X \\x00\\x01.*~\\x7f\\u0080.*\\u009f.*žſ\\u202e\\u2066\\ud800$'
    file_has stderr ': X \\x00\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08\\t$'
    file_has stderr '!.*~\\x7f\\x80\\x81.*\\xfe\\xff$'
    file_has stderr ': X \\u202e\\u2028\\u009b\\ufeff$'
    run_x 0 bruco --log-format json app <<<one
    harmless stderr
    jq . stderr >/dev/null
    is_true -s 'map(select(.all)) | .[0].all | explode | length == 384 + 2 + 6' stderr
    is_true -s 'map(select(.traceback // "" | test("ValueError: X \u001b\\[31m \u202e"))) | length == 1' stderr
    is_true -s 'map(select(.message | test("!.*~"))) | length == 2' stderr
}

@test "a huge line and a huge traceback: the log shows their ends, and the records pass" {
    project <<'END'
import os, sys
def handle_event(context, data):
    os.write(2, b"X" * 3000000 + b"\033[31m\n")
    context.logger.warning("Y" * 3000000 + "\033[31m")
    try:
        raise ValueError("Z" * 3000000 + "\033[31m")
    except ValueError:
        context.logger.exception("what")
    return data
END
    run_x 0 bruco app < <(printf '%s\n' one two three)
    equals "$output" "$(printf '%s\n' one two three)"
    harmless stderr
    for letter in X Y Z; do
        file_has stderr "$letter{1000}"
    done
    (($(wc -c <stderr) < 3 * 9500000))
}

@test "a source or a sink that prints something else: shown as its warning" {
    project <<<'def handle_event(context, data): return data'
    # Programs of the same name that speak before they begin.
    mkdir own
    cp -r "$BRUCO_BIN" own/bin
    ln -s "${BRUCO_BIN%/*}/lib" own/lib
    for stage in source sink; do
        mv own/bin/bruco-$stage own/bin/real-$stage
        printf '#!/bin/sh\nprintf "X from %s \\033[31m\\nbruco: info: X forged\\n" >&2\nexec "%s" "$@"\n' \
            $stage "$PWD/own/bin/real-$stage" >own/bin/bruco-$stage
        chmod +x own/bin/bruco-$stage
    done
    run_x 0 own/bin/bruco app <<<one
    equals "$output" one
    harmless stderr
    for stage in source sink; do
        file_has stderr "bruco-$stage: warning: X from $stage \\\\x1b\[31m$"
        file_has stderr "bruco-$stage: warning: bruco: info: X forged$"
    done
    count_in stderr X 4
}

# A console that answers each request with the same line.
impostor() { # impostor SOCKET, the answer on standard input
    start_x impostor /usr/bin/python3 -c '
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
while True:
    client, _ = listener.accept()
    client.recv(65536)
    client.sendall(sys.argv[2].encode() + b"\n")
    client.close()
' "$1" "$(tr '\n' ' ')"
    wait_for 10 test -S "$1"
}

@test "texts that a console tells: no command hands them to the terminal as they are" {
    requires jq
    impostor socket <<'END'
{"name": "X\u001b[31m\nX", "state": "X\u009b", "why": "X\u202e", "up_s": 1, "running": true, "workers": 1,
 "left": ["X\u001b[2J"], "worker": "X\u001b", "pid": 5, "run": "X\u0007", "text": "X\u001b\n", "note": "X\u009b",
 "stages": [{"name": "X\u001b[1m", "pid": 5}], "lanes": [{"worker": 0, "run": "X\u001b", "state": "X\u0085"}],
 "partitions": [{"topic": "X\u001b]0;t\u0007\u2028", "partition": 1, "state": "X\u200f"}], "log": "X\u001b[0m\n"}
END
    for command in status "status --json" pause resume stack; do
        run_x 0 bruco $command --socket socket
        cat stdout stderr >both
        harmless both
        contains "$(<both)" X
    done
    run_x 0 bruco status --json --socket socket
    equals "$(jq -r '.partitions[0].topic | explode | join(" ")' stdout)" "88 27 93 48 59 116 7 8232"
    run_x 69 bruco reload --socket socket # it tells of the log only
    harmless stderr
    contains "$stderr" 'X\x1b[0m'
    stop_x impostor 143
    impostor refusing <<<'{"error": "X\u001b[31m\u009b", "status": 3}'
    for command in status reload pause stack "restart worker-0" "tap -n 1"; do
        run_x 3 bruco $command --socket refusing
        harmless stderr
        contains "$stderr" 'X\x1b[31m\u009b'
    done
    stop_x impostor 143
}
