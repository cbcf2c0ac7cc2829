#!/bin/sh
# Unpacks Debian's QEMU for Arm into a folder of its own and changes nothing of the system: `apt install` would remove a
# newer qemu-utils. 14 MB to download, 76 MB on the disk.
#
#     rigs/qemu/get-qemu.sh [FOLDER]      # default: target/qemu of this checkout
#
# It leaves FOLDER/qemu-system-arm, a wrapper that knows its libraries. `cargo xtask qemu` looks for it in target/qemu.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/../../target/qemu}
libraries=$("$here/unpack-debs.sh" "$folder" qemu-system-arm)
folder=$(cd "$folder" && pwd)
cat > "$folder/qemu-system-arm" <<END
#!/bin/sh
LD_LIBRARY_PATH="$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}" \\
    exec "$folder/unpacked/usr/bin/qemu-system-arm" -L "$folder/unpacked/usr/share/qemu" "\$@"
END
chmod +x "$folder/qemu-system-arm"
version=$("$folder/qemu-system-arm" --version | head -n 1)
[ -n "$version" ] || exit 1
echo "$version: $folder/qemu-system-arm"
