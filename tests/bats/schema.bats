#!/usr/bin/env bats
# bruco schema: what editors know of a configuration, beside bruco check and bruco.yaml(5).
load helpers

has_validator() {
    /usr/bin/python3 -c 'import jsonschema, yaml' 2>/dev/null || skip "Debian's python3-jsonschema and python3-yaml are not installed"
}

# The last line of agree has at least so many good and wrong ones.
agrees() { # agrees GOOD WRONG [ARGUMENT ...]
    LIMIT=300 run_x 0 "$ROOT/tests/schema/agree" "${@:3}"
    local counts
    read -ra counts <<<"${lines[-1]//[^0-9 ]/}"
    ((counts[1] >= $1 && counts[2] >= $2))
}

@test "the schema agrees with bruco check about every configuration of examples and tests" {
    has_validator
    "$ROOT/tests/schema/collect" configs
    agrees 20 90 configs
}

@test "and about keys with any value" {
    has_validator
    agrees 200 1000 --values
}

@test "a key that several kinds have is told as each of them has it" {
    bruco schema >schema.json
    of() { # of SECTION KIND FILTER
        is_true --arg kind "$2" ".properties.$1.allOf[] | select(.if.properties.kind.const == \$kind).then.properties | $3" schema.json
    }
    of source nats '.security.properties | has("token") and (has("mechanism") | not)'
    of source kafka '.security.properties | has("mechanism") and (has("token") | not)'
    of source http '.security == false'
    of source file '.offset.default == "earliest"'
    of source kafka '.offset.default == "latest"'
    of deadLetter nats '.security.properties | has("token")'
}

@test "its sentences and defaults are those of bruco.yaml(5)" {
    run_x 0 "$ROOT/tests/schema/accord" "$ROOT/man/bruco.yaml.5"
    [[ ${lines[0]} =~ ^[0-9]+' keys'$ ]]
    sed 's/^The longest pause/The shortest pause/; s/^Default: 10s/Default: 11s/; s/^.It Cm topics /.It Cm topic /' "$ROOT/man/bruco.yaml.5" >page
    run_x 1 "$ROOT/tests/schema/accord" page
    contains "$output" "processor.retry.maxBackoff: the page does not say 'The longest pause.'"
    contains "$output" 'source.topics: has no paragraph'
}

@test "an editor finds the schema beside what init makes" {
    bruco init -q words
    local name
    name=$(sed -n '1s/^# yaml-language-server: \$schema=//p' words/config.yaml)
    bruco schema >schema.json
    same_bytes schema.json "words/$name"
    is_true '.properties.source.properties.topics.description == "The topics."' schema.json >/dev/null
}

@test "it takes no argument, and a full disk is an error" {
    run_x 64 bruco schema more
    run_x 69 bash -c 'bruco schema >/dev/full'
    contains "$stderr" 'cannot write to standard output'
}
