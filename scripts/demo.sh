#!/bin/bash
#
# Set up, build and install hamnet, then run demo/demo.sql in a throw-away cluster,
# and leave what there is to see as a page, demo/demo.html.

set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

scripts/setup.sh
find_server
build_and_install
say "starting a throw-away PostgreSQL $PG_MAJOR"
with_cluster psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --pset pager=off --file demo/demo.sql --set page=demo/demo.html --file demo/page.sql
say "what there is to see: demo/demo.html"
