//! The search: every world once, told apart by a hash of all that is in it.

use std::collections::{HashSet, VecDeque};
use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hasher as _};

use crate::world::World;

/// How much was explored.
pub(crate) struct Reached {
    pub(crate) states: usize,
    pub(crate) steps: usize,
    pub(crate) ends: usize,
}

pub(crate) fn explore(first: World) -> Reached {
    let mut seen = HashSet::from([fingerprint(&first)]);
    let mut open = VecDeque::from([first]);
    let mut reached = Reached { states: 1, steps: 0, ends: 0 };
    while let Some(world) = open.pop_front() {
        let after = world.successors();
        reached.steps += after.len();
        if after.is_empty() {
            world.is_well();
            reached.ends += 1;
        }
        for next in after {
            if seen.insert(fingerprint(&next)) {
                reached.states += 1;
                open.push_back(next);
            }
        }
    }
    reached
}

/// 128 bits, so that two worlds are never taken for one.
fn fingerprint(world: &World) -> (u64, u64) {
    let mut text = Text([DefaultHasher::new(), DefaultHasher::new()]);
    text.0[1].write_u8(1);
    write!(text, "{world:?}").expect("a hash takes any text");
    (text.0[0].finish(), text.0[1].finish())
}

struct Text([DefaultHasher; 2]);

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.iter_mut().for_each(|hash| hash.write(text.as_bytes()));
        Ok(())
    }
}
