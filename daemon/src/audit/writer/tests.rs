//! The file itself: torn, full, moved, cut, rotated, of an older format; and what the proof says of it.

use std::os::unix::fs::PermissionsExt as _;

use patd_audit::{Hash, Log, What};

use super::*;

fn fault(folder: &Path) -> Option<What> {
    let proof = Log::open(folder).unwrap().prove(&[]).unwrap();
    proof.fault.map(|fault| fault.what)
}

fn lines(folder: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(folder.join(CURRENT)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn records_are_numbered_on_across_a_restart_and_private() {
    let folder = tempfile::tempdir().unwrap();
    Writer::open(folder.path(), "b", 0).unwrap().append(0, &Event::Stop, false).unwrap();
    Writer::open(folder.path(), "b", 0).unwrap().append(1, &Event::Stop, false).unwrap();

    let lines = lines(folder.path());
    assert_eq!(lines[0]["seq"], 1);
    assert_eq!(lines[1]["seq"], 2);
    assert_eq!(lines[1]["at"], "1970-01-01T00:00:01Z");
    let mode = std::fs::metadata(folder.path().join(CURRENT)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_torn_last_record_is_cut_off_and_said() {
    let folder = tempfile::tempdir().unwrap();
    Writer::open(folder.path(), "b", 0).unwrap().append(0, &Event::Stop, false).unwrap();
    let mut file = OpenOptions::new().append(true).open(folder.path().join(CURRENT)).unwrap();
    file.write_all(b"{\"seq\":2,\"at").unwrap();

    Writer::open(folder.path(), "b", 0).unwrap();

    let lines = lines(folder.path());
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[1]["event"], &lines[1]["seq"]), (&"gap".into(), &2.into()));
}

#[test]
fn a_full_disk_refuses_the_record_and_writing_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(folder.path(), "b", 0).unwrap();
    writer.append(0, &Event::Stop, false).unwrap();
    writer.file = OpenOptions::new().append(true).open("/dev/full").unwrap();

    assert!(writer.append(1, &Event::Stop, false).is_err());
    writer.append(2, &Event::Stop, false).unwrap();

    let events: Vec<_> = lines(folder.path()).iter().map(|line| line["event"].clone()).collect();
    assert_eq!(events, ["stop", "gap", "stop"]);
}

#[test]
fn a_large_log_is_rotated_and_numbering_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(folder.path(), "b", 0).unwrap();
    writer.append(0, &Event::Stop, false).unwrap();
    writer.size = ROTATE_AT;

    writer.append(1, &Event::Stop, false).unwrap();
    drop(writer);
    std::fs::remove_file(folder.path().join(CURRENT)).unwrap();
    let writer = Writer::open(folder.path(), "b", 0).unwrap();

    assert_eq!(writer.chain.next_seq(), 2, "continued from the rotated file");
}

#[test]
fn what_a_rotation_throws_away_is_known_by_its_age() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(folder.path(), "b", 0).unwrap();
    let mut full_at = |at| {
        writer.size = ROTATE_AT;
        writer.append(at, &Event::Stop, false).unwrap();
        writer.thrown_away.take()
    };
    // The first makes room for itself in an empty log: nothing is in the file that goes last.
    for at in 0..i64::from(OLDER) {
        assert_eq!(full_at(at), None, "there was room for the file of {at}");
    }
    let _empty = full_at(100);

    assert_eq!(full_at(1_000), Some(1_000), "the record of second 0");
    assert_eq!(full_at(1_000), Some(999), "the record of second 1");
}

#[test]
fn the_chain_goes_on_over_a_restart_and_a_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(folder.path(), "b", 0).unwrap();
    for at in 0..3 {
        writer.append(at, &Event::Stop, false).unwrap();
        writer.size = ROTATE_AT;
    }
    drop(writer);
    let mut writer = Writer::open(folder.path(), "b", 3).unwrap();
    writer.append(3, &Event::Stop, false).unwrap();

    let proof = Log::open(folder.path()).unwrap().prove(&[]).unwrap();
    assert_eq!((proof.records, proof.old, proof.fault), (4, 0, None));
    assert_eq!(proof.last, writer.chain.head());
}

#[test]
fn a_log_of_the_format_before_is_continued() {
    let folder = tempfile::tempdir().unwrap();
    let old = "{\"seq\":41,\"at\":\"2026-11-21T10:00:00Z\",\"boot\":\"b\",\"event\":\"stop\"}\n";
    std::fs::write(folder.path().join(CURRENT), old).unwrap();

    Writer::open(folder.path(), "b", 0).unwrap().append(0, &Event::Stop, false).unwrap();

    let lines = lines(folder.path());
    assert_eq!((lines.len(), &lines[1]["seq"]), (2, &42.into()));
    let proof = Log::open(folder.path()).unwrap().prove(&[]).unwrap();
    assert_eq!((proof.old, proof.fault), (1, None));
    std::fs::write(folder.path().join(rotated(1)), old.replace("41", "40")).unwrap();
    assert_eq!(fault(folder.path()), None, "numbered on");
    let edited = std::fs::read_to_string(folder.path().join(CURRENT)).unwrap();
    std::fs::write(folder.path().join(CURRENT), edited.replace("T10:", "T11:")).unwrap();
    assert_eq!(fault(folder.path()), Some(What::Remade), "the chain holds the last of them");
}

