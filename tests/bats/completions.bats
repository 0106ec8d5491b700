#!/usr/bin/env bats
# Completions for bash, zsh and fish, made of the programs' own options.
load helpers

setup_file() {
    "$ROOT/tools/completions" "$BRUCO_BIN" "$BATS_FILE_TMPDIR/share"
}

setup() {
    common_setup
    SHARE=$BATS_FILE_TMPDIR/share
    mkdir -p orders/cases
    touch orders/config.yaml 'with blank'
}

# in_bash WORD ...: what bash offers for the last word, sorted.
in_bash() {
    bash --norc -c '
        source "$1"
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        complete -p "${1##*/}" | grep -q -- "-F _bruco" || exit
        _bruco
        printf "%s\n" "${COMPREPLY[@]}"' _ "$SHARE/bash-completion/completions/${1##*/}" "$@" | sort | tr '\n' ' '
}

# in_zsh LINE LONGER: a tab makes the longer one of the line. ^X shows the line that there is then.
in_zsh() {
    # shellcheck disable=SC2016
    LIMIT=20 run_x 0 zsh -f -c '
        zmodload zsh/zpty
        zpty shell "zsh -f -i"
        zpty -w shell "PS1=; fpath=($1/zsh/site-functions \$fpath); autoload -U compinit; compinit -u -D"
        zpty -w shell "show() { zle -I; print -r -- \"<\$BUFFER>\" }; zle -N show; bindkey ^X show; echo be\"\"gun"
        zpty -r -m shell text "*begun*" || exit
        zpty -w -n shell "$2"$'"'\t\x18'"'
        zpty -r -m shell text "*<$3*"' _ "$SHARE" "$1" "$2"
}

@test "bash: commands, options of each command, files, keys and words" {
    equals "$(in_bash bruco che)" 'check '
    contains "$(in_bash bruco '')" 'orders pause reload'
    equals "$(in_bash bruco check --p)" '--print '
    equals "$(in_bash bruco check --u)" ' '
    equals "$(in_bash bruco test --u)" '--update '
    equals "$(in_bash bruco tap -)" "$(bruco tap --list-options | awk '$2 != "" {if ($1 != "-") print "-" $1; print "--" $2}' | sort | tr '\n' ' ')"
    equals "$(in_bash bruco -c wi)" 'with blank '
    equals "$(in_bash bruco check or)" 'orders '
    equals "$(in_bash bruco --set source.topi)" 'source.topics= '
    equals "$(in_bash bruco check --set sink.prop)" 'sink.properties. '
    equals "$(in_bash bruco --log-format = j)" 'json '
    equals "$(in_bash bruco --log-format '')" 'json text '
    equals "$(in_bash bruco help so)" 'source '
    equals "$(in_bash bruco-source k)" 'kafka '
    equals "$(in_bash bruco-sink kafka --partitioner m)" 'manual murmur2 '
    equals "$(in_bash bruco-worker -d o)" 'orders '
    equals "$(in_bash /usr/local/bin/bruco-source -n '')" ' '
    # What is for Bruco itself is not offered.
    file_lacks "$SHARE/bash-completion/completions/bruco" '--(driver|origin|document|list-options)'
}

@test "bash: bash-completion loads them where make install puts them" {
    [[ -e /usr/share/bash-completion/bash_completion ]] || skip 'bash-completion is not installed'
    run_x 0 env XDG_DATA_DIRS="$SHARE" bash --norc -c '
        source /usr/share/bash-completion/bash_completion
        for program in bruco bruco-source bruco-worker bruco-sink bruco-broker; do
            _completion_loader $program
            complete -p $program
        done'
    equals "$(grep -c -- '-F _bruco' stdout)" 5
}

@test "every option of every program that --help has is offered, and nothing else" {
    for program in bruco bruco-source bruco-worker bruco-sink bruco-broker; do
        "$program" --help | sed -nE 's/^ +(-)/\1/p' | grep -oE -- '--[a-z-]+' | grep -v -e --list- | sort -u >help
        sed -n "/'$program /,/;;/s/^        options='\(.*\)'/\1/p" "$SHARE/bash-completion/completions/bruco" |
            tr ' ' '\n' | grep -- -- | sort -u >offered
        diff -u help offered
    done
}

@test "zsh: commands, options, keys" {
    requires zsh
    zsh -n "$SHARE/zsh/site-functions/_bruco"
    in_zsh 'bruco che' 'bruco check'
    in_zsh 'bruco check --pr' 'bruco check --print'
    in_zsh 'bruco --set source.topi' 'bruco --set source.topics='
    in_zsh 'bruco-source ka' 'bruco-source kafka'
}

@test "fish: commands, options, keys" {
    requires fish
    in_fish() {
        HOME=$PWD fish --no-config -c "source $SHARE/fish/vendor_completions.d/${1%% *}.fish; complete -C '$1'" | cut -f 1 | sort | tr '\n' ' '
    }
    equals "$(in_fish 'bruco che')" 'check '
    equals "$(in_fish 'bruco check --p')" '--print '
    equals "$(in_fish 'bruco check --u')" ''
    equals "$(in_fish 'bruco --set source.topi')" 'source.topics= '
    equals "$(in_fish 'bruco-sink ka')" 'kafka '
    equals "$(in_fish 'bruco -c orders/co')" 'orders/config.yaml '
}
