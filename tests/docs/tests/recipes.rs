//! docs/recipes.md, carried out: each recipe on a host of its own, with its files, commands and output as they stand there.
//!
//! `RECIPE=NAME DOCUMENTS_SAY=1 cargo test -p documents --test recipes -- --nocapture` shows what one prints.

use std::thread;

use documents::{Document, Item, Run, can_be_made, runs};

#[test]
fn each_recipe_goes_as_it_is_written() {
    if !can_be_made("documents") {
        return;
    }
    let document = Document::read("docs/recipes.md");
    let only = std::env::var("RECIPE").ok();
    let mut recipes = runs(&document);
    recipes.retain(|run| only.as_ref().is_none_or(|name| *name == run.name));
    assert!(!recipes.is_empty(), "no recipe is called {only:?}");

    // A thread is what a host is made around.
    let wrong: Vec<&str> = thread::scope(|scope| {
        let carry_out = |run: &'static Run| scope.spawn(|| drop(run.carry_out()));
        let recipes: &'static [Run] = recipes.leak();
        let running: Vec<_> = recipes.iter().map(|run| (run, carry_out(run))).collect();
        let ended = running.into_iter().map(|(run, thread)| (run, thread.join()));
        ended.filter(|(_, ended)| ended.is_err()).map(|(run, _)| run.name.as_str()).collect()
    });

    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn each_section_is_a_recipe_that_is_carried_out() {
    let document = Document::read("docs/recipes.md");
    let mut sections: Vec<(&str, usize)> = Vec::new();
    for item in &document.items {
        match (item, sections.last_mut()) {
            (Item::Heading(heading), _) => sections.push((heading, 0)),
            (Item::Mark(mark), Some((_, worlds))) if mark.starts_with("world: ") => *worlds += 1,
            (Item::Mark(_) | Item::Block(_), _) => {}
        }
    }

    // The first is the page's own title.
    let without: Vec<_> = sections.iter().skip(1).filter(|(_, worlds)| *worlds == 0).collect();
    assert!(sections.len() > 7 && without.is_empty(), "{without:?}");
}
