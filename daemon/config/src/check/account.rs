//! Accounts: one in `patd.toml`, or one in each file of `accounts.d`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use pat_wire::secret::Secret;
use pat_wire::trust;
use patd_core::names::{Account, Role, SlotId, User};
use patd_core::pace::Limits;

use crate::at::{At, Place};
use crate::check::main_file::key_source;
use crate::check::provision::Wanted;
use crate::check::{choice, optional, required};
use crate::fault::{Faults, Wrong};
use crate::files::{ACCOUNTS_DIR, Sources};
use crate::raw::{RawAccount, RawAdmin, RawMain};
use crate::{AccountConfig, AdminConfig, KeySource, Proxy, syntax};

/// The accounts of this host.
pub(crate) struct Accounts {
    pub(crate) by_name: BTreeMap<Account, AccountConfig>,
    pub(crate) wanted: BTreeMap<Account, Wanted>,
    admin_key_places: Vec<(KeySource, Place)>,
    statements: Vec<(Account, At<u32>)>,
    /// Whether every account could be read; if not, an entry may name one of the others.
    complete: bool,
}

impl Accounts {
    pub(crate) fn check(
        in_main: Option<RawAccount>,
        main: Option<&RawMain>,
        sources: &Sources,
        faults: &mut Faults,
    ) -> Self {
        let files = sources.accounts.iter().map(|text| RawAccount::read(text, faults));
        let files: Vec<Option<RawAccount>> = files.collect();
        let homes = match (&in_main, main, files.is_empty()) {
            (Some(raw), _, false) => Err((raw.begins(), two_homes())),
            (None, Some(main), true) => Err((&main.place, no_home())),
            (Some(_), _, true) | (None, _, false) | (None, None, true) => Ok(()),
        };
        let complete = main.is_some() && homes.is_ok() && files.iter().all(Option::is_some);
        if let Err((place, wrong)) = homes {
            faults.add(place, wrong);
        }
        let mut accounts = Self {
            by_name: BTreeMap::new(),
            wanted: BTreeMap::new(),
            admin_key_places: Vec::new(),
            statements: Vec::new(),
            complete,
        };
        for raw in in_main.into_iter().chain(files.into_iter().flatten()) {
            accounts.add(&raw, &sources.trusted_uids, faults);
        }
        accounts
    }

    /// Returns the account an entry means: the one it names, or the only one.
    pub(crate) fn meant(
        &self,
        named: Option<&At<String>>,
        entry: &Place,
        faults: &mut Faults,
    ) -> Option<Account> {
        let (place, wrong) = match (named, self.by_name.len()) {
            (Some(named), _) => match self.spelt(&named.value) {
                Some(account) => return Some(account.clone()),
                None => (&named.place, self.unknown(&named.value)),
            },
            (None, 1) => return self.by_name.keys().next().cloned(),
            (None, _) => (entry, self.several()),
        };
        if self.complete {
            faults.add(place, wrong);
        }
        None
    }

    /// The two keys protect each other only as long as they are two.
    pub(crate) fn differ_from_root_key(&self, root_key: &KeySource, faults: &mut Faults) {
        for (_, place) in self.admin_key_places.iter().filter(|(key, _)| key == root_key) {
            let what = "the admin key and the root key of [store] are the same";
            faults.add(place, Wrong::new(what, "name two different sources"));
        }
    }

    /// Too few, and tokens would expire before their turn to be replaced comes.
    pub(crate) fn have_enough_statements<'s>(
        &self,
        slots: impl Iterator<Item = &'s SlotId> + Clone,
        faults: &mut Faults,
    ) {
        for (account, per_hour) in &self.statements {
            let users = slots.clone().filter(|slot| slot.account == *account).count();
            let least = Limits::least(users);
            if per_hour.value < least {
                let what = format!(
                    "statements_per_hour = {} is too little for {users} service users",
                    per_hour.value
                );
                let next_step = format!("write {least} or more, or leave it out");
                faults.add(&per_hour.place, Wrong::new(what, next_step));
            }
        }
    }

    fn add(&mut self, raw: &RawAccount, trusted_uids: &[u32], faults: &mut Faults) {
        let account = account(raw, trusted_uids, faults);
        let admin = account.as_ref().map(|account| &account.admin);
        let wanted = Wanted::check(raw.provision.as_ref(), admin, faults);
        let (Some(account), Some(wanted)) = (account, wanted) else {
            self.complete = false;
            return;
        };
        if let Some(first) = self.spelt(account.name.as_str()) {
            let what = format!("account {first} is configured twice");
            faults.add(&raw.place, Wrong::new(what, "remove one of the two"));
            return;
        }
        if let Some(place) = raw.admin.as_ref().and_then(|admin| admin.key.as_ref()) {
            self.admin_key_places.push((account.admin.key.clone(), place.place.clone()));
        }
        if let (Some(value), Some(At { place, .. })) =
            (account.statements_per_hour, &raw.statements_per_hour)
        {
            self.statements.push((account.name.clone(), At { value, place: place.clone() }));
        }
        self.wanted.insert(account.name.clone(), wanted);
        self.by_name.insert(account.name.clone(), account);
    }

    /// Snowflake does not distinguish the case of account identifiers.
    fn spelt(&self, name: &str) -> Option<&Account> {
        self.by_name.keys().find(|account| account.as_str().eq_ignore_ascii_case(name))
    }

    fn unknown(&self, name: &str) -> Wrong {
        Wrong::new(
            format!("account {name:?} is not configured"),
            format!("name one of: {}", self.names()),
        )
    }

    fn several(&self) -> Wrong {
        let next_step = format!("add account = \"…\" with one of: {}", self.names());
        Wrong::new("account is missing, and this host has several", next_step)
    }

    fn names(&self) -> String {
        self.by_name.keys().map(Account::as_str).collect::<Vec<_>>().join(", ")
    }
}

