//! What physics leaves open at a site: golden tables, laws, and a sweep that shows a change of method.

mod house;
mod l2;
mod laws;
mod ratio;
mod voltage;
mod wiring;
