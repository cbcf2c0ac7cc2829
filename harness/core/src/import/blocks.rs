//! Puts the runs of a log together: a telegram that is wrapped over lines becomes one block.
//!
//! A block starts where a run begins a telegram. It goes on while the telegram is unfinished and the next line
//! holds nothing but hex in the same layout. Everything else is left out, and a note names the line.

use super::lines::{self, Run, Style};
use super::stamp::{self, Stamp};
use super::walk::{self, Check, Link};
use super::{Note, Notes};

/// A telegram without a length field, and one whose length is not believable, goes on for at most so many
/// bytes; the longest HDLC frame has 2049.
const OPEN_MAX: usize = 4096;
/// A run that only begins with a flag counts from this length on where it ends its line, ...
const FLAG_RUN_MIN: usize = 16;
/// ... from this length on where it does not: longer than any hash a log may hold, ...
const FLAG_RUN_INSIDE_MIN: usize = 72;
/// ... and from this length on as a C array.
const FLAG_ARRAY_MIN: usize = 8;
/// Shorter hex that is left out is a counter or a time and not worth a note.
const NOTED_MIN: usize = 8;

/// Bytes that stand together, and the lines they came from.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    pub(super) pieces: Vec<Piece>,
    /// What the log called it, where its bytes do not tell.
    pub(super) label: Option<Link>,
    /// The number of hex digits of its only line, which is odd: a digit is lost, and nobody knows which. The bytes
    /// are those of all digits but the last.
    pub(super) odd: Option<usize>,
}

/// The bytes of one line within a block.
#[derive(Debug)]
pub(super) struct Piece {
    /// Offset of its first byte.
    pub(super) at: usize,
    pub(super) line: usize,
    pub(super) stamp: Option<Stamp>,
    pub(super) style: Style,
}

impl Block {
    /// The line that a byte came from.
    pub(super) fn piece_of(&self, at: usize) -> Option<&Piece> {
        let behind = self.pieces.partition_point(|piece| piece.at <= at);
        self.pieces.get(behind.checked_sub(1)?)
    }

    /// The lines of the bytes from `start` to `end`: offset from `start`, number of the line.
    pub(super) fn lines(&self, start: usize, end: usize) -> Vec<(usize, usize)> {
        let first = self.piece_of(start).map(|piece| (0, piece.line));
        let behind = self.pieces.iter().skip(self.pieces.partition_point(|piece| piece.at <= start));
        let rest = behind.take_while(|piece| piece.at < end).map(|piece| (piece.at - start, piece.line));
        first.into_iter().chain(rest).collect()
    }
}

/// The bytes of a text that is nothing but hex digits and blanks. A line that lost a digit stands in a block by
/// itself.
pub(super) fn hex_only(text: &str) -> Option<Vec<Block>> {
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte.is_ascii_whitespace()) {
        return None;
    }
    let mut blocks = vec![Block::default()];
    let digits = |line: &str| line.bytes().filter(u8::is_ascii_hexdigit).count();
    let width = text.lines().map(digits).max().unwrap_or_default();
    let mut half: Option<HexLine> = None;
    for (index, line) in text.split('\n').enumerate() {
        let words = line.split_ascii_whitespace();
        let style = if words.clone().all(|word| word.len() == 2) { Style::Separated } else { Style::Grouped };
        let mut line = HexLine { number: index + 1, digits: words.collect(), style };
        if line.digits.is_empty() {
            continue;
        }
        if let Some(mut first) = half.take() {
            // Text that was wrapped at some width may be cut between the two digits of a byte.
            let wrapped = first.digits.len() == width;
            if wrapped && line.is_odd() && walk::probe(&line.bytes()).is_none() {
                first.digits.push_str(&line.digits);
                line = first;
            } else {
                first.odd_into(&mut blocks);
            }
        }
        if line.is_odd() {
            half = Some(line);
        } else {
            line.into(&mut blocks);
        }
    }
    half.into_iter().for_each(|line| line.odd_into(&mut blocks));
    blocks.retain(|block| !block.bytes.is_empty());
    Some(blocks)
}

/// A line of nothing but hex, or two that share a byte.
struct HexLine {
    number: usize,
    digits: String,
    style: Style,
}

impl HexLine {
    fn is_odd(&self) -> bool {
        !self.digits.len().is_multiple_of(2)
    }

    /// The bytes, without half a byte at the end.
    fn bytes(&self) -> Vec<u8> {
        crate::hex::bytes(&self.digits[..self.digits.len() / 2 * 2]).unwrap_or_default()
    }

    /// Adds the bytes to the last block.
    fn into(self, blocks: &mut [Block]) {
        let Some(block) = blocks.last_mut() else { return };
        let at = block.bytes.len();
        block.pieces.push(Piece { at, line: self.number, stamp: None, style: self.style });
        block.bytes.extend(self.bytes());
    }

