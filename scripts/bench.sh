#!/bin/bash
#
# Build and install hamnet, measure it in a throw-away cluster, and write
# bench/RESULTS.md. HAMNET_SMILES names another file of molecules.

set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

scripts/setup.sh
find_server
build_and_install
make -s bench/network bench/predictions bench/training_step

molecules=${HAMNET_SMILES:-/usr/share/RDKit/Data/NCI/first_5K.smi}
chosen=$(mktemp)
trap 'rm -f "$chosen"' EXIT

{
	cat <<-EOF
		# How fast it is

		Written by \`make bench\`; times are ratios to believe and absolute numbers to compare with nothing but themselves.
		The machine, $(date -u +%Y-%m-%d): $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1) ($(sed -n 's/^cpu family\s*: //p' /proc/cpuinfo | head -1)/$(sed -n 's/^model\s*: //p' /proc/cpuinfo | head -1)),
		$(nproc) cores, $(awk '/MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo) GiB, PostgreSQL $PG_MAJOR,
		load $(cut -d' ' -f1 /proc/loadavg) when the measurement began: other work shared the machine where that is not near 0.
		So what one process did is CPU time, the least of several passes, and only parallel query is by the clock on the wall.
		Molecules: $(basename "$molecules").

		## The core, without a server

	EOF
	bench/network models/hamnet-base.safetensors "$molecules" "$chosen"
	printf '\n## Predictions\n\n'
	bench/predictions models/hamnet-properties.safetensors "$molecules"
	printf '\n## Training\n\n'
	bench/training_step "$molecules"
	printf '\n## Through SQL\n\nThe same molecules.\n\n'
	with_cluster bench/sql.sh "$chosen"
} | grep -v 'PostgreSQL cluster\|Dropping cluster' | tee bench/RESULTS.md
