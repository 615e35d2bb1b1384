#!/bin/bash
#
# Build the module for a directory of models (MODELDIR), install it below a root
# of its own, and see that a server finds it and them there, as it does in an
# image volume or while a package is built.

set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

find_server
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# Only the one file that knows the directory is compiled again.
mkdir "$work/tree"
tar -c --exclude-vcs --exclude=./build --exclude=src/pg/server/share_file.o --exclude='*.so' . | tar -x -C "$work/tree"
for target in all install; do
	make -s -C "$work/tree" -j"$(nproc)" PG_CONFIG="$PG_CONFIG" MODELDIR="$work/models" DESTDIR="$work/root" WERROR=1 $target
done
mv "$work/root$work/models" "$work/models"
[ -z "$(find "$work/root" -name '*.safetensors')" ] || die "models were installed elsewhere, too"

# PostgreSQL has the first setting from 18 on, Debian the other one up to 17.
if [ "$PG_MAJOR" -ge 18 ]; then
	setting="extension_control_path=$work/root$("$PG_CONFIG" --sharedir):\$system"
else
	setting="extension_destdir=$work/root"
fi

# Run a statement in a new server; prints what it returns and says.
ask()
{
	pg_virtualenv -t -v "$PG_MAJOR" -c '--locale C.UTF-8 --encoding UTF8' -o "$setting" \
		-o "dynamic_library_path=$work/root$("$PG_CONFIG" --pkglibdir):\$libdir" \
		psql --no-psqlrc --quiet --tuples-only --no-align --command 'CREATE EXTENSION hamnet' --command "$1" 2>&1
}

number=0
expect()
{
	local said

	number=$((number + 1))
	said=$(ask "$2") || true
	if [[ $said == *$3* ]]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		echo "$said"
		failed=yes
	fi
}

expect "a model is read from MODELDIR" "SELECT hamnet_dims(hamnet_fingerprint('CCO'))" 256
expect "a picture is drawn by the module beside the other" "SELECT left(hamnet_svg('CCO'), 4)" '<svg'
: >"$work/models/hamnet-base.safetensors"
mv "$work"/models/hamnet-base.safetensors "$work/root$("$PG_CONFIG" --sharedir)/extension"
: >"$work/models/hamnet-base.safetensors"
expect "before that, a model is read beside the control file" "SELECT hamnet_dims(hamnet_fingerprint('CCO'))" 256
rm "$work/root$("$PG_CONFIG" --sharedir)/extension/hamnet-base.safetensors"
expect "a model of another version in MODELDIR is refused" "SELECT hamnet_fingerprint('CCO')" 'does not belong to this version'
[ -z "${failed:-}" ]
