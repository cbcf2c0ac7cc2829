//! Current transformers in front of the meter: the ratio, the factor, and the mistakes people make with it.
//!
//! A meter behind transformers sends what flows in its secondary; 100:5 makes it 20 times too small, in current, power
//! and energy alike. No telegram carries the ratio, the fitter enters it. Refuses a ratio that turns current up, and
//! every guess where two mistakes give the same number.
//!
//! Source: Zaptec's article on fitting the APM (100:5 → 20, 50:1 → 50, entered by the installer).

use crate::reading::{Kind, Milli};

/// Rated primary and secondary current as on the nameplate, in amperes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ratio {
    primary_a: u32,
    secondary_a: u32,
}

/// Why a text is no ratio.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RatioError {
    /// No two whole numbers with a colon between them.
    Form,
    /// A current is 0.
    Zero,
    /// A current is negative.
    Negative,
    /// The secondary is larger than the primary.
    SecondaryLarger,
    /// A current is above 1 000 000 A.
    TooLarge,
}

impl core::fmt::Display for RatioError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            RatioError::Form => "expected primary:secondary in whole amperes, such as 100:5",
            RatioError::Zero => "a transformer is not rated for 0 A; without a transformer write 1:1",
            RatioError::Negative => "a rated current is not negative; a clamp turned round is no ratio",
            RatioError::SecondaryLarger => {
                "the secondary is larger than the primary; write the primary first, such as 100:5"
            }
            RatioError::TooLarge => "no transformer is rated above 1000000 A",
        })
    }
}

impl core::error::Error for RatioError {}

/// Largest rated current that is taken, in amperes. Keeps every product of a ratio and a reading inside 128 bits.
const RATED_MAX_A: u32 = 1_000_000;

impl Ratio {
    /// Reads `100:5`; spaces around the numbers do not count.
    pub fn parse(text: &str) -> Result<Ratio, RatioError> {
        let (primary, secondary) = text.split_once(':').ok_or(RatioError::Form)?;
        let ratio = Ratio { primary_a: rated(primary)?, secondary_a: rated(secondary)? };
        if ratio.secondary_a > ratio.primary_a { Err(RatioError::SecondaryLarger) } else { Ok(ratio) }
    }

    /// Primary over secondary in lowest terms.
    pub fn factor(self) -> Factor {
        let divisor = common_divisor(self.primary_a, self.secondary_a);
        Factor { num: self.primary_a / divisor, den: self.secondary_a / divisor }
    }
}

fn rated(text: &str) -> Result<u32, RatioError> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RatioError::Form);
    }
    match digits.parse::<u32>() {
        Ok(0) => Err(RatioError::Zero),
        _ if digits.len() < text.len() => Err(RatioError::Negative),
        Ok(amperes) if amperes <= RATED_MAX_A => Ok(amperes),
        _ => Err(RatioError::TooLarge),
    }
}

fn common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// What a reading of the secondary is multiplied by, in lowest terms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Factor {
    num: u32,
    den: u32,
}

/// A value on the primary side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scaled {
    /// The product, or the nearest thousandth of it; half a thousandth goes away from zero.
    pub value: Milli,
    /// False when the product is no whole thousandth: then a right claim may be off by half a thousandth.
    pub exact: bool,
}

impl Factor {
    /// No transformer.
    pub const ONE: Factor = Factor { num: 1, den: 1 };

    /// Numerator and denominator in lowest terms.
    pub fn fraction(self) -> (u32, u32) {
        (self.num, self.den)
    }

    /// Transformers that turn current down so many times more. `None` beyond 1 000 000.
    pub fn times(self, more: u32) -> Option<Factor> {
        let num = self.num.checked_mul(more).filter(|num| (1..=RATED_MAX_A).contains(num))?;
        let divisor = common_divisor(num, self.den);
        Some(Factor { num: num / divisor, den: self.den / divisor })
    }

    /// `secondary` as seen on the primary side. `None` when it does not fit 63 bits.
    pub fn apply(self, secondary: Milli) -> Option<Scaled> {
        self.power(secondary, 1)
    }

    /// `value · factor^exponent` for −1, 0, 1 and 2.
    fn power(self, value: Milli, exponent: i32) -> Option<Scaled> {
        let (num, den) = (i128::from(self.num), i128::from(self.den));
        let value = i128::from(value.0);
        let (product, divisor) = match exponent {
            -1 => (value * den, num),
            0 => (value, 1),
            1 => (value * num, den),
            // 2^63 · (10^6)^2 is below 2^103.
            _ => (value * num * num, den * den),
        };
        let half = if product < 0 { -divisor } else { divisor };
        let rounded = (2 * product + half) / (2 * divisor);
        let exact = product % divisor == 0;
        i64::try_from(rounded).ok().map(|value| Scaled { value: Milli(value), exact })
    }
}

impl core::fmt::Display for Factor {
    /// `20`, or `100/3` where it is no whole number.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.den {
            1 => write!(f, "{}", self.num),
            den => write!(f, "{}/{den}", self.num),
        }
    }
}

