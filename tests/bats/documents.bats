# README, docs and the man pages as somebody reads them: what their commands print, and tools/pages, which runs them.

load helpers

pages() { # pages STATUS ARGUMENT ...
    LIMIT=240 run_x "$1" "$ROOT/tools/pages" "${@:2}"
}

# page LINE ...: a page with these lines in a block
page() {
    printf '%s\n' '# A page' '' "${@/#/    }" '' 'The end.' >page.md
}

@test "README.md" {
    real_broker
    pages 0 "$ROOT/README.md"
}

@test "docs/tutorial.md" {
    pages 0 "$ROOT/docs/tutorial.md"
}

@test "docs/scaling.md" {
    requires jq
    real_broker
    pages 0 "$ROOT/docs/scaling.md"
}

@test "docs/service.md" {
    requires systemd-analyze systemd-sysusers setpriv nsenter
    unshare --mount bash -c 'mount -t tmpfs tmpfs /mnt && mkdir /mnt/{1,2} &&
        mount -t overlay -o lowerdir=/etc,upperdir=/mnt/1,workdir=/mnt/2 overlay /etc' 2>/dev/null || skip "no namespaces here"
    real_broker
    pages 0 "$ROOT/docs/service.md"
}

@test "docs for those who come from elsewhere" {
    real_broker
    pages 0 "$ROOT"/docs/from-*.md
}

@test "the man pages" {
    requires jq
    real_broker
    pages 0 "$ROOT"/man/*.[1-8]
}

@test "whatever EXAMPLES of a man page shows is a case or the file of one; what no page's case runs is listed here" {
    local page
    for page in "$ROOT"/man/*.[1-8]; do
        awk '/^\.Sh/ { is_example = /EXAMPLES/ } is_example && /^\.Bd/ { print NR + 1 } is_example && /^\.Dl/ { print NR }' "$page" >shown
        "$ROOT/tools/pages" --list "$page" | sed -nE 's/.*, line ([0-9]+)(:.*)?$/\1/p' >listed
        grep -vxFf listed shown >neither || continue
        echo "$page has in line $(paste -sd, neither) what nobody runs"
        return 1
    done
    (cd "$ROOT" && tools/pages --list README.md docs/*.md examples/*/README.md man/*.[1-8]) |
        sed -nE 's/^(.*): not run, (.*), line [0-9]+(: .*)?$/\1\3: \2/p' >not_run
    diff -u not_run - <<'END'
README.md: $ tools/dependencies build && make -j2: make check has done that
examples/kubernetes/README.md: it needs Docker, a registry and a cluster; container.bats holds the files against all that they agree with
examples/monitoring/README.md: it would not end; metrics.bats does it
man/bruco-top.1: $ bruco top --interval 500ms: it draws on a terminal
man/bruco-worker.1: $ bruco-worker -d examples/basic < run.frames > /dev/null: it asks on a terminal of its own
man/bruco.1: $ bruco 'https://example.org/orders.zip#sha256=5f1d...': it needs a server with a certificate
END
}

@test "each page of docs is run here or has no commands, and README or the tutorial leads to it; what they link to is there" {
    local page link
    for page in "$ROOT"/docs/*.md; do
        grep -q "docs/${page##*/}\|](${page##*/})" "$ROOT/README.md" "$ROOT/docs/tutorial.md"
        grep -q "docs/${page##*/}\"" "$BATS_TEST_FILENAME" || [[ $page == */from-*.md ]] ||
            [[ -z $("$ROOT/tools/pages" --list "$page") ]]
        for link in $(grep -o '](\.*[a-zA-Z][^):#]*)\|](\.\./[^):#]*)' "$page" | sed 's/^](//; s/)$//'); do
            [[ -e $ROOT/docs/$link ]] || {
                echo "$page links to $link"
                return 1
            }
        done
    done
}

@test "what a page says is compared: another output, status, or process that is left is told by case and line" {
    page '$ echo one' one '$ printf "a\n\nb\n"' a '' b '$ false' '$ echo $?' 1
    pages 0 page.md
    contains "$output" "ok      page.md (1 cases"

    page '$ echo one' two '$ echo three' three
    pages 1 page.md
    contains "$output" 'page.md: case 1, line 3: $ echo one'
    contains "$output" $'-two\n+one'
    [[ $output != *three* ]]

    page '$ echo why; exit_with() { return $1; }; exit_with 3' why '$ echo here' here
    pages 1 page.md
    contains "$output" "ends with 3:"$'\nwhy'

    page '$ bruco-broker -t a &'
    pages 1 page.md
    contains "$output" "page.md: left running: bruco-broker -t a"
    page '$ bruco-broker -t a &' '$ kill %1'
    pages 0 page.md
}

@test "what differs from run to run is not compared, and nothing else is left out" {
    page '$ date -u +%FT%TZ' 2001-01-01T00:00:00Z '$ echo "process $$"' 'process 1' '$ echo 12 9092' '12 9092'
    pages 0 page.md
    sed -i 's/^    12/    13/' page.md
    pages 1 page.md
    contains "$output" $'-13 9092\n+12 9092'
    sed -i '2s/.*/\n<!-- numbers vary -->/' page.md
    pages 0 page.md
}

@test "--write puts into a page what its commands print, and changes nothing else" {
    page '$ echo one' two '$ cat <<END' '> x' '> END' '$ echo a |' '    tr a b' b
    pages 0 --write page.md
    equals "$(<page.md)" "# A page

    \$ echo one
    one
    \$ cat <<END
    > x
    > END
    x
    \$ echo a |
        tr a b
    b

The end."
    pages 0 page.md

    printf '%s\n' '.Sh EXAMPLES' '.Bd -literal' "\$ printf '%s\\en' 'a\\eb' .c" '.Ed' '.Dl $ true' '.\" not run: it would not end' \
        '.Dl $ sleep 1000' >page.1
    pages 0 --write page.1
    equals "$(<page.1)" ".Sh EXAMPLES
.Bd -literal
\$ printf '%s\\en' 'a\\eb' .c
a\\eb
\\&.c
.Ed
.Dl \$ true
.\\\" not run: it would not end
.Dl \$ sleep 1000"
    pages 0 page.1
}

@test "a page is typed into where it shows it, and has files, commands before it, and a Kafka of its own" {
    real_broker
    cat >page.md <<'END'
<!-- typed: one | two -->
    $ cat
    one
    one
    two
    two

<!-- file: a/b.txt -->
```
content
```

<!-- kafka: pages-a:1 -->
<!-- first: echo hello | bruco-source -q lines | bruco-sink -q kafka -b localhost:9092 -t pages-a -->
    $ cat a/b.txt
    content
    $ bruco-source -q -e kafka -b localhost:9092 -t pages-a -g pages -o earliest | bruco-sink -q lines
    hello

<!-- not run: it would fail -->
    $ false
END
    pages 0 page.md
    sed -i 's/hello |/hallo |/' page.md
    pages 1 page.md
    contains "$output" $'-hello\n+hallo'
}
