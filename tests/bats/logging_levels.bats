#!/usr/bin/env bats
# Which of the lines of a handler and its libraries are shown: by their level, and of those that come
# again and again.

load helpers
load logging

@test "lines that come again and again are left out and counted; what a handler prints is not" {
    project <<'END'
import logging
log = logging.getLogger("pool")
def handle_event(context, data):
    for i in range(3):
        log.warning("X pool is full")
    context.logger.info("X event %s", data.decode())
    print("X printed")
    try:
        1 / 0
    except ZeroDivisionError:
        context.logger.exception("X failed")
    return data
END
    local format
    for format in text json; do
        run_x 0 bruco --log-format "$format" app < <(seq 100)
        equals "$(grep -c 'X event' stderr)" 100
        equals "$(grep -c 'X printed' stderr)" 100
        equals "$(grep -c 'X pool is full' stderr)" 21
        equals "$(grep -c 'X failed' stderr)" 21
        equals "$(grep -c 'Traceback' stderr)" 20
    done
    grep 'X pool' stderr | tail -n 1 | /usr/bin/python3 -c '
import json, sys
line = json.load(sys.stdin)
assert line["repeated"] == 280 and line["message"] == "X pool is full", line
assert line["worker"] == "worker-0" and line["offset"] == 99, line'
    run_x 0 bruco app < <(seq 100)
    said stderr | grep -qxF 'bruco-worker-0: warning: X pool is full (repeated 280 more times)'
    said stderr | grep -qxF 'bruco-worker-0: error: X failed (repeated 80 more times)'
    contains "$(tail -n 1 stderr)" 'bruco: info: done'
    run_x 0 bruco -v app < <(seq 100)
    equals "$(grep -c 'X pool is full' stderr)" 300
    # By hand nothing is left out.
    run_x 0 bruco-worker --lines -d app < <(seq 100)
    equals "$(grep -c 'X pool is full' stderr)" 300
}

@test "while lines come again and again, their number is told every ten seconds" {
    project <<'END'
import time
def handle_event(context, data):
    end = time.monotonic() + 11
    while time.monotonic() < end:
        context.logger.warning("X again")
        time.sleep(0.01)
    return data
END
    start_x bruco bruco app <<<one
    wait_for 30 file_has bruco.err 'X again \(repeated [0-9]+ more times\)$'
    equals "$(sed '/repeated/q' bruco.err | grep -c 'X again$')" 20
    file_lacks bruco.err 'bruco: info: done'
    wait_x bruco 0
}

# chatter: a handler and a library that log at each level, in a folder `app` with this configuration.
chatter() {
    lines_project "$1"
    cat >app/library.py <<'END'
import logging
log = logging.getLogger(__name__)
def chat():
    log.debug("X library debug")
    log.info("X library info")
    log.warning("X library warning")
    log.error("X library error")
END
}

# shown WORD: the levels at which this one was shown.
shown() {
    said stderr | grep -F ": X $1 " | sed 's/.* //' | tr '\n' ' '
}

@test "libraries show warnings, the handler info; logLevel, -v and -q change it" {
    chatter '{}' <<'END'
import logging, library
logging.getLogger(__name__).info("X import info")
def handle_event(context, data):
    for log, who in (context.logger, "own"), (logging.getLogger("handler.part"), "child"):
        for level in "debug", "info", "warning", "error":
            getattr(log, level)("X %s %s", who, level)
    library.chat()
    return data
END
    local options own library
    while read -r options own library; do
        if [[ $options == -* ]]; then
            run_x 0 bruco "$options" app <<<one
        else
            sed -i "s/^processor: .*/processor: {logLevel: $options}/" app/config.yaml
            run_x 0 bruco app <<<one
        fi
        equals "$(shown own)" "${own//,/ } "
        equals "$(shown child)" "${own//,/ } "
        equals "$(shown library)" "${library//,/ } "
    done <<'END'
-v debug,info,warning,error info,warning,error
-q warning,error warning,error
debug debug,info,warning,error debug,info,warning,error
info info,warning,error info,warning,error
warning warning,error warning,error
error error error
auto info,warning,error warning,error
END
    sed -i "s/^processor: .*/processor: {}/" app/config.yaml
    run_x 0 bruco app <<<one
    equals "$(shown import)" "info "
    # A package is the handler's own as a whole.
    mkdir app/pack
    touch app/pack/__init__.py
    cp app/library.py app/pack/part.py
    printf '%s\n' 'import pack.part' 'def handle_event(context, data):' '    context.logger.info("X own info")' \
        '    pack.part.chat()' '    return data' >app/pack/main.py
    sed -i "s/^processor: .*/processor: {moduleName: pack.main}/" app/config.yaml
    run_x 0 bruco app <<<one
    equals "$(shown own)" "info "
    equals "$(shown library)" "info warning error "
    printf 'processor: {logLevel: loud}\nsource: {kind: lines}\n' >bad.yaml
    run_x 78 bruco check -c bad.yaml
    file_has stderr "processor.logLevel: expected auto, error.* found 'loud'"
}

@test "a handler that sets levels itself is obeyed: at the root, by basicConfig, by dictConfig" {
    local way
    for way in 'logging.getLogger().setLevel(logging.DEBUG)' \
        'logging.basicConfig(level="DEBUG", format="never")' \
        'logging.config.dictConfig({"version": 1, "incremental": True, "root": {"level": "DEBUG"}})'; do
        chatter '{}' <<END
import logging, logging.config
$way
import library
def handle_event(context, data):
    context.logger.debug("X own debug")
    library.chat()
    return data
END
        run_x 0 bruco app <<<one
        equals "$(shown own)" "debug "
        equals "$(shown library)" "debug info warning error "
    done
    chatter '{logLevel: debug}' <<'END'
import logging, library
logging.getLogger("library").setLevel(logging.ERROR)
logging.getLogger().setLevel(logging.WARNING)
def handle_event(context, data):
    context.logger.info("X own info")
    context.logger.warning("X own warning")
    library.chat()
    context.logger.setLevel(logging.DEBUG)
    context.logger.debug("X own debug")
    assert context.logger.level == logging.DEBUG, context.logger.level
    return data
END
    run_x 0 bruco app <<<one
    equals "$(shown own)" "warning debug "
    equals "$(shown library)" "error "
}

@test "context.logger.getLogger, as earlier versions had it" {
    project <<'END'
import logging
def handle_event(context, data):
    assert context.logger.getLogger() is context.logger is logging.getLogger("handler")
    context.logger.getLogger().info("X itself")
    context.logger.getLogger("part").info("X part")
    assert context.logger.getChild("a").name == "handler.a"
    return data
END
    run_x 0 bruco app < <(seq 1)
    says 'X' 'bruco-worker-0: info: X itself' 'bruco-worker-0: info: X part'
}
