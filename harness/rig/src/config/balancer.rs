//! The table `[balancer]`: the load balancer that the scenarios of suite `balance` are run with.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `kind` | – | `reference`, `rule`, `process` |
//! | `name` | – | `rule`: which of the published rules, a name of [`rules::ALL`] |
//! | `command` | – | `process`: program and arguments; batches come on its standard input |
//! | `answer_within_s` | 10 | `process`: real time that an answer may take, 0.1 to 600 s |
//! | `dongle` | `reference` | what reads the simulated meter: our decoder, or `dut`: the table `[dut]`, on its line |

use super::raw::RawBalancer;
use super::{Checker, Mistake};
use crate::balancer::Spec;
use hanbench_core::balance::built_in::BuiltIn;
use hanbench_core::balance::rules;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;

const KINDS: [&str; 3] = ["reference", "rule", "process"];
const DONGLES: [&str; 2] = ["reference", "dut"];
/// Longer than any pause of a program that is at work, also while others use the machine.
const ANSWER_WITHIN_S: f64 = 10.0;

impl Checker<'_> {
    /// The balancer, and whether the DUT is the dongle in front of it.
    pub(super) fn balancer(&self, raw: Spanned<RawBalancer>) -> Result<(Spec, bool), Mistake> {
        let whole = raw.span();
        let RawBalancer { kind, name, command, answer_within_s, dongle } = raw.into_inner();
        let dut = match dongle {
            Some(word) if !DONGLES.contains(&word.get_ref().as_str()) => {
                return Err(self.unknown(word.span(), "[balancer] dongle", word.get_ref(), &DONGLES));
            }
            word => word.is_some_and(|word| word.get_ref() == "dut"),
        };
        let needs = format!("[balancer] needs `kind`; expected {}", KINDS.join(", "));
        let span = kind.as_ref().map_or(whole.clone(), Spanned::span);
        let kind = self.needed(kind, &whole, &needs)?;
        if matches!(kind.as_str(), "ocpp" | "mqtt") {
            let what =
                format!("[balancer] kind \"{kind}\" cannot be used yet; expected {}", KINDS.join(", "));
            return Err(self.error(span, what));
        }
        if !KINDS.contains(&kind.as_str()) {
            return Err(self.unknown(span, "[balancer] kind", &kind, &KINDS));
        }
        let own = |owner: &str, key: &str, at: Option<Range<usize>>| match at {
            Some(at) if owner != kind => {
                Err(self.error(at, format!("[balancer] kind \"{kind}\" has no `{key}`")))
            }
            _ => Ok(()),
        };
        own("rule", "name", name.as_ref().map(Spanned::span))?;
        own("process", "command", command.as_ref().map(Spanned::span))?;
        own("process", "answer_within_s", answer_within_s.as_ref().map(Spanned::span))?;
        let spec = match kind.as_str() {
            "reference" => Spec::BuiltIn(BuiltIn::Reference(None)),
            "rule" => Spec::BuiltIn(self.rule(name, &span)?),
            _ => Spec::Process(self.balancer_command(command, &span)?, self.answer_within(answer_within_s)?),
        };
        Ok((spec, dut))
    }

    fn rule(&self, name: Option<Spanned<String>>, kind: &Range<usize>) -> Result<BuiltIn, Mistake> {
        let span = name.as_ref().map_or(kind.clone(), Spanned::span);
        let known = rules::ALL.map(|(name, _)| name);
        let message = format!("[balancer] kind \"rule\" needs `name`; expected {}", known.join(", "));
        let name = self.needed(name, kind, &message)?;
        let found = known.into_iter().find(|known| *known == name);
        found.map(BuiltIn::Rule).ok_or_else(|| self.unknown(span, "[balancer] name", &name, &known))
    }

    fn balancer_command(
        &self,
        command: Option<Spanned<Vec<String>>>,
        kind: &Range<usize>,
    ) -> Result<Vec<String>, Mistake> {
        let span = command.as_ref().map_or(kind.clone(), Spanned::span);
        let message = "[balancer] kind \"process\" needs `command`, a list of words";
        let command = self.needed(command, kind, message)?;
        if command.first().is_none_or(|program| program.is_empty()) {
            return Err(self.error(span, "`command` is empty; expected a program and its arguments"));
        }
        Ok(command)
    }

    fn answer_within(&self, within: Option<Spanned<f64>>) -> Result<Duration, Mistake> {
        let Some(within) = within else {
            return Ok(Duration::from_secs_f64(ANSWER_WITHIN_S));
        };
        let seconds = *within.get_ref();
        if !(0.1..=600.0).contains(&seconds) {
            let message = format!("`answer_within_s` is {seconds}; expected 0.1 to 600 seconds");
            return Err(self.error(within.span(), message));
        }
        Ok(Duration::from_secs_f64(seconds))
    }
}
