# bruco dev: a configuration on a broker of its own, piped, with edits while it runs, and in a terminal.

load helpers

# project [LINE ...]: a folder `app`: a handler from standard input, a configuration for a Kafka that is
# nowhere, with these lines more.
project() {
    mkdir -p app
    cat >app/handler.py
    printf '%s\n' 'name: app' "processor: {retry: {attempts: 1}${ON_FAILURE:+, onFailure: $ON_FAILURE}}" \
        'source: {kind: kafka, brokers: [kafka.invalid:9092], topics: [in], consumerGroup: app}' \
        'sink: {kind: kafka, brokers: [kafka.invalid:9092], topic: out}' "$@" >app/config.yaml
}

shout() {
    project "$@" <<'PY'
def handle_event(context, data):
    return data.upper()
PY
}

# start_dev [argument ...]: with an input that stays open; `type_line` writes to it.
start_dev() {
    rm -f typed
    mkfifo typed
    start_x dev bruco dev "$@" app <>typed
    exec {typing}>typed
}

type_line() {
    printf '%s\n' "$1" >&"$typing"
}

# The handler becomes what is on standard input, in one step.
edit_handler() {
    cat >app/handler.new
    mv app/handler.new app/handler.py
}

out_is() { # for wait_for
    [[ $(<dev.out) == "$1" ]]
}

# All that dev has started and that still runs, by the parents.
children_of() {
    pgrep -P "$1" | while read -r pid; do
        echo "$pid"
        children_of "$pid"
    done
}

all_ended() {
    local pid
    for pid; do
        process_ended "$pid" || return
    done
}

@test "dev shows what the handler makes of piped lines, in their order, and ends with 0" {
    shout
    run_x 0 bruco dev app < <(seq -f 'line %g' 500)
    equals "$output" "$(seq -f 'out: LINE %g' 500)"
    equals "$stderr" ""
    run_x 0 bruco dev -c app/config.yaml < <(printf 'no newline')
    equals "$output" "out: NO NEWLINE"
}

@test "an input that is at its end at once: dev stops a pipeline that has hardly begun, and ends with 0" {
    shout
    for _ in {1..40}; do # one in a dozen is stopped before it listens for signals
        run_x 0 bruco dev app </dev/null
        equals "$output$stderr" ""
    done
}

@test "dev -K takes key, tab, value; a line without a tab is left out" {
    shout
    run_x 0 bruco dev -K app < <(printf 'k\tone\nbad\n\tempty key\nk 2\ttwo\tthree\n')
    equals "$output" $'out [k]: ONE\nout []: EMPTY KEY\nout [k 2]: TWO\\tTHREE'
    contains "$stderr" "a line without a tab is left out"
}

@test "dev shows headers and null values, and no control character of a record" {
    project <<'PY'
from bruco import Message

def handle_event(context, data):
    if data == b"gone":
        return Message(None, key="k")
    return Message(data + b"\x1b[31m\r\xff\xc2\x9b", key=b"k\x07", headers=[("a", "1"), ("b", b"\x00"), ("a", None)])
PY
    run_x 0 bruco dev app < <(printf 'gone\n\xc3\xa4\n')
    equals "${lines[0]}" 'out [k]: (null)'
    equals "${lines[1]}" 'out [k\x07] {a: 1, b: \x00, a: (null)}: ä\x1b[31m\r\xff\u009b'
    equals "${#lines[@]}" 2
}

@test "dev shows dead letters with the error, and goes on" {
    ON_FAILURE=deadLetter project 'deadLetter: {kind: kafka, brokers: [kafka.invalid:1], topic: letters}' <<'PY'
def handle_event(context, data):
    if data == b"bad":
        raise ValueError("no good")
    return data
PY
    run_x 0 bruco dev app < <(printf 'a\nbad\nb\n')
    equals "$(grep ^out <stdout)" $'out: a\nout: b'
    contains "$(grep ^letters <stdout)" "no good"
    [[ $(grep ^letters <stdout) == *"}: bad" ]]
    equals "${#lines[@]}" 3
}

