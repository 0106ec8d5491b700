# A real broker with the listeners of BRUCO_KAFKA_SECURE, one for each file that loads this, and ways to
# disturb it. Load helpers first.

LIMIT=120
export BRUCO_KAFKA_SMALL=1

setup_file() {
    command -v java openssl >/dev/null || return 0
    export BRUCO_KAFKA_RUN=$BATS_FILE_TMPDIR/kafka
    BRUCO_KAFKA_SECURE=1 "$ROOT/tests/kafka/broker" start
}

secure_setup() {
    common_setup
    requires java openssl
    export BRUCO_KAFKA_RUN=$BATS_FILE_TMPDIR/kafka
    TLS=$BRUCO_KAFKA_RUN/tls
    BROKERS=$(<"$BRUCO_KAFKA_RUN/address")
    unset PROXY
    new_topic
    OUT=$TOPIC
}

setup() {
    secure_setup
}

teardown() {
    [[ -z ${PROXY:-} ]] || exec {PROXY}>&-
    [[ ! -e own ]] || BRUCO_KAFKA_RUN=$PWD/own "$ROOT/tests/kafka/broker" stop
    common_teardown
}

at() { # at LISTENER: its address
    cat "$BRUCO_KAFKA_RUN/$1"
}

# start_proxy [HOST:PORT]: its address is in $ADDRESS; mode MODE changes it.
start_proxy() {
    rm -f proxy.in
    mkfifo proxy.in
    start_x proxy /usr/bin/python3 -u "$ROOT/tests/chaos/proxy.py" "$@" <>proxy.in
    exec {PROXY}>proxy.in
    wait_for 20 lines_in proxy.out 1
    ADDRESS=$(<proxy.out)
}

mode() {
    echo "$1" >&"$PROXY"
}

end_proxy() {
    kill_x proxy TERM
    wait_x proxy 143
}

count() { # count TOPIC
    kafka-offsets -b "$BROKERS" count "$1"
}

count_is() {
    [[ $(count "$1") == "$2" ]]
}

count_at_least() {
    (($(count "$1") >= $2))
}

# own_broker [PROTOCOL]: a broker of the test's own behind a proxy, for what it would break.
own_broker() {
    local port
    until port=$((20000 + RANDOM % 12000)) && ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
    export BRUCO_KAFKA_RUN=$PWD/own
    BRUCO_KAFKA_SECURE=1 "$ROOT/tests/kafka/broker" start "$@" >own.address
    BROKERS=$(<own.address)
    TLS=$BRUCO_KAFKA_RUN/tls
    new_topic
    IN=$TOPIC
    new_topic
    OUT=$TOPIC
}

send() { # send VALUE ...
    printf '%s\n' "$@" | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t "$IN"
}

process_alive() {
    ! process_ended "$(<"$1.pid")"
}
