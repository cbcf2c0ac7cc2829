//! Who is served when not everybody can be: a queue with turns (balancing, section 5b, step 4).
//!
//! Larger priority first; within one priority those that charge, the last started first, then those that wait, the
//! longest waiting first. Everyone whose least still fits is served. Every quarter of an hour the one that has waited
//! longest among equals goes to the front, and who then no longer fits waits (the rule of KEBA; B-54).

use super::allocate::Problem;

/// A turn, milliseconds.
const TURN_MS: u64 = 900_000;
/// Nobody loses his turn sooner, milliseconds.
const MIN_ON_MS: u64 = 600_000;
/// After a pause for lack of room it must have been there for so long, milliseconds (balancing, section 5b, step 7), …
const RESUME_MS: u64 = 120_000;
/// … with this much more than the least, milliamperes, …
const RESUME_MA: f64 = 1_000.0;
/// … or without it for so long, milliseconds.
const PATIENCE_MS: u64 = 600_000;
/// An hour holds no more starts than there are places for them: one less than is asked for, as cars start by
/// themselves too (balancing, section 5d, invariant 9).
const STARTS: usize = 5;
const HOUR_MS: u64 = 3_600_000;

/// The place of a charger in the queue.
#[derive(Clone, Debug, Default)]
struct Seat {
    /// Smaller is first; below 0: it has or had a turn.
    rank: i64,
    /// Since when it charges.
    on_ms: Option<u64>,
    /// Since when it waits.
    waits_ms: Option<u64>,
    /// It was paused for lack of room then.
    paused_ms: Option<u64>,
    /// Since when there has been room for it again.
    room_ms: Option<u64>,
    /// When it started, the oldest at `next`.
    starts: [Option<u64>; STARTS],
    next: usize,
}

impl Seat {
    fn may_start(&self, t_ms: u64) -> bool {
        self.starts[self.next].is_none_or(|start_ms| t_ms >= start_ms + HOUR_MS)
    }
}

/// The queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    seats: Vec<Seat>,
    order: Vec<usize>,
    sorted: bool,
    front: i64,
    back: i64,
    /// Since when somebody has been waiting for a turn.
    turn_ms: Option<u64>,
    /// The one that was brought to the front in this decision.
    turned: bool,
    /// Nobody gets turns.
    pub never_rotates: bool,
}

impl Queue {
    /// Forgets all chargers from number `count` on and makes room for so many.
    pub fn resize(&mut self, count: usize) {
        self.seats.resize(count, Seat::default());
        self.order = (0..count).collect();
        self.sorted = false;
    }

    /// Moves the seat of `old` in `from` to `new` here.
    pub fn inherit(&mut self, new: usize, from: &Queue, old: usize) {
        self.seats[new] = from.seats[old].clone();
        (self.front, self.back, self.turn_ms) = (from.front, from.back, from.turn_ms);
    }

    /// Serves with their least everyone who gets a turn now. A charger without a `max` does not want one.
    pub fn serve(&mut self, t_ms: u64, problem: &mut Problem) {
        self.arrivals(t_ms, problem);
        self.sort(problem);
        self.turned = false;
        let waits = self.pass(t_ms, problem);
        match (waits, self.turn_ms) {
            (None, _) => self.turn_ms = None,
            (Some(_), None) => self.turn_ms = Some(t_ms),
            (Some(waits), Some(since_ms)) if t_ms >= since_ms + TURN_MS => self.turn(t_ms, waits, problem),
            _ => {}
        }
    }

    /// Serves in the order of the queue, as if everybody could start.
    pub fn preview(&self, problem: &mut Problem) {
        for charger in &self.order {
            if problem.asks[*charger].max > 0.0 {
                problem.serve(*charger);
            }
        }
    }

    /// The terminals of this charger change: what held it back need not hold it back any more.
    pub fn forgive(&mut self, charger: usize) {
        self.seats[charger].paused_ms = None;
    }

