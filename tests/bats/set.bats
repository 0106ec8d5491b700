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
