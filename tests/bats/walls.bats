#!/usr/bin/env bats
# Hostile handlers that look for the brokers' passwords, as root and as an ordinary user, at each level
# of processor.isolation. That an attack works at level none shows that it is one.

load helpers
load walls

# The wall holds: nothing is taken and nothing open.
nothing_reached() {
    equals "$(found taken)$(found open)" ""
    equals "$(found refused)" "$({
        attacks_on driver source sink
        printf '%s\n' "own environment" "own descriptors"
    } | sort)"
    equals "$(jq -c '.status | [.NoNewPrivs, .core]' app/found.json)" '["1",["0","0"]]'
    equals "$(jq -c '.environ | index("OTHER_PASSWORD")' app/found.json)" null
}

@test "at level none an ordinary user's handler reads it all" {
    become_ordinary
    hostile_project "isolation: none"
    run_hostile
    equals "$(found refused)" "$({
        attacks_on driver source sink | grep cmdline
        echo "own descriptors"
    } | sort)"
    equals "$(found taken)" "$({
        printf '%s\n' "own environment" "driver descriptors" "source environ" "sink environ"
        attacks_on driver source sink | grep memory
    } | sort)" # the driver's own environment is wiped at any level
}

@test "basic: an ordinary user's handler reaches nothing" {
    become_ordinary
    hostile_project
    run_hostile
    nothing_reached
    [[ $(jq .status.uid app/found.json) != 0 ]]
}

@test "basic: root's handler takes nothing by these ways" {
    ((EUID == 0)) || skip "needs root"
    hostile_project
    run_hostile
    equals "$(found taken)" ""
    equals "$(found open | grep -vE ' (environ|maps)$' || true)" "" # these by CAP_SYS_ADMIN, Linux 6.17
    equals "$(jq .status.uid app/found.json)" 0
}

@test "a handler of root's, to whom CAP_SYS_PTRACE is left, reads it all, and bruco says so" {
    ((EUID == 0)) || skip "needs root"
    hostile_project
    ORDINARY=(setpriv --bounding-set=-setpcap --inh-caps=-setpcap)
    run_hostile -v
    [[ $(found taken) == *"sink memory"* ]]
    contains "$stderr" "bruco: debug: isolation basic: workers get a listed environment, no further rights and no core files; but they have CAP_SYS_PTRACE"
}

@test "source and sink get no variable with a secret, but for level none" {
    ((EUID == 0)) || skip "needs root, to look"
    hostile_project
    start_x bruco bruco -c config.yaml
    wait_for 30 test -e app/found.json
    equals "$(stage_variables canary)" ""
    [[ $(stage_variables '^PATH=') == "bruco-sink"*"bruco-source"* ]]
    stop_x bruco
    sed -i 's/^processor:/&\n  isolation: none/' config.yaml
    rm app/found.json
    echo hello | bruco-source -q lines | bruco-sink -q kafka -b "$BROKERS" -t in
    start_x bruco bruco -c config.yaml
    wait_for 30 test -e app/found.json
    equals "$(stage_variables '^SOURCE_PASSWORD')" "bruco-sink SOURCE_PASSWORD=canary-of-the-source
bruco-source SOURCE_PASSWORD=canary-of-the-source"
    stop_x bruco
}

