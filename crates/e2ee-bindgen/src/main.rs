//! Writes the bindings out of a built library: `cargo xtask kotlin` runs it.

fn main() {
    uniffi::uniffi_bindgen_main();
}
