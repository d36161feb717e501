//! For the tests of this crate alone; neither in the header nor in a library that is installed.

use crate::fence::fence;
use crate::read;
use crate::sealer::frameseal_sealer;
use crate::status::frameseal_status;

/// Panics while it has the sealer.
///
/// cbindgen:ignore
///
/// # Safety
/// As `frameseal_sealer_step`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn frameseal_testing_panic(sealer: *mut frameseal_sealer) -> frameseal_status {
    fence(|| {
        // SAFETY: as the caller promises.
        let handle = unsafe { read::handle(sealer, "sealer") }?;
        handle.inner.with(|_| {
            let nothing: Option<()> = std::hint::black_box(None);
            #[allow(clippy::expect_used)]
            nothing.expect("asked for by a test");
            Ok(())
        })
    })
}
