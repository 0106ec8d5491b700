#!/usr/bin/env bats
# The lists of packages that people write beside a handler, but for requirements.txt alone (venv.bats): a block in
# the handler, pyproject.toml, locks, hashes; and uv in the place of pip.

load helpers

setup() {
    common_setup
    unset BRUCO_DISABLE_PIP BRUCO_UV "${!PIP_@}" "${!UV_@}"
    export XDG_CACHE_HOME=$PWD/cache HOME=$PWD/home
    export PIP_NO_INDEX=1 PIP_FIND_LINKS=$PWD/wheels UV_NO_INDEX=1 UV_FIND_LINKS=$PWD/wheels
    mkdir app wheels home
    echo '{processor: , source: {kind: lines}, sink: {kind: lines}}' >app/config.yaml
    handler </dev/null
    wheel bruco0base 1.0
    wheel bruco0base 2.0
    wheel bruco0top 1.0 bruco0base
}

# wheel NAME VERSION [REQUIREMENT]: a package without anything but a module and its version.
wheel() {
    /usr/bin/python3 - "$@" <<'END'
import sys, zipfile
name, version, *needs = sys.argv[1:]
info = f'{name}-{version}.dist-info'
with zipfile.ZipFile(f'wheels/{name}-{version}-py3-none-any.whl', 'w') as wheel:
    def add(path, text):
        wheel.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), text)
    add(f'{name}.py', f'version = "{version}"\n')
    add(f'{info}/METADATA', f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n' +
        ''.join(f'Requires-Dist: {need}\n' for need in needs))
    add(f'{info}/WHEEL', 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
    add(f'{info}/RECORD', '')
END
}

# The handler says what is installed of the two; standard input comes before it.
handler() {
    cat >app/handler.py
    cat >>app/handler.py <<'END'
import importlib, sys

def handle_event(context, data):
    found = []
    for name in ("base", "top"):
        try:
            found.append(f"{name} {importlib.import_module('bruco0' + name).version}")
        except ImportError:
            pass
    return ", ".join(found) + " in " + sys.prefix
END
}

hash_of() {
    sha256sum "wheels/bruco0$1-py3-none-any.whl" | cut -c 1-64
}

# A lock with both packages, as pip writes it, with the files beside it, or as PEP 751 has an index's.
pylock() {
    cat >app/pylock.toml <<END
lock-version = "1.0"
created-by = "test"
[[packages]]
name = "bruco0base"
version = "1.0"
[[packages.wheels]]
name = "bruco0base-1.0-py3-none-any.whl"
path = "../wheels/bruco0base-1.0-py3-none-any.whl"
hashes = {sha256 = "$(hash_of base-1.0)"}

[[packages]]
name = "bruco0top"
version = "1.0"
marker = "python_version >= '3.6'"
[[packages.wheels]]
name = "bruco0top-1.0-py3-none-any.whl"
url = "https://nowhere.invalid/bruco0top-1.0-py3-none-any.whl"
hashes = {sha256 = "$(hash_of top-1.0)"}

[[packages]]
name = "elsewhere"
version = "1.0"
marker = "sys_platform == 'win32'"
wheels = [{name = "elsewhere-1.0-py3-none-any.whl", hashes = {sha256 = "$(hash_of top-1.0)"}}]

[[packages]]
name = "tested"
version = "1.0"
marker = "'dev' in dependency_groups or 'all' in extras"
wheels = [{name = "tested-1.0-py3-none-any.whl", hashes = {sha256 = "$(hash_of top-1.0)"}}]
END
}

