//! Resources of the Snowflake provider that the Terraform form is made of.

use super::hcl::{Block, Value};
use crate::pattern::desired::Privilege;
use crate::pattern::ours::{FullName, OUR_COMMENT};
use crate::pattern::plan::{check_privilege, quote};
use crate::sql::SqlError;

/// Returns the block that names the object of a privilege.
pub(super) fn on(privilege: &Privilege) -> Result<Block, SqlError> {
    check_privilege(privilege)?;
    let name = quote::parts("object of a privilege", &privilege.name)?;
    let kind = privilege.on.as_str();
    Ok(match privilege.name.as_slice() {
        [one] => Block::new("on_account_object", &[])
            .with("object_type", kind)
            .with("object_name", one.as_str()),
        [_, _] => Block::new("on_schema", &[]).with("schema_name", name),
        _ => {
            Block::new("on_schema_object", &[]).with("object_type", kind).with("object_name", name)
        }
    })
}

/// Begins a resource that carries our comment.
pub(super) fn commented(kind: &str, label: &str) -> Block {
    Block::resource(kind, label).with("comment", OUR_COMMENT)
}

/// Begins a role.
pub(super) fn role(label: &str, name: &str) -> Block {
    commented("snowflake_account_role", label).with("name", name)
}

/// Begins a service user.
pub(super) fn service_user(label: &str, name: &str) -> Block {
    commented("snowflake_service_user", label)
        .with("name", name)
        .with("default_secondary_roles_option", "NONE")
}

/// Returns a statement as a resource, with what takes it back.
pub(super) fn execute(label: &str, execute: String, revert: String, after: &str) -> Block {
    Block::resource("snowflake_execute", label)
        .with("execute", execute)
        .with("revert", revert)
        .with("depends_on", Value::List(vec![reference(after)]))
}

/// Other hosts use the policy as well, and may need longer tokens than this one.
pub(super) fn as_long_as_it_is() -> Block {
    let days = ["default_expiry_in_days", "max_expiry_in_days"];
    let days = days.map(|days| reference(&format!("pat_policy[0].{days}")));
    Block::new("lifecycle", &[])
        .comment("all hosts share this policy: to raise the days for another one, take this out")
        .with("ignore_changes", Value::List(days.into()))
}

/// Returns a reference to what the configuration makes.
pub(super) fn reference(text: &str) -> Value {
    Value::Reference(text.to_owned())
}

/// Returns the quoted name of an authentication policy.
pub(super) fn full(name: &FullName) -> Result<String, SqlError> {
    quote::full("authentication policy", name)
}
