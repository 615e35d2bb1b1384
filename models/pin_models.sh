#!/bin/sh
# Print src/pg/model/builtin_models.h by the program given first, which is told the
# SHA-256 of each model file that follows.
set -eu

program=$1
shift
for path in "$@"; do
	# Assigned first, because set -e does not see a failure inside an argument.
	sum=$(${SHA256SUM:-sha256sum} < "$path")
	shift
	set -- "$@" "$path" "${sum%% *}"
done
exec "$program" "$@"
