//! Panics of the Parquet library, turned into errors.
//!
//! The library panics on some damaged files. The panic is caught, and a hook keeps its message off
//! standard error. The hook is installed once a process and passes all other panics on to the hook
//! that was there before.

use super::error::TableError;
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread will be caught, so that it need not be printed.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// The result of `work`, with a panic as an error. After a panic, the values that `work` has changed
/// must not be used.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, TableError>) -> Result<T, TableError> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let shown = take_hook();
        set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                shown(panic);
            }
        }));
    });
    GUARDED.set(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(false);
    result.unwrap_or_else(|panic| Err(TableError::Panic { message: message(&*panic).to_owned() }))
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("panic")
}
