#!/bin/sh
# Print src/pg/builtin_models.h: for each model file given, a row of the array
# in src/pg/model_store.c with its name, its file in share/extension, and the
# SHA-256 that the file must have.
set -eu

echo '/* Made by models/pin_models.sh from the files in models/. */'
for path in "$@"; do
	file=${path##*/}
	# Assigned first, because set -e does not see a failure inside printf's arguments.
	sum=$(${SHA256SUM:-sha256sum} < "$path")
	printf '{"%s", "%s", "%s"},\n' "${file%.safetensors}" "$file" "${sum%% *}"
done
