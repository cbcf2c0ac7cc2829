//! The balancers that are part of this program, by their names: the reference, whole or broken in one place, and the
//! published rules.
//!
//! One list for command lines, rig files and evidence. Refuses a name that is on none of the lists, and says which are.

use super::reference::{Mutation, Reference, Tuning};
use super::{Balancer, rules};

/// A balancer that needs nothing outside this program, and so can be run again at any time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BuiltIn {
    /// The reference, whole or broken in one place.
    Reference(Option<Mutation>),
    /// A published rule, by its name in [`rules::ALL`].
    Rule(&'static str),
}

impl BuiltIn {
    /// The balancer that reports and command lines call so: `reference`, `reference/MUTATION`, or the name of a rule.
    ///
    /// # Errors
    /// No balancer is called so; the names that there are, in words.
    pub fn named(name: &str) -> Result<BuiltIn, String> {
        if name == "reference" {
            return Ok(BuiltIn::Reference(None));
        }
        if let Some(broken) = name.strip_prefix("reference/") {
            let found = Mutation::ALL.into_iter().find(|mutation| mutation.name() == broken);
            return found.map(|mutation| BuiltIn::Reference(Some(mutation))).ok_or_else(|| {
                let known = Mutation::ALL.map(Mutation::name).join(", ");
                format!("no way to break the reference is called {broken:?}; known: {known}")
            });
        }
        let found = rules::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(known, _)| BuiltIn::Rule(known)).ok_or_else(|| {
            let known = rules::ALL.map(|(known, _)| known).join(", ");
            format!("no balancer is called {name:?}; known: reference, reference/MUTATION, {known}")
        })
    }

    /// The name that [`BuiltIn::named`] takes.
    pub fn name(self) -> String {
        match self {
            BuiltIn::Reference(None) => "reference".into(),
            BuiltIn::Reference(Some(mutation)) => format!("reference/{}", mutation.name()),
            BuiltIn::Rule(name) => name.into(),
        }
    }

    /// A balancer at its start. The tuning reaches the reference alone.
    pub fn start(self, tuning: Tuning) -> Box<dyn Balancer> {
        match self {
            BuiltIn::Reference(None) => Box::new(Reference::new(tuning)),
            BuiltIn::Reference(Some(mutation)) => Box::new(Reference::with_mutation(tuning, mutation)),
            // A name outside of the list can only be made here, and a test looks at the whole list.
            BuiltIn::Rule(name) => {
                rules::by_name(name).unwrap_or_else(|| Box::<rules::none::None>::default())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_balancer_is_found_by_the_name_it_gives_itself() {
        let broken = Mutation::ALL.map(|mutation| BuiltIn::Reference(Some(mutation)));
        let rules = rules::ALL.map(|(name, _)| BuiltIn::Rule(name));
        for one in [BuiltIn::Reference(None)].into_iter().chain(broken).chain(rules) {
            assert_eq!(BuiltIn::named(&one.name()), Ok(one));
        }
        assert!(BuiltIn::named("reference/evcc").is_err_and(|text| text.contains("endless-lease")));
        assert!(BuiltIn::named("process:x").is_err_and(|text| text.contains("smartevse")));
    }
}
