#!/usr/bin/env bats
# The kind file as a source: what is read, from where, and that a kill of anything loses nothing.

load helpers
load driver

LIMIT=90

# A test that fails leaves no mount.
teardown() {
    common_teardown || { unmount; return 1; }
    unmount
}

unmount() {
    ! mountpoint -q "$BATS_TEST_TMPDIR/small" || umount "$BATS_TEST_TMPDIR/small"
}

# file_project [KEY: VALUE ...]: a folder `app` that copies in.log to topic `out`.
file_project() {
    [[ -n ${BROKERS:-} ]] || start_broker -t out:1
    mkdir -p app
    cat >app/config.yaml <<YAML
stateDirectory: ../state
shutdownTimeout: 10s
maxRestarts: 100
processor: {workers: 2}
source: {kind: file, path: ../in.log$(printf ', %s' "$@")}
sink: {kind: kafka, brokers: "$BROKERS", topic: out}
YAML
    cat >app/handler.py <<'PY'
def handle_event(context, data): return data
PY
}

# to_stdout [KEY: VALUE ...]: the same to standard output, without a handler.
to_stdout() {
    mkdir -p app
    cat >app/config.yaml <<YAML
stateDirectory: ../state
source: {kind: file, path: ../in.log$(printf ', %s' "$@")}
sink: {kind: lines}
YAML
}

start_follow() {
    start_x bruco bruco "$@" app
    wait_for 20 file_has bruco.err 'bruco: info: ready'
}

# What arrived, in the file `got`.
collect() {
    bruco-source -q -e kafka -b "$BROKERS" -t out -g "look$RANDOM$RANDOM" -o earliest | bruco-sink -q lines >got
}

arrived() { # arrived COUNT: so many different lines
    collect
    (($(sort -u got | wc -l) >= $1))
}

kill_stage() { # kill_stage NAME: if it runs; for wait_for
    local pids
    pids=$(stages "$1")
    [[ -n $pids ]] && kill -KILL $pids 2>/dev/null
}

wait_stdout() { # wait_stdout TEXT
    [[ $(<bruco.out) == "$1" ]]
}

@test "file: a file is read once, and from where it was left; its last line needs no end" {
    to_stdout 'follow: false'
    printf 'one\n\ntwo' >in.log
    run_x 0 bruco app
    equals "$output" $'one\n\ntwo'
    printf '\nthree\n' >>in.log
    run_x 0 bruco app
    equals "$output" $'\nthree'
    run_x 0 bruco app
    equals "$output" ''
    equals "$(stat -c %a state state/files)" $'700\n600'
}

@test "file: by hand it is the same; -e reads a file that is followed to its end, but for a line without an end" {
    to_stdout
    printf 'one\ntwo\nthr' >in.log
    bruco-source -e -c app | bruco-sink lines >out
    equals "$(<out)" $'one\ntwo'
    printf 'ee\n' >>in.log
    run_x 0 bruco -e app
    equals "$output" three
}

@test "file: the handler sees the file as the topic, and the byte where a record begins as the offset" {
    to_stdout 'format: json' 'follow: false'
    echo 'processor:' >>app/config.yaml
    cat >app/handler.py <<'PY'
def handle_event(context, data):
    e = context.event
    return [e.topic.rsplit("/", 1)[1], e.partition, e.offset, e.key and e.key.decode(), data.decode()]
PY
    printf '%s\n' '{"key": "k", "value": "v", "topic": "x", "offset": 7}' '{"value": "w"}' >in.log
    run_x 0 bruco app
    equals "$output" '["in.log", 0, 0, "k", "v"]
["in.log", 0, 54, null, "w"]'
}

@test "file: a line that is no JSON fails as onFailure says, and its place is named" {
    to_stdout 'format: json' 'follow: false'
    echo 'processor:' >>app/config.yaml
    echo 'def handle_event(context, data): return data' >app/handler.py
    printf '%s\n' '{"value": "v"}' 'nonsense' '{"value": "w"}' >in.log
    run_x 1 bruco app
    contains "$stderr" "/in.log[0]@15)"
    run_x 1 bruco app
    equals "$output" ''
    sed -i 's/^processor:/processor: {onFailure: skip}/' app/config.yaml
    run_x 0 bruco app
    equals "$output" w
}

@test "file: frames are read, and a file that is cut inside one ends with 65" {
    to_stdout 'format: frames' 'follow: false'
    printf 'a\nb\n' | bruco-source -q lines >in.log
    run_x 0 bruco app
    equals "$output" $'a\nb'
    rm -r state
    truncate -s -20 in.log
    run_x 65 bruco app
    contains "$stderr" 'truncated'
}

