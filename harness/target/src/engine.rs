//! What really executes behind the chip's debug registers, where that is no model of ours: an emulator with the chip's RAM.

use crate::chip::Chip;

/// Gone: it executes no longer and never will again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gone;

/// Executes the firmware. Each call returns when the engine is in that state, or never will be.
pub trait Engine: Send + std::fmt::Debug {
    /// Stands still, RAM included.
    ///
    /// # Errors
    ///
    /// [`Gone`]; the chip then counts as one without power.
    fn stop(&mut self) -> Result<(), Gone>;

    /// Goes on.
    ///
    /// # Errors
    ///
    /// As [`Engine::stop`].
    fn go(&mut self) -> Result<(), Gone>;

    /// Is reset, and then does what it did before: goes or stands.
    ///
    /// # Errors
    ///
    /// As [`Engine::stop`].
    fn reset(&mut self) -> Result<(), Gone>;
}

/// An engine, and what it was told last.
#[derive(Debug)]
pub(crate) struct Driven {
    engine: Box<dyn Engine>,
    goes: bool,
    resets: u64,
}

impl Driven {
    /// Has it do what the chip does: stands before a reset is passed on, so that a core that is to be held at its first
    /// instruction executes none.
    fn follow(&mut self, executes: bool, resets: u64) -> Result<(), Gone> {
        if self.goes && !executes {
            self.goes = false;
            self.engine.stop()?;
        }
        if self.resets != resets {
            self.resets = resets;
            self.engine.reset()?;
        }
        if executes && !self.goes {
            self.goes = true;
            self.engine.go()?;
        }
        Ok(())
    }
}

impl Chip {
    /// From now on an engine executes, which stands until then and shares the RAM. It follows what a debugger does: halt,
    /// run, reset, power. A step and the core registers stay a model's, and so does every breakpoint. Cortex-M only.
    pub fn drive(&mut self, engine: Box<dyn Engine>) {
        self.engine = Some(Driven { engine, goes: false, resets: self.counts.resets });
        self.follow();
    }

    /// Has the engine do what the chip does by now.
    pub(crate) fn follow(&mut self) {
        let (executes, resets) = (self.executes(), self.counts.resets);
        if self.engine.as_mut().is_some_and(|driven| driven.follow(executes, resets).is_err()) {
            self.engine = None;
            self.power_off();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::Target;
    use crate::chip::tests::chip;
    use crate::cortex::{C_DEBUGEN, C_HALT, DEMCR, DHCSR, DHCSR_KEY};
    use std::sync::{Arc, Mutex};

    /// Notes what it is told, and is gone when told that too often.
    #[derive(Clone, Debug, Default)]
    struct Notes(Arc<Mutex<Vec<&'static str>>>);

    impl Notes {
        fn note(&self, word: &'static str) -> Result<(), Gone> {
            let mut words = self.0.lock().expect("notes");
            words.push(word);
            if words.len() < 12 { Ok(()) } else { Err(Gone) }
        }

        fn take(&self) -> Vec<&'static str> {
            self.0.lock().expect("notes").drain(..).collect()
        }
    }

    impl Engine for Notes {
        fn stop(&mut self) -> Result<(), Gone> {
            self.note("stop")
        }

        fn go(&mut self) -> Result<(), Gone> {
            self.note("go")
        }

        fn reset(&mut self) -> Result<(), Gone> {
            self.note("reset")
        }
    }

    fn driven() -> (Target, Notes) {
        let (target, notes) = (Target::new(chip()), Notes::default());
        target.chip().drive(Box::new(notes.clone()));
        assert_eq!(notes.take(), ["go"]);
        (target, notes)
    }

    #[test]
    fn it_halts_runs_and_starts_anew_with_the_chip() {
        let (target, notes) = driven();
        let control = |bits: u32| target.chip().bus_write(DHCSR, 4, DHCSR_KEY | bits).expect("DHCSR");
        control(C_DEBUGEN);
        assert_eq!(notes.take(), [""; 0], "it goes on");
        control(C_DEBUGEN | C_HALT);
        control(C_DEBUGEN | C_HALT);
        assert_eq!(notes.take(), ["stop"]);
        control(C_DEBUGEN);
        assert_eq!(notes.take(), ["go"]);
        target.chip().bus_write(0xE000_ED0C, 4, 0x05FA_0004).expect("AIRCR");
        assert_eq!(notes.take(), ["reset"]);
        target.chip().bus_write(DEMCR, 4, 1).expect("DEMCR");
        target.chip().bus_write(0xE000_ED0C, 4, 0x05FA_0004).expect("AIRCR");
        assert_eq!(notes.take(), ["stop", "reset"], "held before its first instruction");
        control(0);
        assert_eq!(notes.take(), ["go"], "a debugger that leaves lets go");
        target.chip().set_reset_pin(false);
        assert_eq!(notes.take(), ["stop"]);
        target.chip().set_reset_pin(true);
        assert_eq!(notes.take(), ["reset", "go"]);
        target.chip().power_off();
        assert_eq!(notes.take(), ["stop"]);
    }

    #[test]
    fn one_that_is_gone_is_a_chip_without_power() {
        let (target, notes) = driven();
        while target.chip().powered() {
            assert!(notes.0.lock().expect("notes").len() < 20);
            target.chip().reset();
        }
        assert!(!target.chip().executes());
    }
}
