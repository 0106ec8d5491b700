# bruco top: a running pipeline, live, in a terminal.

load helpers
load pipelines

teardown() {
    tmux -S "$BATS_TEST_TMPDIR/tmux" kill-server 2>/dev/null || true
    common_teardown
}

# pipeline PARTITIONS [processor line ...]: from topic `in` to `out`, started, with the handler on standard
# input.
pipeline() {
    requires tmux
    cat >handler.py
    start_broker -t "in:$1" -t out </dev/null
    kafka_config "${@:2}"
    echo 'name: orders' >>config.yaml
    start_x bruco bruco -c config.yaml </dev/null
    wait_for 20 ready bruco
}

pass_on_slowly() {
    cat <<'PY'
import time

def handle_event(context, data):
    time.sleep(0.005)
    return data
PY
}

records() { # records COUNT
    kafka-fill -b "$BROKERS" -t in -n "$1" >/dev/null
}

# ---- the terminal

in_tmux() {
    tmux -S "$BATS_TEST_TMPDIR/tmux" "$@"
}

# Until it is gone: the next one may find it dying.
end_tmux() {
    in_tmux kill-server
    wait_for 10 no_tmux
}

no_tmux() { # a condition
    ! in_tmux list-sessions >/dev/null 2>&1
}

# in_terminal COLUMNS ROWS COMMAND: what it ends with is then in the file `ended`, and how the terminal was
# before and after it in the files `before` and `after`.
in_terminal() {
    rm -f ended before after
    in_tmux -f /dev/null new-session -d -s top -x "$1" -y "$2" \
        "stty -a >before; echo shell before; $3; echo \$? >ended; stty -a >after; echo shell after; exec sleep 1000"
}

top_in() { # top_in COLUMNS ROWS [OPTION ...]
    in_terminal "$1" "$2" "bruco top ${*:3} -c config.yaml"
    wait_for 20 screen_has "records/s|handler|bottleneck" || { screen; false; }
}

screen() {
    in_tmux capture-pane -p -t top
}

screen_has() {
    screen | grep -qE -- "$1"
}

shows() { # what screen_has says, but not as a condition for wait_for
    screen_has "$1" || {
        screen
        echo "lacks: $1"
        return 1
    }
}

screen_lacks() {
    ! screen_has "$1"
}

# The number of the row that has this first.
row_of() {
    screen | grep -nE -m1 -- "$1" | cut -d: -f1
}

keys() {
    in_tmux send-keys -t top "$@"
}

# The terminal is that of the shell again: its text, its settings.
ended_with() { # ended_with STATUS
    wait_for 10 file_has ended . || return
    equals "$(<ended)" "$1"
    wait_for 10 screen_has '^shell after'
    shows '^shell before'
    screen_lacks 'bottleneck:'
    diff before after
    equals "$(in_tmux display-message -p -t top '#{alternate_on}#{cursor_flag}')" 01
}

@test "top shows rates, charts, stages, workers and partitions as they are, and the handler as the bottleneck" {
    pipeline 4 'workers: 2' < <(pass_on_slowly)
    records 20000
    top_in 120 40
    wait_for 20 screen_has '^orders: running for [0-9ms]+, ready'
    wait_for 30 screen_has '^bottleneck: handler: 2 of 2 workers busy \([0-9]+ % of the time\), 2 lanes full'
    wait_for 20 screen_has '^in [0-9.]+k?/s +out [1-9][0-9]*/s +lag [0-9.]+k .*failed 0/s +in flight [1-9][0-9]* +handler 5\.[0-9]+ ms'
    shows '^records/s [0-9]+, most [0-9]+ +lag [0-9.]+k, most [0-9.]+k +handler 5\.[0-9]+ ms, most [0-9.]+ ms'
    wait_for 20 screen_has '⣿'
    shows "^bruco-source +$(stage_of bruco bruco-source) +[0-9]+ % +[0-9.]+ MB +1  ready"
    shows "^bruco-sink +$(stage_of bruco bruco-sink) "
    shows '^0 +open +[0-9]+/[1-9][0-9]* +[1-9][0-9]* +[0-9]+ %  running event [0-9]+ for [0-9.]+ (ms|us|s)'
    equals "$(screen | grep -cE '^in +[0-3] +[0-9.]+k? .*(moving|waits for worker [01])')" 4
    keys q
    ended_with 0
    stop_x bruco
}

