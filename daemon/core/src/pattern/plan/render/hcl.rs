//! HCL as text: blocks, attributes, and strings in which nothing is a template.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The right side of an attribute.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A text.
    Text(String),
    /// A reference: `snowflake_account_role.x.name`.
    Reference(String),
    /// A number.
    Number(u32),
    /// A list.
    List(Vec<Value>),
}

/// A block: `resource "a" "b" { … }`.
pub(super) struct Block {
    head: String,
    lines: Vec<Line>,
}

enum Line {
    Attribute(&'static str, Value),
    Block(Block),
    Comment(&'static str),
}

impl Block {
    /// Begins a block of this kind with these labels.
    pub(super) fn new(kind: &str, labels: &[&str]) -> Self {
        let mut head = kind.to_owned();
        for label in labels {
            head.push(' ');
            head.push_str(&text(label));
        }
        Self { head, lines: Vec::new() }
    }

    /// Begins a resource.
    pub(super) fn resource(kind: &str, label: &str) -> Self {
        Self::new("resource", &[kind, label])
    }

    /// Adds an attribute.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.lines.push(Line::Attribute(name, value.into()));
        self
    }

    /// Adds an attribute, where there is one.
    pub(super) fn with_some(self, name: &'static str, value: Option<Value>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds a block.
    pub(super) fn block(mut self, block: Self) -> Self {
        self.lines.push(Line::Block(block));
        self
    }

    /// Adds a comment of ours.
    pub(super) fn comment(mut self, comment: &'static str) -> Self {
        self.lines.push(Line::Comment(comment));
        self
    }

    /// Returns the block as text.
    pub(super) fn print(&self) -> String {
        self.indented("")
    }

    fn indented(&self, indent: &str) -> String {
        let inner = format!("{indent}  ");
        let mut out = format!("{indent}{} {{\n", self.head);
        let widest = self.lines.iter().map(Line::width).max().unwrap_or_default();
        for line in &self.lines {
            // Writing to a String cannot fail.
            let _ = match line {
                Line::Attribute(name, value) => {
                    writeln!(out, "{inner}{name:widest$} = {}", value.print())
                }
                Line::Block(block) => write!(out, "{}", block.indented(&inner)),
                Line::Comment(comment) => writeln!(out, "{inner}# {comment}"),
            };
        }
        let _ = writeln!(out, "{indent}}}");
        out
    }
}

impl Line {
    fn width(&self) -> usize {
        match self {
            Self::Attribute(name, _) => name.len(),
            Self::Block(_) | Self::Comment(_) => 0,
        }
    }
}

impl Value {
    fn print(&self) -> String {
        match self {
            Self::Text(value) => text(value),
            Self::Reference(reference) => reference.clone(),
            Self::Number(number) => number.to_string(),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::print).collect();
                format!("[{}]", items.join(", "))
            }
        }
    }

    /// Makes a list of texts.
    pub(super) fn texts<'t>(items: impl IntoIterator<Item = &'t str>) -> Self {
        Self::List(items.into_iter().map(Self::from).collect())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Returns a text in quotes. `${` and `%{` would begin a template: their first character is written by its number,
/// which no template begins with (hcl: spec, "Template Literals").
pub(super) fn text(value: &str) -> String {
    let mut out = String::from('"');
    let mut rest = value.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '$' | '%' if rest.peek() == Some(&'{') => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// Labels of resources: each name gives one, and no two names the same.
pub(super) struct Labels(BTreeSet<String>);

impl Labels {
    /// Keeps labels from being given to names.
    pub(super) fn reserving(labels: &[&str]) -> Self {
        Self(labels.iter().map(|&label| label.to_owned()).collect())
    }

    /// Returns a new label that looks like the name.
    pub(super) fn label(&mut self, name: &str) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        let mut label: String = name.chars().map(plain).collect();
        if !label.starts_with(|first: char| first.is_ascii_lowercase()) {
            label.insert_str(0, "x_");
        }
        let base = label.clone();
        let mut next = 2;
        while !self.0.insert(label.clone()) {
            label = format!("{base}_{next}");
            next += 1;
        }
        label
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_a_template_or_leaves_its_quotes() {
        for (given, wanted) in [
            ("plain", r#""plain""#),
            ("${var.x}", r#""\u0024{var.x}""#),
            ("%{if true}", r#""\u0025{if true}""#),
            ("$${x}", r#""$\u0024{x}""#),
            ("a$b%c", r#""a$b%c""#),
            (r#"a"b\c"#, r#""a\"b\\c""#),
            ("a\nb", r#""a\u000ab""#),
        ] {
            assert_eq!(text(given), wanted);
        }
    }

    #[test]
    fn names_that_look_alike_get_labels_of_their_own() {
        let mut labels = Labels::reserving(&["x_1"]);

        assert_eq!(labels.label("A.B"), "a_b");
        assert_eq!(labels.label("A_B"), "a_b_2");
        assert_eq!(labels.label("1"), "x_1_2");
    }
}
