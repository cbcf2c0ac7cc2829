//! Laws of the meter profiles: what is sent is what is read, for every profile, every list and any values.

use hanbench_core::meters::encode::encode_frame;
use hanbench_core::meters::profile::{Holds, List, Profile, Register, Tag};
use hanbench_core::meters::sample::{Meter, Site};
use hanbench_core::meters::schedule::{Due, schedule};
use hanbench_core::meters::stream::Stream;
use hanbench_core::meters::{Address, Decoder, PROFILES, Telegram};
use hanbench_core::plant::{House, System};
use hanbench_core::reading::{Field, Instant, Milli};
use hanbench_core::wire::cipher::Keys;
use hanbench_core::wire::hdlc;
use hanbench_core::wire::llc::LLC;
use hanbench_core::wire::time::CosemTime;
use quickcheck::{Arbitrary, Gen, QuickCheck};

/// Random numbers for everything a telegram holds; which ones are used depends on the profile.
#[derive(Clone, Debug)]
struct Any {
    raw: Vec<i64>,
    utc_s: i64,
    time: [u8; 12],
    strange_time: bool,
    texts: [Vec<u8>; 2],
    invoke_id: u32,
}

impl Arbitrary for Any {
    fn arbitrary(g: &mut Gen) -> Self {
        let edges = [0, 1, 0x7E, 0x7E7E_7E7E, 0x7EA0_2A41, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 32) - 1];
        let raw = |g: &mut Gen| match g.choose(&[true, false, false]) {
            Some(true) => *g.choose(&edges).expect("edges"),
            _ => i64::arbitrary(g),
        };
        let text = |g: &mut Gen| {
            let bytes: Vec<u8> = Arbitrary::arbitrary(g);
            let mut bytes: Vec<u8> = bytes.into_iter().take(40).collect();
            // Six bytes that can be an OBIS code are one to every reader (`wire::rows`). No meter has such an id.
            if matches!(bytes[..], [0..=0x0F, _, _, _, _, 0xFF]) {
                bytes.push(b'0');
            }
            bytes
        };
        let mut time = [0; 12];
        time.fill_with(|| u8::arbitrary(g));
        Any {
            raw: (0..48).map(|_| raw(g)).collect(),
            utc_s: i64::from(u32::arbitrary(g)),
            time,
            strange_time: bool::arbitrary(g),
            texts: [text(g), text(g)],
            invoke_id: u32::arbitrary(g),
        }
    }
}

/// The nearest raw number that fits the type.
fn fitting(tag: Tag, raw: i64) -> i64 {
    match tag {
        Tag::U32 => i64::from(raw as u32),
        Tag::U16 => i64::from(raw as u16),
        Tag::I16 => i64::from(raw as i16),
        // Scaled by 1000 it must fit 63 bits.
        Tag::U64 => (raw & i64::MAX) >> 11,
        Tag::Octets | Tag::Text => raw,
    }
}

fn every_list() -> impl Iterator<Item = (&'static Profile, List)> {
    PROFILES.iter().flat_map(|&profile| profile.lists.iter().map(move |&list| (profile, list)))
}

/// A telegram with these values in every register of the list, and nothing else.
fn telegram<'a>(profile: &'static Profile, list: List, any: &'a Any) -> Telegram<'a> {
    let meter = Meter { profile, id: &any.texts[0], meter_type: Meter::usual(profile).meter_type };
    let mut telegram = meter.telegram(list, any.utc_s, &Default::default(), &Default::default());
    telegram.invoke_id = any.invoke_id;
    if any.strange_time {
        telegram.time = telegram.time.map(|_| CosemTime(any.time));
        telegram.clock = telegram.clock.map(|_| CosemTime(any.time));
        telegram.reading.clock = telegram.clock.and_then(|clock| clock.local());
        telegram.reading.timestamp = telegram.time.or(telegram.clock).and_then(|time| time.local());
    }
    for (slot, raw) in profile.slots(list).filter(|slot| profile.sends(slot)).zip(&any.raw) {
        if let Holds::Number(key) = slot.holds {
            telegram.reading.set(key, field(slot, *raw));
        }
    }
    telegram
}

fn field(slot: &Register, raw: i64) -> Field {
    Milli::scaled(fitting(slot.tag, raw), slot.scaler).map_or(Field::Absent, Field::Present)
}