@test "what pip builds sees no secret, and can't look into bruco" {
    become_ordinary
    hostile_requirement
    cp "$ROOT/tests/bats/walls.py" app/hostile/walls.py
    cat >app/hostile/backend.py <<'PY'
import json, os, sys, zipfile
sys.path.insert(0, os.path.dirname(__file__))
import walls

def parents(pid):
    while pid > 1:
        status = walls.read(f"/proc/{pid}/status").decode()
        if "Name:\tbruco\n" in status:
            return pid
        pid = int(status.split("PPid:\t")[1].split()[0])

def build_wheel(directory, *args):
    found = {"own environment": walls.own_environment(), "own descriptors": walls.own_descriptors(),
             **walls.on_process("driver", parents(os.getppid()))}
    with open(os.environ["FOUND"], "w") as file:
        json.dump({"found": found, "status": walls.status(), "environ": dict(os.environ)}, file)
    name = "hostile-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        wheel.writestr("hostile-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: hostile\nVersion: 1\n")
        wheel.writestr("hostile-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("hostile-1.dist-info/RECORD", "")
    return name
PY
    echo ./hostile >app/requirements.txt
    echo 'def handle_event(context, data): return data' >app/handler.py
    cat >app/config.yaml <<YAML
processor: {inheritEnv: [FOUND, MORE_*, SOURCE_PASSWORD], env: [{name: OWN, value: of the handler}]}
source: {kind: kafka, brokers: x, topics: [a], consumerGroup: g, properties: {sasl.password: "\${SOURCE_PASSWORD}"}}
sink: {kind: lines}
YAML
    echo canary-3 >open
    chmod -R a+rwX "$PWD"
    export FOUND=$PWD/app/found.json MORE_OF=it SOURCE_PASSWORD=canary-1 OTHER_PASSWORD=canary-2 \
        PIP_RETRIES=0 HOME=$HOUSE/home XDG_CACHE_HOME=$HOUSE/cache
    BRUCO_DISABLE_PIP=no run_x 0 "${ORDINARY[@]}" bruco venv app 9<open
    equals "$(found taken)$(found open)" ""
    equals "$(jq -r '.environ | .PIP_RETRIES, .MORE_OF, .SOURCE_PASSWORD, .OTHER_PASSWORD, .OWN' app/found.json)" \
        $'0\nit\nnull\nnull\nnull'
    equals "$(jq -r .status.NoNewPrivs app/found.json)" 1
}

@test "workers inherit a list, inheritEnv and processor.env; all but secrets with none" {
    lines_project "{inheritEnv: [EXACT, 'MORE_*', SECRET_KIND], env: [{name: ADDED, value: x}, {name: EXACT, value: own}]}" <<'PY'
import os
def handle_event(context, data):
    return " ".join(sorted(f"{k}={v}" for k, v in os.environ.items() if v and v in "xyz own lines"))
PY
    sed -i 's/^source.*/source: {kind: "${SECRET_KIND}"}/' app/config.yaml
    export SECRET_KIND=lines EXACT=y EXACTLY=y MORE_A=y MORE=y LC_TIME=z TZ=z OTEL_X=y PYTHONFOO=y SSH_TTY=z
    run_x 0 bruco app <<<hello
    equals "$output" "ADDED=x EXACT=own LC_TIME=z MORE_A=y OTEL_X=y PYTHONFOO=y TZ=z"
    sed -i 's/{inheritEnv/{isolation: none, inheritEnv/' app/config.yaml
    run_x 0 bruco app <<<hello
    equals "$output" "ADDED=x EXACT=own EXACTLY=y LC_TIME=z MORE=y MORE_A=y OTEL_X=y PYTHONFOO=y SSH_TTY=z TZ=z"
}

@test "BRUCO_DISABLE_PIP is what a person would write for yes" {
    lines_project '{}' <<<'def handle_event(context, data): return data'
    echo ./nothing >app/requirements.txt
    export XDG_CACHE_HOME=$PWD/cache
    local yes
    for yes in true 1 yes on TRUE On; do
        BRUCO_DISABLE_PIP=$yes run_x 0 bruco app <<<hello
        equals "$output" hello
    done
    for yes in false 0 no off "" No; do
        BRUCO_DISABLE_PIP=$yes run_x 69 bruco check --handler app
        contains "$stderr" "the handler has not been checked: '$PWD/app/requirements.txt' is not installed"
    done
    BRUCO_DISABLE_PIP=No run_x 69 bruco app <<<hello
    contains "$stderr" "pip: "
    for yes in ja tru " true" 2 $'tr\e[2Jue'; do # neither installs nor leaves out what may be needed
        BRUCO_DISABLE_PIP=$yes run_x 69 bruco app <<<hello
        contains "$stderr" "bruco: error: the variable BRUCO_DISABLE_PIP is '"
        contains "$stderr" "', which is neither true nor false"
        file_lacks stderr $'\e|pip:'
        BRUCO_DISABLE_PIP=$yes run_x 69 bruco check --handler app
        contains "$stderr" "the handler has not been checked: the variable BRUCO_DISABLE_PIP"
    done
}

@test "bruco check -v says what applies; what isolation and inheritEnv refuse" {
    lines_project '{}' <<<'def handle_event(context, data): return data'
    run_x 0 bruco check -v app
    contains "$stderr" "isolation basic: workers get a listed environment"
    run_x 0 bruco check --print app
    contains "$output" "  isolation: basic
  inheritEnv: []"
    sed -i 's/{}/{isolation: none}/' app/config.yaml
    run_x 0 bruco check -v app
    contains "$stderr" "isolation none: workers inherit the environment"
    sed -i 's/{isolation: none}/{isolation: hard, inheritEnv: ["*", A=b, 1A]}/' app/config.yaml
    run_x 78 bruco check app
    contains "$stderr" "processor.isolation: expected none, basic or strict, found 'hard'"
    contains "$stderr" "processor.inheritEnv: expected the name of a variable, or PREFIX_*, found '*'"
    contains "$stderr" "found 'A=b'"
    contains "$stderr" "found '1A'"
}

@test "basic: a handler finds its way to servers, and nothing that was not meant for it" {
    lines_project '{}' <<'END'
import json, os
def handle_event(context, data):
    names = ("HTTPS_PROXY", "no_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_SECRET_ACCESS_KEY", "MY_TOKEN")
    return {name: os.environ[name] for name in names if name in os.environ}
END
    export HTTPS_PROXY=http://proxy:1 no_proxy=here SSL_CERT_FILE=/ca REQUESTS_CA_BUNDLE=/ca2
    export AWS_SECRET_ACCESS_KEY=secret MY_TOKEN=token
    run_x 0 bruco app <<<one
    equals "$(jq -c . <<<"$output")" \
        '{"HTTPS_PROXY":"http://proxy:1","no_proxy":"here","SSL_CERT_FILE":"/ca","REQUESTS_CA_BUNDLE":"/ca2"}'
    sed -i 's/^processor: {/&inheritEnv: [MY_TOKEN, "AWS_*"]/' app/config.yaml
    run_x 0 bruco app <<<one
    equals "$(jq -r '[.MY_TOKEN, .AWS_SECRET_ACCESS_KEY] | join(" ")' <<<"$output")" "token secret"
}
