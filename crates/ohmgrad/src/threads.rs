//! Threads where the system may refuse them, as it does in containers with a limit.

use std::mem;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, Builder};

use rayon::ThreadPoolBuilder;

/// How many of so many threads the system lets start at once now; at least one, that which asks.
pub(crate) fn startable(threads: usize) -> usize {
    let wait = Mutex::new(());
    thread::scope(|scope| {
        let held = wait.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = (1..threads).find(|_| {
            let started = Builder::new().spawn_scoped(scope, || drop(wait.lock()));
            started.is_err()
        });
        drop(held); // until here all that started live at once
        refused.unwrap_or(threads).max(1)
    })
}

/// Makes rayon's parallel iterators ready on this thread: with as many threads as the system lets start, and with this
/// one alone if it lets none.
pub(crate) fn prepare() {
    static HAS_POOL: OnceLock<bool> = OnceLock::new();
    if *HAS_POOL.get_or_init(start_pool) || rayon::current_thread_index().is_some() {
        return;
    }
    // A second pool on one thread is refused, and not needed.
    if let Ok(pool) = ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build()
    {
        mem::forget(pool); // it lasts as long as the thread
    }
}

/// Starts the pool of the process; whether there is one. Rayon tries once only, with all processors, and fails then for good.
fn start_pool() -> bool {
    let wanted = thread::available_parallelism().map_or(1, usize::from);
    let others = startable(1 + wanted) - 1;
    if others == 0 {
        return false;
    }
    // Whoever set `RAYON_NUM_THREADS` to fewer gets fewer.
    let asked = std::env::var("RAYON_NUM_THREADS")
        .ok()
        .and_then(|text| text.parse().ok());
    let asked = asked.filter(|asked| *asked > 0).unwrap_or(wanted);
    match ThreadPoolBuilder::new()
        .num_threads(asked.min(others))
        .build_global()
    {
        Ok(()) => true,
        // Without a cause: there is one already.
        Err(error) => std::error::Error::source(&error).is_none(),
    }
}
