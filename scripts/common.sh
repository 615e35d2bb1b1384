# shellcheck shell=bash
# Shared by the scripts beside it; sourced, with the repository's root as the current directory.

say()
{
	echo "hamnet: $*"
}

die()
{
	echo "hamnet: $*" >&2
	exit 1
}

as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# Print the version of PostgreSQL that this release of Debian offers.
offered_server()
{
	local depends='apt-cache depends --important postgresql' version='s/^ *Depends: postgresql-\([0-9]*\)$/\1/p'

	# The package lists may be absent.
	{ $depends 2>/dev/null || { as_root apt-get -q update && $depends; } 2>/dev/null || true; } | sed -n "$version"
}

# Set PG_CONFIG and PG_MAJOR to the server to build for: the caller's choice,
# the newest one installed, or the one that setup.sh would install.
find_server()
{
	local program newest=

	if [ -z "${PG_CONFIG:-}" ]; then
		# shellcheck disable=SC2045 # for the order of the versions
		for program in $(ls -v /usr/lib/postgresql/*/bin/postgres 2>/dev/null); do
			newest=${program%/bin/postgres}
		done
		PG_CONFIG=${newest:-/usr/lib/postgresql/$(offered_server)}/bin/pg_config
	elif ! command -v "$PG_CONFIG" >/dev/null; then
		die "PG_CONFIG is $PG_CONFIG, which is not a program"
	fi
	if [ -x "$(command -v "$PG_CONFIG")" ]; then
		PG_MAJOR=$("$PG_CONFIG" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
	else
		PG_MAJOR=$(basename "${PG_CONFIG%/bin/pg_config}")
	fi
	export PG_CONFIG
}

# Compile, with all processors, and put the extension into the server's
# directories. Arguments are passed to make.
build_and_install()
{
	say "building for PostgreSQL $PG_MAJOR"
	make -s -j"$(nproc)" all "$@" || return
	say "installing into $("$PG_CONFIG" --pkglibdir) and $("$PG_CONFIG" --sharedir)/extension"
	as_root make -s install PG_CONFIG="$PG_CONFIG" "$@"
}

# Run a command with PGHOST, PGUSER and so on pointing to a new, empty cluster
# that is dropped afterwards and meets no other cluster of this machine.
with_cluster()
{
	pg_virtualenv -t -v "$PG_MAJOR" -c '--locale C.UTF-8 --encoding UTF8' "$@"
}

# Print the mirror of Debian that this machine's apt uses.
debian_mirror()
{
	local found

	# shellcheck disable=SC2016 # apt replaces it
	found=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN)' 2>/dev/null | awk '$2 == "Debian" && $1 !~ /security/ { print $1; exit }')
	echo "${found:-http://deb.debian.org/debian/}"
}

# Print the code name of the suite of Debian that this machine is.
debian_suite()
{
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(CODENAME) $(ORIGIN)' | awk '$2 == "Debian" && $1 !~ /-/ { print $1; exit }'
}
