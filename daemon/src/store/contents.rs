//! Everything that was read out of sled, one after the other in one block: it is needed at the start alone, and a block is
//! given back to the system whole, where thousands of pieces would leave holes between what stays.

/// Keys and values, in the order of the keys.
#[derive(Default)]
pub(super) struct Contents {
    bytes: Vec<u8>,
    /// Where each key and its value end.
    ends: Vec<(usize, usize)>,
}

impl Contents {
    /// Adds a key that comes after all others.
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(key);
        let end_of_key = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.ends.push((end_of_key, self.bytes.len()));
    }

    /// Returns every key with its value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        let pair = |(start, (middle, end)): (usize, &(usize, usize))| {
            let part = |range: std::ops::Range<usize>| self.bytes.get(range).unwrap_or_default();
            (part(start..*middle), part(*middle..*end))
        };
        starts.zip(&self.ends).map(pair)
    }

    /// Returns the value of a key.
    pub(super) fn get(&self, wanted: &[u8]) -> Option<&[u8]> {
        self.iter().find(|(key, _)| *key == wanted).map(|(_, value)| value)
    }

    /// Returns whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns how many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_comes_out_in_the_same_order() {
        let mut contents = Contents::default();
        assert!(contents.is_empty() && contents.get(b"a").is_none());

        contents.push(b"a", b"one");
        contents.push(b"b", b"");
        contents.push(b"cc", b"three");

        let all: Vec<_> = contents.iter().collect();
        assert_eq!(all, [(&b"a"[..], &b"one"[..]), (b"b", b""), (b"cc", b"three")]);
        assert_eq!((contents.get(b"cc"), contents.get(b"c")), (Some(&b"three"[..]), None));
        assert_eq!(contents.len(), 12);
    }
}