@test "file: a line is a record when its end has come, and each is read once" {
    to_stdout
    printf 'one\ntw' >in.log
    start_follow
    wait_for 10 wait_stdout one
    printf 'o\nthree' >>in.log
    wait_for 10 wait_stdout $'one\ntwo'
    printf '\n' >>in.log
    wait_for 10 wait_stdout $'one\ntwo\nthree'
    stop_x bruco
}

@test "file: latest begins behind the last line that is there, once; new files are read from their beginning" {
    to_stdout 'offset: latest'
    sed -i 's/in.log/*.log/' app/config.yaml
    printf 'old\nhal' >a.log
    start_follow
    printf 'f\n' >>a.log
    wait_for 10 wait_stdout half
    printf 'new\n' >b.log
    wait_for 10 wait_stdout $'half\nnew'
    stop_x bruco
    printf 'more\n' >>a.log
    start_follow
    wait_for 10 wait_stdout more
    stop_x bruco
}

places_are() { # a condition: so many files are remembered
    [[ $(grep -c 'in.log' state/files) == "$1" ]]
}

@test "file: rename and create: the old file is read to its end, and then the new one" {
    to_stdout
    touch in.log
    start_follow
    exec 8>>in.log
    echo 1 >&8
    mv in.log in.log.1
    echo 2 >&8
    : >in.log
    echo 3 >&8
    exec 8>&-
    wait_for 10 wait_stdout $'1\n2\n3'
    echo 4 >>in.log
    wait_for 10 wait_stdout $'1\n2\n3\n4'
    # a late one, and one that is never ended
    printf '5\n6' >>in.log.1
    wait_for 20 wait_stdout $'1\n2\n3\n4\n5\n6'
    wait_for 10 places_are 1
    stop_x bruco
    run_x 0 bruco -e app
    equals "$output" ''
    places_are 1
}

@test "file: copy and truncate: what comes afterwards is read from the beginning" {
    to_stdout
    seq 100 >in.log
    start_follow
    wait_for 10 lines_in bruco.out 100
    cp in.log in.log.1
    : >in.log
    wait_for 10 file_has bruco.err 'was truncated'
    seq 101 110 >>in.log
    wait_for 10 lines_in bruco.out 110
    # and one that has grown beyond its old length when it is looked at
    seq 1111 2110 >new && cat new >in.log
    wait_for 10 lines_in bruco.out 1110
    cmp bruco.out <(seq 110; seq 1111 2110)
    stop_x bruco
}

@test "file: what was renamed, and created anew, while nothing ran is read to its end first" {
    to_stdout
    seq 10 >in.log
    run_x 0 bruco -e app
    seq 11 20 >>in.log
    mv in.log in.log.1
    seq 21 30 >in.log
    run_x 0 bruco -e app
    cmp stdout <(seq 11 30)
    contains "$stderr" "is 'in.log.1' now"
}

@test "file: a file that has another's inode is not taken for it" {
    to_stdout 'follow: false'
    seq 10 >in.log
    run_x 0 bruco app
    seq 101 120 >other && cat other >in.log # the same inode, more bytes
    run_x 0 bruco app
    cmp stdout other
}

@test "file: by hand with paths: from their beginning, and with -g from where they were left" {
    export XDG_STATE_HOME=$PWD/home
    seq 3 >in.log
    seq 4 6 >other.log
    bruco-source -q -e file in.log other.log | bruco-sink -q lines | sort | cmp - <(seq 6)
    [[ ! -e home ]]
    for round in 1 2; do
        bruco-source -q -e -g mine file in.log | bruco-sink -q lines >"got$round"
        echo "more $round" >>in.log
    done
    cmp got1 <(seq 3)
    equals "$(<got2)" 'more 1'
    equals "$(bruco-source -q -e -o latest file in.log | bruco-sink -q lines)" ''
    echo '{"key": "k", "value": "v"}' >a.json
    bruco-source -q -e file --format json a.json | bruco-sink -q file -K out
    bruco-source -q -e file --format json a.json | bruco-sink -q file --format json "$PWD/out.json"
    equals "$(<out)" $'k\tv'
    is_true '.key == "k" and .value == "v"' out.json
    start_x source bruco-source -q file in.log
    wait_for 10 file_has source.out 'more 2'
    stop_x source
    run_x 64 bruco-source file
    run_x 64 bruco-source file -t x in.log
    run_x 64 bruco-source file -o 5 in.log
    run_x 64 bruco-source file --format xml in.log
    run_x 64 bruco-sink file a b
    run_x 64 bruco-sink -b x file a
}