@test "dev ends although a handler has filtered everything" {
    project <<'PY'
def handle_event(context, data):
    return data if data == b"good" else None
PY
    run_x 0 bruco dev app < <(printf 'bad\nworse\n')
    equals "$output" ""
    run_x 0 bruco dev app < <(printf 'bad\ngood\nworse\n')
    equals "$output" "out: good"
}

@test "dev ends with 1 when a piped record fails, and shows what came before" {
    project <<'PY'
def handle_event(context, data):
    return 1 // int(data)
PY
    run_x 1 bruco dev app < <(printf '1\n0\n1\n')
    equals "$output" "out: 1"
    contains "$stderr" "ZeroDivisionError"
}

@test "dev drops what is about a real Kafka: security, variables of brokers; and takes the first topic" {
    mkdir app
    cat >app/handler.py <<'PY'
def handle_event(context, data):
    return context.event.topic
PY
    cat >app/config.yaml <<'YAML'
processor: {}
source:
  kind: kafka
  brokers: ["${NO_SUCH_BROKER}:9092"]
  topics: [one, two]
  consumerGroup: g
  offset: latest
  properties:
    security.protocol: sasl_ssl
    sasl.username: me
    sasl.password: ${NO_SUCH_PASSWORD}
    sasl.mechanisms: PLAIN
    ssl.ca.location: /no/such/file
    session.timeout.ms: 6000
sink: {kind: kafka, brokers: [x:1], topic: "${NO_SUCH_TOPIC:-out}", partition: 2, properties: {security.protocol: ssl, ssl.ca.location: /none}}
YAML
    run_x 0 bruco dev app < <(echo x)
    equals "$output" "out: one"
    contains "$stderr" "the variable 'NO_SUCH_PASSWORD' is not set"
    contains "$stderr" "goes to 'one', the first of 2 source topics"
    [[ $stderr != *NO_SUCH_TOPIC* ]]
}

@test "dev passes more through than the broker keeps, and drops nothing" {
    project <<'PY'
def handle_event(context, data):
    return data[:20]
PY
    /usr/bin/python3 -c 'for i in range(1500): print(f"{i:05} " + "x" * 10000)' >input
    run_x 0 bruco dev app <input
    equals "$(cut -c 1-11 <stdout)" "$(seq -f 'out: %05.0f ' 0 1499)"
    equals "$stderr" ""
}

@test "dev says what it can't do" {
    lines_project '{}' <<<'handle_event = print'
    run_x 78 bruco dev app
    contains "$stderr" "app/config.yaml:2:1: source.kind is 'lines', which needs no broker: use 'bruco run' instead of 'bruco dev'"
    shout 'typo: 1'
    run_x 78 bruco dev app
    contains "$stderr" "unknown key 'typo'"
    run_x 64 bruco dev app app
    run_x 64 bruco dev --nosuch app
    shout
    sed -i 's/^sink:.*/sink: {kind: lines}/' app/config.yaml
    run_x 0 bruco dev app < <(echo a)
    equals "$output" "A"
    contains "$stderr" "sink.kind is 'lines' and stays so"
}

@test "dev dies by SIGPIPE when nobody reads its output" {
    shout
    run_x 141 bash -c 'set -o pipefail; for n in {1..100}; do echo $n; sleep 0.2; done | bruco dev app | head -n 1'
    equals "$output" "out: 1"
}

@test "an edit of the handler reloads, nothing is lost or repeated; a broken edit is told and not taken" {
    shout
    start_dev
    type_line one
    wait_for 20 out_is "out: ONE"
    edit_handler <<<'def handle_event(context, data): return data + b" new"'
    wait_for 20 file_has dev.err "info: reloaded"
    type_line two
    wait_for 20 out_is $'out: ONE\nout: two new'
    edit_handler <<<'def handle_event(context, data) return'
    wait_for 20 file_has dev.err "the edit is not taken, the pipeline runs on as it was"
    contains "$(<dev.err)" SyntaxError
    type_line three
    wait_for 20 out_is $'out: ONE\nout: two new\nout: three new'
    edit_handler <<<'import no_such_module'
    wait_for 20 file_has dev.err "No module named 'no_such_module'"
    mkdir app/package
    edit_handler <<<'def handle_event(context, data): return data + b" last"'
    type_line four
    exec {typing}>&-
    wait_for 20 file_has dev.out "four"
    stop_x dev
    equals "$(wc -l <dev.out)" 4
}

