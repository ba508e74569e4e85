//! The account that an offline plan assumes: nothing in it, seen by the role that will run the script.

use std::collections::{BTreeMap, BTreeSet};

use crate::pattern::desired::Desired;
use crate::pattern::observed::{Acting, Observed, ScopePolicies, Seen};
use crate::pattern::ours::dotted;

/// Returns an observation in which nothing of what is wanted is there.
pub(super) fn empty(desired: &Desired) -> Observed {
    let role = desired.run_as.as_str().to_owned();
    let users = desired.users.iter().map(|user| user.user.as_str());
    let roles = desired.users.iter().map(|user| user.role.as_str());
    let policies = desired.authentication_policies();
    let broker = &desired.broker;
    Observed {
        acting: Acting {
            user: String::new(),
            roles: BTreeSet::from([role.clone()]),
            role,
            address: None,
            account: None,
            method: None,
            privileges: Seen::Hidden { needs: "a live account".to_owned() },
        },
        database: Seen::Known(None),
        schema: Seen::Known(None),
        roles: absent(roles.chain([broker.role.as_str()])),
        users: absent(users.chain([broker.user.as_str()])),
        network_rule: Seen::Known(None),
        network_policy: Seen::Known(None),
        account_network_policy: Seen::Known(None),
        authentication_policies: absent(policies.iter().map(dotted)),
        scopes: Seen::Known(ScopePolicies::default()),
        persons: Seen::Hidden { needs: "a live account".to_owned() },
        other_services: Seen::Hidden { needs: "a live account".to_owned() },
    }
}

fn absent<T>(names: impl Iterator<Item = impl Into<String>>) -> BTreeMap<String, Seen<Option<T>>> {
    names.map(|name| (name.into(), Seen::Known(None))).collect()
}
