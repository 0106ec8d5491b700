load helpers

# The tools that build, install and test are tried on copies and with stand-ins for apt and dpkg.

setup() {
    common_setup
    unset MAKEFLAGS MAKELEVEL MFLAGS BUILD CC CFLAGS DEV SANITIZE PREFIX DESTDIR
}

check_deps() { # check_deps STATUS [FILE HEADER MESSAGE]
    [[ -d tree ]] || { mkdir tree && cp -r "$ROOT/lib" "$ROOT/cmd" tree; }
    if (($# > 1)); then
        printf '#include <%s>\n' "$3" >>"tree/$2"
    fi
    run_x "$1" "$ROOT/tools/check-deps" tree
    equals "$output" "${4:+$2: includes $3: $4}"
    (($# == 1)) || cp "$ROOT/$2" "tree/$2"
}

@test "check-deps sees each include that crosses a module's border" {
    check_deps 0
    check_deps 1 lib/base/buf.c frame/frame.h "lib/base stands on nothing"
    check_deps 1 lib/frame/frame.c bruco/driver/supervise.h "lib never includes from cmd"
    check_deps 1 cmd/bruco-sink/main.c bruco-source/source.h "another program"
    check_deps 1 cmd/bruco-sink/main.c ../bruco-source/source.h "a path with .."
    check_deps 1 cmd/bruco/main.c librdkafka/rdkafka.h "only lib/kafka and the kafka kinds"
    check_deps 1 lib/control/messages.h Python.h "only cmd/bruco-worker"
    check_deps 1 cmd/bruco/commands/run.c yaml.h "only lib/config"
    check_deps 1 cmd/bruco/venv/venv.c jansson.h "only lib/json and the console"
    check_deps 1 cmd/bruco/top/draw.c curses.h "only cmd/bruco/top/screen.c"
}

@test "check-deps sees each include against the directions inside a program" {
    check_deps 1 cmd/bruco-worker/python/handler.c bruco-worker/io/codec.h "python never includes from io"
    check_deps 1 cmd/bruco-worker/io/json.c bruco-worker/run/mode.h "io never includes from run"
    check_deps 1 cmd/bruco-worker/run/mode.h bruco-worker/async/call.h "run never includes from async"
    check_deps 1 cmd/bruco/main.c bruco/driver/driver.h "main never includes from driver"
    check_deps 1 cmd/bruco/driver/driver.c bruco/commands/commands.h "driver never includes from commands"
    check_deps 1 cmd/bruco/log/relay.c bruco/driver/driver.h "log never includes from driver"
    check_deps 1 cmd/bruco/top/top.c bruco/driver/driver.h "top never includes from driver"
    check_deps 1 cmd/bruco/venv/venv.c bruco/log/relay.h "venv never includes from log"
    check_deps 1 cmd/bruco/testing/cases.c bruco/commands/check.h "testing never includes from commands"
    check_deps 1 cmd/bruco-source/source.c bruco-source/kinds/kafka.h "only the table of kinds"
    check_deps 1 cmd/bruco-sink/lane.h bruco-sink/kinds/kafka.h "only the table of kinds"
}

# Stand-ins: `installed` lists what dpkg knows, `absent` what apt does not offer, `apt.log` takes
# what apt-get is told.
stand_ins() {
    mkdir -p stubs && touch installed absent apt.log
    cat >stubs/dpkg-query <<'END'
#!/bin/sh
for package; do :; done
grep -qx "$package" installed && printf installed
END
    cat >stubs/apt-get <<'END'
#!/bin/sh
echo "$*" >>apt.log
[ ! -e apt.fails ] || { echo "E: no network"; exit 100; }
END
    cat >stubs/apt-cache <<'END'
#!/bin/sh
for package; do :; done
grep -qx "$package" absent && version='(none)' || version=1.0
printf '%s:\n  Installed: (none)\n  Candidate: %s\n' "$package" "$version"
END
    printf '#!/bin/sh\necho %s\n' "${1:-0}" >stubs/id
    printf '#!/bin/sh\nexit 1\n' >stubs/sudo
    chmod +x stubs/*
}

@test "tools/dependencies installs what is missing, and only that" {
    stand_ins
    dependencies() { run_x "$1" env PATH="$PWD/stubs:$PATH" "$ROOT/tools/dependencies" "${@:2}"; }
    dependencies 0 build
    contains "$output" "installing: gcc"
    contains "$(<apt.log)" "librdkafka-dev libyaml-dev libjansson-dev libjemalloc-dev libmicrohttpd-dev libnats-dev libncurses-dev python3-dev python3-venv"
    [[ $(<apt.log) != *bats* ]]
    contains "$(head -n 1 apt.log)" update

    sed -n '$s/.*install //p' apt.log | tr ' ' '\n' >installed
    : >apt.log
    dependencies 0 build
    equals "$output$stderr$(<apt.log)" ""

    dependencies 0 build test
    contains "$(<apt.log)" " bats "
    [[ $(<apt.log) != *librdkafka* ]]

    sed -n '$s/.*install //p' apt.log | tr ' ' '\n' | sed s/openjdk-17-jre-headless/default-jre-headless/ >>installed
    : >apt.log
    dependencies 0 build test
    equals "$output$(<apt.log)" ""

    touch apt.fails
    : >installed
    dependencies 1 build
    contains "$stderr" "E: no network"
    contains "$stderr" "dependencies: error: 'apt-get -q update' failed"
    dependencies 64 nosuch
}

@test "tools/dependencies takes the first alternative that apt offers" {
    stand_ins
    run_x 0 env PATH="$PWD/stubs:$PATH" "$ROOT/tools/dependencies" test
    contains "$(<apt.log)" " openjdk-17-jre-headless "

    : >apt.log
    echo openjdk-17-jre-headless >absent
    run_x 0 env PATH="$PWD/stubs:$PATH" "$ROOT/tools/dependencies" test
    contains "$(<apt.log)" " openjdk-21-jre-headless "

    : >apt.log
    echo openjdk-21-jre-headless >>absent
    run_x 0 env PATH="$PWD/stubs:$PATH" "$ROOT/tools/dependencies" test
    contains "$(<apt.log)" " default-jre-headless "
    [[ $(<apt.log) != *openjdk* ]]
}

@test "tools/dependencies without root says what to install" {
    stand_ins 1000
    run_x 1 env PATH="$PWD/stubs:$PATH" "$ROOT/tools/dependencies" build
    contains "$stderr" "as root: apt-get install gcc libc6-dev"
    equals "$(<apt.log)" ""
}

# A tree with one unit test, one bats file and stand-ins for the rest.
small_tree() {
    mkdir -p tree/{tools,man,tests/{unit,bats,kafka,fuzz,model}} bin
    cp "$ROOT/tools/run-tests" tree/tools
    for stub in tree/tools/check-deps tree/tools/lint tree/tests/kafka/broker; do
        printf '#!/bin/sh\n' >$stub
    done
    printf '#!/bin/sh\necho "ok e"\n' >tree/tests/fuzz/run
    printf '#!/bin/sh\necho "ok f"\n' >tree/tests/model/run
    touch tree/tests/unit/test_one.c
    unit_test 'echo "ok a"; echo "ok b"'
    printf '@test "c" {\n true\n}\n@test "d" {\n skip why\n}\n' >tree/tests/bats/one.bats
    chmod +x tree/tools/* tree/tests/{kafka/broker,fuzz/run,model/run}
}

unit_test() {
    printf '#!/bin/sh\n%s\n' "$1" >bin/test_one
    chmod +x bin/test_one
}

run_tests() { # run_tests STATUS LAST-LINE [WORD ...]
    run_x "$1" env -u BRUCO_KAFKA BRUCO_TESTS="$PWD/bin" tree/tools/run-tests "${@:3}"
    equals "${lines[-1]%$'\n'}" "$2"
}

@test "run-tests counts, and no failure gets past it" {
    small_tree
    run_tests 0 "7 passed, 0 failed, 1 skipped"
    run_tests 0 "2 passed, 0 failed" test_one
    run_tests 1 "0 passed, 0 failed" nosuch

    unit_test 'echo "ok a"; echo "not ok b x.c:1: why"; exit 1'
    run_tests 1 "6 passed, 1 failed, 1 skipped"
    contains "$output" "not ok b x.c:1: why"
    unit_test 'echo "ok a"; echo "a sanitizer speaks" >&2; exit 1'
    run_tests 1 "6 passed, 1 failed, 1 skipped"
    contains "$output" "a sanitizer speaks"
    unit_test 'kill -SEGV $$'
    run_tests 1 "5 passed, 1 failed, 1 skipped"
    rm bin/test_one
    run_tests 1 "5 passed, 1 failed, 1 skipped"
    unit_test 'echo "ok a"'

    printf '#!/bin/sh\necho "a room"; exit 1\n' >tree/tools/check-deps
    run_tests 1 "5 passed, 1 failed, 1 skipped"
    contains "$output" "a room"
    printf '#!/bin/sh\n' >tree/tools/check-deps

    printf '@test "c" {\n false\n}\n@test "d" {\n true\n}\n' >tree/tests/bats/one.bats
    run_tests 1 "6 passed, 1 failed"
    printf 'this is no bats file (\n' >tree/tests/bats/one.bats
    run_tests 1 "5 passed, 1 failed"
}

@test "run-tests starts Kafka once when a file needs it, and stops it whatever happens" {
    requires java
    small_tree
    cat >tree/tests/kafka/broker <<END
#!/bin/sh
echo "\$1" >>$PWD/kafka.log
[ ! -e $PWD/kafka.fails ] || exit 1
[ "\$1" = stop ] || echo 127.0.0.1:1
END
    run_tests 0 "7 passed, 0 failed, 1 skipped"
    equals "$(<kafka.log)" stop
    for name in two three; do
        printf 'real_broker() { :; }\n@test "%s" {\n [[ $BRUCO_KAFKA == 127.0.0.1:1 ]]\n}\n' $name \
            >tree/tests/bats/$name.bats
    done
    rm kafka.log
    run_tests 0 "10 passed, 0 failed, 1 skipped"
    equals "$(<kafka.log)" $'start\nstatus\nstop'

    printf 'real_broker() { :; }\n@test "e" {\n touch %s; while :; do sleep 0.1; done\n}\n' \
        "$PWD/runs" >tree/tests/bats/two.bats
    rm kafka.log
    start_x tests env -u BRUCO_KAFKA BRUCO_TESTS="$PWD/bin" tree/tools/run-tests two
    wait_for 20 test -e runs
    kill -TERM -- "-$(<tests.pid)"
    wait_x tests 143
    equals "$(<kafka.log)" $'start\nstatus\nstop'

    touch kafka.fails
    run_tests 1 "7 passed, 1 failed, 1 skipped"
    contains "$output" "not run tests/bats/two.bats"
}

@test "clang builds everything without a warning" {
    requires make clang
    LIMIT=600
    run_x 0 make -s -j2 -C "$ROOT" BUILD="$PWD/clang" CC=clang CFLAGS=-O0 DEV=1 all tests
    equals "$stderr" ""
}

@test "two builds in two folders are the same, byte for byte" {
    requires make cc
    LIMIT=600
    for folder in one two/deeper; do
        mkdir -p "$folder"
        cp -r "$ROOT"/{Makefile,lib,cmd,man,examples} "$folder"
        run_x 0 make -s -j2 -C "$folder" CFLAGS='-O0 -g' build/bin/bruco-sink build/bin/bruco-worker
    done
    cmp one/build/bin/bruco-sink two/deeper/build/bin/bruco-sink
    cmp one/build/bin/bruco-worker two/deeper/build/bin/bruco-worker
}

@test "make install puts programs, pages, package and examples in place; uninstall takes them away" {
    requires make
    build=${BRUCO_BIN%/bin}
    installed() { make -s -C "$ROOT" BUILD="$build" DESTDIR="$PWD/root" PREFIX=/opt/bruco "$1"; }
    LIMIT=300
    run_x 0 bash -c "$(declare -f installed); ROOT=$ROOT build=$build; installed install"
    for program in bruco bruco-source bruco-worker bruco-sink bruco-broker; do
        cmp "$BRUCO_BIN/$program" "root/opt/bruco/bin/$program"
        [[ -s root/opt/bruco/share/man/man1/$program.1 ]]
    done
    [[ -s root/opt/bruco/share/man/man5/bruco.yaml.5 ]]
    [[ -s root/opt/bruco/share/bash-completion/completions/bruco-sink ]]
    [[ -s root/opt/bruco/share/zsh/site-functions/_bruco ]]
    [[ -s root/opt/bruco/lib/sysusers.d/bruco.conf ]]
    grep -qx 'ExecStart=/opt/bruco/bin/bruco -c /etc/bruco/%i' root/opt/bruco/lib/systemd/system/bruco@.service
    [[ -s root/opt/bruco/share/fish/vendor_completions.d/bruco-worker.fish ]]
    [[ -s root/opt/bruco/share/doc/bruco/examples/basic/handler.py ]]
    [[ -z $(find root -name '__pycache__' -o -name '*.pyc') ]]
    echo one >input
    run_x 0 root/opt/bruco/bin/bruco-worker --lines -d root/opt/bruco/share/doc/bruco/examples/basic <input
    equals "$output" "hello ONE"
    run_x 0 bash -c "$(declare -f installed); ROOT=$ROOT build=$build; installed uninstall"
    equals "$(find root ! -type d ! -name '*.pyc')" ""
}

@test "jars that are not those of the list are not run" {
    local name
    name=$(sed -n '1s/.* //p' "$ROOT/tests/kafka/libs.sha256")
    mkdir -p kafka bin
    cp "$ROOT/tests/kafka/broker" "$ROOT/tests/kafka/pom.xml" kafka
    cat >bin/mvn <<'END'
#!/bin/sh
for argument; do
    case $argument in -DoutputDirectory=*) folder=${argument#*=} ;; esac
done
mkdir -p "$folder"
cp $JARS "$folder"
END
    chmod +x bin/mvn
    echo good >"$name"
    sha256sum "$name" >kafka/libs.sha256
    echo bad >"bad.jar"
    start() { PATH=$PWD/bin:$PATH JARS=$1 run_x 1 kafka/broker start; }
    start "$name $PWD/bad.jar"
    contains "$stderr" "> bad.jar
broker: error: maven fetched other jars" || contains "$stderr" "< bad.jar
broker: error: maven fetched other jars"
    echo changed >"$name"
    start "$name"
    contains "$stderr" "$name: FAILED"
    contains "$stderr" "broker: error: maven fetched other jars than those in"
    [[ ! -e kafka/libs/complete ]]
}

@test "make help names each target" {
    requires make
    run_x 0 make -s -C "$ROOT" help
    for target in all demo check install uninstall check-deps format clean help; do
        grep -qE "^$target +[a-z]" stdout
    done
}

@test "each break of tests/chaos/mutants fits the tree" {
    local patch count=0
    for patch in "$ROOT"/tests/chaos/mutants/*.patch; do
        patch -s -p1 --dry-run -d "$ROOT" -i "$patch"
        count=$((count + 1))
    done
    ((count > 1))
}

@test "tests/chaos/README.md names scenarios and tests that there are" {
    run_x 0 /usr/bin/python3 - "$ROOT" <<'END'
import pathlib, re, sys
root = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(root / "tests/chaos"))
sys.dont_write_bytecode = True
from scenarios import SCENARIOS
names = {*SCENARIOS, "syscalls", "syscalls-exactly-once"}
used = set()
for row in re.findall(r"^\|[^|]*\|(.*)\|$", (root / "tests/chaos/README.md").read_text(), re.M):
    for file, tests in re.findall(r"`([^`]+)`((?:,? \"[^\"]+\")*)", row):
        if file.endswith((".bats", ".c")):
            folder = "bats" if file.endswith("bats") else "unit"
            text = (root / "tests" / folder / file).read_text()
            for test in re.findall(r"\"([^\"]+)\"", tests):
                assert f'@test "{test}"' in text, f"{file} has no test {test!r}"
        else:
            used.add(file)
assert used == names, f"not in both: {used ^ names}"
END
}
