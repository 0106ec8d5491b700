# bruco, with the kinds lines and discard, so that nothing but Bruco takes part: the command line,
# the pipeline, handlers that do not start, and what the stages get.

load helpers
load driver

# ---- command line

@test "a configuration is found by -c, as a file, as a folder, and here" {
    echo_project
    for where in "-c app/config.yaml" "-c app" app/config.yaml app "run app" "run -c app"; do
        run_x 0 bruco $where <<<hello
        equals "$output" hello
    done
    cd app
    run_x 0 bruco <<<hello
    equals "$output" hello
    run_x 0 bruco run -q <<<hello
    equals "$output" hello
    equals "$stderr" ""
}

@test "misuse is told and ends with 64" {
    run_x 64 bruco
    contains "$stderr" "no config.yaml here"
    contains "$stderr" "try 'bruco --help'"
    run_x 64 bruco chekc
    contains "$stderr" "no command and no path 'chekc' (did you mean 'check'?)"
    run_x 64 bruco --what
    run_x 64 bruco -w 0 .
    run_x 64 bruco -w 257 .
    run_x 64 bruco a b
    run_x 64 bruco -c
    run_x 64 bruco help nonsense
    run_x 64 bruco --log-format xml .
}

@test "help has a page for each command and each program, which is there" {
    mkdir bin
    printf '#!/bin/sh\necho "$MANPATH" "$1"\n' >bin/man
    chmod +x bin/man
    for word in $(bruco --list-commands) bruco-source worker yaml bruco.yaml; do
        PATH=$PWD/bin:$PATH run_x 0 bruco help "$word"
        local page=${output##* } folder=${output%%:*}
        [[ -s $(echo "$folder"/man?/"$page".?) ]]
    done
    PATH=$PWD/bin:$PATH run_x 0 bruco help venv
    contains "$output" ' bruco'
}

@test "--help and --version go to standard output" {
    run_x 0 bruco --help
    contains "$output" "usage: bruco"
    equals "$stderr" ""
    run_x 0 bruco --version
    contains "$output" "libyaml"
}

@test "mistakes in the configuration end it with 78 before anything starts" {
    echo_project
    sed -i 's/kind: lines}/kind: lines, tpoics: x}/' app/config.yaml
    run_x 78 bruco app <<<hello
    contains "$stderr" "app/config.yaml:3:"
    contains "$stderr" tpoics
    equals "$output" ""
}

# ---- the pipeline

@test "records go through all workers and come out, each once" {
    project 3 <<'END'
def init_context(context):
    open('worker-' + context.worker_name, 'x').close()
def handle_event(context, data):
    return data.upper()
END
    seq -f 'line %g' 20000 >input
    run_x 0 bruco app <input
    tr a-z A-Z <input >expected
    same_lines expected stdout
    contains "$stderr" "bruco: info: ready"
    equals "$(ls app | grep -c '^worker-')" 3
}

@test "-w overrides the number of workers" {
    project 1 <<'END'
def init_context(context):
    open('worker-' + context.worker_name, 'x').close()
def handle_event(context, data):
    return data
END
    run_x 0 bruco -w 4 app <<<hello
    equals "$(ls app | grep -c '^worker-')" 4
}

@test "without a processor records are copied" {
    mkdir app
    printf 'source: {kind: lines}\nsink: {kind: lines}\n' >app/config.yaml
    seq 1000 >input
    run_x 0 bruco app <input
    same_bytes input stdout
}

# ---- handlers that don't start

@test "a missing module, a syntax error, no handle_event: one clear line, 78" {
    echo_project 4
    rm app/handler.py
    run_x 78 bruco app <<<hello
    contains "$stderr" "no module 'handler'"

    echo 'def handle_event(context, data) return data' >app/handler.py
    run_x 78 bruco app <<<hello
    contains "$stderr" SyntaxError
    count_in stderr "import of 'handler' failed: SyntaxError" 1
    contains "$(tail -n 1 stderr)" "bruco: error: worker"
    file_lacks stderr restarting

    echo 'def handle_events(context, data): return data' >app/handler.py
    run_x 78 bruco app <<<hello
    contains "$stderr" handle_event
    contains "$(tail -n 1 stderr)" "bruco: error: worker"
    file_lacks stderr restarting
}

@test "an exception at import or in init_context: one traceback, 70, no restart" {
    project 4 <<<'raise RuntimeError("bad import")'
    run_x 70 bruco app <<<hello
    count_in stderr 'Traceback' 1
    contains "$(tail -n 1 stderr)" "bruco: error: worker"
    file_lacks stderr restarting
    equals "$output" ""

    project 4 <<'END'
def init_context(context):
    print('before the end')
    raise RuntimeError("bad init")
def handle_event(context, data):
    return data
END
    run_x 70 bruco app <<<hello
    count_in stderr 'Traceback' 1
    count_in stderr 'before the end' 1
    contains "$stderr" "bad init"
    contains "$(tail -n 1 stderr)" "bruco: error: worker"
    file_lacks stderr restarting
}

@test "a bad handler is told although there is no input" {
    project 1 <<<'raise RuntimeError("bad import")'
    run_x 70 bruco app </dev/null
    contains "$stderr" "bad import"
}

@test "a worker that dies at start is retried until maxRestarts, then 75 with its last error" {
    project 1 <<<'import os; os.abort()'
    set_key maxRestarts 3
    run_x 75 bruco app <<<hello
    count_in stderr 'restarting in' 3
    contains "$stderr" "restarting in 100ms"
    contains "$stderr" "restarting in 400ms"
    contains "$(tail -n 1 stderr)" "3 restarts in 60 s are used up: worker 0 was killed by signal 6 (SIGABRT)"
}

@test "a worker that cannot start again is retried with back-off while others go on" {
    project 2 <<'END'
import os
if os.path.exists('bad'):
    raise RuntimeError('not now')
def handle_event(context, data):
    if data == b'die':
        open('bad', 'x').close()
        os._exit(3)
    return data
END
    set_key maxRestarts 100
    sed -i 's/handle_event(context, data):/&\n    if data == b"die" and os.path.exists("died"): return None/; s/open(.bad., .x.)/open("died", "x").close(); &/' app/handler.py
    start_bruco
    feed die
    wait_for 20 file_has bruco.err 'worker [01] ended with status 70 .*restarting in 200ms'
    feed a b c d
    wait_for 20 lines_in bruco.out 1
    rm app/bad
    wait_for 20 lines_in bruco.out 4
    stop_x bruco
    equals "$(sort bruco.out | tr -d '\n')" abcd
}

# ---- what the stages get

@test "workers get a listed environment without secrets and with processor.env" {
    project 1 <<'END'
import os
def handle_event(context, data):
    names = ('SECRET_KIND', 'PLAIN', 'ASKED', 'TZ', 'NOTIFY_SOCKET', 'ADDED', 'CHANGED')
    return ' '.join('%s=%s' % (name, os.environ.get(name)) for name in names)
END
    cat >app/config.yaml <<'END'
processor:
  inheritEnv: [ASKED, SECRET_KIND]
  env:
    - {name: ADDED, value: "${FROM}"}
    - {name: CHANGED, value: new}
source: {kind: "${SECRET_KIND}"}
sink: {kind: lines}
END
    export SECRET_KIND=lines PLAIN=plain ASKED=asked TZ=UTC FROM=from NOTIFY_SOCKET=/nowhere CHANGED=old
    run_x 0 bruco app <<<hello
    equals "$output" "SECRET_KIND=None PLAIN=None ASKED=asked TZ=UTC NOTIFY_SOCKET=None ADDED=from CHANGED=new"
}

@test "workers are the first to die when memory is short" {
    echo_project 1
    start_bruco
    local ours=$(<"/proc/$(<bruco.pid)/oom_score_adj")
    local expected=$((ours + 500 > 1000 ? 1000 : ours + 500))
    equals "$(<"/proc/$(stages bruco-worker)/oom_score_adj")" "$expected"
    equals "$(<"/proc/$(stages bruco-sink)/oom_score_adj")" "$ours"
    stop_x bruco
}

@test "more workers start and end than the soft limit of descriptors would allow" {
    mkdir app
    printf 'processor: {workers: 100}\nsource: {kind: lines}\nsink: {kind: lines}\n' >app/config.yaml
    echo 'def handle_event(context, data): return data' >app/handler.py
    ulimit -Sn 256
    run_x 0 bruco app <<<hello
    equals "$output" hello
}
