#!/bin/bash
#
# Make the pictures of README.md again, in a throw-away cluster: doc/images/*.svg.

set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

scripts/setup.sh
find_server
build_and_install
with_cluster psql --no-psqlrc --quiet --file demo/pictures.sql