/// What a decoder that was told the profile makes of a frame.
fn read<T>(
    profile: &'static Profile,
    bytes: &[u8],
    each: impl Fn(Option<List>, &Telegram<'_>) -> T,
) -> Option<T> {
    let frame = hdlc::Frame::decode(bytes).filter(hdlc::Frame::is_good)?;
    let address = Address { destination: frame.destination, source: frame.source, control: frame.control };
    let apdu = frame.information.strip_prefix(&LLC)?;
    let decoded = Decoder::with_profile(profile).decode(apdu, Some(address));
    let list = decoded.profile.filter(|found| found.name == profile.name).map(|_| decoded.list);
    decoded.telegram.as_ref().map(|telegram| each(list, telegram))
}

#[test]
fn what_is_encoded_is_what_is_decoded() {
    fn law(any: Any) -> bool {
        every_list().all(|(profile, list)| {
            let sent = telegram(profile, list, &any);
            let mut bytes = Vec::new();
            encode_frame(profile, list, &sent, &mut bytes)
                .unwrap_or_else(|error| panic!("{}, list {}: {error}", profile.name, list.word()));
            read(profile, &bytes, |found, read| {
                assert_eq!(found, Some(list), "{}, list {}", profile.name, list.word());
                assert_eq!(*read, sent, "{}, list {}", profile.name, list.word());
            })
            .is_some()
        })
    }
    QuickCheck::new().tests(200).quickcheck(law as fn(Any) -> bool);
}

#[test]
fn what_is_decoded_is_encoded_to_the_same_bytes() {
    fn law(any: Any) -> bool {
        every_list().all(|(profile, list)| {
            let encoded = |telegram: &Telegram<'_>| {
                let mut bytes = Vec::new();
                encode_frame(profile, list, telegram, &mut bytes).map(|()| bytes)
            };
            let bytes = encoded(&telegram(profile, list, &any)).expect("values that fit");
            read(profile, &bytes, |_, read| encoded(read)) == Some(Ok(bytes))
        })
    }
    QuickCheck::new().tests(200).quickcheck(law as fn(Any) -> bool);
}

#[test]
fn every_raw_number_is_scaled_exactly() {
    fn law(raw: i64) -> bool {
        let numbers = every_list()
            .flat_map(|(profile, list)| profile.slots(list))
            .filter(|slot| matches!(slot.holds, Holds::Number(_)));
        numbers.into_iter().all(|slot| {
            let raw = fitting(slot.tag, raw);
            let scaled = Milli::scaled(raw, slot.scaler).expect("a number of the wire fits");
            // In wide integers: thousandths times what is left of the power of ten.
            let power = 10_i128.pow(u32::from((slot.scaler + 3).unsigned_abs()));
            i128::from(scaled.0) == i128::from(raw) * power && scaled.raw(slot.scaler) == Some(raw)
        })
    }
    QuickCheck::new().tests(500).quickcheck(law as fn(i64) -> bool);
}

#[test]
fn what_a_house_draws_survives_the_way_through_its_meter() {
    fn law(seed: u64, moment: u32) -> bool {
        let systems = [System::OnePhase, System::ThreeTn, System::ThreeIt];
        let system = systems[(seed % 3) as usize];
        let midnight_s = 1_767_222_000;
        let from_ms = (midnight_s + i64::from(moment % 80_000)) * 1000;
        PROFILES.iter().all(|&profile| {
            let house = House::new(system, seed).with_sun(7_000);
            let mut site = Site { meter: Meter::usual(profile), house, midnight_s };
            let plan: Vec<Due> = schedule(profile, from_ms, from_ms + 20_000).collect();
            plan.into_iter().all(|due| {
                let sent = site.telegram(due);
                let mut bytes = Vec::new();
                encode_frame(profile, due.list, &sent, &mut bytes)
                    .unwrap_or_else(|error| panic!("{}: {error}", profile.name));
                read(profile, &bytes, |list, read| list == Some(due.list) && *read == sent) == Some(true)
            })
        })
    }
    QuickCheck::new().tests(12).quickcheck(law as fn(u64, u32) -> bool);
}

/// Families that nothing in a telegram tells from another one are found as that other one.
#[test]
fn usual_meter_is_recognised_without_being_told() {
    for (profile, list) in every_list() {
        let site_time = 1_767_268_800;
        let meter = Meter::usual(profile);
        let full = profile.lists.last().copied().unwrap_or(list);
        let mut stream = Stream::new(None, Keys::default());
        let mut found = Vec::new();
        // A list 1 names no meter, so the fullest list goes before it.
        for list in [full, list] {
            let mut state =
                hanbench_core::plant::State { voltage: [Milli(230_000); 3], ..Default::default() };
            // Nothing but a current that cannot be in the usual scale tells this one.
            let amperes = if profile.name == "kamstrup-dk-ct" { 90_000 } else { 6_000 };
            state.current = [Milli(amperes); 3];
            let telegram = meter.telegram(list, site_time, &state, &state.counters);
            let mut bytes = Vec::new();
            encode_frame(profile, list, &telegram, &mut bytes).expect("a usual telegram");
            stream.push(&bytes, Instant(0), |entry| {
                let decoded = entry.decoded.as_ref().expect("a good frame");
                found.push((decoded.profile.map_or("", |profile| profile.name), decoded.list));
            });
        }
        stream.finish(|_| {});
        let name = profile.name.replace("nuri-", "kaifa-");
        assert_eq!(found, [(name.as_str(), full), (name.as_str(), list)], "{}", profile.name);
    }
}
