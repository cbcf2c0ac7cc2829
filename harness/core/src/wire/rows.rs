//! The registers of a notification body, whatever its shape.
//!
//! Four shapes are seen in the field (han-protocol, section 4 and its neighbours in section 7):
//!
//! | shape | who | one register is |
//! |---|---|---|
//! | nested | Aidon, Embriq, Austrian Kaifa, Iskra | a structure: OBIS, value, perhaps scaler-unit |
//! | pairs | Kamstrup, Swedish Kaifa, Sagemcom | OBIS, value, perhaps scaler-unit, side by side |
//! | positional | Norwegian Kaifa, Iskra | a bare value, known by its place |
//! | defined | Landis+Gyr E450 | a bare value, named by the table of definitions in front |
//!
//! Refuses to know what a register means or how it is scaled when the telegram does not say.

use super::{
    Problem,
    axdr::{Element, Token, Walk},
};
use crate::reading::Obis;
use alloc::vec::Vec;

/// How many definitions of the fourth shape are followed; the one meter seen sends 14.
pub const DEFINITIONS_MAX: usize = 32;

/// One register as sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row<'a> {
    /// Offset of its first byte from the start of the body.
    pub offset: usize,
    /// Offset just behind its last byte.
    pub end: usize,
    /// How the register is known.
    pub name: Name,
    /// Its value; a container where the shape is not one of the four.
    pub value: Element<'a>,
    /// Power of ten and unit, where the telegram says them.
    pub scaler_unit: Option<(i8, u8)>,
}

/// How a register is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Name {
    /// By the OBIS code sent with it.
    Obis(Obis),
    /// By its place among the bare values, from 0.
    Position(usize),
    /// Null-data in place of OBIS and value: Kamstrup 1-phase meters keep the place of what they do not measure.
    NullPair,
}

/// The outermost container of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Outline {
    /// True for an array, false for a structure.
    pub array: bool,
    /// Its number of elements as sent.
    pub count: usize,
}

/// A body read to its end or to its first problem.
#[derive(Clone, PartialEq, Debug)]
pub struct Body<'a> {
    /// The outermost container; `None` when the body does not start with one.
    pub outline: Option<Outline>,
    /// Its registers, as far as they can be read.
    pub rows: Vec<Row<'a>>,
    /// Why they end there.
    pub problem: Option<Problem>,
    /// Bytes behind the outermost container; meaningful without a problem.
    pub trailing: usize,
}

impl<'a> Body<'a> {
    /// Reads the body of a data-notification. `room` is an empty list whose memory is used again.
    pub fn read(body: &'a [u8], room: Vec<Row<'static>>) -> Body<'a> {
        let mut walk = Rows::new(body);
        let outline = walk.outline();
        let (mut rows, mut problem) = (room, None);
        rows.clear();
        for row in walk.by_ref() {
            match row {
                Ok(row) => rows.push(row),
                Err(what) => problem = Some(what),
            }
        }
        Body { outline, rows, problem, trailing: walk.trailing() }
    }

    /// The memory of its list, for the next body. A list that is collected from one of the same kind keeps it, so that
    /// nothing is allocated from telegram to telegram.
    #[allow(clippy::unnecessary_filter_map, reason = "a filter would keep the lifetime of the body")]
    pub fn into_room(self) -> Vec<Row<'static>> {
        self.rows.into_iter().filter_map(|_| None).collect()
    }
}

/// Iterates over the registers of a body. Ends after the first problem.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    walk: Walk<'a>,
    peeked: Option<Result<Token<'a>, Problem>>,
    outline: Option<Outline>,
    definitions: [Obis; DEFINITIONS_MAX],
    defined: usize,
    position: usize,
    pairs: bool,
    ended: bool,
}

impl<'a> Rows<'a> {
    /// Starts at the first byte of the body of a data-notification.
    pub fn new(body: &'a [u8]) -> Self {
        let mut rows = Rows {
            walk: Walk::new(body),
            peeked: None,
            outline: None,
            definitions: [Obis([0; 6]); DEFINITIONS_MAX],
            defined: 0,
            position: 0,
            pairs: false,
            ended: false,
        };
        rows.open();
        rows
    }

    /// The outermost container; `None` when the body does not start with one.
    pub fn outline(&self) -> Option<Outline> {
        self.outline
    }

    /// Bytes behind the body; meaningful once the iteration has ended without a problem.
    pub fn trailing(&self) -> usize {
        self.walk.trailing()
    }

    fn open(&mut self) {
        match self.walk.next() {
            Some(Ok(Token { element: Element::Array(count), .. })) => {
                self.outline = Some(Outline { array: true, count });
            }
            Some(Ok(Token { element: Element::Structure(count), .. })) => {
                self.outline = Some(Outline { array: false, count });
            }
            other => self.peeked = other,
        }
    }

