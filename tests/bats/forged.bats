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
import ctypes, os, struct, threading, time
from forge import *
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
    cp "$ROOT/tests/forge.py" "$ROOT/tests/frames.py" app
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

@test "an output for a record that is sent later, while its worker still lives" {
    hostile <<<'write(record(seq) + record(seq + 1))'
    start_bruco
    feed a b c d
    wait_for 20 count_in bruco.out . 4
    kill -STOP "$(<bruco.pid)" # it ends nobody now
    feed bad
    wait_for 20 file_has bruco.out forged
    feed e f g h
    wait_for 20 file_has bruco.out '^[e-h]$' # the other lane's
    sleep 0.3
    kill -CONT "$(<bruco.pid)"
    end_feed
    wait_x bruco 0
    equals "$(sort bruco.out | tr '\n' ' ')" "a b c d e f forged g h "
    equals "$(grep -c 'sent a bad frame' bruco.err)" 1
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
page_write($page)
os.abort()
END
        survives "worker-.: .*signal 6|killed by signal 6|signal 6"
    done
}

@test "a page that changes while it is read" {
    hostile <<'END'
def change():
    at = page()
    while True:
        for state in (1, 3, 2, 0, 2**32 - 1):
            page_write(state, 2**32 - 1, 2**63 + state, 2**63 - 1, 0, 2**64 - 1)
            ctypes.memmove(at + 40, os.urandom(2000), 2000) # retirement, counters, times
threading.Thread(target=change, daemon=True).start()
time.sleep(3)
os.abort()
END
    start_bruco
    feed a b c d
    wait_for 20 count_in bruco.out . 4
    feed bad
    wait_for 20 test -e app/done
    for _ in {1..20}; do # all who read it: status, stacks, the watchdog
        run_x 0 bruco status --json --socket "$(echo .run/bruco/*.sock)"
        is_true '.lanes | length == 2' stdout
    done
    feed e f g h
    wait_for 20 file_has bruco.err 'signal 6'
    wait_for 20 file_has bruco.out '^bad$'
    end_feed
    wait_x bruco 0
    equals "$(sort bruco.out | tr '\n' ' ')" "a b bad c d e f g h "
}

@test "a record for a topic that is not listed, and one whose headers give a reason of their own" {
    hostile <<'END'
write(record(seq, flags=1 | 2, topic=b"elsewhere", headers=[(b"bruco-error", b"forged reason")]))
os._exit(3)
END
    sed -i 's/ordering: none/ordering: none, onFailure: skip/' app/config.yaml
    start_bruco
    feed a b c d
    wait_for 20 count_in bruco.out . 4
    feed bad
    wait_for 20 file_has bruco.err 'ended with status 3'
    feed e f g h
    end_feed
    wait_x bruco 0
    equals "$(sort bruco.out | tr '\n' ' ' | sed 's/bad //; s/forged //')" "a b c d e f g h "
    file_lacks bruco.err "forged reason"
}

# every_life: the worker that gets "bad" forges then, and as soon as it begins in each further life
every_life() {
    hostile <<'END'
with open("done", "w") as file:
    file.write(context.worker_name)
write(mark(2**64 - 1, seq))
END
    cat >>app/handler.py <<'END'
def init_context(context):
    if os.path.exists("done") and open("done").read() == context.worker_name:
        write(mark(2**64 - 1, 1))
        time.sleep(60)
END
}

@test "a worker that forges in each of its lives uses up the restarts, and is named" {
    every_life
    set_key maxRestarts 4
    start_bruco
    feed a b c d
    wait_for 20 count_in bruco.out . 4
    feed bad
    wait_x bruco 75
    local forger honest
    forger=$(<app/done) forger=${forger#worker-}
    honest=$((1 - forger))
    file_has bruco.err "bruco-sink: error: worker $forger sent a bad frame: end mark covers too many inputs"
    equals "$(grep -c "bruco: warning: worker $forger sent an invalid frame, killing it" bruco.err)" 6 # the first one was the event's attempt
    equals "$(tail -n 1 bruco.err | cut -d' ' -f2-)" "bruco: error: 4 restarts in 60 s are used up: worker $forger was killed by signal 9 (SIGKILL)"
    file_lacks bruco.err "worker $honest (sent|was|ended)"
    end_feed
}

@test "a worker that forges in each of its lives: nothing of what Kafka gave is lost" {
    kafka_project 2
    cp app/config.yaml kafka.yaml
    every_life
    cp kafka.yaml app/config.yaml
    set_key maxRestarts 3
    printf '%s\n' {1..20} bad {22..40} | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t "$TOPIC"
    run_x 75 bruco app
    cp stdout all
    contains "$stderr" "sent an invalid frame, killing it"
    # Mended, it goes on where the forger stood.
    sed -i '/^def init_context/,$d' app/handler.py
    run_x 0 bruco -e app
    cat stdout >>all
    # Nothing lost, nothing invented; what the other lane did beyond "bad" may come twice.
    equals "$(sort -n all | uniq | tr '\n' ' ')" "bad $(echo {1..20} {22..40}) "
}
