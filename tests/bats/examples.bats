# The examples as a user meets them: tools/pages runs the commands of each README, word for word.

load helpers

setup_file() {
    # Packages are installed once for this file.
    export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
}

# Skips where pip finds no packages.
requires_pip() {
    local folder=$BATS_FILE_TMPDIR/pip
    if [[ ! -e $folder ]]; then
        mkdir "$folder"
        timeout 60 /usr/bin/python3 -m venv "$folder/env" >"$folder/log" 2>&1 &&
            timeout 60 "$folder/env/bin/pip" download -q --no-deps -d "$folder" idna==3.10 \
                >>"$folder/log" 2>&1 || touch "$folder/failed"
    fi
    [[ ! -e $folder/failed ]] || skip "pip finds no packages"
}

follow() { # follow EXAMPLE
    LIMIT=300 run_x 0 "$ROOT/tools/pages" "$ROOT/examples/$1/README.md"
}

@test "basic" {
    follow basic
}

@test "keyed" {
    follow keyed
}

@test "fan-out" {
    follow fan-out
}

@test "enrich" {
    requires_pip
    export BRUCO_DISABLE_PIP=
    follow enrich
}

@test "sentiment" {
    requires_pip
    export BRUCO_DISABLE_PIP=
    follow sentiment
}

@test "classifier" {
    requires_pip
    # Its README makes the environment with the distribution's Python.
    [[ $(bruco-worker --version) == *"CPython $(/usr/bin/python3 -c 'import platform; print(platform.python_version())')"* ]] ||
        skip "another Python is embedded"
    export BRUCO_DISABLE_PIP=
    follow classifier
}

@test "service" {
    requires curl
    follow service
}

@test "once" {
    follow once
}

@test "avro" {
    requires jq
    requires_pip
    export BRUCO_DISABLE_PIP=
    follow avro
}

@test "protobuf" {
    requires_pip
    export BRUCO_DISABLE_PIP=
    follow protobuf
}

@test "redis" {
    requires jq redis-server
    requires_pip
    export BRUCO_DISABLE_PIP=
    follow redis
}

@test "each example has a test here, a README of its own, a case, and a line in the index" {
    for folder in "$ROOT"/examples/*/; do
        [[ $folder != */@(monitoring|kubernetes)/ ]] || continue # metrics.bats, container.bats
        name=$(basename "$folder")
        grep -q "^@test \"$name\"" "$BATS_TEST_FILENAME"
        [[ -s $folder/README.md && -s $folder/config.yaml && -s $folder/handler.py ]]
        [[ -n $(ls "$folder"/cases/*.expected.json) ]]
        grep -q "($name/)" "$ROOT/examples/README.md"
        grep -q "bruco test .*-c examples/$name" "$folder/README.md"
    done
}
