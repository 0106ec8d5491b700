#!/usr/bin/env bats
# Where a handler's packages come from: requirements.txt, processor.python, a virtual environment
# that is active.

load helpers

# project: a folder `app` with a configuration from lines to lines and, from standard input, a
# handler.
project() {
    lines_project '{handlerPath: .}'
}

embedded_version() { # 3.11
    bruco-worker --version | sed -n 's/CPython \([0-9]*\.[0-9]*\).*/\1/p'
}

# make_venv FOLDER: without pip, for the Python that is embedded, with a module only_there.
make_venv() {
    local python
    python=$(embedded_version)
    mkdir -p "$1/bin" "$1/lib/python$python/site-packages"
    ln -s /usr/bin/python3 "$1/bin/python3"
    printf 'home = /usr/bin\ninclude-system-site-packages = false\nversion = %s.2\n' "$python" >"$1/pyvenv.cfg"
    echo 'name = "in the venv"' >"$1/lib/python$python/site-packages/only_there.py"
}

# ---- an environment that is there

@test "a virtual environment is used; one of a Python that is too old is refused" {
    local python
    python=$(embedded_version)
    make_venv venv
    echo 'import sys, only_there
def handle_event(context, data): return [only_there.name, sys.prefix, sys.executable]' >handler.py
    local where="[\"in the venv\", \"$PWD/venv\", \"$PWD/venv/bin/python3\"]"
    BRUCO_VENV=$PWD/venv VIRTUAL_ENV=/nowhere run_x 0 bruco-worker --lines < <(echo 1)
    equals "$output" "$where"
    VIRTUAL_ENV=$PWD/venv run_x 0 bruco-worker --lines < <(echo 1)
    equals "$output" "$where"
    # One that was made by another Python of the same version: only its packages are taken.
    sed -i 's,^home.*,home = /nowhere/bin,' venv/pyvenv.cfg
    VIRTUAL_ENV=$PWD/venv run_x 0 bruco-worker --lines < <(echo 1)
    equals "$output" "$where"

    sed -i 's/^version.*/version_info = 2.7.18/' venv/pyvenv.cfg
    VIRTUAL_ENV=$PWD/venv run_x 78 bruco-worker --lines </dev/null
    contains "$stderr" "error: VIRTUAL_ENV, which is activated: '$PWD/venv' is Python 2.7, and workers run in 3.9 and later"
    VIRTUAL_ENV=$PWD/absent run_x 78 bruco-worker --lines </dev/null
    contains "$stderr" "error: VIRTUAL_ENV, which is activated: cannot open '$PWD/absent': No such file or directory"
    VIRTUAL_ENV=$PWD run_x 78 bruco-worker --lines </dev/null
    contains "$stderr" "error: VIRTUAL_ENV, which is activated: '$PWD' is not a virtual environment: cannot read 'pyvenv.cfg': No such file or directory"
}

@test "processor.python: this environment, as it is, relative to the configuration; no pip" {
    unset BRUCO_DISABLE_PIP
    export XDG_CACHE_HOME=$PWD/cache
    project <<<'import sys, only_there
def handle_event(context, data): return [only_there.name, sys.prefix]'
    echo there-is-no-such-package >app/requirements.txt
    make_venv app/environment
    sed -i 's/handlerPath: ./python: environment/' app/config.yaml
    local where="[\"in the venv\", \"$PWD/app/environment\"]"
    BRUCO_VENV=/nowhere run_x 0 bruco app <<<hello
    equals "$output" "$where"
    [[ ! -e cache ]]
    BRUCO_VENV=/nowhere run_x 0 bruco-worker --lines -c app <<<hello
    equals "$output" "$where"
    sed -i 's/python: .*}/python: "${WHERE}"}/' app/config.yaml
    WHERE=$PWD/app/environment run_x 0 bruco app <<<hello
    equals "$output" "$where"
    WHERE=environment run_x 0 bruco check --print app
    contains "$output" '  python: "${WHERE}"'
}

