#!/bin/sh
# Unpacks Debian packages, and whatever of their dependencies this computer lacks, into FOLDER/unpacked. Installs nothing, runs
# nothing of them, removes nothing, and needs no right but to write the folder. Apt's package lists have to be there
# (`apt-get update` as root, once). The other scripts beside this one use it.
#
#     rigs/qemu/unpack-debs.sh FOLDER PACKAGE...
#
# Prints the folders of shared libraries, with colons between them.
set -eu
folder=$1
shift
mkdir -p "$folder/debs" "$folder/unpacked"
folder=$(cd "$folder" && pwd)

# -s only simulates; what an installation would remove does not matter here.
needed=$(apt-get -s -qq --no-install-recommends install "$@" | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
# Apt downloads as a user of its own, who may not write here.
(cd "$folder/debs" && printf '%s\n' "$@" $needed | sort -u | xargs apt-get -qq -o APT::Sandbox::User="$(id -un)" download)
for deb in "$folder"/debs/*.deb; do dpkg -x "$deb" "$folder/unpacked"; done
rm -r "$folder/debs"

# Debian has the libraries of one architecture in a folder named after it, below /lib and below /usr/lib.
for lib in "$folder/unpacked/lib" "$folder/unpacked/usr/lib"; do
    [ ! -d "$lib" ] || find "$lib" -mindepth 1 -maxdepth 1 -name '*-linux-gnu*'
done | paste -sd:
