#!/usr/bin/env bats
# --set: a configuration from outside, laid over the file.
# bats file_tags=driver
load helpers
load driver
load check

shout() {
    project <<'PY'
import os
def handle_event(context, data): return data.upper() + os.environ.get("MARK", "").encode()
PY
}

@test "check takes what --set says as if the file said it, and names it in messages" {
    good_start >config.yaml
    run_x 0 bruco check --set source.topics=a,b --set source.properties.queued.min.messages=5 --set processor.retry.attempts=7 --print
    contains "$output" $'  topics:\n    - a\n    - b\n'
    contains "$output" $'  properties:\n    queued.min.messages: 5'
    contains "$output" 'attempts: 7'
    equals "$stderr" ""
    run_x 78 bruco check --set source.topcis=a --set 'processor.workers=many' --set 'sink.kind=kafka' config.yaml
    equals "$stderr" "--set source.topcis: unknown key 'topcis' in source (did you mean 'topics'?)
--set processor.workers: expected a number from 1 to 256 or auto, found 'many'
config.yaml: sink.brokers is missing
config.yaml: sink.topic is missing"
    run_x 78 bruco check --set source.properties.check.crcs=maybe
    contains "$stderr" '--set source.properties.check.crcs: source.properties: '
    run_x 78 bruco check --set processor.moduleName=handlr
    equals "$stderr" "--set processor.moduleName: no module 'handlr' in '$PWD' (did you mean 'handler'?)"
    run_x 78 bruco check --handler --set processor.retry.except=NoSuchError
    contains "$stderr" '--set processor.retry.except: '
}

@test "what is no key=value is a usage error, which shows no value" {
    good_start >config.yaml
    for word in source.topics =a; do
        run_x 64 bruco check --set "$word"
        equals "${stderr%%$'\n'*}" "bruco: error: --set '$word' is not key=value"
    done
    run_x 64 bruco check --set 'sasl.password: hunter2'
    file_lacks stderr hunter2
}

@test "a pipeline runs with it, and it survives a reload" {
    shout
    start_bruco --set 'processor.env=[{name: MARK, value: "!"}]' --set processor.workers=2 --set name=other
    feed a
    wait_for 10 file_has bruco.out '^A!$'
    set_key maxRestarts 7
    sed -i 's/upper/title/' app/handler.py
    touch -d 2020-01-01 app/handler.py
    run_x 0 bruco reload --wait --socket "$XDG_RUNTIME_DIR/bruco/other.sock"
    equals "$output" 'reloaded: all 2 workers are new'
    equals "$stderr" ""
    feed ab
    wait_for 10 file_has bruco.out '^Ab!$'
    end_feed
    wait_x bruco 0
}

@test "a reload installs the packages of the handler that --set names" {
    export BRUCO_DISABLE_PIP= XDG_CACHE_HOME=$PWD/cache
    lines_project '{handlerPath: ., nosuch: 1}' <<<'def handle_event(context, data): return b"old"'
    # Only the overrides make this configuration one that can be used.
    start_bruco --set processor.handlerPath=new --set 'processor={handlerPath: .}'
    feed a
    wait_for 10 file_has bruco.out '^old$'
    tiny_package fresh
    printf 'import tinypackage\ndef handle_event(context, data): return tinypackage.word\n' >app/handler.py
    touch -d 2020-01-01 app/handler.py
    run_x 0 bruco reload --wait app
    feed b
    wait_for 10 file_has bruco.out '^fresh$'
    end_feed
    wait_x bruco 0
}

@test "no command line of the pipeline shows a secret, neither at the start nor of what it starts" {
    export BRUCO_DISABLE_PIP= XDG_CACHE_HOME=$PWD/cache
    shout
    start_bruco --set 'processor.env=[{name: MARK, value: "!"}, {name: PASSWORD, value: hunter2}]' \
        --set processor.logLevel=info
    for pid in $(<bruco.pid) $(stages bruco-worker) $(stages bruco-source); do
        tr '\0' ' ' <"/proc/$pid/cmdline" >>lines
    done
    file_lacks lines hunter2
    file_has lines 'processor.logLevel=info'
    end_feed
    wait_x bruco 0
}

@test "test and venv take it too" {
    export BRUCO_DISABLE_PIP= XDG_CACHE_HOME=$PWD/cache
    shout
    mkdir app/cases more
    mv app/handler.py more/
    echo a >app/cases/one.lines
    echo 'A?' >app/cases/one.expected.lines
    run_x 78 bruco test -c app
    run_x 0 bruco test -c app --set processor.handlerPath=../more --set 'processor.env=[{name: MARK, value: "?"}]'
    equals "${lines[-1]}" "1 case: 1 ok"
    tiny_package x
    mv app/tinypackage* app/requirements.txt more/
    run_x 0 bruco venv -c app --set processor.handlerPath=../more
    contains "$output" "$PWD/cache/bruco/venv-"
    [[ -e $output/pyvenv.cfg ]]
}

