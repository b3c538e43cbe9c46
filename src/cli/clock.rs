//! The one clock: nothing below the command line knows what time it is.

use std::time::{SystemTime, UNIX_EPOCH};

use super::failure::Failure;
use crate::model::text::parse_time;

/// Time of a scan in milliseconds since 1970, always whole seconds: what `--as-of` says, or now.
pub fn as_of(given: Option<&str>) -> Result<i64, Failure> {
    let millis = match given {
        Some(text) => parse_time(text).ok_or_else(|| {
            Failure::usage(format!("`{text}` is no time (--as-of)"))
                .hint("write it as 2026-11-22, 2026-11-22T05:30:00Z or 2026-11-22T05:30:00+01:00")
        })?,
        None => now()?,
    };
    Ok(millis.div_euclid(1000) * 1000)
}

fn now() -> Result<i64, Failure> {
    let unusable = || Failure::usage("the clock of this machine is unusable").hint("give the time with --as-of");
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| unusable())?;
    i64::try_from(since.as_millis()).map_err(|_| unusable())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_time_is_taken_in_whole_seconds() {
        assert_eq!(as_of(Some("2022-08-07T12:42:55.987Z")), Ok(1_659_876_175_000));
        assert_eq!(as_of(Some("1969-12-31T23:59:59.5Z")), Ok(-1000));
        assert_eq!(as_of(Some("yesterday")).map_err(|failure| failure.exit.code()), Err(2));
    }
}
