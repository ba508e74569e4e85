//! The real daemon, stopped or failed at each of its system calls: the shim below it, the life it is led through,
//! and what must hold afterwards. What a test demands lives under `tests/`.

mod damage;
mod disk;
mod house;
mod journal;
mod power;
mod report;
mod shim;
mod sweep;

pub use damage::{Harm, Start};
pub use disk::{Disk, Image, Loss, image_of, put};
pub use house::{House, Outcome, log_in};
pub use journal::{Op, read};
pub use power::{Bench, Cut, Life, Strategy};
pub use report::calls;
pub use shim::{Act, Call, Page, library};
pub use sweep::{Case, Tally, benches, common, is_long, recorded, sampled, sweep};