# What `uv lock` writes for a project that asks for base>=1 and, on Windows, for more.
uv_lock() {
    cat >app/uv.lock <<END
version = 1
revision = 3
requires-python = ">=3.9"

[[package]]
name = "bruco0base"
version = "1.0"
source = { registry = "https://nowhere.invalid/simple" }
wheels = [
    { url = "https://nowhere.invalid/bruco0base-1.0-py3-none-any.whl", hash = "sha256:$(hash_of base-1.0)", size = 1 },
]

[[package]]
name = "elsewhere"
version = "1.0"
source = { registry = "https://nowhere.invalid/simple" }
sdist = { url = "https://nowhere.invalid/elsewhere-1.0.tar.gz", hash = "sha256:$(hash_of base-1.0)", size = 1 }

[[package]]
name = "orders"
version = "0.1.0"
source = { virtual = "." }
dependencies = [
    { name = "elsewhere", marker = "sys_platform == 'win32'" },
    { name = "bruco0top" },
]

[package.metadata]
requires-dist = [
    { name = "elsewhere", marker = "sys_platform == 'win32'" },
    { name = "bruco0top" },
]

[[package]]
name = "bruco0top"
version = "1.0"
source = { registry = "https://nowhere.invalid/simple" }
dependencies = [
    { name = "bruco0base" },
    { name = "elsewhere", marker = "python_full_version < '3.8'" },
]
wheels = [
    { url = "https://nowhere.invalid/bruco0top-1.0-py3-none-any.whl", hash = "sha256:$(hash_of top-1.0)", size = 1 },
]
END
}

