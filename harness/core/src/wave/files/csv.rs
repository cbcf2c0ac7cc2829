//! Text: `t_s,u1_v,…`, one row a sample. Every number is the shortest that reads back as the same double, so that
//! `value / per_lsb + zero` is the code again.

use super::Layout;
use std::io::Write;

pub(super) fn head(layout: &Layout) -> Vec<u8> {
    let mut head = b"t_s".to_vec();
    for column in &layout.columns {
        let unit = if column.channel.is_current() { "_a" } else { "_v" };
        head.push(b',');
        head.extend(column.name.bytes().chain(unit.bytes()));
    }
    head.push(b'\n');
    head
}

pub(super) fn rows(layout: &Layout, first: u64, samples: &[i16], out: &mut Vec<u8>) {
    for (frame, number) in samples.chunks_exact(layout.columns.len().max(1)).zip(first..) {
        // Writing to memory does not fail.
        let _ = write!(out, "{}", layout.rate.seconds(number));
        for (code, column) in frame.iter().zip(&layout.columns) {
            let _ = write!(out, ",{}", (f64::from(*code) - column.scale.zero) * column.scale.per_lsb);
        }
        out.push(b'\n');
    }
}
