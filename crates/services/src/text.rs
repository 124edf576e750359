//! Figures in sentences.

/// "1.5 GiB", "96 B".
pub fn size_text(bytes: i64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut size = bytes.max(0) as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{bytes} B")
    } else {
        format!("{size:.1} {}", UNITS[unit])
    }
}

/// "1 file", "3 files".
pub fn counted(count: usize, one: &str) -> String {
    if count == 1 {
        format!("1 {one}")
    } else {
        format!("{count} {one}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        for (bytes, text) in [
            (0, "0 B"),
            (96, "96 B"),
            (1_549_762, "1.5 MiB"),
            (5 << 30, "5.0 GiB"),
            (i64::MAX, "8388608.0 TiB"),
        ] {
            assert_eq!(size_text(bytes), text);
        }
        assert_eq!([counted(1, "file"), counted(3, "file")], ["1 file", "3 files"]);
    }
}
