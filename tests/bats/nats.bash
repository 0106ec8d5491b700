# A NATS server, a client, and pipelines; after helpers and driver.

# start_nats [CONFIGURATION LINE ...]: a server of the test's own; sets $NATS. Its store lasts for the test.
start_nats() {
    requires nats-server
    : "${NATS:=$(free_port)}"
    printf '%s\n' "listen: 127.0.0.1:$NATS" "$@" >nats.conf
    start_x nats nats-server -c nats.conf
    wait_for 20 file_has nats.err 'Server is ready'
}

stop_nats() {
    stop_x nats 1 # so it ends after SIGTERM
}

nats() { # nats WHAT SUBJECT [OPTION ...]
    /usr/bin/python3 "$ROOT/tests/bats/nats.py" "$NATS" "$@"
}

listen_at() { # listen_at NAME SUBJECT [OPTION ...]: messages go to NAME.out
    start_x "$1" /usr/bin/python3 "$ROOT/tests/bats/nats.py" "$NATS" sub "${@:2}"
    wait_for 20 file_has "$1.err" subscribed
}

stop_listening() {
    kill_x "$1" TERM
    wait_x "$1" 143
}

# nats_project [processor line ...]: a folder `app` from `in.>` to `out`, the handler from standard input.
nats_project() {
    mkdir -p app
    cat >app/handler.py
    cat >app/config.yaml <<YAML
shutdownTimeout: 20s
processor:
$(printf '  %s\n' "handlerPath: ." "$@")
source: {kind: nats, serverUrl: "127.0.0.1:$NATS", subject: "in.>"}
sink: {kind: nats, serverUrl: "127.0.0.1:$NATS", subject: out}
YAML
}

start_app() { # start_app NAME [OPTION ...]
    start_x "$1" bruco "${@:2}" app
    wait_for 20 file_has "$1.err" 'bruco: info: ready'
}

data_of() { # data_of FILE: the messages' data, a line each
    jq -r .data "$1"
}

make_stream() { # make_stream NAME SUBJECT [MORE]: in files of the test's
    nats ask "\$JS.API.STREAM.CREATE.$1" \
        "{\"name\": \"$1\", \"subjects\": [\"$2\"], \"storage\": \"file\", \"retention\": \"limits\", \"num_replicas\": 1, ${3:-\"discard\": \"old\"}}" |
        is_true '.error == null' -
}

stored_in() { # stored_in NAME: its messages' data, a line each, in order; all.out has all of them
    local stored
    stored=$(messages_in "$1")
    ((stored > 0)) || return 0
    listen_at all all -n "$stored"
    nats ask "\$JS.API.CONSUMER.CREATE.$1" \
        "{\"stream_name\": \"$1\", \"config\": {\"deliver_subject\": \"all\", \"ack_policy\": \"none\", \"deliver_policy\": \"all\"}}" >all.answer
    wait_x all 0
    data_of all.out
}

messages_in() { # messages_in NAME: how many are stored
    nats ask "\$JS.API.STREAM.INFO.$1" | jq .state.messages
}

not_acknowledged() { # not_acknowledged STREAM CONSUMER: how many of its messages are, or were not even sent
    nats ask "\$JS.API.CONSUMER.INFO.$1.$2" | jq '.num_ack_pending + .num_pending'
}

# stream_project [processor line ...]: nats_project on the stream IN, with its consumer `app`.
stream_project() {
    start_nats 'jetstream {store_dir: "store"}'
    make_stream IN 'in.>'
    nats_project "$@"
    sed -i 's/subject: "in.>"/&, stream: IN, durable: app, ackWait: 2s/; 1i maxRestarts: 1000' app/config.yaml
}
