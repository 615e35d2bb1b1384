#!/bin/bash
#
# Measure hamnet_train on the ADMET benchmark of Therapeutics Data Commons:
#
#	models/tdc.sh [-t NOTE] [-o RESULTS.csv] DATA [TASK [SEED]]
#
# trains and measures every task with seeds 1 to 5, or those of one task or seed
# ("all" stands for any), that the results do not hold yet, in the database that
# PGHOST and so on name. What stops it does no harm: run it again.
#
#	-t	a trial: measure on the rows that the seed's cut holds out, never on
#		test rows, and write results/tdc_trials.csv with this note
#	-o	another file of results
#
# The variable OPTIONS holds those of hamnet_train, a JSON object. The test rows
# of a task and a seed are to be looked at once. To try things is what -t is for.

set -euo pipefail
cd "$(dirname "$0")/.."

trial=false
note=
results=
while getopts t:o: option; do
	case $option in
		t) trial=true note=$OPTARG ;;
		o) results=$OPTARG ;;
		*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { sed -n '3,17s/^#\t\?//p' "$0" >&2; exit 2; }
data=$(cd "$1" && pwd)
task=${2:-all}
seed=${3:-all}
: "${OPTIONS:={\"head\": \"joint\"\}}"
if [ -z "$results" ]; then
	results=models/results/tdc.csv
	[ $trial = false ] || results=models/results/tdc_trials.csv
fi
[ -s "$results" ] || echo task,seed,metric,value,n,train_seconds,label,options,note,base,commit,date >"$results"

psql="psql --no-psqlrc --quiet --set ON_ERROR_STOP=1"
$psql --command "SET client_min_messages = warning" --command "CREATE EXTENSION IF NOT EXISTS hamnet"
base=$($psql --tuples-only --no-align --command "SELECT id FROM hamnet_models() WHERE name = 'hamnet-base'")

# A + marks a working tree that is not what was committed.
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain -- src include sql models/*.sql 2>/dev/null)" ] || commit=$commit+

# task and metric, the smallest first
tasks()
{
	cat <<-END
	dili roc_auc
	hia_hou roc_auc
	bioavailability_ma roc_auc
	herg roc_auc
	half_life_obach spearman
	cyp2d6_substrate_carbonmangels pr_auc
	cyp2c9_substrate_carbonmangels pr_auc
	cyp3a4_substrate_carbonmangels roc_auc
	caco2_wang mae
	clearance_microsome_az spearman
	vdss_lombardo spearman
	clearance_hepatocyte_az spearman
	pgp_broccatelli roc_auc
	bbb_martins roc_auc
	ppbr_az mae
	lipophilicity_astrazeneca mae
	ames roc_auc
	ld50_zhu mae
	solubility_aqsoldb mae
	cyp2c9_veith pr_auc
	cyp3a4_veith pr_auc
	cyp2d6_veith pr_auc
	END
}

tasks | while read -r name metric; do
	[ "$task" = all ] || [ "$task" = "$name" ] || continue
	for k in 1 2 3 4 5; do
		[ "$seed" = all ] || [ "$seed" = $k ] || continue
		! grep -q "^$name,$k,.*,\"\?$note\"\?,[0-9a-f]*,[^,]*,[^,]*$" "$results" || continue
		line=$($psql --set task="$name" --set metric="$metric" --set seed="seed$k" --set trial=$trial --set options="$OPTIONS" \
			--set data="$data" --file models/tdc.sql </dev/null)
		echo "$line,$note,$base,$commit,$(date -u +%F)" >>"$results"
	done
done
