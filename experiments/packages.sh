# packages.sh - what limn needs from Debian, in one place; sourced by the scripts that build.
#
#     . experiments/packages.sh
#     install_packages $BUILD_PACKAGES            installs what is missing, as root or through sudo; elsewhere it prints the
#                                                  list and ends the script with status 1

# shellcheck disable=SC2034  # used by the scripts that source this
BUILD_TOOLS="gcc libc6-dev meson ninja-build pkg-config"
BUILD_LIBRARIES="libopenblas-serial-dev libjpeg62-turbo-dev libpng-dev libstb-dev libhdf5-dev
    libfyaml-dev libjansson-dev libpcre2-dev libutf8proc-dev libcairo2-dev libfontconfig-dev libfreetype-dev libexpat1-dev libarchive-dev libstemmer-dev"
RUN_DATA="fonts-noto-color-emoji unicode-data fonts-dejavu-core wordnet-base"
# shellcheck disable=SC2034
BUILD_PACKAGES="$BUILD_TOOLS $BUILD_LIBRARIES $RUN_DATA"
# shellcheck disable=SC2034
TEST_PACKAGES="libcriterion-dev python3 python3-h5py libc6-dbg valgrind"

# package_is_here NAME or NAME:ARCHITECTURE
package_is_here() {
    case $1 in
        *:*) architecture=${1#*:} ;;
        *)   architecture=$(dpkg --print-architecture) ;;
    esac
    dpkg-query -W -f '${db:Status-Status} ${Architecture}\n' "$1" 2>/dev/null | grep -qE "^installed ($architecture|all)\$"
}

apt_install() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-remove "$@" </dev/null >/dev/null
}

install_packages() {
    missing=
    for package in "$@"; do
        package_is_here "$package" || missing="$missing $package"
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
    # A machine that has never fetched the package lists, or not for long, fails at first.
    # shellcheck disable=SC2086
    apt_install $missing 2>/dev/null || { $as_root apt-get update -qq && apt_install $missing; } ||
        { echo "apt could not install:$missing" >&2; exit 1; }
}
