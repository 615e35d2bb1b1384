#!/bin/bash
#
# Fetch the headers of every server version that Debian's suites offer, and
# print the directories to include, one a line:
#
#	scripts/server_headers.sh
#
# The packages are unpacked below build/headers, not installed, and kept. What
# cannot be fetched is left out; without any, nothing is printed.

set -uo pipefail
cd "$(dirname "$0")/.." || exit
. scripts/common.sh

suites=(bookworm trixie sid experimental)
cache=$PWD/build/headers
mkdir -p "$cache"
mirror=$(debian_mirror)

fetch()
{
	curl --silent --fail --location --output "$1" "$2"
}

for suite in "${suites[@]}"; do
	index=$cache/$suite.xz
	[ -s "$index" ] || fetch "$index" "${mirror}dists/$suite/main/binary-$(dpkg --print-architecture)/Packages.xz" || continue
	xz -dc "$index" | awk '
		/^Package: / { package = $2 }
		/^Filename: / && package ~ /^postgresql-server-dev-[0-9]+$/ { sub(/.*-/, "", package); print package, $2 }'
done | sort -snu -k 1,1 | while read -r version file; do
	directory=$cache/$version/usr/include/postgresql/$version/server
	if [ ! -d "$directory" ]; then
		fetch "$cache/$version.deb" "$mirror$file" && dpkg-deb -x "$cache/$version.deb" "$cache/$version" || continue
		rm -f "$cache/$version.deb"
	fi
	echo "$directory"
done