    fn pull(&mut self) -> Option<Result<Token<'a>, Problem>> {
        self.peeked.take().or_else(|| self.walk.next())
    }

    fn peek(&mut self) -> Option<&Token<'a>> {
        if self.peeked.is_none() {
            self.peeked = self.walk.next();
        }
        self.peeked.as_ref().and_then(|token| token.as_ref().ok())
    }

    /// Takes the next element if it passes the test.
    fn pull_if(&mut self, test: impl Fn(&Element<'a>) -> bool) -> Option<Token<'a>> {
        if self.peek().is_some_and(|token| test(&token.element)) {
            return self.pull().and_then(Result::ok);
        }
        None
    }

    /// Where the next element starts.
    fn offset(&self) -> usize {
        match &self.peeked {
            Some(Ok(token)) => token.offset,
            Some(Err(problem)) => problem.offset,
            None => self.walk.offset(),
        }
    }

    /// Scaler-unit: `02 02 0F ss 16 uu`. Only taken when all of it is there.
    fn scaler_unit(&mut self) -> Option<(i8, u8)> {
        // Most of what follows a value is none, and a copy costs more than a look.
        self.peek().filter(|token| token.element == Element::Structure(2))?;
        let mut ahead = self.clone();
        ahead.pull();
        let Some(Ok(Token { element: Element::I8(scaler), .. })) = ahead.pull() else { return None };
        let Some(Ok(Token { element: Element::Enum(unit), .. })) = ahead.pull() else { return None };
        *self = ahead;
        Some((scaler, unit))
    }

    /// Skips what is inside a container.
    fn skip(&mut self, depth: usize) {
        while self.peek().is_some_and(|token| token.depth > depth) {
            self.pull();
        }
    }

    /// The value behind an OBIS code, and its scaler-unit.
    fn named(&mut self, offset: usize, obis: Obis) -> Option<Result<Row<'a>, Problem>> {
        let value = match self.pull()? {
            Ok(token) => token,
            Err(problem) => return self.fail(problem),
        };
        self.skip_children(&value);
        let scaler_unit = self.scaler_unit();
        Some(Ok(self.row(offset, Name::Obis(obis), value.element, scaler_unit)))
    }

    fn skip_children(&mut self, token: &Token<'a>) {
        if let Element::Array(1..) | Element::Structure(1..) = token.element {
            self.skip(token.depth);
        }
    }

    fn row(&self, offset: usize, name: Name, value: Element<'a>, scaler_unit: Option<(i8, u8)>) -> Row<'a> {
        Row { offset, end: self.offset(), name, value, scaler_unit }
    }

    /// A table of definitions: structures of class, OBIS, attribute, index.
    fn definitions(&mut self, count: usize) {
        for _ in 0..count {
            let mut ahead = self.clone();
            let is_definition = ahead.pull_if(|element| *element == Element::Structure(4)).is_some()
                && ahead.pull_if(|element| matches!(element, Element::U16(_))).is_some();
            let obis = ahead.pull().and_then(Result::ok).and_then(|token| obis(&token.element));
            let (true, Some(obis)) = (is_definition, obis) else { return };
            ahead.pull();
            ahead.pull();
            *self = ahead;
            if let Some(slot) = self.definitions.get_mut(self.defined) {
                *slot = obis;
                self.defined += 1;
            }
        }
    }

    fn fail(&mut self, problem: Problem) -> Option<Result<Row<'a>, Problem>> {
        self.ended = true;
        Some(Err(problem))
    }

    /// A value that stands for itself: bare, or named by a definition.
    fn bare(&mut self, token: Token<'a>) -> Row<'a> {
        let position = self.position;
        self.position += 1;
        self.skip_children(&token);
        let name = match self.definitions[..self.defined].get(position) {
            Some(&obis) => Name::Obis(obis),
            None => Name::Position(position),
        };
        self.row(token.offset, name, token.element, None)
    }

    /// Six octets that can be an address, with a value behind them, name a register; alone they are a value.
    ///
    /// Group A has four bits (IEC 62056-61), so that no text of six letters or digits is an address, and F is 255
    /// in all that a meter pushes.
    fn names_a_pair(&mut self, element: &Element<'a>) -> bool {
        if obis(element).is_none_or(|obis| obis.0[0] > 0x0F || obis.0[5] != 0xFF) {
            return false;
        }
        self.peek();
        match &self.peeked {
            Some(Ok(next)) => next.depth == 1,
            Some(Err(_)) => true,
            None => false,
        }
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Result<Row<'a>, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let Some(next) = self.pull() else {
            self.ended = true;
            return None;
        };
        let token = match next {
            Ok(token) => token,
            Err(problem) => return self.fail(problem),
        };
        match token.element {
            Element::Structure(2 | 3) if self.peek().is_some_and(|next| obis(&next.element).is_some()) => {
                let name = self.pull().and_then(Result::ok).and_then(|token| obis(&token.element));
                self.named(token.offset, name?)
            }
            Element::Array(count) if self.position == 0 && count > 0 => {
                self.definitions(count);
                Some(Ok(self.bare(token)))
            }
            element if self.defined == 0 && token.depth == 1 && self.names_a_pair(&element) => {
                self.pairs = true;
                self.named(token.offset, obis(&element)?)
            }
            Element::Null if self.pairs => {
                self.pull_if(|element| *element == Element::Null);
                Some(Ok(self.row(token.offset, Name::NullPair, Element::Null, None)))
            }
            _ => Some(Ok(self.bare(token))),
        }
    }
}

