//! What can happen next, each with every way it can go wrong.

use patd_core::lifecycle::{
    AddOutcome, Effect, Event, Failure, Intent, ProbeOutcome, Refusal, RefusalKind, RemoveOutcome,
    RotateOutcome, Slot, Standing, Work, step,
};
use patd_core::names::{Generation, TokenName};
use patd_core::time::Timestamp;

use crate::host::rules;
use crate::world::{CALM, World};

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    LostBefore,
    LostAfter,
    Late,
    Doubled,
    Refused,
}

const FAULTS: [Fate; 5] =
    [Fate::LostBefore, Fate::LostAfter, Fate::Late, Fate::Doubled, Fate::Refused];

/// Local clocks: a day behind, right, a day ahead.
const SKEWS: [i64; 3] = [-86_400, 0, 86_400];

impl World {
    /// Every world that can follow. None: nothing more happens, or the time is over.
    pub(crate) fn successors(&self) -> Vec<Self> {
        let mut after = Vec::new();
        for host in 0..self.hosts.len() {
            self.own_steps(host, &mut after);
        }
        if !self.late.is_empty() {
            let mut next = self.clone();
            next.land();
            after.push(next);
        }
        let busy = self.hosts.iter().any(|host| host.is_down || host.answer.is_some());
        if let (false, Some(at)) = (busy, self.next_moment()) {
            self.pass_and_tick(at, &mut after);
        }
        after
    }

    fn own_steps(&self, host: usize, after: &mut Vec<Self>) {
        let now = &self.hosts[host];
        if now.is_down {
            return self.with_event(host, after, |_| Event::Started);
        }
        if now.answer.is_some() {
            self.with_event(host, after, |world| {
                world.hosts[host].answer.take().expect("it is there")
            });
        }
        if now.echo.as_ref().is_some_and(|echo| !now.awaits_such(echo)) {
            self.with_event(host, after, |world| {
                world.hosts[host].echo.take().expect("it is there")
            });
        }
        if self.clock >= CALM {
            return;
        }
        if now.rotations > 0 && now.slot.current().is_some() {
            self.with_event(host, after, |world| {
                let host = &mut world.hosts[host];
                host.rotations -= 1;
                Event::Rotate { taint: None, fresh: host.fresh() }
            });
        }
        if self.revocations > 0 {
            self.with_event(host, after, |world| {
                world.revocations -= 1;
                Event::Revoke
            });
        }
        // Where an ADD may still land, the clock is right: the look before it has just set it by Snowflake's.
        if self.faults > 0 && now.answer.is_none() && self.late.is_empty() {
            self.with_clocks_set(host, after);
        }
    }

    fn with_clocks_set(&self, host: usize, after: &mut Vec<Self>) {
        for skew in SKEWS.into_iter().filter(|skew| *skew != self.hosts[host].skew) {
            let mut world = self.clone();
            world.faults -= 1;
            world.hosts[host].skew = skew;
            world.with_event(host, after, |world| world.tick(host));
        }
    }

    fn pass_and_tick(&self, at: Timestamp, after: &mut Vec<Self>) {
        let mut world = self.clone();
        world.pass_to(at);
        for host in 0..world.hosts.len() {
            if world.hosts[host].wakes_at(at) == Some(at) {
                world.with_event(host, after, |world| world.tick(host));
            }
        }
    }

    /// Nobody holds an old generation: that drains end is what is looked at here.
    fn tick(&mut self, host: usize) -> Event {
        Event::Tick { held: Vec::new(), fresh: self.hosts[host].fresh() }
    }

    /// A host takes an event: all goes well, or its call has another fate, or it dies after any of its effects.
    fn with_event(
        &self,
        host: usize,
        after: &mut Vec<Self>,
        event: impl FnOnce(&mut Self) -> Event,
    ) {
        let mut world = self.clone();
        let event = event(&mut world);
        let now = world.hosts[host].now(world.clock);
        world.hosts[host].is_down = false;
        if let (Work::Issuing(intent), true) = (&world.hosts[host].slot.work, brings_secret(&event))
        {
            world.hosts[host].minted = Some(intent.generation);
        }
        let (slot, effects) = step(&world.hosts[host].slot, &event, now, &rules(world.strategy));
        if effects.is_empty() && slot == world.hosts[host].slot {
            return after.push(world);
        }
        world.hosts[host].slot = slot;
        world.hosts[host].wake_at(None);
        after.push(world.clone().carry_out(host, &effects, Fate::Answered));
        if world.faults == 0 || world.clock >= CALM {
            return;
        }
        world.faults -= 1;
        if effects.iter().any(is_call) {
            for fate in FAULTS {
                after.push(world.clone().carry_out(host, &effects, fate));
            }
        }
        for done in 0..=effects.len() {
            let mut dying = world.clone().carry_out(host, &effects[..done], Fate::Answered);
            dying.hosts[host].crash();
            after.push(dying);
        }
    }

    fn carry_out(mut self, host: usize, effects: &[Effect], fate: Fate) -> Self {
        for effect in effects {
            let answer = match effect {
                Effect::Store => {
                    self.store(host);
                    None
                }
                Effect::Forget => panic!("every host goes on configuring its slot here"),
                Effect::EndLeases => {
                    self.i9_tombstone_first(host);
                    None
                }
                Effect::WakeAt(at) => {
                    self.hosts[host].wake_at(Some(*at));
                    None
                }
                Effect::Publish | Effect::Alarm(_) | Effect::Clear(_) => None,
                Effect::Add => Some(self.add(host, fate)),
                Effect::Rotate => Some(self.rotate(host, fate)),
                Effect::List => Some(self.list(fate)),
                Effect::Probe(_) => Some(self.probe(host, fate)),
                Effect::Remove(name) => Some(self.answer_to_remove(host, name, fate)),
            };
            if let Some(answer) = answer {
                self.i14_one_call(host);
                if fate == Fate::Doubled {
                    self.hosts[host].echo = Some(answer.clone());
                }
                self.hosts[host].answer = Some(answer);
            }
            self.holds();
        }
        self
    }

