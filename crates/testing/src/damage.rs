//! Valid input with bytes changed, put in, repeated or taken out: what gets deepest into a parser.

use proptest::prelude::*;
use proptest::sample::Index;

/// One mistake in some bytes.
#[derive(Debug, Clone)]
enum Damage {
    Change(Index, u8),
    Insert(Index, u8),
    Repeat(Index, Index),
    Remove(Index, Index),
    Cut(Index),
}

/// `valid` with one to seven mistakes.
pub fn damaged(valid: &[u8]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let valid = valid.to_vec();
    prop::collection::vec(any_damage(), 1..8).prop_map(move |damages| {
        let mut bytes = valid.clone();
        damages.iter().for_each(|damage| damage.apply(&mut bytes));
        bytes
    })
}

/// The same of a text; what is no UTF-8 any more becomes the replacement character.
pub fn damaged_text(valid: &str) -> impl Strategy<Value = String> + use<> {
    damaged(valid.as_bytes()).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn any_damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Change(at, byte)),
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        2 => (at(), at()).prop_map(|(from, to)| Damage::Repeat(from, to)),
        2 => (at(), at()).prop_map(|(from, to)| Damage::Remove(from, to)),
        1 => at().prop_map(Damage::Cut),
    ]
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        // One more, as there are places before, between and behind the bytes.
        let places = bytes.len() + 1;
        let span = |one: &Index, other: &Index| {
            let (one, other) = (one.index(places), other.index(places));
            one.min(other)..one.max(other)
        };
        match self {
            Self::Change(at, byte) => {
                if let Some(old) = bytes.get_mut(at.index(places)) {
                    *old = *byte;
                }
            }
            Self::Insert(at, byte) => bytes.insert(at.index(places), *byte),
            Self::Repeat(from, to) => {
                let span = span(from, to);
                let copy = bytes[span.clone()].to_vec();
                bytes.splice(span.end..span.end, copy);
            }
            Self::Remove(from, to) => drop(bytes.drain(span(from, to))),
            Self::Cut(at) => bytes.truncate(at.index(places)),
        }
    }
}
