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
