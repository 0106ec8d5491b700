#!/usr/bin/env bats
# rateLimit: how many records a pipeline takes in a time, whatever its workers are.

load helpers
load driver
load pipelines

# What has come in since the driver was ready must fit the limit: never more, and about that much. (How
# exact it is, is measured by hand: a busy machine makes it slower, never faster.)
check_rate() { # check_rate RECORDS-A-SECOND BURST SECONDS
    wait_for 60 status_has_run "$3"
    is_true --argjson rate "$1" --argjson burst "$2" '.totals.in <= $rate * .up_s + $burst + 1 and
        .totals.in >= $rate * (.up_s - 3) * 0.5' status.json || { jq '.totals.in, .up_s' status.json; false; }
}

status_has_run() {
    bruco status --json >status.json && is_true ".up_s >= $1" status.json
}

@test "rateLimit: eight workers share it, and nothing is lost" {
    requires jq
    on_kafka 'ordering: none' <<<'def handle_event(context, data): return data'
    sed -i 's/workers: 2/workers: 8/' config.yaml
    echo 'rateLimit: 300/s' >>config.yaml
    fill 4000
    start_x bruco bruco -c config.yaml
    wait_for 60 ready bruco
    check_rate 300 30 8
    wait_for 60 out_at_least 4000
    stop_x bruco
    run_x 0 kafka-compare -b "$BROKERS" --exact --order none "$IN" "$OUT"
}

@test "rateLimit: by partition and by key, over a minute, with a burst" {
    requires jq
    for ordering in partition key; do
        on_kafka "ordering: $ordering" <<<'def handle_event(context, data): return data'
        printf '%s\n' 'rateLimit: 6000/m' 'rateBurst: 50' >>config.yaml
        fill 600
        start_x bruco bruco -c config.yaml
        wait_for 60 ready bruco
        check_rate 100 50 5
        wait_for 60 out_at_least 600
        stop_x bruco
        run_x 0 kafka-compare -b "$BROKERS" --exact --order "$ordering" "$IN" "$OUT"
    done
}

@test "rateLimit: a stop does not wait for what was not taken" {
    on_kafka <<<'def handle_event(context, data): return data'
    echo 'rateLimit: 1/h' >>config.yaml
    fill 1000
    start_x bruco bruco -c config.yaml
    wait_for 60 out_at_least 1
    stop_x bruco
    equals "$(committed)" 1
    equals "$(ends "$OUT")" 1
    sed -i '/rateLimit/d' config.yaml
    run_x 0 bruco -e -c config.yaml
    run_x 0 kafka-compare -b "$BROKERS" --exact "$IN" "$OUT"
}

@test "rateLimit: what others of its partition have overtaken is run at once when it stops" {
    on_kafka 'ordering: key' <<<'def handle_event(context, data): return data'
    echo 'rateLimit: 2/s' >>config.yaml
    seq 400 | awk '{ print ($1 % 10 ? "hot" : "rare-" $1) "\t" $1 }' |
        bruco-source -q -K lines | bruco-sink -q kafka -b "$BROKERS" -t "$IN" --partition 0
    start_x bruco bruco -c config.yaml
    wait_for 60 out_at_least 6
    stop_x bruco # 0: with all that must be run delivered and committed
    sed -i '/rateLimit/d' config.yaml
    run_x 0 bruco -e -c config.yaml
    run_x 0 kafka-compare -b "$BROKERS" --exact --order none "$IN" "$OUT"
}

@test "rateLimit: standard input, and another attempt counts for nothing" {
    requires jq
    project <<'END'
failed = set()
def handle_event(context, data):
    data = bytes(data)
    if data not in failed:
        failed.add(data)
        raise ValueError("at first")
    return data
END
    sed -i 's/^processor: {/&retry: {attempts: 2, backoff: 0ms}, /' app/config.yaml
    set_key rateLimit 20/s
    set_key rateBurst 1
    seq 60 >numbers
    run_x 0 bruco --log-format json app <numbers
    same_bytes stdout numbers
    is_true -s 'map(select(.message | startswith("summary:")))[0] | .retried == 60 and .seconds > 2.5' stderr
}

@test "rateLimit: what is no rate" {
    project <<<'def handle_event(context, data): return data'
    for bad in 100 fast 0/s 2000000/s -1/s '"1/d"'; do
        set_key rateLimit "$bad"
        run_x 78 bruco check app
        contains "$stderr" "rateLimit: expected a rate such as 100/s, 6000/m or 50/h, from 1/h to 1000000/s, found"
    done
    set_key rateLimit 90/m
    run_x 0 bruco check --print app
    contains "$output" "rateLimit: 90/m"
}
