//! CBOR helpers: bounded lists and texts that decode without allocating, and whole-value
//! encoding and decoding.

use minicbor::decode::Error as DecodeError;
use minicbor::{Decode, Decoder, Encode};

/// Encodes one value at the end of `buffer`.
pub fn encode_into<T: Encode<()>>(value: &T, buffer: &mut Vec<u8>) {
    match minicbor::encode(value, buffer) {
        Ok(()) => (),
        Err(error) => unreachable!("memory takes every byte and no type of ours fails: {error}"),
    }
}

/// Decodes one value that fills the whole input.
///
/// # Errors
/// When the bytes are not that value, or when bytes are left over.
pub fn decode_whole<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, DecodeError> {
    let mut decoder = Decoder::new(bytes);
    let value = decoder.decode()?;
    if decoder.position() == bytes.len() {
        Ok(value)
    } else {
        Err(DecodeError::message("bytes after the end").at(decoder.position()))
    }
}

/// `#[cbor(with = "codec::list")]`: a list with a fixed limit, kept inline.
pub mod list {
    use arrayvec::ArrayVec;
    use minicbor::decode::{Decoder, Error as DecodeError};
    use minicbor::encode::{Encoder, Error as EncodeError, Write};
    use minicbor::{Decode, Encode};

    /// Writes an array of known length.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn encode<C, T: Encode<C>, W: Write, const N: usize>(
        list: &ArrayVec<T, N>,
        e: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.array(list.len() as u64)?;
        list.iter().try_for_each(|item| item.encode(e, context))
    }

    /// Reads an array of at most `N` items.
    ///
    /// # Errors
    /// When there are more items, or one of them is malformed.
    pub fn decode<'b, C, T: Decode<'b, C>, const N: usize>(
        d: &mut Decoder<'b>,
        context: &mut C,
    ) -> Result<ArrayVec<T, N>, DecodeError> {
        let position = d.position();
        let length = d.array()?.ok_or_else(|| DecodeError::message("list without a length"))?;
        if length > N as u64 {
            return Err(DecodeError::message("list is too long").at(position));
        }
        (0..length).map(|_| T::decode(d, context)).collect()
    }
}

/// `#[cbor(with = "codec::text")]`: a text with a fixed limit, kept inline.
pub mod text {
    use arrayvec::ArrayString;
    use minicbor::decode::{Decoder, Error as DecodeError};
    use minicbor::encode::{Encoder, Error as EncodeError, Write};

    /// Writes a text.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn encode<C, W: Write, const N: usize>(
        text: &ArrayString<N>,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.str(text)?.ok()
    }

    /// Reads a text of at most `N` bytes.
    ///
    /// # Errors
    /// When the text is longer.
    pub fn decode<C, const N: usize>(
        d: &mut Decoder<'_>,
        _: &mut C,
    ) -> Result<ArrayString<N>, DecodeError> {
        let position = d.position();
        ArrayString::from(d.str()?)
            .map_err(|_| DecodeError::message("text is too long").at(position))
    }
}
