# Functions for tests of bruco-worker, beside those of helpers.bash.

# handler <<'EOF' ...: the handler of this test
handler() {
    cat >"${1:-handler.py}"
}

frames() {
    python3 "$ROOT/tests/frames.py" "$@"
}

identity() {
    handler <<'END'
def handle_event(context, data):
    return data
END
}

driven() {
    run_x 0 python3 "$ROOT/tests/driven.py" "$@"
}

# Fails on b"bad" until there is a file `mended`.
fails() {
    handler <<'END'
import os
def handle_event(context, data):
    if data.startswith(b"bad") and not os.path.exists("mended"):
        raise ValueError("no " + data.decode())
    return b"<" + data + b">"
END
}

# retrying [SETTING ...]: config.yaml for it, with pauses of 1 ms
retrying() {
    printf '%s\n' 'processor:' "  handlerPath: '$PWD'" \
        '  retry: {attempts: 3, backoff: 1ms}' "${@/#/  }" >config.yaml
}

# What the log has to say of records, with the pauses as N.
log_of() {
    sed -nE 's/^[-0-9T:.]*Z //; s/(retrying in )[0-9]+m?s/\1N/; /record|\[/p' stderr
}

# results EXPRESSION ...: each is returned for one event; the output's values are in $output
results() {
    printf '%s\n' "$@" >expressions
    handler <<'END'
import dataclasses, datetime, decimal, enum, io, uuid

class Colour(enum.Enum):
    RED = "red"

class Level(enum.IntEnum):
    HIGH = 3

@dataclasses.dataclass
class Point:
    x: int
    when: object

def handle_event(context, data):
    return eval(data.decode(), globals(), {"data": data})
END
    python3 - "$@" >in <<END
import sys
sys.path.insert(0, "$ROOT/tests")
import frames
for seq, text in enumerate(sys.argv[1:], 1):
    sys.stdout.buffer.write(frames.record(seq, text.encode(), key=b"k", topic="t"))
END
    run_x 0 bruco-worker <in
    output=$(frames values <stdout)
}
