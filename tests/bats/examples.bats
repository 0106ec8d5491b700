# The examples and the first minute, as a user meets them: the commands of each README, word for word, with what they are
# said to print, in a copy of the folder, with a broker at a port of its own.

load helpers

setup_file() {
    # Packages are installed once for this file.
    export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
}

setup() {
    common_setup
    cp -r "$ROOT/examples" .
    rm -rf examples/classifier/{env,model.joblib}
    find examples -name '__pycache__' -prune -exec rm -r {} +
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

# steps README: for each command a line with it, its continuation lines joined, and behind it, each
# after a tab, the lines that it is to print.
steps() {
    sed '/^```/,/^```/d' "$1" | sed -n 's/^    //p' | sed -e ':more' -e '$!N' -e 's/\n> */ /;tmore' -e 'P;D' |
        sed '/^\$ /!s/^/\t/; s/^\$ //'
}

# Runs the commands of a README. Those that end with & are started and go on; they print a line when
# they are ready.
follow_readme() {
    local broker web line step command='' want=''
    broker=$(free_port) web=$(free_port)
    export BROKERS=127.0.0.1:$broker CATALOGUE=http://127.0.0.1:$web PORT=$web
    started=0
    sed "s/localhost:9092/$BROKERS/; s/9092/$broker/; s/8080/$web/" "$1" >readme.md
    steps readme.md >steps
    while IFS= read -r line || [[ -n $line ]]; do
        if [[ $line == $'\t'* ]]; then
            want+=${line#$'\t'}$'\n'
            continue
        fi
        do_step
        command=$line want=''
    done <steps
    do_step
}

# What a README has started ends with its test.
teardown() {
    local step
    for step in step-*.pid; do
        [[ ! -e $step ]] || kill -TERM "$(<"$step")"
    done
    common_teardown
}

do_step() {
    [[ -n $command ]] || return 0
    echo "\$ $command"
    if [[ $command == *' &' ]]; then
        started=$((started + 1))
        # shellcheck disable=SC2086
        start_x "step-$started" ${command% &}
        wait_for 20 eval 'lines_in "step-$started.out" 1 || file_has "step-$started.err" "bruco: info: ready"'
        return
    fi
    if [[ $command =~ ^kill((\ %[0-9]+)+)$ ]]; then
        for step in ${BASH_REMATCH[1]//%/}; do
            kill -TERM "$(<"step-$step.pid")"
            wait_for 20 process_ended "$(<"step-$step.pid")"
            rm "step-$step.pid"
        done
        return
    fi
    LIMIT=300 run_x 0 bash -o pipefail -c "$command"
    equals "$(<stdout)" "${want%$'\n'}"
}

@test "the first minute, as the README of all has it" {
    sed -n '/^## Your own/,/^## By hand/p' "$ROOT/README.md" >first.md
    follow_readme first.md
}

@test "basic" {
    follow_readme examples/basic/README.md
}

@test "keyed" {
    follow_readme examples/keyed/README.md
}

@test "fan-out" {
    follow_readme examples/fan-out/README.md
}

@test "enrich" {
    requires_pip
    export BRUCO_DISABLE_PIP=
    follow_readme examples/enrich/README.md
}

@test "sentiment" {
    requires_pip
    export BRUCO_DISABLE_PIP=
    follow_readme examples/sentiment/README.md
}

@test "classifier" {
    requires_pip
    # Its README makes the environment with the distribution's Python.
    [[ $(bruco-worker --version) == *"CPython $(/usr/bin/python3 -c 'import platform; print(platform.python_version())')"* ]] ||
        skip "another Python is embedded"
    export BRUCO_DISABLE_PIP=
    follow_readme examples/classifier/README.md
}

@test "service" {
    requires curl
    follow_readme examples/service/README.md
    sed -n '/^## Over HTTP/,/^## See and steer/p' "$ROOT/README.md" >http.md
    follow_readme http.md
}

@test "each example has a test here, a README of its own, a case, and a line in the index" {
    for folder in examples/*/; do
        [[ $folder != examples/monitoring/ ]] || continue # metrics.bats has it
        name=$(basename "$folder")
        grep -q "^@test \"$name\"" "$BATS_TEST_FILENAME"
        [[ -s $folder/README.md && -s $folder/config.yaml && -s $folder/handler.py ]]
        [[ -n $(ls "$folder"/cases/*.expected.json) ]]
        grep -q "($name/)" examples/README.md
        grep -q "bruco test .*-c examples/$name" "$folder/README.md"
        grep -q '^    \$ kill %1' "$folder/README.md" # nothing that it has started is left running
    done
}
