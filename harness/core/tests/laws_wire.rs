//! Laws of the link layers, for any bytes and any chunking.

use hanbench_core::reading::Instant;
use hanbench_core::wire::assemble::{APDU_MAX, Assembled, Assembler, Protection};
use hanbench_core::wire::cipher::{self, Keys};
use hanbench_core::wire::framer::{Content, Framer, HELD_MAX, JUNK_MAX};
use hanbench_core::wire::{blocks, hdlc, llc, mbus, p1};
use quickcheck::{Arbitrary, Gen, QuickCheck};

/// One item without its borrow.
#[derive(Clone, PartialEq, Debug)]
struct Owned {
    offset: u64,
    bytes: Vec<u8>,
    content: String,
    good: bool,
}

fn drain(framer: &mut Framer, items: &mut Vec<Owned>) {
    while let Some(item) = framer.poll() {
        let good = match item.content {
            Content::Hdlc(frame) => frame.is_good(),
            Content::Mbus(frame) => frame.checksum_ok,
            Content::P1(frame) => frame.is_good(),
            Content::Junk(_) => false,
        };
        items.push(Owned {
            offset: item.offset,
            bytes: item.bytes.to_vec(),
            content: format!("{:?}", item.content),
            good,
        });
    }
}

/// The items of a stream that arrives in pieces of these sizes, again and again.
fn items(stream: &[u8], sizes: &[usize]) -> Vec<Owned> {
    let (mut framer, mut items) = (Framer::new(), Vec::new());
    let mut rest = stream;
    for &size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, behind) = rest.split_at(size.clamp(1, rest.len()));
        framer.push(chunk, Instant(0));
        drain(&mut framer, &mut items);
        rest = behind;
    }
    framer.finish();
    drain(&mut framer, &mut items);
    items
}

fn goods(stream: &[u8]) -> Vec<Vec<u8>> {
    items(stream, &[4096]).into_iter().filter(|item| item.good).map(|item| item.bytes).collect()
}

fn frame(segmented: bool, information: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    hdlc::encode(&mut out, &[0x41], &[0x08, 0x83], 0x13, segmented, information);
    out
}

/// A stream as lines carry it: frames of every link whole, cut, altered, sharing flags, and noise between.
#[derive(Clone, Debug)]
struct Stream(Vec<u8>);

impl Arbitrary for Stream {
    fn arbitrary(g: &mut Gen) -> Self {
        let mut stream = Vec::new();
        for _ in 0..u8::arbitrary(g) % 8 {
            let mut piece = piece(g);
            match u8::arbitrary(g) % 6 {
                0 => piece.truncate(usize::arbitrary(g) % (piece.len() + 1)),
                1 if !piece.is_empty() => {
                    let at = usize::arbitrary(g) % piece.len();
                    piece[at] ^= 1 << (u8::arbitrary(g) % 8);
                }
                2 if !piece.is_empty() => {
                    piece.remove(usize::arbitrary(g) % piece.len());
                }
                3 if stream.last() == Some(&0x7E) && piece.first() == Some(&0x7E) => {
                    piece.remove(0);
                }
                _ => {}
            }
            stream.extend_from_slice(&piece);
        }
        Stream(stream)
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        Box::new(self.0.shrink().map(Stream))
    }
}

fn piece(g: &mut Gen) -> Vec<u8> {
    const TRIPS: [u8; 12] = [0x7E, 0x7E, 0xA0, 0xA8, 0x68, 0x05, 0x53, 0x41, 0x13, b'/', b'!', b'\n'];
    let mut information = Vec::<u8>::arbitrary(g);
    // Flags, starts and whole frames inside a frame are what a framer trips over.
    if bool::arbitrary(g) {
        information.extend((0..u8::arbitrary(g) % 8).map(|_| TRIPS[usize::arbitrary(g) % TRIPS.len()]));
    }
    if u8::arbitrary(g) % 4 == 0 {
        let inner = frame(false, &information[..information.len().min(9)]);
        information.extend_from_slice(&inner[..inner.len() - usize::arbitrary(g) % 3]);
        information.push(u8::arbitrary(g));
    }
    let mut out = Vec::new();
    match u8::arbitrary(g) % 6 {
        0 => mbus::encode(&mut out, 1 + usize::arbitrary(g) % 250, &information[..information.len().min(15)]),
        1 => p1::encode(&mut out, "KAM5", &["1-0:1.7.0(00.498*kW)"]),
        2 => out.extend((0..u8::arbitrary(g) % 12).map(|_| TRIPS[usize::arbitrary(g) % TRIPS.len()])),
        3 => out = vec![0x55; JUNK_MAX - 3 + usize::arbitrary(g) % 6],
        _ => out = frame(bool::arbitrary(g), &information),
    }
    out
}

