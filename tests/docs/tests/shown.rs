//! What these tests rest on: a document that tells something else than what happens is found.

use documents::{Document, Item, can_be_made, is_shown_by, runs};

#[test]
fn lines_and_parts_of_lines_that_are_left_out_stand_for_anything() {
    let printed = "one 1\n\ntwo 22 of 3\nthree  \n";
    for shown in [
        "one 1\ntwo 22 of 3\nthree",
        "…",
        "one …\n…\nthree",
        "…\none 1\n…\ntwo … of …\n…\nthree\n…",
    ] {
        assert!(is_shown_by(printed, shown), "{shown}");
    }
}

#[test]
fn whatever_else_is_shown_is_wrong() {
    let printed = "one 1\ntwo 22 of 3\nthree\n";
    for shown in [
        "",
        "one 1\nthree",
        "one 1\n…\nfour",
        "…\none",
        "one 1\ntwo … of 4\nthree",
        "one 1\ntwo 22 of 3",
        "one 1\nthree\ntwo 22 of 3",
    ] {
        assert!(!is_shown_by(printed, shown), "{shown}");
    }
}

#[test]
fn a_document_is_read_as_it_is_written() {
    let manual = Document::read("packaging/man/patd.toml.5");
    let blocks = manual.blocks();
    let text = &blocks.first().expect("it has an example").1.text;
    assert!(text.contains("name = \"MYORG-MYACCOUNT\""), "{text}");
    assert!(!text.contains('\\'), "{text}");
}

#[test]
fn a_command_that_prints_something_else_is_found() {
    if !can_be_made("documents") {
        return;
    }
    for (name, is_right) in [("shows what is printed", true), ("shows something else", false)] {
        let document = Document::read("tests/docs/tests/wrong.md");
        let runs = runs(&document);
        let run = runs.iter().find(|run| run.name == name).expect("it is there");
        let ended = std::thread::scope(|scope| scope.spawn(|| drop(run.carry_out())).join());
        assert_eq!(ended.is_ok(), is_right, "{name}");
    }
    let items = Document::read("tests/docs/tests/wrong.md").items;
    assert!(items.iter().any(|item| matches!(item, Item::Block(_))));
}
