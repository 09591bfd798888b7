//! Tests that decoding restores the values of other crates' types exactly, over the whole range of each type.

use std::fmt::Debug;

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::shape::Shape;

/// Encodes and decodes the value, and compares the decoded value with the original by `==` and by `Debug`. `Debug` shows parts
/// that `==` ignores.
fn comes_back<T: Shape + Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let bytes = postcard::to_stdvec(value).unwrap_or_else(|error| panic!("{value:?}: {error}"));
    let decoded: T = postcard::from_bytes(&bytes).unwrap_or_else(|error| panic!("{value:?}: {error}"));
    assert_eq!(decoded, *value);
    assert_eq!(format!("{decoded:?}"), format!("{value:?}"));
}

#[cfg(feature = "uuid")]
mod uuid {
    use ::uuid::{NonNilUuid, Uuid};

    use super::*;

    proptest! {
        #[test]
        fn uuids(number in any::<u128>()) {
            comes_back(&Uuid::from_u128(number));
            if let Some(uuid) = NonNilUuid::new(Uuid::from_u128(number)) {
                comes_back(&uuid);
            }
        }
    }

    #[test]
    fn edges() {
        [Uuid::nil(), Uuid::max()].iter().for_each(comes_back);
    }
}

#[cfg(feature = "chrono")]
mod chrono {
    use ::chrono::{DateTime, Datelike, Month, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday};

    use super::*;

    fn date() -> impl Strategy<Value = NaiveDate> {
        let days = NaiveDate::MIN.num_days_from_ce()..=NaiveDate::MAX.num_days_from_ce();
        days.prop_map(|days| NaiveDate::from_num_days_from_ce_opt(days).unwrap())
    }

    /// Any time, including a leap second at the end of a minute.
    fn time() -> impl Strategy<Value = NaiveTime> {
        (0..86_400_u32, 0..2_000_000_000_u32).prop_map(|(second, nano)| {
            let nano = if second % 60 == 59 { nano } else { nano % 1_000_000_000 };
            NaiveTime::from_num_seconds_from_midnight_opt(second, nano).unwrap()
        })
    }

    proptest! {
        #[test]
        fn dates_and_times(date in date(), time in time()) {
            comes_back(&date);
            comes_back(&time);
            comes_back(&NaiveDateTime::new(date, time));
        }

        #[test]
        fn instants(date in date(), time in time()) {
            comes_back::<DateTime<Utc>>(&NaiveDateTime::new(date, time).and_utc());
        }

        #[test]
        fn durations(seconds in any::<i64>(), nanos in 0..1_000_000_000_u32) {
            if let Some(delta) = TimeDelta::new(seconds, nanos) {
                comes_back(&delta);
            }
        }
    }

    #[test]
    fn edges() {
        [NaiveDate::MIN, NaiveDate::MAX].iter().for_each(comes_back);
        [NaiveDateTime::MIN, NaiveDateTime::MAX].iter().for_each(comes_back);
        [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::UNIX_EPOCH].iter().for_each(comes_back);
        [TimeDelta::MIN, TimeDelta::MAX, TimeDelta::zero()].iter().for_each(comes_back);
        (1..=12).map(|month| Month::try_from(month).unwrap()).for_each(|month| comes_back(&month));
        (0..7).map(|day| Weekday::try_from(day).unwrap()).for_each(|day| comes_back(&day));
    }
}

#[cfg(feature = "jiff")]
mod jiff {
    use ::jiff::civil::{Date, DateTime, ISOWeekDate, Time};
    use ::jiff::{SignedDuration, Timestamp};

    use super::*;

    fn date() -> impl Strategy<Value = Date> {
        (-9999..=9999_i16, 1..=12_i8, 1..=31_i8)
            .prop_filter_map("a day of the month", |(year, month, day)| Date::new(year, month, day).ok())
    }

    fn time() -> impl Strategy<Value = Time> {
        (0..24_i8, 0..60_i8, 0..60_i8, 0..1_000_000_000_i32)
            .prop_map(|(hour, minute, second, nano)| Time::new(hour, minute, second, nano).unwrap())
    }

    proptest! {
        #[test]
        fn dates_and_times(date in date(), time in time()) {
            comes_back(&date);
            comes_back(&time);
            comes_back(&DateTime::from_parts(date, time));
            comes_back(&date.iso_week_date());
        }

        #[test]
        fn instants(second in Timestamp::MIN.as_second()..=Timestamp::MAX.as_second(), nano in 0..1_000_000_000_i32) {
            if let Ok(instant) = Timestamp::new(second, nano) {
                comes_back(&instant);
            }
        }

        #[test]
        fn durations(seconds in any::<i64>(), nanos in -999_999_999..1_000_000_000_i32) {
            if let Some(duration) = SignedDuration::from_secs(seconds).checked_add(SignedDuration::from_nanos(nanos.into())) {
                comes_back(&duration);
            }
        }
    }

    #[test]
    fn edges() {
        [Date::MIN, Date::MAX].iter().for_each(comes_back);
        [Time::MIN, Time::MAX].iter().for_each(comes_back);
        [DateTime::MIN, DateTime::MAX].iter().for_each(comes_back);
        [ISOWeekDate::MIN, ISOWeekDate::MAX].iter().for_each(comes_back);
        [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH].iter().for_each(comes_back);
        [SignedDuration::MIN, SignedDuration::MAX, SignedDuration::ZERO].iter().for_each(comes_back);
    }
}

#[cfg(feature = "rust_decimal")]
mod rust_decimal {
    use ::rust_decimal::Decimal;

    use super::*;

    proptest! {
        #[test]
        fn decimals(lo in any::<u32>(), mid in any::<u32>(), hi in any::<u32>(), negative in any::<bool>(), scale in 0..=28_u32) {
            let decimal = Decimal::from_parts(lo, mid, hi, negative, scale);
            prop_assume!(!decimal.is_zero());
            comes_back(&decimal);
        }
    }

    #[test]
    fn edges() {
        [Decimal::MIN, Decimal::MAX, Decimal::ZERO, Decimal::ONE, Decimal::new(1, 28), Decimal::new(0, 28)]
            .iter()
            .for_each(comes_back);
    }

    /// A negative zero is the only `Decimal` that decoding changes. An image discards a new snapshot that contains a negative
    /// zero, because the state that is loaded from the snapshot does not have the digest of the live state.
    #[test]
    fn a_negative_zero_comes_back_as_zero() {
        let mut zero = Decimal::ZERO;
        zero.set_sign_negative(true);
        let decoded: Decimal = postcard::from_bytes(&postcard::to_stdvec(&zero).unwrap()).unwrap();
        assert_eq!(decoded, zero);
        assert_ne!(decoded.is_sign_negative(), zero.is_sign_negative());
        assert_ne!(crate::digest(&decoded).unwrap(), crate::digest(&zero).unwrap());
    }
}
