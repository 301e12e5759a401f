#!/bin/sh
# run.sh - fuzzes the readers for as long as one likes, with clang's libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer.
#
#     sh tests/fuzz/run.sh [--keep] [SECONDS] [TARGET...]     SECONDS each (60), one after the other, all targets when none is named
#
# Beginning with make_seeds.py's inputs, with tests/fuzz/corpus and with what earlier runs found, which grows outside the checkout, in
# $LIMN_FUZZ_CORPUS (or build-fuzz/corpus)/TARGET. An input that breaks something is left as build-fuzz/found/TARGET-…; run
# build-fuzz/tests/fuzz/fuzz-TARGET with it to see it again. --keep: afterwards the smallest set of inputs that reaches as much of the code
# becomes tests/fuzz/corpus/TARGET, which the tests replay (replay.c); what has a name there, not a hash, is a first input or was
# once a bug, and stays.
# Exit status 0: nothing was broken.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=experiments/packages.sh
. experiments/packages.sh
# shellcheck disable=SC2086
install_packages $BUILD_PACKAGES libcriterion-dev python3 clang libclang-rt-14-dev        # clang: libFuzzer, which gcc has not

keep=; seconds=60
[ "${1:-}" = --keep ] && { keep=1; shift; }
case ${1:-} in [0-9]*) seconds=$1; shift ;; esac
# shellcheck disable=SC2046
[ $# = 0 ] && set -- $(grep -oE "'[a-z_]+': [0-9]+" tests/fuzz/meson.build | cut -d"'" -f2)

build="build-fuzz"
[ -f "$build/build.ninja" ] ||
    CC=clang meson setup "$build" -Dfuzzer=true -Dwerror=false -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false \
        -Dc_args='-fsanitize=fuzzer-no-link -fno-sanitize-recover=all' || exit 1
for target; do programs="${programs:-} tests/fuzz/fuzz-$target"; done
# shellcheck disable=SC2086
ninja -C "$build" $programs || exit 1

grown=${LIMN_FUZZ_CORPUS:-$build/corpus}
[ -w /dev/shm ] && TMPDIR=/dev/shm               # a disk takes milliseconds to write the same small file again
TMPDIR=$(mktemp -d -p "${TMPDIR:-/tmp}"); export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 1' INT TERM
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
python3 tests/fuzz/make_seeds.py "$TMPDIR/seeds" || exit 1
mkdir -p "$build/found"
status=0
for target; do
    seeds=$TMPDIR/seeds/$target; kept=tests/fuzz/corpus/$target
    program=$build/tests/fuzz/fuzz-$target
    words=tests/fuzz/words/$target
    mkdir -p "$seeds" "$kept" "$grown/$target"
    set -- -timeout=10 -rss_limit_mb=2560 -malloc_limit_mb=2048 -max_len=8192 -use_value_profile=0 -print_final_stats=1
    [ -f "$words" ] && set -- "$@" "-dict=$words"
    echo "== $target"
    "$program" "$@" "-max_total_time=$seconds" "-artifact_prefix=$build/found/$target-" "$grown/$target" "$kept" "$seeds" \
        2>"$build/found/$target.log" || { status=1; tail -n 60 "$build/found/$target.log"; }
    grep -E '^(#[0-9]+.*DONE|stat::number_of_executed_units)' "$build/found/$target.log"
    [ -n "$keep" ] || continue
    rm -rf "$TMPDIR/least"; mkdir "$TMPDIR/least"
    "$program" "$@" -merge=1 -use_counters=0 "$TMPDIR/least" "$kept" "$seeds" "$grown/$target" 2>>"$build/found/$target.log" ||
        { status=1; continue; }
    find "$kept" -type f | grep -E '/[0-9a-f]{40}$' | xargs rm -f
    cp "$TMPDIR/least"/* "$kept"/
    echo "$(find "$kept" -type f | wc -l) inputs of $(cat "$kept"/* | wc -c) bytes are kept"
done
exit $status
