//! The backends' conformance suite as WebAssembly (feature `conformance`; not in the shipped module).

use alloc::string::String;
use alloc::vec::Vec;

use e2ee_core::{Provider, crypto::conformance};
use wasm_bindgen::prelude::wasm_bindgen;

/// Runs the suite on every backend of this build. Gives their names, or throws what does not hold.
#[wasm_bindgen]
pub fn conform() -> Result<String, String> {
    let all = Provider::all();
    all.iter().try_for_each(|provider| conformance::check(provider))?;
    Ok(all.iter().map(|provider| provider.name()).collect::<Vec<_>>().join(" "))
}
