#!/usr/bin/env bats
# bruco as the first process of a container, and the files for Docker and Kubernetes.

load helpers

# alone COMMAND ...: as PID 1 of a namespace of its own; $FIRST is its pid outside
alone() {
    unshare --pid --fork --mount-proc true 2>/dev/null || skip "no namespaces here"
    start_x bruco unshare --pid --fork --mount-proc --kill-child "$@"
    wait_for 10 first_is bruco
    FIRST=$(first)
}

first() {
    tr -d ' ' <"/proc/$(<bruco.pid)/task/$(<bruco.pid)/children"
}

first_is() {
    [[ $(cat "/proc/$(first)/comm" 2>/dev/null) == "$1" ]]
}

no_zombies() {
    local child
    for child in $(<"/proc/$1/task/$1/children"); do
        ! grep -q '^State:.*zombie' "/proc/$child/status" || return 1
    done
}

has_orphan() {
    pgrep -P "$1" sleep >/dev/null
}

@test "as PID 1: orphans are its children and no zombies, SIGTERM drains, status 0" {
    mkfifo in
    lines_project '{handlerPath: .}' <<'END'
import os, subprocess
def handle_event(context, data):
    if data == b"orphan" and os.fork() == 0:
        os.setsid() # its group is killed with the worker's
        subprocess.Popen(["sleep", "0.5"])
        os._exit(0)
    return f"{data.decode()} {os.getppid()}"
END
    exec 5<>in
    alone bruco app <in 5>&-
    printf 'orphan\norphan\n' >&5
    wait_for 20 file_has bruco.out '^orphan 1$'
    wait_for 20 has_orphan "$FIRST"
    wait_for 20 no_orphan "$FIRST"
    wait_for 20 no_zombies "$FIRST"
    echo last >&5
    wait_for 20 file_has bruco.out '^last 1$'
    kill -TERM "$FIRST"
    wait_x bruco 0
    contains "$(tail -n 1 bruco.err)" "bruco: info: done"
    equals "$(wc -l <bruco.out)" 3
}

no_orphan() {
    ! has_orphan "$1"
}

@test "as PID 1: SIGTERM before it listens is not lost" {
    mkfifo in
    echo 'def handle_event(context, data): return data' >handler.py
    exec 5<>in
    alone bruco -c - <in 5>&-
    kill -TERM "$FIRST" # it reads its configuration
    echo '{processor: , source: {kind: kafka, brokers: ["127.0.0.1:1"], topics: [a], consumerGroup: g}, sink: {kind: lines}}' >&5
    exec 5>&-
    wait_x bruco 0 20
    file_lacks bruco.err error
}

# ---- Kubernetes

@test "the Kubernetes example: its configuration is right, and agrees with its probes, times, user and scaling" {
    requires python3
    python3 -c 'import yaml' 2>/dev/null || skip "python3 has no module yaml"
    mkdir secrets app
    echo canary >secrets/password
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=ca -keyout key -out secrets/ca.crt 2>/dev/null ||
        skip "no openssl"
    echo 'def handle_event(context, data): return data' >app/handler.py
    python3 - "$ROOT" <<'END'
import re, sys, yaml
root = sys.argv[1]
objects = {}
for name in ("pipeline", "scaling"):
    with open(f"{root}/examples/kubernetes/{name}.yaml") as file:
        objects.update((thing["kind"], thing) for thing in yaml.safe_load_all(file))
text = objects["ConfigMap"]["data"]["config.yaml"]
with open("config.yaml", "w") as file:
    file.write(text.replace("/secrets", "secrets").replace("/app", "app"))
config = yaml.safe_load(text)
pod = objects["Deployment"]["spec"]["template"]["spec"]
(container,) = pod["containers"]
seconds = int(re.fullmatch(r"(\d+)s", config["shutdownTimeout"])[1])
assert pod["terminationGracePeriodSeconds"] >= seconds + 20
port = config["metrics"]["listen"].rpartition(":")[2]
assert container["ports"] == [{"name": "metrics", "containerPort": int(port)}]
for probe, path in (("startup", "/healthz"), ("liveness", "/healthz"), ("readiness", "/readyz")):
    assert container[probe + "Probe"]["httpGet"] == {"path": path, "port": "metrics"}, probe
assert container["securityContext"]["readOnlyRootFilesystem"] and pod["securityContext"]["runAsNonRoot"]
with open(f"{root}/packaging/Dockerfile") as file:
    image = file.read()
assert f"USER {pod['securityContext']['runAsUser']}:{pod['securityContext']['fsGroup']}" in image
mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
assert set(mounts.values()) == {volume["name"] for volume in pod["volumes"]}
assert re.search(r"XDG_RUNTIME_DIR=(\S+)", image)[1] in mounts and "/tmp" in mounts
assert set(objects["Secret"]["stringData"]) == {
    path.partition("/secrets/")[2] for path in re.findall(r"/secrets/[\w.]+", text)}
trigger = objects["ScaledObject"]["spec"]["triggers"][0]["metadata"]
source = config["source"]
assert trigger["consumerGroup"] == source["consumerGroup"] and [trigger["topic"]] == source["topics"]
assert [trigger["bootstrapServers"]] == source["brokers"] and trigger["username"] == source["security"]["username"]
assert trigger["sasl"].replace("_", "") == source["security"]["mechanism"].replace("SCRAM-SHA-", "scramsha").lower()
keys = {entry["parameter"]: entry["key"] for entry in objects["TriggerAuthentication"]["spec"]["secretTargetRef"]}
assert keys == {"password": "password", "ca": "ca.crt"}
assert objects["ScaledObject"]["spec"]["scaleTargetRef"]["name"] == objects["Deployment"]["metadata"]["name"]
END
    sed -i 's/isolation: strict/isolation: basic/' config.yaml # what this kernel has is another test's
    run_x 0 bruco check config.yaml
    equals "$output" "config.yaml: ok"
    file_lacks stderr canary
}
