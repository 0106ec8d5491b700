# bruco init: a project that passes its own tests.

load helpers

# A Python that has pytest, in $PYTEST.
with_pytest() {
    for PYTEST in python3 /usr/bin/python3; do
        ! "$PYTEST" -m pytest --version >/dev/null 2>&1 || return 0
    done
    skip "no Python here has pytest"
}

@test "bruco init makes a project and says what to type next, which passes" {
    run_x 0 bruco init words
    equals "$output" "created words/cases/words.expected.json
created words/cases/words.json
created words/config.yaml
created words/handler.py
created words/requirements.txt
created words/test_handler.py
created words/config.schema.json

next:  cd words && bruco test"
    equals "$stderr" ""
    next=$(sed -n 's/^next:  //p' stdout)
    run_x 0 bash -c "$next"
    equals "$output" "ok      cases/words.json
1 case: 1 ok"
    run_x 0 bruco check words
    equals "$stderr" ""
}

@test "its test passes under pytest, and can fail" {
    with_pytest
    bruco init -q words
    cd words
    export PYTHONPATH=${BRUCO_BIN%/bin}/lib/bruco/python PYTHONDONTWRITEBYTECODE=1
    run_x 0 "$PYTEST" -m pytest -q -p no:cacheprovider
    contains "$output" "3 passed"
    sed -i 's/len(text.split())/len(text)/' handler.py
    run_x 1 "$PYTEST" -m pytest -q -p no:cacheprovider
    run_x 1 bruco test
    contains "$output" 'differs cases/words.json'
}

@test "bruco init . in a folder with other files, folders that are missing, names for the shell" {
    mkdir mine
    echo mine >mine/README.md
    cd mine
    run_x 0 bruco init .
    equals "${lines[-1]}" "next:  bruco test"
    equals "$(<README.md)" mine
    run_x 0 bruco init "deep/er/it's here"
    equals "${lines[-1]}" "next:  cd 'deep/er/it'\\''s here' && bruco test"
    run_x 0 bash -c "$(sed -n 's/^next:  //p' stdout)"
    run_x 0 bruco init -q -- -odd
    equals "$output$stderr" ""
    [[ -s ./-odd/handler.py ]]
}

@test "nothing is overwritten, and nothing written where a file is there already" {
    mkdir -p words/cases
    echo mine >words/handler.py
    run_x 64 bruco init words
    equals "$stderr" "bruco: error: 'words/handler.py' is there already"
    equals "$output" ""
    equals "$(find words -type f)" "words/handler.py"
    equals "$(<words/handler.py)" mine
    echo mine >file
    run_x 69 bruco init file/words
    contains "$stderr" "cannot create 'file/words': Not a directory"
    run_x 69 bruco init file
    contains "$stderr" "cannot create 'file': File exists"
    run_x 64 bruco init
    contains "$stderr" "init needs the folder to make"
    run_x 64 bruco init one two
    contains "$stderr" "init makes one folder, not 'two' too"
    run_x 69 bash -c 'bruco init full >/dev/full'
    contains "$stderr" "cannot write to standard output"
}

@test "a folder that can't be made is said, not tried for ever" {
    mkdir gone
    LIMIT=20
    run_x 69 bash -c 'cd gone && rmdir ../gone && exec bruco init .'
    equals "$stderr" "bruco: error: cannot create './cases': No such file or directory"
    run_x 69 bruco init /proc/one/two
    equals "$stderr" "bruco: error: cannot create '/proc/one': No such file or directory"
    ln -s nowhere link
    run_x 69 bruco init link/words
    contains "$stderr" "cannot create 'link': File exists"
    run_x 69 bruco init link
    contains "$stderr" "cannot create 'link': File exists"
}
