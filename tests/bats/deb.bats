#!/usr/bin/env bats
# make deb: the package, and what it is in a Debian that has nothing else.
load helpers

setup_file() {
    local program
    for program in dpkg-buildpackage dh lintian; do
        command -v "$program" >/dev/null || export WITHOUT=${WITHOUT:-$program}
    done
    [[ -z ${WITHOUT:-} ]] || return 0
    timeout 900 "$ROOT/tools/deb" "$BATS_FILE_TMPDIR" >"$BATS_FILE_TMPDIR/path" 2>"$BATS_FILE_TMPDIR/errors" || true
}

setup() {
    common_setup
    [[ -z ${WITHOUT:-} ]] || skip "$WITHOUT is not installed"
    DEB=$(<"$BATS_FILE_TMPDIR/path")
}

@test "the package is built, and lintian has nothing to say of it" {
    cat "$BATS_FILE_TMPDIR/errors"
    [[ -s $DEB ]]
    run_x 0 lintian --allow-root --fail-on error,warning,info "$DEB"
    equals "$(grep -v '^running with root' stdout)" ""
    run_x 0 dpkg-deb -f "$DEB" Version
    equals "$output" "$(bruco --version | sed -n '1s/.* //p')"
}

@test "what is in it is what make install installs, where Debian wants it" {
    dpkg-deb -c "$DEB" | awk '{print $6}' >files
    for path in usr/bin/bruco usr/bin/bruco-worker lib/systemd/system/bruco@.service usr/lib/sysusers.d/bruco.conf \
        usr/share/man/man5/bruco.yaml.5.gz usr/share/zsh/vendor-completions/_bruco usr/share/bruco/init/handler.py \
        usr/share/bash-completion/completions/bruco-sink usr/share/fish/vendor_completions.d/bruco.fish \
        usr/share/doc/bruco/examples/basic/handler.py usr/lib/bruco/python/bruco/__init__.py; do
        grep -Eqx "./(usr/)?$path" files || { echo "no $path"; return 1; }
    done
    file_lacks files '/(local|opt|tests|build)/|__pycache__'
    run_x 0 dpkg-deb --fsys-tarfile "$DEB"
    tar -x -f stdout
    grep -qx 'ExecStart=/usr/bin/bruco -c /etc/bruco/%i' "$(find . -name 'bruco@.service')"
    file_has usr/share/bash-completion/completions/bruco '--set\)'
}

@test "a bare Debian installs it with apt, runs a project and a pipeline as the unit's user, and removes it" {
    requires mmdebstrap
    [[ $(id -u) == 0 ]] || skip "a Debian is made by root only"
    local suite sources=()
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    [[ ! -e /etc/apt/sources.list.d/debian.sources ]] || sources=(/etc/apt/sources.list.d/debian.sources)
    timeout 120 apt-get -q update >/dev/null 2>&1 || skip "no Debian mirror here"
    cat >inside <<'END'
PS4='+ $(date +%T) '; set -eux
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
apt-get -q install -y --no-install-recommends /bruco.deb
id bruco
bruco --version
bruco-worker --version
# As the unit runs it.
as_bruco() {
    install -d -o bruco -m 700 /run/bruco-words /var/cache/bruco/words
    setpriv --reuid bruco --regid bruco --clear-groups --no-new-privs --bounding-set=-all \
        env -i PATH="$PATH" HOME=/var/lib/bruco XDG_RUNTIME_DIR=/run/bruco-words XDG_CACHE_HOME=/var/cache/bruco/words "$@"
}
bruco init -q /etc/bruco/words
chgrp -R bruco /etc/bruco/words
bruco check /etc/bruco/words
as_bruco bruco test -c /etc/bruco/words
bruco-broker -q -t test:1 -t test-out:1 >/broker &
broker=$!
trap 'kill $broker' EXIT
until [ -s /broker ]; do sleep 0.1; done
export BROKERS=$(cat /broker)
printf 'one\none two\n' | bruco-source -q lines | timeout 60 bruco-sink -q kafka -b "$BROKERS" -t test
as_bruco BROKERS="$BROKERS" bruco -q -e --set maxWait=60s -c /etc/bruco/words
timeout 60 bruco-source -q -e kafka -b "$BROKERS" -t test-out -g look -o earliest | bruco-sink -q lines >/result
trap - EXIT
kill $broker
wait $broker || true
grep -qx '{"text": "one two", "words": 2}' /result
apt-get -q purge -y bruco
if find / -xdev -path /proc -prune -o -name '*bruco*' -print | grep -v -e ^/etc/bruco -e ^/var/cache/bruco -e ^/run/bruco -e ^/bruco.deb -e ^/var/lib/dpkg -e ^/tmp; then
    exit 1
fi
echo all is well
END
    LIMIT=900 run_x 0 mmdebstrap --variant=minbase --mode=root --format=null \
        --customize-hook="cp '$DEB' \"\$1/bruco.deb\"" --customize-hook="cp inside \"\$1/inside\"" \
        --customize-hook='chroot "$1" sh /inside' "$suite" /dev/null "${sources[@]}"
    file_has stderr '^all is well$'
}
