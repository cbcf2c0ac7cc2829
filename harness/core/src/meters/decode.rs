//! APDU → telegram: values with presence, units and exact scale, and what is wrong with them.
//!
//! Refuses to fill a hole: what the meter did not send stays absent, whatever could be computed.

use super::identify::{Fit, Identity, family, fit_of, identify, names};
use super::place::{put_number, put_plain, put_row, put_unnamed, unit_code};
use super::plausible::{Suspicion, shows, suspicion};
use super::profile::{Form, Holds, List, Profile};
use super::telegram::{Address, Telegram};
use super::{Problem, ProblemKind, by_name};
use crate::reading::{Family, Field, Key, Reading};
use crate::wire::{
    apdu::DataNotification,
    rows::{Body, Name, Row},
};
use alloc::vec::Vec;

/// What was made of one APDU.
#[derive(Clone, PartialEq, Debug)]
pub struct Decoded<'a> {
    /// Who made it.
    pub family: Family,
    /// The profile it fits; `None` when no profile has its layout.
    pub profile: Option<&'static Profile>,
    /// The telegram names no meter and the model was assumed; the family and the values do not depend on it.
    pub assumed: bool,
    /// Which list it is.
    pub list: List,
    /// Its content; `None` when it is no data-notification.
    pub telegram: Option<Telegram<'a>>,
    /// What a reader of the result should know, as they were found.
    pub problems: Vec<Problem>,
}

impl<'a> Decoded<'a> {
    pub(super) fn nothing(problem: Problem) -> Self {
        Decoded {
            family: Family::Other,
            profile: None,
            assumed: false,
            list: List::Full("unknown"),
            telegram: None,
            problems: alloc::vec![problem],
        }
    }

    /// Keys that other meters of the family send in this list, and this telegram does not carry.
    pub fn absent(&self) -> impl Iterator<Item = Key> + '_ {
        let slots = self.profile.into_iter().flat_map(|profile| profile.slots(self.list));
        slots
            .filter_map(|slot| match slot.holds {
                Holds::Number(key) => Some(key),
                _ => None,
            })
            .filter(|&key| {
                self.telegram.as_ref().is_some_and(|telegram| telegram.reading.get(key) == Field::Absent)
            })
    }
}

/// Decodes the APDUs of one stream. Remembers the meter, because list 1 of most families names none.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    forced: Option<&'static Profile>,
    last: Option<&'static Profile>,
    /// The meter that `last` was found for, where it said which it is.
    meter: Option<Identity>,
    /// Kept so that nothing is allocated.
    room: Vec<Row<'static>>,
}

impl Decoder {
    /// A decoder that finds the profile by itself.
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder that was told the profile; other layouts are still decoded, and reported.
    pub fn with_profile(profile: &'static Profile) -> Self {
        Decoder { forced: Some(profile), ..Self::default() }
    }

    /// Decodes one APDU (LLC and ciphering removed). `address` is the head of the HDLC frame, where there
    /// was one.
    pub fn decode<'a>(&mut self, apdu: &'a [u8], address: Option<Address<'a>>) -> Decoded<'a> {
        let notification = match DataNotification::parse(apdu) {
            Ok(notification) => notification,
            Err(problem) => {
                let kind = ProblemKind::Wire(problem.kind);
                return Decoded::nothing(Problem { offset: problem.offset, kind });
            }
        };
        let body = Body::read(notification.body, core::mem::take(&mut self.room));
        let decoded = self.body(&notification, &body, address);
        self.room = body.into_room();
        decoded
    }

    fn body<'a>(
        &mut self,
        notification: &DataNotification<'a>,
        body: &Body<'a>,
        address: Option<Address<'a>>,
    ) -> Decoded<'a> {
        let names = names(body);
        let last = self.last.map(|last| (last, self.meter));
        // What the user told holds for every meter in the stream, whatever the names say.
        let told = self.forced.and_then(|forced| fit_of(forced, body));
        let Some(fit) = told.or_else(|| identify(notification, body, address, &names, last)) else {
            return without_profile(notification, body, address);
        };
        let mut decoded = with_profile(notification, body, fit, address);
        if self.forced.is_none() {
            // An assumption is made anew each time, until a telegram names the meter.
            if !fit.assumed {
                (self.last, self.meter) = (Some(fit.profile), names.meter.or(self.meter));
            }
            if let Some(changed) = self.variant((notification, body), &decoded, fit, address) {
                decoded = changed;
            }
        }
        doubt_scale(&mut decoded);
        decoded
    }

    /// Decodes again with the profile in which impossible values are possible.
    fn variant<'a>(
        &mut self,
        (notification, body): (&DataNotification<'a>, &Body<'a>),
        decoded: &Decoded<'a>,
        fit: Fit,
        address: Option<Address<'a>>,
    ) -> Option<Decoded<'a>> {
        let reading = &decoded.telegram.as_ref()?.reading;
        let variant = fit.profile.variants.iter().find(|variant| shows(reading, variant.sign))?;
        let profile = by_name(variant.profile)?;
        let mut changed = with_profile(notification, body, Fit { profile, ..fit }, address);
        let kind = ProblemKind::Scale(Suspicion::Changed(variant.sign));
        changed.problems.push(Problem { offset: notification.body_offset, kind });
        self.last = Some(profile);
        Some(changed)
    }
}