/// Whether an installation needs a factor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Below 63 A: the meter measures directly.
    No,
    /// Exactly 63 A: the two sentences of the source say different things. Look at the meter.
    Ambiguous,
    /// Above 63 A: the meter is behind transformers.
    Yes,
}

/// What the source says about the main fuse, twice: where, and in our words. They differ at exactly 63 A, which is the
/// commonest of the three domestic fuses it names.
pub const FUSE_RULES: [(&str, &str); 2] = [
    (
        "Zaptec APM article, section on meters measuring through transformers",
        "transformers are there with a main fuse above 63 A (\"> 63A\")",
    ),
    (
        "Zaptec APM article, configuration in the app, step 8",
        "a factor must be entered for 63 A or higher (\"63A eller høyere\")",
    ),
];

/// Whether a main fuse of `fuse_a` amperes calls for a factor, see [`FUSE_RULES`].
pub fn needs_factor(fuse_a: u32) -> Need {
    match fuse_a {
        0..63 => Need::No,
        63 => Need::Ambiguous,
        64.. => Need::Yes,
    }
}

/// What was done with the factor k to one value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scaling {
    /// Multiplied by k once.
    Right,
    /// Not multiplied: k times too small.
    Forgotten,
    /// Multiplied twice: k times too large.
    Twice,
    /// Divided instead: k² times too small.
    Inverted,
    /// None of these.
    Other,
    /// Cannot be told: the factor is 1, the value is too small for the resolution, or several mistakes give it.
    Undecided,
}

impl Scaling {
    /// The mistakes and the exponent of k that each leaves on the secondary value.
    const EXPONENTS: [(Scaling, i32); 4] =
        [(Scaling::Right, 1), (Scaling::Forgotten, 0), (Scaling::Twice, 2), (Scaling::Inverted, -1)];

    /// For people, with k for the factor.
    pub fn text(self) -> &'static str {
        match self {
            Scaling::Right => "scaled by the ratio",
            Scaling::Forgotten => "not scaled: k times too small",
            Scaling::Twice => "scaled twice: k times too large",
            Scaling::Inverted => "divided by the ratio instead of multiplied: k² times too small",
            Scaling::Other => "no power of the ratio explains it",
            Scaling::Undecided => "too small, or the ratio too near 1, to tell",
        }
    }
}

/// What explains `claimed` where the secondary carries `secondary`.
///
/// `step` is the resolution of the claim (1 A for a display in whole amperes): an explanation holds when it lies less
/// than one step away, so both rounding and cutting pass. An exact claim has `Milli(1)`.
pub fn diagnose(claimed: Milli, secondary: Milli, factor: Factor, step: Milli) -> Scaling {
    let explains = |exponent| {
        let scaled = factor.power(secondary, exponent);
        scaled.is_some_and(|scaled| claimed.0.abs_diff(scaled.value.0) < step.0.unsigned_abs().max(1))
    };
    let mut fitting = Scaling::EXPONENTS.iter().filter(|(_, exponent)| explains(*exponent));
    match (fitting.next(), fitting.next()) {
        (Some((scaling, _)), None) => *scaling,
        (Some(_), Some(_)) => Scaling::Undecided,
        (None, _) => Scaling::Other,
    }
}

/// One claim beside what the secondary carried.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    /// Of what.
    pub kind: Kind,
    /// What the DUT said.
    pub claimed: Milli,
    /// What the telegram carried, before any ratio.
    pub secondary: Milli,
    /// Resolution of the claim.
    pub step: Milli,
}

/// What was done to current, power and energy, each from all claims of its kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Diagnosis {
    /// Amperes.
    pub current: Scaling,
    /// Watts and vars.
    pub power: Scaling,
    /// Watt-hours and var-hours.
    pub energy: Scaling,
}

impl Diagnosis {
    /// From many claims: within a kind, the ones that can be told decide together; where they differ it is
    /// [`Scaling::Other`]. Voltages are measured directly and never scaled, so they are not looked at.
    pub fn of(claims: &[Compared], factor: Factor) -> Diagnosis {
        let of = |kinds: [Kind; 2]| {
            let told = claims
                .iter()
                .filter(|one| kinds.contains(&one.kind))
                .map(|one| diagnose(one.claimed, one.secondary, factor, one.step))
                .filter(|scaling| *scaling != Scaling::Undecided);
            let agreed = |one, other| if one == other { one } else { Scaling::Other };
            told.reduce(agreed).unwrap_or(Scaling::Undecided)
        };
        Diagnosis {
            current: of([Kind::Current; 2]),
            power: of([Kind::ActivePower, Kind::ReactivePower]),
            energy: of([Kind::ActiveEnergy, Kind::ReactiveEnergy]),
        }
    }

    /// True when the quantities that can be told were not treated alike: power scaled and current not, say.
    pub fn is_mixed(&self) -> bool {
        let mut told =
            [self.current, self.power, self.energy].into_iter().filter(|one| *one != Scaling::Undecided);
        told.next().is_some_and(|first| told.any(|other| other != first))
    }
}

impl core::fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [current, power, energy] = [self.current, self.power, self.energy].map(Scaling::text);
        write!(f, "current: {current}; power: {power}; energy: {energy}")
    }
}