fn account(raw: &RawAccount, trusted_uids: &[u32], faults: &mut Faults) -> Option<AccountConfig> {
    let example = "name = \"MYORG-MYACCOUNT\" to [account]";
    let name = required(raw.name.as_ref(), "name", example, &raw.place, faults)
        .and_then(|name| name.checked(faults, |text| syntax::account(text)))
        .map(Account::new);
    let endpoint = endpoint(raw, name.as_ref(), faults);
    let ca_file = optional(raw.ca_file.as_ref(), faults, |path| ca_file(path, trusted_uids));
    let proxy = optional(raw.proxy.as_ref(), faults, |text| proxy(text, raw.readable_by_others));
    let admin = admin(raw, faults);
    let statements_per_hour = optional(raw.statements_per_hour.as_ref(), faults, |number| {
        syntax::in_range("statements_per_hour", *number, STATEMENTS)
    });
    let (host, port, tls) = endpoint?;
    let explicit_endpoint = raw.host.is_some() || raw.port.is_some() || raw.protocol.is_some();
    let (name, ca_file, proxy, admin) = (name?, ca_file?, proxy?, admin?);
    let statements_per_hour = statements_per_hour?;
    Some(AccountConfig {
        name,
        host,
        port,
        tls,
        ca_file,
        proxy,
        explicit_endpoint,
        statements_per_hour,
        admin,
    })
}

fn endpoint(
    raw: &RawAccount,
    name: Option<&Account>,
    faults: &mut Faults,
) -> Option<(String, u16, bool)> {
    let host = match &raw.host {
        Some(host) => host.checked(faults, |text| syntax::host(text)),
        None => name.map(syntax::host_of),
    };
    let port = raw.port.as_ref().map_or(Some(443), |port| {
        port.checked(faults, |port| syntax::in_range("port", *port, 1..=65_535))
    });
    let protocols = [("https", true), ("http", false)];
    let tls = choice(raw.protocol.as_ref(), "protocol", true, &protocols, faults);
    let (host, port, tls) = (host?, u16::try_from(port?).ok()?, tls?);
    if let (false, false, Some(protocol)) = (tls, syntax::is_loopback(&host), &raw.protocol) {
        let what = format!("protocol http would send secrets unencrypted to {host}");
        let next_step = "remove protocol; http is for a simulator on this machine only";
        faults.add(&protocol.place, Wrong::new(what, next_step));
        return None;
    }
    if let (false, Some(proxy)) = (tls, &raw.proxy) {
        let what = "proxy is for https, and protocol is http";
        faults.add(&proxy.place, Wrong::new(what, "remove one of the two"));
        return None;
    }
    Some((host, port, tls))
}

fn admin(raw: &RawAccount, faults: &mut Faults) -> Option<AdminConfig> {
    let Some(raw) = &raw.admin else {
        let next_step = "add [admin] with user, role and key (patctl init writes it)";
        faults.add(&raw.place, Wrong::new("[admin] of this account is missing", next_step));
        return None;
    };
    let user = admin_name(raw, raw.user.as_ref(), "user", "user = \"PATD_HOST1\"", faults);
    let role = admin_name(raw, raw.role.as_ref(), "role", "role = \"PATD_HOST1_ROLE\"", faults);
    let example = "key = \"systemd-credential:admin-key\" to [admin]";
    let key = required(raw.key.as_ref(), "key", example, &raw.place, faults)
        .and_then(|key| key_source("key of [admin]", key, faults));
    Some(AdminConfig { user: User::new(user?), role: Role::new(role?), key: key? })
}

fn admin_name(
    raw: &RawAdmin,
    value: Option<&At<String>>,
    key: &'static str,
    example: &str,
    faults: &mut Faults,
) -> Option<String> {
    let value = required(value, key, &format!("{example} to [admin]"), &raw.place, faults)?;
    value.checked(faults, |text| syntax::object_name(key, text))
}

/// Whoever can write it can stand between us and Snowflake.
fn ca_file(path: &str, trusted_uids: &[u32]) -> Result<PathBuf, Wrong> {
    let path = Path::new(path);
    if !path.is_absolute() {
        return Err(Wrong::new(
            format!("ca_file {path:?} is not absolute"),
            "write the whole path",
        ));
    }
    trust::open_file(path, trusted_uids).map(|_| path.to_owned()).map_err(|untrusted| {
        let what = format!("ca_file: {} {}", untrusted.path.display(), untrusted.fault);
        Wrong::new(what, untrusted.next_step)
    })
}

fn proxy(written: &Secret, readable_by_others: bool) -> Result<Proxy, Wrong> {
    let proxy = Proxy::checked(written)?;
    if readable_by_others && proxy.has_login() {
        let what = "proxy holds a password, and others may read this file";
        let next_step =
            "chown root:patd and chmod 0640 this file (of a daemon of your own: chmod 0600)";
        return Err(Wrong::new(what, next_step));
    }
    Ok(proxy)
}

fn two_homes() -> Wrong {
    let what = format!("there is an [account] here and others in {ACCOUNTS_DIR}");
    Wrong::new(what, format!("move [account] and [admin] to a file in {ACCOUNTS_DIR}"))
}

fn no_home() -> Wrong {
    let next_step = format!("add [account] and [admin], or files in {ACCOUNTS_DIR}");
    Wrong::new("no account is configured", next_step)
}

/// How many are enough depends on the number of service users as well.
const STATEMENTS: RangeInclusive<u32> = 60..=1_000_000;
