# bruco, with the kinds lines and discard, so that nothing but Bruco takes part: log lines, and what
# the service manager hears.

load helpers
load driver

# ---- deaths

# ---- logs

@test "what a handler prints becomes log lines" {
    project 1 <<'END'
import os, sys
def handle_event(context, data):
    print('to stdout')
    sys.stderr.write('to stderr\n')
    os.write(1, b'bell \a and \xff and \0\n')
    os.write(1, b'x' * 100000 + b'\n')
    os.write(2, b'without an end')
    context.logger.warning('logged')
    return data
END
    run_x 0 bruco app <<<hello
    equals "$output" hello
    file_has stderr '^[-0-9T:.]+Z bruco-worker-0: info: to stdout$'
    file_has stderr '^[-0-9T:.]+Z bruco-worker-0: warning: to stderr$'
    file_has stderr '^[-0-9T:.]+Z bruco-worker-0: info: bell \\x07 and \\xff and \\x00$'
    file_has stderr '^[-0-9T:.]+Z bruco-worker-0: warning: without an end$'
    file_has stderr 'bruco-worker-0: warning: .*logged'
    equals "$(grep -c xxxxxxxxxxxxxxx stderr)" 1
    equals "$(grep xxxxxxxxxxxxxxx stderr | grep -o x | wc -l)" 8192

    run_x 0 bruco -q app <<<hello
    file_lacks stderr 'to stdout'
    file_has stderr 'to stderr'
    file_lacks stderr 'bruco: info'
}

@test "JSON log lines are JSON, whatever a handler prints" {
    project 1 <<'END'
import os
def handle_event(context, data):
    os.write(1, b'quote " backslash \\ bell \a and \xff and \xc3\xa9 and \0\n')
    raise ValueError('no')
END
    retrying 1 stop
    run_x 1 bruco --log-format json app <<<hello
    /usr/bin/python3 - <<'END'
import json
lines = [json.loads(line) for line in open('stderr', encoding='utf-8')]
printed = [line for line in lines if 'quote' in line['message']]
assert len(printed) == 1 and printed[0]['worker'] == 'worker-0', printed
assert printed[0]['level'] == 'info' and printed[0]['program'] == 'bruco-worker-0', printed
assert lines[-1]['program'] == 'bruco' and lines[-1]['level'] == 'error', lines[-1]
assert any('ValueError' in line.get('traceback', '') for line in lines), lines
END
}

@test "a stderr that nobody reads stops nothing; what was dropped is counted" {
    project 1 <<'END'
def handle_event(context, data):
    print('y' * 1000)
    return data
END
    mkfifo logs
    exec 8<>logs
    seq 5000 >input
    # 5 MB of log lines, of which the pipe and the driver's own queue can hold a fraction
    in_session bruco app <input >stdout 2>logs 8>&-
    local driver=$!
    wait_for 30 lines_in stdout 5000
    timeout 20 cat <&8 >seen &
    local reader=$!
    wait "$driver"
    same_lines input stdout
    wait_for 20 file_has seen 'bruco: warning: [0-9]+ log lines dropped'
    exec 8>&-
    kill "$reader"
    local shown=$(grep -c yyyyyyyyy seen)
    local dropped=$(sed -n 's/.*warning: \([0-9]*\) log lines dropped.*/\1/p' seen |
        awk '{ sum += $1 } END { print sum }')
    ((shown < 5000 && shown + dropped >= 5000))
}

@test "a full disk under the log stops nothing" {
    project 1 <<'END'
def handle_event(context, data):
    print('hello')
    return data
END
    seq 1000 >input
    local ended=0
    in_session timeout 30 bruco app <input >stdout 2>/dev/full
    wait "$!" || ended=$?
    equals "$ended" 0
    same_bytes input stdout
}

@test "the service manager hears READY and STOPPING, also at an abstract socket" {
    echo_project 1
    cat >manager.py <<'END'
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', '\0'))
print('bound', flush=True)
for _ in range(2):
    print(s.recv(100).decode(), flush=True)
END
    for name in "$PWD/notify.socket" "@bruco-test-$$"; do
        rm -f feed.pipe
        start_x manager /usr/bin/python3 manager.py "$name"
        wait_for 10 file_has manager.out bound
        NOTIFY_SOCKET=$name start_bruco
        wait_for 10 file_has manager.out READY=1
        file_lacks manager.out STOPPING
        stop_x bruco
        wait_x manager 0 10
        file_has manager.out STOPPING=1
        end_feed
    done
}
