//! Science fiction.

use super::book;
use crate::catalogue::{Layout, Listing, Release};

pub(super) fn list_releases() -> Vec<Release> {
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
