//! `patctl bootstrap`: what a security admin runs once, so that broker and service users are there: the offline
//! plan without the policies of the whole account, which must start from what is in force there.

use patd_core::names::Role;
use patd_core::pattern::desired::Desired;
use patd_core::pattern::plan::{self, Plan, Step, render};
use serde_json::{Value, json};

use crate::answer::{Answer, Exit, Failure};
use crate::cli::{BootstrapArgs, Cli, Format, Without};
use crate::network;
use crate::plan::not_made;
use crate::public_key::PublicKey;
use crate::target::Target;

pub(crate) fn run(cli: &Cli, args: &BootstrapArgs) -> Result<Answer, Failure> {
    let mut target = Target::find(cli, args.account.as_deref())?;
    if !target.has_key() {
        PublicKey::read(&target.key_file(&cli.config))?;
    }
    target.leave_out(&[Without::AccountPolicies]);
    override_by(args, &mut target.desired);
    if args.renew {
        return renewed(&target.desired, args.format);
    }
    target.desired.network =
        network::known(&args.network_cidr, args.network_policy.as_deref(), &target)?;
    let desired = &target.desired;
    let plan = plan::offline(desired).map_err(not_made)?;
    let text = match args.format {
        Format::Sql => render::sql(&plan),
        Format::Terraform => render::terraform(desired).map_err(not_made)?,
        Format::Json => return Ok(as_json(&plan)),
    };
    Ok(Answer::ok(text, statements(&plan)))
}

fn renewed(desired: &Desired, format: Format) -> Result<Answer, Failure> {
    let plan = plan::renew(desired).map_err(not_made)?;
    match format {
        Format::Sql => Ok(Answer::ok(render::sql(&plan), statements(&plan))),
        Format::Json => Ok(as_json(&plan)),
        Format::Terraform => Err(Failure::new(
            Exit::Usage,
            "a new key alone is no Terraform configuration",
            "leave out --renew: the whole configuration has the new key",
        )),
    }
}

fn override_by(args: &BootstrapArgs, desired: &mut Desired) {
    if let Some(database) = &args.database {
        desired.home.database.clone_from(database);
    }
    if let Some(schema) = &args.schema {
        desired.home.schema.clone_from(schema);
    }
    if let Some(role) = &args.run_as {
        desired.run_as = Role::new(role.as_str());
    }
}

fn as_json(plan: &Plan) -> Answer {
    let json = statements(plan);
    Answer::ok(format!("{json:#}\n"), json)
}

fn statements(plan: &Plan) -> Value {
    let one = |step: &Step| json!({ "text": step.statement, "why": step.why, "needs": step.needs });
    let list: Vec<Value> = plan.steps.iter().map(one).collect();
    json!({ "account": plan.account, "run_as": plan.acting_role, "statements": list })
}
