#!/bin/bash
#
# Add to models/results/paired.csv what it does not hold yet:
#
#	models/paired.sh DATA
#
# compares the models of the rows "ours", which models/properties.sh left in the
# database that PGHOST and so on name, with the classical method of each split
# that models/results/baselines.csv has. PYTHON has rdkit, numpy and scikit-learn.

set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 1 ] || { sed -n '3,9s/^#\t\?//p' "$0" >&2; exit 2; }

data=$(cd "$1" && pwd)
results=models/results/paired.csv
psql="psql --no-psqlrc --quiet --set ON_ERROR_STOP=1"

[ -s $results ] || echo dataset,split,metric,n_test,ours,classical,gain,low,high >$results
while IFS=, read -r dataset split; do
	! grep -q "^$dataset,$split," $results || continue
	echo "$(date -u +%H:%M:%S) $dataset $split" >&2
	line=$($psql --csv --set dataset="$dataset" --set split="$split" --file - <<-'EOF' | "${PYTHON:-python3}" models/paired.py "$data" "$dataset" "$split"
		SELECT t.row, p.property AS target, p.value
		FROM dataset.:"dataset" AS t, hamnet_predictions(t.smiles, :'dataset' || '_' || :'split' || '_ours') AS p
		WHERE t.:"split" = 'test';
	EOF
	)
	echo "$line" >>$results
done < <(sed -n 's/^\([a-z0-9]*,[a-z0-9]*\),classical,.*/\1/p' models/results/baselines.csv)