    fn store(&mut self, host: usize) {
        self.i8_generation_on_disk(host);
        let host = &mut self.hosts[host];
        let held: Vec<Generation> = host.slot.held().map(|held| held.generation).collect();
        for generation in &held {
            let known = host.kept.contains(generation) || host.minted.as_ref() == Some(generation);
            assert!(known, "no secret at hand for generation {generation}");
        }
        host.minted = None;
        host.kept = held.into_iter().collect();
        host.disk = Slot { flight: Default::default(), ..host.slot.clone() };
        host.promoted.extend(host.slot.current().map(|held| held.generation));
    }

    fn add(&mut self, host: usize, fate: Fate) -> Event {
        let intent: Intent = self.i4_intent_of_add(host);
        self.i8_generation(host, intent.generation);
        self.hosts[host].announced = intent.generation;
        Event::Added(match fate {
            Fate::Answered | Fate::Doubled => {
                let generation = Some(intent.generation);
                assert!(
                    self.mint(&intent, generation),
                    "i8_generation: {} was used before",
                    intent.name
                );
                AddOutcome::Minted
            }
            Fate::LostBefore => AddOutcome::Unclear("timeout".to_owned()),
            Fate::LostAfter => {
                self.carry_out_unheard(&intent);
                AddOutcome::Unclear("timeout".to_owned())
            }
            Fate::Late => {
                self.late.push((self.clock.plus(59), intent));
                AddOutcome::Unclear("timeout".to_owned())
            }
            Fate::Refused => AddOutcome::Refused(refusal()),
        })
    }

    /// Doubled: it is carried out twice, and the second answer arrives, twice as well.
    fn rotate(&mut self, host: usize, fate: Fate) -> Event {
        let intent: Intent = self.i4_intent_of_rotation(host);
        self.i5_successor_of_rotation(host, &intent);
        self.i8_generation(host, intent.generation);
        self.hosts[host].announced = intent.generation;
        let unclear = || RotateOutcome::Unclear("timeout".to_owned());
        if fate == Fate::Doubled || fate == Fate::LostAfter {
            self.carry_out_unheard(&intent);
        }
        Event::Rotated(match fate {
            Fate::Answered | Fate::Doubled => {
                match self.turn_over(&intent, Some(intent.generation)) {
                    Some(predecessor) => RotateOutcome::Minted { predecessor },
                    None => RotateOutcome::Refused(refusal()),
                }
            }
            Fate::LostBefore | Fate::LostAfter => unclear(),
            Fate::Late => {
                self.late.push((self.clock.plus(59), intent));
                unclear()
            }
            Fate::Refused => RotateOutcome::Refused(refusal()),
        })
    }

    fn list(&self, fate: Fate) -> Event {
        Event::Listed(match fate {
            Fate::Answered | Fate::Doubled => {
                Ok(self.tokens.iter().map(|token| token.row.clone()).collect())
            }
            Fate::LostBefore | Fate::LostAfter | Fate::Late => {
                Err(Failure::Unclear("timeout".to_owned()))
            }
            Fate::Refused => Err(Failure::Refused(refusal())),
        })
    }

    fn probe(&mut self, host: usize, fate: Fate) -> Event {
        let Work::Proving { staged, .. } = &self.hosts[host].disk.work else {
            panic!("i4_intent: a probe of what is not on disk")
        };
        let generation = staged.generation;
        Event::Probed(match fate {
            Fate::Answered | Fate::Doubled if self.accepts(&self.hosts[host], generation) => {
                self.hosts[host].proven.insert(generation);
                ProbeOutcome::Proved
            }
            Fate::Answered | Fate::Doubled => {
                ProbeOutcome::RefusedSecret { code: "394400".to_owned(), message: String::new() }
            }
            Fate::LostBefore | Fate::LostAfter | Fate::Late => {
                ProbeOutcome::Unclear("timeout".to_owned())
            }
            Fate::Refused => {
                ProbeOutcome::RefusedHere { code: "390422".to_owned(), message: String::new() }
            }
        })
    }

    fn answer_to_remove(&mut self, host: usize, name: &TokenName, fate: Fate) -> Event {
        self.i4_intent_of_remove(host, name);
        self.i5_successor(host, name);
        self.i6_foreign(host, name);
        let gone = !matches!(fate, Fate::LostBefore | Fate::Refused) && self.remove(name);
        let outcome = match fate {
            Fate::Answered | Fate::Doubled if gone => RemoveOutcome::Removed,
            Fate::Answered | Fate::Doubled => RemoveOutcome::Absent,
            Fate::LostBefore | Fate::LostAfter | Fate::Late => {
                RemoveOutcome::Failed(Failure::Unclear("timeout".to_owned()))
            }
            Fate::Refused => RemoveOutcome::Failed(Failure::Refused(refusal())),
        };
        Event::Removed { name: name.clone(), outcome }
    }
}

fn is_call(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Add | Effect::Rotate | Effect::List | Effect::Probe(_) | Effect::Remove(_)
    )
}

fn brings_secret(event: &Event) -> bool {
    matches!(event, Event::Added(AddOutcome::Minted) | Event::Rotated(RotateOutcome::Minted { .. }))
}

fn refusal() -> Refusal {
    Refusal { kind: RefusalKind::Other, code: "003001".to_owned(), message: String::new() }
}

pub(crate) fn is_tombstoned(slot: &Slot) -> bool {
    matches!(slot.standing, Standing::Tombstoned { .. })
}
