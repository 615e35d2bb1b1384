#!/bin/bash
#
# Fuzz what hamnet reads from outside, each fuzzer of test/fuzz for some
# seconds, as many at a time as there are processors: see "make fuzz".
#
#	scripts/fuzz.sh [SECONDS]
#
# Every input of the corpus is tried first. What a fuzzer learns stays in
# build/fuzz, and is where the next run starts; so does an input that fails.
# Prints a line for each fuzzer, as prove does for a test.

set -uo pipefail
cd "$(dirname "$0")/.." || exit
. scripts/common.sh

seconds=${1:-600}
failed=0

scripts/setup.sh --tests || exit
find_server
make -s -j"$(nproc)" fuzzers || exit

# What a fuzzer needs to be told. Inputs are kept short: long ones are slow,
# and find nothing that short ones do not.
options()
{
	case $1 in
		hfp_binary) echo -max_len=512 ;;
		hfp_text) echo -max_len=2048 ;;
		inchi) echo -max_len=200 -only_ascii=1 -dict=test/fuzz/smiles.dict ;;
		molblock) echo -max_len=8192 ;;
		options) echo -max_len=4096 ;;
		# All forms of model file that there ever were are seeds too.
		safetensors) echo -max_len=98304 "-seed_inputs=$(printf '%s\n' test/golden/models-*/*.safetensors | paste -sd ,)" ;;
		sdf) echo -max_len=8192 ;;
		smarts) echo -max_len=200 -only_ascii=1 ;;
		smiles) echo -max_len=200 -only_ascii=1 ;;
		state) echo -max_len=256 ;;
		*) die "scripts/fuzz.sh does not know fuzzer $1" ;;
	esac
	[ ! -f "test/fuzz/$1.dict" ] || echo "-dict=test/fuzz/$1.dict"
}

# A short run is a test, and tries the same inputs each time: as many as 30
# seconds allow on a slow machine.
same_inputs()
{
	[ "$seconds" -le 30 ] || return
	case $1 in
		hfp_*|state) echo -seed=1 -runs=500000 ;;
		*) echo -seed=1 -runs=10000 ;;
	esac
}

# Run one fuzzer, its words to build/fuzz/NAME.log.
fuzz()
{
	local name=$1 sanitizer=

	# The leaks that test/fuzz/leaks.supp lists are known by functions of RDKit
	# far up the stack, which only the slow way of walking it finds.
	[[ $name != @(molblock|sdf|smarts) ]] || sanitizer=fast_unwind_on_malloc=0:malloc_context_size=8

	mkdir -p "build/fuzz/$name"
	# shellcheck disable=SC2046 # options are several words
	ASAN_OPTIONS=$sanitizer LSAN_OPTIONS=suppressions=test/fuzz/leaks.supp:print_suppressions=0 \
		"build/checked/fuzz_$name" $(options "$name") $(same_inputs "$name") -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="build/fuzz/$name-" \
		"build/fuzz/$name" "test/fuzz/corpus/$name" >"build/fuzz/$name.log" 2>&1
}

# Say how it went: executions, and how much of the program and of its
# combinations the inputs reach.
report()
{
	local number=$1 name=$2 status=$3 log=build/fuzz/$2.log inputs reached

	inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	reached=$(grep -ao 'cov: [0-9]* ft: [0-9]*' "$log" | tail -n 1)
	if [ "$status" -eq 0 ]; then
		echo "ok $number - fuzz_$name, ${inputs:-0} inputs, $(sed 's/cov: \(.*\) ft: \(.*\)/coverage \1, features \2/' <<<"$reached")"
	else
		failed=1
		echo "not ok $number - fuzz_$name, ${inputs:-0} inputs"
		grep -avE '^#[0-9]+[[:space:]]+(NEW|REDUCE|RELOAD|pulse)' "$log" | tail -n 60
		echo "To see it again: build/checked/fuzz_$name build/fuzz/$name-..., the file that is named above."
	fi
}

declare -A running=()
number=0

# Wait for one of those running.
collect()
{
	local pid status=0

	wait -n -p pid "${!running[@]}" || status=$?
	number=$((number + 1))
	report "$number" "${running[$pid]}" "$status"
	unset "running[$pid]"
}

for program in test/fuzz/fuzz_*.c; do
	name=${program#test/fuzz/fuzz_}
	name=${name%.c}
	# Where InChI's library is missing, so is this fuzzer.
	[ "$name" != inchi ] || [ -x "build/checked/fuzz_$name" ] || continue
	[ ${#running[@]} -lt "$(nproc)" ] || collect
	fuzz "$name" &
	running[$!]=$name
done
while [ ${#running[@]} -gt 0 ]; do
	collect
done
exit $failed
