//! Base45 (RFC 9285): the letters that a QR code packs tightest.

const LETTERS: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
/// Two letters carry one byte, three carry two.
const BASE: u32 = 45;

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(2) * 3);
    for pair in bytes.chunks(2) {
        let number = pair.iter().fold(0, |number, byte| number * 256 + u32::from(*byte));
        let letters = if pair.len() == 2 { 3 } else { 2 };
        let digits = (0..letters).map(|place| number / BASE.pow(place) % BASE);
        text.extend(digits.map(|digit| char::from(LETTERS[digit as usize])));
    }
    text
}

/// The bytes; `None` when the text is not what [`encode`] writes.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 3 * 2 + 1);
    for letters in text.as_bytes().chunks(3) {
        let number = letters.iter().rev().try_fold(0, |number, letter| {
            let digit = LETTERS.iter().position(|known| known == letter)?;
            Some(number * BASE + u32::try_from(digit).ok()?)
        })?;
        match letters.len() {
            3 => bytes.extend(u16::try_from(number).ok()?.to_be_bytes()),
            2 => bytes.push(u8::try_from(number).ok()?),
            _ => return None,
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_rfc() {
        for (bytes, text) in
            [("AB", "BB8"), ("Hello!!", "%69 VD92EX0"), ("base-45", "UJCLQE7W581"), ("", "")]
        {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
        for wrong in ["A", "GGW", "aaa", "::", "BB8é"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
