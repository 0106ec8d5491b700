# bruco, with the kinds lines and discard, so that nothing but Bruco takes part: events and workers
# that take too long.

load helpers
load driver

# ---- deaths

# ---- events that take too long

@test "an event that takes too long is alarmed; the next attempt has a time of its own" {
    project 1 <<'END'
import os, time
def handle_event(context, data):
    if data == b'slow' and not os.path.exists('slept'):
        open('slept', 'x').close()
        time.sleep(1000)
    return data
END
    retrying 3 skip 500ms
    printf '%s\n' a slow b >input
    run_x 0 bruco app <input
    equals "$output" $'a\nslow\nb'
    count_in stderr 'bruco: warning: worker 0: an event takes longer than 500ms \(number 2 of its lane, attempt 1\)' 1
    file_lacks stderr 'killing the worker'
}

@test "a stopped worker is killed when its event takes too long; the others go on" {
    project 2 <<'END'
import os, signal
def handle_event(context, data):
    if data == b'stop' and not os.path.exists('stopped'):
        open('stopped', 'x').close()
        os.kill(os.getpid(), signal.SIGSTOP)
    return data
END
    retrying 3 skip 500ms
    start_bruco
    feed stop
    wait_for 20 file_has bruco.err 'worker ([01]): an event takes longer than 500ms'
    for number in 1 2 3 4 5; do # one by one, so that none need wait in the stopped lane
        feed "$number"
        wait_for 20 lines_in bruco.out "$number"
    done
    file_lacks bruco.err 'killing the worker'
    wait_for 20 file_has bruco.err \
        'worker ([01]): event [0-9]+ still runs 2s after its timeout, killing the worker'
    wait_for 20 file_has bruco.err \
        'worker [01] was killed for an event that took longer than 500ms, restarting'
    wait_for 20 lines_in bruco.out 6
    stop_x bruco
    equals "$(sort bruco.out | tr '\n' ' ')" '1 2 3 4 5 stop '
}

@test "a handler that takes no notice of its timeout is killed, its threads shown" {
    project 1 <<'END'
import time
def stubborn():
    while True:
        try:
            time.sleep(1000)
        except BaseException:
            pass
def handle_event(context, data):
    if data == b'2':
        stubborn()
    return data
END
    retrying 1 skip 200ms
    run_x 0 bruco app < <(seq 3)
    equals "$output" $'1\n3'
    file_has stderr 'bruco-worker-0: warning: .*line 5 in stubborn'
    contains "$stderr" 'worker 0 was killed for an event that took longer than 200ms, restarting'
    file_lacks stderr 'used up'
}

@test "events that never end cost attempts, not restarts" {
    project 2 <<'END'
import os, signal
def handle_event(context, data):
    if data in (b'3', b'5'):
        os.kill(os.getpid(), signal.SIGSTOP)
    return data
END
    retrying 2 skip 100ms
    set_key maxRestarts 1
    seq 8 >input
    run_x 0 bruco app <input
    same_lines <(seq 8 | grep -v '[35]') stdout
    count_in stderr 'was killed for an event that took longer than 100ms, restarting' 4
    count_in stderr 'bruco-sink: warning: .*the event ran longer than processor.timeout' 2
}

@test "a worker that waits, for input or for the sink, is not too slow" {
    project 1 <<'END'
def handle_event(context, data):
    return data * 1000
END
    retrying 3 skip 200ms
    mkfifo out
    exec 8<>out
    yes 12345678 | head -n 2000 >input # 16 MB: more than pipes hold
    in_session bruco app <input >out 2>stderr 8>&-
    local driver=$!
    wait_for 20 file_has stderr ready
    # Nothing moves in full pipes: time alone can show it.
    wait_for 10 time_is $((SECONDS + 2))
    file_lacks stderr 'takes longer'
    timeout 30 head -n 2000 <&8 >stdout
    exec 8>&-
    wait "$driver"
    equals "$(sort -u stdout | wc -l) $(wc -l <stdout)" '1 2000'
    file_lacks stderr 'takes longer'
}

# ---- a slow lane

@test "a stopped worker stops no other lane; when it goes on nothing is missing" {
    project 3 <<'END'
def handle_event(context, data):
    return context.worker_name + ' ' + data.decode()
END
    start_bruco
    local stopped=$(stages bruco-worker | head -n 1)
    kill -STOP "$stopped"
    for number in $(seq 30); do
        feed "$number"
        # One of them waits in the stopped lane.
        wait_for 20 lines_in bruco.out $((number - 1))
    done
    seq 31 100000 >&7
    # Each lane had its share at most.
    wait_for 30 lines_in bruco.out 66000
    equals "$(cut -d' ' -f1 bruco.out | sort -u | wc -l)" 2
    kill -CONT "$stopped"
    wait_for 30 lines_in bruco.out 100000
    equals "$(cut -d' ' -f1 bruco.out | sort -u | wc -l)" 3
    stop_x bruco
    cut -d' ' -f2 bruco.out >numbers
    same_lines <(seq 100000) numbers
}
