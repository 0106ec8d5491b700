#!/usr/bin/env bats
# The short forms of the chaos scenarios: `make chaos` runs the long ones.

load helpers

: "${SEED:=1}"
LIMIT=400

setup() {
    common_setup
    requires java /usr/bin/python3
    real_broker
    export BRUCO_KAFKA=$BROKERS TMPDIR=$BATS_TEST_TMPDIR
}

scenario() { # scenario NAME [option ...]
    run_x 0 "$ROOT/tests/chaos/chaos" --seed "$SEED" "$@"
    [[ $output != *"  skipped: "* ]] || skip "${output##*  skipped: }"
    contains "$output" "  ok: input "
    contains "$output" ", lost 0, invented 0, out of order 0,"
}

traceable() {
    requires strace
    strace -qq -o /dev/null true || skip "this machine does not let strace trace"
}

preloadable() {
    ! grep -q __asan_init "$BRUCO_BIN/bruco" || skip "a sanitizer wants to be first"
}

@test "SIGKILL of workers, source, sink, driver and everything: nothing lost" {
    scenario kills
}

@test "SIGKILL of workers in full flow: nothing lost and nothing twice" {
    scenario worker-kills
    contains "$output" " duplicates 0,"
}

@test "kills with ordering key: each key keeps its order" {
    scenario keys
}

@test "graceful restarts: nothing lost and nothing twice" {
    scenario restarts
    contains "$output" " duplicates 0,"
}

@test "SIGKILL of the broker: nothing lost" {
    scenario brokers
}

@test "a broker that hangs: deliveries that failed are no deliveries" {
    scenario outages
}

@test "instances come and go: nothing lost, every partition goes on" {
    scenario instances
}

@test "poison: exactly those events are in the dead letter" {
    scenario poison
    contains "$output" " dead letter 15, filtered 15,"
}

@test "exactly once: whatever dies, leaves or stands still, each record once, and no transaction left open" {
    scenario exactly-once
    contains "$output" " duplicates 0,"
}

@test "an EndTxn that arrives in the next transaction ends nothing in its midst" {
    scenario late-ends
    contains "$output" " duplicates 0,"
}

@test "hostile workers in two of four lanes: nothing of any lane lost, doubled or invented" {
    scenario hostile
    contains "$output" " duplicates 0,"
}

@test "SIGSTOP of stages: nothing lost and nothing twice" {
    scenario pauses
    contains "$output" " duplicates 0,"
}

@test "offset latest: killed before the first commit, nothing lost" {
    scenario latest
}

@test "storms of signals: one drains, a later one ends at once, SIGHUP reloads, and stages take no notice" {
    scenario signals
}

@test "interrupted system calls: the same output, byte for byte" {
    scenario interrupts
    contains "$output" " duplicates 0,"
}

@test "short reads and writes, small pipes: the same output, byte for byte" {
    preloadable
    scenario short-calls
    contains "$output" " duplicates 0,"
}

@test "no process and no thread more: tried again until there is one" {
    preloadable
    scenario processes
}

@test "a clock that is set: no time-out comes early or late, nothing is lost" {
    preloadable
    scenario clock
    contains "$output" " duplicates 0,"
}

@test "brokers that answer with errors, move their leaders, and end the producer's life" {
    scenario errors
}

@test "a network that fails: nothing lost" {
    scenario network
}

@test "a kill at some system calls of each program" {
    traceable
    run_x 0 "$ROOT/tests/chaos/syscalls" --count 4 --seed "$SEED"
    contains "$output" " 0 wrong"
    run_x 0 "$ROOT/tests/chaos/syscalls" --exactly-once --count 2 --seed "$SEED"
    contains "$output" " 0 wrong"
}

@test "a seed repeats the schedule of faults, another gives another" {
    for seed in 1 1 2; do
        run_x 0 "$ROOT/tests/chaos/chaos" --plan --seed "$seed" kills instances
        plans+=("${output//--seed $seed/}")
    done
    equals "${plans[0]}" "${plans[1]}"
    [[ ${plans[0]} != "${plans[2]}" ]]
}
