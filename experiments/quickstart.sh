#!/bin/sh
# quickstart.sh - from a checkout to captions: installs what is missing, builds limn, composes a data set, trains a small captioner,
# measures it on held-out pictures and draws where it looked.  About six minutes on two cores once the packages are there.
#
#     sh experiments/quickstart.sh [FOLDER]       results go to FOLDER (default: runs/quickstart in the checkout)
set -eu
out=runs/quickstart
[ $# = 0 ] || { mkdir -p "$1"; out=$(cd "$1" && pwd); }
cd "$(dirname "$0")/.."
# shellcheck source=experiments/packages.sh
. experiments/packages.sh

build=${LIMN_BUILD:-build}
limn=$build/limn

step() { printf '\n== %s\n' "$*"; }

step "Packages"
# shellcheck disable=SC2086
install_packages $BUILD_PACKAGES
started=$(date +%s)

step "Building $limn (a minute or two)"
log=$(mktemp)
build_limn() {
    [ -f "$build/build.ninja" ] || meson setup "$build" -Dtests=false || return
    ninja -C "$build" limn
}
build_limn >"$log" 2>&1 || { cat "$log"; rm "$log"; exit 1; }
tail -n 1 "$log"; rm "$log"

step "Composing pictures with captions"
mkdir -p "$out"
[ -f "$out/scenes.h5" ] || "$limn" prepare scenes --preset quick --count 16000 --seed 1 --out "$out/scenes.h5"

step "Training (Ctrl-C is safe: the same command goes on where it stopped)"
"$limn" train experiments/configs/scenes-quick.yaml --run "$out/run" --resume "data.store=$(cd "$out" && pwd)/scenes.h5"

step "Measuring on pictures it has never seen"
"$limn" evaluate "$out/run" --quiet

step "Captioning held-out pictures, with the attention of every word"
"$limn" caption "$out/run" --from "$out/scenes.h5" --split test-iid --count 6 --attention "$out/captions.png"

cat <<END

Done in $(( $(date +%s) - started )) s.  Look at $out/captions.png; the run is in $out/run
(log.jsonl, TensorBoard events, model/ in Hugging Face's form, metrics-test-*.json).

Next, on your own data:
    $limn caption $out/run --from $out/scenes.h5 --split test-pairs --attention pairs.png
    $limn prepare flickr8k FOLDER --out flickr8k.h5        photographs with captions in Flickr8k's layout
    $limn train experiments/configs/flickr8k-vit-tiny.yaml data.store=./flickr8k.h5 encoder.weights=./vit-tiny-patch16-224
    $limn caption runs/flickr8k-vit-tiny photo.jpg --attention photo-attention.png
    $limn --help
END
