# bruco check: the handler's folder and module, substitution, and the YAML itself.

load helpers
load check

# ---- the handler

@test "the handler's folder" {
    refuses "config.yaml:1:27: processor.handlerPath: cannot open '$(pwd -P)/handlers': No such file or directory" \
        <<<'{processor: {handlerPath: ./handlers}, source: {kind: lines}}'
    refuses "config.yaml:1:27: processor.handlerPath: '$(pwd -P)/handler.py' is a file, expected the folder that holds it" \
        <<<'{processor: {handlerPath: handler.py}, source: {kind: lines}}'
}

@test "the handler's module" {
    refuses "config.yaml:1:26: processor.moduleName: no module 'handlr' in '$(pwd -P)' (did you mean 'handler'?)" \
        <<<'{processor: {moduleName: handlr}, source: {kind: lines}}'
    refuses "config.yaml:1:26: processor.moduleName: expected a module, found the file 'handler.py' (write 'handler')" \
        <<<'{processor: {moduleName: handler.py}, source: {kind: lines}}'
    refuses "config.yaml:1:26: processor.moduleName: expected the name of a Python module such as 'handler' or 'pkg.handler', found 'pkg/handler'" \
        <<<'{processor: {moduleName: pkg/handler}, source: {kind: lines}}'
    mv handler.py other.py
    refuses "config.yaml: processor.moduleName: no module 'handler' in '$(pwd -P)'" \
        <<<'{processor: , source: {kind: lines}}'
    refuses "config.yaml:1:26: processor.moduleName: expected a module, found the file 'other.py' (write 'other')" \
        <<<'{processor: {moduleName: other.py}, source: {kind: lines}}'
    echo handler >requirements.txt
    accepts "config.yaml: warning: processor.moduleName: no module 'handler' in '$(pwd -P)'; one of requirements.txt?" \
        <<<'{processor: , source: {kind: lines}}'
}

@test "modules that are there" {
    mkdir -p pkg/sub
    cp handler.py pkg/sub/deep.py
    touch native.cpython-311-x86_64-linux-gnu.so
    local module
    for module in handler pkg pkg.sub pkg.sub.deep native; do
        accepts <<<"{processor: {moduleName: $module}, source: {kind: lines}}"
    done
    refuses "config.yaml:1:26: processor.moduleName: no module 'pkg.deep' in '$(pwd -P)'" \
        <<<'{processor: {moduleName: pkg.deep}, source: {kind: lines}}'
}

# ---- substitution

@test "variables" {
    KAFKA_PASSWORD=x refuses "config.yaml:7:18: variable 'KAFKA_GROUP' is not set" \
        "config.yaml:8:31: variable 'KAFKA_PASWORD' is not set (did you mean 'KAFKA_PASSWORD'?)" \
        "config.yaml:9:11: cannot substitute '\${A?b}': expected \${NAME}, \${NAME:-text} or \${file:PATH} (write \$\$ for a '\$' itself)" \
        "config.yaml:10:20: '\${' without its '}' (write \$\$ for a '\$' itself)" \
        < <(
            good_start | sed 's/: me$/: ${KAFKA_GROUP}/'
            cat <<'YAML'
  properties: {sasl.password: '${KAFKA_PASWORD}'}
  window: ${A?b}
  groupInstanceId: ${A
YAML
        )
}

@test "files" {
    refuses "config.yaml:8:31: cannot read file '$(pwd -P)/no-such-secret': No such file or directory" < <(
        good_start
        echo "  properties: {sasl.password: '\${file:no-such-secret}'}"
    )
}

@test "a substituted value adds no structure" {
    X=$'a\nwindow: 1MiB' refuses \
        "config.yaml:7:18: source.consumerGroup: expected a text, found a text with a line break or control character" \
        < <(good_start | sed 's/: me$/: ${X}/')
    X='b:1, c:2' accepts < <(good_start | sed 's/\[localhost:9092\]/${X}/')
}

# ---- YAML

@test "syntax errors have a place" {
    refuses "config.yaml:2:1: syntax error: a tab cannot indent, use spaces" < <(
        printf 'source:\n\tkind: lines\n'
    )
    refuses "config.yaml:2:17: syntax error: no ':' is expected here (a text with ': ' in it must be quoted; keys of one map stand in one column)" <<'YAML'
source:
  kind: lines of: text
YAML
    refuses "config.yaml:3:1: syntax error: did not find expected ',' or '}' while parsing a flow mapping (begun at 1:9)" <<'YAML'
source: {kind: lines,
  window: 1MiB
YAML
    refuses "config.yaml:1:17: syntax error: '\${' inside {} or [] must be quoted" \
        <<<'source: {kind: ${KIND}}'
    refuses "config.yaml:1:7: not a text in UTF-8: invalid leading UTF-8 octet" \
        < <(printf 'name: \xff\n')
}

@test "aliases, anchors, tags, merge keys, a second document" {
    refuses "config.yaml:1:7: anchors are not supported (a text that begins with '&' must be quoted)" \
        "config.yaml:3:15: aliases are not supported (a text that begins with '*' must be quoted)" \
        "config.yaml:5:3: merge keys ('<<') are not supported" \
        "config.yaml:6:9: tags are not supported (a text that begins with '!' must be quoted)" \
        "config.yaml:7:1: a second document: a configuration is one document" <<'YAML'
name: &n a
processor:
  moduleName: *n
source:
  <<: {window: 1MiB}
  kind: !kind lines
---
name: b
YAML
}

@test "a file that is too large or too deep" {
    refuses "config.yaml: larger than 1 MiB" < <(head -c 1048577 /dev/zero | tr '\0' '#')
    refuses "config.yaml:1:38: nested more than 32 levels deep" < <(
        printf 'name: '
        head -c 100000 /dev/zero | tr '\0' '['
    )
    refuses "config.yaml:1:1: expected keys such as 'source:', found a list" <<<'- a'
}
