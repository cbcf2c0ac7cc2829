//! The data-notification APDU (IEC 62056-5-3, tag 0F): invoke id, date-time in four forms, body.
//!
//! Refuses to look into the body; that is [`super::axdr`] and [`super::rows`].

use super::{Problem, ProblemKind, time::CosemTime};
use alloc::vec::Vec;

/// Tag of a data-notification.
pub const DATA_NOTIFICATION: u8 = 0x0F;

/// How the date-time field is written (han-protocol, section 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimeForm {
    /// `00`: an octet-string of length 0. Aidon, Embriq, the Swedish Kaifa pair list.
    Absent,
    /// `0C` and twelve bytes: length only, the correct form. Kamstrup, Austria.
    Length,
    /// `09 0C` and twelve bytes: tagged. Kaifa in Norway, Kamstrup before 2018 (field bug D9).
    Tagged,
    /// `19` and twelve bytes: a date-time element.
    DateTime,
}

/// A data-notification, borrowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DataNotification<'a> {
    /// Long-invoke-id-and-priority.
    pub invoke_id: u32,
    /// How the date-time was written.
    pub time_form: TimeForm,
    /// The date-time, unless absent.
    pub time: Option<CosemTime>,
    /// The notification body: A-XDR, and possibly bytes behind it.
    pub body: &'a [u8],
    /// Offset of the body in the APDU.
    pub body_offset: usize,
}

impl<'a> DataNotification<'a> {
    /// Reads the head of an APDU. The problem's offset counts from the APDU's first byte.
    pub fn parse(apdu: &'a [u8]) -> Result<DataNotification<'a>, Problem> {
        let truncated = Problem { offset: apdu.len(), kind: ProblemKind::Truncated };
        let (&tag, rest) = apdu.split_first().ok_or(truncated)?;
        if tag != DATA_NOTIFICATION {
            return Err(Problem { offset: 0, kind: ProblemKind::UnknownApdu(tag) });
        }
        let (invoke_id, rest) = rest.split_first_chunk::<4>().ok_or(truncated)?;
        let (time_form, head) = match rest {
            [0x00, ..] => (TimeForm::Absent, 1),
            [0x0C, ..] => (TimeForm::Length, 1),
            [0x09, 0x0C, ..] => (TimeForm::Tagged, 2),
            [0x19, ..] => (TimeForm::DateTime, 1),
            [] | [0x09] => return Err(truncated),
            [other, ..] => return Err(Problem { offset: 5, kind: ProblemKind::DateTimeForm(*other) }),
        };
        let rest = &rest[head..];
        let (time, body) = if time_form == TimeForm::Absent {
            (None, rest)
        } else {
            let (time, body) = rest.split_first_chunk::<12>().ok_or(truncated)?;
            (Some(CosemTime(*time)), body)
        };
        let body_offset = apdu.len() - body.len();
        Ok(DataNotification { invoke_id: u32::from_be_bytes(*invoke_id), time_form, time, body, body_offset })
    }
}

/// The body of bytes that begin like a data-notification: tag, form of the date-time, a year of our time where there
/// is one, a list as body. Empty where the bytes end before it. Where no link layer vouches for an APDU, this is all
/// that tells one.
pub fn likely_body(bytes: &[u8]) -> Option<&[u8]> {
    let [DATA_NOTIFICATION, _, _, _, _, rest @ ..] = bytes else {
        return None;
    };
    let (year, body) = match rest {
        [0x00, body @ ..] => (None, body),
        [0x09, 0x0C, rest @ ..] | [0x0C | 0x19, rest @ ..] => {
            (rest.first(), rest.get(12..).unwrap_or_default())
        }
        _ => return None,
    };
    // The years 1792 to 2303, or an unspecified one.
    let likely =
        matches!(year, None | Some(0x07 | 0x08 | 0xFF)) && matches!(body.first(), None | Some(0x01 | 0x02));
    likely.then_some(body)
}

/// Appends the head of a data-notification; the body follows.
///
/// # Panics
/// If a form other than [`TimeForm::Absent`] comes without a time.
pub fn encode_head(invoke_id: u32, form: TimeForm, time: Option<CosemTime>, out: &mut Vec<u8>) {
    out.push(DATA_NOTIFICATION);
    out.extend(invoke_id.to_be_bytes());
    match form {
        TimeForm::Absent => return out.push(0x00),
        TimeForm::Length => out.push(0x0C),
        TimeForm::Tagged => out.extend([0x09, 0x0C]),
        TimeForm::DateTime => out.push(0x19),
    }
    let time = time.unwrap_or_else(|| panic!("a date-time of form {form:?} needs a time"));
    out.extend(time.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_the_date_time_are_read_and_written() {
        let time = CosemTime([0x07, 0xE5, 3, 23, 2, 18, 50, 0, 0xFF, 0x80, 0x00, 0]);
        for form in [TimeForm::Absent, TimeForm::Length, TimeForm::Tagged, TimeForm::DateTime] {
            let sent = (form != TimeForm::Absent).then_some(time);
            let mut bytes = Vec::new();
            encode_head(0x4000_0000, form, sent, &mut bytes);
            bytes.extend([2, 0]);
            let read = DataNotification::parse(&bytes).expect("a notification");
            assert_eq!((read.invoke_id, read.time_form, read.time), (0x4000_0000, form, sent));
            assert_eq!(read.body, [2, 0]);
        }
    }

    #[test]
    fn a_notification_is_known_by_its_head() {
        for form in [TimeForm::Absent, TimeForm::Length, TimeForm::Tagged, TimeForm::DateTime] {
            let mut bytes = Vec::new();
            let time = CosemTime([0x07, 0xE5, 3, 23, 2, 18, 50, 0, 0xFF, 0x80, 0x00, 0]);
            encode_head(0x4000_0000, form, (form != TimeForm::Absent).then_some(time), &mut bytes);
            assert!((7..bytes.len()).all(|cut| likely_body(&bytes[..cut]) == Some(&[])), "{form:?} cut");
            bytes.push(2);
            assert_eq!(likely_body(&bytes), Some(&[2][..]), "{form:?}");
            *bytes.last_mut().expect("the tag of the body") = 0x55;
            assert_eq!(likely_body(&bytes), None, "{form:?} with a body that is no list");
        }
        assert_eq!(likely_body(&[0x0F, 0, 0, 0, 0, 0x09, 0x0C, 0x33]), None, "the year 13 056");
        assert_eq!(likely_body(&[0x0F, 0, 0, 0, 0]), None);
        assert_eq!(likely_body(&[0x0E, 0, 0, 0, 0, 0, 2]), None);
    }

    #[test]
    fn every_cut_is_a_problem_and_no_panic() {
        let mut bytes = Vec::new();
        encode_head(7, TimeForm::Tagged, Some(CosemTime([1; 12])), &mut bytes);
        for cut in 0..bytes.len() {
            let problem = DataNotification::parse(&bytes[..cut]).expect_err("cut");
            assert_eq!(problem.kind, ProblemKind::Truncated, "cut at {cut}");
        }
        let other = DataNotification::parse(&[0x0F, 0, 0, 0, 0, 0x55]).expect_err("no such form");
        assert_eq!(other, Problem { offset: 5, kind: ProblemKind::DateTimeForm(0x55) });
    }
}
