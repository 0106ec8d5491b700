# Hostile code that looks for secrets, as an ordinary user and as root; after helpers.

# A folder with the programs that everybody may use, in which $PWD is. Without it an ordinary user
# could not reach them, and an attack that cannot even begin shows nothing.
open_house() {
    HOUSE=$(mktemp -d "${TMPDIR:-/tmp}/bruco-walls.XXXXXX")
    chmod 755 "$HOUSE"
    cp -rL "$BRUCO_BIN" "$HOUSE/bin"
    cp -rL "$BRUCO_BIN/../lib" "$HOUSE/lib"
    mkdir "$HOUSE/work" "$HOUSE/run"
    chmod -R a+rX "$HOUSE"
    PATH=$HOUSE/bin:$PATH XDG_RUNTIME_DIR=$HOUSE/run
    cd "$HOUSE/work" || return
    ORDINARY=()
}

setup() {
    common_setup
    requires jq
    open_house
}

leave_house() {
    local failed=0
    common_teardown || failed=1
    cd / && rm -rf "$HOUSE"
    return "$failed"
}

teardown() {
    leave_house
}

# Whatever follows "${ORDINARY[@]}" is run as a user that is not root. `requires` by hand: somebody
# who is not root is ordinary already.
become_ordinary() {
    if ((EUID == 0)); then
        requires setpriv
        ORDINARY=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all)
        chown -R 65534:65534 "$HOUSE"
    fi
    equals "$("${ORDINARY[@]}" grep -c '^CapEff:.*0000000000000000$' /proc/self/status)" 1
}

# hostile_project [processor line ...]: from topic in to topic out, with a handler that attacks at its
# first record and writes found.json. The source's secret is in a variable, the sink's is written in
# the configuration, which nobody can read but from descriptor 9.
hostile_project() {
    start_broker -t in:1 -t out:1
    mkdir app
    cp "$ROOT/tests/bats/walls.py" app/walls.py
    cat >app/handler.py <<'PY'
import walls
def handle_event(context, data):
    walls.write("found.json")
    return data
PY
    cat >config.yaml <<YAML
processor:
  handlerPath: $PWD/app
$(printf '  %s\n' "$@")
source:
  {kind: kafka, brokers: "$BROKERS", topics: [in], consumerGroup: g, offset: earliest,
   properties: {sasl.username: one, sasl.password: "\${SOURCE_PASSWORD}"}}
sink:
  {kind: kafka, brokers: "$BROKERS", topic: out,
   properties: {sasl.username: two, sasl.password: canary-of-the-sink}}
YAML
    chmod 777 app
    export SOURCE_PASSWORD=canary-of-the-source OTHER_PASSWORD=canary-of-something-else
    echo hello | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t in
}

# Runs it to the end; leaves no name for the configuration.
run_hostile() {
    exec 9<config.yaml
    rm config.yaml
    run_x 0 "${ORDINARY[@]}" bruco "$@" -e -c /dev/fd/9
    exec 9<&-
    cat app/found.json
}

# found RESULT: the attacks that ended so, a line each, sorted
found() {
    jq -r --arg result "$1" '.found | to_entries[] | select(.value == $result) | .key' app/found.json | sort
}

# All attacks on other processes.
attacks_on() {
    local process
    for process; do
        printf "$process %s\n" cmdline descriptors environ maps memory pidfd ptrace
    done
}

# stage_variables PATTERN: the variables of source and sink, a line each behind the stage's name
stage_variables() {
    local pid name
    for pid in $(<"/proc/$(<bruco.pid)/task/$(<bruco.pid)/children"); do
        name=$(<"/proc/$pid/comm")
        [[ $name == bruco-worker ]] ||
            tr '\0' '\n' <"/proc/$pid/environ" | grep -e "$1" | sed "s/^/$name /" || true
    done | sort
}

# A folder app/hostile that pip builds by its backend.py, which the test writes.
hostile_requirement() {
    mkdir app app/hostile
    cat >app/hostile/pyproject.toml <<'TOML'
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "hostile"
version = "1"
TOML
}
