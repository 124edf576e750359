//! Fantasy.

use super::{FANTASY, book};
use crate::catalogue::{Layout, LinkAnswer, Listing, PackBook, Release};

pub(super) fn list_releases() -> Vec<Release> {
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
