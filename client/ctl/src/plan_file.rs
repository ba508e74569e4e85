//! A plan in a file: written by `plan --out`, taken by `apply`. Nothing in it is believed: `apply` makes the plan
//! anew and runs only what both say. A file beside it remembers that it was begun.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use patd_core::pattern::observed::Observed;
use patd_core::pattern::plan::Plan;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::{Exit, Failure};
use crate::cli::Without;
use crate::files;

/// What a plan was made of, and the plan.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanFile {
    /// Whether the policies of the whole account were left out.
    without_account_policies: bool,
    /// What was there.
    observed: Observed,
    /// What is to be run.
    pub(crate) plan: Plan,
}

impl PlanFile {
    pub(crate) fn new(plan: Plan, observed: Observed, without: &[Without]) -> Self {
        let without_account_policies = without.contains(&Without::AccountPolicies);
        Self { without_account_policies, observed, plan }
    }

    /// Writes it, for nobody else to read, in the place of another plan or of nothing.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Failure> {
        let is_plan = |start: &str| start.starts_with('{') && start.contains(FIRST_KEY);
        files::refuse_another(path, "plan", is_plan)?;
        let text = serde_json::to_string_pretty(self).map_err(|error| {
            Failure::new(Exit::Failed, format!("cannot write the plan ({error})"), "")
        })?;
        files::replace_private(path, &(text + "\n"))
    }

    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let mut text = String::new();
        File::open(path)
            .and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text))
            .map_err(|error| Failure::io("read", path, &error))?;
        serde_json::from_str(&text).map_err(|error| {
            let what = format!("{} is no plan of this version ({error})", path.display());
            Failure::new(Exit::Failed, what, "make it anew: patctl plan --out FILE")
        })
    }

    /// Returns what was left out when it was made.
    pub(crate) fn without(&self) -> Vec<Without> {
        self.without_account_policies.then_some(Without::AccountPolicies).into_iter().collect()
    }

    /// Refuses where the account or the configuration has moved since; where this file was begun before, what is left
    /// of it is enough.
    pub(crate) fn still_fits(
        &self,
        path: &Path,
        plan: &Plan,
        observed: &Observed,
    ) -> Result<(), Failure> {
        if plan.steps.is_empty()
            || (plan.fingerprint == self.plan.fingerprint && *plan == self.plan)
        {
            return Ok(());
        }
        if Begun::is_begun(path, &self.plan) && is_rest(plan, &self.plan) {
            return Ok(());
        }
        if plan.fingerprint == self.plan.fingerprint {
            let what = "nothing was run: the configuration has changed since the plan was made";
            return Err(Failure::new(Exit::Failed, what, ANEW));
        }
        let moved = moved(&value(&self.observed), &value(observed));
        let what = format!(
            "nothing was run: the account has moved since the plan was made: {}",
            shortened(&moved).join("; ")
        );
        Err(Failure::new(Exit::Failed, what, ANEW))
    }
}

/// The mark of a plan file that was begun: after a crash, what it has done already is not somebody else's change.
pub(crate) struct Begun {
    path: PathBuf,
}

impl Begun {
    /// Marks the file, durably, before its first statement.
    pub(crate) fn mark(file: &Path, plan: &Plan) -> Result<Self, Failure> {
        let path = Self::path(file);
        files::replace_private(&path, &format!("{}\n", plan.fingerprint))?;
        Ok(Self { path })
    }

    /// Takes the mark away, when nothing is left to do.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        files::remove(&self.path)
    }

    /// Takes the mark of a file away that was begun and has nothing left to do.
    pub(crate) fn forget(file: &Path, plan: &Plan) -> Result<(), Failure> {
        if Self::is_begun(file, plan) { files::remove(&Self::path(file)) } else { Ok(()) }
    }

    fn is_begun(file: &Path, plan: &Plan) -> bool {
        let marked = std::fs::read_to_string(Self::path(file));
        marked.is_ok_and(|marked| marked.trim_end() == plan.fingerprint)
    }

    fn path(file: &Path) -> PathBuf {
        let mut name = file.as_os_str().to_owned();
        name.push(".begun");
        name.into()
    }
}

/// Returns whether every step is one of the whole plan, as it stands there and in its order.
pub(crate) fn is_rest(left: &Plan, whole: &Plan) -> bool {
    let mut whole_steps = whole.steps.iter();
    let same = left.steps.iter().all(|step| {
        whole_steps.any(|known| known.statement == step.statement && known.danger == step.danger)
    });
    same && left.account == whole.account && left.acting_role == whole.acting_role
}

fn value(observed: &Observed) -> Value {
    serde_json::to_value(observed).unwrap_or_default()
}

/// Returns what differs, as `users.MIGUEL_CLI.disabled: false, now true`.
fn moved(before: &Value, after: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(String::new(), before, after, &mut found);
    found
}

fn compare(at: String, before: &Value, after: &Value, found: &mut Vec<String>) {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        if before != after {
            let at = at.trim_start_matches('.').replace(".known", "");
            found.push(crate::text::plain(&format!(
                "{at}: {}, now {}",
                brief(before),
                brief(after)
            )));
        }
        return;
    };
    let keys = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
    for key in keys {
        let (was, is) = (old.get(key), new.get(key));
        let (was, is) = (was.unwrap_or(&Value::Null), is.unwrap_or(&Value::Null));
        compare(format!("{at}.{key}"), was, is, found);
    }
}

fn brief(value: &Value) -> String {
    let text = match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn shortened(moved: &[String]) -> Vec<String> {
    let mut shown: Vec<String> = moved.iter().take(MOST_SHOWN).cloned().collect();
    if let Some(more) = moved.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
        shown.push(format!("and {more} more"));
    }
    shown
}

/// What a plan file begins with.
const FIRST_KEY: &str = "\"without_account_policies\"";
const ANEW: &str = "make it anew and look at it: patctl plan --out FILE";
const MOST_BYTES: u64 = 256 * 1024 * 1024;
const MOST_SHOWN: usize = 10;
const LONGEST_VALUE: usize = 80;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_moved_is_named_by_where_it_is() {
        let before =
            json!({ "users": { "known": { "U": { "disabled": false, "same": 1 } } }, "gone": "x" });
        let after =
            json!({ "users": { "known": { "U": { "disabled": true, "same": 1 } } }, "new": [1] });

        let said = moved(&before, &after);

        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said.contains(&"users.U.disabled: false, now true".to_owned()), "{said:?}");
        assert!(said.contains(&"gone: x, now nothing".to_owned()), "{said:?}");
        assert!(said.contains(&"new: nothing, now [1]".to_owned()), "{said:?}");
    }

    #[test]
    fn many_changes_are_counted_and_long_ones_cut() {
        let many: Vec<String> = (0..12).map(|n| n.to_string()).collect();

        assert_eq!(shortened(&many).last().unwrap(), "and 2 more");
        assert_eq!(shortened(&many[..10]).len(), 10);
        assert!(brief(&json!("ä".repeat(200))).chars().count() <= LONGEST_VALUE + 1);
    }
}
