//! Who signed in, in words: what a browser or program says of itself.

/// Name of a browser, by what it alone writes. The order tells: most write the names of those below them too.
const BROWSERS: [(&str, &str); 10] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome without a window"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Name of a system, in the same way: Android says Linux, and an iPhone says Mac OS X.
const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "a Mac"),
    ("Linux", "Linux"),
    ("BSD", "BSD"),
];

/// "Firefox on Linux", "curl", "An unknown program".
pub fn describe_user_agent(text: Option<&str>) -> String {
    let text = text.map(str::trim).unwrap_or_default();
    let system = find_word(&SYSTEMS, text);
    match (find_word(&BROWSERS, text), system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) if text.starts_with("Mozilla/") => format!("A browser on {system}"),
        (None, _) => name_program(text),
    }
}

fn find_word(words: &[(&str, &'static str)], text: &str) -> Option<&'static str> {
    let found = words.iter().find(|(mark, _)| text.contains(mark));
    found.map(|(_, word)| *word)
}

/// A program begins with its name: "curl/8.5.0".
fn name_program(text: &str) -> String {
    let name: String = text
        .split(['/', '('])
        .next()
        .unwrap_or_default()
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(40)
        .collect();
    if name.is_empty() || name == "Mozilla" {
        "An unknown program".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(describe_user_agent(Some(text)), expected, "{text}");
    }

    #[test]
    fn browsers_that_write_the_names_of_others_are_told_apart() {
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        check(
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        );
        check(
            &format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {webkit} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"),
            "Edge on Windows",
        );
        check(
            &format!("Mozilla/5.0 (Linux; Android 15; Pixel 9) {webkit} Chrome/140.0.0.0 Mobile Safari/537.36"),
            "Chrome on Android",
        );
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
            "Safari on an iPhone",
        );
        check(
            &format!("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {webkit} Chrome/140.0.0.0 Safari/537.36"),
            "Chrome on a Mac",
        );
    }

    #[test]
    fn programs_are_called_what_they_begin_with() {
        check("curl/8.5.0", "curl");
        check("Home Assistant/2026.11", "Home Assistant");
        check("Mozilla/5.0 (X11; Linux x86_64)", "A browser on Linux");
        check("Mozilla/5.0", "An unknown program");
        check("", "An unknown program");
        assert_eq!(describe_user_agent(None), "An unknown program");
    }

    #[test]
    fn a_long_or_hostile_name_stays_short_and_on_one_line() {
        assert_eq!(describe_user_agent(Some(&"x".repeat(5000))).len(), 40);
        check("a\u{7}b\nc/1", "abc");
    }
}