    /// What came of it: `is_on` after the decision, and whether one that is off found no room.
    pub fn settle(&mut self, t_ms: u64, charger: usize, wants: bool, lacks: bool, is_on: bool) {
        let Queue { front, back, turned, .. } = self;
        let seat = &mut self.seats[charger];
        if is_on && seat.on_ms.is_none() {
            (seat.on_ms, seat.waits_ms, seat.paused_ms, seat.room_ms) = (Some(t_ms), None, None, None);
            seat.starts[seat.next] = Some(t_ms);
            seat.next = (seat.next + 1) % STARTS;
            *front -= 1;
            seat.rank = *front;
            self.sorted = false;
        } else if !is_on && seat.on_ms.is_some() {
            (seat.on_ms, seat.room_ms) = (None, None);
            seat.waits_ms = wants.then_some(t_ms);
            seat.paused_ms = (lacks && !*turned).then_some(t_ms);
            *back += 1;
            seat.rank = *back;
            self.sorted = false;
        }
    }

    /// Those that begin or cease to want something.
    fn arrivals(&mut self, t_ms: u64, problem: &Problem) {
        for (seat, ask) in self.seats.iter_mut().zip(&problem.asks) {
            let wants = ask.max > 0.0;
            if wants && seat.on_ms.is_none() && seat.waits_ms.is_none() {
                self.back += 1;
                (seat.rank, seat.waits_ms) = (self.back, Some(t_ms));
                self.sorted = false;
            } else if !wants && seat.on_ms.is_none() {
                (seat.waits_ms, seat.room_ms) = (None, None);
            }
        }
    }

    fn sort(&mut self, problem: &Problem) {
        if self.sorted {
            return;
        }
        let seats = &self.seats;
        let key =
            |charger: &usize| (u8::MAX - problem.asks[*charger].priority, seats[*charger].rank, *charger);
        self.order.sort_unstable_by_key(key);
        self.sorted = true;
    }

    /// Serves in order. Gives the one that has waited longest of those that want a turn and could start, but that
    /// find no room.
    fn pass(&mut self, t_ms: u64, problem: &mut Problem) -> Option<usize> {
        let (mut waits, mut begins): (Option<usize>, bool) = (None, false);
        for charger in &self.order {
            let charger = *charger;
            if problem.asks[charger].max <= 0.0 {
                continue;
            }
            let seat = &mut self.seats[charger];
            if seat.on_ms.is_some() {
                // Whoever begins has the room before those behind him, or he would wait for it for ever.
                if begins {
                    problem.start(charger);
                } else {
                    problem.keep(charger);
                }
                continue;
            }
            let min = problem.asks[charger].min;
            let patient = seat.paused_ms.is_none_or(|paused_ms| t_ms >= paused_ms + PATIENCE_MS);
            let room = problem.would_fit(charger, if patient { min } else { min + RESUME_MA });
            if !room {
                seat.room_ms = None;
                let since = |seat: &Seat| seat.waits_ms.unwrap_or(t_ms);
                if waits.is_none_or(|other| since(&self.seats[charger]) < since(&self.seats[other])) {
                    waits = Some(charger);
                }
                continue;
            }
            let room_ms = *seat.room_ms.get_or_insert(t_ms);
            let long = seat.paused_ms.is_none() || t_ms >= room_ms + RESUME_MS;
            if long && seat.may_start(t_ms) {
                begins |= problem.start(charger);
            }
        }
        waits
    }

    /// Brings one that waits to the front and serves anew. If that takes the place of somebody who has only just got
    /// it, or brings nothing, everything stays as it was.
    fn turn(&mut self, t_ms: u64, waits: usize, problem: &mut Problem) {
        if self.never_rotates || !self.seats[waits].may_start(t_ms) {
            return;
        }
        let seat = self.seats[waits].clone();
        let before: Vec<bool> = problem.given.iter().map(|given| *given > 0.0).collect();
        self.front -= 1;
        (self.seats[waits].rank, self.seats[waits].paused_ms) = (self.front, None);
        self.again(t_ms, problem);
        let early = |charger: usize| {
            let lost = before[charger] && problem.given[charger] <= 0.0;
            lost && self.seats[charger].on_ms.is_some_and(|on_ms| t_ms < on_ms + MIN_ON_MS)
        };
        let useless = problem.given[waits] <= 0.0;
        if useless || (0..before.len()).any(early) {
            self.seats[waits] = seat;
            if useless {
                // Whoever fits nowhere lets the others try.
                self.seats[waits].waits_ms = Some(t_ms);
            }
            self.again(t_ms, problem);
        } else {
            (self.turn_ms, self.turned) = (Some(t_ms), true);
        }
    }

    fn again(&mut self, t_ms: u64, problem: &mut Problem) {
        problem.withdraw();
        self.sorted = false;
        self.sort(problem);
        self.pass(t_ms, problem);
    }
}
