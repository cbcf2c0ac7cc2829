#!/bin/sh
# Unpacks Debian's QEMU for Arm into a folder of its own and changes nothing of the system: `apt install` would remove a
# newer qemu-utils. It needs apt's package lists (`apt-get update` as root, once) and no other right than to write the folder.
#
#     rigs/qemu/get-qemu.sh [FOLDER]      # default: target/qemu of this checkout
#
# It leaves FOLDER/qemu-system-arm, a wrapper that knows its libraries. `cargo xtask qemu` looks for it there.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "${1:-$root/target/qemu}"
folder=$(cd "${1:-$root/target/qemu}" && pwd)

# What an installation would bring, and what of that is not there already. -s only simulates.
packages=$(apt-get -s -qq --no-install-recommends install qemu-system-arm | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
[ -n "$packages" ] || { echo "nothing to fetch: is qemu-system-arm installed already?" >&2; exit 1; }

mkdir -p "$folder/debs" "$folder/root"
# apt's download method may run as a user of its own, which must not be told to write here by another.
(cd "$folder/debs" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download $packages)
for deb in "$folder"/debs/*.deb; do dpkg -x "$deb" "$folder/root"; done
rm -r "$folder/debs"

# Debian has the libraries of one architecture in a folder named after it, below /lib and below /usr/lib.
libraries=$(find "$folder"/root/lib "$folder"/root/usr/lib -mindepth 1 -maxdepth 1 -name '*-linux-gnu*' | paste -sd:)
cat > "$folder/qemu-system-arm" <<END
#!/bin/sh
LD_LIBRARY_PATH="$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}" \\
    exec "$folder/root/usr/bin/qemu-system-arm" -L "$folder/root/usr/share/qemu" "\$@"
END
chmod +x "$folder/qemu-system-arm"
version=$("$folder/qemu-system-arm" --version | head -1)
[ -n "$version" ] || exit 1
echo "$version: $folder/qemu-system-arm ($(du -sh "$folder" | cut -f1))"
