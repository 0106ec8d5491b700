# Functions for tests of `bruco check`, beside those of helpers.bash.

setup() {
    common_setup
    echo 'def handle_event(context, data): return data' >handler.py
}

# refuses LINE ...: the configuration on standard input has exactly these mistakes.
refuses() {
    cat >config.yaml
    run_x 78 bruco check
    equals "$output" ""
    equals "$stderr" "$(printf '%s\n' "$@")"
}

# accepts [LINE ...]: it is good; these are the warnings.
accepts() {
    cat >config.yaml
    run_x 0 bruco check -c config.yaml
    equals "$output" "config.yaml: ok"
    equals "$stderr" "$( (($# == 0)) || printf '%s\n' "$@")"
}

# A processor and a source that are good, for tests of something else: seven lines.
good_start() {
    cat <<'YAML'
processor:
  handlerPath: .
source:
  kind: kafka
  brokers: [localhost:9092]
  topics: [in]
  consumerGroup: me
YAML
}
