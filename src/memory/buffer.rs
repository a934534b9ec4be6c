//! Vectors whose bytes are counted.

use super::{NoMemory, PROCESS, Reservation, bytes_of};
use std::fmt::{self, Display};
use std::ops::{Deref, DerefMut};

/// A vector whose bytes count against the budget of this process for as long as it lives.
///
/// [`Buffer::with_room`] and what builds on it refuse what does not fit. A vector that becomes one is counted, and never
/// refused: it is there already.
pub struct Buffer<T> {
    values: Vec<T>,
    reserved: Reservation,
}

impl<T> Buffer<T> {
    /// Room for so many elements, none of which is there yet.
    ///
    /// # Errors
    /// If they do not fit the budget, or the system gives no memory.
    pub fn with_room(count: usize, what: impl Display) -> Result<Self, NoMemory> {
        let bytes = bytes_of::<T>(count);
        let reserved = PROCESS.reserve(bytes, &what)?;
        let mut values = Vec::new();
        values
            .try_reserve_exact(count)
            .map_err(|_| PROCESS.refuse(bytes, what, true))?;
        Ok(Self { values, reserved })
    }

    /// So many equal elements.
    ///
    /// # Errors
    /// As [`Self::with_room`].
    pub fn filled(count: usize, value: T, what: impl Display) -> Result<Self, NoMemory>
    where
        T: Clone,
    {
        let mut buffer = Self::with_room(count, what)?;
        buffer.values.resize(count, value);
        Ok(buffer)
    }

    /// The elements of an iterator that knows how many it has.
    ///
    /// # Errors
    /// As [`Self::with_room`].
    pub fn of(
        values: impl ExactSizeIterator<Item = T>,
        what: impl Display,
    ) -> Result<Self, NoMemory> {
        let mut buffer = Self::with_room(values.len(), what)?;
        buffer.values.extend(values);
        Ok(buffer)
    }

    /// A copy.
    ///
    /// # Errors
    /// As [`Self::with_room`].
    pub fn copy(&self, what: impl Display) -> Result<Self, NoMemory>
    where
        T: Copy,
    {
        Self::of(self.values.iter().copied(), what)
    }

    /// The vector, which is counted no more.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.values
    }

    /// Takes so many bytes more, for what its elements hold elsewhere.
    ///
    /// # Errors
    /// If they are more than are left of the budget.
    pub fn reserve_beside(&mut self, bytes: u64, what: impl Display) -> Result<(), NoMemory> {
        self.reserved.grow(bytes, what)
    }

    /// Adds an element: makes room for as many as there are, where there is none.
    ///
    /// # Errors
    /// If that does not fit the budget, or the system gives no memory.
    pub fn push(&mut self, value: T, what: impl Display) -> Result<(), NoMemory> {
        if self.values.len() == self.values.capacity() {
            let more = self.values.len().max(64);
            let bytes = bytes_of::<T>(more);
            self.reserved.grow(bytes, &what)?;
            self.values
                .try_reserve_exact(more)
                .map_err(|_| PROCESS.refuse(bytes, what, true))?;
        }
        self.values.push(value);
        Ok(())
    }

    fn count_growth(&mut self) {
        let bytes = bytes_of::<T>(self.values.capacity());
        self.reserved
            .count(bytes.saturating_sub(self.reserved.bytes()));
    }
}

impl<T> Default for Buffer<T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T> From<Vec<T>> for Buffer<T> {
    fn from(values: Vec<T>) -> Self {
        let reserved = PROCESS.nothing();
        let mut buffer = Self { values, reserved };
        buffer.count_growth();
        buffer
    }
}

impl<T> FromIterator<T> for Buffer<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Vec::from_iter(values).into()
    }
}

impl<T> Extend<T> for Buffer<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        self.values.extend(values);
        self.count_growth();
    }
}

impl<T: Clone> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        self.values.clone().into()
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.values
    }
}

impl<T> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.values
    }
}

impl<'a, T> IntoIterator for &'a Buffer<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.values.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut Buffer<T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.values.iter_mut()
    }
}

impl<T: PartialEq, A: AsRef<[T]> + ?Sized> PartialEq<A> for Buffer<T> {
    fn eq(&self, other: &A) -> bool {
        self.values == other.as_ref()
    }
}

impl<T> AsRef<[T]> for Buffer<T> {
    fn as_ref(&self) -> &[T] {
        &self.values
    }
}

impl<T: fmt::Debug> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.values.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_reserves_what_it_holds() {
        let filled = Buffer::filled(1000, 1.0_f64, "ones").expect("they fit");
        assert_eq!(filled.reserved.bytes(), 8000);
        let copied = filled.copy("ones").expect("they fit");
        assert_eq!((copied.reserved.bytes(), copied == filled), (8000, true));
        let cloned = copied.clone();
        assert!(cloned.reserved.bytes() >= 8000);
        let mut counted = Buffer::from(vec![0_u8; 10]);
        counted.extend([1; 1000]);
        assert!(counted.reserved.bytes() >= 1010);
        let mut pushed = Buffer::default();
        for number in 0..1000_u32 {
            pushed.push(number, "numbers").expect("they fit");
        }
        assert!((4000..16_000).contains(&pushed.reserved.bytes()));
        pushed.reserve_beside(7, "texts").expect("they fit");
        assert_eq!(pushed.into_vec().len(), 1000);
    }

    #[test]
    fn what_does_not_fit_allocates_nothing() {
        let refused = Buffer::<f64>::with_room(usize::MAX, "a tensor").expect_err("no machine");
        assert_eq!((refused.needs, refused.by_system), (u64::MAX, false));
        let refused = Buffer::filled(1 << 59, 0_u8, "bytes")
            .map(|_| ())
            .expect_err("no machine");
        assert_eq!((refused.needs, refused.what.as_str()), (1 << 59, "bytes"));
    }
}
