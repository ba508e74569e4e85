//! A daemon on a state folder that is not as it was written: it serves the right secret, or says clearly why not.

use std::fs::File;
use std::path::{Path, PathBuf};

use e2e::live;
use world::eventually;

use crate::disk::{self, Image};
use crate::house::log_in;
use crate::power::Bench;

/// What a start on a damaged folder came to.
#[derive(Debug)]
pub enum Start {
    /// Somebody logged in with the one token there is. What was said of the store, if anything.
    Served(Option<String>),
    /// It ended with this code and text before it served.
    Refused(Option<i32>, String),
}

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// The bits of a byte are turned over.
    Flip(usize),
    /// It ends here.
    Cut(usize),
}

impl Harm {
    /// Returns every flip of these bytes and every cut of a file of that length.
    pub fn all(bytes: &[u8]) -> Vec<Self> {
        let flips = (0..bytes.len()).map(Self::Flip);
        flips.chain((0..bytes.len()).map(Self::Cut)).collect()
    }

    /// Does it.
    pub fn inflict(self, image: &mut Image, file: &Path) {
        let bytes = image.get_mut(file).and_then(Option::as_mut).expect("there is such a file");
        match self {
            Self::Flip(at) => bytes[at] ^= 0xFF,
            Self::Cut(at) => bytes.truncate(at),
        }
    }
}

impl Bench {
    /// Returns the state folder of a daemon that served and was stopped.
    pub fn serving_folder(&self) -> &Image {
        &self.serving.state
    }

    /// Returns the files of that folder which hold something.
    pub fn files(&self) -> Vec<PathBuf> {
        let is_file =
            |content: &Option<Vec<u8>>| content.as_ref().is_some_and(|bytes| !bytes.is_empty());
        let files = self.serving.state.iter().filter(|(_, content)| is_file(content));
        files.map(|(path, _)| path.clone()).collect()
    }

    /// Starts the daemon on this folder, in the place of the one that served.
    pub fn start_on(&mut self, state: &Image) -> Start {
        self.world.sim.restore(&self.serving.snowflake);
        disk::put(state, &self.world.state());
        File::create(self.world.log()).expect("an empty log");
        self.spawn(&[]);
        let used = self.log_in_or_end();
        let start = match used {
            Some(used) => {
                let there: Vec<u64> = live(&self.world.sim).iter().map(|token| token.id).collect();
                assert_eq!(there, [used], "the one token that was there is the one that is served");
                Start::Served(self.repair())
            }
            None => {
                let ended = self.world.daemon().ended().expect("it ended");
                Start::Refused(ended.code(), self.world.daemon().log_text())
            }
        };
        self.world.kill();
        start
    }

    /// Logs in again on what the last start left, and demands that nothing was left to repair.
    pub fn start_again(&mut self) {
        self.spawn(&[]);
        eventually("it serves again", || log_in(&self.world, self.client).ok());
        assert_eq!(self.repair(), None, "what was repaired is repaired");
        self.world.kill();
    }
}
