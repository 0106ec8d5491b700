#!/usr/bin/env bats
# The worker with other Pythons than the distribution's: built against each that can be embedded, in
# a build folder of its own, and put through the tests of the handler's side.
#
# pythonX.Y with its pythonX.Y-config is looked for in PATH and among pyenv's versions. The oldest and
# the newest are tested with what differs most between Pythons, and all of them with all files by
#
#     PYTHONS=all make check ONLY=pythons

load helpers
load builds

FILES=(worker_{results,failures,timeouts,driven} logging)
[[ ${PYTHONS:-} != all ]] || FILES+=(worker_{frames,processes} results recycle reject)

# Executables that can be embedded, "3.9 /path/python3.9" a line, the oldest first, one a version,
# without the one that the distribution brings.
pythons() {
    local minor python
    for minor in 9 10 11 12 13; do
        for python in "$(command -v "python3.$minor")" \
            "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"3.$minor".*/bin/"python3.$minor"; do
            # pyenv's own stand-ins in PATH are no Python to build with.
            [[ -x $python && $python != */shims/* && ! $python -ef /usr/bin/python3 ]] || continue
            embeddable "$python" || continue
            echo "3.$minor $python"
            break
        done
    done
}

embeddable() { # embeddable PYTHON: it has headers and a library to link with
    local program=$BATS_TEST_TMPDIR/embeddable
    "$1-config" --embed --includes --ldflags >/dev/null 2>&1 || return 1
    printf '#include <Python.h>\nint main(void) { return Py_IsInitialized(); }\n' |
        ${CC:-cc} -x c $("$1-config" --includes) - -o "$program" $("$1-config" --embed --ldflags) 2>/dev/null
}

# Into $BRUCO_BIN.
build() { # build VERSION PYTHON
    local folder=$ROOT/build/python-$1
    build_anew "$folder" bruco-worker PYTHON="$2"
    BRUCO_BIN=$folder/bin
    contains "$("$BRUCO_BIN/bruco-worker" --version)" "CPython $1"
}

# passes SED-LINES: all tests of the worker, with those of the Pythons. What needs Kafka is the same
# with any of them.
passes() {
    local version python file found= own=$BRUCO_BIN
    while read -r version python; do
        found=yes
        BRUCO_BIN=$own
        build "$version" "$python"
        for file in "${FILES[@]}"; do
            LIMIT=900 run_x 0 env BRUCO_BIN="$BRUCO_BIN" bats --tap --filter-tags '!kafka' \
                "$ROOT/tests/bats/$file.bats"
            grep -q '^ok ' stdout
        done
    done < <(pythons | sed -n "$1")
    [[ -n $found ]] || skip "no such Python here: pythonX.Y-config, in PATH or of pyenv, with a library to embed"
}

@test "the oldest other Python that can be embedded" {
    passes 1p
}

@test "the newest other Python that can be embedded" {
    passes '2,${$p}'
}

@test "all the others" {
    [[ ${PYTHONS:-} == all ]] || skip "PYTHONS=all was not said"
    passes '2,${$!p}'
}
