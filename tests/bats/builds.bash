# Programs that are built otherwise than those of $BRUCO_BIN; after helpers.

# build_anew FOLDER "PROGRAM ..." VARIABLE=VALUE ...: these programs into FOLDER/bin, with these of make's variables, which
# say something of Python. All that does not depend on it is a copy of what is there. FOLDER/log has what make says.
build_anew() {
    local folder=$1 built=${BRUCO_BIN%/bin} program targets=()
    rm -rf "$folder"
    mkdir -p "$folder/obj/cmd" "$folder/bin"
    cp -a "$built/lib" "$built/share" "$folder"
    if [[ -d $built/obj ]]; then # not of what was installed
        cp -a "$built/libraries-found" "$folder"
        cp -a "$built/obj/lib" "$folder/obj"
        cp -a "$built/obj/cmd/bruco" "$folder/obj/cmd"
    fi
    rm -f "$folder"/obj/lib/config/python.*
    cp -a "$BRUCO_BIN"/bruco* "$folder/bin"
    for program in $2; do
        rm "$folder/bin/$program"
        targets+=("$folder/bin/$program")
    done
    make -C "$ROOT" --no-print-directory -j2 DEV=1 BUILD="$folder" "${@:3}" "${targets[@]}" >"$folder/log" 2>&1 || {
        cat "$folder/log"
        return 1
    }
}
