#!/bin/bash
#
# Build and install hamnet as root in an image that has a server, and remove
# again what only the build needs: see Dockerfile.

set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

find_server
export DEBIAN_FRONTEND=noninteractive
needed=(gcc g++ make "postgresql-server-dev-$PG_MAJOR" librdkit-dev libboost-dev rdkit-data libopenblas-serial-dev libjansson-dev libinchi-dev)
added=()
for package in "${needed[@]}"; do
	dpkg-query --show --showformat '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || added+=("$package")
done

apt-get -q update
apt-get -q -y install --no-install-recommends "${added[@]}"
build_and_install
modules=("$("$PG_CONFIG" --pkglibdir)"/hamnet{,_draw,_inchi}.so)
strip --strip-debug "${modules[@]}"

# Libraries that came with the headers stay.
ldd "${modules[@]}" | awk '$3 ~ /^\// { print $3 }' | xargs realpath | xargs dpkg-query --search |
	cut -d : -f 1 | sort -u | xargs apt-mark manual >/dev/null
apt-get -q -y purge --auto-remove "${added[@]}"
apt-get clean
rm -rf /var/lib/apt/lists/*
