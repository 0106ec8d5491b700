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

# kafka_topics PARTITIONS [config=value ...]: Kafka itself, with topics $IN and $OUT of the test's own and
# a $GROUP.
kafka_topics() {
    real_broker
    new_topic "$@"
    IN=$TOPIC
    new_topic "$@"
    OUT=$TOPIC
    GROUP=g-$IN
}

# A handler that returns what it gets.
pass_on() {
    echo 'def handle_event(context, data): return data' >handler.py
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

# on_kafka [processor line ...]: from $IN to $OUT on Kafka itself, with two workers that may die often,
# and the handler on standard input.
on_kafka() {
    kafka_topics 4 max.message.bytes=4194304
    cat >handler.py
    kafka_config "workers: 2" "$@"
    sed -i "s/topics: .in., consumerGroup: g/topics: [$IN], consumerGroup: $GROUP/; s/topic: out/topic: $OUT/" config.yaml
    echo "maxRestarts: 1000" >>config.yaml
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
        [[ $name != bruco-worker ]] || process_ended "$pid" || echo "$pid"
    done
}

workers_are() { # workers_are NAME COUNT: of that driver
    (($(worker_pids "$1" | wc -l) == $2))
}

kill_worker() { # of the driver NAME, one of those that are there; it is dead afterwards
    local pid
    pid=$(worker_pids "$1" | shuf -n1)
    [[ -n $pid ]] && kill -KILL "$pid" && wait_for 10 process_ended "$pid"
}

stage_of() { # stage_of NAME bruco-sink: the pid of that stage of the driver NAME
    local pid
    for pid in $(<"/proc/$(<"$1.pid")/task/$(<"$1.pid")/children"); do
        [[ $(<"/proc/$pid/comm") != "$2" ]] || echo "$pid"
    done
}

ready() { # ready NAME [TIMES]: the driver NAME has said so, as often
    (($(grep -c 'bruco: info: ready' "$1.err") >= ${2:-1}))
}

fill() { # fill COUNT [option ...]: of kafka-fill, into $IN
    kafka-fill -b "$BROKERS" -t "$IN" -n "$@" >/dev/null
}

ends() { # ends TOPIC: the sum of its partitions' ends
    kafka-offsets -b "$BROKERS" ends "$1" | awk '{ sum += $3 } END { print sum + 0 }'
}

out_at_least() { (($(ends "$OUT") >= $1)); }

committed() { # committed [TOPIC]: the sum of the committed offsets of $GROUP, in $IN if not said
    kafka-offsets -b "$BROKERS" group "$GROUP" "${1:-$IN}" | awk '$2 != "-" { sum += $2 } END { print sum + 0 }'
}

# kills_in_full_flow TIMES [OPTION ... of kafka-fill]: as often kill -9 of a worker while $RECORDS records pass;
# each comes out once, in order.
kills_in_full_flow() {
    local i
    kafka-fill -b "$BROKERS" -t "$IN" -n "$RECORDS" "${@:2}" >/dev/null
    start_x bruco bruco -c config.yaml # goes on at the end: kills find a worker however fast it is
    wait_for 20 file_has bruco.err "ready"
    for ((i = 1; i <= $1; i++)); do
        wait_for 60 out_at_least $((RECORDS * i / (2 * $1 + 2)))
        wait_for 20 kill_worker bruco
    done
    wait_for 20 workers_are bruco 2 # a stop while one waits to be started again ends with 75
    stop_x bruco
    run_x 0 bruco -e -c config.yaml
    (($(grep -c 'killed by signal 9' bruco.err) >= $1))
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
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
