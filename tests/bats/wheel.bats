#!/usr/bin/env bats
# The programs that embed no Python, as the wheel has them, and the wheel itself where `make wheel` has made it.
load helpers
load builds
load debian

WHEELS=("$ROOT"/build/wheel/bruco_stream-*_"$(uname -m)".whl)

# A build that embeds no Python.
setup_file() {
    build_anew "$BATS_FILE_TMPDIR/outside" "bruco bruco-worker" EMBED=no || true # the tests show what is missing
}

setup() {
    common_setup
}

# What the programs of this file are installed into, as pip does it: an environment of this Python.
environment() { # environment PYTHON [ARGUMENT ...]
    "$1" -m venv --without-pip "${@:2}" env
    cp -a "$BATS_FILE_TMPDIR"/outside/bin/* env/bin
    cp -a "$BATS_FILE_TMPDIR"/outside/lib/bruco env/lib
    cp -a "$BATS_FILE_TMPDIR"/outside/share env
    BRUCO_BIN=$PWD/env/bin PATH=$PWD/env/bin:$PATH
}

which_python() {
    cat >handler.py <<'END'
import sys
def handle_event(context, data):
    return f"{data.decode()} {sys.executable} {sys.prefix}"
END
}

@test "no Python is in the programs: they take the one of the environment that they are in" {
    environment /usr/bin/python3
    run_x 0 ldd env/bin/bruco-worker env/bin/bruco
    file_lacks stdout libpython
    run_x 0 bruco-worker --version
    file_lacks stdout CPython
    which_python
    echo a >in
    run_x 0 env PATH=/nowhere "$BRUCO_BIN/bruco-worker" --lines <in
    equals "$output" "a $PWD/env/bin/python3 $PWD/env"
    # called by a link from elsewhere, as pipx makes it
    mkdir other
    ln -s "$PWD/env/bin/bruco-worker" other
    run_x 0 other/bruco-worker --lines <in
    equals "$output" "a $PWD/env/bin/python3 $PWD/env"
}

@test "beside no Python it is the first in PATH, and without any that is said" {
    environment /usr/bin/python3
    mkdir prefix path
    cp -a env/bin env/lib env/share prefix
    rm prefix/bin/python*
    ln -s /usr/bin/python3 path
    BRUCO_BIN=$PWD/prefix/bin
    which_python
    echo a >in
    run_x 0 env PATH="$PWD/path" "$BRUCO_BIN/bruco-worker" --lines <in
    equals "$output" "a $PWD/path/python3 /usr"
    run_x 78 env PATH=/nowhere "$BRUCO_BIN/bruco-worker" --lines <in
    contains "$(<stderr)" " bruco-worker: error: there is no 'python3', neither beside Bruco's programs nor in PATH"
    mkdir empty
    rm prefix/lib/bruco/modules/*
    run_x 78 env PATH="$PWD/path" "$BRUCO_BIN/bruco-worker" --lines <in
    contains "$(<stderr)" "for which there is no worker in '$PWD/prefix/lib/bruco/modules' (nor for others)"
}

@test "a pipeline, with walls: the handler sees its environment's packages" {
    environment /usr/bin/python3
    mkdir -p "$(echo env/lib/python3*)/site-packages"
    echo 'who = "a package"' >"$(echo env/lib/python3*/site-packages)/mine.py"
    lines_project '{handlerPath: ., workers: 2, isolation: strict}' <<'END'
import sys, mine
def handle_event(context, data):
    return f"{mine.who} of {sys.prefix}"
END
    run_x 0 bruco check -c app/config.yaml
    printf '1\n2\n' >in
    run_x 0 bruco -q app <in
    equals "$output" "a package of $PWD/env
a package of $PWD/env"
}

@test "by hand without a handler, the text alone, a handler for another environment" {
    environment /usr/bin/python3
    printf 'source: {kind: lines}\nsink: {kind: lines}\n' >config.yaml
    echo a >in
    run_x 0 sh -c 'bruco-source -q lines <in | bruco-worker -c config.yaml | bruco-sink -q lines'
    equals "$output" a
    which_python
    run_x 0 bruco-worker --check
    /usr/bin/python3 -m venv --without-pip other
    run_x 0 bruco-worker --lines --python other <in
    equals "$output" "a $PWD/other/bin/python3 $PWD/other"
    run_x 0 env VIRTUAL_ENV="$PWD/other" "$BRUCO_BIN/bruco-worker" --lines <in
    equals "$output" "a $PWD/other/bin/python3 $PWD/other"
}

