//! `patctl rebuild`: sets a store that cannot be used aside. What was revoked is no longer known then, so a
//! person has to say yes.

use patd_keys::state_dir::{self, StateDirError};
use serde_json::json;

use crate::answer::{Answer, Exit, Failure};
use crate::cli::RebuildArgs;

pub(crate) fn run(args: &RebuildArgs) -> Result<Answer, Failure> {
    let shown = args.state.display();
    if !args.yes {
        let what = format!("the store in {shown} would be set aside, and with it what was revoked");
        let next_step = "note what must stay revoked, then add --yes";
        return Err(Failure::new(Exit::Usage, what, next_step));
    }
    let aside = state_dir::set_aside(&args.state).map_err(failure)?;
    let text = format!(
        "the old store is in {}; a new one is made at the next start\n\
         next: systemctl start patd; then patctl revoke what must stay revoked\n",
        aside.display()
    );
    Ok(Answer::ok(text, json!({ "set_aside": aside })))
}

/// Returns the failure behind a state folder that cannot be used.
pub(crate) fn failure(error: StateDirError) -> Failure {
    let denied = matches!(&error, StateDirError::Io { source, .. }
        if source.kind() == std::io::ErrorKind::PermissionDenied);
    let cause = std::error::Error::source(&error).map(|cause| format!(" ({cause})"));
    let exit = if denied { Exit::NotPermitted } else { Exit::Failed };
    Failure::new(exit, format!("{error}{}", cause.unwrap_or_default()), "")
}
