#!/usr/bin/env bats
# The trace that a record is part of: traceparent, tracestate and baggage go from an input to what
# comes of it, and to spans of OpenTelemetry if the handler's environment has that.

load helpers

TRACE=0af7651916cd43dd8448eb211c80319c
PARENT=b7ad6b7169203331
OFFSET=0
TRACED='[["traceparent", "00-'$TRACE-$PARENT'-01"], ["a", "1"], ["tracestate", "x=1"], ["baggage", "user=me"]]'

# record VALUE [HEADERS]: as a line of JSON, at the next offset.
record() {
    printf '{"topic": "in", "offset": %d, "value": "%s", "headers": %s}\n' "$((OFFSET++))" "$1" "${2:-$TRACED}"
}

# headers FILE: of each record, by its value, its headers in their order, without those of a failure.
headers() {
    /usr/bin/python3 - "$1" <<'END'
import json, sys
for line in open(sys.argv[1]):
    record = json.loads(line)
    shown = [f"{name}={value}" for name, value in record["headers"] if not name.startswith("bruco-")]
    print(record["value"], *shown)
END
}

# ---- without OpenTelemetry

@test "a trace goes to outputs and to the dead letter, whatever the handler's kind; its own headers win" {
    real_broker
    local in out dead group
    new_topic 1 && in=$TOPIC
    new_topic 1 && out=$TOPIC
    new_topic 1 && dead=$TOPIC
    {
        for value in plain headers own ended generator bad; do record "$value"; done
        record untraced '[["a", "1"]]'
    } | bruco-source -q json | bruco-sink -q kafka -b "$BROKERS" -t "$in"
    printf '%s\n' "processor: {retry: {attempts: 1}, onFailure: deadLetter}" \
        "source: {kind: kafka, brokers: [$BROKERS], topics: [$in], consumerGroup: GROUP, offset: earliest}" \
        "sink: {kind: kafka, brokers: [$BROKERS], topic: $out}" \
        "deadLetter: {kind: kafka, brokers: [$BROKERS], topic: $dead}" >config.yaml
    cat >rules.py <<'END'
from bruco import Message
def result(event):
    value = event.value.decode()
    if value == "bad":
        raise ValueError("bad")
    if value == "headers":
        return Message(value, headers={"b": "2"})
    if value == "own":
        return Message(value, headers={"traceparent": "mine"})
    if value == "ended":
        return Message(value, headers={"traceparent": None, "baggage": None})
    return event.data
END
    local part="traceparent=00-$TRACE-$PARENT-01 tracestate=x=1 baggage=user=me"
    local all="traceparent=00-$TRACE-$PARENT-01 a=1 tracestate=x=1 baggage=user=me"
    local generated=("generator $all") kind
    for kind in event async batch; do
        case $kind in
        event)
            generated=("generator-0 n=0 $part" "generator-1 n=1 $part")
            cat >handler.py <<'END'
from bruco import Message
from rules import result
def handle_event(context, data):
    if data == b"generator":
        return (Message(f"generator-{n}", headers={"n": str(n)}) for n in range(2))
    return result(context.event)
END
            ;;
        async)
            generated=("generator $all")
            cat >handler.py <<'END'
import asyncio
from rules import result
async def handle_event(context, data):
    await asyncio.sleep(0.01)
    return result(context.event)
END
            ;;
        batch)
            cat >handler.py <<'END'
from rules import result
def handle_batch(context, events):
    def one(event):
        try:
            return result(event)
        except ValueError as error:
            return error
    return [one(event) for event in events]
END
            ;;
        esac
        sed -i "s/consumerGroup: [^,]*/consumerGroup: $in-$kind/" config.yaml
        run_x 0 bruco -e
        bruco-source -q -e kafka -b "$BROKERS" -t "$out" -g "$out-read" -o earliest | bruco-sink -q json >out.json
        bruco-source -q -e kafka -b "$BROKERS" -t "$dead" -g "$dead-read" -o earliest | bruco-sink -q json >dead.json
        equals "$(headers out.json)" "$(printf '%s\n' "plain $all" "headers b=2 $part" \
            "own traceparent=mine baggage=user=me" "ended traceparent=None baggage=None" \
            "${generated[@]}" "untraced a=1")"
        equals "$(headers dead.json)" "bad $all"
    done
}

