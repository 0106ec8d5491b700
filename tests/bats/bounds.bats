#!/usr/bin/env bats
# What a stranger controls costs work and memory in proportion to its size. Each of these took minutes, or never
# ended, before it was bounded.

load helpers
load driver
load pipelines
load failures

setup() {
    common_setup
}

@test "an event of 120,000 outputs, of which the last is refused" {
    kafka_topics 4
    new_topic 1
    DEAD=$TOPIC
    cat >handler.py <<'END'
from bruco import Message
def handle_event(context, data):
    for i in range(120000):
        yield str(i)
    yield Message(b"last", topic="elsewhere")
END
    config 1 deadLetter
    echo 1 | send "$IN"
    LIMIT=60
    run_x 0 bruco -e -c config.yaml
    equals "$(ends "$DEAD")" 120001
    count_in stderr "can't be delivered" 1
    file_has stderr "a record for 'elsewhere' can't be delivered: topic is not in sink.topics"
}

@test "a header of more than 4 GiB is too large, and not what is left of its length" {
    (($(awk '/MemAvailable/ { print $2 }' /proc/meminfo) > 6000000)) || skip "too little memory"
    project <<'END'
from bruco import Message
SIZES = {"more": (2**32 + 5,), "negative": (2**31 + 10,), "both": (2**31 + 10, 2**31 + 10), "small": (1, 5)}
def handle_event(context, data):
    return Message(data, headers=[("h", bytes(size)) for size in SIZES[data.decode()]])
END
    sed -i 's/^processor: {/&onFailure: skip, /' app/config.yaml
    run_x 0 bruco app < <(printf '%s\n' more negative both small)
    equals "$output" small
    count_in stderr 'event failed: .*are more than maxRecordSize' 3
}

@test "a configuration that would become too large, or never be read" {
    project <<<'def handle_event(context, data): return data'
    BIG=$(printf '%0100000d' 0)
    export BIG
    {
        cat app/config.yaml
        echo 'name: x'
        echo 'metrics: {listen: "${BIG}'
        for _ in $(seq 200); do printf '${BIG}%.0s' $(seq 700); done
        echo '"}'
    } >app/big.yaml
    run_x 78 bruco check -c app/big.yaml
    count_in stderr 'substitution makes the configuration larger than 16 MiB' 1
    mkfifo app/fifo
    for target in fifo /dev/zero .; do
        { cat app/config.yaml; echo 'name: ${file:'$target'}'; } >app/other.yaml
        run_x 78 bruco check -c app/other.yaml
        file_has stderr "cannot read file '.*': it is no regular file"
    done
}

@test "requirements that include themselves, and a requirements.txt that is no file" {
    project <<<'def handle_event(context, data): return data'
    for _ in $(seq 50); do
        printf '%s\n' '-r requirements.txt' '-r ./requirements.txt' '-c ../app/requirements.txt'
    done >app/requirements.txt
    BRUCO_DISABLE_PIP=false run_x 0 bruco check -c app/config.yaml
    rm app/requirements.txt
    mkfifo app/requirements.txt
    BRUCO_DISABLE_PIP=false run_x 69 bruco app </dev/null
    file_has stderr "cannot read '.*requirements.txt': it is no regular file"
}