/// The OBIS code in a six-byte octet-string.
fn obis(element: &Element<'_>) -> Option<Obis> {
    match element {
        Element::Octets(bytes) => <[u8; 6]>::try_from(*bytes).ok().map(Obis),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{vec, vec::Vec};

    fn body(elements: &[Element<'_>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for element in elements {
            element.encode(&mut bytes);
        }
        bytes
    }

    type Seen<'a> = (Name, Element<'a>, Option<(i8, u8)>);

    fn rows(bytes: &[u8]) -> Vec<Seen<'_>> {
        Rows::new(bytes)
            .map(|row| row.expect("well-formed"))
            .map(|row| (row.name, row.value, row.scaler_unit))
            .collect()
    }

    const P: [u8; 6] = [1, 0, 1, 7, 0, 255];
    const I: [u8; 6] = [1, 0, 31, 7, 0, 255];

    #[test]
    fn nested_registers_carry_their_scale() {
        let bytes = body(&[
            Element::Array(2),
            Element::Structure(2),
            Element::Octets(&P),
            Element::Text(b"x"),
            Element::Structure(3),
            Element::Octets(&I),
            Element::I16(-5),
            Element::Structure(2),
            Element::I8(-1),
            Element::Enum(33),
        ]);
        let expected = vec![
            (Name::Obis(Obis(P)), Element::Text(b"x"), None),
            (Name::Obis(Obis(I)), Element::I16(-5), Some((-1, 33))),
        ];
        assert_eq!(rows(&bytes), expected);
    }

    #[test]
    fn pairs_keep_the_place_of_what_is_null() {
        let bytes = body(&[
            Element::Structure(7),
            Element::Text(b"Kamstrup_V0001"),
            Element::Octets(&P),
            Element::U32(7),
            Element::Null,
            Element::Null,
            Element::Octets(&I),
            Element::U32(8),
        ]);
        let expected = vec![
            (Name::Position(0), Element::Text(b"Kamstrup_V0001"), None),
            (Name::Obis(Obis(P)), Element::U32(7), None),
            (Name::NullPair, Element::Null, None),
            (Name::Obis(Obis(I)), Element::U32(8), None),
        ];
        assert_eq!(rows(&bytes), expected);
    }

    #[test]
    fn pairs_may_carry_their_scale_beside_them() {
        let bytes = body(&[
            Element::Structure(3),
            Element::Octets(&I),
            Element::U16(5),
            Element::Structure(2),
            Element::I8(-2),
            Element::Enum(33),
        ]);
        assert_eq!(rows(&bytes), [(Name::Obis(Obis(I)), Element::U16(5), Some((-2, 33)))]);
    }

    #[test]
    fn bare_values_are_known_by_their_place() {
        let bytes = body(&[
            Element::Structure(3),
            Element::Octets(b"MA304H"),
            Element::Octets(b"MA304\xFF"),
            Element::U32(1),
        ]);
        let expected = vec![
            (Name::Position(0), Element::Octets(b"MA304H"), None),
            (Name::Position(1), Element::Octets(b"MA304\xFF"), None),
            (Name::Position(2), Element::U32(1), None),
        ];
        assert_eq!(rows(&bytes), expected);
    }

    #[test]
    fn a_table_of_definitions_names_the_values_behind_it() {
        let bytes = body(&[
            Element::Structure(3),
            Element::Array(2),
            Element::Structure(4),
            Element::U16(40),
            Element::Octets(&[0, 8, 25, 9, 0, 255]),
            Element::I8(2),
            Element::U16(0),
            Element::Structure(4),
            Element::U16(3),
            Element::Octets(&P),
            Element::I8(2),
            Element::U16(0),
            Element::U32(362),
            Element::U32(1),
        ]);
        let named: Vec<_> = rows(&bytes).into_iter().skip(1).collect();
        assert_eq!(named[0], (Name::Obis(Obis(P)), Element::U32(362), None));
        assert_eq!(named[1], (Name::Position(2), Element::U32(1), None));
    }

    #[test]
    fn a_cut_register_ends_the_walk_with_one_problem() {
        let mut bytes = body(&[Element::Structure(2), Element::Octets(&P), Element::U32(7)]);
        bytes.truncate(bytes.len() - 1);
        let all: Vec<_> = Rows::new(&bytes).collect();
        assert_eq!(all.len(), 1);
        assert!(all[0].is_err());
    }
}
