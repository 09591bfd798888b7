//! Moments on the command line.

use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo};

use super::failure::Failure;
use crate::context::Timestamp;
use crate::history::Moment;
use crate::seq::Seq;

/// How moments are written, for the help.
pub(crate) const FORMS: &str = "an event's seq such as 1234, a time such as 2026-11-30T12:00:00Z, a local time such as \
    \"2026-11-30 12:00\" or 2026-11-30, or a time ago such as \"1h30m ago\"";

/// A moment, as the command line names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MomentArgument(pub(crate) Moment);

impl FromStr for MomentArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<MomentArgument, String> {
        let text = text.trim();
        if let Ok(seq) = text.parse() {
            return Ok(MomentArgument(Moment::Seq(Seq::new(seq))));
        }
        let time = time(text).ok_or_else(|| format!("this is no moment: give {FORMS}"))?;
        let micros = u64::try_from(time.as_microsecond()).map_err(|_| "this time is before 1970".to_owned())?;
        Ok(MomentArgument(Moment::Time(Timestamp::from_micros(micros))))
    }
}

#[expect(clippy::disallowed_methods, reason = "a time that a person names is relative to now")]
fn time(text: &str) -> Option<jiff::Timestamp> {
    if let Some(ago) = text.strip_suffix(" ago") {
        let span: Span = ago.trim().parse().ok()?;
        let ago: SignedDuration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        return jiff::Timestamp::now().checked_sub(ago.abs()).ok();
    }
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    let local: DateTime = match text.parse::<Date>() {
        Ok(date) if text.len() == "2026-11-30".len() => date.to_datetime(jiff::civil::Time::midnight()),
        _ => text.parse().ok()?,
    };
    local.to_zoned(TimeZone::system()).ok().map(|zoned| zoned.timestamp())
}

/// Returns an error if the moment of `--from` is after that of `--until`, so that no event can be between them.
pub(crate) fn refuse_reversed(from: Option<MomentArgument>, until: Option<MomentArgument>) -> Result<(), Failure> {
    let is_reversed = match (from.map(|from| from.0), until.map(|until| until.0)) {
        (Some(Moment::Seq(from)), Some(Moment::Seq(until))) => from > until,
        (Some(Moment::Time(from)), Some(Moment::Time(until))) => from > until,
        _ => false,
    };
    match is_reversed {
        true => {
            let what =
                "the moment of --from is after that of --until, so no event is between them; help: exchange them";
            Err(Failure::Usage(what.to_owned()))
        }
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        text.parse::<MomentArgument>().unwrap_or_else(|error| panic!("{text}: {error}")).0
    }

    #[test]
    fn seqs_and_times() {
        assert_eq!(moment("1234"), Moment::Seq(Seq::new(1234)));
        let noon = Moment::Time(Timestamp::from_micros(1_796_040_000_000_000));
        assert_eq!(moment("2026-11-30T12:00:00Z"), noon);
        assert_eq!(moment("2026-11-30T13:00:00+01:00"), noon);
        let Moment::Time(local) = moment("2026-11-30 12:00") else { panic!("a time") };
        let Moment::Time(midnight) = moment("2026-11-30") else { panic!("a time") };
        assert!(midnight < local);
        let Moment::Time(ago) = moment("1h30m ago") else { panic!("a time") };
        assert!(ago < Timestamp::wall_clock());
    }

    #[test]
    fn what_is_no_moment() {
        for text in ["", "-1", "yesterday", "12:00", "1960-01-01T00:00:00Z", "99999999999999999999", "3 parsecs ago"] {
            assert!(text.parse::<MomentArgument>().is_err(), "{text}");
        }
    }
}