    /// Adds the line as a block that is no part of any telegram, and a new block behind it.
    fn odd_into(self, blocks: &mut Vec<Block>) {
        let odd = Some(self.digits.len());
        blocks.push(Block { odd, ..Block::default() });
        self.into(blocks);
        blocks.push(Block::default());
    }
}

/// What the block still needs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Nothing,
    More,
}

#[derive(Default)]
struct Collector {
    done: Vec<Block>,
    notes: Notes,
    open: Option<Open>,
    label: Option<Link>,
    /// Time of the line above, where that announced the bytes.
    above: Option<Stamp>,
    blank_lines: usize,
}

struct Open {
    block: Block,
    shape: String,
    style: Style,
    next_offset: Option<u64>,
    /// Everything before is finished.
    tail: usize,
    wanted: Wanted,
}

/// All blocks of a text, and notes about what was left out. The text has one character per byte.
pub(super) fn blocks(text: &str) -> (Vec<Block>, Notes) {
    let mut collector = Collector::default();
    let lines: Vec<&str> = text.split('\n').map(|line| line.trim_end_matches('\r')).collect();
    let mut skip_to = 0;
    for (index, raw) in lines.iter().enumerate() {
        if index < skip_to {
            continue;
        }
        let (stamp, line) = stamp::take(raw);
        if let Some((block, count)) =
            super::p1::telegram(&lines[index..], index + 1, stamp, &mut collector.notes)
        {
            collector.close();
            collector.done.push(block);
            skip_to = index + count;
            continue;
        }
        collector.line(index + 1, stamp, &line);
    }
    collector.close();
    (collector.done, collector.notes)
}

impl Collector {
    fn line(&mut self, number: usize, stamp: Option<Stamp>, line: &str) {
        let own = stamp;
        let stamp = own.or(self.above.take());
        if let Some(link) = label(line) {
            self.close();
            self.label = Some(link);
            self.above = own;
            return;
        }
        lines::odd(line).for_each(|digits| self.notes.odd(number, digits));
        let runs = lines::runs(line);
        if runs.is_empty() {
            // One blank line between rows is a pasting habit.
            self.blank_lines += 1;
            if !line.trim_matches([' ', '\t', stamp::GAP]).is_empty() || self.blank_lines > 1 {
                self.close();
                self.label = None;
                self.above = own;
            }
            return;
        }
        self.blank_lines = 0;
        let mut taken = false;
        for run in runs {
            taken |= self.run(number, stamp, run);
        }
        if !taken {
            self.close();
            self.above = own;
        }
        self.label = None;
    }

    /// Whether the run was taken.
    fn run(&mut self, number: usize, stamp: Option<Stamp>, run: Run) -> bool {
        if let Some(open) = self.open.as_mut().filter(|open| open.continued_by(&run)) {
            open.push(number, stamp, run);
            return true;
        }
        let labelled = self.label.take();
        let Some(start) = start_of(&run).or(labelled.filter(|_| run.last).map(|_| 0)) else {
            let long = run.bytes.len() >= NOTED_MIN && run.style != Style::Literal;
            // A row behind a telegram is worth a note, but not the last offset of a dump.
            let row = run.last && run.shape.is_empty();
            if long || row && self.open.as_ref().is_some_and(|open| open.style != Style::Dump) {
                let text = format!("{} bytes of hex left out: no telegram begins there", run.bytes.len());
                self.notes.push(Note { line: number, text });
            }
            return false;
        };
        self.close();
        if start >= 4 {
            let text = format!("{start} bytes of hex in front of the telegram left out");
            self.notes.push(Note { line: number, text });
        }
        let mut open = Open {
            block: Block { label: labelled, ..Block::default() },
            shape: run.shape.clone(),
            style: run.style,
            next_offset: None,
            tail: 0,
            wanted: Wanted::More,
        };
        let run = without_counter(cut_front(run, start), number, &mut self.notes);
        open.push(number, stamp, run);
        self.open = Some(open);
        true
    }

    fn close(&mut self) {
        self.done.extend(self.open.take().map(|open| open.block));
    }
}

impl Open {
    fn continued_by(&self, run: &Run) -> bool {
        if run.style == Style::Dump && self.style == Style::Dump {
            return run.offset.is_some() && run.offset == self.next_offset;
        }
        let words = |style| matches!(style, Style::Grouped | Style::Separated);
        let alike = run.style == self.style || words(run.style) && words(self.style);
        if !alike || !(run.shape == self.shape || run.shape.is_empty()) {
            return false;
        }
        match self.wanted {
            Wanted::More => run.last || run.style == Style::Literal,
            Wanted::Nothing => self.block.bytes.last() == Some(&0x7e) && follows_shared_flag(&run.bytes),
        }
    }

