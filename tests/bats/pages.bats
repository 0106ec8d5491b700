load helpers

# The options in front of the lines of a list: `  -c, --config FILE  text`; one a line, sorted.
listed_options() {
    sed -nE 's/^ +(-)/\1/p' | grep -oE '^(-[A-Za-z], )?--?[A-Za-z][A-Za-z-]*' | sed 's/, /\n/' | sort -u
}

@test "the options of --help are those of the man page, in each program" {
    requires mandoc
    for program in bruco bruco-source bruco-worker bruco-sink bruco-broker; do
        "$program" --help | listed_options >help
        mandoc -T ascii "$ROOT/man/$program.1" | sed 's/.\x08//g' | listed_options >page
        [[ -s help ]]
        diff -u --label "$program --help" --label "$program.1" help page
    done
}

@test "all programs print help and version on standard output, and know the common options" {
    for program in bruco bruco-source bruco-worker bruco-sink bruco-broker; do
        run_x 0 "$program" --help
        contains "${lines[0]}" "usage: $program"
        equals "$stderr" ""
        run_x 0 "$program" --version
        equals "${lines[0]}" "$program $(bruco --version | sed -n '1s/.* //p')"
        run_x 69 bash -c "$program --help >/dev/full"
        run_x 64 "$program" --nosuch
        contains "$stderr" "try '$program --help'"
    done
}

@test "bruco-frame(5) has every limit of limits.h as it is, and so have bruco.yaml(5) and bruco.encoding" {
    /usr/bin/python3 - "$ROOT" <<'PY'
import re, sys
root = sys.argv[1]
read = lambda path: open(f"{root}/{path}").read()
limits = {}
for name, text in re.findall(r"((?:LIMIT_\w+|FRAME_TOPIC_MAX)) = ([^,\n/}]+)", read("lib/frame/frame.h") + read("lib/frame/limits.h")):
    limits[name] = eval(text, dict(limits))
assert len(limits) >= 14, limits
def words(number):
    for unit, size in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if number % size == 0 and number != 65536: # headers and inputs are counted
            return f"{number // size} {unit}"
    return f"{number:,}"
page = read("man/bruco-frame.5")
for name, number in limits.items():
    row = re.search(r'\.\\" ' + name + r"\n\.It .* Ta (.*)\n", page)
    assert row, f"{name} is not in bruco-frame(5)"
    want = "64 KiB" if name == "LIMIT_FRAME_MORE" else words(number)
    assert row[1] == want, f"{name}: {row[1]} in the page, {want} in the header"
low, high = limits["LIMIT_SIZE_LEAST"], limits["LIMIT_SIZE_MOST"]
assert f"maxRecordSize Pq size, {words(low)} to {words(high)}\n".replace(" KiB", "KiB").replace(" MiB", "MiB") in read("man/bruco.yaml.5")
sys.path.insert(0, root + "/lib/python")
sys.dont_write_bytecode = True
from bruco import encoding
assert encoding.GENERATOR_MAX == limits["LIMIT_OUTPUTS"]
assert encoding.HEADERS_MAX == limits["LIMIT_HEADERS"]
assert encoding.FAILURE_HEADERS == limits["LIMIT_FAILURE_HEADERS"]
assert encoding.FAILURE_BYTES == limits["LIMIT_FAILURE_BYTES"]
PY
}

@test "each page's name, section and SEE ALSO fit" {
    for page in "$ROOT"/man/*.[1-8]; do
        name=$(basename "$page")
        section=${name##*.} name=${name%.*}
        grep -qx ".Dt ${name^^} $section" "$page"
        grep -q "^\.Nm ${name//./\\.}\$" "$page"
        for reference in $(sed -n '/^\.Sh SEE ALSO/,$s/^\.Xr \(bruco[a-z.-]*\) \([1-8]\).*/\1.\2/p' "$page"); do
            [[ -e $ROOT/man/$reference ]] || {
                echo "$page refers to $reference"
                return 1
            }
        done
    done
}

@test "bruco-internals(7) names each system call that the filter of isolation strict refuses, and no other" {
    grep -oE '(CALL|LATER)\([a-z_0-9]+' "$ROOT/lib/base/syscall_filter.c" | grep -vE '\((name)$' | sed 's/.*(//' | sort >table
    sed -n '/^\.\\" refused calls/,/^\.\\" end/p' "$ROOT/man/bruco-internals.7" | grep '^\.Cm' |
        tr ' ' '\n' | grep -E '^[a-z_0-9]{3,}$' | sort >named
    (($(wc -l <table) > 50))
    diff table named
}

@test "docs/keys.md is what tools/keys makes of bruco schema, and has every key of bruco.yaml(5)" {
    run_x 0 "$ROOT/tools/keys"
    diff -u "$ROOT/docs/keys.md" stdout
    # Whatever has a paragraph with a type behind its name is a key.
    sed -n 's/^\.It Cm \([a-zA-Z ,]*\) Pq.*$/\1/p' "$ROOT/man/bruco.yaml.5" | sed 's/ , /\n/g' | sort -u >named
    sed -n 's/^| `\([a-zA-Z.]*\)`.*/\1/p' stdout | tr . '\n' | sort -u >listed
    (($(wc -l <named) > 70))
    equals "$(comm -23 named listed)" ""
}
