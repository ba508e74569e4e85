//! A strict reader of OpenMetrics 1.0 (as far as gauges, counters and infos go): whatever the specification does not
//! allow ends the test.

use std::collections::{BTreeMap, BTreeSet};

/// The samples by name and labels, as they stand in the text.
pub(crate) type Samples = BTreeMap<String, i64>;

/// One family while its lines are read.
#[derive(Default)]
struct Family<'t> {
    name: &'t str,
    kind: &'t str,
    unit: Option<&'t str>,
    has_help: bool,
}

pub(crate) fn read(text: &str) -> Samples {
    let body = text.strip_suffix("# EOF\n").unwrap();
    assert!(body.is_empty() || body.ends_with('\n'), "the last line is whole");
    let (mut family, mut seen, mut samples) = (Family::default(), BTreeSet::new(), Samples::new());
    for line in body.lines() {
        match line.strip_prefix("# ") {
            Some(about) => family.is_told(about, &mut seen),
            None => {
                assert!(family.has_help, "a family is described before its samples: {line}");
                let (sample, value) = line.rsplit_once(' ').unwrap();
                family.owns(sample);
                let value = value.parse().unwrap();
                assert!(family.kind == "gauge" || value >= 0, "{line}");
                assert!(family.kind != "info" || value == 1, "{line}");
                assert!(samples.insert(sample.to_owned(), value).is_none(), "twice: {line}");
            }
        }
    }
    samples
}

impl<'t> Family<'t> {
    fn is_told(&mut self, about: &'t str, seen: &mut BTreeSet<&'t str>) {
        let mut words = about.splitn(3, ' ');
        let (what, name, said) =
            (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        if what == "TYPE" {
            assert!(seen.insert(name), "families do not interleave: {name}");
            assert!(["gauge", "counter", "info"].contains(&said), "{about}");
            assert!(
                is_name(name) && !name.ends_with("_total") && !name.ends_with("_info"),
                "{name}"
            );
            *self = Family { name, kind: said, unit: None, has_help: false };
            return;
        }
        assert_eq!(self.name, name, "TYPE comes first: {about}");
        assert!(!self.has_help, "TYPE, UNIT, HELP: {about}");
        match what {
            "UNIT" => {
                assert!(name.ends_with(&format!("_{said}")) && self.unit.is_none(), "{about}");
                self.unit = Some(said);
            }
            "HELP" => self.has_help = is_escaped(said),
            other => panic!("{other} is no descriptor"),
        }
    }

    fn owns(&self, sample: &str) {
        let suffix = match self.kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        let (name, labels) = sample.split_once('{').unwrap_or((sample, "}"));
        assert_eq!(name, format!("{}{suffix}", self.name), "{sample}");
        let labels = labels.strip_suffix('}').unwrap();
        let mut names = BTreeSet::new();
        let mut rest = labels;
        while !rest.is_empty() {
            let (label, after) = rest.split_once("=\"").unwrap();
            assert!(is_name(label) && names.insert(label.to_owned()), "{sample}");
            let end = end_of_value(after).unwrap();
            assert!(is_escaped(&after[..end]), "{sample}");
            rest = &after[end + 1..];
            if let Some(more) = rest.strip_prefix(',') {
                assert!(!more.is_empty(), "no comma at the end: {sample}");
                rest = more;
            } else {
                assert!(rest.is_empty(), "{sample}");
            }
        }
    }
}

/// Where the quotes close.
fn end_of_value(text: &str) -> Option<usize> {
    let mut is_escape = false;
    text.char_indices().find_map(|(at, c)| {
        let closes = c == '"' && !is_escape;
        is_escape = c == '\\' && !is_escape;
        closes.then_some(at)
    })
}

fn is_escaped(text: &str) -> bool {
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => assert!(matches!(letters.next(), Some('\\' | 'n' | '"')), "{text}"),
            '"' | '\n' => panic!("not escaped: {text}"),
            _ => {}
        }
    }
    true
}

fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    text.bytes().next().is_some_and(is_letter)
        && text.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit())
}