@test "file: a second instance on the same state is refused in one line" {
    to_stdout
    touch in.log
    start_follow
    run_x 78 bruco app
    count_in stderr 'another instance uses the state in' 1
    stop_x bruco
}

@test "file: the state is kept only where no other user can change it" {
    to_stdout 'follow: false'
    touch in.log
    mkdir -m 777 state
    run_x 78 bruco app
    contains "$stderr" "others may write to"
    chmod 700 state
    echo junk >state/files
    run_x 78 bruco app
    contains "$stderr" "is not what a file source writes"
    rm -r state
    sed -i /stateDirectory/d app/config.yaml
    XDG_STATE_HOME=$PWD/home run_x 0 bruco app
    [[ -s home/bruco/app/files ]]
}

@test "file: a state that can't be written holds nothing up but the last commit" {
    [[ $(id -u) == 0 ]] || skip 'needs root'
    mkdir small
    mount -t tmpfs -o size=64k,mode=700 tmpfs small 2>/dev/null || skip 'needs mount(2)'
    to_stdout
    sed -i 's|\.\./state|../small/state|' app/config.yaml
    seq 10 >in.log
    start_follow
    wait_for 10 lines_in bruco.out 10
    wait_for 10 file_has small/state/files '^[0-9]+ [0-9]+ 21 '
    dd if=/dev/zero of=small/fill bs=1k status=none 2>/dev/null || true
    seq 11 20 >>in.log
    wait_for 10 lines_in bruco.out 20
    wait_for 10 file_has bruco.err "cannot write .*: No space left on device"
    rm small/fill
    wait_for 20 file_has bruco.err 'can be written again'
    stop_x bruco
    cmp bruco.out <(seq 20)
}

# ---- the sink

# sink_project [KEY: VALUE ...]: lines of in.log to the file `out`.
sink_project() {
    mkdir -p app
    cat >app/config.yaml <<YAML
stateDirectory: ../state
maxRestarts: 100
shutdownTimeout: 10s
source: {kind: file, path: ../in.log}
sink: {kind: file, path: ../out${1:+, $1}}
YAML
}

rotated() { # all that were moved away, and the file, in order
    cat $(ls out.2* 2>/dev/null) out
}

@test "file sink: records are appended, in each format, and can be read again" {
    for format in lines json frames; do
        rm -rf out state
        sink_project "format: $format"
        seq 5 >in.log
        run_x 0 bruco -e app
        seq 6 9 >>in.log
        run_x 0 bruco -e app
        mkdir -p back
        cat >back/config.yaml <<YAML
stateDirectory: ../state-back-$format
source: {kind: file, path: ../out, format: $format, follow: false}
sink: {kind: lines}
YAML
        run_x 0 bruco back
        cmp stdout <(seq 9)
    done
}

@test "file sink: what a crash has torn is cut off, and nothing else" {
    sink_project
    seq 3 >in.log
    printf 'whole\ntor' >out
    run_x 0 bruco -e app
    cmp out <(echo whole; seq 3)
    contains "$stderr" 'its 3 bytes are cut off'
    rm -r state
    sed -i 's/out}/out, format: frames}/' app/config.yaml
    seq 100 >out
    run_x 78 bruco -e app
    contains "$stderr" "has something else in it than frames"
    seq 4 | bruco-source -q lines >all
    for cut in 1 40 90; do
        head -c -$cut all >out
        rm -rf state
        run_x 0 bruco -e app
        contains "$stderr" 'are cut off'
        bruco-sink -q lines <out >lines
        cmp lines <(seq $((cut == 1 ? 4 : 3)); seq 3)
    done
}

@test "file sink: rotation by size, of which some are kept" {
    sink_project 'rotate: {size: 4KiB, keep: 3}'
    seq 10000 >in.log
    run_x 0 bruco -e app
    equals "$(ls out.2* | wc -l)" 3
    for file in out.2*; do
        (($(stat -c %s "$file") <= 4096 && $(stat -c %s "$file") > 4080))
    done
    rotated | cmp - <(seq 10000 | tail -n "$(rotated | wc -l)")
}

@test "file sink: rotation by time goes by the clock, also for what was written before" {
    sink_project 'rotate: {interval: 1h}'
    echo old >out
    touch -d '2 hours ago' out
    echo new >in.log
    run_x 0 bruco -e app
    equals "$(cat out.2*)" old
    equals "$(<out)" new
}

@test "file sink: a second instance that writes to the file is refused" {
    sink_project
    touch in.log
    start_follow
    sed 's|\.\./state|../other|' app/config.yaml >app/other.yaml
    run_x 78 bruco -c app/other.yaml
    contains "$stderr" 'another instance writes to'
    stop_x bruco
}