@test "processor.python that is no environment, or one of a Python that is too old, is a mistake with its place" {
    local where="app/config.yaml:1:21: processor.python:"
    project <<<'def handle_event(context, data): return data'
    make_venv app/environment
    sed -i 's/handlerPath: ./python: absent/' app/config.yaml
    for command in "bruco app" "bruco check app" "bruco-worker --lines -c app"; do
        run_x 78 $command <<<hello
        equals "$stderr" "$where cannot open '$PWD/app/absent': No such file or directory"
    done
    sed -i "s/absent/'.'/" app/config.yaml
    run_x 78 bruco check app
    equals "$stderr" "$where '$PWD/app' is not a virtual environment: cannot read 'pyvenv.cfg': No such file or directory"
    mkdir app/odd
    mkfifo app/odd/pyvenv.cfg
    sed -i "s/'.'/odd/" app/config.yaml
    run_x 78 bruco check app
    equals "$stderr" "$where '$PWD/app/odd' is not a virtual environment: cannot read 'pyvenv.cfg': it is no regular file"
    sed -i "s/odd/environment/" app/config.yaml
    sed -i 's/^version.*/version = 2.7.18/' app/environment/pyvenv.cfg
    for command in "bruco app" "bruco-worker --lines -c app"; do
        run_x 78 $command <<<hello
        equals "$stderr" "$where '$PWD/app/environment' is Python 2.7, and workers run in 3.9 and later"
    done
    sed -i "s/environment/~\/venv/" app/config.yaml
    run_x 78 bruco check app
    contains "$stderr" "app/config.yaml:1:21: processor.python: '~' is not expanded here (write '\${HOME}/venv')"
}

# ---- requirements.txt

# A package that needs no network: a wheel in the handler's folder.
requirements_project() {
    project <<'END'
import tinypackage
def handle_event(context, data):
    return '%s %s' % (tinypackage.word, tinypackage.__file__)
END
    tiny_package found
    export XDG_CACHE_HOME=$PWD/cache
    unset BRUCO_DISABLE_PIP
}

@test "requirements.txt is installed once, for two that start at once, and kept; another one is another environment" {
    requirements_project
    start_x one bruco app <<<hello
    start_x two bruco app <<<hello
    wait_x one 0
    wait_x two 0
    contains "$(<one.out)" "found $PWD/cache/bruco/venv-"
    equals "$(<two.out)" "$(<one.out)"
    count_in <(cat one.err two.err) "info: installing '$PWD/app/requirements.txt'" 1

    cp app/requirements.txt before
    echo '# changed' >>app/requirements.txt
    run_x 0 bruco app <<<hello
    contains "$stderr" installing
    equals "$(ls -d cache/bruco/venv-*/ | wc -l)" 2
    cp before app/requirements.txt

    # The next start runs no Python to find that out: only the worker's own is there.
    requires strace
    ASAN_OPTIONS=detect_leaks=0 run_x 0 strace -f -e trace=execve -o trace bruco app <<<hello
    equals "$output" "$(<one.out)"
    file_lacks stderr installing
    file_lacks trace python3
}

@test "a package that cannot be installed: pip's words, 69, nothing half-made" {
    requirements_project
    echo 'there-is-no-such-package' >>app/requirements.txt
    run_x 69 bruco app <<<hello
    # Its words are log lines like all others, with its own levels.
    file_has stderr '^[-0-9T:.]+Z bruco: error: pip: No matching distribution found for there-is-no-such-package$'
    file_lacks stderr '^[^2]'
    file_lacks stderr 'ERROR'
    contains "$(tail -n 1 stderr)" "bruco: error: cannot install '$PWD/app/requirements.txt'"
    equals "$output" ""
    [[ -z $(ls -d cache/bruco/venv-*/ 2>/dev/null) ]]
}

@test "on a terminal pip's words are logged while it works" {
    requires script
    requirements_project
    echo hello >in
    run_x 0 script -qec 'bruco app <in >out 2>&1 2>/dev/tty' typescript
    tr -d '\r' <typescript >shown
    file_has shown '^[-0-9T:.]+Z bruco: info: pip: Successfully installed tinypackage-1.0$'
    contains "$(<out)" "found $PWD/cache/"
}