fn doubt_scale(decoded: &mut Decoded<'_>) {
    let (Some(telegram), Some(profile)) = (&decoded.telegram, decoded.profile) else { return };
    if let Some(suspicion) = suspicion(&telegram.reading, profile) {
        decoded.problems.push(Problem { offset: 0, kind: ProblemKind::Scale(suspicion) });
    }
}

fn telegram<'a>(notification: &DataNotification<'a>, address: Option<Address<'a>>) -> Telegram<'a> {
    Telegram {
        address,
        invoke_id: notification.invoke_id,
        time_form: notification.time_form,
        time: notification.time,
        clock: None,
        reading: Reading::default(),
    }
}

/// A telegram whose layout is that of a profile, register by register.
fn with_profile<'a>(
    notification: &DataNotification<'a>,
    body: &Body<'a>,
    fit: Fit,
    address: Option<Address<'a>>,
) -> Decoded<'a> {
    let mut telegram = telegram(notification, address);
    let mut problems = Vec::new();
    let null_pairs = matches!(fit.profile.form, Form::Pairs { null_pairs: true, .. });
    let slots = fit.profile.slots(fit.list).filter(|slot| null_pairs || fit.profile.sends(slot));
    for (row, slot) in body.rows.iter().zip(slots) {
        if row.name == Name::NullPair {
            continue;
        }
        let at = notification.body_offset + row.offset;
        let result = match slot.holds {
            Holds::Number(key) => {
                let scale = row.scaler_unit.or(Some((slot.scaler, unit_code(key.kind()))));
                put_number(&mut telegram.reading, slot.obis, key, &row.value, scale)
            }
            Holds::Unnamed => put_unnamed(&mut telegram.reading, slot.obis, &row.value),
            other => put_plain(&mut telegram, slot.obis, other, &row.value),
        };
        if let Err(kind) = result {
            problems.push(Problem { offset: at, kind });
        }
    }
    finish(&mut telegram, &mut problems, notification, body);
    Decoded {
        family: fit.profile.family,
        profile: Some(fit.profile),
        assumed: fit.assumed,
        list: fit.list,
        telegram: Some(telegram),
        problems,
    }
}

/// A telegram of no known layout: registers that name themselves are decoded, with the scale they carry or,
/// where the list id tells the family, with that family's.
fn without_profile<'a>(
    notification: &DataNotification<'a>,
    body: &Body<'a>,
    address: Option<Address<'a>>,
) -> Decoded<'a> {
    let names = names(body);
    let family = family(names.list_id);
    let relative = family.and_then(relative);
    let mut telegram = telegram(notification, address);
    let mut problems = Vec::new();
    problems.push(Problem { offset: notification.body_offset, kind: ProblemKind::LayoutUnknown });
    if body.outline.is_none() {
        problems.push(Problem { offset: notification.body_offset, kind: ProblemKind::NoList });
    }
    for row in &body.rows {
        if let Err(kind) = put_row(&mut telegram, row, relative, &names) {
            problems.push(Problem { offset: notification.body_offset + row.offset, kind });
        }
    }
    if let Some(problem) = body.problem {
        let offset = notification.body_offset + problem.offset;
        problems.push(Problem { offset, kind: ProblemKind::Wire(problem.kind) });
    }
    finish(&mut telegram, &mut problems, notification, body);
    let list = list_of(&telegram.reading);
    let family = family.unwrap_or(Family::Other);
    Decoded { family, profile: None, assumed: false, list, telegram: Some(telegram), problems }
}

/// The profile whose scale stands in for a layout that no profile has: never one whose scale is unusual.
pub(crate) fn relative(family: Family) -> Option<&'static Profile> {
    let usual = |profile: &&Profile| profile.family == family && profile.unannounced.is_empty();
    super::PROFILES.iter().copied().find(usual)
}

/// The list by what it carries: counters make a list 3, power alone a list 1.
pub(super) fn list_of(reading: &Reading<'_>) -> List {
    let mut numbers = reading.numbers();
    if reading.get(Key::EnergyActiveImport) != Field::Absent {
        List::Three
    } else if numbers.all(|(key, _)| key == Key::ActiveImport) {
        List::One
    } else {
        List::Two
    }
}

fn finish<'a>(
    telegram: &mut Telegram<'a>,
    problems: &mut Vec<Problem>,
    notification: &DataNotification<'a>,
    body: &Body<'a>,
) {
    if body.trailing > 0 && body.problem.is_none() {
        let offset = notification.body_offset + notification.body.len() - body.trailing;
        let kind = ProblemKind::Wire(crate::wire::ProblemKind::Trailing(body.trailing));
        problems.push(Problem { offset, kind });
    }
    telegram.reading.clock = telegram.clock.and_then(|clock| clock.local());
    telegram.reading.timestamp = match telegram.time {
        Some(time) => time.local(),
        None => telegram.reading.clock,
    };
    if telegram.time.is_some_and(|time| time.local().is_none()) {
        problems.push(Problem { offset: 5, kind: ProblemKind::ImpossibleTime });
    }
    if telegram.clock.is_some_and(|clock| clock.local().is_none()) {
        problems.push(Problem { offset: notification.body_offset, kind: ProblemKind::ImpossibleTime });
    }
}