@test "an edit of the configuration reloads, with new topics; a mistake is told and not taken" {
    shout
    start_dev
    type_line one
    wait_for 20 out_is "out: ONE"
    sed -i 's/topic: out/topic: other/; s/topics: \[in\]/topics: [in2]/' app/config.yaml
    wait_for 20 file_has dev.err "info: reloaded"
    type_line two
    wait_for 20 out_is $'out: ONE\nother: TWO'
    cp app/config.yaml good
    echo 'typo: 1' >>app/config.yaml
    wait_for 20 file_has dev.err "the edit is not taken, the pipeline runs on as it was"
    contains "$(<dev.err)" "unknown key 'typo'"
    type_line three
    wait_for 20 out_is $'out: ONE\nother: TWO\nother: THREE'
    stop_x dev
}

@test "INT and TERM end dev and all its children, after the outputs of what was taken" {
    project <<'PY'
import time

def handle_event(context, data):
    time.sleep(0.3)
    return data
PY
    for signal in INT TERM; do
        start_dev
        type_line one
        wait_for 20 out_is "out: one"
        type_line two
        wait_for 20 eval '[[ $(children_of "$(<dev.pid)" | wc -l) -ge 6 ]]'
        mapfile -t children < <(children_of "$(<dev.pid)")
        kill_x dev "$signal"
        wait_x dev 0
        wait_for 5 all_ended "${children[@]}"
    done
}

@test "nothing is left of dev when it is killed" {
    shout
    start_dev
    type_line one
    wait_for 20 out_is "out: ONE"
    mapfile -t children < <(children_of "$(<dev.pid)")
    ((${#children[@]} >= 6))
    kill_x dev KILL
    wait_for 5 all_ended "${children[@]}"
}

# ---- in a terminal

screen() {
    tmux -S "$BATS_TEST_TMPDIR/tmux" capture-pane -p -e -t dev
}

screen_has() {
    screen | sed 's/\x1b\[[0-9;]*m//g' | grep -qE -- "$1"
}

keys() {
    tmux -S "$BATS_TEST_TMPDIR/tmux" send-keys -t dev "$@"
}

# In a terminal of 100 columns; what it ends with is then in the file `ended`.
dev_in_terminal() {
    env -u NO_COLOR tmux -S "$BATS_TEST_TMPDIR/tmux" -f /dev/null new-session -d -s dev -x 100 -y 30 \
        "env $1 bruco dev app; echo \$? >ended; exec sleep 100"
    wait_for 20 screen_has "ready: type a line for topic 'in'"
}

end_terminal() {
    tmux -S "$BATS_TEST_TMPDIR/tmux" kill-server
}

@test "in a terminal: a line is typed, the answer appears in colour, an edit is taken, Ctrl-D ends it" {
    requires tmux
    shout
    dev_in_terminal
    keys 'hello' Enter
    wait_for 20 screen_has '^out: HELLO'
    contains "$(screen)" $'\e[36mout\e[39m: HELLO'
    edit_handler <<<'def handle_event(context, data): return 1 // int(data)'
    wait_for 20 screen_has 'info: reloaded'
    keys '0' Enter
    wait_for 20 screen_has 'the pipeline has ended \(status 1\); an edit starts it again'
    edit_handler <<<'def handle_event(context, data): return data + b" again"'
    wait_for 20 screen_has '^out: 0 again'
    keys 'bye' Enter
    wait_for 20 screen_has '^out: bye again'
    keys C-d
    wait_for 20 file_has ended '^0$'
    end_terminal
}

@test "in a terminal: Ctrl-C ends it, NO_COLOR is respected" {
    requires tmux
    shout
    dev_in_terminal NO_COLOR=1
    keys 'hello' Enter
    wait_for 20 screen_has '^out: HELLO'
    ! screen | grep -q $'\e' || return 1
    keys C-c
    wait_for 20 file_has ended '^0$'
    end_terminal
}
