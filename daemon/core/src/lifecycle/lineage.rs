//! The names of our tokens: `PATD_<HOST8>_G<generation>_<INTENT6>`, made and read here only.

use crate::names::{Generation, HostId, IntentId, TokenName};

/// What the name of one of our tokens says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// Whose it is.
    pub host: HostId,
    /// Which secret.
    pub generation: Generation,
    /// Which attempt.
    pub intent: IntentId,
}

impl Lineage {
    /// Returns the token name that says this.
    pub fn name(&self) -> TokenName {
        TokenName::new(format!("PATD_{}_G{}_{}", self.host, self.generation, self.intent))
    }

    /// Reads a token name; anything not exactly of our form is somebody else's.
    pub fn read(name: &TokenName) -> Option<Self> {
        let (host, rest) = name.as_str().strip_prefix("PATD_")?.split_once("_G")?;
        let (generation, intent) = rest.split_once('_')?;
        let lineage = Self {
            host: HostId::new(host),
            generation: Generation(generation.parse().ok()?),
            intent: IntentId::new(intent),
        };
        let exact = upper_hex(host, 8) && upper_hex(intent, 6) && lineage.name() == *name;
        exact.then_some(lineage)
    }
}

/// Returns the token that a ROTATE left this one behind of: `<NAME>_ROTATED_<epoch_ms>` has the secret that `<NAME>` had
/// (snowflake docs: alter-user-rotate-programmatic-access-token). None if its name was not of our form.
pub fn rotated_from(name: &TokenName) -> Option<TokenName> {
    let (base, _) = name.as_str().split_once(ROTATED)?;
    let base = TokenName::new(base);
    Lineage::read(&base).map(|_| base)
}

/// Returns whose a token is that we made, also after a ROTATE.
pub fn of(name: &TokenName) -> Option<Lineage> {
    Lineage::read(&rotated_from(name).unwrap_or_else(|| name.clone()))
}

/// Returns something that is greater the later a ROTATE left the token behind: numbers count by their length first.
pub(super) fn rotated_at(name: &TokenName) -> (usize, &str) {
    let time = name.as_str().split_once(ROTATED).map_or("", |(_, time)| time);
    (time.len(), time)
}

/// Returns whether a token carries this host's id at all. Wider than [`Lineage::read`]: a person's ROTATE leaves
/// our secret behind as `<NAME>_ROTATED_<time>`, and a revocation must reach that too.
pub fn carries(host: &HostId, name: &TokenName) -> bool {
    let rest =
        name.as_str().strip_prefix("PATD_").and_then(|rest| rest.strip_prefix(host.as_str()));
    rest.is_some_and(|rest| rest.starts_with("_G"))
}

const ROTATED: &str = "_ROTATED_";

fn upper_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_was_made() {
        let made = Lineage {
            host: HostId::new("0A1B2C3D"),
            generation: Generation(12),
            intent: IntentId::new("FEDCBA"),
        };

        assert_eq!(made.name().as_str(), "PATD_0A1B2C3D_G12_FEDCBA");
        assert_eq!(Lineage::read(&made.name()), Some(made));
    }

    #[test]
    fn anything_not_exactly_of_our_form_is_somebody_elses() {
        for name in [
            "",
            "MINE",
            "PATD_",
            "PATD_0A1B2C3D_G1",
            "PATD_0A1B2C3D_G1_",
            "PATD_0A1B2C3D_G01_FEDCBA",
            "PATD_0A1B2C3D_G+1_FEDCBA",
            "PATD_0A1B2C3D_G1_FEDCBA_ROTATED_1744239049066",
            "patd_0A1B2C3D_G1_FEDCBA",
            "PATD_0a1b2c3d_G1_FEDCBA",
            "PATD_0A1B2C3_G1_FEDCBA",
            "PATD_0A1B2C3D_G1_FEDCB",
            "PATD_0A1B2C3D_G1_FEDCBG",
            "PATD_0A1B2C3D_G99999999999999999999_FEDCBA",
            " PATD_0A1B2C3D_G1_FEDCBA",
        ] {
            assert_eq!(Lineage::read(&TokenName::new(name)), None, "{name}");
        }
    }

    #[test]
    fn what_a_rotate_leaves_behind_is_of_the_token_it_was() {
        let rotated =
            |time: &str| TokenName::new(format!("PATD_0A1B2C3D_G1_FEDCBA_ROTATED_{time}"));
        let left = rotated("1744239049066");

        assert_eq!(rotated_from(&left), Some(TokenName::new("PATD_0A1B2C3D_G1_FEDCBA")));
        assert_eq!(of(&left), of(&TokenName::new("PATD_0A1B2C3D_G1_FEDCBA")));
        assert!(rotated_at(&left) < rotated_at(&rotated("1744239049067")));
        assert!(rotated_at(&rotated("999")) < rotated_at(&rotated("1000")));
        assert_eq!(rotated_from(&TokenName::new("MINE_ROTATED_1744239049066")), None);
        assert_eq!(of(&TokenName::new("MINE_ROTATED_1744239049066")), None);
        assert_eq!(rotated_from(&TokenName::new("PATD_0A1B2C3D_G1_FEDCBA")), None);
    }

    #[test]
    fn a_revocation_reaches_what_a_persons_rotate_left_behind() {
        let host = HostId::new("0A1B2C3D");
        let left = TokenName::new("PATD_0A1B2C3D_G1_FEDCBA_ROTATED_1744239049066");

        assert!(carries(&host, &left));
        assert!(!carries(&HostId::new("0A1B2C3E"), &left));
        assert!(!carries(&host, &TokenName::new("MY_PATD_0A1B2C3D_G1_FEDCBA")));
    }
}
