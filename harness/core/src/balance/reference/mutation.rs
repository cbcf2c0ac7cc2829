//! Defects built in on purpose, one `if` each, to see that a check catches them.

/// How the reference balancer is broken. Each is a defect from the field or one step from it (balancing, section 3.3;
/// field bugs, section 13).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutation {
    /// Raises while the newest reading is old.
    RaisesOnStale,
    /// Takes every charger's terminals and the meter's phases for L1, L2, L3.
    WrongPhaseOrder,
    /// Leaves the transformer ratio out.
    ForgetsScale,
    /// Neither installs an offline limit nor keeps to the one of the group.
    IgnoresOfflineLimits,
    /// Holds the mean of the phases against the fuse instead of each.
    SumsPhases,
    /// Lends export to the chargers though currents have no sign, and takes all of them for export while power flows out.
    UnsignedExport,
    /// Gives one phase the sum of three while a charger switches.
    HysteresisTriples,
    /// Never lets a waiting car have a turn.
    NeverRotates,
    /// Limits that never end, told once.
    EndlessLease,
    /// Watches the main fuse only.
    IgnoresCircuits,
    /// The first limit of a car does not look at what else is drawn.
    FirstIgnoresBase,
    /// Takes what the chargers draw for a load of the house too.
    CountsTwice,
    /// On three wires without neutral: adds magnitudes and does not look at L2.
    ScalarIt,
    /// Budgets by the clock of Greenwich.
    BudgetInUtc,
    /// Does not notice that a charger has restarted.
    ForgetsReboots,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Mutation; 15] = [
        Mutation::RaisesOnStale,
        Mutation::WrongPhaseOrder,
        Mutation::ForgetsScale,
        Mutation::IgnoresOfflineLimits,
        Mutation::SumsPhases,
        Mutation::UnsignedExport,
        Mutation::HysteresisTriples,
        Mutation::NeverRotates,
        Mutation::EndlessLease,
        Mutation::IgnoresCircuits,
        Mutation::FirstIgnoresBase,
        Mutation::CountsTwice,
        Mutation::ScalarIt,
        Mutation::BudgetInUtc,
        Mutation::ForgetsReboots,
    ];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Mutation::RaisesOnStale => "raises-on-stale",
            Mutation::WrongPhaseOrder => "wrong-phase-order",
            Mutation::ForgetsScale => "forgets-scale",
            Mutation::IgnoresOfflineLimits => "ignores-offline-limits",
            Mutation::SumsPhases => "sums-phases",
            Mutation::UnsignedExport => "unsigned-export",
            Mutation::HysteresisTriples => "hysteresis-3-to-1",
            Mutation::NeverRotates => "never-rotates",
            Mutation::EndlessLease => "endless-lease",
            Mutation::IgnoresCircuits => "ignores-circuits",
            Mutation::FirstIgnoresBase => "first-ignores-base",
            Mutation::CountsTwice => "counts-twice",
            Mutation::ScalarIt => "scalar-it",
            Mutation::BudgetInUtc => "budget-in-utc",
            Mutation::ForgetsReboots => "forgets-reboots",
        }
    }
}
