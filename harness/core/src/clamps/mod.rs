//! The reference clamp dongle: from samples to readings.