# project [DEPENDENCY ...]: a pyproject.toml that asks for them
project() {
    printf '[project]\nname = "orders"\nversion = "0.1.0"\nrequires-python = ">=3.9"\ndependencies = [\n' \
        >app/pyproject.toml
    (($# == 0)) || printf '    "%s", # why\n' "$@" >>app/pyproject.toml
    printf ']\n\n[tool.ruff]\nline-length = 100\n' >>app/pyproject.toml
}

# installs WHAT: `bruco venv` makes an environment, in which `bruco` and a worker by hand find just this.
installs() {
    run_x 0 bruco venv app
    local made=$output
    contains "$made" "$PWD/cache/bruco/venv-"
    cp stderr install.err
    run_x 0 bruco app <<<go
    equals "$output" "$1 in $made"
    file_lacks stderr installing
    run_x 0 bruco-worker -q --lines -c app <<<go
    equals "$output" "$1 in $made"
    equals "$stderr" ""
}

# refuses WHAT: it is not installed, and the log says this.
refuses() {
    run_x 69 bruco venv app
    contains "$stderr" "$1"
    contains "$(tail -n 1 stderr)" "bruco: error: cannot install '$PWD/app/"
    equals "$output" ""
    [[ -z $(ls -d cache/bruco/venv-*/ 2>/dev/null) ]]
}

# uv, from the index, where that can be had.
requires_uv() {
    local folder=$BATS_FILE_TMPDIR/uv
    [[ $(uname -m) == x86_64 ]] || skip "no uv for this machine is pinned"
    if [[ ! -e $folder ]]; then
        mkdir "$folder"
        echo 'uv==0.13.9 --hash=sha256:d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19' >"$folder/requirements.txt"
        /usr/bin/python3 -m venv "$folder/env"
        env -u PIP_NO_INDEX -u PIP_FIND_LINKS timeout 120 "$folder/env/bin/pip" install -q --no-deps \
            --disable-pip-version-check --require-hashes -r "$folder/requirements.txt" >/dev/null 2>&1 ||
            touch "$folder/failed"
    fi
    [[ ! -e $folder/failed ]] || skip "uv can't be had"
    PATH=$folder/env/bin:$PATH
}

# ---- a list of each kind

@test "a block in the handler, PEP 723; another text of it is another environment, other code is not" {
    handler <<'END'
#!/usr/bin/env python3
# /// script
# requires-python = ">=3.9,<5"
# dependencies = [
#   "bruco0top", # and what it needs
#   "bruco0base<2; python_version >= '3'",
# ]
# ///
END
    installs "base 1.0, top 1.0"
    contains "$(<install.err)" "info: installing '$PWD/app/handler.py'"
    echo '# changed' >>app/handler.py
    run_x 0 bruco venv app
    file_lacks stderr installing
    sed -i 's/base<2/base>=2/' app/handler.py
    run_x 0 bruco-worker --lines -c app <<<go
    contains "$stderr" "warning: '$PWD/app/handler.py' is not installed ('bruco venv -c app/config.yaml' does that)"
}

@test "pyproject.toml: what [project] asks for" {
    project bruco0top
    installs "base 2.0, top 1.0"
    contains "$(<install.err)" "info: installing '$PWD/app/pyproject.toml'"
    # One without dependencies is not for us.
    project
    run_x 0 bruco venv app
    contains "$stderr" "no environment is needed"
}

@test "pylock.toml rules over its pyproject.toml: its versions, its hashes, what this system needs of it" {
    project bruco0top
    pylock
    installs "base 1.0, top 1.0"
    contains "$(<install.err)" "info: installing '$PWD/app/pylock.toml'"
    file_lacks install.err 'not used'
}

@test "uv.lock rules over its pyproject.toml, without uv" {
    project bruco0top "elsewhere; sys_platform == 'win32'"
    uv_lock
    installs "base 1.0, top 1.0"
    contains "$(<install.err)" "info: installing '$PWD/app/uv.lock'"
}

@test "requirements.txt with hashes: a wrong one is refused by name" {
    printf '%s\n' "bruco0top==1.0 --hash=sha256:$(hash_of top-1.0)" \
        "bruco0base==1.0 --hash=sha256:$(hash_of base-1.0)" >app/requirements.txt
    installs "base 1.0, top 1.0"
    rm -r cache
    sed -i "s/$(hash_of base-1.0)/$(hash_of base-2.0)/" app/requirements.txt
    refuses "error: pip: THESE PACKAGES DO NOT MATCH THE HASHES"
    contains "$stderr" "bruco0base==1.0"
    contains "$stderr" "Got        $(hash_of base-1.0)"
}

# ---- which one, and what is wrong with it

# prefers FILE UNUSED: this one is installed, the log names those that are not.
prefers() {
    rm -rf cache
    run_x 0 bruco venv app
    contains "$stderr" "installing '$PWD/app/$1'"
    contains "$stderr" "info: not used, since there is '$PWD/app/$1': $2"
}

@test "of several lists one is used, in the order of the manual, and the log says so" {
    requires_uv
    export BRUCO_UV=true
    project bruco0top
    uv_lock
    echo bruco0base >app/requirements.txt
    prefers requirements.txt "uv.lock, pyproject.toml"
    pylock
    prefers pylock.toml "requirements.txt, uv.lock"
    handler <<<$'# /// script\n# dependencies = ["bruco0top"]\n# ///'
    prefers handler.py "pylock.toml, requirements.txt, uv.lock, pyproject.toml"
    # An empty one does not count.
    echo '# nothing' >app/requirements.txt
    rm app/pylock.toml
    prefers handler.py "uv.lock, pyproject.toml"
}

@test "what is wrong with a list is said with its name: 69, nothing half-made" {
    requires_uv # much faster
    export BRUCO_UV=true
    project bruco0top
    sed -i 's/>=3.9/>=3.99/' app/pyproject.toml
    refuses "error: pyproject.toml: requires-python is '>=3.99', but the worker's Python is 3."
    sed -i 's/^requires-python.*/requires-python = 3/' app/pyproject.toml
    refuses "error: pyproject.toml: 'requires-python' is not what it should be"
    project "--index-url=http://nowhere.invalid"
    refuses "error: pyproject.toml: '--index-url=http://nowhere.invalid' is no requirement"
    project "bruco0top --global-option=x"
    refuses "is no requirement"
    project bruco0top
    echo 'oops' >>app/pyproject.toml
    refuses "error: pyproject.toml: not as TOML is written: Expected '=' after a key"
    rm app/pyproject.toml

    pylock
    sed -i 's/lock-version.*/lock-version = "2.0"/' app/pylock.toml
    refuses "error: pylock.toml: its lock-version is '2.0', and Bruco knows 1.0"
    pylock
    sed -i '/^path = /,/^hashes/d' app/pylock.toml
    refuses "error: pylock.toml: package 'bruco0base' has no version, no file or no hash"
    printf '[[packages]]\nname = "tool"\nvcs = {type = "git", url = "x", commit-id = "y"}\n' >>app/pylock.toml
    pylock
    project bruco0top more
    refuses "error: pylock.toml: it does not have 'more', which pyproject.toml asks for: run 'pip lock'"
    rm app/pylock.toml
    uv_lock
    refuses "error: uv.lock: it does not have 'more', which pyproject.toml asks for: run 'uv lock'"
    rm app/uv.lock app/pyproject.toml

    local block=$'# /// script\n# dependencies = ["bruco0base"]\n# ///\n\n'
    handler <<<"$block$block"
    refuses "error: handler.py: there are 2 blocks '# /// script'"
    mkfifo app/uv.lock
    run_x 69 bruco venv app
    contains "$stderr" "error: cannot read '$PWD/app/uv.lock': it is no regular file"
}

@test "bruco check warns of a list that names bruco, which the index has from somebody else" {
    local warning="warning: processor.handlerPath: '$PWD/app/%s' names 'bruco', which on PyPI is somebody else's"
    printf 'bruco0top\n  Bruco[x]>=1 # ours?\n' >app/requirements.txt
    # shellcheck disable=SC2059
    run_x 0 bruco check app && contains "$stderr" "$(printf "$warning" requirements.txt)"
    printf 'bruco-stream\nbrucolib\nbruco @ file:///ours.whl\n#bruco\n' >app/requirements.txt
    run_x 0 bruco check app && file_lacks stderr warning
    rm app/requirements.txt
    project bruco0top 'bruco>=1'
    # shellcheck disable=SC2059
    run_x 0 bruco check app && contains "$stderr" "$(printf "$warning" pyproject.toml)"
    pylock
    run_x 0 bruco check app && file_lacks stderr warning
    sed -i 's/name = "bruco0top"/name = "bruco"/' app/pylock.toml
    # shellcheck disable=SC2059
    run_x 0 bruco check app && contains "$stderr" "$(printf "$warning" pylock.toml)"
    handler <<<$'# /// script\n# dependencies = ["bruco"]\n# ///'
    # shellcheck disable=SC2059
    run_x 0 bruco check app && contains "$stderr" "$(printf "$warning" handler.py)"
}

# ---- uv

@test "uv installs what pip does, of each list, hashes checked" {
    requires_uv
    export BRUCO_UV=true
    local kind
    for kind in script requirements pylock uvlock; do
        rm -rf cache app/*.txt app/*.toml app/uv.lock
        handler </dev/null
        case $kind in
        script) handler <<<$'# /// script\n# dependencies = ["bruco0top", "bruco0base<2"]\n# ///' ;;
        requirements) printf '%s\n' "bruco0base==1.0 --hash=sha256:$(hash_of base-1.0)" \
            "bruco0top==1.0 --hash=sha256:$(hash_of top-1.0)" >app/requirements.txt ;;
        pylock) pylock ;;
        uvlock) project bruco0top "elsewhere; sys_platform == 'win32'" && uv_lock ;;
        esac
        run_x 0 bruco app <<<go
        contains "$stderr" "' with uv"
        contains "$output" "base 1.0, top 1.0 in $PWD/cache/bruco/venv-"
    done
    rm -r cache
    sed -i "s/$(hash_of base-1.0)/$(hash_of base-2.0)/" app/uv.lock
    refuses "error: uv: "
    contains "$stderr" "Hash mismatch for \`bruco0base==1.0"
    pylock
    sed -i "s/$(hash_of base-1.0)/$(hash_of base-2.0)/" app/pylock.toml
    refuses "Hash mismatch for \`bruco0base==1.0"
    # pip asks for the hashes of all when one is given, and so does uv.
    rm app/uv.lock app/*.toml
    printf '%s\n' "bruco0base==1.0 --hash=sha256:$(hash_of base-1.0)" bruco0top==1.0 >app/requirements.txt
    refuses "In \`--require-hashes\` mode, all requirements must have"
}

@test "what uv builds sees no secret" {
    requires_uv
    mkdir app/hostile
    printf '%s\n' '[build-system]' 'requires = []' 'build-backend = "backend"' 'backend-path = ["."]' \
        '[project]' 'name = "hostile"' 'version = "1"' >app/hostile/pyproject.toml
    cat >app/hostile/backend.py <<'PY'
import os

def build_wheel(directory, *args):
    with open(os.environ["FOUND"], "w") as file:
        for pid in ("self", os.getppid()):
            with open(f"/proc/{pid}/environ") as environment:
                print(*environment.read().split("\0"), sep="\n", file=file)
        print("descriptors", *os.listdir("/proc/self/fd"), file=file)
    raise SystemExit("seen")
PY
    echo ./hostile >app/requirements.txt
    cat >app/config.yaml <<'YAML'
processor: {inheritEnv: [FOUND, SOURCE_PASSWORD]}
source: {kind: kafka, brokers: x, topics: [a], consumerGroup: g, properties: {sasl.password: "${SOURCE_PASSWORD}"}}
sink: {kind: lines}
YAML
    FOUND=$PWD/found SOURCE_PASSWORD=canary OTHER=canary UV_PUBLISH_TOKEN=canary BRUCO_UV=true \
        run_x 69 bruco venv app 9<app/config.yaml
    contains "$stderr" "seen"
    file_has found "^UV_FIND_LINKS=$PWD/wheels"
    file_has found "^descriptors"
    file_lacks found "canary|^BRUCO_|descriptors.* 9( |$)"
}

# with_no_pip_conf COMMAND ...: as on a machine where pip has no settings
with_no_pip_conf() {
    [[ -e /etc/pip.conf || -e /etc/xdg/pip/pip.conf ]] || { run_x 0 "$@"; return; }
    [[ $(id -u) == 0 ]] && unshare -m true || skip "pip has settings here"
    [[ -d etc ]] || cp -a /etc etc
    rm -rf etc/pip.conf etc/xdg/pip
    # shellcheck disable=SC2016
    run_x 0 unshare -m sh -c 'mount --bind "$0/etc" /etc && exec "$@"' "$PWD" "$@"
}

@test "uv is taken by itself where pip has no settings, and where it has some pip is, unless BRUCO_UV=true" {
    requires_uv
    unset "${!PIP_@}"
    echo bruco0base >app/requirements.txt
    PIP_NO_INPUT=1 with_no_pip_conf bruco venv app
    contains "$stderr" "installing '$PWD/app/requirements.txt' with uv"
    rm -r cache
    PIP_NO_INDEX=1 PIP_FIND_LINKS=$PWD/wheels with_no_pip_conf bruco venv app
    contains "$stderr" "installing '$PWD/app/requirements.txt' with pip, whose setting 'PIP_"
    rm -r cache
    mkdir -p home/.config/pip
    printf '[global]\nno-index = true\nfind-links = %s\n' "$PWD/wheels" >home/.config/pip/pip.conf
    BRUCO_UV=yes run_x 0 bruco venv app
    contains "$stderr" "' with uv"
    rm -r cache
    with_no_pip_conf bruco venv app
    contains "$stderr" "with pip, whose setting '$PWD/home/.config/pip/pip.conf' uv does not read"
}

@test "BRUCO_UV=true without uv is an error; false is pip" {
    echo bruco0base >app/requirements.txt
    PATH=$BRUCO_BIN:/usr/bin:/bin BRUCO_UV=true run_x 69 bruco venv app
    contains "$stderr" "error: BRUCO_UV asks for uv, which is not in PATH"
    mkdir bin
    printf '#!/bin/sh\nexit 1\n' >bin/uv
    chmod +x bin/uv
    export PATH=$PWD/bin:$PATH
    unset "${!PIP_@}"
    PIP_FIND_LINKS=$PWD/wheels PIP_NO_INDEX=1 BRUCO_UV=false run_x 0 bruco venv app
    contains "$stderr" "installing '$PWD/app/requirements.txt'"
    file_lacks stderr 'with'
    BRUCO_UV=perhaps run_x 69 env XDG_CACHE_HOME="$PWD/other" bruco venv app
    contains "$stderr" "error: the variable BRUCO_UV is 'perhaps', which is neither true nor false"
}
