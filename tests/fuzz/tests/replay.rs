//! The first driver of the properties, on stable: every input that is kept, and some that are made of them.
//! `PAT_BROKER_MUTANTS` says how many of the latter each target gets.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use fuzz::{TARGETS, Target};

#[test]
fn a_request_is_one_or_none_and_its_refusal_says_nothing_of_it() {
    replay("request");
}

#[test]
fn an_audit_log_of_any_bytes_is_read_and_a_change_in_a_good_one_is_noticed() {
    replay("audit_record");
}

#[test]
fn a_store_record_opens_as_it_was_sealed_or_not_at_all() {
    replay("store_record");
}

#[test]
fn every_fault_of_a_configuration_has_its_place_and_shows_no_secret() {
    replay("config");
}

#[test]
fn an_answer_of_the_sql_api_is_whole_or_none_and_no_reason_repeats_it() {
    replay("sql_answer");
}

#[test]
fn the_rows_of_show_say_the_same_in_any_order() {
    replay("show_row");
}

#[test]
fn a_key_file_is_a_key_or_refused_without_a_byte_of_it() {
    replay("key_file");
}

#[test]
fn what_comes_back_to_connections_toml_loses_nothing_and_holds_no_secret() {
    replay("connections");
}

#[test]
fn every_target_has_a_corpus_and_a_program_and_all_of_it_is_small() {
    let mut bytes = 0;
    for target in TARGETS {
        let kept = kept(target.name);
        assert!(kept.len() >= 3, "{} has {} inputs", target.name, kept.len());
        bytes += kept.iter().map(|(_, input)| input.len()).sum::<usize>();
        let program = here().join("libfuzzer/fuzz_targets").join(target.name).with_extension("rs");
        let program = fs::read_to_string(program).unwrap();
        assert!(program.contains(&format!("fuzz::check(\"{}\"", target.name)));
    }
    assert!(bytes < 500_000, "the corpus has {bytes} bytes");
    let folders = fs::read_dir(here().join("corpus")).unwrap().flatten();
    let folders = folders.filter(|entry| entry.path().is_dir()).count();
    assert_eq!(folders, TARGETS.len(), "a corpus of no target");
}

fn replay(name: &str) {
    // What the wrapper says to its user is not what is tested here.
    let silent = fs::OpenOptions::new().write(true).open("/dev/null").unwrap();
    nix::unistd::dup2_stderr(silent).unwrap();
    let target = *TARGETS.iter().find(|target| target.name == name).unwrap();
    let kept = kept(name);
    for (path, input) in &kept {
        hold(target, input, &path.display().to_string());
    }
    let mutants = std::env::var("PAT_BROKER_MUTANTS").map_or(100, |number| number.parse().unwrap());
    let mut chance = Chance(0x5eed);
    for number in 0..mutants {
        let (path, input) = &kept[chance.below(kept.len())];
        let (_, other) = &kept[chance.below(kept.len())];
        let mutant = mutant(input, other, &mut chance);
        hold(target, &mutant, &format!("mutant {number} of {}", path.display()));
    }
}

/// Keeps an input that breaks a property, so that it can be looked at and join the corpus.
fn hold(target: Target, input: &[u8], name: &str) {
    if catch_unwind(|| (target.check)(input)).is_err() {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("broke-{}", target.name));
        fs::write(&kept, input).unwrap();
        panic!("{name} breaks a property of {}; the input is {}", target.name, kept.display());
    }
}

fn kept(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = here().join("corpus").join(name);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One to four small changes: a bit, a byte, a cut, a part left out, twice, or of another input.
fn mutant(input: &[u8], other: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut mutant = input.to_vec();
    for _ in 0..=chance.below(4) {
        let at = chance.below(mutant.len() + 1);
        let until = (at + 1 + chance.below(32)).min(mutant.len());
        match chance.below(7) {
            0 if at < mutant.len() => mutant[at] ^= 1 << chance.below(8),
            1 if at < mutant.len() => {
                mutant[at] = b"\0\n\r\t \"'\\.,:;=#[]{}0-\x7f\x80\xff"[chance.below(23)]
            }
            2 => mutant.truncate(at),
            3 if at < until => drop(mutant.drain(at..until)),
            4 if at < until => {
                let part = mutant[at..until].to_vec();
                let to = chance.below(mutant.len() + 1);
                mutant.splice(to..to, part);
            }
            _ if !other.is_empty() => {
                let from = chance.below(other.len());
                let part = other[from..(from + 1 + chance.below(64)).min(other.len())].to_vec();
                mutant.splice(at..at, part);
            }
            _ => mutant.push(chance.below(256) as u8),
        }
    }
    mutant
}

/// The same numbers every time (xorshift64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }
}
