//! General-glo-ciphering with AES-128-GCM (DLMS Green Book; protocol sheet, section 3): header, undo, make.
//!
//! ```text
//! DB | title length | system title | length | security control | invocation counter | ciphertext | tag (12)
//! ```
//!
//! Nonce: system title and invocation counter. Security control 30 and 31 authenticate (the tag covers the
//! control byte and the authentication key too), 20 and 21 do not; the low bit is the suite nibble that Kaifa
//! sends in Austria. Refuses authentication without encryption, broadcast keys, compression, other suites,
//! and a header without a system title (field bug D5: the nonce cannot be built).

use alloc::vec::Vec;

use aes_gcm::aead::consts::U12;
use aes_gcm::aes::Aes128;
use aes_gcm::{AeadInOut, AesGcm, KeyInit};
use nom::bytes::complete::{tag, take};
use nom::multi::length_data;
use nom::number::complete::{be_u32, u8};
use nom::{IResult, Parser};

use super::apdu::likely_body;
use super::{Problem, ProblemKind, ber};

/// First byte of a general-glo-ciphering APDU.
pub const TAG: u8 = 0xDB;
/// Security control: what is encrypted is authenticated too.
const AUTHENTICATED: u8 = 0x10;
const ENCRYPTED: u8 = 0x20;
/// Bytes of the tag: truncated from sixteen.
const TAG_LENGTH: usize = 12;
/// Bytes of a system title that a nonce can be built from.
const TITLE_LENGTH: usize = 8;

type Gcm = AesGcm<Aes128, U12, U12>;

/// The meter owner's keys.
///
/// A key of zeros is a key like any other (field bug D7): leave the field out to say that there is none.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Keys {
    /// Global unicast encryption key (Kamstrup: GPK60).
    pub encryption: Option<[u8; 16]>,
    /// Authentication key (Kamstrup: GPK61). Without it a telegram is deciphered but not verified.
    pub authentication: Option<[u8; 16]>,
}

impl core::fmt::Debug for Keys {
    /// Says which keys there are, never what they are.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Keys")
            .field("encryption", &self.encryption.is_some())
            .field("authentication", &self.authentication.is_some())
            .finish()
    }
}

/// The readable part of a ciphered APDU. A header is there as soon as its fields are; whether its mode is
/// supported is another question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header<'a> {
    /// Name of the sender; eight bytes from every meter but those of field bug D5, which send none.
    pub system_title: &'a [u8],
    /// Suite and mode.
    pub security_control: u8,
    /// Number of the message, never used twice with one key.
    pub counter: u32,
    /// Offset of the ciphertext in the APDU.
    pub ciphertext_offset: usize,
    /// The enciphered APDU.
    pub ciphertext: &'a [u8],
    /// The authentication tag; empty where the mode has none.
    pub tag: &'a [u8],
}

impl<'a> Header<'a> {
    /// Reads the header of a ciphered APDU; `None` when it is cut or is no such APDU.
    ///
    /// The length may be written longer than needed (`82 00 E7`, Kamstrup). Bytes behind it are ignored.
    pub fn decode(apdu: &'a [u8]) -> Option<Header<'a>> {
        let (behind, (system_title, body)) = envelope(apdu).ok()?;
        let (text, (security_control, counter)) = (u8, be_u32::<_, nom::error::Error<_>>).parse(body).ok()?;
        let tag_length = if security_control & AUTHENTICATED == 0 { 0 } else { TAG_LENGTH };
        let (ciphertext, tag) = text.split_at_checked(text.len().checked_sub(tag_length)?)?;
        if ciphertext.is_empty() {
            return None;
        }
        let ciphertext_offset = apdu.len() - behind.len() - text.len();
        Some(Header { system_title, security_control, counter, ciphertext_offset, ciphertext, tag })
    }
}

/// `DB title body`, the body without its length.
fn envelope(input: &[u8]) -> IResult<&[u8], (&[u8], &[u8])> {
    let (rest, _) = tag(&[TAG][..]).parse(input)?;
    let (rest, title) = length_data(u8).parse(rest)?;
    let (rest, length) = ber::length(rest)?;
    let (rest, body) = take(length).parse(rest)?;
    Ok((rest, (title, body)))
}

/// What became of a ciphered APDU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deciphered {
    /// Deciphered, and the tag proves every byte.
    Verified,
    /// Deciphered into something that starts like a data-notification; nothing proves it (no tag, or no
    /// authentication key).
    Unverified,
    /// Not deciphered.
    Refused(Problem),
}