#[test]
fn a_rotation_that_fails_again_and_again_throws_nothing_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(folder.path(), "b", 0).unwrap();
    for at in 0..5 {
        writer.append(at, &Event::Stop, false).unwrap();
        writer.size = ROTATE_AT;
    }
    // No file can be made under the name that the next one needs.
    std::fs::create_dir(folder.path().join(NEXT)).unwrap();

    for at in 5..20 {
        writer.size = ROTATE_AT;
        writer.doubt = None;
        assert!(writer.append(at, &Event::Stop, false).is_err());
    }
    std::fs::remove_dir(folder.path().join(NEXT)).unwrap();
    writer.append(20, &Event::Stop, false).unwrap();

    let proof = Log::open(folder.path()).unwrap().prove(&[]).unwrap();
    assert_eq!((proof.first, proof.fault), (Some(1), None));
    let gap = lines(folder.path()).into_iter().find(|line| line["event"] == "gap").unwrap();
    assert_eq!(gap["lost"], 15);
}

#[test]
fn a_rotation_that_breaks_off_half_way_loses_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(folder.path(), "b", 0).unwrap();
    writer.append(0, &Event::Stop, false).unwrap();
    // As after a kill between the two renames.
    std::fs::rename(folder.path().join(CURRENT), folder.path().join(rotated(1))).unwrap();
    std::fs::write(folder.path().join(NEXT), "").unwrap();
    drop(writer);

    let mut writer = Writer::open(folder.path(), "b", 1).unwrap();
    writer.append(1, &Event::Stop, false).unwrap();
    writer.size = ROTATE_AT;
    writer.append(2, &Event::Stop, false).unwrap();

    let proof = Log::open(folder.path()).unwrap().prove(&[]).unwrap();
    assert_eq!((proof.records, proof.fault), (3, None));
}

#[test]
fn a_log_that_is_moved_or_cut_while_it_is_written_is_noticed_and_shows() {
    for meddle in [Doubt::Moved, Doubt::Cut] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CURRENT);
        let mut writer = Writer::open(folder.path(), "b", 0).unwrap();
        writer.append(0, &Event::Stop, false).unwrap();
        writer.look();
        assert_eq!(writer.meddling, None);
        match meddle {
            Doubt::Moved => std::fs::rename(&path, folder.path().join("away")).unwrap(),
            Doubt::Cut | Doubt::Failed => writer.file.set_len(0).unwrap(),
        }

        writer.look();
        writer.append(1, &Event::Stop, false).unwrap();

        assert_eq!(writer.meddling, Some(meddle.said()));
        let lines = lines(folder.path());
        assert_eq!((&lines[0]["event"], &lines[0]["seq"]), (&"gap".into(), &2.into()));
        let noted = Head { seq: 1, hash: Hash::ORIGIN };
        let proof = Log::open(folder.path()).unwrap().prove(&[noted]).unwrap();
        assert_eq!((proof.first, proof.too_early.len()), (Some(2), 1));
    }
}

#[test]
fn a_last_record_that_was_changed_while_nobody_wrote_is_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(CURRENT);
    Writer::open(folder.path(), "b", 0).unwrap().append(0, &Event::Stop, false).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("stop", "st0p")).unwrap();

    let writer = Writer::open(folder.path(), "b", 1).unwrap();

    assert_eq!(writer.meddling, Some(NOT_AS_WRITTEN));
    assert_eq!(lines(folder.path())[1]["what"], NOT_AS_WRITTEN);
    assert_eq!(fault(folder.path()), Some(What::Edited));
}

/// A pipe takes what is written, and cannot be synced.
fn pipe() -> (File, File) {
    let (reads, writes) = nix::unistd::pipe().unwrap();
    (reads.into(), writes.into())
}

#[test]
fn a_strict_record_is_not_written_before_the_disk_has_it_and_another_one_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(folder.path(), "b", 0).unwrap();
    let (_reads, writes) = pipe();
    writer.file = writes;

    assert!(writer.append(0, &Event::Stop, false).is_ok(), "the kernel has it");
    assert!(writer.append(0, &Event::Stop, true).is_err(), "the disk has it not");
    writer.append(0, &Event::Stop, true).unwrap();
    assert_eq!(lines(folder.path())[0]["event"], "gap");
}

#[test]
fn a_file_that_cannot_be_written_to_refuses_every_record() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(folder.path(), "b", 0).unwrap();
    writer.append(0, &Event::Stop, false).unwrap();
    writer.file = File::open(folder.path().join(CURRENT)).unwrap();
    assert!(writer.append(1, &Event::Stop, false).is_err());
    assert_eq!((lines(folder.path()).len(), fault(folder.path())), (1, None));
}
