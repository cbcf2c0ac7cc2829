//! # hanbench-core: the architecture page
//!
//! hanbench plays meter telegrams into a dongle and judges what the dongle claims.
//! This crate computes; it touches nothing. Bytes, times and seeds are arguments.
//!
//! ```text
//! bytes ──► wire ──► meters ──► readings ──► verdict ──► report
//!           frames   profiles   exact        checks      results.json, HTML, JUnit, Markdown
//!             ▲         ▲       decimals
//!             └── encode ┘◄──── plant (the simulated house)
//! ```
//!
//! ## Where things live
//!
//! | question | place |
//! |---|---|
//! | What is a reading, a key, a family, a time? | [`reading`] |
//! | How do bytes become frames, and how is rubbish skipped? | [`wire::framer`], one file per link layer: [`wire::hdlc`], [`wire::mbus`], [`wire::p1`] |
//! | How are segments, block transfer and ciphering undone? | [`wire::assemble`], [`wire::cipher`] |
//! | What does an APDU say? | [`wire::apdu`], [`wire::axdr`], [`wire::rows`] |
//! | What does one vendor send, in which scale, with which habits? | [`meters`], one file per family |
//! | What does the house draw? What do circuits, chargers, cars and fuses do? | `plant` |
//! | What is a scenario, and how does a house with cars and a balancer run in virtual time? | `scenario`, `sim` |
//! | What flows through a clamp, and what do its samples look like? | `wave`: network, loads, clamps, front end, truth |
//! | What is a clamp dongle told before the first sample? | [`samples`] |
//! | How does the reference clamp dongle measure? | [`clamps`], from samples only |
//! | What is a load balancer told, and what may it answer? How does the reference balancer share a fuse? | `balance` |
//! | Where can a missing L2 lie? What does a transformer ratio do? How can clamps be misplaced? | [`site`] |
//! | How is a scenario searched that blows a fuse? | `hunt` |
//! | What is a recording, and its text form? | `capture` |
//! | How is pasted hex found in a log? | `import` |
//! | What does every byte mean, for people? | `explain` |
//! | What is played in, and how is a damaged telegram made? | `verdict::stimulus` |
//! | Is a claim right? | `verdict::judge`; every rule is listed in `verdict::checks` |
//! | Does a balancer keep the fuse, and use what there is? | `verdict::balance`; a run of it that is kept and judged again: `verdict::balance::trial` |
//! | What must not matter to a balancer? | `scenario` makes the twins (`law`), `verdict::balance::laws` compares |
//! | Does the way to a chip through a debug probe work? | `verdict::probe` |
//! | What does a run write? | `report` |
//! | Ports, processes, rig files, pacing, debug probes | the crate `hanbench-rig` |
//! | What stands in for a chip at the end of a debug cable? | the crate `hanbench-target` |
//! | What is the decoder as firmware? | the crate `hanbench-firmware`, outside of the workspace: `harness/firmware` |
//! | Commands | the crate `xtask`, one file per command |
//!
//! ## Who may use whom
//!
//! | module | may use | must not know |
//! |---|---|---|
//! | [`reading`], `hex`, `spec_file` | nothing | everything else |
//! | [`wire`] | `reading` | vendors, amperes, files |
//! | `plant` | `reading` | bytes, OBIS, dongles |
//! | [`meters`] | `reading`, `hex`, `wire`, `plant` (in `sample`) | rigs, tolerances |
//! | [`samples`] | nothing | how samples are made, and measured |
//! | `wave` | `samples`, `spec_file` | dongles, verdicts |
//! | [`clamps`] | `reading`, `samples` | `wave` and its truth, verdicts |
//! | [`site`] | `reading` | how a DUT estimates, verdicts |
//! | `balance` | `reading`, `site` | the plant's true state, meters, verdicts |
//! | `scenario` | `spec_file`, `plant`, `balance`, `meters`, `site`, `wave` (clamps) | how time passes, verdicts |
//! | `sim` | `reading`, `wire`, `meters`, `plant`, `balance`, `site`, `scenario`, `wave` (clamps) | what is right or wrong |
//! | `hunt` | nothing | how a scenario is run, and how bad it was |
//! | `capture` | `reading`, `hex`, `wire` | meters, rigs, verdicts |
//! | `import`, `explain` | `reading`, `hex`, `wire`, `meters`, `capture` | rigs, verdicts |
//! | `verdict` | `reading`, `hex`, `wire` (check sums of damage), `wave`, `site` | how a claim arrived, and how bytes are decoded |
//! | `verdict::balance` | besides: `plant`, `balance`, `scenario`, `sim` (it watches the loop) | what a balancer makes of what it hears |
//! | `verdict::stimulus` | besides: `plant` and `meters` (telegrams of known loads, encoded) | what a DUT makes of them |
//! | `report` | `reading`, `hex`, `verdict`, `explain`, `wave`, `balance` (words), `scenario`, `sim` | rigs |
//!
//! `cargo xtask tidy`, which is a test too, reads this table and the sources, and fails on an import that the table
//! does not allow.
//!
//! ## Invariants
//!
//! 1. This crate never asks for the time, a random number, a file or a socket. They are arguments.
//! 2. Decoding foreign bytes never fails and never panics. It gives items *and* problems, and every input
//!    byte belongs to exactly one item.
//! 3. The oracle and the device share no code path. Expected values are the reviewed snapshot beside a
//!    capture; the judge compares JSON with JSON and calls no decoder to learn what is right.
//! 4. Unknown is never zero: a number is [`reading::Field::Present`], `Absent` or `Invalid`.
//! 5. An adapter never fills a hole. Missing is missing.
//! 6. The same seed and inputs give the same `results.json` on every machine, but for the fields under `run`.
//! 7. A check that cannot be carried out is NOT_APPLICABLE with its reason, never green.
//!
//! ## Building without `std`
//!
//! [`reading`], [`wire`], [`meters`], [`samples`], [`clamps`] and [`site`] need `alloc` only: firmware shares the decoder with
//! `default-features = false`.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod clamps;
pub mod meters;
pub mod reading;
pub mod samples;
pub mod site;
pub mod wire;

#[cfg(feature = "std")]
pub mod balance;
#[cfg(feature = "std")]
pub mod capture;
#[cfg(feature = "std")]
pub mod explain;
#[cfg(feature = "std")]
pub mod hex;
#[cfg(feature = "std")]
pub mod hunt;
#[cfg(feature = "std")]
pub mod import;
#[cfg(feature = "std")]
pub mod plant;
#[cfg(feature = "std")]
pub mod report;
#[cfg(feature = "std")]
pub mod scenario;
#[cfg(feature = "std")]
pub mod sim;
#[cfg(feature = "std")]
pub mod spec_file;
#[cfg(feature = "std")]
pub mod verdict;
#[cfg(feature = "std")]
pub mod wave;
