#!/usr/bin/env bats
# make deb: the package, and what it is in a Debian that has nothing else.
load helpers
load debian

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
    cp "$DEB" bruco.deb
    in_bare_debian "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$PWD/bruco.deb" <<'END'
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
counts_words as_bruco /etc/bruco/words
apt-get -q purge -y bruco
if find / -xdev -path /proc -prune -o -name '*bruco*' -print | grep -v -e ^/etc/bruco -e ^/var/cache/bruco -e ^/run/bruco -e ^/bruco.deb -e ^/var/lib/dpkg -e ^/tmp; then
    exit 1
fi
END
}
