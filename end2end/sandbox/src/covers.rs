//! Draws a cover for each key: two colours, a light, and one of a few geometric patterns.

use anyhow::Result;
use jpeg_encoder::{ColorType, Encoder};
use sha1::{Digest, Sha1};

/// Pairs of background colours that go well together, then the colour of the pattern.
const PALETTES: [[[f32; 3]; 3]; 10] = [
    [[18.0, 32.0, 58.0], [52.0, 96.0, 140.0], [240.0, 196.0, 110.0]],
    [[60.0, 18.0, 38.0], [168.0, 62.0, 70.0], [250.0, 214.0, 180.0]],
    [[12.0, 52.0, 48.0], [60.0, 130.0, 106.0], [232.0, 222.0, 170.0]],
    [[44.0, 30.0, 74.0], [120.0, 84.0, 160.0], [246.0, 190.0, 200.0]],
    [[70.0, 40.0, 18.0], [196.0, 130.0, 62.0], [252.0, 236.0, 200.0]],
    [[22.0, 24.0, 30.0], [86.0, 92.0, 104.0], [236.0, 110.0, 84.0]],
    [[14.0, 60.0, 84.0], [90.0, 170.0, 176.0], [250.0, 244.0, 220.0]],
    [[74.0, 58.0, 20.0], [176.0, 160.0, 84.0], [40.0, 46.0, 60.0]],
    [[36.0, 56.0, 26.0], [126.0, 150.0, 80.0], [248.0, 226.0, 150.0]],
    [[90.0, 30.0, 20.0], [214.0, 100.0, 56.0], [255.0, 232.0, 190.0]],
];

struct Design {
    palette: [[f32; 3]; 3],
    pattern: u8,
    count: f32,
    turn: f32,
    centre: (f32, f32),
}

/// A square JPEG of `size` pixels, always the same for a key.
pub fn draw_cover(key: &str, size: u16) -> Result<Vec<u8>> {
    let digest = Sha1::digest(key);
    let unit = |index: usize| f32::from(digest[index]) / 255.0;
    let design = Design {
        palette: PALETTES[usize::from(digest[0]) % PALETTES.len()],
        pattern: digest[1] % 6,
        count: 3.0 + (unit(2) * 5.0).floor(),
        turn: unit(3) * std::f32::consts::TAU,
        centre: (0.3 + unit(4) * 0.4, 0.3 + unit(5) * 0.4),
    };
    let mut pixels = Vec::with_capacity(usize::from(size) * usize::from(size) * 3);
    for y in 0..size {
        for x in 0..size {
            let colour = paint(
                &design,
                f32::from(x) / f32::from(size),
                f32::from(y) / f32::from(size),
                1.5 / f32::from(size),
            );
            pixels.extend(colour.map(|channel| channel.clamp(0.0, 255.0) as u8));
        }
    }
    let mut jpeg = Vec::new();
    Encoder::new(&mut jpeg, 82).encode(&pixels, size, size, ColorType::Rgb)?;
    Ok(jpeg)
}

/// The colour at a point of the unit square; `soft` is the width of an edge.
fn paint(design: &Design, x: f32, y: f32, soft: f32) -> [f32; 3] {
    let [dark, light, mark] = design.palette;
    let mut colour = mix(dark, light, (x * 0.35 + (1.0 - y) * 0.65).clamp(0.0, 1.0));
    colour = mix(colour, mark, 0.82 * cover_of(design, x, y, soft));
    // A frame and a spine, as on a book.
    let edge = x.min(y).min(1.0 - x).min(1.0 - y);
    colour = mix(colour, mark, 0.55 * band(edge, 0.035, 0.004, soft));
    let spine = if x < 0.022 { 0.35 } else { 0.0 };
    mix(colour, [0.0; 3], spine)
}

/// How much of the pattern covers the point, 0 to 1.
fn cover_of(design: &Design, x: f32, y: f32, soft: f32) -> f32 {
    let (dx, dy) = (x - design.centre.0, y - design.centre.1);
    let radius = dx.hypot(dy);
    let angle = dy.atan2(dx) + design.turn;
    let inside = step(0.43 - (x - 0.5).abs().max((y - 0.5).abs()), soft);
    let shape = match design.pattern {
        // Rings around the centre.
        0 => band(
            (radius * design.count * 2.2).fract(),
            0.5,
            0.12,
            soft * design.count * 2.2,
        ),
        // A sun over hills.
        1 => {
            let hills = y - 0.68 - 0.06 * (x * 9.0 + design.turn).sin();
            step(0.16 - radius, soft)
                .max(0.75 * step(hills, soft))
                .max(band(hills + 0.06, 0.0, 0.004, soft))
        }
        // Rays.
        2 => {
            step(
                (angle * design.count).sin() - 0.35,
                soft * design.count / radius.max(0.02),
            ) * step(radius - 0.09, soft)
        }
        // A rose.
        3 => step(
            0.34 * (0.35 + 0.65 * (angle * design.count / 2.0).cos().abs()) - radius,
            soft,
        ),
        // Diagonal weave.
        4 => {
            let a = ((x + y) * design.count * 1.6 + design.turn).fract();
            let b = ((x - y + 2.0) * design.count * 1.6).fract();
            band(a, 0.5, 0.1, soft * 8.0).max(0.6 * band(b, 0.5, 0.05, soft * 8.0))
        }
        // A moon with its orbit.
        _ => {
            let moon = step(0.2 - radius, soft) * step((dx - 0.09).hypot(dy + 0.05) - 0.19, soft);
            moon.max(band(radius, 0.29, 0.006, soft)).max(step(
                0.022 - (dx + 0.29 * design.turn.cos()).hypot(dy + 0.29 * design.turn.sin()),
                soft,
            ))
        }
    };
    shape * inside
}

fn step(distance: f32, soft: f32) -> f32 {
    (distance / soft + 0.5).clamp(0.0, 1.0)
}

fn band(value: f32, at: f32, half_width: f32, soft: f32) -> f32 {
    step(half_width - (value - at).abs(), soft)
}

fn mix(from: [f32; 3], to: [f32; 3], share: f32) -> [f32; 3] {
    [0, 1, 2].map(|channel| from[channel] + (to[channel] - from[channel]) * share)
}