@test "file sink: a disk that is full is waited for, and nothing is torn or lost" {
    [[ $(id -u) == 0 ]] || skip 'needs root'
    mkdir small
    mount -t tmpfs -o size=64k,mode=700 tmpfs small 2>/dev/null || skip 'needs mount(2)'
    sink_project
    sed -i 's|\.\./out|../small/out|' app/config.yaml
    dd if=/dev/zero of=small/fill bs=1k count=32 status=none
    seq 20000 >in.log
    start_follow
    wait_for 20 file_has bruco.err "cannot write to .*: No space left on device"
    equals "$(tail -c 1 small/out | xxd -p)" "$([[ -s small/out ]] && echo 0a)"
    sleep 1 # the source commits every half second
    read -r _ _ offset _ < <(sed -n 2p state/files)
    ((offset <= $(stat -c %s small/out)))
    stop_x bruco 75
    rm small/fill
    mount -o remount,size=1m small
    start_follow
    wait_for 20 lines_in small/out 20000
    stop_x bruco
    cmp small/out <(seq 20000)
}

@test "file sink: a limit of the file's size is one, too" {
    sink_project
    seq 20000 >in.log
    bruco-source -q lines <in.log >frames
    start_x sink prlimit --fsize=50000 bruco-sink -c app <frames
    wait_for 20 file_has sink.err "cannot write to .*: File too large"
    kill_x sink KILL
    wait_x sink 137
    cmp out <(seq 20000 | head -n "$(wc -l <out)")
}

@test "file sink: kill -9 of all in turn, with rotation: no line is torn, none is lost" {
    sink_project 'rotate: {size: 64KiB}'
    : >in.log
    start_follow
    total=0
    done_to() {
        rotated | sort -un | wc -l | grep -qx "$total"
    }
    for victim in bruco-sink bruco-source bruco-worker bruco-sink driver bruco-sink bruco-source; do
        seq $((total + 1)) $((total + 30000)) >>in.log
        total=$((total + 30000))
        wait_for 30 file_has out .
        if [[ $victim == driver ]]; then
            kill_x bruco KILL
            wait_for 20 process_ended "$(<bruco.pid)"
            start_follow
        else
            wait_for 20 kill_stage "$victim"
        fi
    done
    wait_for 60 done_to
    stop_x bruco
    rotated | awk '!seen[$0]++' >first
    cmp first <(seq "$total")
}


@test "file: kill -9 of worker, source, sink and driver, with rotations of both kinds: nothing is lost" {
    file_project
    : >in.log
    start_follow
    total=0
    write() { # write COUNT
        seq $((total + 1)) $((total + $1)) >>in.log
        total=$((total + $1))
    }
    known() { # by the source, which a file that is renamed before never is
        file_has state/files "^[0-9]+ $(stat -c %i in.log) "
    }
    for round in 1 2; do
        for victim in bruco-worker bruco-source bruco-sink driver; do
            write 20000
            wait_for 30 known
            if [[ $victim == driver ]]; then
                kill_x bruco KILL
                wait_for 20 process_ended "$(<bruco.pid)"
                mv in.log "in.log.$round"
                write 500
                start_follow
            else
                wait_for 20 kill_stage "$victim"
                mv in.log "in.log.$round.$victim"
                write 500
            fi
        done
        wait_for 60 arrived "$total"
    done
    stop_x bruco
    collect
    awk '!seen[$0]++' got | sort -n >first
    cmp <(seq "$total") first
}

@test "file: kill -9 of all in turn, with files that are copied and truncated: what comes after that is not lost" {
    sink_project
    delivered() { sort -un out | wc -l | grep -qx "$total"; }
    : >in.log
    start_follow
    total=0
    write() { # write COUNT
        seq $((total + 1)) $((total + $1)) >>in.log
        total=$((total + $1))
    }
    round=0
    for victim in bruco-worker bruco-source driver bruco-sink; do
        write 3000
        wait_for 30 delivered # what is not delivered before a truncation is lost, see bruco.yaml(5)
        cp in.log "in.log.$((++round))"
        if [[ $victim == driver ]]; then
            kill_x bruco KILL
            wait_for 20 process_ended "$(<bruco.pid)"
            : >in.log
            write 2000
            start_follow
        else
            : >in.log
            write 2000
            wait_for 20 kill_stage "$victim"
        fi
        write 500
        wait_for 30 delivered
    done
    stop_x bruco
    sort -un out | cmp - <(seq "$total")
}
