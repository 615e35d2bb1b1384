#!/bin/bash
#
# Build Debian packages into build/deb: one for each server version that this
# release of Debian supports, and one with the models: see "make deb". The
# regression tests run with each of them before it is installed anywhere.

set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

scripts/setup.sh --deb
find_server

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/hamnet"
tar -c --exclude-vcs --exclude='*.o' --exclude='*.a' --exclude='*.so' --exclude=./build . | tar -x --no-same-owner -C "$work/hamnet"
make -s -C "$work/hamnet" clean >/dev/null

# Tests start servers, and a server refuses to run as root.
run=()
if [ "$(id -u)" -eq 0 ]; then
	chown -R postgres: "$work"
	run=(runuser -u postgres --)
fi
(
	cd "$work/hamnet"
	"${run[@]}" pg_buildext updatecontrol
	"${run[@]}" env HOME="$work" "DEB_BUILD_OPTIONS=parallel=$(nproc)" dpkg-buildpackage -us -uc -b
)

rm -rf build/deb
mkdir -p build/deb
cp "$work"/*.deb build/deb
say "built $(cd build/deb && echo *.deb) in build/deb"
