//! Everything else: classics, other languages and scripts, hostile texts.

use super::{GENERAL, book};
use crate::catalogue::{Layout, Listing, PackBook, Release};

pub(super) fn list_releases() -> Vec<Release> {
    vec![
        book(
            "master-i-margarita",
            "Мастер и Маргарита",
            "Михаил Булгаков",
            "Вениамин Смехов",
            Layout::M4b {
                seconds: 75,
                chapters: 6,
            },
        )
        .facts("1967", "")
        .language("RUS")
        .category(GENERAL)
        .seeders(22),
        book(
            "anna-karenina-ru",
            "Анна Каренина",
            "Лев Толстой",
            "Светлана Репина",
            Layout::Mp3 { parts: 8, seconds: 10 },
        )
        .facts("1878", "")
        .language("RUS")
        .category(GENERAL)
        .seeders(8),
        book(
            "wagahai",
            "吾輩は猫である",
            "夏目漱石",
            "佐々木健",
            Layout::Mp3 { parts: 5, seconds: 12 },
        )
        .facts("1905", "")
        .language("JPN")
        .category(GENERAL)
        .seeders(11),
        book(
            "kafka-jp",
            "海辺のカフカ",
            "村上春樹",
            "木村佳乃",
            Layout::M4b {
                seconds: 60,
                chapters: 5,
            },
        )
        .facts("2002", "")
        .language("JPN")
        .category(GENERAL)
        .seeders(9),
        book(
            "prozess",
            "Der Prozess",
            "Franz Kafka",
            "Sven Regener",
            Layout::M4b {
                seconds: 45,
                chapters: 3,
            },
        )
        .facts("1925", "")
        .language("GER")
        .category(GENERAL)
        .seeders(15),
        book(
            "monte-cristo-discs",
            "The Count of Monte Cristo",
            "Alexandre Dumas",
            "John Lee",
            Layout::Discs {
                discs: 3,
                tracks: 3,
                seconds: 12,
            },
        )
        .facts("1844", "B002V1O6X8")
        .category(GENERAL)
        .seeders(37),
        book(
            "sherlock-huge",
            "Sherlock Holmes: The Definitive Collection",
            "Arthur Conan Doyle",
            "Stephen Fry",
            Layout::Mp3 { parts: 4, seconds: 10 },
        )
        .facts("2017", "B06WLMWF2S")
        .category(GENERAL)
        .seeders(150)
        .claims("23.4 GiB")
        .unmeasured(),
        book(
            "it",
            "It",
            "Stephen King",
            "Steven Weber",
            Layout::M4b {
                seconds: 80,
                chapters: 6,
            },
        )
        .facts("1986", "B003AZGDCK")
        .category((97, "Audiobooks - Horror"))
        .seeders(58),
        book(
            "it-ends-with-us",
            "It Ends with Us",
            "Colleen Hoover",
            "Olivia Song",
            Layout::M4b {
                seconds: 40,
                chapters: 3,
            },
        )
        .facts("2016", "B01G9Q1M2E")
        .category((55, "Audiobooks - Romance"))
        .seeders(72),
        book(
            "hostile-title",
            "<script>alert('sandbox')</script> ../../../etc/passwd \u{202e}koob oidua\u{202c} \u{0007}",
            "Robert'); DROP TABLE books;--",
            "<img src=x onerror=alert(1)>",
            Layout::M4b {
                seconds: 25,
                chapters: 2,
            },
        )
        .facts("2020", "")
        .category(GENERAL)
        .seeders(2)
        .about("[b]Hostile[/b] <script>alert(1)</script><iframe src=//example.invalid></iframe>"),
        book(
            "moby-dick",
            "Moby-Dick; or, The Whale",
            "Herman Melville",
            "William Hootkins",
            Layout::Mp3 { parts: 6, seconds: 12 },
        )
        .facts("1851", "")
        .category(GENERAL)
        .seeders(26)
        .also_on(Listing::Lantern),
        book(
            "murderbot-pack",
            "The Murderbot Diaries",
            "Martha Wells",
            "Kevin R. Free",
            Layout::Pack(vec![
                PackBook {
                    title: "All Systems Red",
                    number: "",
                    seconds: 30,
                },
                PackBook {
                    title: "Artificial Condition",
                    number: "",
                    seconds: 32,
                },
                PackBook {
                    title: "Rogue Protocol",
                    number: "",
                    seconds: 31,
                },
            ]),
        )
        .series("The Murderbot Diaries", "1-3")
        .facts("2019", "")
        .seeders(21),
    ]
}
