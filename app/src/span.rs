//! Spans of time as people tell them. Server and browser say the same; neither needs a calendar for it.

/// "just now", "5 min ago", "in 3 h", "4 days ago" for a moment so many seconds ahead (or, below zero, ago); nothing when
/// it is further away than 60 days, where a date says more.
pub fn tell_span(seconds: i64) -> Option<String> {
    let is_ahead = seconds > 0;
    let span = match seconds.abs() {
        // A page's clock lags by some seconds, so what just came in may seem to lie ahead.
        10..=44 if is_ahead => return Some("in a moment".to_owned()),
        0..=44 => return Some("just now".to_owned()),
        distance @ 45..=5_399 => format!("{} min", (distance + 30) / 60),
        distance @ 5_400..=129_599 => format!("{} h", (distance + 1800) / 3600),
        distance @ 129_600..=5_183_999 => format!("{} days", (distance + 43_200) / 86_400),
        _ => return None,
    };
    Some(if is_ahead {
        format!("in {span}")
    } else {
        format!("{span} ago")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_one_unit() {
        let cases = [
            (-5, Some("just now")),
            (20, Some("in a moment")),
            (-300, Some("5 min ago")),
            (3 * 3600, Some("in 3 h")),
            (-4 * 86_400, Some("4 days ago")),
            (-59 * 86_400, Some("59 days ago")),
            (-61 * 86_400, None),
        ];
        for (seconds, text) in cases {
            assert_eq!(tell_span(seconds).as_deref(), text, "{seconds}");
        }
    }
}