@test "top at the end of its input, with failures, and what is in the totals" {
    pipeline 2 'onFailure: skip' 'retry: {attempts: 2, backoff: 1ms}' <<'PY'
def handle_event(context, data):
    if context.event.offset == 3:
        raise ValueError("bad")
    return None if context.event.offset == 4 else data
PY
    records 500
    top_in 100 30
    wait_for 20 screen_has '^bottleneck: no input: all records are done \(lag 0\)'
    wait_for 20 screen_has '^in 0/s +out 0/s +lag 0 \(0 s\) +failed 0/s +in flight 0'
    shows '^total: in 500, out 496, failed 2, filtered 2, skipped 2, retried 2'
    shows '^in +0 +0 +0 s +0  at the end'
    shows '^0 +open +0/[0-9]+ +[0-9]+ +[0-9]+ %  idle'
    stop_x bruco
}

@test "top's bottleneck is the sink's broker when that takes no more" {
    requires tmux
    kafka_topics 2
    local kafka=$BROKERS
    pass_on
    kafka_config 'workers: 2'
    sed -i "s/topics: .in., consumerGroup: g/topics: [$IN], consumerGroup: $GROUP/" config.yaml
    # Nobody is there who could acknowledge, and the source's broker is another one.
    start_broker -t out
    sed -i "s/^sink:.*/sink: {kind: kafka, brokers: [\"$BROKERS\"], topic: out}/" config.yaml
    echo 'name: orders' >>config.yaml
    start_x bruco bruco -c config.yaml
    wait_for 30 ready bruco
    kill_x broker STOP
    BROKERS=$kafka
    fill 100000
    top_in 100 30
    wait_for 40 screen_has "^bottleneck: sink's broker: [0-9]+ outputs? waits? for its acknowledgement, workers wait"
    kill_x broker CONT
    wait_for 40 screen_has '^bottleneck: no input'
    stop_x bruco
}

@test "top on 40 by 10: what has no room is scrolled to, in the order of lag or topic; resizing" {
    pipeline 12 < <(pass_on_slowly)
    records 3000
    top_in 40 10
    wait_for 20 screen_has '^bruco-source'
    wait_for 10 screen_has '^in [0-9]+/s'
    shows '^q quit .* lines 1-[1-9]'
    equals "$(screen | wc -l)" 10
    keys End
    wait_for 10 screen_has '^in +[0-9]+ +[0-9]+ '
    screen_lacks '^bruco-source'
    keys Home
    wait_for 10 screen_has '^bruco-source'
    keys Down
    wait_for 10 screen_lacks '^STAGE'
    shows '^bruco-source'
    keys Up
    wait_for 10 screen_has '^STAGE'
    keys NPage
    wait_for 10 screen_lacks '^bruco-source'
    keys PPage
    wait_for 10 screen_has '^bruco-source'
    keys Tab
    wait_for 10 screen_has '^WORKER +LANE'
    keys Tab
    wait_for 10 screen_has '^TOPIC +PART'
    screen_lacks '^WORKER'
    keys Tab
    wait_for 10 screen_has '^STAGE'
    in_tmux resize-window -t top -x 110 -y 45
    wait_for 10 screen_has '^q quit  s order: lag  h help  lines 1-21 of 21'
    wait_for 60 screen_has '^bottleneck: no input'
    records 200 # a lag of any partition
    wait_for 20 lags_descend
    keys s
    wait_for 10 screen_has 's order: topic'
    equals "$(screen | grep -E '^in +[0-9]+ ' | awk '{ print $2 }' | paste -sd ' ')" "$(seq 0 11 | paste -sd ' ')"
    in_tmux resize-window -t top -x 12 -y 2
    wait_for 10 screen_has '^q quit'
    in_tmux resize-window -t top -x 40 -y 10
    wait_for 10 screen_has '^bruco-source'
    keys q
    ended_with 0
    stop_x bruco
}

lags_descend() {
    local lags
    lags=$(screen | grep -E '^in +[0-9]+ ' | awk '{ print $3 }')
    [[ $(sort -u <<<"$lags" | wc -l) -gt 1 ]] && equals "$lags" "$(sort -rn <<<"$lags")" >/dev/null
}

@test "top: h shows the keys, and h or Escape the tables again" {
    pipeline 1 < <(pass_on_slowly)
    top_in 100 30
    keys h
    wait_for 10 screen_has '^PgUp, PgDn +a screen'
    screen_lacks '^bruco-source'
    keys '?'
    wait_for 10 screen_has '^bruco-source'
    keys h
    wait_for 10 screen_has '^PgUp, PgDn'
    keys Escape
    wait_for 10 screen_has '^bruco-source'
    keys x
    keys q
    ended_with 0
    stop_x bruco
}