    fn push(&mut self, line: usize, stamp: Option<Stamp>, run: Run) {
        let at = self.block.bytes.len();
        self.next_offset = run.offset.map(|offset| offset.saturating_add(run.bytes.len() as u64));
        self.block.bytes.extend(&run.bytes);
        self.block.pieces.push(Piece { at, line, stamp, style: run.style });
        let breaks: Vec<usize> =
            self.block.pieces.iter().rev().map_while(|piece| piece.at.checked_sub(self.tail)).collect();
        let breaks: Vec<usize> = breaks.into_iter().rev().collect();
        let tail = &self.block.bytes[self.tail..];
        let frames = walk::frames(tail, &breaks);
        let intact = frames.last().filter(|last| last.check == Check::Intact && last.end == tail.len());
        let too_long = frames.last().map_or(tail.len(), |last| tail.len() - last.start) > OPEN_MAX;
        self.wanted = if intact.is_some() || too_long { Wanted::Nothing } else { Wanted::More };
        // What lies before the last telegram is settled; walking it again for every line would cost its square.
        self.tail += match (intact, frames.last()) {
            (Some(frame), _) => frame.end,
            (None, Some(frame)) => frame.start,
            (None, None) => tail.len().saturating_sub(OPEN_MAX),
        };
    }
}

/// The next frame, where the closing flag of the one before is its opening flag.
fn follows_shared_flag(bytes: &[u8]) -> bool {
    let with_flag: Vec<u8> = std::iter::once(0x7e).chain(bytes.iter().copied().take(2048)).collect();
    bytes.first() != Some(&0x7e) && walk::probe(&with_flag).is_some_and(|start| start.strong)
}

/// What a log calls the rows that follow (amsreader, telnet port 23; field bugs, section 14.1).
fn label(line: &str) -> Option<Link> {
    let line = line.trim_end();
    let words = [
        ("HDLC frame:", Link::Hdlc),
        ("MBUS frame:", Link::Mbus),
        ("LLC frame:", Link::Llc),
        ("GCM frame:", Link::Ciphered),
        ("DLMS frame:", Link::Apdu),
        ("DSMR frame:", Link::P1),
    ];
    words.into_iter().find(|(word, _)| line.ends_with(word)).map(|(_, link)| link)
}

/// The first byte of a run that belongs to a telegram.
fn start_of(run: &Run) -> Option<usize> {
    let bytes = &run.bytes;
    if bytes.len() < 4 || run.like_mac {
        return None;
    }
    let at_word = |strong: bool| {
        run.words.iter().copied().find(|&at| {
            bytes.len() - at >= 4 && walk::probe(&bytes[at..]).is_some_and(|start| start.strong || !strong)
        })
    };
    let inside = || {
        let any = (0..bytes.len()).any(|at| {
            matches!(bytes[at], 0x7e | 0x68 | b'/')
                && walk::probe(&bytes[at..]).is_some_and(|start| start.strong)
        });
        (bytes.len() >= FLAG_RUN_MIN && any).then_some(0)
    };
    let flag_min = match (run.style, run.last) {
        (Style::Prefixed, _) => FLAG_ARRAY_MIN,
        (_, true) => FLAG_RUN_MIN,
        (_, false) => FLAG_RUN_INSIDE_MIN,
    };
    let flag = || (bytes.len() >= flag_min && bytes[0] == 0x7e).then_some(0);
    let begins = walk::probe(bytes).is_some().then_some(0);
    begins.or_else(|| at_word(true)).or_else(|| at_word(false)).or_else(inside).or_else(flag)
}

fn cut_front(mut run: Run, start: usize) -> Run {
    run.bytes.drain(..start);
    run.words.retain(|&word| word >= start);
    run.words.iter_mut().for_each(|word| *word -= start);
    run.offset = run.offset.map(|offset| offset + start as u64);
    run
}

/// Drops a word behind the last telegram of a line of continuous hex: a length or a counter of the log.
fn without_counter(mut run: Run, line: usize, notes: &mut Notes) -> Run {
    let Some(last) = walk::frames(&run.bytes, &[]).last().copied() else {
        return run;
    };
    let rest = run.bytes.len() - last.end;
    if run.style == Style::Grouped
        && last.check == Check::Intact
        && rest > 0
        && rest <= 4
        && run.words.contains(&last.end)
        && !follows_shared_flag(&run.bytes[last.end..])
    {
        notes.push(Note { line, text: format!("{rest} bytes of hex behind the telegram left out") });
        run.bytes.truncate(last.end);
    }
    run
}