/// Undoes the ciphering of `apdu` into `plain`, which is emptied first and stays empty on refusal.
///
/// Tells a wrong encryption key ([`ProblemKind::WrongKey`]) from a wrong authentication key or an altered
/// telegram ([`ProblemKind::Authentication`]): field bugs D2, D3.
pub fn decipher(apdu: &[u8], keys: &Keys, plain: &mut Vec<u8>) -> Deciphered {
    plain.clear();
    let outcome = try_decipher(apdu, keys, plain);
    if matches!(outcome, Deciphered::Refused(_)) {
        plain.clear();
    }
    outcome
}

fn try_decipher(apdu: &[u8], keys: &Keys, plain: &mut Vec<u8>) -> Deciphered {
    let refused = |offset, kind| Deciphered::Refused(Problem { offset, kind });
    let Some(header) = Header::decode(apdu) else {
        return refused(0, ProblemKind::CipherHeader);
    };
    let control = header.security_control;
    // One bit must be set (encrypted), one may be (authenticated), and the suite nibble is 0 or 1.
    if control & !(AUTHENTICATED | 0x01) != ENCRYPTED {
        return refused(header.ciphertext_offset - 5, ProblemKind::SecurityControl(control));
    }
    if header.system_title.is_empty() {
        return refused(1, ProblemKind::NoSystemTitle);
    }
    let Some(nonce) = nonce(header.system_title, header.counter) else {
        return refused(1, ProblemKind::CipherHeader);
    };
    let Some(key) = keys.encryption else {
        return refused(0, ProblemKind::NoKey);
    };
    let gcm = Gcm::new(&key.into());
    plain.extend_from_slice(header.ciphertext);
    let tag = <&[u8; TAG_LENGTH]>::try_from(header.tag).ok();
    if let (Some(tag), Some(authentication)) = (tag, keys.authentication) {
        let aad = associated_data(control, &authentication);
        let verified =
            gcm.decrypt_inout_detached(&nonce.into(), &aad, plain.as_mut_slice().into(), &(*tag).into());
        if verified.is_ok() {
            return Deciphered::Verified;
        }
        let kind = match apply_keystream(&gcm, nonce, plain) {
            true => ProblemKind::Authentication,
            false => ProblemKind::WrongKey,
        };
        return refused(header.ciphertext_offset + header.ciphertext.len(), kind);
    }
    match apply_keystream(&gcm, nonce, plain) {
        true => Deciphered::Unverified,
        false => refused(header.ciphertext_offset, ProblemKind::WrongKey),
    }
}

/// Deciphers without asking for the tag; true when the result starts like a data-notification.
fn apply_keystream(gcm: &Gcm, nonce: [u8; 12], text: &mut [u8]) -> bool {
    // Counter mode: enciphering the ciphertext gives the plain text, and the tag of that is meaningless.
    let done = gcm.encrypt_inout_detached(&nonce.into(), &[], text.into());
    done.is_ok() && is_notification(text)
}

fn nonce(system_title: &[u8], counter: u32) -> Option<[u8; 12]> {
    let title: [u8; TITLE_LENGTH] = system_title.try_into().ok()?;
    let mut nonce = [0; 12];
    nonce[..TITLE_LENGTH].copy_from_slice(&title);
    nonce[TITLE_LENGTH..].copy_from_slice(&counter.to_be_bytes());
    Some(nonce)
}

fn associated_data(control: u8, authentication: &[u8; 16]) -> [u8; 17] {
    let mut aad = [control; 17];
    aad[1..].copy_from_slice(authentication);
    aad
}

/// The plain APDU in the place of the ciphertext, where a log was written after the firmware had deciphered
/// in place (field bugs, section 0, fact 5).
///
/// Such bytes never were on a wire. Only for marking the stage of an import, never for reading a telegram.
pub fn plain_inside(apdu: &[u8]) -> Option<&[u8]> {
    Header::decode(apdu).map(|header| header.ciphertext).filter(|text| is_notification(text))
}

/// A data-notification up to the tag of its body: random bytes pass once in a million.
fn is_notification(bytes: &[u8]) -> bool {
    likely_body(bytes).is_some_and(|body| !body.is_empty())
}

