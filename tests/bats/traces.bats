#!/usr/bin/env bats
# The trace that a record is part of: traceparent, tracestate and baggage go from an input to what
# comes of it, and to spans of OpenTelemetry if the handler's environment has that.

load helpers

TRACE=0af7651916cd43dd8448eb211c80319c
PARENT=b7ad6b7169203331
TRACED='[["traceparent", "00-'$TRACE-$PARENT'-01"], ["a", "1"], ["tracestate", "x=1"], ["baggage", "user=me"]]'

# record VALUE [HEADERS]: as a line of JSON.
record() {
    printf '{"value": "%s", "headers": %s}\n' "$1" "${2:-$TRACED}"
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
