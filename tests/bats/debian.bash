# A Debian that has nothing else; after helpers.

# in_bare_debian SUITE FILE: runs the script on standard input in a new one of this release, as root, with the file in /.
# The script has counts_words, and ends at the first command that fails.
in_bare_debian() {
    local sources=() list=/etc/apt/sources.list.d/debian.sources own
    requires mmdebstrap
    [[ $(id -u) == 0 ]] || skip "a Debian is made by root only"
    own=$(. /etc/os-release && echo "$VERSION_CODENAME")
    if [[ -e $list && $1 == "$own" ]]; then
        sources=("$list")
    elif [[ -e $list ]]; then
        sed "s/^Suites: .*/Suites: $1/; 1,/^\$/!d" "$list" >debian.sources
        sources=(debian.sources)
    fi
    timeout 120 apt-get -q update >/dev/null 2>&1 || skip "no Debian mirror here"
    {
        cat <<'END'
PS4='+ $(date +%T) '; set -eux
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
# counts_words AS FOLDER: what AS runs, "AS VARIABLE=VALUE bruco ...", on a broker with the project of bruco init.
counts_words() {
    bruco-broker -q -t test:1 -t test-out:1 >/broker &
    broker=$!
    trap 'kill $broker' EXIT
    until [ -s /broker ]; do sleep 0.1; done
    brokers=$(cat /broker)
    printf 'one\none two\n' | bruco-source -q lines | timeout 60 bruco-sink -q kafka -b "$brokers" -t test
    "$1" BROKERS="$brokers" bruco -q -e --set maxWait=60s -c "$2"
    timeout 60 bruco-source -q -e kafka -b "$brokers" -t test-out -g look -o earliest | bruco-sink -q lines >/result
    trap - EXIT
    kill $broker
    wait $broker || true
    grep -qx '{"text": "one two", "words": 2}' /result
}
END
        cat
        echo 'echo all is well'
    } >inside
    LIMIT=900 run_x 0 mmdebstrap --variant=minbase --mode=root --format=null \
        --aptopt='Acquire::Check-Valid-Until "false"' --customize-hook="cp '$2' \"\$1\"" \
        --customize-hook="cp inside \"\$1/inside\"" --customize-hook='chroot "$1" sh /inside' "$1" /dev/null "${sources[@]}"
    file_has stderr '^all is well$'
}
