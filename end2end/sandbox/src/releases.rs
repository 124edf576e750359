//! The releases of the catalogue: real titles, made-up files, and every kind of trouble.

use crate::catalogue::{Layout, LinkAnswer, Listing, PackBook, Release};

fn book(
    key: &'static str,
    title: &'static str,
    author: &'static str,
    narrator: &'static str,
    layout: Layout,
) -> Release {
    Release {
        key,
        title,
        authors: author.split("; ").collect(),
        narrators: narrator.split("; ").filter(|name| !name.is_empty()).collect(),
        series: None,
        year: "",
        language: "ENG",
        asin: "",
        layout,
        kbps: 96,
        category: (47, "Audiobooks - Science Fiction"),
        listings: vec![Listing::MyAnonamouse],
        link_answer: LinkAnswer::File,
        seeders: 12,
        is_abridged: false,
        is_free: false,
        is_vip: false,
        is_hybrid: false,
        is_unseeded: false,
        has_media_info: true,
        claimed_size: None,
        same_files_as: None,
        description: "",
        days_old: 400,
    }
}

const FANTASY: (u32, &str) = (41, "Audiobooks - Fantasy");
const GENERAL: (u32, &str) = (39, "Audiobooks - Literary Classics");

#[rustfmt::skip]
impl Release {
    fn series(mut self, name: &'static str, number: &'static str) -> Self { self.series = Some((name, number)); self }
    fn facts(mut self, year: &'static str, asin: &'static str) -> Self { self.year = year; self.asin = asin; self }
    fn language(mut self, code: &'static str) -> Self { self.language = code; self }
    fn kbps(mut self, kbps: u32) -> Self { self.kbps = kbps; self }
    fn category(mut self, category: (u32, &'static str)) -> Self { self.category = category; self }
    fn seeders(mut self, seeders: u32) -> Self { self.seeders = seeders; self }
    fn age(mut self, days: i64) -> Self { self.days_old = days; self }
    fn also_on(mut self, listing: Listing) -> Self { self.listings.push(listing); self }
    fn only_on(mut self, listing: Listing) -> Self { self.listings = vec![listing]; self }
    fn link(mut self, answer: LinkAnswer) -> Self { self.link_answer = answer; self }
    fn abridged(mut self) -> Self { self.is_abridged = true; self }
    fn free(mut self) -> Self { self.is_free = true; self }
    fn vip(mut self) -> Self { self.is_vip = true; self }
    fn hybrid(mut self) -> Self { self.is_hybrid = true; self }
    fn unseeded(mut self) -> Self { self.is_unseeded = true; self }
    fn unmeasured(mut self) -> Self { self.has_media_info = false; self }
    fn claims(mut self, size: &'static str) -> Self { self.claimed_size = Some(size); self }
    fn files_of(mut self, key: &'static str) -> Self { self.same_files_as = Some(key); self }
    fn about(mut self, text: &'static str) -> Self { self.description = text; self }
}

fn dune_releases() -> Vec<Release> {
    vec![
        book("dune-messiah", "Dune Messiah", "Frank Herbert", "Scott Brick; Katherine Kellgren; Euan Morton; Simon Vance", Layout::M4b { seconds: 90, chapters: 6 })
            .series("Dune", "2").facts("1969", "B002V1CB2Q").kbps(128).seeders(41).also_on(Listing::OpenShelf)
            .about("Dune Messiah continues the story of Paul Atreides, better known, and feared, as the man christened Muad&#039;Dib."),
        book("dune-messiah-mp3", "Dune Messiah (Unabridged)", "Frank Herbert", "Scott Brick; Katherine Kellgren; Euan Morton; Simon Vance", Layout::Mp3 { parts: 6, seconds: 15 })
            .series("Dune", "2").facts("1969", "B002V1CB2Q").kbps(64).seeders(9).age(2_100),
        book("dune-messiah-abridged", "Dune Messiah", "Frank Herbert", "Connor Hale", Layout::Mp3 { parts: 2, seconds: 15 })
            .series("Dune", "2").facts("1993", "").abridged().seeders(55),
        book("dune-messiah-other-voice", "Dune Messiah", "Frank Herbert", "George Guidall", Layout::M4b { seconds: 70, chapters: 4 })
            .series("Dune", "2").facts("1998", "B000000D2G").seeders(80),
        book("children-of-dune", "Children of Dune", "Frank Herbert", "Simon Vance; Scott Brick", Layout::M4b { seconds: 80, chapters: 5 })
            .series("Dune", "3").facts("1976", "B002V08V6A").seeders(38),
        book("dune-other-asin", "Dune", "Frank Herbert", "Scott Brick; Orlagh Cassidy; Euan Morton; Simon Vance; Ilyana Kadushin", Layout::M4b { seconds: 75, chapters: 6 })
            .series("Dune", "1").facts("1965", "B08G9PRS1K").seeders(120).free(),
        book("dune-messiah-summary", "Summary and Analysis of Dune Messiah: A Study Guide", "QuickRead Notes", "Virtual Voice", Layout::M4b { seconds: 20, chapters: 1 })
            .facts("2021", "B0STUDY001").seeders(3),
    ]
}

fn science_fiction_releases() -> Vec<Release> {
    vec![
        book(
            "project-hail-mary",
            "Project Hail Mary",
            "Andy Weir",
            "Ray Porter",
            Layout::M4b {
                seconds: 85,
                chapters: 8,
            },
        )
        .facts("2021", "B08G9PRS1J")
        .kbps(128)
        .seeders(210)
        .free()
        .also_on(Listing::Harbour)
        .age(1_600),
        book(
            "project-hail-mary-mp3",
            "Project Hail Mary",
            "Andy Weir",
            "Ray Porter",
            Layout::Mp3 { parts: 8, seconds: 10 },
        )
        .facts("2021", "")
        .kbps(64)
        .seeders(64),
        book(
            "left-hand-corrupt",
            "The Left Hand of Darkness",
            "Ursula K. Le Guin",
            "George Guidall",
            Layout::CorruptM4b { seconds: 60 },
        )
        .series("Hainish Cycle", "4")
        .facts("1969", "B01N5H6Q2R")
        .kbps(128)
        .seeders(33),
        book(
            "left-hand-mp3",
            "The Left Hand of Darkness",
            "Ursula K. Le Guin",
            "George Guidall",
            Layout::Mp3 { parts: 5, seconds: 12 },
        )
        .series("Hainish Cycle", "4")
        .facts("1969", "B01N5H6Q2R")
        .kbps(64)
        .seeders(7),
        book(
            "hyperion-stalled",
            "Hyperion",
            "Dan Simmons",
            "Marc Vietor; Allyson Johnson; Kevin Pariseau",
            Layout::M4b {
                seconds: 75,
                chapters: 6,
            },
        )
        .series("Hyperion Cantos", "1")
        .facts("1989", "B002V8DKJE")
        .kbps(128)
        .seeders(4)
        .unseeded(),
        book(
            "hyperion-mp3",
            "Hyperion",
            "Dan Simmons",
            "Marc Vietor; Allyson Johnson; Kevin Pariseau",
            Layout::Mp3 { parts: 6, seconds: 12 },
        )
        .series("Hyperion Cantos", "1")
        .facts("1989", "B002V8DKJE")
        .kbps(64)
        .seeders(2),
        book(
            "neuromancer-thin",
            "Neuromancer",
            "William Gibson",
            "Robertson Dean",
            Layout::Mp3 { parts: 3, seconds: 20 },
        )
        .series("Sprawl", "1")
        .facts("1984", "")
        .kbps(32)
        .seeders(18),
        book(
            "snow-crash-dead",
            "Snow Crash",
            "Neal Stephenson",
            "Jonathan Davis",
            Layout::M4b {
                seconds: 40,
                chapters: 3,
            },
        )
        .facts("1992", "B00005NZJU")
        .seeders(0)
        .unseeded(),
        book(
            "enders-game",
            "Ender's Game",
            "Orson Scott Card",
            "Stefan Rudnicki; Harlan Ellison; Gabrielle de Cuir",
            Layout::BareM4b {
                seconds: 60,
                chapters: 4,
            },
        )
        .series("The Ender Quintet", "1")
        .facts("1985", "B003G5LV00")
        .seeders(47)
        .also_on(Listing::Lantern),
        book(
            "fall-of-hyperion-corrupt",
            "The Fall of Hyperion",
            "Dan Simmons",
            "Victor Bevine",
            Layout::CorruptMp3 { parts: 3, seconds: 15 },
        )
        .series("Hyperion Cantos", "2")
        .facts("1990", "B002V5D1CG")
        .seeders(5),
        book(
            "martian",
            "The Martian",
            "Andy Weir",
            "R. C. Bray",
            Layout::M4b {
                seconds: 65,
                chapters: 5,
            },
        )
        .facts("2011", "B00B5HZGUG")
        .seeders(90)
        .vip()
        .unmeasured(),
    ]
}

fn fantasy_releases() -> Vec<Release> {
    vec![
        book(
            "broken-earth-pack",
            "The Broken Earth Trilogy",
            "N. K. Jemisin",
            "Robin Miles",
            Layout::Pack(vec![
                PackBook {
                    title: "The Fifth Season",
                    number: "1",
                    seconds: 45,
                },
                PackBook {
                    title: "The Obelisk Gate",
                    number: "2",
                    seconds: 40,
                },
                PackBook {
                    title: "The Stone Sky",
                    number: "3",
                    seconds: 42,
                },
            ]),
        )
        .series("The Broken Earth", "1-3")
        .facts("2017", "")
        .category(FANTASY)
        .seeders(25),
        book(
            "earthsea-1",
            "A Wizard of Earthsea",
            "Ursula K. Le Guin",
            "Rob Inglis",
            Layout::M4b {
                seconds: 60,
                chapters: 5,
            },
        )
        .series("Earthsea Cycle", "1")
        .facts("1968", "B008K8BQG6")
        .category(FANTASY)
        .seeders(19),
        book(
            "earthsea-2",
            "The Tombs of Atuan",
            "Ursula K. Le Guin",
            "Rob Inglis",
            Layout::M4b {
                seconds: 55,
                chapters: 4,
            },
        )
        .series("Earthsea Cycle", "2")
        .facts("1971", "B008K8BN9C")
        .category(FANTASY)
        .seeders(16),
        book(
            "good-omens",
            "Good Omens",
            "Terry Pratchett; Neil Gaiman",
            "Martin Jarvis",
            Layout::M4b {
                seconds: 70,
                chapters: 6,
            },
        )
        .facts("1990", "B002V0QUOC")
        .category(FANTASY)
        .seeders(66),
        book(
            "ocean-lane",
            "The Ocean at the End of the Lane",
            "Neil Gaiman",
            "Neil Gaiman",
            Layout::Mp3 { parts: 4, seconds: 15 },
        )
        .facts("2013", "B00CIPXYZ0")
        .category(FANTASY)
        .seeders(28)
        .hybrid(),
        book(
            "edgedancer",
            "Edgedancer",
            "Brandon Sanderson",
            "Kate Reading",
            Layout::BareM4b {
                seconds: 50,
                chapters: 4,
            },
        )
        .series("The Stormlight Archive", "2.5")
        .facts("2017", "B07452D4VZ")
        .category(FANTASY)
        .seeders(34)
        .hybrid(),
        book(
            "piranesi",
            "Piranesi",
            "Susanna Clarke",
            "Chiwetel Ejiofor",
            Layout::M4b {
                seconds: 60,
                chapters: 7,
            },
        )
        .facts("2020", "B084FY3ZTK")
        .category(FANTASY)
        .seeders(31)
        .also_on(Listing::Harbour)
        .also_on(Listing::OpenShelf)
        .also_on(Listing::Lantern),
        book(
            "piranesi-twin",
            "Piranesi",
            "Susanna Clarke",
            "Chiwetel Ejiofor",
            Layout::M4b {
                seconds: 60,
                chapters: 7,
            },
        )
        .facts("2020", "B084FY3ZTK")
        .category(FANTASY)
        .seeders(31)
        .files_of("piranesi"),
        book(
            "small-gods-other-asin",
            "Small Gods: (Discworld Book 13)",
            "Terry Pratchett",
            "Andy Serkis; Bill Nighy; Peter Serafinowicz",
            Layout::M4b {
                seconds: 65,
                chapters: 5,
            },
        )
        .series("Discworld", "13")
        .facts("1992", "B0SMALLG22")
        .category(FANTASY)
        .seeders(44)
        .free(),
        book(
            "blade-itself",
            "The Blade Itself",
            "Joe Abercrombie",
            "Steven Pacey",
            Layout::Mp3 { parts: 6, seconds: 12 },
        )
        .series("The First Law", "1")
        .facts("2006", "B0036I54I6")
        .kbps(128)
        .category(FANTASY)
        .seeders(52)
        .vip(),
        book(
            "night-circus-epub",
            "The Night Circus",
            "Erin Morgenstern",
            "",
            Layout::Epub,
        )
        .facts("2011", "")
        .category(FANTASY)
        .seeders(13)
        .unmeasured(),
        book(
            "silmarillion",
            "The Silmarillion",
            "J. R. R. Tolkien",
            "Martin Shaw",
            Layout::Mp3 { parts: 5, seconds: 12 },
        )
        .facts("1977", "")
        .category(FANTASY)
        .seeders(14)
        .only_on(Listing::Harbour),
        book(
            "hobbit",
            "The Hobbit",
            "J. R. R. Tolkien",
            "Rob Inglis",
            Layout::M4b {
                seconds: 70,
                chapters: 6,
            },
        )
        .facts("1937", "")
        .category(FANTASY)
        .seeders(40)
        .only_on(Listing::OpenShelf)
        .link(LinkAnswer::RedirectToFile)
        .also_on(Listing::Lantern),
        book(
            "roverandom",
            "Roverandom",
            "J. R. R. Tolkien",
            "Derek Jacobi",
            Layout::BareM4b {
                seconds: 40,
                chapters: 2,
            },
        )
        .facts("1998", "")
        .category(FANTASY)
        .seeders(6)
        .only_on(Listing::OpenShelf)
        .link(LinkAnswer::RedirectToMagnet),
        book(
            "children-of-hurin",
            "The Children of Húrin",
            "J. R. R. Tolkien",
            "Christopher Lee",
            Layout::BareM4b {
                seconds: 40,
                chapters: 2,
            },
        )
        .facts("2007", "")
        .category(FANTASY)
        .seeders(4)
        .only_on(Listing::OpenShelf)
        .link(LinkAnswer::Gone),
    ]
}

fn general_releases() -> Vec<Release> {
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

/// Every release, in the order of its row ids.
pub fn list_releases() -> Vec<Release> {
    [
        dune_releases(),
        science_fiction_releases(),
        fantasy_releases(),
        general_releases(),
    ]
    .concat()
}