@test "a signal during the installation ends it and removes what is half-made" {
    requirements_project
    start_x bruco bruco app </dev/null
    wait_for 20 has_environment
    kill_x bruco TERM
    wait_x bruco 143
    [[ -z $(ls -d cache/bruco/venv-*/ 2>/dev/null) ]]
    # teardown sees that pip is gone
}

has_environment() {
    [[ -n $(ls cache/bruco/venv-*/pyvenv.cfg 2>/dev/null) ]]
}

@test "what a killed one left half-made is made again" {
    requirements_project
    start_x bruco bruco app </dev/null
    wait_for 20 has_environment
    kill_x bruco KILL
    wait_x bruco 137
    run_x 0 bruco app <<<hello
    contains "$stderr" installing
    contains "$output" found
}

@test "BRUCO_DISABLE_PIP=true installs nothing; no place to install into is 69" {
    requirements_project
    BRUCO_DISABLE_PIP=true run_x 70 bruco app <<<hello
    contains "$stderr" "No module named 'tinypackage'"
    [[ ! -e cache ]]
    run_x 69 env -u HOME -u XDG_CACHE_HOME bruco app <<<hello
    contains "$stderr" "neither HOME nor XDG_CACHE_HOME is set"
}

@test "what requirements.txt includes counts too: a change there is another environment" {
    requirements_project
    mkdir app/more
    mv app/requirements.txt app/more/base.txt
    printf '%s\n' '--requirement=more/base.txt # first' '-c limits.txt' >app/requirements.txt
    echo 'tinypackage<2' >app/limits.txt
    run_x 0 bruco app <<<hello
    contains "$output" found
    run_x 0 bruco app <<<hello
    file_lacks stderr installing
    local file
    for file in limits.txt more/base.txt; do
        cp "app/$file" before
        echo '# changed' >>"app/$file"
        run_x 69 bruco check --handler app
        contains "$stderr" "'$PWD/app/requirements.txt' is not installed"
        cp before "app/$file"
        run_x 0 bruco check --handler app
    done
    equals "$(ls -d cache/bruco/venv-*/ | wc -l)" 1
    echo '-r ../requirements.txt' >>app/more/base.txt # round and round: pip's to judge
    run_x 0 bruco app <<<hello || run_x 69 bruco app <<<hello
    contains "$stderr" installing
}

@test "a folder of packages by --find-links; HOME where there is no XDG_CACHE_HOME" {
    requirements_project
    mkdir wheels
    mv app/tinypackage-1.0-py3-none-any.whl wheels
    printf '%s\n' --no-index '--find-links ../wheels' tinypackage >app/requirements.txt
    run_x 0 env -u XDG_CACHE_HOME HOME="$PWD/home" bruco app <<<hello
    contains "$output" "found $PWD/home/.cache/bruco/venv-"
    contains "$stderr" installing
    file_lacks stderr 'pip:' # off a terminal there is nothing to say of what goes well
    equals "$(stat -c %a home/.cache/bruco)" 700
}

@test "a requirements.txt of blanks and comments makes no environment; one requirement does" {
    unset BRUCO_DISABLE_PIP
    export XDG_CACHE_HOME=$PWD/cache
    project <<<'def handle_event(context, data): return data'
    printf '# nothing yet\r\n\n  # really' >app/requirements.txt
    echo one >input
    run_x 0 bruco -q app <input
    equals "$output$stderr" one
    [[ ! -e cache ]]
    printf '# one\n\n./nowhere' >app/requirements.txt
    run_x 69 bruco -q app <input
    [[ -e cache/bruco ]]
}

# ---- by hand

