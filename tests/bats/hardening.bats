#!/usr/bin/env bats
# What the compiler and the linker put around the programs, read from those that `make install` put in place.

load helpers

setup() {
    common_setup
    requires readelf make
    unset MAKEFLAGS MAKELEVEL MFLAGS
    [[ $BRUCO_BIN != *build/*,* && $BRUCO_BIN != *build/address* ]] || skip "a build for sanitizers"
    make -s -C "$ROOT" BUILD="${BRUCO_BIN%/bin}" DESTDIR="$PWD/root" PREFIX=/usr install
    cd root/usr/bin
    PROGRAMS=$(echo *)
    equals "$PROGRAMS" "bruco bruco-broker bruco-sink bruco-source bruco-worker"
}

each() { # each COMMAND ...: with each program
    for program in $PROGRAMS; do
        "$@" "$program" || { echo "in $program: $*"; false; }
    done
}

shows() { # shows OPTIONS PATTERN PROGRAM: readelf finds it there
    readelf $1 -W "$3" 2>/dev/null | grep -qE -- "$2"
}

lacks() {
    ! shows "$@"
}

@test "relocations are read only, nothing is both writable and run, no library comes from a folder of its own" {
    each shows -l 'GNU_RELRO'
    each shows -d 'FLAGS_1.*NOW'
    each shows -l 'GNU_STACK.* RW '
    each lacks -l '(LOAD|GNU_STACK).* RWE '
    each lacks -d 'R(UN)?PATH|TEXTREL'
}

@test "programs that hold credentials have no fixed address; a worker has one where its Python has" {
    for program in bruco bruco-source bruco-sink bruco-broker; do
        shows -h 'Type: +DYN' $program
        shows -d 'FLAGS_1.*PIE' $program
    done
    shows -h 'Type: +DYN' bruco-worker || /usr/bin/python3 -c '
import os, sysconfig
assert os.path.exists(sysconfig.get_config_var("LIBPL") + "/" + sysconfig.get_config_var("LIBRARY"))'
}

@test "stacks and copies are checked" {
    each shows -s '__stack_chk_fail'
    each shows -s '__[a-z]+_chk(@|$)'
}

@test "each file was compiled with what this compiler has" {
    flags="-fstack-protector-strong"
    for flag in -fstack-clash-protection -fcf-protection -mbranch-protection=standard; do
        ! ${CC:-cc} -Werror $flag -x c -c -o /dev/null /dev/null 2>/dev/null || flags+=" $flag"
    done
    contains "$flags" -fstack-clash
    zeroed=
    ! ${CC:-cc} -Werror -ftrivial-auto-var-init=zero -x c -c -o /dev/null /dev/null 2>/dev/null || zeroed=yes
    each shows "-wi --dwarf-depth=1" 'DW_AT_producer'
    for program in $PROGRAMS; do
        readelf -wi --dwarf-depth=1 "$program" 2>/dev/null | grep -E 'DW_AT_(producer|name)' |
            sed -E 's/^.*DW_AT_(producer|name) *: (\([^)]*\): )?//' | paste - - | grep -P '\t(lib|cmd)/' >files
        (($(wc -l <files) > 5))
        for flag in $flags; do
            equals "$(grep -v -- "$flag" files | cut -f 2)" ""
        done
        [[ -z $zeroed ]] || equals "$(grep -v -- -ftrivial-auto-var-init=zero files | cut -f 2 |
            grep -vE '^(lib/(frame|lane|stage|stats|tap|kafka)|cmd/bruco-(source|worker|sink))/')" ""
    done
}

@test "the bill of materials has what the loader finds for each program, no more and no less, in dpkg's versions" {
    requires ldd dpkg-query
    for program in $PROGRAMS; do
        ldd "$program" | grep -oE '/[^ ]+ \(0x' | cut -d' ' -f1 | xargs -n1 realpath | sed "s|^|$program |"
    done | sort -u >"$BATS_TEST_TMPDIR/loaded"
    /usr/bin/python3 - ../share/doc/bruco/bruco.cdx.json >"$BATS_TEST_TMPDIR/listed" <<'PY'
import hashlib, json, re, subprocess, sys, uuid
bill = json.load(open(sys.argv[1]))
assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.5", 1)
assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", bill["serialNumber"])
assert bill["metadata"]["component"]["name"] == "bruco"
by_name = {}
by_ref = {one["bom-ref"]: one for one in bill["components"]}
assert len(by_ref) == len(bill["components"])
for one in bill["components"]:
    kept = {prop["name"]: prop["value"] for prop in one.get("properties", [])}
    path = kept.get("bruco:file", one["bom-ref"])
    assert one["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(open(path, "rb").read()).hexdigest()}], path
    if one["type"] == "application":
        said = subprocess.run(["./" + path, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
        assert said.split()[1] == one["version"]
        continue
    said = subprocess.run(["dpkg-query", "-W", "-f=${Version}", one["name"]], stdout=subprocess.PIPE, text=True)
    assert said.returncode == 0 and one["version"] in said.stdout, one
    assert one["purl"].startswith(f"pkg:deb/debian/{one['name']}@")
    licenses = [next(iter(entry["license"].values())) for entry in one["licenses"]]
    assert licenses, one["name"]
    by_name.update({one["name"]: licenses})
# What these packages' copyright files say, by machine-readable names or not.
assert by_name["libjansson4"] == ["MIT"] and "BSD-2-Clause" in by_name["librdkafka1"], by_name
assert any(texts == [f"/usr/share/doc/{name}/copyright"] for name, texts in by_name.items())
refs = set(by_ref) | {bill["metadata"]["component"]["bom-ref"]}
for one in bill["dependencies"]:
    assert {one["ref"], *one["dependsOn"]} <= refs
    for path in one["dependsOn"]:
        if path.startswith("/") and not path.endswith(".a"):
            print(one["ref"], path)
static = [one for one in by_ref if one.endswith(".a")]
worker = next(one for one in bill["dependencies"] if one["ref"] == "bruco-worker")["dependsOn"]
assert any("/libpython" in one for one in worker), "Python itself, in one form or the other"
assert all(one in worker for one in static)
PY
    /usr/bin/python3 - "$ROOT/tools/sbom" <<'PY'
import importlib.machinery, importlib.util, sys
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("sbom", sys.argv[1])
sbom = importlib.util.module_from_spec(importlib.util.spec_from_loader("sbom", loader))
loader.exec_module(sbom)
text = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
License: Whole

Files: *
Copyright: 2026 somebody
License: Expat

Files: a.c
 b.c
Copyright: 2026 another
License: LGPL-2.1+ or Mine
 Its text.
 .
 More.

Files: debian/*
License: GPL-3

License: GPL-2
 A text that others refer to.
"""
assert sbom.short_names(text) == ["Expat", "LGPL-2.1+ or Mine"], sbom.short_names(text)
assert sbom.short_names(text.replace("Format", "Form")) == []
assert sbom.SPDX["gpl-2"] == "GPL-2.0-only" and sbom.SPDX["lgpl-2.1+"] == "LGPL-2.1-or-later"
PY
    sort -u "$BATS_TEST_TMPDIR/listed" | diff "$BATS_TEST_TMPDIR/loaded" -
    [[ -s $BATS_TEST_TMPDIR/loaded ]]
    # The same again, byte for byte.
    make -s -C "$ROOT" BUILD="${BRUCO_BIN%/bin}" sbom
    "$ROOT/tools/sbom" "$BRUCO_BIN" $(jq -r '.components[]."bom-ref" | select(endswith(".a"))' ../share/doc/bruco/bruco.cdx.json) |
        cmp - ../share/doc/bruco/bruco.cdx.json
}