/// Writes `plain` as a ciphered APDU: security control 30 or 31 with a tag, 20 or 21 without.
///
/// Panics on another control byte, on a key that is missing, and above 65 kB.
pub fn encode(
    out: &mut Vec<u8>,
    keys: &Keys,
    system_title: &[u8; 8],
    control: u8,
    counter: u32,
    plain: &[u8],
) {
    assert!(matches!(control, 0x20 | 0x21 | 0x30 | 0x31), "security control {control:02x} is not supported");
    let gcm = Gcm::new(&keys.encryption.expect("enciphering needs an encryption key").into());
    let authenticated = control & AUTHENTICATED != 0;
    let length = 5 + plain.len() + if authenticated { TAG_LENGTH } else { 0 };
    assert!(length <= usize::from(u16::MAX), "ciphered APDU of {length} bytes");

    out.extend_from_slice(&[TAG, TITLE_LENGTH as u8]);
    out.extend_from_slice(system_title);
    ber::encode_length(out, length);
    out.push(control);
    out.extend_from_slice(&counter.to_be_bytes());
    let start = out.len();
    out.extend_from_slice(plain);
    let nonce = nonce(system_title, counter).expect("eight bytes of title give a nonce");
    let aad = match (authenticated, keys.authentication) {
        (false, _) => Vec::new(),
        (true, key) => associated_data(control, &key.expect("a tag needs an authentication key")).to_vec(),
    };
    let tag = gcm
        .encrypt_inout_detached(&nonce.into(), &aad, (&mut out[start..]).into())
        .expect("AES-GCM takes 64 GiB, an APDU has less");
    if authenticated {
        out.extend_from_slice(&tag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The synthetic vectors of the protocol sheet, section 3.
    const TITLE: [u8; 8] = *b"KAME\x00\x00\x00\x01";
    const PLAIN: &str = "0f000000000c07e8030f050c000aff80000002030a0e4b616d73747275705f56303030310906\
                         0101010700ff06000005e6";
    const CIPHERTEXT: &str = "12fe592044623e42ea813c2f8757d61ba9614508db87b6c68b2bec585fb592397e26c25fa3\
                              c5aba5b4f42eb6d649d7d35a";
    const TAG_30: &str = "21e57c31c6e79520b864f91c";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        digits
            .chunks(2)
            .map(|pair| core::str::from_utf8(pair).expect("the constants are ASCII"))
            .map(|pair| u8::from_str_radix(pair, 16).expect("the constants are hex digits"))
            .collect()
    }

    fn keys() -> Keys {
        Keys {
            encryption: Some(core::array::from_fn(|at| at as u8)),
            authentication: Some(core::array::from_fn(|at| 0xD0 + at as u8)),
        }
    }

    fn enciphered(control: u8) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&mut out, &keys(), &TITLE, control, 1, &bytes(PLAIN));
        out
    }

    fn refusal(apdu: &[u8], keys: &Keys) -> ProblemKind {
        let mut plain = Vec::new();
        match decipher(apdu, keys, &mut plain) {
            Deciphered::Refused(problem) => {
                assert!(plain.is_empty(), "a refusal leaves nothing to read");
                problem.kind
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn published_vectors_come_out_and_go_back() {
        for (control, length, tag, outcome) in
            [(0x30, 0x42, TAG_30, Deciphered::Verified), (0x20, 0x36, "", Deciphered::Unverified)]
        {
            let mut expected = bytes("db08");
            expected.extend_from_slice(&TITLE);
            expected.extend_from_slice(&[length, control, 0, 0, 0, 1]);
            expected.extend_from_slice(&bytes(CIPHERTEXT));
            expected.extend_from_slice(&bytes(tag));
            assert_eq!(enciphered(control), expected);
            let mut plain = Vec::new();
            assert_eq!(decipher(&expected, &keys(), &mut plain), outcome);
            assert_eq!(plain, bytes(PLAIN));
        }
    }

    #[test]
    fn without_the_authentication_key_a_telegram_is_read_but_not_verified() {
        let keys = Keys { authentication: None, ..keys() };
        let mut plain = Vec::new();
        assert_eq!(decipher(&enciphered(0x30), &keys, &mut plain), Deciphered::Unverified);
        assert_eq!(plain, bytes(PLAIN));
    }

    #[test]
    fn suite_nibble_one_is_read_like_nought() {
        for control in [0x21, 0x31] {
            let mut plain = Vec::new();
            assert!(!matches!(decipher(&enciphered(control), &keys(), &mut plain), Deciphered::Refused(_)));
            assert_eq!(plain, bytes(PLAIN), "{control:02x}");
        }
    }

    #[test]
    fn wrong_keys_are_told_apart() {
        let other = Some([0; 16]);
        let apdu = enciphered(0x30);
        assert_eq!(refusal(&apdu, &Keys::default()), ProblemKind::NoKey);
        assert_eq!(refusal(&apdu, &Keys { encryption: other, ..keys() }), ProblemKind::WrongKey);
        assert_eq!(refusal(&apdu, &Keys { authentication: other, ..keys() }), ProblemKind::Authentication);
        assert_eq!(refusal(&enciphered(0x20), &Keys { encryption: other, ..keys() }), ProblemKind::WrongKey);
    }

    #[test]
    fn every_altered_bit_of_text_and_tag_is_refused() {
        let apdu = enciphered(0x30);
        let start = Header::decode(&apdu).expect("a general-glo header").ciphertext_offset;
        for bit in start * 8..apdu.len() * 8 {
            let mut altered = apdu.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let kind = refusal(&altered, &keys());
            assert!(matches!(kind, ProblemKind::Authentication | ProblemKind::WrongKey), "bit {bit}: {kind}");
        }
    }

    #[test]
    fn length_may_be_longer_than_needed() {
        let apdu = enciphered(0x30);
        for length in [&[0x81, 0x42][..], &[0x82, 0x00, 0x42]] {
            let mut wide = apdu[..10].to_vec();
            wide.extend_from_slice(length);
            wide.extend_from_slice(&apdu[11..]);
            let mut plain = Vec::new();
            assert_eq!(decipher(&wide, &keys(), &mut plain), Deciphered::Verified);
            let header = Header::decode(&wide).expect("a header with a long length");
            assert_eq!(header.ciphertext, &wide[header.ciphertext_offset..][..49]);
        }
    }

    #[test]
    fn cut_ciphertext_is_refused() {
        for control in [0x20, 0x30] {
            for ciphertext_length in 0..=20 {
                let body = 5 + ciphertext_length;
                // Once the length tells the truth about the cut, once it still announces the whole.
                // With a length that tells it and without a tag, 19 bytes are a notification whose body is cut:
                // the APDU's matter.
                let announced = if control == 0x20 && ciphertext_length >= 19 { 0x42 } else { body as u8 };
                for announced in [announced, 0x42] {
                    let mut apdu = enciphered(control);
                    apdu[10] = announced;
                    apdu.truncate(11 + body);
                    let kind = refusal(&apdu, &Keys { authentication: None, ..keys() });
                    let expected = [ProblemKind::CipherHeader, ProblemKind::WrongKey];
                    assert!(expected.contains(&kind), "{control:02x}, {ciphertext_length} bytes: {kind}");
                }
            }
        }
        let whole = enciphered(0x30);
        for length in 0..whole.len() {
            assert_eq!(refusal(&whole[..length], &keys()), ProblemKind::CipherHeader);
        }
    }

    #[test]
    fn missing_system_title_is_its_own_problem() {
        let mut apdu = enciphered(0x30);
        apdu.drain(2..10);
        apdu[1] = 0;
        assert_eq!(refusal(&apdu, &keys()), ProblemKind::NoSystemTitle);
        apdu.insert(2, 0x4B);
        apdu[1] = 1;
        assert_eq!(refusal(&apdu, &keys()), ProblemKind::CipherHeader);
    }

    #[test]
    fn other_modes_are_refused() {
        for control in [0x00, 0x10, 0x22, 0x32, 0x38, 0x60, 0x70, 0xA0, 0xB0] {
            let mut apdu = enciphered(0x30);
            apdu[11] = control;
            assert_eq!(refusal(&apdu, &keys()), ProblemKind::SecurityControl(control));
        }
    }

    #[test]
    fn plain_text_behind_a_ciphering_header_is_seen() {
        let mut apdu = enciphered(0x30);
        assert_eq!(plain_inside(&apdu), None);
        apdu[16..16 + 49].copy_from_slice(&bytes(PLAIN));
        assert_eq!(plain_inside(&apdu), Some(&bytes(PLAIN)[..]));
        assert_eq!(refusal(&apdu, &keys()), ProblemKind::WrongKey);
    }

    #[test]
    fn keys_are_never_printed() {
        assert_eq!(alloc::format!("{:?}", keys()), "Keys { encryption: true, authentication: true }");
    }
}
