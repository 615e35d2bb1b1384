#!/bin/bash
#
# Add to models/results/retrieval.csv what it does not hold yet:
#
#	models/retrieval.sh DATA MODEL...
#
# measures fingerprints of models of the database that PGHOST and so on name,
# and RDKit's Morgan fingerprints, which needs /usr/bin/python3 with rdkit.

set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 1 ] || { sed -n '3,8s/^#\t\?//p' "$0" >&2; exit 2; }

data=$(cd "$1" && pwd)
shift
results=models/results/retrieval.csv
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
psql="psql --no-psqlrc --quiet --set ON_ERROR_STOP=1"

[ -s $results ] || echo dataset,fingerprint,distance,queries,neighbours,active,chance,molecules,actives,model,commit,date >$results
$psql --command "SET client_min_messages = warning" --command "CREATE EXTENSION IF NOT EXISTS hamnet"
for model in "$@"; do
	morgan=true
	! grep -q '"RDKit Morgan' $results || morgan=false
	! grep -q ",$model," $results || continue
	lines=$($psql --set data="$data" --set model="$model" --set morgan=$morgan --set commit="$commit" --file models/retrieval.sql)
	echo "$lines" >>$results
done
