# tap.sh - runs the tests of a build folder through meson and counts what they say; sourced by the test scripts.
#
#     run_tests BUILD [OPTION or NAME...]         sets passed, failed and skipped; prints a line a module, what failed and why,
#                                                  what was skipped and why

run_tests() {
    folder=$1; shift
    log=$folder/meson-logs/testlog.txt
    rm -f "$log"
    meson test -C "$folder" --no-rebuild "$@" >"$folder/test.log" 2>&1 || true
    grep -E '^ *[0-9]+/[0-9]+ ' "$folder/test.log" || cat "$folder/test.log"
    [ -f "$log" ] || : >"$log"

    # Criterion: "ok - suite::name (0.10s)", "ok - suite::name # SKIP why", "not ok - suite::name" and why in lines of two spaces.
    skipped=$(grep -cE '^ok .*# SKIP' "$log")
    # shellcheck disable=SC2034
    passed=$(($(grep -c '^ok ' "$log") - skipped))
    failed=$(grep -c '^not ok ' "$log")
    # A module that crashed or took too long need not have said which of its tests it was.
    broken=$(sed -nE 's/^(Fail|Timeout): *([0-9]+).*/\2/p' "$folder/test.log" | awk '{ n += $1 } END { print n + 0 }')
    if [ "$failed" -lt "$broken" ]; then
        failed=$broken
        sed -n '/^Summary of Failures/,/^Ok:/p' "$folder/test.log"
        tail -n 40 "$log"
    fi
    sed -nE '/^ok .*# SKIP/s/^ok [0-9]* *- /skipped: /p' "$log"
    awk '/^not ok / { why = 1; print; next }  /^( |#)/ { if (why) print; next }  { why = 0 }' "$log" | head -n 200
}
