//! The tests of power cuts are worth what their disk is: real programs above the shim, and what a cut leaves of what
//! they did.

use std::path::{Path, PathBuf};
use std::process::Command;

use crash::{Disk, Image, Loss, image_of, library, put, read};

const LOSSES: [Loss; 6] =
    [Loss::Everything, Loss::Data, Loss::Names, Loss::Zeroed, Loss::OutOfOrder(7), Loss::Torn(7)];

/// Runs a script in a folder that has `old`, and returns the disk under it. What it shows when all is synced is the
/// folder.
fn after(script: &str) -> Disk {
    let world = tempfile::tempdir().expect("a folder");
    let (root, journal) = (world.path().join("state"), world.path().join("journal"));
    put(&[(PathBuf::from("old"), Some(b"old".to_vec()))].into(), &root);
    std::fs::write(&journal, "").expect("a journal");
    let mut disk = Disk::of(&root);
    let status = Command::new("sh")
        .args(["-euc", script])
        .current_dir(&root)
        .envs([("LD_PRELOAD", library()), ("CRASH_JOURNAL", &journal), ("CRASH_STATE", &root)])
        .status()
        .expect("a shell");
    assert!(status.success(), "{script}: {status}");
    disk.replay(read(&journal));
    let mut synced = disk.clone();
    synced.sync_all();
    let is_whole = synced.after_a_cut(Loss::Everything) == image_of(&root);
    assert!(is_whole, "the journal has not all that was done by: {script}");
    disk
}

fn content(image: &Image, name: &str) -> Option<String> {
    let bytes = image.get(Path::new(name))?.clone()?;
    Some(String::from_utf8(bytes).expect("a text"))
}

#[test]
fn what_was_synced_with_its_folder_is_there_however_much_is_lost() {
    let disk =
        after("printf new > new; sync new; mkdir sub; printf deep > sub/deep; sync sub/deep sub .");

    for loss in LOSSES {
        let image = disk.after_a_cut(loss);
        assert_eq!(content(&image, "new").as_deref(), Some("new"), "{loss:?}");
        assert_eq!(content(&image, "sub/deep").as_deref(), Some("deep"), "{loss:?}");
    }
}

#[test]
fn a_synced_file_without_its_folder_has_no_name() {
    let disk = after("printf new > new; sync new; printf more >> old; sync old");

    let image = disk.after_a_cut(Loss::Everything);

    assert_eq!(content(&image, "new"), None);
    assert_eq!(content(&image, "old").as_deref(), Some("oldmore"));
    assert_eq!(content(&disk.after_a_cut(Loss::Data), "new").as_deref(), Some("new"));
}

#[test]
fn a_rename_is_there_or_not_and_its_data_before_or_after_it() {
    let disk = after("printf new > next; mv next old");

    let old = |loss| content(&disk.after_a_cut(loss), "old");

    assert_eq!(old(Loss::Everything).as_deref(), Some("old"));
    assert_eq!(old(Loss::Data).as_deref(), Some(""));
    assert_eq!(old(Loss::Zeroed).as_deref(), Some("\0\0\0"));
    assert_eq!(old(Loss::Names).as_deref(), Some("old"));
}

#[test]
fn what_was_removed_without_a_sync_may_be_there_again() {
    let disk = after("rm old; printf other > old");

    assert_eq!(content(&disk.after_a_cut(Loss::Everything), "old").as_deref(), Some("old"));
    assert_eq!(content(&disk.after_a_cut(Loss::Torn(1)), "old").map(|text| text.len()), Some(5));
}

#[test]
fn a_torn_write_keeps_whole_sectors_and_loses_others() {
    // Whatever has many sectors, each another.
    let disk = after("dd if=/bin/sh of=wide bs=65536 count=1 status=none");
    let program = std::fs::read("/bin/sh").expect("a shell");

    let image = disk.after_a_cut(Loss::Torn(3));

    let bytes = image[Path::new("wide")].clone().expect("a file");
    let is_lost = |sector: &[u8]| sector.iter().all(|byte| *byte == 0);
    let sectors = || bytes.chunks(512).zip(program.chunks(512));
    let kept = sectors().filter(|(torn, whole)| !is_lost(torn) && torn == whole).count();
    let lost = sectors().filter(|(torn, _)| is_lost(torn)).count();
    assert_eq!(kept + lost, bytes.len().div_ceil(512), "each is whole, or not there at all");
    assert!((32..96).contains(&kept), "{kept} of 128");
    assert!(disk.after_a_cut(Loss::Torn(3)) == image, "the same seed, the same loss");
}
