//! Compiles the C caller of the bench `native`.

fn main() {
    println!("cargo:rerun-if-changed=c/loop.c");
    println!("cargo:rerun-if-changed=../crates/e2ee-ffi/include/frameseal.h");
    cc::Build::new().file("c/loop.c").include("../crates/e2ee-ffi/include").opt_level(2).compile("frameseal_loop");
}
