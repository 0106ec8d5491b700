# Pipelines with an http source, and a client; after helpers and driver.

# http_project [processor line ...]: a folder `app`, the handler from standard input.
http_project() {
    PORT=$(free_port)
    mkdir -p app
    cat >app/handler.py
    cat >app/config.yaml <<YAML
shutdownTimeout: 10s
processor:
$(printf '  %s\n' "handlerPath: ." "$@")
source: {kind: http, listen: 127.0.0.1, port: $PORT}
YAML
}

start_http() { # start_http [OPTION ...]
    start_x bruco bruco "$@" app
    wait_for 20 file_has bruco.err 'bruco: info: ready'
}

# ask [-m METHOD] [-H 'NAME: VALUE'] ... PATH [BODY]: prints the status, then the answer's body.
# What else there is stands in the file `headers`.
ask() {
    /usr/bin/python3 "$ROOT/tests/bats/ask.py" "${SCHEME:-http}://${HOST:-127.0.0.1}:$PORT" "$@"
}

answers() { # answers STATUS BODY ASK ...: that is what comes
    local want=$1 body=$2
    shift 2
    equals "$(ask "$@")" "$(printf '%s\n%s' "$want" "$body")"
}
