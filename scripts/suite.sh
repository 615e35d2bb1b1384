#!/bin/bash
#
# Run a command, by default "make check", in a Debian system of its own:
#
#	scripts/suite.sh [--new] SUITE [COMMAND...]
#
# The system lies in a folder, $HAMNET_SUITES/SUITE, which debootstrap fills
# the first time from the mirror that this machine's apt uses. The command gets
# a fresh copy of this tree, runs as root, and sees neither the files nor the
# processes nor the ports of this machine: what it starts ends with it. Remove
# the folder to begin from nothing. For pg_upgrade there is also the server of
# the suite before, where that can be installed beside this one.
#
# With --new the command gets a copy of the system as debootstrap left it, the
# network to install packages from, and those of "make deb"; the copy is removed.

set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

new=
if [ "${1:-}" = --new ]; then
	new=--new
	shift
fi
[ $# -gt 0 ] || die "usage: scripts/suite.sh [--new] SUITE [COMMAND...]"
suite=$1
shift
[ $# -gt 0 ] || set -- make check
root=${HAMNET_SUITES:=/var/tmp/hamnet-suites}/$suite${new:+-new}
export HAMNET_SUITES

if [ "$(id -u)" -ne 0 ]; then
	exec sudo --preserve-env=HAMNET_SUITES,HAMNET_CHECK,FUZZ_SECONDS scripts/suite.sh $new "$suite" "$@"
fi

for program in debootstrap unshare ip; do
	command -v "$program" >/dev/null || die "$program is missing: apt install debootstrap util-linux iproute2"
done

# Fill the folder; what was begun and not finished is begun again.
bootstrap()
{
	say "building a Debian system of suite $suite in $root"
	rm -rf --one-file-system "$root"
	mkdir -p "$root"
	debootstrap --variant=minbase --include=ca-certificates,make "$suite" "$root" "$(debian_mirror)" >"$root.log" 2>&1 ||
		{ tail "$root.log" >&2; die "debootstrap failed, see $root.log"; }
	apt-config dump | grep -E '^Acquire::(https?::Proxy|Check-Valid-Until|Check-Date) ' >"$root/etc/apt/apt.conf.d/99host" || true
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod +x "$root/usr/sbin/policy-rc.d"
	mv "$root.log" "$root/var/log/suite-is-built"
}

# enter NAMESPACES COMMAND...: run a command in the folder, with a /proc, /dev
# and shared memory that go away with it.
enter()
{
	local namespaces=$1

	shift
	# shellcheck disable=SC2086,SC2016 # several options; the inner shell expands
	unshare $namespaces --mount --propagation private --ipc --pid --fork --kill-child bash -c '
		root=$1
		shift
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs tmpfs "$root/dev/shm"
		ip link set lo up 2>/dev/null
		exec chroot "$root" env -i HOME=/root TERM="$TERM" LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin ${HAMNET_CHECK:+HAMNET_CHECK="$HAMNET_CHECK"} \
			${FUZZ_SECONDS:+FUZZ_SECONDS="$FUZZ_SECONDS"} ${HAMNET_OLDER:+HAMNET_OLDER="$HAMNET_OLDER"} sh -c "cd /srv/hamnet && exec \"\$@\"" sh "$@"' bash "$root" "$@"
}

# add_older SUITE VERSION: add the server of another suite, of which nothing
# else is taken but what that server needs.
add_older()
{
	printf 'deb %s %s main\n' "$(debian_mirror)" "$1" >"$root/etc/apt/sources.list.d/older.list"
	printf 'Package: *\nPin: release n=%s\nPin-Priority: 100\n' "$1" >"$root/etc/apt/preferences.d/older"
	mkdir -p "$root/etc/postgresql-common/createcluster.d"
	echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.d/suite.conf"
	enter "" sh -c 'apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends "$@"' sh \
		"postgresql-$2" "postgresql-server-dev-$2" >"$root/var/log/older.log" 2>&1
}

[ -e "$root/var/log/suite-is-built" ] || bootstrap
if [ -n "$new" ]; then
	copy=$(mktemp -d "$root.XXXXXX")
	trap 'rm -rf --one-file-system "$copy"' EXIT
	chmod 755 "$copy"
	cp -a "$root/." "$copy"
	root=$copy
fi
[ ! -e /etc/resolv.conf ] || cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
# Servers that were ended with a run leave their sockets, which others take for a server.
rm -rf "$root/srv/hamnet" "$root"/run/postgresql/.s.*
mkdir -p "$root/srv/hamnet"
git ls-files -z --cached --others --exclude-standard --deduplicate | xargs -0 ls -d 2>/dev/null | tar -c -T - | tar -x --no-same-owner -C "$root/srv/hamnet"

if [ -n "$new" ]; then
	[ ! -d build/deb ] || { mkdir "$root/srv/hamnet/build" && cp -r build/deb "$root/srv/hamnet/build"; }
	say "$suite, new: $*"
	enter "" "$@"
	exit
fi

# Packages come over the network, the rest needs none.
enter "" scripts/setup.sh --tests
enter "" scripts/setup.sh --clients
[[ $* != *deb* ]] || enter "" scripts/setup.sh --deb
[[ $* != *arm64* ]] || enter "" scripts/arm64.sh --fetch
case $suite in
	trixie) older=(bookworm 15) ;;
	sid) older=(trixie 17) ;;
	*) older=() ;;
esac
if [ ${#older[@]} -gt 0 ]; then
	if [ -x "$root/usr/lib/postgresql/${older[1]}/bin/initdb" ] || add_older "${older[@]}"; then
		export HAMNET_OLDER=${older[1]}
	else
		say "PostgreSQL ${older[1]} of ${older[0]} cannot be installed, see $root/var/log/older.log: pg_upgrade is tested without it"
	fi
fi
say "$suite: $*"
status=0
enter --net "$@" || status=$?
if [[ $* = *deb* ]] && [ -d "$root/srv/hamnet/build/deb" ]; then
	rm -rf build/deb
	mkdir -p build
	cp -r "$root/srv/hamnet/build/deb" build
fi
exit $status
