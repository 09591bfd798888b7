//! Money as whole cents and whole satoshis, parsed from decimal text without floats.

use std::str::FromStr;

use memimage::Shape;
use serde::{Deserialize, Serialize};

/// A price in US dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Shape)]
pub(crate) struct Cents(pub(crate) u64);

/// A volume in bitcoins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Shape)]
pub(crate) struct Satoshis(pub(crate) u64);

impl Cents {
    /// Decimals of a dollar.
    pub(crate) const PLACES: usize = 2;
}

impl Satoshis {
    /// Decimals of a bitcoin.
    pub(crate) const PLACES: usize = 8;
}

impl FromStr for Cents {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Cents, MoneyError> {
        parse(text, Cents::PLACES).map(Cents)
    }
}

impl FromStr for Satoshis {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Satoshis, MoneyError> {
        parse(text, Satoshis::PLACES).map(Satoshis)
    }
}

/// Why a text is not an amount. The message continues a sentence that begins with the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MoneyError {
    #[error("is not a decimal number without a sign")]
    NotDecimal,
    #[error("has more than {0} decimals")]
    TooFine(usize),
    #[error("is too large")]
    TooLarge,
}

/// Parses `12.5`, and also `1.25e-05`, the form of small amounts in feeds that were generated from floats.
fn parse(text: &str, places: usize) -> Result<u64, MoneyError> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().map_err(|_| MoneyError::NotDecimal)?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || whole.len() + fraction.len() == 0 {
        return Err(MoneyError::NotDecimal);
    }

    // trailing zeros are insignificant, but would count as decimals
    let fraction = fraction.trim_end_matches('0');
    let mut digits = 0u128;
    for digit in whole.bytes().chain(fraction.bytes()).map(|digit| u128::from(digit - b'0')) {
        let longer = digits.checked_mul(10).and_then(|digits| digits.checked_add(digit));
        digits = longer.ok_or(MoneyError::TooLarge)?;
    }
    if digits == 0 {
        return Ok(0);
    }

    let shift = places as i64 + i64::from(exponent) - fraction.len() as i64;
    let power = 10u128.checked_pow(shift.unsigned_abs() as u32);
    let units = if shift >= 0 {
        power.and_then(|power| digits.checked_mul(power)).ok_or(MoneyError::TooLarge)?
    } else {
        match power {
            Some(power) if digits.is_multiple_of(power) => digits / power,
            _ => return Err(MoneyError::TooFine(places)),
        }
    };
    u64::try_from(units).map_err(|_| MoneyError::TooLarge)
}

/// Formats an amount, or a sum of amounts, with all its decimals.
pub(crate) fn decimal(units: u128, places: usize) -> String {
    let digits = format!("{units:0width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    format!("{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<u64, MoneyError>) {
        assert_eq!(text.parse::<Cents>().map(|cents| cents.0), expected, "`{text}` in cents");
    }

    #[test]
    fn decimals_are_exact() {
        check("0", Ok(0));
        check("0.0", Ok(0));
        check("0.1", Ok(10));
        check("0.29", Ok(29)); // 28.999… as a float
        check("78318.0", Ok(7_831_800));
        check("007.50", Ok(750));
        check("12.", Ok(1_200));
        check(".5", Ok(50));
        check("999999999.0", Ok(99_999_999_900));
        assert_eq!("1.53453667".parse(), Ok(Satoshis(153_453_667)));
        assert_eq!("0.00000001".parse(), Ok(Satoshis(1)));
    }

    #[test]
    fn exponents_are_exact() {
        assert_eq!("1e-08".parse(), Ok(Satoshis(1)));
        assert_eq!("9.976e-05".parse(), Ok(Satoshis(9_976)));
        check("1.5E+3", Ok(150_000));
        check("1500e-4", Ok(15));
        check("0e-30000", Ok(0));
        check("0e30000", Ok(0));
        check("1e-3", Err(MoneyError::TooFine(2)));
        check("1e-30000", Err(MoneyError::TooFine(2)));
        check("1e30000", Err(MoneyError::TooLarge));
        check("1e99999", Err(MoneyError::NotDecimal));
        for text in ["e", "e5", "1e", "1e1.5", "1e5e5", "1e-", "1e 5", ".e1"] {
            check(text, Err(MoneyError::NotDecimal));
        }
    }

    #[test]
    fn too_many_decimals_are_refused_unless_they_are_zeros() {
        check("1.005", Err(MoneyError::TooFine(2)));
        check("0.30000000000000004", Err(MoneyError::TooFine(2)));
        check("1.5000000000000000000000000000000000000000000000000", Ok(150));
        assert_eq!("0.000000001".parse::<Satoshis>(), Err(MoneyError::TooFine(8)));
    }

    #[test]
    fn what_is_no_plain_number_is_refused() {
        for text in [
            "", " ", ".", "-1", "+1", "-0", " 1", "1 ", "1 0", "1,5", "1_000", "1.2.3", "0x1", "NaN", "inf", "$1", "１",
        ] {
            check(text, Err(MoneyError::NotDecimal));
        }
    }

    #[test]
    fn the_largest_amount_is_read_and_one_more_is_refused() {
        check("184467440737095516.15", Ok(u64::MAX));
        check("184467440737095516.16", Err(MoneyError::TooLarge));
        check("18446744073709551615", Err(MoneyError::TooLarge));
        check(&"9".repeat(60), Err(MoneyError::TooLarge));
        check(&"0".repeat(60), Ok(0));
    }

    #[test]
    fn what_is_written_has_all_its_decimals() {
        assert_eq!(decimal(7_838_300, Cents::PLACES), "78383.00");
        assert_eq!(decimal(5, Cents::PLACES), "0.05");
        assert_eq!(decimal(0, Satoshis::PLACES), "0.00000000");
        assert_eq!(decimal(32_130_851, Satoshis::PLACES), "0.32130851");
        assert_eq!(decimal(u128::MAX, Satoshis::PLACES), "3402823669209384634633746074317.68211455");
    }
}
