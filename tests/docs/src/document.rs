//! Markdown and manual pages as lists of what the tests look at: headings, marks and blocks. Pure but for the reading.
//!
//! A mark is an HTML comment on a line of its own (`<!-- … -->`), in a manual page a comment (`.\" …`).

use crate::root;

/// A document.
pub struct Document {
    /// Its path below the root of the workspace.
    pub name: String,
    /// What is in it, in order.
    pub items: Vec<Item>,
}

/// A part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The text of a heading.
    Heading(String),
    /// What a mark says.
    Mark(String),
    /// A fenced block, or one between `.nf` and `.fi`.
    Block(Block),
}

/// A block of code or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The line of the document on which its text begins.
    pub line: usize,
    /// The word after the fence; `man` in a manual page.
    pub language: String,
    /// Its lines.
    pub text: String,
}

impl Document {
    /// Reads a document below the root of the workspace.
    pub fn read(name: &str) -> Self {
        let path = root().join(name);
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let items = if name.ends_with(".md") { markdown(&text) } else { manual(&text) };
        Self { name: name.to_owned(), items }
    }

    /// Returns its blocks, each with the marks right before it.
    pub fn blocks(&self) -> Vec<(Vec<&str>, &Block)> {
        let mut marks = Vec::new();
        let mut blocks = Vec::new();
        for item in &self.items {
            match item {
                Item::Mark(mark) => marks.push(mark.as_str()),
                Item::Heading(_) => marks.clear(),
                Item::Block(block) => blocks.push((std::mem::take(&mut marks), block)),
            }
        }
        blocks
    }
}

fn markdown(text: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            let inside = lines.by_ref().map(|(_, line)| line);
            let inside = inside.take_while(|line| line.trim() != "```");
            let text = inside.map(|line| format!("{line}\n")).collect();
            let language = language.trim().to_owned();
            items.push(Item::Block(Block { line: number + 2, language, text }));
        } else if let Some(heading) = line.strip_prefix('#') {
            items.push(Item::Heading(heading.trim_start_matches('#').trim().to_owned()));
        } else if let Some(mark) = line.strip_prefix("<!-- ") {
            items.push(Item::Mark(mark.trim_end_matches("-->").trim().to_owned()));
        }
    }
    items
}

fn manual(text: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if matches!(line, ".nf" | ".EX") {
            let mut block = Block { line: number + 2, language: "man".into(), text: String::new() };
            for (number, line) in lines.by_ref() {
                match line.strip_prefix(".\\\" ") {
                    _ if matches!(line, ".fi" | ".EE") => break,
                    // What is around the commands may change between two of them.
                    Some(mark) => {
                        let next = Block { line: number + 2, text: String::new(), ..block.clone() };
                        let before = std::mem::replace(&mut block, next);
                        items.push(Item::Block(before));
                        items.push(Item::Mark(mark.trim().to_owned()));
                    }
                    None => block.text += &format!("{}\n", unescaped(line)),
                }
            }
            items.push(Item::Block(block));
        } else if let Some(heading) = line.strip_prefix(".SH ") {
            items.push(Item::Heading(heading.to_owned()));
        } else if let Some(mark) = line.strip_prefix(".\\\" ") {
            items.push(Item::Mark(mark.trim().to_owned()));
        }
    }
    items
}

/// A line as the reader of the page sees it.
fn unescaped(line: &str) -> String {
    line.replace("\\-", "-").replace("\\(dq", "\"").replace("\\&", "").replace("\\e", "\\")
}
