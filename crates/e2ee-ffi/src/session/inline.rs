//! Sessions start no threads: OpenMLS hands the keys of a tree to rayon, and rayon's pool is here the calling thread
//! alone. Without this, the first session of a process would start a thread for each core.

use rayon_core::{ThreadPool, ThreadPoolBuilder};

thread_local! {
    /// Kept as long as the thread lives. An error means that the thread is of a pool already, in a Rust program: then
    /// that pool is the program's own.
    static POOL: Option<ThreadPool> =
        ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().ok();
}

/// Sees to it that what OpenMLS hands out on this thread is done by this thread. To be called before every use of a session.
pub(super) fn here() {
    POOL.with(|_| ());
}