@test "a worker by hand and bruco check use the environment that bruco made, or say what makes it" {
    requirements_project
    local hint="'$PWD/app/requirements.txt' is not installed ('bruco venv -c app/config.yaml' does that)"
    run_x 70 bruco-worker --lines -c app <<<hello
    contains "$stderr" "bruco-worker: warning: $hint"
    contains "$stderr" "No module named 'tinypackage'"
    run_x 69 bruco check --handler app
    contains "$stderr" "the handler has not been checked: $hint"
    run_x 0 bruco check app
    # One that is activated comes after the one that bruco made, and is named when it does not fit.
    make_venv activated
    sed -i 's/^version.*/version = 2.7.18/' activated/pyvenv.cfg
    VIRTUAL_ENV=$PWD/activated run_x 78 bruco-worker --lines -c app <<<hello
    contains "$stderr" "error: VIRTUAL_ENV, which is activated: '$PWD/activated' is Python 2.7, and workers run in"
    [[ ! -e cache ]]

    run_x 0 bruco venv app
    local made=$output
    contains "$made" "$PWD/cache/bruco/venv-"
    run_x 0 bruco-worker --lines -c app <<<hello
    contains "$output" "found $made/"
    file_lacks stderr warning
    VIRTUAL_ENV=$PWD/activated run_x 0 bruco-worker --lines -c app <<<hello
    contains "$output" "found $made/"
    run_x 0 bruco-worker --lines -d app <<<hello
    contains "$output" "found $made/"
    run_x 0 bruco check --handler app
    equals "$output" "app/config.yaml: ok"
    run_x 0 bruco app <<<hello
    file_lacks stderr installing
    run_x 0 bruco venv -c app
    equals "$output" "$made"
    BRUCO_DISABLE_PIP=true run_x 70 bruco-worker --lines -c app <<<hello
    file_lacks stderr 'is not installed'
}

@test "bruco venv where nothing is asked for, with processor.python, and what it refuses" {
    unset BRUCO_DISABLE_PIP
    export XDG_CACHE_HOME=$PWD/cache
    project <<<'def handle_event(context, data): return data'
    run_x 0 bruco venv app
    equals "$output" ""
    contains "$stderr" "no environment is needed"
    make_venv app/environment
    sed -i 's/handlerPath: ./python: environment/' app/config.yaml
    run_x 0 bruco venv app
    equals "$output" "$PWD/app/environment"
    [[ ! -e cache ]]
    run_x 64 bruco venv app app
    echo 'x: 1' >>app/config.yaml
    run_x 78 bruco venv app
    contains "$stderr" "unknown key 'x'"
}

@test "a cache that others can change is not used, nor one of another user's" {
    project <<<'import tinypackage
def handle_event(context, data): return tinypackage.word'
    tiny_package mine
    export BRUCO_DISABLE_PIP=false XDG_CACHE_HOME=$PWD/cache
    mkdir -m 777 cache
    run_x 69 bruco app <<<one
    file_has stderr "error: cannot use '$PWD/cache/bruco/venv-[0-9a-f]*', for what is in it is run: others may write to '$PWD/cache' \(mode 777\) \(XDG_CACHE_HOME names another place\)"
    equals "$(ls cache)" ""
    chmod 755 cache
    run_x 0 bruco app <<<one
    equals "$output" mine
    # One that is complete, but not ours alone any more.
    chmod o+w cache/bruco/venv-*/
    run_x 69 bruco app <<<one
    file_has stderr "others may write to '$PWD/cache/bruco/venv-"
    run_x 69 bruco check --handler app
    file_has stderr "the handler has not been checked: .* others may write to"
    run_x 70 bruco-worker --lines -c app <<<one
    file_has stderr "warning: '$PWD/cache/bruco/venv-[0-9a-f]*' is not used: others may write to"
    chmod o-w cache/bruco/venv-*/
    if [[ $(id -u) == 0 ]]; then
        chown 12345 cache/bruco
        run_x 69 bruco app <<<one
        file_has stderr "'$PWD/cache/bruco' belongs to user 12345"
        chown 0 cache/bruco
    fi
    run_x 0 bruco app <<<one
    equals "$output" mine
}
