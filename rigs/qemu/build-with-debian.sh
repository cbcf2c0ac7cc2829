#!/bin/sh
# Builds the firmware with Debian's own Rust compiler, for machines without rustup: unpacks compiler, sources of the library
# and linker into a folder of its own (0.9 GB on the disk), builds the library for the chip from its
# sources, because Debian has none ready, and then the firmware. Changes nothing of the system: Debian's compiler and rustup
# exclude each other as packages, and so they stay apart.
#
#     rigs/qemu/build-with-debian.sh [FOLDER]      # default: target/debian-rust of this checkout
#
# It leaves the firmware where rustup's build leaves it. Packages of crates.io are downloaded by cargo as usual.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=${1:-$root/target/debian-rust}

# The linker of the same LLVM that the compiler was built with.
llvm=$(apt-cache depends rustc-web libstd-rust-web-dev libstd-rust-web-[0-9]* | sed -n 's/.*Depends: libllvm\([0-9]*\).*/\1/p' | sort -n | tail -n 1)
libraries=$("$here/unpack-debs.sh" "$folder" rustc-web cargo-web libstd-rust-web-dev rust-web-src "lld-${llvm:?no libllvm found}" "libllvm$llvm")
folder=$(cd "$folder" && pwd)

mkdir -p "$folder/bin"
for program in rustc cargo; do
    cat > "$folder/bin/$program" <<END
#!/bin/sh
LD_LIBRARY_PATH="$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}" exec "$folder/unpacked/usr/bin/$program" "\$@"
END
    chmod +x "$folder/bin/$program"
done
# By this name rustc knows how to talk to it.
ln -sf "$folder/unpacked/usr/bin/ld.lld-$llvm" "$folder/bin/ld.lld"

# Building the library is a feature of nightly compilers, which this variable makes of any.
export RUSTC_BOOTSTRAP=1 RUSTC="$folder/bin/rustc" CARGO_TARGET_THUMBV7M_NONE_EABI_LINKER="$folder/bin/ld.lld"
cd "$root/harness/firmware"
"$folder/bin/cargo" build --release -Zbuild-std=core,alloc
ls -l "$root/target/firmware/thumbv7m-none-eabi/release/hanbench-firmware"
