//! Random values for commands. Each replay draws the same values.

use std::cell::RefCell;
use std::fmt;

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};

use super::Origin;

/// The secret of an image from which all its random values derive.
pub(crate) type Seed = [u8; 32];

/// Random values that are the same on each replay.
///
/// The source is the ChaCha20 keystream (RFC 8439) with the image's seed as key and the event's seq and part as nonce. How a
/// value is derived from the keystream is part of the journal's format and never changes. The values are unpredictable to
/// anyone without the seed. Do not use them as cryptographic keys: the seed is stored in the journal.
pub struct Random {
    seed: Seed,
    origin: Origin,
    /// Boxed, because every command carries this field but few commands draw random values.
    stream: RefCell<Option<Box<ChaCha20>>>,
}

impl Random {
    #[inline]
    pub(super) fn new(seed: Seed, origin: Origin) -> Random {
        Random { seed, origin, stream: RefCell::new(None) }
    }

    pub(super) fn for_part(&self, part: u32) -> Random {
        Random::new(self.seed, Origin { part, ..self.origin })
    }

    #[inline]
    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    #[inline]
    pub(super) fn move_to(&mut self, origin: Origin) {
        self.origin = origin;
        self.rewind();
    }

    #[inline]
    pub(super) fn rewind(&mut self) {
        self.stream = RefCell::new(None);
    }

    fn draw<const N: usize>(&self) -> [u8; N] {
        let mut stream = self.stream.borrow_mut();
        let stream = stream.get_or_insert_with(|| {
            let mut nonce = [0; 12];
            nonce[..8].copy_from_slice(&self.origin.seq.get().to_le_bytes());
            nonce[8..].copy_from_slice(&self.origin.part.to_le_bytes());
            Box::new(ChaCha20::new(&self.seed.into(), &nonce.into()))
        });
        let mut bytes = [0; N];
        stream.apply_keystream(&mut bytes);
        bytes
    }

    /// A uniformly distributed `u64`.
    pub fn u64(&self) -> u64 {
        u64::from_le_bytes(self.draw())
    }

    /// A uniformly distributed `u128`, for example for `Uuid::from_u128`.
    pub fn u128(&self) -> u128 {
        u128::from_le_bytes(self.draw())
    }

    /// A uniformly distributed number less than `bound` (Lemire, "Fast Random Integer Generation in an Interval", 2019).
    ///
    /// # Panics
    ///
    /// If `bound` is 0.
    pub fn below(&self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below 0");
        let reject_under = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.u64()) * u128::from(bound);
            if product as u64 >= reject_under {
                return (product >> 64) as u64;
            }
        }
    }

    /// A uniformly distributed multiple of 2⁻⁵³ from 0 to 1, excluding 1.
    pub fn f64(&self) -> f64 {
        (self.u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Shuffles the items; each order is equally likely (Fisher and Yates).
    pub fn shuffle<T>(&self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let chosen = self.below(last as u64 + 1) as usize;
            items.swap(last, chosen);
        }
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Random").field("origin", &self.origin).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seq::Seq;

    fn random(seq: u64, part: u32) -> Random {
        Random::new([7; 32], Origin { seq: Seq::new(seq), part })
    }

    /// The expected bytes are the keystream of RFC 8439, appendix A.1, test vector 1: zero key, zero nonce, block 0.
    #[test]
    fn the_stream_is_chacha20() {
        let random = Random::new([0; 32], Origin { seq: Seq::ZERO, part: 0 });
        assert_eq!(random.draw::<8>(), [0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90]);
        assert_eq!(random.draw::<4>(), [0x40, 0x5d, 0x6a, 0xe5]);
    }

    /// These values must never change: otherwise the replay of every journal whose commands drew random values would break.
    #[test]
    fn the_values_are_frozen() {
        let mut items = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
        random(3, 0).shuffle(&mut items);
        let drawn = random(2, 0);
        let got = (
            random(1, 0).u64(),
            random(1, 1).u64(),
            random(1, 0).u128(),
            random(1, 0).f64(),
            [drawn.below(6), drawn.below(6), drawn.below(6), drawn.below(u64::MAX), drawn.below((1 << 63) + 1)],
            items,
        );
        expect_test::expect!["(5877114467969013179, 8079938099988754081, 49147071737840329358026900768625923515, 0.3185990137058996, [3, 5, 5, 4437910218448914461, 2380016859568512892], [4, 3, 2, 9, 1, 5, 6, 0, 8, 7])"].assert_eq(&format!("{got:?}"));
    }

    #[test]
    fn below_returns_every_number_less_than_its_bound() {
        let random = random(9, 0);
        let mut seen = [0; 3];
        for _ in 0..300 {
            seen[random.below(3) as usize] += 1;
        }
        assert!(seen.iter().all(|&times| times > 50), "{seen:?}");
        assert_eq!(random.below(1), 0);
    }

    #[test]
    fn a_rewound_stream_draws_the_same_again() {
        let mut random = random(4, 2);
        let first = [random.u64(), random.u64()];
        random.rewind();
        assert_eq!([random.u64(), random.u64()], first);
    }
}
