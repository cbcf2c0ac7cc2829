//! The judge's rules, each both ways, written as small scripts; and laws over generated stimuli.

mod bench;
mod dsl;
mod fields;
mod laws;
mod outside;
mod repeats;
mod rules;
mod stimuli;
