#!/bin/bash
#
# Let programs read the source and say what looks wrong: see "make lint".
# Nothing of the project runs but what makes a header. Each of them has to find nothing; what they are
# not asked, and why, stands in .clang-tidy, in .shellcheckrc and below.

set -uo pipefail
cd "$(dirname "$0")/.." || exit
. scripts/common.sh

scripts/setup.sh --lint || exit
find_server

number=0
failed=0

# lint WHAT FILES... : hand each file, as many at a time as there are
# processors, to the function that the caller has named lint_file. It prints
# what is wrong with it and fails, or is silent.
lint()
{
	local what=$1 status=ok

	shift
	number=$((number + 1))
	export -f lint_file
	if ! printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" bash -c 'lint_file "$1"' bash; then
		status='not ok'
		failed=1
	fi
	echo "$status $number - $what, $# files"
}

core=(src/nn/*.c src/chem/*.c src/index/*.c src/model/*.c)
server=(src/pg/*.c src/pg/*/*.c src/draw/*.c)
scripts=(scripts/*.sh models/*.sh src/chem/*.sh bench/*.sh .ci/run)
perl=(test/t/*.pl test/perl/*.pm)

# The flags that the core's files need to be read by a compiler: simd.c is
# compiled for a set, and with HAMNET_CHECKS functions say what they assume.
openblas=$(echo /usr/include/*/openblas-serial)
export CORE_FLAGS="-std=gnu11 -Iinclude -I$openblas -DHN_SIMD_SET=portable -DHAMNET_CHECKS"

# Conversions that may change a value have to be written down. Those between
# int and size_t are left out: a count is never negative, a cast in each index
# would only hide one that is, and the builds with sanitizers look for that.
lint_file()
{
	# shellcheck disable=SC2086 # several flags
	gcc -fsyntax-only $CORE_FLAGS -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow -Wundef -Wvla \
		-Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wformat=2 -Werror "$1"
}
lint "gcc's strict warnings" "${core[@]}"

# The server's headers are read as those of a system: only what is ours is to be judged. A C library that
# lacks strlcpy is not the one that headers from elsewhere were configured for.
mkdir -p build
make -s PG_CONFIG="$PG_CONFIG" src/pg/model/builtin_models.h || exit
echo '#include <stddef.h>
extern size_t strlcpy(char *, const char *, size_t);
extern size_t strlcat(char *, const char *, size_t);' >build/strlcpy.h
lint_file()
{
	# shellcheck disable=SC2086
	gcc -fsyntax-only $SERVER_FLAGS -Wall -Wextra -Wundef -Wvla -Wstrict-prototypes -Wmissing-prototypes \
		-Wpointer-arith -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Werror "$1"
}
for headers in "$("$PG_CONFIG" --includedir-server)" $(scripts/server_headers.sh); do
	export SERVER_FLAGS="-std=gnu11 -D_GNU_SOURCE -include build/strlcpy.h -Iinclude -Isrc/pg -isystem $headers -isystem ${headers%/*/server} -DHAMNET_VERSION=\"\""
	version=$(sed -n 's/^#define PG_VERSION "\(.*\)"$/\1/p' "$headers/pg_config.h")
	lint "gcc's strict warnings on the server's side, PostgreSQL $version" "${server[@]}"
done

# Print the wings of src/pg that a file of a wing may include from: its own, and those below it.
below()
{
	case $1 in
		server) echo server ;;
		type) echo 'server|type' ;;
		search) echo 'server|type|search' ;;
		chem) echo 'server|type|chem' ;;
		model) echo 'server|type|chem|model' ;;
		train | enrich) echo "server|type|chem|model|$1" ;;
	esac
}
export -f below
lint_file()
{
	local wing up

	wing=$(basename "$(dirname "$1")")
	up=$(grep -HnE '#include "(server|type|search|chem|model|train|enrich)/' "$1" | grep -vE "#include \"($(below "$wing"))/") || return 0
	printf '%s: %s must not include this\n' "$up" "src/pg/$wing"
	return 1
}
lint "includes that run one way" src/pg/*/*.[ch]

# Not asked: of uninitialised values, which clang-tidy asks for, and which this
# one sees in structures that functions return.
lint_file()
{
	# shellcheck disable=SC2086
	gcc -O1 $CORE_FLAGS -fanalyzer -Wno-analyzer-use-of-uninitialized-value -Werror -c -o /dev/null "$1"
}
lint "gcc's analyzer" "${core[@]}"

lint_file()
{
	# shellcheck disable=SC2086
	clang-tidy --quiet "$1" -- $CORE_FLAGS 2>/dev/null
}
lint "clang-tidy" "${core[@]}"

# Not asked: of shifts of negative numbers, which gcc and clang define; of fields
# found by their offset; and of an array that a loop fills and another reads.
lint_file()
{
	# shellcheck disable=SC2086
	cppcheck --quiet --language=c --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem --suppress=shiftTooManyBitsSigned --suppress=invalidPointerCast \
		--suppress=uninitvar:src/model/covariance.c ${CORE_FLAGS/-std=gnu11/--std=c11} "$1" 2>&1
}
lint "cppcheck" "${core[@]}"

lint_file()
{
	shellcheck --external-sources --severity=warning "$1"
}
lint "shellcheck" "${scripts[@]}"

perl_library=$(dirname "$("$PG_CONFIG" --pgxs)")/../test/perl
export perl_library
lint_file()
{
	local said

	said=$(perl -I "$perl_library" -I test/perl -wc "$1" 2>&1) && [[ $said != *$'\n'* ]] && return
	echo "$said"
	return 1
}
lint "perl -wc" "${perl[@]}"

exit $failed
