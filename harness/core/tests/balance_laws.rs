//! Laws between two runs of the reference (balancing, section 5d, invariant 11): a change of the site that must not
//! matter does not matter, and one that must matter in one direction only does.

use hanbench_core::balance::reference::Reference;
use hanbench_core::plant::network::Plant;
use hanbench_core::scenario::Scenario;
use hanbench_core::sim::{self, ReferenceDongle, Watch};
use std::fmt::Write;

/// A site as the laws change it. Loads and chargers are named by the line that they begin on.
#[derive(Clone)]
struct Site {
    fuse_a: u32,
    limit_a: f64,
    /// Amperes of the house on L1, L2, L3.
    house_a: [f64; 3],
    /// One charger each: phases, and most that its car draws, amperes; `None`: no car.
    chargers: Vec<(u8, Option<u32>)>,
    /// Charger terminals and loads begin so many lines further.
    turned: usize,
    /// The order in which the chargers stand in the file.
    order: Vec<usize>,
    meter: &'static str,
}

impl Site {
    fn house(house_a: [f64; 3], chargers: &[(u8, Option<u32>)]) -> Site {
        let (chargers, order) = (chargers.to_vec(), (0..chargers.len()).collect());
        Site {
            fuse_a: 35,
            limit_a: 35.0,
            house_a,
            chargers,
            turned: 0,
            order,
            meter: "profile = \"aidon-6534\"",
        }
    }

    /// What each charger offers after 20 minutes without a change, milliamperes, in the order of `chargers`.
    fn offers(&self) -> Vec<i64> {
        let mut text = format!(
            "[scenario]\nabout = \"law\"\nsource = \"law\"\nduration_s = 1500\n[fuse]\nrated_a = {}\n[meter]\n{}\n\
             [told]\nmax_online_a = {}\n",
            self.fuse_a, self.meter, self.limit_a
        );
        for (line, amperes) in self.house_a.iter().enumerate() {
            let at = (line + self.turned) % 3 + 1;
            write!(text, "[[load]]\nat = \"L{at}\"\na = {amperes}\n").expect("a String takes everything");
        }
        let lines = [0, 1, 2].map(|line| (line + self.turned) % 3 + 1);
        for &at in &self.order {
            let (phases, car) = self.chargers[at];
            write!(text, "[[charger]]\nname = \"c{at}\"\nphases = {phases}\norder = {lines:?}\n")
                .expect("a String takes everything");
            if let Some(most_a) = car {
                write!(
                    text,
                    "[[car]]\ncharger = \"c{at}\"\nphases = {phases}\nfrom_s = 60\nmax_a = {most_a}\nkwh = 100\n"
                )
                .expect("a String takes everything");
            }
        }
        let scenario = Scenario::parse(&text, &|name| Err(name.into()))
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
        let mut last = Last(Vec::new());
        let mut reference = Reference::new(scenario.tuning);
        let ended = sim::run(&scenario, &mut ReferenceDongle::default(), &mut reference, &mut last);
        assert_eq!(ended.trouble, None);
        let mut offers = vec![0; self.chargers.len()];
        for (place, at) in self.order.iter().enumerate() {
            offers[*at] = last.0[place];
        }
        offers
    }
}

struct Last(Vec<i64>);

impl Watch for Last {
    fn ended(&mut self, plant: &Plant) {
        self.0 = plant.stations().iter().map(|station| station.charger.offered_ma()).collect();
    }
}

fn sites() -> Vec<Site> {
    let cars = [
        vec![(3, Some(32)), (3, Some(16)), (1, Some(32))],
        vec![(3, Some(16)), (3, Some(16)), (3, Some(32)), (1, Some(16))],
        vec![(1, Some(32)), (1, Some(32))],
        vec![(3, Some(32))],
    ];
    let houses = [[2.0, 4.0, 6.0], [10.0, 1.0, 3.0], [0.5, 0.5, 12.0]];
    houses.iter().flat_map(|house| cars.iter().map(|cars| Site::house(*house, cars))).collect()
}

fn sorted(mut offers: Vec<i64>) -> Vec<i64> {
    offers.sort_unstable();
    offers
}

#[test]
fn the_order_of_chargers_in_the_settings_changes_nobodys_share() {
    for site in sites() {
        let mut other = site.clone();
        other.order.reverse();
        assert_eq!(sorted(site.offers()), sorted(other.offers()), "{:?} {:?}", site.house_a, site.chargers);
    }
}

#[test]
fn a_house_that_is_turned_by_a_phase_gets_the_same() {
    for site in sites() {
        for turned in [1, 2] {
            let other = Site { turned, ..site.clone() };
            assert_eq!(site.offers(), other.offers(), "{:?} {:?}", site.house_a, site.chargers);
        }
    }
}

#[test]
fn transformers_that_everybody_knows_of_change_no_share() {
    for site in sites() {
        let other = Site { meter: "profile = \"aidon-6534\"\nratio = \"50:5\"", ..site.clone() };
        for (one, other) in site.offers().into_iter().zip(other.offers()) {
            // The meter says tenths of an ampere, which are whole amperes in front of the transformers.
            assert!((one - other).abs() <= 1_000, "{one} {other}: {:?} {:?}", site.house_a, site.chargers);
        }
    }
}

#[test]
fn more_load_in_the_house_never_gives_the_cars_more() {
    for site in sites() {
        let mut before = i64::MAX;
        for more in [0.0, 3.0, 6.0, 9.0] {
            let house_a = site.house_a.map(|amperes| amperes + more);
            let sum = Site { house_a, ..site.clone() }.offers().into_iter().sum();
            assert!(
                sum <= before,
                "{sum} after {before} with {more} A more: {:?} {:?}",
                site.house_a,
                site.chargers
            );
            before = sum;
        }
    }
}

#[test]
fn a_place_without_a_car_takes_nothing_from_anybody() {
    for site in sites() {
        let mut other = site.clone();
        other.chargers.push((3, None));
        other.order.push(site.chargers.len());
        let offers = other.offers()[..site.chargers.len()].to_vec();
        // Chargers take turns to speak, and one more shifts them: who of those alike has a turn may be another.
        assert_eq!(sorted(site.offers()), sorted(offers), "{:?} {:?}", site.house_a, site.chargers);
    }
}

#[test]
fn a_larger_limit_never_makes_the_smallest_share_smaller() {
    for site in sites() {
        let mut before = 0;
        for limit_a in [8.0, 14.0, 20.0, 26.0, 35.0] {
            let offers = Site { limit_a, ..site.clone() }.offers();
            let least = offers.iter().copied().min().unwrap_or(0);
            assert!(
                least >= before,
                "{offers:?} after {before} with {limit_a} A: {:?} {:?}",
                site.house_a,
                site.chargers
            );
            before = least;
        }
    }
}