@test "context.event.trace: its parts; None when there is none, or none that is valid" {
    lines_project '{}' <<'END'
import bruco
def handle_event(context, data):
    trace = context.event.trace
    if trace is None:
        return "none"
    assert type(trace) is bruco.Trace
    return [*trace, trace.sampled]
END
    try() { # try WANT HEADERS
        record x "$2" | bruco-source -q json >in
        run_x 0 bruco-worker -q -d app <in
        mv stdout out
        equals "$(bruco-sink -q lines <out)" "$1"
    }
    local ids="\"$TRACE\", \"$PARENT\"" up="00-$TRACE-$PARENT"
    try "[$ids, 1, \"x=1\", \"user=me\", true]" "$TRACED"
    try "[$ids, 0, \"\", \"\", false]" "[[\"traceparent\", \"$up-00\"]]"
    try "[$ids, 255, \"a=1,b=2\", \"\", true]" \
        "[[\"tracestate\", \"a=1\"], [\"traceparent\", \"$up-ff\"], [\"tracestate\", \"b=2\"]]"
    try "[$ids, 1, \"\", \"\", true]" "[[\"traceparent\", \"cc-$TRACE-$PARENT-01-more\"]]"
    local bad
    for bad in "$up" "$up-0" "$up-01-more" "ff-$TRACE-$PARENT-01" "00-${TRACE^^}-$PARENT-01" \
        "00-${TRACE//[a-f1-9]/0}-$PARENT-01" "00-$TRACE-${PARENT//[a-f1-9]/0}-01" "" " $up-01" "${up}-01 "; do
        try none "[[\"traceparent\", \"$bad\"]]"
    done
    try none '[["traceparent", null]]'
    try none '[["Tracestate", "a=1"], ["baggage", "b"]]'
}

# ---- with OpenTelemetry

# open_telemetry: makes the environment `otel` with the real SDK, once a file, and in `app` a handler
# from standard input whose spans become lines of the file spans.
open_telemetry() {
    local env=$BATS_FILE_TMPDIR/otel
    if [[ ! -e $env/done ]]; then
        /usr/bin/python3 -m venv "$env"
        "$env/bin/pip" install -q --disable-pip-version-check opentelemetry-sdk >/dev/null 2>&1 ||
            skip "no opentelemetry-sdk to install"
        touch "$env/done"
    fi
    lines_project "{python: $env, retry: {attempts: ${2:-1}}, onFailure: skip, concurrency: ${1:-1}}"
    cat >app/sdk.py <<'END'
import json
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
class Lines(SpanExporter):
    def export(self, spans):
        with open("../spans", "a") as out:
            for span in spans:
                print(json.dumps({
                    "name": span.name, "trace": f"{span.context.trace_id:032x}",
                    "id": f"{span.context.span_id:016x}", "kind": span.kind.name,
                    "parent": span.parent and f"{span.parent.span_id:016x}",
                    "links": [f"{link.context.span_id:016x}" for link in span.links],
                    "status": span.status.status_code.name, "why": span.status.description,
                    "events": [event.name for event in span.events],
                    "attributes": dict(span.attributes)}), file=out)
        return SpanExportResult.SUCCESS
provider = TracerProvider(sampler=ALWAYS_ON)
provider.add_span_processor(SimpleSpanProcessor(Lines()))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("handler")
END
}

# to_json: the worker's frames in `out` as lines of JSON in out.json, those of failures left out.
to_json() {
    printf '%s\n' 'processor: {onFailure: skip}' 'source: {kind: lines}' 'sink: {kind: json}' >sink.yaml
    bruco-sink -q -c sink.yaml <out >out.json 2>sink.err
}

# spans_of FRAMES [OPTION ...]: runs the worker on them; what it gives is in out.json, its spans in spans.
spans_of() {
    rm -f spans
    run_x 0 bruco-worker -q "${@:2}" -c app/config.yaml <"$1"
    mv stdout out
    to_json
}

# check: Python from standard input, with `outputs` by their value, `spans` by their name, and the
# traceparent of a span.
check() {
    { cat <<'END'; cat; } | /usr/bin/python3 - "$TRACE" "$PARENT"
import json, sys
TRACE, PARENT = sys.argv[1:]
outputs, spans = {}, {}
for line in open("out.json"):
    record = json.loads(line)
    names = [name for name, _ in record["headers"]]
    assert len(set(names)) == len(names), names
    fields = outputs[record["value"]] = dict(map(tuple, record["headers"]))
    if "traceparent" in fields:
        fields["traceparent"], flags = fields["traceparent"].rsplit("-", 1)
        assert int(flags, 16) & 1, fields  # sampled; an SDK may set others
for line in open("spans"):
    span = json.loads(line)
    spans.setdefault(span["name"], []).append(span)
def by_offset(name):
    return {span["attributes"].get("messaging.kafka.offset"): span for span in spans[name]}
def parent(span):
    return f"00-{span['trace']}-{span['id']}"
END
}

