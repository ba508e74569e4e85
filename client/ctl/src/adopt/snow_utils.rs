//! The manifest that the Cortex skill snow-utils-pat keeps (`.snow-utils/snow-utils-manifest.md`): Markdown with one
//! marked section a service user. Read strictly; what it says is somebody's note, and the account is asked all the same.

/// What a section says of one service user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// The user, as SHOW spells it.
    pub(crate) user: String,
    /// Its role.
    pub(crate) role: String,
    /// The token that the skill made.
    pub(crate) token: Option<String>,
    /// The network policy.
    pub(crate) network_policy: Option<String>,
    /// The authentication policy, by its full name.
    pub(crate) authentication_policy: Option<[String; 3]>,
    /// How far the skill came.
    pub(crate) state: State,
}

/// The status of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The skill was interrupted.
    InProgress,
    /// Everything was made.
    Complete,
    /// It was taken down again, and is kept as a record.
    Removed,
}

/// What cannot be read, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub(crate) struct Unreadable {
    /// From 1.
    line: usize,
    what: String,
}

/// Returns the sections about service users, in their order. Sections of other skills are passed over.
pub(crate) fn sections(text: &str) -> Result<Vec<Section>, Unreadable> {
    let mut found = Vec::new();
    let mut open: Option<Draft> = None;
    let mut in_code = false;
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        if text.starts_with("```") {
            in_code = !in_code;
        } else if in_code {
            // An example or a command; a marker in it marks nothing.
        } else if let Some(name) = marker(text, "START") {
            if let Some(open) = &open {
                return Err(wrong(line, format!("section {} is not ended before", open.name)));
            }
            open = Some(Draft::new(name, line));
        } else if let Some(name) = marker(text, "END") {
            let ended = open.take().filter(|open| open.name == name);
            let ended = ended.ok_or_else(|| wrong(line, format!("no section {name} is open")))?;
            found.extend(ended.finish()?);
        } else if let Some(open) = &mut open {
            open.take(line, text)?;
        }
    }
    match open {
        Some(open) => Err(wrong(open.line, format!("section {} is not ended", open.name))),
        None => Ok(found),
    }
}

/// Returns the name in `<!-- WORD -- NAME -->`.
fn marker<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let inner = text.strip_prefix("<!--")?.strip_suffix("-->")?.trim();
    let name = inner.strip_prefix(word)?.trim_start().strip_prefix("--")?.trim();
    (!name.is_empty()).then_some(name)
}

/// A section while it is read.
struct Draft<'t> {
    name: &'t str,
    line: usize,
    fields: Vec<(Field, usize, &'t str)>,
    columns: Option<Columns>,
    network_policy: Option<String>,
    authentication_policy: Option<(String, Option<&'t str>)>,
}

/// A field that matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    User,
    Role,
    Database,
    Token,
    AuthenticationPolicy,
    Status,
}

/// Where the columns of a section's table are.
#[derive(Clone, Copy)]
struct Columns {
    count: usize,
    kind: usize,
    name: usize,
    location: Option<usize>,
}

impl<'t> Draft<'t> {
    fn new(name: &'t str, line: usize) -> Self {
        let (fields, columns) = (Vec::new(), None);
        let (network_policy, authentication_policy) = (None, None);
        Self { name, line, fields, columns, network_policy, authentication_policy }
    }

    /// `snow-utils-pat`, or `snow-utils-pat:NAME` where a file has several.
    fn is_ours(&self) -> bool {
        self.name == SKILL
            || self.name.strip_prefix(SKILL).is_some_and(|rest| rest.starts_with(':'))
    }

    fn take(&mut self, line: usize, text: &'t str) -> Result<(), Unreadable> {
        if !self.is_ours() {
            return Ok(());
        }
        if let Some((key, value)) = text.strip_prefix("**").and_then(|text| text.split_once(":**"))
        {
            return self.field(line, key, plain_value(value));
        }
        match text.strip_prefix('|').and_then(|text| text.strip_suffix('|')) {
            Some(cells) => self.row(line, &cells.split('|').map(str::trim).collect::<Vec<_>>()),
            None => Ok(()),
        }
    }

