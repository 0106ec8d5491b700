#!/usr/bin/env bats
# processor.limits and the walls of isolation strict, against hostile handlers, as root and as an
# ordinary user. That an attack works at level basic shows that it is one.

load helpers
load walls

setup() {
    common_setup
    requires jq
}

@test "a handler that takes too much memory gets a MemoryError, and the failure policy applies" {
    lines_project '{limits: {memory: 256MiB}, onFailure: skip, retry: {attempts: 1}}' <<'PY'
def handle_event(context, data):
    return str(len(bytearray(int(data) << 20)) >> 20)
PY
    run_x 0 bruco app <<<$'1\n4096\n2'
    equals "$output" $'1\n2'
    contains "$stderr" "handler raised MemoryError"
    sed -i 's/limits: {memory: 256MiB}, //; s/4096/512/' app/config.yaml
    run_x 0 bruco app <<<$'512'
    equals "$output" 512
}

@test "a handler that opens too many files gets an OSError, and can't raise the limit" {
    local user=()
    ((EUID != 0)) || user=(setpriv --bounding-set=-sys_resource --inh-caps=-sys_resource)
    lines_project '{limits: {files: 100}}' <<'PY'
import os, resource
def handle_event(context, data):
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000))
    except (ValueError, PermissionError):
        pass
    files = []
    try:
        while len(files) < 500:
            files.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as error:
        return error.strerror
    finally:
        for file in files:
            os.close(file)
PY
    run_x 0 "${user[@]}" bruco app <<<one
    equals "$output" "Too many open files"
}

@test "what limits refuses" {
    lines_project '{limits: {memory: 1MiB, files: 5, cpu: 3}}' <<<'def handle_event(context, data): return data'
    run_x 78 bruco check app
    contains "$stderr" "processor.limits.memory: expected"
    contains "$stderr" "processor.limits.files: expected"
    contains "$stderr" "unknown key 'cpu' in processor.limits"
}
