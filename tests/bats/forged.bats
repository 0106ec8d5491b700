#!/usr/bin/env bats
# A worker that is not to be believed: what it writes into its pipes, its page and its socket by itself. Its
# own life ends for it; the other lane's records all come out, and the pipeline goes on.

load helpers
load driver
load pipelines

# hostile: a project with two workers. One forges, as Python on standard input says, while it has the record
# "bad", which its successor answers as any other. `seq` is the number of "bad" in its lane.
hostile() {
    rm -rf app feed.pipe
    project 2 <<END
import ctypes, os, re, socket, struct, time
def head(kind, flags, seq, length, attempt=0, check=None):
    words = struct.pack("<2sBBHHI", b"Br", 1, kind, flags, attempt, length)
    mix = (int.from_bytes(words[:8], "little") * 0x9e3779b97f4a7c15) & (2**64 - 1)
    mix = ((mix ^ mix >> 32 ^ length) * 0xbf58476d1ce4e5b9) & (2**64 - 1)
    mix = ((mix ^ mix >> 29 ^ seq) * 0x94d049bb133111eb) & (2**64 - 1)
    return words + struct.pack("<IQ", mix >> 32 if check is None else check, seq)
def mark(seq, first):
    return head(2, 1, seq, 32) + struct.pack("<Q", first)
def record(seq, value=b"forged", kind=1, flags=1, topic=b"", headers=(), attempt=0, key=-1, more=0, partition=-1,
           offset=-1):
    packed = b"".join(struct.pack("<Ii", len(n), len(v)) + n + v for n, v in headers)
    length = 64 + len(topic) + len(packed) + len(value)
    return (head(kind, flags, seq, length + more, attempt) +
            struct.pack("<qqiIiiII", offset, -1, partition, len(topic), key, len(value), len(headers), len(packed)) +
            topic + packed + value)
OUT, CONTROL = 67, 64 # found by hand
def send(data, fds=()):
    with socket.socket(fileno=os.dup(CONTROL)) as control:
        control.setblocking(True)
        return socket.send_fds(control, [data], fds)
def message(kind, **fields): # as messages.h has it
    return struct.pack("<IIIIIIIiIIQIIQQQ", kind, 0, 0, 0, 0, 0, 0, 0, fields.get("depth", 0), 0,
                       fields.get("seq", 0), 0, fields.get("attempt", 0), 0, 0, 0)
def write(data):
    while data:
        data = data[os.write(OUT, data):]
seq = 0
def attack(context):
$(sed 's/^/    /')
def handle_event(context, data):
    global seq
    seq += 1
    if data == b"bad" and not os.path.exists("done"):
        with open("done", "w"):
            pass
        attack(context)
        time.sleep(60)
    return data
END
}

# The records around "bad" come out once each, and that worker ended for what WARNING says.
survives() { # survives WARNING
    start_bruco
    feed a b c d
    wait_for 20 count_in bruco.out . 4
    feed bad e f g h
    wait_for 20 file_has bruco.err "$1"
    wait_for 20 file_has bruco.out '^bad$'
    feed i j k l
    end_feed
    wait_x bruco 0
    equals "$(sort bruco.out | tr '\n' ' ')" "a b bad c d e f g h i j k l "
    file_has bruco.err 'summary: in 13, out 13, .*restarts 1,'
}

bad_frame() { # bad_frame WHY
    survives "bruco-sink: error: worker . sent a bad frame: $1"
}

@test "an end mark beyond what was sent" {
    hostile <<<'write(mark(seq + 50, seq))'
    bad_frame "answer to an input that was not given"
}

@test "an output for a record that was not sent" {
    hostile <<<'write(record(seq) + record(seq + 1))'
    start_bruco
    feed a b c d
    wait_for 20 count_in bruco.out . 4
    feed bad
    wait_for 20 file_has bruco.err "worker . sent a bad frame: answer to an input that was not given"
    feed e f g h
    end_feed
    wait_x bruco 0
    equals "$(sort bruco.out | tr '\n' ' ')" "a b c d e f forged g h "
}