@test "the handler's packages are installed into an environment of that Python" {
    environment /usr/bin/python3
    lines_project '{handlerPath: .}' <<'END'
import os, sys, tinypackage
def handle_event(context, data):
    return f"{tinypackage.word} {'/venv-' in sys.prefix} {os.path.realpath(sys.executable)}"
END
    tiny_package inside
    echo a >in
    run_x 0 env -u BRUCO_DISABLE_PIP bruco -q app <in
    equals "$output" "inside True $(readlink -f /usr/bin/python3)"
}

# ---- the wheel

made() {
    [[ -e ${WHEELS[0]} ]] || skip "there is no wheel here: make wheel"
    WHEEL=${WHEELS[-1]}
}

# works PYTHON: installed with pip into an environment of this Python, everything works in it.
works() {
    "$1" -m venv env
    env/bin/python -m pip --disable-pip-version-check install -q --no-index "$WHEEL"
    PATH=$PWD/env/bin:$PATH
    run_x 0 bruco init -q words
    run_x 0 bruco check words
    run_x 0 bruco test -c words
    contains "$output" "1 case: 1 ok"
    printf 'one two\n' >in
    run_x 0 bruco dev -q words <in
    contains "$output" '"words": 2'
    run_x 0 bruco-source --version
    contains "$output" "librdkafka 2.1"
    run_x 0 env MANPAGER=cat PAGER=cat bruco help worker
    printf 'source: {kind: http, certificate: c.pem, key: k.pem}\nsink: {kind: discard}\n' >tls.yaml
    touch c.pem k.pem
    run_x 78 bruco -c tls.yaml
    contains "$stderr" "'certificate' asks for TLS, which libmicrohttpd"
    printf 'source: {kind: nats, servers: [nats://localhost], subject: a}\nsink: {kind: discard}\n' >nats.yaml
    run_x 78 bruco check -c nats.yaml
    contains "$stderr" "nats.yaml:1:16: source.kind: kind 'nats' is not part of this build of Bruco"
    env/bin/python -m pip --disable-pip-version-check uninstall -q -y bruco-stream
    equals "$(find env -name '*bruco*')" ""
}

@test "the wheel: what auditwheel says of it" {
    made
    PATH=$ROOT/build/wheel/tools/bin:$PATH run_x 0 "$ROOT/build/wheel/tools/bin/python" -m auditwheel show "$WHEEL"
    contains "$(tr -s ' \n' ' ' <stdout)" 'consistent with the following platform tag: "manylinux_2_28'
}

@test "the wheel: licences and a bill of materials" {
    made
    /usr/bin/python3 -m zipfile -e "$WHEEL" out
    ls out/*.dist-info/licenses >licences
    for name in LICENSE jansson jemalloc libmicrohttpd librdkafka libyaml ncurses; do
        grep -Eqx "$name(.txt)?" licences || { echo "no licence of $name"; return 1; }
    done
    is_true '(.components | map(.name) | sort) == ["jansson", "jemalloc", "libmicrohttpd", "librdkafka", "libyaml", "ncurses"]
        and all(.components[]; .version != "" and .purl != "")' <out/*.dist-info/sboms/bruco.cdx.json
}

@test "the wheel in an environment of the distribution's Python" {
    made
    works /usr/bin/python3
}

@test "the wheel in Pythons of pyenv, the oldest and the newest" {
    made
    local pythons
    mapfile -t pythons < <("$ROOT/tools/pythons" | grep -v '^/usr/bin/')
    ((${#pythons[@]} > 0)) || skip "no other Pythons here"
    works "${pythons[0]}"
    rm -rf env words
    works "${pythons[-1]}"
}

# in_debian SUITE: from nothing to a handler that answers, in a Debian that has nothing else.
in_debian() {
    made
    in_bare_debian "$1" "$WHEEL" <<'END'
apt-get -q install -y --no-install-recommends python3-venv
python3 -m venv /opt/stream
/opt/stream/bin/pip --disable-pip-version-check install --no-index /bruco_stream-*.whl
export PATH=/opt/stream/bin:$PATH
bruco --version
bruco init -q /words
bruco check /words
bruco test -c /words
printf 'one\none two\n' | bruco dev -q /words >/answers
grep -q '"words": 2' /answers
counts_words env /words
END
}

@test "the wheel in a bare Debian 12" {
    in_debian bookworm
}

@test "the wheel in a bare Debian 13" {
    in_debian trixie
}

@test "the wheel in a bare Debian that SUITE= names" {
    [[ -n ${SUITE:-} ]] || skip "SUITE= names none"
    in_debian "$SUITE"
}
