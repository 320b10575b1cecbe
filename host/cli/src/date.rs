//! Points in time, for people.

const DAY: u64 = 24 * 60 * 60;
/// As many days 400 years have, wherever they begin.
const ERA: u64 = 146_097;
/// From 1 March 0000 to 1 January 1970.
const BEFORE: u64 = 719_468;

/// Seconds since 1970 as a date and a time of day, in UTC.
pub(crate) fn utc(seconds: u64) -> String {
    let (days, time) = (seconds / DAY + BEFORE, seconds % DAY);
    // Years that begin in March have the day that is sometimes missing at their end.
    let day = days % ERA;
    let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = days / ERA * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute) = (time / 3600, time / 60 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leap_days_and_ends_of_years() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_399, "2000-02-28 23:59 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (951_868_800, "2000-03-01 00:00 UTC"),
            (1_735_689_599, "2024-12-31 23:59 UTC"),
            (1_709_164_800, "2024-02-29 00:00 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
        ] {
            assert_eq!(utc(seconds), text);
        }
    }
}
