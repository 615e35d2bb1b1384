#!/bin/bash
#
# Install hamnet in the ways that README.md offers for other machines, each in a
# new Debian system that has nothing of it, and try it there:
#
#	scripts/check_install.sh SUITE
#
# The packages are built in the folder of the suite, installed by apt, and
# tested as autopkgtest does. What Dockerfile runs is run on Debian's server in
# place of the official image's, since Docker may not run here. With both, the
# first statements of README.md give what it shows.

set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

number=0
pass()
{
	number=$((number + 1))
	echo "ok $number - $1"
}

# Print the statements of README.md up to the end of "Getting started".
first_statements()
{
	awk '/^## Enriching/ { exit } /^```$/ { inside = 0 } inside; /^```sql$/ { inside = 1 }' README.md
}

# README.md begins with a query and its result: print them, numbers with six decimals.
first_query()
{
	sed -n 's/^=> //p;T;q' README.md
}

first_result()
{
	awk '/^=> / { inside = 1; next } /^```/ && inside { exit } inside' README.md | six_decimals
}

# Strip the digits that depend on the processor, then the spaces that they took.
six_decimals()
{
	sed -E 's/(\.[0-9]{6})[0-9]+/\1/; s/-{4,}/-/g; s/ +/ /g; s/ $//; /^$/d'
}

ask()
{
	with_cluster psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --pset pager=off --pset footer=off "$@"
}

# Run README.md's first statements on a new server.
try_readme()
{
	local way=$1

	find_server
	first_statements >/tmp/first.sql
	grep -q '^CREATE EXTENSION hamnet;$' /tmp/first.sql || die "README.md does not begin with CREATE EXTENSION"
	ask --file /tmp/first.sql >/dev/null
	pass "$way: the first statements of README.md run"
	ask --command '\o /dev/null' --file /tmp/first.sql --command '\o /tmp/shown' --command "$(first_query)" >/dev/null
	diff <(first_result) <(six_decimals </tmp/shown)
	pass "$way: its first query gives what it shows"
}

# Begin without the cluster that Debian makes, and without starting anything.
prepare()
{
	export DEBIAN_FRONTEND=noninteractive
	mkdir -p /etc/postgresql-common/createcluster.d
	echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/check.conf
	apt-get -q update
}

# In the new system: install the packages as README.md says, and run their tests.
inside_deb()
{
	prepare
	apt-get -q -y install ./build/deb/*.deb
	pass "packages: $(dpkg-query --show --showformat '${Package} ${Version}, ' '*hamnet*')installed"
	! dpkg-query --show 'librdkit-dev' 2>/dev/null || die "the packages depend on what they are built with"
	try_readme packages
	find_server
	apt-get -q -y install --no-install-recommends gcc make "postgresql-server-dev-$PG_MAJOR" rdkit-data
	chown -R postgres: .
	runuser -u postgres -- debian/tests/installcheck
	pass "packages: their tests pass"
}

# In the new system: what Dockerfile runs, after what its base image has.
inside_image()
{
	local run

	prepare
	apt-get -q -y install --no-install-recommends postgresql
	run=$(sed -n 's/^RUN //p' Dockerfile)
	cp -r . /tmp/hamnet
	bash -euc "$run"
	pass "image: its command runs"
	try_readme image
	! command -v gcc >/dev/null || die "the image keeps a compiler"
	pass "image: it keeps no compiler"
}

case "${1:-}" in
	inside) "inside_$2" ;;
	"") die "usage: scripts/check_install.sh SUITE" ;;
	*)
		scripts/suite.sh "$1" make deb
		scripts/suite.sh --new "$1" scripts/check_install.sh inside deb
		scripts/suite.sh --new "$1" scripts/check_install.sh inside image
		;;
esac
