//! `pat-exec --list`: the caller's own connections, as a table.

use pat_wire::message::{Delivery, List, Listed};
use pat_wire::text::plain;

/// Returns the table, or a sentence if it would be empty.
pub(crate) fn table(list: &List) -> String {
    if list.connections.is_empty() {
        return "no connections for you; next: ask root: patctl explain\n".to_owned();
    }
    let header = ["CONNECTION", "USER", "ROLE", "DELIVERY", "READY"].map(str::to_owned);
    let rows: Vec<[String; 5]> =
        std::iter::once(header).chain(list.connections.iter().map(row)).collect();
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn row(listed: &Listed) -> [String; 5] {
    let names = listed.deliver.iter().map(|delivery| match delivery {
        Delivery::Home => "home",
        Delivery::Env => "env",
    });
    [
        plain(&listed.connection),
        plain(&listed.user),
        plain(&listed.role),
        names.collect::<Vec<_>>().join(","),
        if listed.ready { "yes" } else { "no" }.to_owned(),
    ]
}

fn line(row: &[String; 5], widths: &[usize; 5]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
    let line = cells.collect::<Vec<_>>().join("  ");
    format!("{}\n", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_the_default_delivery_is_first() {
        let listed = |connection: &str, ready| Listed {
            connection: connection.into(),
            user: "U".into(),
            role: "R".into(),
            deliver: vec![Delivery::Env, Delivery::Home],
            ready,
        };
        let list = List { connections: vec![listed("a", true), listed("miguel_cli", false)] };

        let expected = "CONNECTION  USER  ROLE  DELIVERY  READY\n\
                        a           U     R     env,home  yes\n\
                        miguel_cli  U     R     env,home  no\n";
        assert_eq!(table(&list), expected);
    }

    #[test]
    fn a_name_commands_no_terminal_and_makes_no_line_of_its_own() {
        let listed = Listed {
            connection: "a\u{1b}[2J".into(),
            user: "U\nb".into(),
            role: "R\u{202e}".into(),
            deliver: vec![Delivery::Home],
            ready: true,
        };

        let table = table(&List { connections: vec![listed] });

        assert_eq!(table.lines().count(), 2);
        assert!(!table.contains(['\u{1b}', '\u{202e}']), "{table:?}");
    }

    #[test]
    fn nobody_is_shown_an_empty_table() {
        assert!(table(&List { connections: vec![] }).contains("patctl explain"));
    }
}
