//! Randomness, for names that must not collide or be guessed.

use aws_lc_rs::rand;

/// Returns twice `N` upper-case hexadecimal digits; none if the kernel gives no randomness.
pub fn hex<const N: usize>() -> Option<String> {
    let mut bytes = [0_u8; N];
    rand::fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02X}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_names_are_never_the_same() {
        let (one, other) = (hex::<16>().unwrap(), hex::<16>().unwrap());
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }
}
