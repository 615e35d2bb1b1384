#!/bin/bash
#
# Measure property models on the fixed splits:
#
#	models/properties.sh [-t] [-o RESULTS.csv] DATA [DATASET [SPLIT [VARIANT]]]
#
# trains and measures every row of the plan below that the results do not hold
# yet, or those of one data set, split or variant ("all" stands for any), in the
# database that PGHOST and so on name, as a superuser on the server's machine.
# What stops it does no harm: run it again. Two of them at a time share the rows.
#
#	-t	a trial: measure on the validation part and write results/trials.csv
#	-o	another file of results
#
# The test part of a row is to be looked at once. To try things is what -t is for.
#
# Bases are not shipped. Version 0.2.0's hamnet-base, on which hamnet-properties
# stands, is taken from the repository's history, or from a file that BASE_020
# names. Make that of "engine off" by its recipe in the same database, under the
# name base_no_engine, or name its file in BASE_NO_ENGINE.

set -euo pipefail
cd "$(dirname "$0")/.."

part='test'
results=
while getopts to: option; do
	case $option in
		t) part=valid ;;
		o) results=$OPTARG ;;
		*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { sed -n '3,20s/^#\t\?//p' "$0" >&2; exit 2; }
data=$(cd "$1" && pwd)
dataset=${2:-all}
split=${3:-all}
variant=${4:-all}

if [ $part = test ]; then
	: "${results:=models/results/properties.csv}"
	header=dataset,split,variant,metric,target,value,n,train_seconds,predict_seconds,train_mib,predict_mib,options,model,commit,date
else
	: "${results:=models/results/trials.csv}"
	header=dataset,split,variant,metric,target,value,n,note,commit,date
fi
[ -s "$results" ] || echo $header >"$results"

psql="psql --no-psqlrc --quiet --set ON_ERROR_STOP=1"
$psql --command "SET client_min_messages = warning" --command "CREATE EXTENSION IF NOT EXISTS hamnet"

# A + marks a working tree that is not what was committed.
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain -- src include sql models/*.sql 2>/dev/null)" ] || commit=$commit+

# data set, split, variant: a line for each row, the most wanted first
plan()
{
	local v d s

	for v in ours "engine off" "single member"; do
		for d in esol freesolv lipophilicity bbbp tox21; do
			for s in random0 random1 random2 random3 random4 scaffold; do
				echo "$d $s $v"
			done
		done
		for d in hiv qm9; do
			echo "$d random0 $v"
			echo "$d scaffold $v"
		done
	done
}

# The rows that were asked for; one whose three names are given need not be in the plan.
rows()
{
	if [ "$variant" = all ]; then
		plan
	elif [ "$dataset" != all ] && [ "$split" != all ]; then
		echo "$dataset $split $variant"
	else
		plan | sed -n "s/ ours\$/ $variant/p"
	fi | awk -v d="$dataset" -v s="$split" '(d == "all" || $1 == d) && (s == "all" || $2 == s)'
}

# measure DATASET SPLIT VARIANT: one row, unless the results hold it or another
# run of this script is at it, which a lock on a file of the row's own tells.
measure()
{
	local lines

	exec 8>"${TMPDIR:-/tmp}/hamnet-$(id -u)-$part-$1-$2-${3// /_}.lock"
	flock --nonblock 8 || return 0
	! grep -q "^$1,$2,$3," "$results" || return 0
	echo "$(date -u +%H:%M:%S) $1 $2 $3" >&2
	lines=$($psql --set data="$data" --set dataset="$1" --set split="$2" --set variant="$3" --set part=$part --set commit="$commit" \
		--file models/properties.sql </dev/null) || return
	exec 9>>"$results"
	flock 9
	echo "$lines" >&9
	exec 9>&-
}

# load NAME FILE: unless there is a model of that name
load()
{
	NAME=$1 FILE=$2 $psql --output /dev/null <<-'EOF'
		\set name `echo "$NAME"`
		\set weights `base64 --wrap=0 "$FILE"`
		SELECT hamnet_load_model(:'name', decode(:'weights', 'base64')) WHERE NOT EXISTS (SELECT FROM hamnet_models() WHERE name = :'name');
	EOF
}

if [ -z "${BASE_020:-}" ]; then
	BASE_020=$(mktemp)
	trap 'rm -f "$BASE_020"' EXIT
	git show 1c673932ed7d:models/hamnet-base.safetensors >"$BASE_020"
fi
load hamnet-base-0.2.0 "$BASE_020"
[ -z "${BASE_NO_ENGINE:-}" ] || load base_no_engine "$BASE_NO_ENGINE"

failed=0
while read -r d s v; do
	measure "$d" "$s" "$v" || failed=$((failed + 1))
done < <(rows)
[ $failed -eq 0 ] || { echo "$failed rows failed" >&2; exit 1; }
