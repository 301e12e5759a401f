#!/bin/sh
# cross-aarch64.sh - builds limn and its tests for aarch64 on another processor and runs the tests of the tensor core under qemu.
# Kernels sum over fixed lanes and contract nothing, so that aarch64 must give the very bits of x86-64: the tests compare
# hashes.  Ends with "N passed, N failed"; exit status 0 only when nothing failed.
# Wants a chroot or container of its own: it adds arm64 to apt, and Debian's libhdf5-dev:arm64 cannot live beside the native one.
#
#     sh tests/cross-aarch64.sh [NAME...]         tests of these names (kernels-f32: seconds), else all of the tensor core (the
#                                                  openblas ones and the gradients take minutes in emulation)
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=experiments/packages.sh
. experiments/packages.sh
# shellcheck source=tests/tap.sh
. tests/tap.sh

if ! dpkg --print-foreign-architectures | grep -q '^arm64$'; then
    if [ "$(id -u)" = 0 ]; then dpkg --add-architecture arm64 && apt-get update -qq
    elif command -v sudo >/dev/null 2>&1; then sudo dpkg --add-architecture arm64 && sudo apt-get update -qq
    else
        echo "As root, first: dpkg --add-architecture arm64 && apt-get update" >&2
        exit 1
    fi || exit 1
fi
libraries=
for library in $BUILD_LIBRARIES libcriterion-dev; do libraries="$libraries $library:arm64"; done
# shellcheck disable=SC2086
install_packages $BUILD_TOOLS gcc-aarch64-linux-gnu qemu-user $libraries

build=${LIMN_CROSS_BUILD:-build-aarch64}
[ -f "$build/build.ninja" ] || said=$(meson setup "$build" --cross-file tests/aarch64.ini 2>&1) ||
    { echo "$said"; echo "0 passed, 1 failed"; exit 1; }
ninja -C "$build" >"$build/build.log" 2>&1 || { tail -n 60 "$build/build.log"; echo "0 passed, 1 failed"; exit 1; }

[ $# = 0 ] && set -- --suite tensor --suite bench
run_tests "$build" --timeout-multiplier 5 "$@"

count() {
    if [ "$1" = 0 ]; then passed=$((passed + 1)); echo "ok      $2"; else failed=$((failed + 1)); echo "FAILED  $2"; fi
}
# readelf belongs to every architecture's binutils.
readelf -h "$build/limn" | grep -q AArch64
count $? "limn is an AArch64 binary"
qemu-aarch64 "$build/limn" --version
count $? "limn --version"
qemu-aarch64 "$build/limn-double" --op linear
count $? "limn-double --op linear"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