@test "dev runs with it, from the start on and after an edit" {
    mkdir app
    echo 'def handle_event(context, data): return data.upper()' >app/handler.py
    printf '%s\n' 'processor:' 'source: {kind: kafka, brokers: b, topics: [in], consumerGroup: g}' \
        'sink: {kind: kafka, brokers: b, topic: out}' >app/config.yaml
    mkfifo typed
    start_x dev bruco dev --set sink.topic=elsewhere --set source.properties.sasl.password=hunter2 app <>typed
    exec {typing}>typed
    echo one >&"$typing"
    wait_for 20 file_has dev.out '^elsewhere: ONE$'
    for pid in $(pgrep -s "$(<dev.pid)"; pgrep -P "$(<dev.pid)"); do
        tr '\0' ' ' <"/proc/$pid/cmdline" >>commands
    done
    file_has commands 'bruco dev -c app --driver'
    file_lacks commands hunter2
    echo 'def handle_event(context, data): return data.title() + b"."' >app/new
    mv app/new app/handler.py
    wait_for 20 file_has dev.err 'reloaded'
    echo two >&"$typing"
    wait_for 20 file_has dev.out '^elsewhere: Two[.]$'
    kill_x dev TERM
    wait_x dev 0
}

# ---- a configuration from standard input

kafka_text() { # kafka_text [PROCESSOR]
    printf '%s\n' "processor: ${1:-}" "source: {kind: kafka, brokers: ['$BROKERS'], topics: [in], consumerGroup: g, offset: earliest}" \
        "sink: {kind: kafka, brokers: ['$BROKERS'], topic: out}"
}

@test "check -c - reads standard input, and paths and name come from this folder" {
    mkdir here sub
    mv handler.py sub/
    cd here
    BROKERS=b run_x 0 bruco check --print -c - < <(BROKERS=b kafka_text '{handlerPath: ../sub}')
    equals "${lines[0]}" 'name: here'
    contains "$output" "handlerPath: $BATS_TEST_TMPDIR/here/../sub"
    run_x 0 bruco check - < <(BROKERS=b kafka_text '{handlerPath: ../sub}')
    equals "$output" 'standard input: ok'
    run_x 78 bruco check -c - --set processor.workers=0 <<<$'nam: x\nsource: {kind: kafka}'
    equals "$(head -n 3 stderr)" "standard input:1:1: unknown key 'nam' (did you mean 'name'?)
--set processor.workers: expected a number from 1 to 256 or auto, found '0'
standard input:2:1: source.brokers is missing"
    head -c 1100000 /dev/zero | tr '\0' '#' >large
    run_x 78 bruco check -c - <large
    equals "$stderr" 'bruco: error: standard input: larger than 1 MiB'
}

@test "a source of standard input, and dev, can't have their configuration from there" {
    rm handler.py
    for kind in lines json frames; do
        run_x 78 bruco -c - < <(printf 'sink: {kind: lines}\nsource: {kind: %s}\n' $kind)
        equals "$stderr" "standard input:2:1: source.kind: '$kind' reads standard input, where this configuration comes from (name a file with -c)"
    done
    run_x 64 bruco dev -c - </dev/null
    file_has stderr 'dev reads records from standard input, so that the configuration is a file'
}

@test "bruco -c - runs, keeps nothing of standard input open, and a reload takes the handler alone" {
    export BRUCO_DISABLE_PIP= XDG_CACHE_HOME=$PWD/cache
    start_broker -t in:1 -t out:1
    mkdir app
    cd app
    echo 'def handle_event(context, data): return data.upper()' >handler.py
    mkfifo text
    kafka_text '{handlerPath: .}' >text &
    start_x bruco bruco --set name=other -c - <text
    wait_for 20 file_has bruco.err 'bruco: info: ready'
    for pid in $(<bruco.pid) $(stages bruco-worker) $(stages bruco-source) $(stages bruco-sink); do
        ls -l "/proc/$pid/fd" >>open
    done
    file_lacks open "$PWD/text"
    bruco-source -q lines <<<one | bruco-sink -q kafka -b "$BROKERS" -t in
    cd ..
    tiny_package '!'
    cd app
    printf 'import tinypackage\ndef handle_event(context, data): return data.title() + tinypackage.word.encode()\n' >handler.py
    touch -d 2020-01-01 handler.py
    run_x 0 bruco reload --wait --socket "$XDG_RUNTIME_DIR/bruco/other.sock"
    contains "$stderr" 'the handler is read again, but not the configuration, which came from standard input'
    file_has bruco.err 'reloading the handler; the configuration came from standard input and is taken as it came'
    bruco-source -q lines <<<two | bruco-sink -q kafka -b "$BROKERS" -t in
    run_x 0 bruco status -c - <<<'name: other'
    file_has stdout '^other: running'
    bruco-source -q -n 2 kafka -b "$BROKERS" -t out -g look -o earliest | bruco-sink -q lines >got
    equals "$(<got)" $'ONE\nTwo!'
    stop_x bruco
    cd ..
}

@test "test and venv read it, too" {
    mkdir cases
    echo a >cases/one.lines
    echo a >cases/one.expected.lines
    run_x 0 bruco test -c - <<<'processor:'
    equals "${lines[-1]}" '1 case: 1 ok'
    run_x 0 bruco venv -c - <<<'processor: {python: /nowhere}'
    equals "$output" /nowhere
}
