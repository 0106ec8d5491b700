#!/usr/bin/env bats
# Projects as zip files, from a path or an address: unpacked once, and only what may be unpacked.

load helpers

setup() {
    common_setup
    export XDG_CACHE_HOME=$PWD/cache
    mkdir -m 700 cache
    CACHE=cache/bruco/projects
}

teardown() {
    [[ ! -e web.pid ]] || process_ended "$(<web.pid)" || stop_x web 143
    common_teardown
}

project() { # a folder `app` that makes lines upper case
    mkdir -p app/lib
    echo 'source: {kind: lines}
sink: {kind: lines}
processor: {}' >app/config.yaml
    echo 'from lib.up import up

def handle_event(context, data): return up(data)' >app/handler.py
    echo 'def up(data): return data.upper()' >app/lib/up.py
}

zipped() { # zipped FILE FOLDER: what is in the folder
    (cd "$2" && /usr/bin/python3 -m zipfile -c "$OLDPWD/$1" ./*)
}

sum_of() {
    sha256sum "$1" | cut -d' ' -f1
}

serve() { # the folder `web`; $URL
    mkdir -p web
    local port
    port=$(free_port)
    start_x web /usr/bin/python3 -u -m http.server -b 127.0.0.1 -d web "$port"
    URL=http://127.0.0.1:$port
    wait_for 20 file_has web.out Serving
}

folders() { # what there is in the cache
    find "$CACHE" -mindepth 2 -maxdepth 2 -printf '%f\n' | sort
}

@test "packed: a zip file runs as its folder would, and is unpacked once" {
    project
    zipped words.zip app
    run_x 0 bruco -q words.zip <<<$'a\nb'
    equals "$output" $'A\nB'
    equals "$(folders)" words
    equals "$(find "$CACHE" -name '.unpack-*')" ''
    touch "$(find "$CACHE" -name handler.py)" -d 2001-01-01
    run_x 0 bruco check -c words.zip
    contains "$output" "words/config.yaml: ok"
    equals "$(find "$CACHE" -name handler.py -printf '%TY %m\n')" '2001 644'
    # Another content is another folder; the folder may be in the archive.
    echo '# more' >>app/handler.py
    /usr/bin/python3 -m zipfile -c words.zip app/
    run_x 0 bruco -q words.zip <<<a
    equals "$output" A
    equals "$(folders)" $'words\nwords'
    # Many at once.
    rm -r cache/bruco
    for n in {1..8}; do
        (printf '%s\n' "a$n" | bruco -q words.zip >"out-$n") &
        waiting+=("$!")
    done
    wait "${waiting[@]}"
    equals "$(cat out-* | sort)" "$(printf 'A%s\n' {1..8})"
    equals "$(folders)" words
}

@test "packed: an address needs a checksum, and what comes must have it" {
    project
    serve
    zipped web/words.zip app
    run_x 78 bruco check "$URL/words.zip"
    equals "$stderr" "$URL/words.zip: an address needs a checksum: append '#sha256=' and what sha256sum says of the file"
    run_x 78 bruco check "$URL/words.zip#sha256=123"
    contains "$stderr" "the checksum behind '#sha256=' is not 64 hexadecimal digits"
    run_x 78 bruco check "$URL/words.zip#sha256=$(sum_of app/config.yaml)"
    equals "$stderr" "$URL/words.zip: its checksum is another one: $(sum_of web/words.zip)"
    run_x 69 bruco check "$URL/other.zip#sha256=$(sum_of web/words.zip)"
    equals "$stderr" "$URL/other.zip: cannot fetch it: 404 File not found"
    run_x 64 bruco check "s3://bucket/words.zip"
    contains "$stderr" 's3://bucket/words.zip: only https and http are supported; fetch the file (aws s3 cp'
    run_x 64 bruco check "file:///etc/words.zip#sha256=$(sum_of web/words.zip)"
    test ! -e "$CACHE" || equals "$(ls -A "$CACHE")" ''
    run_x 0 bruco -q "$URL/words.zip#sha256=$(sum_of web/words.zip)" <<<a
    equals "$output" A
    # Then it is there, also when its server is not.
    kill_x web TERM
    wait_x web 143
    run_x 0 bruco -q "$URL/words.zip?token=t0ps3cret#sha256=$(sum_of web/words.zip)" <<<a
    equals "$output" A
    run_x 69 bruco check "http://me:t0ps3cret@127.0.0.1:1/x.zip?t0ps3cret#sha256=$(sum_of app/config.yaml)"
    contains "$stderr" 'http://127.0.0.1:1/x.zip: cannot fetch it: [Errno 111] Connection refused'
    file_lacks stderr t0ps3cret
}

@test "packed: neither password nor token of an address stays in the command line" {
    project
    echo 'import time

def handle_event(context, data): time.sleep(60)' >app/handler.py
    serve
    zipped web/words.zip app
    address="http://me:t0ps3cret@${URL#http://}/words.zip?token=t0ps3cret#sha256=$(sum_of web/words.zip)"
    start_x bruco bruco "$address" <<<a
    wait_for 20 file_has bruco.err 'bruco: info: ready'
    tr '\0' ' ' <"/proc/$(<bruco.pid)/cmdline" >shown
    file_has shown 'words.zip'
    file_lacks shown t0ps3cret
    file_lacks bruco.err t0ps3cret
    kill_x bruco KILL
    wait_x bruco 137
}

@test "packed: what leads out, links, bombs, and what is no zip file" {
    /usr/bin/python3 - <<'END'
import stat, struct, zipfile

def archive(name, *members):
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as out:
        for member, content in members:
            info = member if isinstance(member, zipfile.ZipInfo) else zipfile.ZipInfo(member)
            info.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(info, content)

CONFIG = ("config.yaml", "source: {kind: lines}\n")

def special(name, kind):
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    return info

archive("up.zip", CONFIG, ("../out", "x"))
archive("deep.zip", CONFIG, ("a/b/../../../out", "x"))
archive("absolute.zip", CONFIG, ("/tmp/bruco-out", "x"))
archive("backslash.zip", CONFIG, ("..\\out", "x"))
archive("control.zip", CONFIG, ("a\x1bb", "x"))
archive("link.zip", CONFIG, (special("handler.py", stat.S_IFLNK), "/etc/passwd"))
archive("device.zip", CONFIG, (special("zero", stat.S_IFCHR), ""))
archive("folderlink.zip", CONFIG, (special("d", stat.S_IFLNK), "/tmp"), ("d/out", "x"))
archive("twice.zip", CONFIG, CONFIG)
archive("both.zip", CONFIG, ("config.yaml/x", "y"))
archive("none.zip", ("handler.py", "x"))
archive("long.zip", CONFIG, ("x" * 300, "y"))
archive("many.zip", CONFIG, *((f"f{n}", "") for n in range(20001)))
archive("bomb.zip", CONFIG, ("zeros", b"\0" * (1 << 30)), ("more", b"\0" * (1 << 10)))
open("empty.zip", "w").close()
data = open("none.zip", "rb").read()
open("cut.zip", "wb").write(data[:-10])
archive("good.zip", CONFIG)
data = bytearray(open("good.zip", "rb").read())
data[40] ^= 1 # of the content: its checksum no longer fits
open("crc.zip", "wb").write(data)
data = bytearray(open("good.zip", "rb").read())
at = data.index(b"PK\1\2")
data[at + 8] |= 1
data[6] |= 1
open("encrypted.zip", "wb").write(data)
END
    bad() { # bad NAME WHY
        LIMIT=120 run_x 78 bruco check "$1.zip"
        contains "$stderr" "$1.zip: $2"
        test "$(wc -l <stderr)" = 1
    }
    bad up "the member '../out' leads out of the archive"
    bad deep "the member 'a/b/../../../out' leads out of the archive"
    bad absolute "the member '/tmp/bruco-out' leads out of the archive"
    bad backslash "the member '..\\\\out' leads out of the archive"
    bad control "the member 'a\\x1bb' leads out of the archive"
    bad link "the member 'handler.py' is a link or a device"
    bad device "the member 'zero' is a link or a device"
    bad folderlink "the member 'd' is a link or a device"
    bad twice "the member 'config.yaml' is there twice"
    bad both "the member 'config.yaml"
    bad none 'it has no config.yaml, neither itself nor in its only folder'
    bad long "the member 'xxx"
    bad many 'it has more than 20000 members'
    bad bomb 'what is in it is larger than'
    bad empty 'it is no zip file that can be read'
    bad cut 'it is no zip file that can be read'
    bad crc 'it is no zip file that can be read'
    bad encrypted "the member 'config.yaml' is encrypted"
    run_x 78 bruco check absent.zip
    equals "$stderr" 'absent.zip: No such file or directory'
    test ! -e out
    test ! -e /tmp/bruco-out
    # Nothing is left of them.
    equals "$(ls -A "$CACHE")" ''
    # A folder of that name is a folder.
    mkdir folder.zip
    echo 'source: {kind: lines}' >folder.zip/config.yaml
    run_x 0 bruco check folder.zip
}

@test "packed: a cache that others can write to is not used" {
    project
    zipped words.zip app
    chmod 777 cache
    run_x 78 bruco check words.zip
    contains "$stderr" "for what is in it is run"
    contains "$stderr" "(XDG_CACHE_HOME names another place)"
    unset XDG_CACHE_HOME
    HOME='' run_x 78 bruco check words.zip
    contains "$stderr" 'no folder to unpack a project into'
}
