#!/bin/bash
#
# Compile the core for arm64 and run its unit tests there, under qemu: see
# "make check-arm64". With --fetch only bring what that needs: the cross
# compiler and qemu as packages, and the libraries of arm64, RDKit among them,
# unpacked into a folder of their own, so that nothing of this machine's own
# architecture changes.

set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

triplet=aarch64-linux-gnu
work=$PWD/build/arm64
sysroot=$work/sysroot
libraries=(libc6-dev librdkit-dev libboost-dev rdkit-data libopenblas-serial-dev libjansson-dev libinchi-dev libcmocka-dev)

# Run apt for arm64 with a state of its own, in which nothing is installed.
apt_arm64()
{
	apt-get -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User= -o Debug::NoLocking=1 -o Dir::State="$work/apt" \
		-o Dir::State::status="$work/apt/status" -o Dir::Cache="$work/apt" -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=- "$@"
}

fetch()
{
	scripts/setup.sh --arm64
	libraries+=("libstdc++-$($triplet-gcc -dumpversion)-dev")
	[ "$(cat "$sysroot/complete" 2>/dev/null)" != "${libraries[*]}" ] || return 0
	say "fetching the libraries of arm64"
	rm -rf "$work/apt" "$sysroot"
	mkdir -p "$work"/apt/{lists,archives}/partial "$sysroot"/usr/{bin,sbin,lib}
	ln -s usr/bin usr/sbin usr/lib "$sysroot"
	: >"$work/apt/status"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) $(debian_suite) main" >"$work/apt/sources.list"
	{
		apt_arm64 update
		apt_arm64 -y install --download-only --no-install-recommends "${libraries[@]}"
	} >"$work/apt/log" 2>&1 || { tail "$work/apt/log" >&2; die "could not fetch these packages of arm64: ${libraries[*]}"; }
	for package in "$work"/apt/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink --no-same-owner -C "$sysroot" ./usr ./lib 2>/dev/null || true
	done
	rm -rf "$work/apt"
	echo "${libraries[*]}" >"$sysroot/complete"
}

case "${1:-}" in
	"") fetch ;;
	--fetch) fetch; exit ;;
	*) die "usage: scripts/arm64.sh [--fetch]" ;;
esac
find_server

# The processor has NEON. With qemu's default, which has SVE and BFloat16 too,
# factors by OpenBLAS 0.3.29 are wrong in the sixth digit, and Gaussian processes
# cannot be fitted; whether they are on such a processor has not been tried.
processor=cortex-a57

# In a copy, without objects of this machine's architecture.
say "compiling the core for arm64"
rm -rf "$work/tree"
mkdir "$work/tree"
tar -c --exclude-vcs --exclude='*.o' --exclude='*.a' --exclude='*.so' --exclude='./test/unit/test_*[a-z0-9]' --exclude=./build . | tar -x -C "$work/tree"
cp test/unit/test_*.c "$work/tree/test/unit"
cp test/unit/double/test_*.c "$work/tree/test/unit/double"
make -s -C "$work/tree" -j"$(nproc)" unit WERROR=1 PG_CONFIG="$PG_CONFIG" \
	CC="$triplet-gcc --sysroot=$sysroot" CXX="$triplet-g++ --sysroot=$sysroot" AR="$triplet-ar" EMULATOR="qemu-aarch64 -cpu $processor -L $sysroot" \
	OPENBLAS_LIBDIR="$sysroot/usr/lib/$triplet/openblas-serial" OPENBLAS_INCLUDE="$sysroot/usr/include/$triplet/openblas-serial" \
	INCHI_HEADER=/usr/include/inchi_api.h RDKIT_INCLUDE="$sysroot/usr/include/rdkit" RDKIT_DATA="$sysroot/usr/share/RDKit/Data"