@test "top without UTF-8 draws in ASCII, and without colours where they are not wanted" {
    pipeline 1 < <(pass_on_slowly)
    records 5000
    in_terminal 100 30 'env NO_COLOR=1 LC_ALL=C bruco top -c config.yaml'
    wait_for 30 screen_has '^ *[.:#]*#+ '
    ! screen | LC_ALL=C grep -q '[^ -~]' || return 1
    ! in_tmux capture-pane -p -e -t top | grep -qE $'\e\\[3[0-7]' || return 1
    keys q
    ended_with 0
    end_tmux
    top_in 100 30
    wait_for 10 eval 'in_tmux capture-pane -p -e -t top | grep -qE $'"'"'\e\\[3[0-7]'"'"
    stop_x bruco
}

@test "top says that the pipeline has ended, keeps what was last known, and goes on when it runs again" {
    pipeline 2 < <(pass_on_slowly)
    records 100
    top_in 100 30 --interval 200ms
    wait_for 20 screen_has '^total: in 100, out 100'
    stop_x bruco
    wait_for 10 screen_has '^orders: no answer for [0-9]+s: it does not run; asking again'
    shows '^total: in 100, out 100'
    start_x bruco bruco -c config.yaml
    wait_for 20 screen_has '^orders: running for [0-9]+s, started again, ready'
    wait_for 10 screen_has '^total: in 0, out 0'
    kill_x bruco STOP
    wait_for 20 screen_has '^orders: no answer for [0-9]+s: it hangs, or is stopped'
    keys h # it is there for its keys
    wait_for 5 screen_has '^PgUp'
    keys h
    kill_x bruco CONT
    wait_for 10 screen_has '^orders: running for'
    kill_x bruco KILL
    wait_for 10 screen_has '^orders: no answer for [0-9]+s: it does not run'
    keys q
    ended_with 0
    wait_x bruco 137
}

@test "top gives the terminal back on each signal, on a crash, and while it is stopped" {
    pipeline 1 < <(pass_on_slowly)
    for signal in TERM:143 HUP:129 QUIT:131 INT:0 SEGV:139; do
        top_in 100 30
        kill -"${signal%:*}" "$(pgrep -P "$(in_tmux display-message -p -t top '#{pane_pid}')" -x bruco)"
        ended_with "${signal#*:}" || { echo "after $signal"; false; }
        end_tmux
    done
    in_terminal 100 30 'bash --norc -i'
    wait_for 10 screen_has '^bash'
    keys 'bruco top -c config.yaml' Enter
    wait_for 10 screen_has '^bottleneck'
    keys C-z
    wait_for 10 screen_has 'Stopped +bruco top'
    screen_lacks '^bottleneck'
    keys 'fg' Enter
    wait_for 10 screen_has '^bottleneck'
    keys C-c
    wait_for 10 screen_lacks '^bottleneck'
    keys "echo status \$?" Enter
    wait_for 10 screen_has '^status 0'
    stop_x bruco
}

@test "top says what it can't do" {
    requires tmux
    echo 'def handle_event(context, data): return data' >handler.py
    config
    run_x 64 bruco top -c config.yaml
    equals "$stderr" "bruco: error: top needs a terminal; 'bruco status' prints the same once"
    run_x 64 bruco top --interval 0 config.yaml
    contains "$stderr" "--interval takes 100ms to 60s, not '0'"
    run_x 64 bruco top --interval 2m config.yaml
    run_x 64 bruco top --socket x config.yaml
    run_x 64 bruco top a b
    in_terminal 80 10 'env -u TERM bruco top -c config.yaml; TERM=nosuch bruco top -c config.yaml; TERM=dumb bruco top -c config.yaml'
    wait_for 10 file_has ended 64
    shows "^bruco: error: TERM is not set: top can't know what the terminal is"
    shows "^bruco: error: the terminal 'nosuch' \(TERM\) is not known"
    shows "^bruco: error: the terminal 'dumb' \(TERM\) can't place a text"
    end_tmux
    in_terminal 80 10 'bruco top -c config.yaml; bruco top --socket nothing'
    wait_for 10 file_has ended 69
    shows "^bruco: error: no pipeline '.*' runs here: No such file or directory"
    shows "^bruco: error: cannot connect to 'nothing': No such file or directory"
}
