load helpers

@test "bruco-broker prints its address, has its topics and ends with status 0 on TERM and INT" {
    requires kcat
    for signal in TERM INT; do
        start_x own bruco-broker -t orders:3 -t plain
        wait_for 10 lines_in own.out 1
        [[ $(<own.out) =~ ^127\.0\.0\.1:[0-9]+$ ]]
        run_x 0 kcat -L -b "$(<own.out)"
        contains "$output" 'topic "orders" with 3 partitions'
        contains "$output" 'topic "plain" with 4 partitions'
        kill_x own "$signal"
        wait_x own 0
        equals "$(<own.err)" ""
    done
}

@test "bruco-broker keeps key, headers and value" {
    requires kcat
    start_broker -t orders:1
    printf 'k\tv 1\n\tempty key\n' |
        kcat -P -b "$BROKERS" -t orders -K '\t' -H name=x -H name=y
    run_x 0 kcat -C -e -q -b "$BROKERS" -t orders -f '%k|%s|%h\n'
    equals "$output" $'k|v 1|name=x,name=y\n|empty key|name=x,name=y'
}

@test "bruco-broker ends when the other end of its input is closed" {
    mkfifo input
    start_x own bruco-broker <>input
    wait_for 10 lines_in own.out 1
    stop_x own
    exec {writer}> >(bruco-broker >piped.out; echo "$?" >piped.status)
    wait_for 10 lines_in piped.out 1
    [[ ! -e piped.status ]]
    exec {writer}>&-
    wait_for 10 lines_in piped.status 1
    equals "$(<piped.status)" 0
}

@test "bruco-broker lives on with /dev/null, a file or nothing as input" {
    requires kcat
    echo text >file
    for input in /dev/null file; do
        start_x own bruco-broker <"$input"
        wait_for 10 lines_in own.out 1
        run_x 0 kcat -L -b "$(<own.out)"
        stop_x own
    done
    start_x own bruco-broker <&-
    wait_for 10 lines_in own.out 1
    run_x 0 kcat -L -b "$(<own.out)"
    stop_x own
}

@test "bruco-broker --listen takes that port, says so to clients, and fails when it is taken" {
    requires kcat
    start_x first bruco-broker
    wait_for 10 lines_in first.out 1
    port=$(<first.out)
    port=${port##*:}
    run_x 69 bruco-broker --listen "$port"
    contains "$stderr" "bruco-broker: error: cannot listen on 127.0.0.1:$port: Address already in use"
    stop_x first
    start_x again bruco-broker --listen "$port" -t orders
    wait_for 10 lines_in again.out 1
    equals "$(<again.out)" "127.0.0.1:$port"
    run_x 0 kcat -L -b "localhost:$port"
    contains "$output" "broker 1 at 127.0.0.1:$port"
    stop_x again
}

@test "bruco-broker refuses a wrong command line" {
    for arguments in "--listen 0" "--listen x" "--listen 65536" "-t a:0" "-t a:x" "-t a:1001" \
        "--speed 0" "--speed 101" "-t :3" "-t a/b" "-t" "--nosuch" "word"; do
        run_x 64 bruco-broker $arguments
        equals "$output" ""
        contains "$stderr" "try 'bruco-broker --help'"
    done
    run_x 64 bruco-broker -t a:0
    contains "$stderr" "bruco-broker: error: '0' is not a number of partitions (1 to 1000)"
}

# ask REQUEST ANSWER: of the broker with --control that is the coprocess BROKER.
ask() {
    local answer
    echo "$1" >&"${BROKER[1]}"
    read -r -t 20 answer <&"${BROKER[0]}"
    equals "$answer" "$2"
}

@test "bruco-broker --control makes topics, tells a group's progress and copies its offsets" {
    coproc BROKER { exec bruco-broker --control --speed 20 -t a:2; }
    broker_pid=$BROKER_PID
    read -r -t 10 address <&"${BROKER[0]}"
    ask "topic b 1" ok
    ask "topic b 1" ok
    ask "progress g a" "0 0"
    seq 5 | bruco-source -q lines >five.frames
    run_x 0 bruco-sink -q kafka -b "$address" -t a <five.frames
    ask "progress g a" "0 5"
    session=(-X session.timeout.ms=200000)
    run_x 0 bruco-source -q -n 5 kafka -b "$address" -t a -g g -o earliest "${session[@]}"
    ask "progress g a" "5 5"
    ask "copy g h a" ok
    ask "progress h a" "5 5"
    ask "progress g b" "0 0"
    run_x 0 bruco-sink -q kafka -b "$address" -t a <five.frames
    bruco-source -q -n 5 kafka -b "$address" -t a -g h -o earliest "${session[@]}" | bruco-sink -q lines | sort >got
    equals "$(<got)" "$(seq 5)"
    ask "progress h a" "10 10"
    ask "progress h" "error not a request"
    ask "topic b many" "error Local: Invalid argument or configuration"
    eval "exec ${BROKER[1]}>&-"
    wait "$broker_pid"
}

@test "bruco-broker prints its versions, and fails when nobody takes its address" {
    run_x 0 bruco-broker --version
    contains "$output" "bruco-broker "
    contains "$output" "librdkafka "
    run_x 69 bash -c 'bruco-broker >/dev/full'
    contains "$stderr" "cannot print the address"
}
