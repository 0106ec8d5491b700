#!/usr/bin/env bats
# processor.limits and the walls of isolation strict, against hostile handlers, as root and as an
# ordinary user. That an attack works at level basic shows that it is one.

load helpers
load driver
load walls

teardown() {
    [[ -z ${VICTIM:-} ]] || kill "$VICTIM" || true
    leave_house
}

# fortress [processor key ...]: a folder with secrets and a handler that attacks at each line. A victim
# runs as the same user, and listens.
fortress() {
    mkdir -p app/inner/deep "$HOUSE/home/.ssh"
    cp "$ROOT/tests/bats/walls_strict.py" app/attacks.py
    cat >app/handler.py <<'PY'
import attacks
def handle_event(context, data):
    return attacks.attack_all()
PY
    {
        echo "processor:"
        printf '  %s\n' "$@" 'inheritEnv: [HOUSE, VICTIM, PORT]' \
            "env: [{name: PASSWORD, value: '\${file:password}'}, {name: DEEP, value: '\${file:inner/deep/password}'}]"
        printf '%s\n' 'source: {kind: lines}' 'sink: {kind: lines}'
    } >app/config.yaml
    ln -s ../config.yaml app/inner/config
    echo secret | tee app/.env app/password app/inner/deep/password "$HOUSE/home/.ssh/id" \
        "$HOUSE/other" "$HOUSE/other2" >"$HOUSE/other3"
    ((EUID != 0)) || chown -R "$("${ORDINARY[@]}" id -u)" "$HOUSE"
    # A root without CAP_SYS_PTRACE, as the workers, or they could not read its memory at any level.
    local as=("${ORDINARY[@]}")
    ((EUID != 0 || ${#as[@]} > 0)) || as=(setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace)
    "${as[@]}" /usr/bin/python3 -c 'import socket, time
server = socket.create_server(("127.0.0.1", 0))
with open("port.new", "w") as file:
    file.write(str(server.getsockname()[1]))
import os
os.rename("port.new", "port")
time.sleep(600)' </dev/null >/dev/null 2>&1 3>&- &
    export VICTIM=$! HOUSE
    wait_for 10 test -e port
    PORT=$(<port)
    export PORT HOME=$HOUSE/home TMPDIR=$HOUSE/run
}

# attack: runs it; what was found is in $output. Nothing is left of its temporary folder.
attack() {
    run_x 0 "${ORDINARY[@]}" bruco app <<<one
    equals "$(compgen -G "$HOUSE/run/bruco-worker*" || true)" ""
}

found() {
    jq -r --arg result "$1" 'to_entries[] | select(.value == $result) | .key' <<<"$output"
}

# What the attacks are named, a line each; all but those that need a network with `network`.
attacks() {
    (cd app && python3 -c 'import attacks, sys
for name in [*attacks.CALLS, *attacks.NETWORK, *attacks.FILES]: print(name)')
}

# What the kernel's Landlock can hold, as bruco-internals(7) has it: from 3 on truncate(2), from 6 on signals.
landlock_abi() {
    python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1))'
}

# What this kernel can't hold.
unheld() {
    (($(landlock_abi) >= 6)) || echo "signal to another"
}

# The words of the line about it.
held() {
    if (($(landlock_abi) >= 6)); then
        echo "isolation strict: files and signals by Landlock ABI "
    else
        echo "isolation strict: files by Landlock ABI "
    fi
}

basic_is_open() {
    fortress "isolation: basic"
    attack
    equals "$(found open)" "$(attacks)"
}

strict_refuses() {
    fortress "isolation: strict"
    attack
    equals "$(found open)" "$(printf '%s\n' connecting listening UDP IPv6 netlink UNIX; unheld)"
    equals "$(found refused)" "$(attacks | grep -vxF "$(found open)")"
    contains "$stderr" "bruco: info: $(held)"
}

@test "at level basic an ordinary user's handler does all this" {
    become_ordinary
    basic_is_open
}

@test "at level basic root's handler does all this" {
    ((EUID == 0)) || skip "needs root"
    basic_is_open
}

@test "strict: an ordinary user's handler does nothing of it" {
    become_ordinary
    strict_refuses
}

@test "strict: root's handler does nothing of it" {
    ((EUID == 0)) || skip "needs root"
    strict_refuses
}

@test "network: false refuses sockets, and needs strict" {
    become_ordinary
    fortress "isolation: strict" "network: false"
    attack
    equals "$(found open)" "$(unheld)"
    equals "$(found refused)" "$(attacks | grep -vxF "$(unheld)")"
    contains "$stderr" "system calls and sockets by seccomp"
    sed -i s/strict/basic/ app/config.yaml
    run_x 78 bruco check app
    contains "$stderr" "processor.network: false needs 'isolation: strict'"
}

@test "network: false leaves a handler its pipes, processes and event loop" {
    lines_project '{isolation: strict, network: false}' <<'PY'
import asyncio, multiprocessing
async def handle_event(context, data):
    process = await asyncio.create_subprocess_exec("echo", "hi", stdout=asyncio.subprocess.PIPE)
    text = (await process.communicate())[0].decode()
    with multiprocessing.get_context("fork").Pool(2) as workers:
        return [text, workers.map(abs, [-1])]
PY
    run_x 0 bruco app <<<one
    equals "$(jq -c . <<<"$output")" '["hi\n",[1]]'
}

@test "strict: what handlers need works" {
    local truncate="os.truncate(one, 0)"
    (($(landlock_abi) >= 3)) || truncate="open(one, 'r+').truncate()" # which is held where the file is opened
    lines_project '{isolation: strict}' <<PY
import multiprocessing, os, pwd, socket, ssl, subprocess, tempfile, time, zoneinfo
from zoneinfo import ZoneInfo

def square(queue, number):
    queue.put(number * number)

def process(method):
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=square, args=(queue, 3))
    child.start()
    result = queue.get(timeout=60)
    child.join()
    return result

def temporary():
    with tempfile.TemporaryDirectory() as folder:
        one, other = os.path.join(folder, "a"), os.path.join(folder, "b")
        with open(one, "w") as file:
            file.write("x")
        $truncate
        os.mkdir(os.path.join(folder, "c"))
        os.rename(one, os.path.join(folder, "c", "d"))
    return os.path.dirname(folder) == os.environ["TMPDIR"]

def pool():
    with multiprocessing.Pool(2) as workers:
        return workers.map(abs, [-1, -2])

def handle_event(context, data):
    return [process("fork"), process("spawn"), process("forkserver"), pool(), temporary(),
            subprocess.run(["sh", "-c", "echo hi; echo lost >/dev/null"], capture_output=True, text=True).stdout,
            len(ssl.create_default_context().get_ca_certs()) > 0, socket.gethostbyname("localhost"),
            str(ZoneInfo("Europe/Berlin")), pwd.getpwuid(0).pw_name, len(os.urandom(3)),
            os.cpu_count() > 0, "handler.py" in os.listdir(), open("/proc/self/comm").read(), len(open("inner/data").read())]
PY
    mkdir app/inner
    echo data >app/inner/data
    run_x 0 bruco app <<<one
    equals "$(jq -c . <<<"$output")" \
        '[9,9,9,[1,2],true,"hi\n",true,"127.0.0.1","Europe/Berlin","root",3,true,true,"bruco-worker\n",5]'
}

@test "strict: a reload puts new workers behind new walls, and stack shows them" {
    lines_project "{isolation: strict, env: [{name: ONE, value: '\${file:secret}'}]}" <<'PY'
import time
def look(name):
    try:
        return open(name).read().strip()
    except PermissionError:
        return "refused"
def handle_event(context, data):
    if data == b"hang":
        time.sleep(1000)
    return [look(name) for name in ("secret", "other", "new")]
PY
    echo secret | tee app/secret >app/other
    mkdir tmp
    export TMPDIR=$PWD/tmp
    start_bruco
    echo new >app/new
    feed one
    wait_for 10 lines_in bruco.out 1
    sed -i 's/file:secret/file:other/' app/config.yaml
    run_x 0 bruco reload --wait app
    equals "$output" "reloaded: all 1 workers are new"
    feed two
    wait_for 10 lines_in bruco.out 2
    equals "$(jq -c . bruco.out)" $'["refused","secret","refused"]\n["secret","refused","new"]'
    feed hang
    wait_for 10 runs_an_event
    run_x 0 bruco stack -c app
    contains "$output" "handle_event"
    insist TERM
    wait_x bruco 143
    equals "$(ls tmp)" ""
}

runs_an_event() {
    bruco status --json app | grep -q '"run": "running"'
}

# Makes without.py, which runs a command as on a kernel that has no Landlock.
without_landlock() {
    cat >without.py <<'PY'
import ctypes, os, struct, sys
code = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (6, 0, 0, 0x50000 | 38), (6, 0, 0, 0x7FFF0000)]
text = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in code))
libc = ctypes.CDLL(None)
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(text)))) == 0
os.execvp(sys.argv[1], sys.argv[1:])
PY
}

@test "strict is refused where the kernel can't hold it, and bruco check says so before" {
    lines_project '{isolation: strict}' <<<'def handle_event(context, data): return data'
    local why="processor.isolation: strict needs Landlock, which this kernel lacks or has switched off"
    without_landlock
    run_x 78 python3 without.py bruco app <<<one
    contains "$stderr" "$why"
    equals "$output" ""
    run_x 78 python3 without.py bruco check app
    contains "$stderr" "app/config.yaml: $why" # a mistake of the configuration's
    run_x 0 bruco check -v app
    contains "$stderr" "$(held)"
    run_x 0 bruco check --handler app
}

@test "strict: workers that are recycled, restarted and reloaded are behind the walls, too" {
    lines_project '{isolation: strict, maxEvents: 1}' <<'PY'
import os, tempfile
def handle_event(context, data):
    with tempfile.TemporaryFile():
        pass
    if data == b"die" and context.event.attempt == 1:
        os._exit(3)
    try:
        open("config.yaml")
    except PermissionError as error:
        return f"{data.decode()} {error.strerror}"
PY
    run_x 0 bruco app <<<$'one\ndie\nthree'
    equals "$output" $'one Permission denied\ndie Permission denied\nthree Permission denied'
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
