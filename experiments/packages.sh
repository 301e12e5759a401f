# packages.sh - what limn needs from Debian, in one place; sourced by experiments/quickstart.sh and tests/run.sh.
#
#     . experiments/packages.sh
#     install_packages $BUILD_PACKAGES            installs what is missing; as root, or through sudo; elsewhere it prints
#                                                  the list and stops

BUILD_PACKAGES="gcc libc6-dev meson ninja-build pkg-config
    libopenblas-serial-dev libjpeg62-turbo-dev libpng-dev libstb-dev libhdf5-dev
    libfyaml-dev libjansson-dev libpcre2-dev libutf8proc-dev libcairo2-dev libfreetype-dev
    fonts-noto-color-emoji unicode-data fonts-dejavu-core"
TEST_PACKAGES="libcriterion-dev python3 python3-h5py libc6-dbg valgrind"

install_packages() {
    missing=
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -q '^installed$' || missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    if [ "$(id -u)" = 0 ]; then as_root=
    elif command -v sudo >/dev/null 2>&1; then as_root=sudo
    else
        echo "These packages are missing; install them as root, then start this again:" >&2
        echo "    apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
    echo "Installing$missing" >&2
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 ||
        { $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null; } ||
        { echo "apt could not install:$missing" >&2; exit 1; }
}
