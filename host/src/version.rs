//! Comparing versions by their parts.

use std::cmp::Ordering;

/// Compares two versions part by part: parts stand between dots, digits at the start of a part
/// count as a number, what follows them as text. A version with more parts is the higher one if
/// the others are equal.
///
/// So 1.9 < 1.10 (KPackage 5 compares parts as text, KPackage 6 as numbers), 1.0 < 1.0.0, and the
/// empty version is the lowest.
#[must_use]
pub fn compare_versions(left: &str, right: &str) -> Ordering {
    if left.is_empty() || right.is_empty() {
        return left.is_empty().cmp(&right.is_empty()).reverse();
    }
    let mut left = left.split('.');
    let mut right = right.split('.');
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(left), Some(right)) => match compare_parts(left, right) {
                Ordering::Equal => {}
                different => return different,
            },
        }
    }
}

fn compare_parts(left: &str, right: &str) -> Ordering {
    let split = |part: &str| {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, text) = part.split_at(digits);
        // Without leading zeros the longer number is the greater one, however long it is.
        (number.trim_start_matches('0').to_owned(), text.to_owned())
    };
    let (left_number, left_text) = split(left);
    let (right_number, right_text) = split(right);
    (left_number.len(), left_number)
        .cmp(&(right_number.len(), right_number))
        .then(left_text.cmp(&right_text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_count_as_numbers() {
        let ascending = [
            "",
            "0.9",
            "1",
            "1.0",
            "1.0.0",
            "1.2",
            "1.9",
            "1.10",
            "1.10-beta",
            "2",
            "10",
            "99999999999999999999998",
            "99999999999999999999999",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(
                compare_versions(pair[0], pair[1]),
                Ordering::Less,
                "{pair:?}"
            );
            assert_eq!(
                compare_versions(pair[1], pair[0]),
                Ordering::Greater,
                "{pair:?}"
            );
        }
        assert_eq!(compare_versions("1.02", "1.2"), Ordering::Equal);
    }
}