fn check<A: quickcheck::Testable>(cases: u64, law: A) {
    QuickCheck::new().tests(cases).max_tests(cases * 20).quickcheck(law);
}

#[test]
fn any_chunking_gives_the_same_items() {
    fn law(stream: Stream, sizes: Vec<u8>) -> bool {
        let sizes: Vec<usize> = sizes.iter().map(|&size| usize::from(size)).chain([3]).collect();
        let whole = items(&stream.0, &[usize::MAX]);
        [&[1][..], &[7], &sizes].iter().all(|sizes| items(&stream.0, sizes) == whole)
    }
    check(3000, law as fn(Stream, Vec<u8>) -> bool);
}

#[test]
fn items_tile_the_stream() {
    fn tiles(stream: &[u8]) -> bool {
        let items = items(stream, &[64]);
        let mut next = 0;
        for item in &items {
            if item.offset != next || item.bytes.is_empty() {
                return false;
            }
            next += item.bytes.len() as u64;
        }
        items.iter().flat_map(|item| item.bytes.clone()).eq(stream.iter().copied())
    }
    fn frames(stream: Stream) -> bool {
        tiles(&stream.0)
    }
    fn bytes(stream: Vec<u8>) -> bool {
        tiles(&stream)
    }
    check(2000, frames as fn(Stream) -> bool);
    check(2000, bytes as fn(Vec<u8>) -> bool);
}

#[test]
fn silence_at_any_place_costs_no_byte() {
    fn law(stream: Stream, at: usize) -> bool {
        let (before, behind) = stream.0.split_at(at % (stream.0.len() + 1));
        let (mut framer, mut items) = (Framer::new(), Vec::new());
        framer.push(before, Instant(0));
        drain(&mut framer, &mut items);
        framer.timeout(Instant(1_000_000));
        drain(&mut framer, &mut items);
        assert_eq!(framer.next_timeout(), None, "nothing waits behind a silence");
        assert_eq!(items.iter().map(|item| item.bytes.len()).sum::<usize>(), before.len());
        framer.push(behind, Instant(1_000_000));
        framer.finish();
        drain(&mut framer, &mut items);
        items.iter().flat_map(|item| item.bytes.clone()).eq(stream.0.iter().copied())
    }
    check(2000, law as fn(Stream, usize) -> bool);
}

#[test]
fn one_flipped_bit_is_never_another_good_frame() {
    fn law(information: Vec<u8>, others: bool) -> bool {
        let good = frame(false, &information);
        let neighbour = frame(false, b"neighbour");
        (0..good.len() * 8).all(|bit| {
            let mut flipped = good.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let stream = if others { [&neighbour[..], &flipped, &neighbour].concat() } else { flipped };
            let found = goods(&stream);
            found.iter().all(|bytes| *bytes == neighbour) && (!others || found.len() == 2)
        })
    }
    check(60, law as fn(Vec<u8>, bool) -> bool);
}

#[test]
fn good_frames_among_junk_are_all_found() {
    fn law(parts: Vec<(Vec<u8>, Vec<u8>)>) -> bool {
        let mut stream = Vec::new();
        let mut frames = Vec::new();
        for (junk, information) in parts.into_iter().take(3) {
            stream.extend(junk.iter().filter(|&&byte| byte != 0x7E));
            frames.push(frame(false, &information));
            stream.extend_from_slice(&frames[frames.len() - 1]);
        }
        goods(&stream) == frames
    }
    check(2000, law as fn(Vec<(Vec<u8>, Vec<u8>)>) -> bool);
}

