# Projects without a broker, a driver in the background and what it has started; after helpers.

# project [WORKERS]: a folder `app` with a configuration from lines to lines and, from standard
# input, a handler.
project() {
    lines_project "{workers: ${1:-1}, ordering: none}" 'shutdownTimeout: 10s'
}

# set_key KEY VALUE: at the top of the configuration, instead of what it may have there.
set_key() {
    sed -i "/^$1:/d" app/config.yaml
    echo "$1: $2" >>app/config.yaml
}

echo_project() {
    project "${1:-1}" <<<'def handle_event(context, data): return data'
}

# kafka_project [WORKERS]: the same from a new topic of the real broker, which can be read again.
kafka_project() {
    real_broker
    new_topic 1
    echo_project "${1:-1}"
    sed -i '/^source:/d' app/config.yaml
    cat >>app/config.yaml <<END
source:
  {kind: kafka, brokers: "$BROKERS", topics: [$TOPIC], consumerGroup: g-$TOPIC, offset: earliest,
   properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 500}}
END
}

send() { # send RECORD ...: to that topic
    printf '%s\n' "$@" | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t "$TOPIC"
}

# start_bruco [OPTION ...]: in the background, its input is what feed sends until end_feed.
start_bruco() {
    mkfifo feed.pipe
    exec 7<>feed.pipe
    start_x bruco bruco "$@" app <feed.pipe 7>&-
    wait_for 20 file_has bruco.err 'bruco: info: ready'
}

feed() {
    printf '%s\n' "$@" >&7
}

end_feed() {
    exec 7>&-
}

# The pids of the driver's children with this name.
stages() {
    local driver child
    driver=$(<bruco.pid)
    for child in $(<"/proc/$driver/task/$driver/children"); do
        [[ $(<"/proc/$child/comm") != "$1" ]] || echo "$child"
    done
}

has_stages() { # has_stages NAME COUNT
    [[ $(stages "$1" | wc -l) == "$2" ]]
}

times_in() { # a condition: times_in FILE PATTERN COUNT
    [[ $(grep -cE -- "$2" "$1") == "$3" ]]
}

time_is() { # a condition: time_is SECONDS, as bash counts them
    ((SECONDS >= $1))
}

same_lines() { # same_lines FILE FILE, in any order
    cmp <(sort "$1") <(sort "$2")
}

# As somebody in a hurry does: what comes within half a second of the first is no second signal.
insist() { # insist SIGNAL
    wait_for 20 insisted "$1"
}

insisted() {
    kill_x bruco "$1" 2>/dev/null || true
    process_ended "$(<bruco.pid)"
}

# retrying ATTEMPTS ON_FAILURE [TIMEOUT]: of the project.
retrying() {
    sed -i "s/^processor: {/&retry: {attempts: $1, backoff: 10ms}, onFailure: $2, /" app/config.yaml
    [[ -z ${3:-} ]] || sed -i "s/^processor: {/&timeout: $3, /" app/config.yaml
}
