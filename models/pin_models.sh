#!/bin/sh
# Print the C header that pins the built-in models given as arguments: their
# names, their files in share/extension, and the SHA-256 each file must have.
set -eu

cat <<'HEADER'
/*
 * builtin_models.h: the models that come with this version, made by
 * models/pin_models.sh from the files themselves.
 */
#ifndef BUILTIN_MODELS_H
#define BUILTIN_MODELS_H

typedef struct BuiltinModel
{
	const char *name;
	const char *file;			/* in share/extension */
	const char *sha256;			/* hexadecimal */
} BuiltinModel;

static const BuiltinModel builtin_models[] = {
HEADER

for path in "$@"; do
	file=${path##*/}
	# By a variable of its own: a failing command inside printf's arguments would not stop the script.
	sum=$(${SHA256SUM:-sha256sum} < "$path")
	printf '\t{"%s", "%s", "%s"},\n' "${file%.safetensors}" "$file" "${sum%% *}"
done

cat <<'FOOTER'
};

#endif
FOOTER