    fn field(&mut self, line: usize, key: &str, value: &'t str) -> Result<(), Unreadable> {
        let known = FIELDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(key.trim()));
        let Some((name, field)) = known else { return Ok(()) };
        if self.fields.iter().any(|(seen, _, _)| seen == field) {
            return Err(wrong(line, format!("{name} is there twice")));
        }
        self.fields.push((*field, line, value));
        Ok(())
    }

    fn row(&mut self, line: usize, cells: &[&'t str]) -> Result<(), Unreadable> {
        let Some(columns) = self.columns else {
            self.columns = Columns::read(cells);
            return Ok(());
        };
        if cells.iter().all(|cell| cell.chars().all(|c| matches!(c, '-' | ':'))) {
            return Ok(());
        }
        if cells.len() != columns.count {
            return Err(wrong(
                line,
                "the row has another number of cells than its table".to_owned(),
            ));
        }
        let cell = |at: usize| cells.get(at).map_or("", |cell| plain_value(cell));
        match cell(columns.kind) {
            "Network Policy" => self.network_policy = Some(identifier(line, cell(columns.name))?),
            "Auth Policy" => {
                let name = identifier(line, cell(columns.name))?;
                self.authentication_policy = Some((name, columns.location.map(cell)));
            }
            // Rules, roles, users, tokens: the fields above the table name what matters of them.
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<Option<Section>, Unreadable> {
        if !self.is_ours() {
            return Ok(None);
        }
        let user = self.name_in(Field::User)?.ok_or_else(|| self.lacks("User"))?;
        let role = self.name_in(Field::Role)?.ok_or_else(|| self.lacks("Role"))?;
        let (line, status) = self.value(Field::Status).ok_or_else(|| self.lacks("Status"))?;
        let state =
            State::read(status).ok_or_else(|| wrong(line, "no status that is known".to_owned()))?;
        let token = self.name_in(Field::Token)?;
        let authentication_policy = self.authentication_policy()?;
        let network_policy = self.network_policy;
        Ok(Some(Section { user, role, token, network_policy, authentication_policy, state }))
    }

    /// Where the table has no place for it, it is where the skill puts it: in the schema POLICIES of its database.
    fn authentication_policy(&self) -> Result<Option<[String; 3]>, Unreadable> {
        let database = self.name_in(Field::Database)?;
        let (name, location) = match &self.authentication_policy {
            Some((name, location)) => (Some(name.clone()), *location),
            None => (self.name_in(Field::AuthenticationPolicy)?, None),
        };
        let place = match location.filter(|location| !location.is_empty()) {
            Some(location) => match location.split_once('.') {
                Some((database, schema)) => {
                    Some([identifier(self.line, database)?, identifier(self.line, schema)?])
                }
                None => {
                    return Err(wrong(
                        self.line,
                        "a policy's location is not DATABASE.SCHEMA".to_owned(),
                    ));
                }
            },
            None => database.map(|database| [database, "POLICIES".to_owned()]),
        };
        Ok(name.zip(place).map(|(name, [database, schema])| [database, schema, name]))
    }

    fn value(&self, field: Field) -> Option<(usize, &'t str)> {
        let found = self.fields.iter().find(|(known, _, _)| *known == field);
        found.map(|(_, line, value)| (*line, *value))
    }

    fn name_in(&self, field: Field) -> Result<Option<String>, Unreadable> {
        self.value(field).map(|(line, value)| identifier(line, value)).transpose()
    }

    fn lacks(&self, field: &str) -> Unreadable {
        wrong(self.line, format!("section {} has no {field}", self.name))
    }
}

impl Columns {
    fn read(cells: &[&str]) -> Option<Self> {
        let place = |title: &str| cells.iter().position(|cell| *cell == title);
        let (kind, name) = (place("Type")?, place("Name")?);
        Some(Self { count: cells.len(), kind, name, location: place("Location") })
    }
}

impl State {
    fn read(word: &str) -> Option<Self> {
        match word {
            "IN_PROGRESS" => Some(Self::InProgress),
            "COMPLETE" => Some(Self::Complete),
            "REMOVED" => Some(Self::Removed),
            _ => None,
        }
    }
}

/// A shared manifest marks what its reader is to change with `# ADAPT: …` behind the value.
fn plain_value(value: &str) -> &str {
    let value = value.split_once("# ADAPT").map_or(value, |(value, _)| value);
    value.trim().trim_matches('`')
}

/// The skill writes names into SQL without quotes: Snowflake makes them upper case.
fn identifier(line: usize, text: &str) -> Result<String, Unreadable> {
    let mut letters = text.chars();
    let begins = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let goes_on = letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$'));
    if begins && goes_on && text.len() <= LONGEST_NAME {
        return Ok(text.to_ascii_uppercase());
    }
    Err(wrong(line, "a name that Snowflake takes without quotes belongs here".to_owned()))
}

fn wrong(line: usize, what: String) -> Unreadable {
    Unreadable { line, what }
}

const SKILL: &str = "snow-utils-pat";
const LONGEST_NAME: usize = 255;
const FIELDS: [(&str, Field); 6] = [
    ("User", Field::User),
    ("Role", Field::Role),
    ("Database", Field::Database),
    ("PAT Name", Field::Token),
    ("Auth Policy", Field::AuthenticationPolicy),
    ("Status", Field::Status),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "\
# Snow-Utils Manifest

## admin_role
snow-utils-pat: ACCOUNTADMIN

<!-- START -- snow-utils-networks:OFFICE -->
**User:** not a name at all
<!-- END -- snow-utils-networks:OFFICE -->

<!-- START -- snow-utils-pat:DEMO_RUNNER -->
## PAT: DEMO_RUNNER

**Created:** 2026-02-11
**User:** demo_runner  # ADAPT: user-prefixed
**Role:** DEMO_ACCESS
**Database:** DEMO_UTILS
**PAT Name:** DEMO_RUNNER_PAT
**Default Expiry (days):** 90
**Status:** COMPLETE

| # | Type | Name | Location | Status |
|---|------|------|----------|--------|
| 1 | Network Policy | DEMO_RUNNER_NETWORK_POLICY | Account | DONE |
| 2 | Auth Policy | DEMO_RUNNER_AUTH_POLICY | DEMO_UTILS.POLICIES | DONE |

```bash
<!-- START -- snow-utils-pat:EXAMPLE -->
uv run remove --user DEMO_RUNNER
```
<!-- END -- snow-utils-pat:DEMO_RUNNER -->
";

    #[test]
    fn a_section_is_read_as_snowflake_spells_its_names() {
        let wanted = Section {
            user: "DEMO_RUNNER".into(),
            role: "DEMO_ACCESS".into(),
            token: Some("DEMO_RUNNER_PAT".into()),
            network_policy: Some("DEMO_RUNNER_NETWORK_POLICY".into()),
            authentication_policy: Some(
                ["DEMO_UTILS", "POLICIES", "DEMO_RUNNER_AUTH_POLICY"].map(str::to_owned),
            ),
            state: State::Complete,
        };

        assert_eq!(sections(FILE), Ok(vec![wanted]));
    }

    #[test]
    fn the_older_form_of_the_table_is_read_too() {
        let older = FILE
            .replace(" Location |", "")
            .replace(" Account |", "")
            .replace(" DEMO_UTILS.POLICIES |", "")
            .replace("----------|", "")
            .replace("snow-utils-pat:DEMO_RUNNER", "snow-utils-pat")
            .replace("COMPLETE", "IN_PROGRESS");

        let read = sections(&older).unwrap();

        assert_eq!(read[0].state, State::InProgress);
        let policy = ["DEMO_UTILS", "POLICIES", "DEMO_RUNNER_AUTH_POLICY"].map(str::to_owned);
        assert_eq!(read[0].authentication_policy, Some(policy));
    }

    #[test]
    fn what_is_not_of_the_form_is_refused_with_its_line() {
        let cases = [
            (
                "**Role:** DEMO_ACCESS\n",
                "",
                "line 10: section snow-utils-pat:DEMO_RUNNER has no Role",
            ),
            ("demo_runner ", "demo; DROP USER X ", "line 14: a name"),
            ("DEMO_ACCESS", "\"Demo Access\"", "line 15: a name"),
            ("DEMO_ACCESS", "{SA_ROLE}", "line 15: a name"),
            ("DEMO_ACCESS", "", "line 15: a name"),
            ("COMPLETE", "DONE", "line 19: no status"),
            ("**Role:** DEMO_ACCESS", "**User:** OTHER", "line 15: User is there twice"),
            ("| 1 |", "| 1 | 1 |", "line 23: the row"),
            ("DEMO_UTILS.POLICIES", "Account", "line 10: a policy's location"),
            (
                "END -- snow-utils-pat:DEMO_RUNNER",
                "END -- snow-utils-pat:X",
                "no section snow-utils-pat:X",
            ),
            ("<!-- END -- snow-utils-pat:DEMO_RUNNER -->", "", "line 10: section"),
            (
                "<!-- END -- snow-utils-networks:OFFICE -->",
                "",
                "line 10: section snow-utils-networks:OFFICE",
            ),
        ];
        for (good, bad, wanted) in cases {
            let refused = sections(&FILE.replacen(good, bad, 1)).unwrap_err().to_string();
            assert!(refused.contains(wanted), "{bad:?}: {refused}");
        }
    }

    #[test]
    fn a_file_without_a_section_has_none() {
        assert_eq!(sections("# Snow-Utils Manifest\n"), Ok(Vec::new()));
        assert_eq!(sections("<!-- START --  -->\n"), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fall_over(text in "(\\PC|\n|\\|){0,400}") {
            let _ = sections(&text);
        }

        #[test]
        fn no_damage_to_a_manifest_makes_it_fall_over_or_lets_an_odd_name_through(
            at in 0..FILE.len(),
            length in 0_usize..40,
            put in "(\\PC|\n|\\||\\*\\*|<!--|-->|`){0,12}",
        ) {
            let (Some(head), Some(tail)) = (FILE.get(..at), FILE.get((at + length).min(FILE.len())..)) else {
                return Ok(());
            };
            for section in sections(&format!("{head}{put}{tail}")).unwrap_or_default() {
                for name in [&section.user, &section.role] {
                    prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "_$".contains(c)));
                }
            }
        }
    }
}
