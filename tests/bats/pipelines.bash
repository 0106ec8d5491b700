# Configurations, records, kills and stops for tests of handlers and of delivery; after helpers.

# config [processor line ...]: lines in, lines out
config() {
    cat >config.yaml <<YAML
processor:
$(printf '  %s\n' "$@")
source: {kind: lines}
sink: {kind: lines}
YAML
}

# kafka_config [processor line ...]: topics in, out and dead of $BROKERS
kafka_config() {
    cat >config.yaml <<YAML
processor:
$(printf '  %s\n' "$@")
source: {kind: kafka, brokers: ["$BROKERS"], topics: [in], consumerGroup: g, offset: earliest, properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 500}}
sink: {kind: kafka, brokers: ["$BROKERS"], topic: out}
YAML
}

dead_letter() {
    echo "deadLetter: {kind: kafka, brokers: [\"$BROKERS\"], topic: dead}" >>config.yaml
}

values_of() { # values_of TOPIC
    bruco-source -q -e kafka -b "$BROKERS" -t "$1" -g "look-$RANDOM$RANDOM" -o earliest |
        bruco-sink -q lines
}

send() {
    bruco-source -q lines "$@" | bruco-sink -q kafka -b "$BROKERS" -t in
}

worker_pids() { # of the driver NAME, those that are alive
    local pid name driver
    driver=$(<"$1.pid")
    for pid in $(<"/proc/$driver/task/$driver/children"); do
        read -r name 2>/dev/null <"/proc/$pid/comm" || continue
        [[ $name != bruco-worker ]] || echo "$pid"
    done
}

kill_worker() { # of the driver NAME, one of those that are there
    local pid
    pid=$(worker_pids "$1" | shuf -n1)
    [[ -n $pid ]] && kill -KILL "$pid"
}

ends() { # ends TOPIC: the sum of its partitions' ends
    kafka-offsets -b "$BROKERS" ends "$1" | awk '{ sum += $3 } END { print sum + 0 }'
}

out_at_least() { (($(ends "$OUT") >= $1)); }

committed() { # the sum of the committed offsets of $GROUP
    kafka-offsets -b "$BROKERS" group "$GROUP" "$IN" | awk '$2 != "-" { sum += $2 } END { print sum + 0 }'
}

# stops_in_full_flow TIMES: SIGTERM while records come, and a start again, as often; then what is left.
# Records come without an end, so that no start comes to it, however late it is.
stops_in_full_flow() {
    local before i
    start_x fill kafka-fill -b "$BROKERS" -t "$IN" -n 1000000000 --rate 3000
    for ((i = 1; i <= $1; i++)); do
        before=$(ends "$OUT")
        start_x run bruco -c config.yaml
        wait_for 60 out_at_least $((before + 100))
        stop_x run
        equals "$(committed)" "$(ends "$OUT")"
    done
    stop_x fill 143
    run_x 0 bruco -e -c config.yaml
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
}