@test "an end mark over all numbers, and one over twenty million" {
    hostile <<<'write(mark(2**64 - 1, seq))'
    bad_frame "end mark covers too many inputs"
    hostile <<<'write(mark(seq + 20000000, seq))'
    bad_frame "end mark covers too many inputs"
}

@test "lengths that lie" {
    hostile <<<'write(record(seq, more=10) + b"x" * 10)'
    bad_frame "lengths in the frame don't add up"
    hostile <<<'write(head(1, 1, seq, 2**32 - 1) + b"x" * 100)'
    bad_frame "frame is larger than maxRecordSize"
    hostile <<<'write(head(1, 1, seq, 24) + b"x" * 100)'
    bad_frame "frame length is too small"
}

@test "bytes that are no frame, a wrong check, a record twice, a flag of the source's" {
    hostile <<<'write(bytes(1000))'
    bad_frame "not a frame"
    hostile <<<'write(head(2, 1, seq, 24, check=1))'
    bad_frame "damaged frame header"
    hostile <<<'write(head(2, 1, seq - 1, 24))'
    bad_frame "sequence number is not the next one"
    hostile <<<'write(record(seq, flags=1 | 4))'
    bad_frame "flag that only the source may set"
}

@test "outputs without end for one record" {
    hostile <<'END'
part = record(seq, bytes(1 << 20), flags=0)
try:
    while True:
        write(part)
except OSError:
    pass
END
    bad_frame "too many outputs of one input"
}

@test "a control socket that is used by somebody else" {
    for attack in 'send(b"hello")' 'send(bytes(100000))' 'send(message(6))' 'send(message(7))' 'send(message(99))' \
        'send(message(5, depth=2**31) * 2)' 'send(message(11), [0])' 'send(message(11), [0] * 200)'; do
        hostile <<<"$attack"
        survives "bruco: warning: bruco-worker-. sent an invalid message, killing it"
    done
}

@test "descriptors with an empty message: none is left with the driver" {
    hostile <<'END'
for _ in range(100):
    send(b"", [0] * 8)
END
    start_bruco
    feed a b
    wait_for 20 count_in bruco.out . 2
    before=$(ls "/proc/$(<bruco.pid)/fd" | wc -l)
    feed bad
    wait_for 20 file_has bruco.out '^bad$'
    file_has bruco.err "bruco-worker-. sent an invalid message, killing it"
    as_many_open() { [[ $(ls "/proc/$(<bruco.pid)/fd" | wc -l) == "$1" ]]; }
    wait_for 20 as_many_open "$before"
    end_feed
    wait_x bruco 0
}

@test "a flood on the control socket keeps nobody waiting" {
    hostile <<'END'
flood = message(12, seq=seq, attempt=1)
until = time.monotonic() + 5
while time.monotonic() < until:
    send(flood)
os._exit(3)
END
    start_bruco
    feed a b c d
    wait_for 20 count_in bruco.out . 4
    feed bad
    wait_for 20 test -e app/done
    run_x 0 bruco status --socket "$(echo .run/bruco/*.sock)"
    wait_for 20 file_has bruco.err 'ended with status 3'
    wait_for 20 file_has bruco.out '^bad$'
    end_feed
    wait_x bruco 0
    equals "$(sort bruco.out | tr '\n' ' ')" "a b bad c d "
}

@test "a page that lies, at the worker's death" {
    # state, attempt, seq, since, first, last
    for page in '1, 2**32 - 1, 2**64 - 1, 0, 0, 0' '3, 0, 1, 0, 0, 2**64 - 1' '3, 7, 1, 0, 2**64 - 1, 0' \
        '2**32 - 1, 1, 1, 2**63 - 1, 1, 1' '0, 9, 3, 0, 0, 0'; do
        hostile <<END
with open("/proc/self/maps") as maps:
    at = next(int(line.split("-")[0], 16) for line in maps if "memfd:bruco-page" in line)
ctypes.memmove(at, struct.pack("<IIQqQQ", *(value & 2**64 - 1 for value in ($page))), 40)
os.abort()
END
        survives "worker-.: .*signal 6|killed by signal 6|signal 6"
    done
}