#[test]
fn intact_frame_behind_a_cut_one_is_found() {
    fn law(first: Vec<u8>, second: Vec<u8>, cut: usize) -> bool {
        let (first, second) = (frame(false, &first), frame(false, &second));
        let cut = &first[..cut % first.len()];
        let found = goods(&[cut, &second].concat());
        // A frame that lost nothing but its closing flag is whole: it shares the flag of its neighbour.
        let shares = cut.len() == first.len() - 1;
        if shares { found == [first, second[1..].to_vec()] } else { found == [second] }
    }
    check(4000, law as fn(Vec<u8>, Vec<u8>, usize) -> bool);
}

fn apdus(stream: &[u8], keys: Keys) -> Vec<(Vec<u8>, Protection)> {
    let (mut framer, mut assembler) = (Framer::new(), Assembler::new(keys));
    let mut apdus = Vec::new();
    for chunk in stream.chunks(50) {
        framer.push(chunk, Instant(0));
        while let Some(item) = framer.poll() {
            if let Assembled::Apdu { bytes, protection } = assembler.push(&item).outcome {
                apdus.push((bytes.to_vec(), protection));
            }
        }
    }
    apdus
}

#[test]
fn segments_of_any_size_give_the_message_back() {
    fn law(apdu: Vec<u8>, part: u8, way: u8) -> bool {
        let apdu = [&[0x0F][..], &apdu].concat();
        let message = [&llc::LLC[..], &apdu].concat();
        // The first segment holds the LLC at least; that is how a message is known to start.
        let part = usize::from(part).max(llc::LLC.len());
        let mut stream = Vec::new();
        match way % 3 {
            0 => hdlc::encode_segmented(&mut stream, &[0x41], &[0x03], 0x13, part + 1, &message),
            1 => mbus::encode(&mut stream, part.max(apdu.len().div_ceil(16)), &apdu),
            _ => {
                for block in blocks::encode(part, &apdu) {
                    stream.extend_from_slice(&frame(false, &[&llc::LLC[..], &block].concat()));
                }
            }
        }
        apdus(&stream, Keys::default()) == [(apdu, Protection::Plain)]
    }
    check(3000, law as fn(Vec<u8>, u8, u8) -> bool);
}

#[test]
fn ciphered_message_comes_back_verified() {
    fn law(apdu: Vec<u8>, key: u8, counter: u32) -> bool {
        let apdu = [&[0x0F][..], &apdu].concat();
        let keys = Keys { encryption: Some([key; 16]), authentication: Some([!key; 16]) };
        let mut ciphered = Vec::new();
        cipher::encode(&mut ciphered, &keys, b"KAM\x00\x00\x00\x00\x01", 0x30, counter, &apdu);
        let stream = frame(false, &[&llc::LLC[..], &ciphered].concat());
        apdus(&stream, keys) == [(apdu, Protection::Verified)]
    }
    check(500, law as fn(Vec<u8>, u8, u32) -> bool);
}

#[test]
fn assembling_foreign_bytes_is_bounded_and_never_panics() {
    fn law(stream: Stream, apdu: Vec<u8>) -> bool {
        let keys = Keys { encryption: Some([1; 16]), authentication: None };
        let mut assembler = Assembler::new(keys);
        for tag in [0x0F, 0xDB, 0xE0] {
            assembler.push_raw(&[&[tag][..], &apdu].concat());
        }
        apdus(&stream.0, keys).iter().all(|(apdu, _)| apdu.len() <= APDU_MAX)
    }
    check(2000, law as fn(Stream, Vec<u8>) -> bool);
}

#[test]
fn no_more_is_held_than_promised() {
    fn law(stream: Stream) -> bool {
        let (mut framer, mut given) = (Framer::new(), 0);
        (1..=20).all(|round| {
            framer.push(&stream.0, Instant(0));
            while let Some(item) = framer.poll() {
                given += item.bytes.len();
            }
            round * stream.0.len() - given <= HELD_MAX
        })
    }
    check(1000, law as fn(Stream) -> bool);
}
