//! docs/recipes.md, carried out: each recipe on a host of its own, with its files, commands and output as they stand there.
//!
//! `RECIPE=NAME DOCUMENTS_SAY=1 cargo test -p documents --test recipes -- --nocapture` shows what one prints.

use std::fs;
use std::thread;

use documents::{Document, Item, Run, can_be_made, root, runs};
use patd_core::names::Account;
use patd_snowflake::jwt::account_claim;

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

#[test]
fn each_form_of_an_account_leads_to_its_address_and_logs_in_by_its_name_alone() {
    let page = fs::read_to_string(root().join("docs/recipes.md")).unwrap();
    let (_, table) = page.split_once("\n| address of the account |").unwrap();
    let rows: Vec<&str> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 5, "{rows:?}");
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [address, name, host] = cells[..] else { panic!("{row}") };
        let address = address.split(',').next().unwrap();
        let name = name.trim_matches('`');
        let host = match host {
            "–" => String::new(),
            "as it is" => format!("host = \"{address}\"\n"),
            other => panic!("{other}"),
        };
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[account]\nname = \"{name}\"\n{host}\n[admin]\nuser = \"U\"\nrole = \"R\"\n\
             key = \"systemd-credential:admin-key\"\n\n[store]\nroot_key = \"systemd-credential:root-key\"\n"
        );
        fs::write(folder.path().join("patd.toml"), text).unwrap();

        let config = patd_config::load(folder.path()).unwrap_or_else(|faults| panic!("{faults}"));
        let account = config.accounts.values().next().unwrap();
        let claim = account_claim(&Account::new(name));

        assert_eq!(account.host, address, "{row}");
        assert!(["MYORG-MYACCOUNT", "MYORG-MY_ACCOUNT", "SIM12345"].contains(&claim.as_str()));
        assert!(address.starts_with(&claim.to_lowercase().replace('_', "-")), "{row}: {claim}");
    }
}