@test "OpenTelemetry: each call is a span, a child of the producer's; outputs carry the span's context" {
    open_telemetry <<'END'
import sdk
from bruco import Message, Failed
from opentelemetry import baggage
def init_context(context):
    context.tries = 0
def handle_event(context, data):
    with sdk.tracer.start_as_current_span("inner " + data.decode()):
        assert context.event.value == b"untraced" or baggage.get_all() == {"user": "me"}, baggage.get_all()
        match data:
            case b"none": return None
            case b"headers": return Message(data, headers=iter([("b", "2")]))
            case b"own": return Message(data, headers={"Traceparent": "mine"})
            case b"generator": return numbers(context)
            case b"failed": return Failed(ValueError("given"))
            case b"bad": raise ValueError("bad")
            case b"worse": return {1, 2}
    return data
def numbers(context):
    for n in range(2):
        with sdk.tracer.start_as_current_span(f"inner number {n}"):
            yield f"number {n}"
END
    { for value in plain none headers own generator failed bad worse; do record "$value"; done
        record untraced '[]'; } | bruco-source -q json >in
    spans_of in
    check <<'END'
calls = by_offset("process in")
assert sorted(calls) == list(range(9)), calls
for offset, call in calls.items():
    assert call["kind"] == "CONSUMER" and call["attributes"]["messaging.destination.name"] == "in", call
    assert (call["parent"], call["trace"]) == (PARENT, TRACE) or offset == 8, call
assert calls[8]["parent"] is None and calls[8]["trace"] != TRACE, calls[8]
for offset, name in enumerate(("plain", "none", "headers", "own", "generator")):
    assert spans["inner " + name][0]["parent"] == calls[offset]["id"], (name, spans)
for n in range(2):
    assert spans[f"inner number {n}"][0]["parent"] == calls[4]["id"], spans
    assert outputs[f"number {n}"]["traceparent"] == parent(calls[4]), outputs
assert outputs["plain"] == {"traceparent": parent(calls[0]), "a": "1", "tracestate": "x=1", "baggage": "user=me"}, outputs
assert outputs["headers"] == {"b": "2", "traceparent": parent(calls[2]), "tracestate": "x=1", "baggage": "user=me"}, outputs
assert outputs["own"] == {"Traceparent": "mine", "baggage": "user=me"}, outputs
assert outputs["untraced"] == {"traceparent": parent(calls[8])}, outputs
for offset in range(9):
    failed = offset in (5, 6)
    assert calls[offset]["status"] == ("ERROR" if failed else "UNSET"), calls[offset]
    assert calls[offset]["events"] == (["exception"] if failed else []), calls[offset]
assert calls[6]["why"] == "ValueError: bad", calls[6]
END
}

@test "OpenTelemetry: async calls that overlap have a context each; a batch's span is linked to its producers" {
    open_telemetry 8 <<'END'
import asyncio, sdk
from opentelemetry import trace
async def handle_event(context, data):
    before = trace.get_current_span().get_span_context().span_id
    for n in range(5):
        with sdk.tracer.start_as_current_span("inner " + data.decode()):
            await asyncio.sleep(0.01 * (int(data) % 3))
        assert trace.get_current_span().get_span_context().span_id == before
    if data == b"13":
        await asyncio.sleep(0)
        raise ValueError("thirteen")
    return data
END
    for number in $(seq 40); do
        record "$number" "[[\"traceparent\", \"00-$TRACE-$(printf %016x "$number")-01\"]]"
    done | bruco-source -q json >in
    spans_of in
    check <<'END'
calls = by_offset("process in")
for offset in range(40):
    number = str(offset + 1)
    call = calls[offset]
    assert call["parent"] == f"{offset + 1:016x}", call
    assert [span["parent"] for span in spans["inner " + number]] == [call["id"]] * 5, number
    if number == "13":
        assert call["status"] == "ERROR", call
    else:
        assert outputs[number]["traceparent"] == parent(call), number
END
    local handler
    for handler in def 'async def'; do
        open_telemetry <<END
import sdk
$handler handle_batch(context, events):
    return (ValueError("two") if event.value == b"2" else event.data for event in events)
END
        sed -i 's/processor: {/&batch: {size: 40, wait: 5s}, /' app/config.yaml
        spans_of in
        check <<'END'
(call,) = spans["process in"]
assert call["parent"] is None and len(call["links"]) == 40 and call["links"][0] == f"{1:016x}", call
assert call["attributes"]["messaging.batch.message_count"] == 40, call
assert call["status"] == "ERROR", call
assert outputs["1"]["traceparent"] == parent(call) == outputs["40"]["traceparent"], outputs
END
    done
}

@test "OpenTelemetry: nothing is imported without it; without an SDK the trace passes; errors stay the handler's" {
    lines_project '{}' <<'END'
import sys
def handle_event(context, data):
    return str(sorted(name for name in sys.modules if "opentelemetry" in name or "_spans" in name))
END
    run_x 0 bruco app <<<one
    equals "$output" "[]"
    open_telemetry <<'END'
from bruco import Message
def handle_event(context, data):
    if data == b"generator":
        return numbers()
    if data == b"null":
        return context.event.data if context.event.value is None else None
    return {1} if data == b"set" else Message(data, headers={"b": "2"})
def numbers():
    yield "one"
    yield {2}
END
    { record plain; record set; record generator; record null; echo '{"value": null}'; } | bruco-source -q json >in
    run_x 0 bruco-worker -c app/config.yaml <in
    mv stdout out
    to_json
    contains "$(head -n 1 out.json)" "[\"traceparent\", \"00-$TRACE-$PARENT-01\"]"
    file_has stderr 'cannot use what the handler returned: TypeError: result: a set has no form in JSON'
    file_has stderr 'cannot use what the handler returned: TypeError: outputs\[1\]: a set has no form in JSON'
    file_has stderr 'handler.py", line 10, in numbers'
    contains "$(tail -n 1 out.json)" '"value": null'
    OTEL_SDK_DISABLED=true run_x 0 bruco-worker -q -c app/config.yaml <in
    file_lacks stderr opentelemetry
}
