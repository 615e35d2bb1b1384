#!/bin/bash
#
# Compute one row of models/REPORT.md again, from the data, in a throw-away
# cluster, and print it beside the stored one:
#
#	make reproduce DATA=/path/to/data ROW="esol random0 ours"
#
# ROW is data set, split and variant, as in models/results/properties.csv. See
# models/properties.sh for the data and for bases that are not shipped.

set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

usage='usage: make reproduce DATA=/path/to/data ROW="esol random0 ours"'
[ -d "${DATA:-}/splits" ] || die "$usage"
read -r dataset split variant <<<"${ROW:-}"
[ -n "$variant" ] || die "$usage"

scripts/setup.sh
find_server
build_and_install
computed=$(mktemp)
trap 'rm -f "$computed"' EXIT
with_cluster models/properties.sh -o "$computed" "$DATA" "$dataset" "$split" "$variant"

# CSV without quotes in the first seven columns
printf '\n%-26s %-18s %12s %12s\n' metric target stored computed
awk -F, -v row="$dataset,$split,$variant," '
	index($0, row) == 1 && FNR == NR { stored[$4, $5] = $6 }
	index($0, row) == 1 && FNR < NR  { printf "%-26s %-18s %12s %12s\n", $4, $5, (($4, $5) in stored) ? stored[$4, $5] : "not run", $6 }
' models/results/properties.csv "$computed"
