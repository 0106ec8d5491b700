# Programs for tokenCommand. Load helpers and secure first.

# The program prints an unsigned token for alice, which is good for as many seconds as its argument says,
# and adds a line to the file runs. The file mode makes it do something else.
token_program() {
    cat >get-token <<'END'
#!/usr/bin/python3
import base64, json, os, sys, time
here = os.path.dirname(os.path.abspath(__file__))
mode = open(here + "/mode").read().strip() if os.path.exists(here + "/mode") else "good"
now, lifetime = time.time(), float(sys.argv[1])
with open(here + "/runs", "a") as runs:
    runs.write(f"{now} {os.getppid()}\n")
if mode == "hang":
    if os.fork() == 0:
        os.execv("/bin/sleep", ["sleep", "300"])
    time.sleep(300)
if mode == "fail":
    sys.exit("\n  invalid_client: ask somebody\nmore")
if mode == "junk":
    print("hunter2 hunter3")
    sys.exit()
if mode == "much":
    while True:
        os.write(1, b"hunter2 " * 1000)
if mode == "expired":
    lifetime = -1
part = lambda item: base64.urlsafe_b64encode(json.dumps(item).encode()).decode().rstrip("=")
claims = {"sub": "alice", "iat": int(now) - 1, "exp": now + abs(lifetime)}
token = part({"alg": "none"}) + "." + part(claims) + "."
if mode == "other":
    token = "hunter4"
if mode == "slow":
    with open(here + "/app/program", "w") as file:
        file.write(str(os.getpid()))
print(json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": lifetime}))
print("a line that nobody needs", file=sys.stderr, flush=True)
sys.stdout.flush()
if mode == "slow":
    time.sleep(3)
END
    chmod +x get-token
}

token_mode() { # at once, not in between
    echo "$1" >mode.new
    mv mode.new mode
}
