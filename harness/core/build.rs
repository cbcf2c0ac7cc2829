//! Fixture tests are listed when the tests are compiled. Without this, a new fixture or capture would
//! silently not be tested until something else forced a rebuild.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../fixtures");
    println!("cargo::rerun-if-changed=../../captures");
}
