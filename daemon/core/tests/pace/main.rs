//! The pace of an account under any order of calls, answers and passing time.

#![expect(clippy::unwrap_used, reason = "a test's world that cannot be built fails the test")]

use std::time::Duration;

use patd_core::names::User;
use patd_core::pace::{AT_ONCE, Limits, Pace, Pass, Showed, Turn, Urgency};
use patd_core::schedule::Jitter;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Act {
    Passes(u64),
    Asks { user: u8, urgency: Urgency },
    Ends { which: usize, showed: Showed },
}

fn acts() -> impl Strategy<Value = Act> {
    let urgency = prop_oneof![
        6 => Just(Urgency::Ordinary),
        1 => Just(Urgency::Wished),
        2 => Just(Urgency::Emergency),
    ];
    let showed = prop_oneof![
        4 => Just(Showed::Answer),
        4 => Just(Showed::Silence),
        1 => Just(Showed::TooMuch),
        1 => Just(Showed::Nothing),
    ];
    prop_oneof![
        1 => (0_u64..100_000).prop_map(Act::Passes),
        1 => (1_000_000_u64..4_000_000).prop_map(Act::Passes),
        8 => (0_u8..3, urgency).prop_map(|(user, urgency)| Act::Asks { user, urgency }),
        6 => (any::<usize>(), showed).prop_map(|(which, showed)| Act::Ends { which, showed }),
    ]
}

/// The pace, and what an observer beside it saw.
struct World {
    pace: Pace,
    limits: Limits,
    now: Duration,
    running: Vec<(Pass, Urgency)>,
    went: Vec<(Duration, Urgency)>,
}

impl World {
    fn new(ordinary: u32, hash: u64) -> Self {
        let limits = Limits { ordinary, reserve: ordinary * 2 };
        let now = Duration::from_secs(500);
        let pace = Pace::new(limits, Jitter::from_hash(hash), now);
        Self { pace, limits, now, running: Vec::new(), went: Vec::new() }
    }

    fn ask(&mut self, user: u8, urgency: Urgency) -> bool {
        match self.pace.admit(&User::new(format!("U{user}")), urgency, self.now) {
            Turn::Go(pass) => {
                self.running.push((pass, urgency));
                self.went.push((self.now, urgency));
                true
            }
            Turn::Wait { until, .. } => {
                assert!(until.is_none_or(|until| until > self.now), "asked again without end");
                let somebody_will_tell = until.is_some() || !self.running.is_empty();
                assert!(somebody_will_tell, "a call waits for nothing");
                false
            }
        }
    }

    fn end(&mut self, which: usize, showed: Showed) {
        if !self.running.is_empty() {
            let (pass, _) = self.running.swap_remove(which % self.running.len());
            self.pace.ended(pass, showed, self.now);
        }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Passes(millis) => self.now += Duration::from_millis(*millis),
            Act::Asks { user, urgency } => {
                let _went = self.ask(*user, *urgency);
            }
            Act::Ends { which, showed } => self.end(*which, *showed),
        }
    }

    /// How many went within the hour that ends now.
    fn within_an_hour(&self, is_counted: impl Fn(Urgency) -> bool) -> usize {
        let recent = |at: Duration| self.now.saturating_sub(at) < Duration::from_secs(3_600);
        self.went.iter().filter(|(at, urgency)| recent(*at) && is_counted(*urgency)).count()
    }

    fn demand_the_bounds(&self) {
        let is_emergency = |urgency| urgency == Urgency::Emergency;
        let ordinary = self.running.iter().filter(|(_, urgency)| !is_emergency(*urgency)).count();
        let at_once = usize::try_from(AT_ONCE).unwrap();
        assert!(ordinary <= at_once && self.running.len() <= at_once + 4);
        let ordinary = self.within_an_hour(|urgency| !is_emergency(urgency));
        let emergencies = self.within_an_hour(is_emergency);
        assert!(ordinary <= usize::try_from(self.limits.ordinary).unwrap(), "{ordinary}");
        assert!(emergencies <= usize::try_from(self.limits.reserve).unwrap(), "{emergencies}");
    }

    fn end_all(&mut self, showed: Showed) {
        while !self.running.is_empty() {
            self.end(0, showed);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_hour_has_more_statements_than_its_share_and_no_moment_more_calls_than_places(
        ordinary in 2_u32..200,
        hash: u64,
        script in prop::collection::vec(acts(), 1..400),
    ) {
        let mut world = World::new(ordinary, hash);
        for act in &script {
            world.act(act);
            world.demand_the_bounds();
        }
    }

    #[test]
    fn whatever_happened_an_hour_later_a_call_goes_and_one_answer_opens_the_way_for_all(
        ordinary in 60_u32..200,
        hash: u64,
        script in prop::collection::vec(acts(), 1..400),
    ) {
        let mut world = World::new(ordinary, hash);
        script.iter().for_each(|act| world.act(act));
        world.end_all(Showed::Silence);

        world.now += Duration::from_secs(3_600);
        prop_assert!(world.ask(0, Urgency::Ordinary), "the way is found again");
        world.end_all(Showed::Answer);

        for user in 0..8 {
            prop_assert!(world.ask(user, Urgency::Ordinary), "user {}", user);
        }
        prop_assert_eq!(world.pace.held_up(world.now), None);
    }

    #[test]
    fn an_account_that_does_not_answer_is_asked_by_one_call_at_a_time(
        hash: u64,
        waits in prop::collection::vec((0_u64..90_000, 0_u8..5), 1..200),
    ) {
        let mut world = World::new(100_000, hash);
        for user in 0..3 {
            world.ask(user, Urgency::Ordinary);
        }
        world.end_all(Showed::Silence);
        let began = world.went.len();
        let mut last = world.now;
        for (millis, user) in waits {
            world.now += Duration::from_millis(millis);
            if world.ask(user, Urgency::Ordinary) {
                prop_assert!(!world.ask(user + 1, Urgency::Wished), "a second one beside it");
                prop_assert!(world.now - last >= Duration::from_secs(1), "too soon after the last");
                last = world.now;
                world.end_all(Showed::Silence);
            }
        }
        let minutes = (world.now - Duration::from_secs(500)).as_secs() / 45;
        let probes = u64::try_from(world.went.len() - began).unwrap();
        prop_assert!(probes <= minutes + 8, "{} probes in {} s", probes, minutes * 45);
    }

    #[test]
    fn a_revocation_never_waits_for_the_account_or_for_others(
        hash: u64,
        script in prop::collection::vec(acts(), 1..200),
    ) {
        let mut world = World::new(2_000, hash);
        let ordinary = script.iter().filter(|act| {
            !matches!(act, Act::Asks { urgency: Urgency::Emergency, .. })
        });
        ordinary.for_each(|act| world.act(act));

        for user in 0..4 {
            prop_assert!(world.ask(user, Urgency::Emergency));
        }
    }
}
