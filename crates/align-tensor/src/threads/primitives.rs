//! The atomics, locks and thread operations that the protocol is written with.
//!
//! The protocol names none of the standard library's own, so that the model tests can run the same
//! code on a library that tries many interleavings. All atomics are sequentially consistent.

/// A library of threads and of what threads share.
pub(super) trait Primitives: 'static {
    /// An atomic number.
    type Counter: Counter;
    /// An atomic pointer.
    type Pointer: Atomic<*mut ()>;
    /// A mutual exclusion.
    type Lock<T: Send>: Lock<T>;
    /// A handle of a thread.
    type Thread: Thread;

    /// Number of times that a follower looks for the next phase before it parks.
    const SPINS_BEFORE_PARKING: u32;
    /// Number of times that the leader looks for the last follower to leave a phase before it
    /// offers its core.
    const SPINS_BEFORE_YIELDING: u32;
    /// Whether the leader closes a phase only after it has looked for followers inside. This is
    /// a bug that the model tests plant and have to find.
    const CLOSES_AFTER_LOOKING: bool = false;

    /// Tells the processor that the thread spins.
    fn spin();
    /// Offers the core to another thread.
    fn yield_now();
    /// Sleeps until the thread is unparked. May return sooner.
    fn park();
    /// The calling thread.
    fn current() -> Self::Thread;
}

/// A value that threads load and store atomically.
pub(super) trait Atomic<T>: Send + Sync {
    fn new(value: T) -> Self;
    fn load(&self) -> T;
    fn store(&self, value: T);
}

/// A number that threads count with.
pub(super) trait Counter: Atomic<usize> {
    /// Adds `n` and returns the number before.
    fn add(&self, n: usize) -> usize;
    /// Subtracts `n`.
    fn subtract(&self, n: usize);
}

/// A value that one thread at a time may use.
pub(super) trait Lock<T>: Send + Sync {
    fn new(value: T) -> Self;
    /// Runs `using` with the lock held, even if a thread panicked with it held: what the
    /// protocol keeps in locks is whole at any time.
    fn with<R>(&self, using: impl FnOnce(&mut T) -> R) -> R;
}

/// A handle of a thread.
pub(super) trait Thread: Send {
    fn unpark(&self);
    fn is(&self, other: &Self) -> bool;
}

/// The standard library.
pub(super) struct Standard;

impl Primitives for Standard {
    type Counter = std::sync::atomic::AtomicUsize;
    type Pointer = std::sync::atomic::AtomicPtr<()>;
    type Lock<T: Send> = std::sync::Mutex<T>;
    type Thread = std::thread::Thread;

    /// Some 50 us of spinning: longer than the leader's own work between two phases and shorter
    /// than a scheduler's time slice.
    const SPINS_BEFORE_PARKING: u32 = 2_000;
    const SPINS_BEFORE_YIELDING: u32 = 10_000;

    #[inline(always)]
    fn spin() {
        std::hint::spin_loop();
    }

    fn yield_now() {
        std::thread::yield_now();
    }

    fn park() {
        std::thread::park();
    }

    fn current() -> Self::Thread {
        std::thread::current()
    }
}

/// Implements the traits of this module for the types of `$library`, whose interface is that of
/// `std`.
macro_rules! implement_for {
    ($library:ident) => {
        impl<T> $crate::threads::primitives::Atomic<*mut T>
            for $library::sync::atomic::AtomicPtr<T>
        {
            fn new(value: *mut T) -> Self {
                Self::new(value)
            }

            #[inline(always)]
            fn load(&self) -> *mut T {
                self.load(std::sync::atomic::Ordering::SeqCst)
            }

            #[inline(always)]
            fn store(&self, value: *mut T) {
                self.store(value, std::sync::atomic::Ordering::SeqCst);
            }
        }

        impl $crate::threads::primitives::Atomic<usize> for $library::sync::atomic::AtomicUsize {
            fn new(value: usize) -> Self {
                Self::new(value)
            }

            #[inline(always)]
            fn load(&self) -> usize {
                self.load(std::sync::atomic::Ordering::SeqCst)
            }

            #[inline(always)]
            fn store(&self, value: usize) {
                self.store(value, std::sync::atomic::Ordering::SeqCst);
            }
        }

        impl $crate::threads::primitives::Counter for $library::sync::atomic::AtomicUsize {
            #[inline(always)]
            fn add(&self, n: usize) -> usize {
                self.fetch_add(n, std::sync::atomic::Ordering::SeqCst)
            }

            #[inline(always)]
            fn subtract(&self, n: usize) {
                self.fetch_sub(n, std::sync::atomic::Ordering::SeqCst);
            }
        }

        impl<T: Send> $crate::threads::primitives::Lock<T> for $library::sync::Mutex<T> {
            fn new(value: T) -> Self {
                Self::new(value)
            }

            fn with<R>(&self, using: impl FnOnce(&mut T) -> R) -> R {
                using(&mut self.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
            }
        }

        impl $crate::threads::primitives::Thread for $library::thread::Thread {
            fn unpark(&self) {
                self.unpark();
            }

            fn is(&self, other: &Self) -> bool {
                self.id() == other.id()
            }
        }
    };
}

implement_for!(std);
#[cfg(test)]
pub(super) use implement_for;
