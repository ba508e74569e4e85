//! Chance from a seed: secrets and ids that are the same in every run with the same calls.

/// A splitmix64 generator. Not for cryptography: the simulator's secrets must be reproducible.
#[derive(Clone)]
pub(super) struct Random {
    state: u64,
    /// Every secret made, for leak scans.
    issued: Vec<String>,
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed, issued: Vec::new() }
    }

    /// Returns a new token secret; its prefix makes leaks searchable.
    pub(super) fn secret(&mut self) -> String {
        let body: String = (0..52).map(|_| self.letter()).collect();
        let secret = format!("{SECRET_PREFIX}{body}");
        self.issued.push(secret.clone());
        secret
    }

    pub(super) fn issued(&self) -> &[String] {
        &self.issued
    }

    /// Returns a query id in the form of a UUID.
    pub(super) fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }

    fn letter(&mut self) -> char {
        const ALPHABET: [char; 32] = [
            'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q',
            'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', '2', '3', '4', '5', '6', '7',
        ];
        ALPHABET[(self.next() >> 59) as usize]
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// What every secret of the simulator begins with.
pub(super) const SECRET_PREFIX: &str = "simpat_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_secrets_and_another_seed_others() {
        let (mut one, mut same, mut other) = (Random::new(7), Random::new(7), Random::new(8));
        let secret = one.secret();
        assert_eq!(secret, same.secret());
        assert_ne!(secret, other.secret());
        assert_ne!(secret, one.secret());
    }

    #[test]
    fn a_query_id_has_the_shape_of_a_uuid() {
        let id = Random::new(1).uuid();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
    }
}
