#!/bin/sh
# run.sh - the whole test suite: installs what it needs, builds with ASan + UBSan (and the double build), runs everything.
# Ends with "N passed, N failed"; exit status 0 only when nothing failed.
#
#     sh tests/run.sh [NAME...]                   only the tests of these names
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=experiments/packages.sh
. experiments/packages.sh
# shellcheck source=tests/tap.sh
. tests/tap.sh
# shellcheck disable=SC2086
install_packages $BUILD_PACKAGES $TEST_PACKAGES

build=${LIMN_TEST_BUILD:-build-tests}
[ -f "$build/build.ninja" ] ||
    said=$(meson setup "$build" -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false 2>&1) ||
    { echo "$said"; echo "0 passed, 1 failed"; exit 1; }
ninja -C "$build" >"$build/build.log" 2>&1 || { cat "$build/build.log"; echo "0 passed, 1 failed"; exit 1; }

# Criterion exits 0 even when a sanitizer reports: reports go to files, and a file is a failure.
reports=$(cd "$build" && pwd)/sanitizer-reports
rm -rf "$reports"; mkdir -p "$reports"
export ASAN_OPTIONS="log_path=$reports/asan:detect_leaks=1:abort_on_error=0:allocator_may_return_null=1:detect_stack_use_after_return=0"
export UBSAN_OPTIONS="log_path=$reports/ubsan:print_stacktrace=1:halt_on_error=1"
export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0"

run_tests "$build" --num-processes "$(nproc)" "$@"
for report in "$reports"/*; do
    [ -f "$report" ] || continue
    failed=$((failed + 1))
    echo "sanitizer report $report:"; head -n 40 "$report"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
