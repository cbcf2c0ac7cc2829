//! Each check on the closed loop is seen to pass and to fail, with the right words, on the smallest house and the
//! simplest balancer that show it.

mod house;

mod commands;
mod hazard;
mod kept;
mod laws;
mod outage;
mod sharing;
