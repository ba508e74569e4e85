//! The dashboard and the alerts that are shipped know the names and labels that the daemon exports, and no others.

#![expect(clippy::unwrap_used, reason = "a file that is not as it must be ends the test")]

use std::collections::BTreeSet;
use std::path::Path;

use pat_wire::metrics::Kind;
use patd::metrics::{ALL, Meta};
use serde_json::Value;

#[test]
fn the_dashboard_shows_every_number_and_asks_for_no_other() {
    let dashboard: Value = serde_json::from_str(&file("packaging/grafana/patd.json")).unwrap();
    let queries: Vec<&str> = texts(&dashboard, &["expr", "query", "definition"]);

    let named: BTreeSet<_> = queries.iter().flat_map(|query| names(query)).collect();

    let exported: BTreeSet<_> = ALL.iter().map(|meta| sample_name(meta)).collect();
    assert_eq!(named, exported, "what is exported and not shown is noise; else a panel is empty");
    queries.iter().for_each(|query| assert_labels(query));
}

#[test]
fn a_panel_of_the_dashboard_says_what_it_shows_from_the_chosen_source_in_one_of_four_rows() {
    let dashboard: Value = serde_json::from_str(&file("packaging/grafana/patd.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let rows: Vec<_> = panels.iter().filter(|panel| panel["type"] == "row").collect();
    let titles: Vec<_> = rows.iter().map(|row| row["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Service", "Slots", "Hand-outs", "Snowflake"]);

    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(
            ids.insert(panel["id"].as_u64().unwrap()),
            "each panel has an id of its own: {panel}"
        );
        if panel["type"] == "row" {
            continue;
        }
        assert!(panel["description"].as_str().unwrap().ends_with('.'), "{panel}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel}");
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{panel}");
            assert!(target["expr"].as_str().unwrap().contains("$instance"), "{panel}");
            let known: BTreeSet<_> = labels_of(target["expr"].as_str().unwrap());
            for label in legend(target["legendFormat"].as_str().unwrap()) {
                assert!(known.contains(label), "{label} is no label of {target}");
            }
            let (query, said) = (target["expr"].as_str().unwrap(), &target["legendFormat"]);
            let is_of_one = !["sum", "min", "max"].iter().any(|over| query.contains(over));
            let tells_hosts_apart = said.as_str().unwrap().contains("{{instance}}");
            assert!(!is_of_one || tells_hosts_apart, "each host has a line of its own: {query}");
        }
    }
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let variables: Vec<_> = variables.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(variables, ["datasource", "instance", "account"]);
}

#[test]
fn no_two_panels_of_the_dashboard_lie_on_each_other() {
    let dashboard: Value = serde_json::from_str(&file("packaging/grafana/patd.json")).unwrap();
    let mut taken = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let place = |side: &str| panel["gridPos"][side].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{panel}");
        for y in place("y")..place("y") + place("h") {
            for x in place("x")..place("x") + place("w") {
                assert!(taken.insert((x, y)), "{}", panel["title"]);
            }
        }
    }
}

#[test]
fn every_alert_has_an_expression_over_exported_names_a_severity_and_a_next_step() {
    let rules = file("packaging/prometheus/patd.rules.yml");
    let mut alerts = BTreeSet::new();
    for rule in rules.split("      - alert: ").skip(1) {
        let (alert, rest) = rule.split_once('\n').unwrap();
        assert!(alert.starts_with("Patd") && alerts.insert(alert), "{alert}");
        let (expression, rest) = rest.split_once("        labels:\n").unwrap();
        let expression = expression.strip_prefix("        expr: ").unwrap();
        let named = names(expression);
        let of_others = ["node_textfile_mtime_seconds"];
        assert!(!named.is_empty() || of_others.iter().any(|name| expression.contains(name)));
        let exported: BTreeSet<_> = ALL.iter().map(|meta| sample_name(meta)).collect();
        assert!(named.iter().all(|name| exported.contains(name)), "{alert}: {named:?}");
        assert_labels(expression);
        let known = labels_of(expression);
        for label in rest.split("$labels.").skip(1) {
            let label: String = label.chars().take_while(|c| c.is_ascii_lowercase()).collect();
            assert!(known.contains(label.as_str()), "{alert}: {label}");
        }
        assert!(
            rest.contains("severity: critical\n") || rest.contains("severity: warning\n"),
            "{alert}"
        );
        assert!(rest.contains("          summary: \""), "{alert}");
        assert!(rest.contains("          description: \"Next: "), "{alert}");
    }
    assert!(alerts.len() >= 10, "{alerts:?}");
}

/// Every text under one of these keys.
fn texts<'v>(value: &'v Value, keys: &[&str]) -> Vec<&'v str> {
    match value {
        Value::Object(object) => object
            .iter()
            .flat_map(|(key, value)| match value.as_str() {
                Some(text) if keys.contains(&key.as_str()) => vec![text],
                Some(_) | None => texts(value, keys),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(|item| texts(item, keys)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// The names of ours in a query.
fn names(query: &str) -> Vec<String> {
    let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = query.split(|c: char| !is_of_a_name(c));
    words.filter(|word| word.starts_with("patd_")).map(str::to_owned).collect()
}

fn sample_name(meta: &Meta) -> String {
    let suffix = match meta.kind {
        Kind::Gauge => "",
        Kind::Counter => "_total",
        Kind::Info => "_info",
    };
    format!("{}{suffix}", meta.name)
}

/// The labels that the samples of a query may have: `instance` is the scraper's own.
fn labels_of(query: &str) -> BTreeSet<&'static str> {
    let named = names(query);
    let asked = ALL.iter().filter(|meta| named.contains(&sample_name(meta)));
    asked.flat_map(|meta| meta.labels).copied().chain(["instance"]).collect()
}

/// A selector and a grouping that name a label no sample has select nothing, and say nothing.
fn assert_labels(query: &str) {
    let known = labels_of(query);
    for (at, _) in query.match_indices("patd_") {
        let rest: &str = query.get(at..).unwrap();
        let name: String =
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let meta = ALL.iter().find(|meta| sample_name(meta) == name);
        let Some(selector) = rest.get(name.len()..).and_then(|rest| rest.strip_prefix('{')) else {
            continue;
        };
        let (selector, _) = selector.split_once('}').unwrap();
        for label in selector.split(',').map(|one| one.split(['=', '!']).next().unwrap()) {
            let own = meta.map(|meta| meta.labels).unwrap_or_default();
            assert!(label == "instance" || own.contains(&label), "{label} of {name}");
        }
    }
    for grouping in query.split("by (").chain(query.split("on (")).skip(1) {
        let Some((grouping, _)) = grouping.split_once(')') else { continue };
        let is_grouping = grouping.chars().all(|c| c.is_ascii_lowercase() || c == ',' || c == ' ');
        for label in grouping.split(", ").filter(|_| is_grouping) {
            assert!(known.contains(label), "{label} in {query}");
        }
    }
}

fn legend(format: &str) -> Vec<&str> {
    let labels = format.split("{{").skip(1);
    labels.map(|rest| rest.split("}}").next().unwrap()).collect()
}

fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)).unwrap()
}
