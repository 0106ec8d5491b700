# What the tests of logging share.

# project: a folder `app` with a configuration from lines to lines and, from standard input, a
# handler.
project() {
    lines_project '{retry: {attempts: 1}}'
}

# said FILE: its log lines without their times, those of the driver left out.
said() {
    sed 's/^[-0-9T:.]*Z //' "$1" | grep -v '^bruco: '
}

# says WORD LINE ...: the log, without times, has these lines in this order; with WORD in each.
says() {
    equals "$(said stderr | grep -F -- "$1")" "$(printf '%s\n' "${@:2}")"
}
