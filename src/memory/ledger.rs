//! The count of what is in use, and the guards that give it back.

use super::refusal::NoMemory;
use super::system::default_limit;
use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};

/// A limit that nobody has set or asked for yet.
const UNSET: u64 = 0;

/// A number of bytes that may be in use at once.
#[derive(Debug)]
pub struct Ledger {
    limit: AtomicU64,
    in_use: AtomicU64,
}

impl Ledger {
    /// With the default limit, found when it is first asked for.
    pub const fn unset() -> Self {
        Self {
            limit: AtomicU64::new(UNSET),
            in_use: AtomicU64::new(0),
        }
    }

    pub fn limit(&self) -> u64 {
        match self.limit.load(Ordering::Relaxed) {
            UNSET => {
                let found = default_limit().max(1);
                let set =
                    self.limit
                        .compare_exchange(UNSET, found, Ordering::Relaxed, Ordering::Relaxed);
                set.map_or_else(|other| other, |_| found)
            }
            limit => limit,
        }
    }

    pub fn set_limit(&self, bytes: u64) {
        self.limit.store(bytes.max(1), Ordering::Relaxed);
    }

    pub fn in_use(&self) -> u64 {
        self.in_use.load(Ordering::Relaxed)
    }

    pub fn left(&self) -> u64 {
        self.limit().saturating_sub(self.in_use())
    }

    pub fn reserve(&'static self, bytes: u64, what: impl Display) -> Result<Reservation, NoMemory> {
        let mut reservation = self.nothing();
        reservation.grow(bytes, what)?;
        Ok(reservation)
    }

    /// A reservation that may grow.
    pub const fn nothing(&'static self) -> Reservation {
        Reservation {
            budget: self,
            bytes: 0,
        }
    }

    /// The error for so many bytes, which the system or the limit refuses.
    pub fn refuse(&self, bytes: u64, what: impl Display, by_system: bool) -> NoMemory {
        NoMemory {
            what: what.to_string(),
            needs: bytes,
            limit: self.limit(),
            in_use: self.in_use(),
            by_system,
        }
    }
}

/// Bytes that are taken from the budget until this is dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: &'static Ledger,
    bytes: u64,
}

impl Reservation {
    /// How many bytes are taken.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes so many bytes more, for `what`.
    ///
    /// # Errors
    /// If they are more than are left; then what was taken stays taken.
    pub fn grow(&mut self, bytes: u64, what: impl Display) -> Result<(), NoMemory> {
        let limit = self.budget.limit();
        let taken = |in_use: u64| in_use.checked_add(bytes).filter(|sum| *sum <= limit);
        self.budget
            .in_use
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken)
            .map_err(|_| self.budget.refuse(bytes, what, false))?;
        self.bytes += bytes;
        Ok(())
    }

    /// Counts what is allocated already, whatever the limit is.
    pub(super) fn count(&mut self, bytes: u64) {
        self.budget.in_use.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.in_use.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(limit: u64) -> &'static Ledger {
        let budget = Box::leak(Box::new(Ledger::unset()));
        budget.set_limit(limit);
        budget
    }

    #[test]
    fn what_is_reserved_is_given_back_and_no_more_than_the_limit_is_in_use() {
        let budget = budget(100);
        let mut first = budget.reserve(60, "the first").expect("it fits");
        let refused = budget
            .reserve(41, "the second")
            .expect_err("it does not fit");
        let expected = NoMemory {
            what: "the second".to_owned(),
            needs: 41,
            limit: 100,
            in_use: 60,
            by_system: false,
        };
        assert_eq!(refused, expected);
        let second = budget.reserve(40, "the second").expect("it fits");
        assert_eq!(budget.left(), 0);
        assert!(first.grow(1, "more").is_err());
        assert!(first.grow(u64::MAX, "more").is_err());
        drop(second);
        first.grow(1, "more").expect("it fits");
        assert_eq!((first.bytes(), budget.in_use()), (61, 61));
        drop(first);
        assert_eq!(budget.in_use(), 0);
    }

    #[test]
    fn what_is_there_already_is_counted_beyond_the_limit() {
        let budget = budget(100);
        let mut held = budget.nothing();
        held.count(150);
        assert_eq!((budget.in_use(), budget.left()), (150, 0));
        assert!(budget.reserve(1, "more").is_err());
    }

    #[test]
    fn threads_share_the_budget() {
        let budget = budget(1000);
        let held: Vec<Option<Reservation>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let each = (0..50).map(|_| budget.reserve(7, "a piece").ok());
                        each.collect::<Vec<_>>()
                    })
                })
                .collect();
            let joined = threads
                .into_iter()
                .map(|thread| thread.join().expect("it ends"));
            joined.flatten().collect()
        });
        assert_eq!(held.iter().flatten().count(), 1000 / 7);
        drop(held);
        assert_eq!(budget.in_use(), 0);
    }
}
