#!/bin/bash
#
# Install the Debian packages that are missing: those for building hamnet and
# running the demo, with --tests also those for the tests, with --lint also
# those for static analysis, with --deb those for building packages, and with
# --clients the clients and extensions of doc/clients.md that this release has.
# Silent, and without touching the network, where nothing is missing.

set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

find_server

packages=(gcc g++ make "postgresql-$PG_MAJOR" "postgresql-server-dev-$PG_MAJOR" postgresql-common
	librdkit-dev libboost-dev rdkit-data libopenblas-serial-dev libjansson-dev)
wanted=()
tests=(clang libclang-rt-dev libcmocka-dev libipc-run-perl "postgresql-$PG_MAJOR-pgtap")
case "${1:-}" in
	"") ;;
	--tests) packages+=("${tests[@]}") ;;
	--lint) packages+=("${tests[@]}" clang-tidy cppcheck shellcheck curl xz-utils debootstrap iproute2) ;;
	--deb) packages+=(build-essential debhelper fakeroot postgresql-all postgresql-server-dev-all) ;;
	--arm64) packages=(make "postgresql-server-dev-$PG_MAJOR" gcc-aarch64-linux-gnu g++-aarch64-linux-gnu qemu-user) ;;
	--clients) wanted=(python3-psycopg python3-psycopg2 python3-asyncpg python3-sqlalchemy python3-pandas
		"postgresql-$PG_MAJOR-pgvector" "postgresql-$PG_MAJOR-rdkit") ;;
	*) die "usage: scripts/setup.sh [--tests | --lint | --deb | --arm64 | --clients]" ;;
esac

# True for an installed package, and for a compiler or make that came another way.
is_installed()
{
	command -v "$1" >/dev/null ||
		dpkg-query --show --showformat '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

# Read all of what apt says: one that is cut off fails, and with it the pipe.
is_known()
{
	apt-cache policy "$1" | grep '^  Candidate: [^(]' >/dev/null
}

command -v dpkg-query >/dev/null ||
	die "this is not a Debian system; install the equivalents of these packages, then run make and make install: ${packages[*]}"

# Headers of RDKit 2026.09 need the first, and its package does not depend on it.
for package in libringdecomposerlib-dev "${wanted[@]}"; do
	! is_known "$package" || packages+=("$package")
done

missing=()
for package in "${packages[@]}"; do
	is_installed "$package" || missing+=("$package")
done

# Without InChI's library there is no InChI, and everything else.
inchi_is_missing()
{
	! is_installed libinchi-dev && is_known libinchi-dev
}

[ ${#missing[@]} -gt 0 ] || inchi_is_missing || exit 0

if ! as_root true 2>/dev/null; then
	[ ${#missing[@]} -gt 0 ] || exit 0
	die "these packages are missing, and installing them needs root or sudo: ${missing[*]}"
fi

log=$(mktemp)
holdback=
clean_up()
{
	rm -f "$log"
	[ -z "$holdback" ] || as_root rm -f "$holdback"
}
trap clean_up EXIT

apt()
{
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" </dev/null >>"$log" 2>&1
}

# With its first server package Debian also creates and starts a cluster named
# "main". Nobody asked for one here: hold it back while the packages are
# installed, unless the machine's administrator has decided about it.
hold_back_main_cluster()
{
	local config=/etc/postgresql-common

	if ! grep -qs '^[[:space:]]*create_main_cluster' "$config/createcluster.conf" "$config"/createcluster.d/*.conf; then
		as_root mkdir -p "$config/createcluster.d"
		holdback=$config/createcluster.d/hamnet-setup.conf
		echo 'create_main_cluster = false' | as_root tee "$holdback" >/dev/null
	fi
}

install_missing()
{
	say "installing ${missing[*]}"
	case " ${missing[*]} " in
		*" postgresql-$PG_MAJOR "* | *" postgresql-all "*) hold_back_main_cluster ;;
	esac

	# The package lists may be absent, or name files that the mirror has replaced.
	for package in "${missing[@]}"; do
		if ! is_known "$package"; then
			apt update || true
			break
		fi
	done
	if ! apt install --no-install-recommends "${missing[@]}" &&
		! { apt update && apt install --no-install-recommends "${missing[@]}"; }; then
		cat "$log" >&2
		die "could not install these packages: ${missing[*]}"
	fi
}

[ ${#missing[@]} -eq 0 ] || install_missing
! inchi_is_missing || apt install --no-install-recommends libinchi-dev ||
	say "could not install libinchi-dev: hamnet will be built without InChI"
[ -z "$holdback" ] ||
	say "no database cluster was created; for one of your own: pg_createcluster $PG_MAJOR main --start"
