//! What goes wrong on the cable, and when: counted in transfers, so that the same test always fails at the same bit.

use std::time::Duration;

/// The plan. Everything off by default. A test changes it at any time, also while a session is open.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// The cable is out: nothing answers.
    pub unplugged: bool,
    /// After so many more transfers the cable falls out, as if [`Faults::unplugged`] was set then.
    pub unplug_after: Option<u64>,
    /// The next transfers that are answered with WAIT.
    pub wait: u32,
    /// The next transfers to the access port that are answered with FAULT, which also sets the sticky error.
    pub fault: u32,
    /// How much longer every transfer takes.
    pub delay: Duration,
}

/// What a transfer meets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hit {
    /// Nothing.
    None,
    /// No cable.
    Silence,
    /// WAIT.
    Wait,
    /// FAULT.
    Fault,
}

impl Faults {
    /// Counts one transfer, and says what happens to it. `access`: it goes to the access port.
    pub(crate) fn next(&mut self, access: bool) -> Hit {
        match self.unplug_after {
            Some(0) => {
                self.unplug_after = None;
                self.unplugged = true;
            }
            Some(left) => self.unplug_after = Some(left - 1),
            None => {}
        }
        if self.unplugged {
            return Hit::Silence;
        }
        if self.wait > 0 {
            self.wait -= 1;
            return Hit::Wait;
        }
        if access && self.fault > 0 {
            self.fault -= 1;
            return Hit::Fault;
        }
        Hit::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cable_falls_out_at_the_transfer_named_and_stays_out() {
        let mut plan = Faults { unplug_after: Some(2), ..Faults::default() };
        assert_eq!([0; 4].map(|_| plan.next(true)), [Hit::None, Hit::None, Hit::Silence, Hit::Silence]);
        plan.unplugged = false;
        assert_eq!(plan.next(true), Hit::None, "plugged in again");
    }

    #[test]
    fn waits_come_before_faults_and_faults_only_at_the_access_port() {
        let mut plan = Faults { wait: 1, fault: 1, ..Faults::default() };
        assert_eq!(
            [false, false, true, true].map(|access| plan.next(access)),
            [Hit::Wait, Hit::None, Hit::Fault, Hit::None]
        );
    }
}
