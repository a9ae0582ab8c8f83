//! One waiting room in the naive model: who stands where, who is inside, and what a fair line
//! must never do.
//!
//! Knows nothing of places and orders; who bought is told by the model.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::findings::{Findings, Invariant};
use super::lottery;
use super::model::{Step, at, millis, text};

/// What an admission costs: with as many parts earned in a millisecond as there are admissions in
/// a minute, every rate is exact.
const ADMISSION_PARTS: i64 = 60_000;

/// What the rules promise that is saved up while nobody could come in: this much of the rate,
/// and one admission.
const BURST_MS: i64 = 1_000;

/// What became of a place in the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Waits,
    Left,
    Admitted,
    Missed,
}

/// One join.
#[derive(Debug)]
struct Place {
    account: String,
    standing: Standing,
    /// The last sign of life, in milliseconds.
    heard_ms: i64,
}

#[derive(Debug)]
struct Rules {
    per_minute: i64,
    active_max: usize,
    session_ms: i64,
    grace_ms: i64,
    commitment: Option<String>,
}

/// The room of one performance as the model sees it.
#[derive(Debug, Default)]
pub(super) struct Line {
    rules: Option<Rules>,
    /// Every join by its number.
    places: Vec<Place>,
    /// The place in the order of calls of each join that was drawn, by its number.
    drawn: Vec<u32>,
    /// Joins before the sale was opened.
    entrants: Option<usize>,
    digest: Option<String>,
    /// Joins by their places in the order of calls, the drawn ones.
    order: Vec<u32>,
    /// Places in the order of calls that were called or passed over.
    called: u32,
    session_of: HashMap<String, i64>,
    /// The same, the first to end first.
    sessions: BTreeSet<(i64, String)>,
    /// Parts of admissions that were used up, and when.
    used: (i64, i64),
}

impl Line {
    /// Takes one outcome over. `bought` are those whose orders were confirmed in the same step.
    pub(super) fn fold(
        &mut self,
        step: &Step,
        outcome: &Value,
        bought: &[String],
        findings: &mut Findings,
    ) {
        let number = outcome["number"].as_u64().unwrap_or(u64::MAX) as usize;
        match outcome["type"].as_str().unwrap_or_default() {
            "waiting_room_set" => self.rules = Rules::of(&outcome["rules"]),
            "sale_opened" => self.entrants = Some(self.places.len()),
            "waiting_room_joined" => self.joined(step, outcome, number, findings),
            "waiting_room_returned" => {
                self.sign_of_life(step, number, &[Standing::Waits, Standing::Left], findings);
            }
            "heartbeat_seen" => self.sign_of_life(step, number, &[Standing::Waits], findings),
            "waiting_room_left" => {
                self.sign_of_life(step, number, &[Standing::Waits], findings);
                self.places.get_mut(number).into_iter().for_each(|it| it.standing = Standing::Left);
            }
            "lottery_closed" => self.lottery_closed(step, outcome, findings),
            "lottery_drawn" => self.lottery_drawn(step, outcome, findings),
            "admitted" => self.admitted(step, outcome, number, findings),
            "turn_missed" => self.turn_missed(step, number, findings),
            "session_ended" => self.session_ended(step, &text(outcome, "reason"), bought, findings),
            _ => (),
        }
    }

    /// Whether an account may hold at a moment: there is no room, or it is inside.
    pub(super) fn may_hold(&self, account: &str, now_ms: i64) -> bool {
        let inside = self.session_of.get(account).is_some_and(|end_ms| *end_ms > now_ms);
        self.rules.is_none() || inside
    }

    /// Whether there is a room.
    pub(super) fn is_on(&self) -> bool {
        self.rules.is_some()
    }

    fn joined(&mut self, step: &Step, outcome: &Value, number: usize, findings: &mut Findings) {
        let account = text(outcome, "account");
        let expected = self.places.len();
        findings.check(number == expected, Invariant::AdmittedInOrder, || {
            format!("{}: join {number} comes where {expected} should", at(step))
        });
        // Whose session has run out is outside, also before a tick has said so.
        let inside = self.session_of.get(&account).is_some_and(|end_ms| *end_ms > step.now_ms);
        findings.check(!inside, Invariant::AdmittedOnce, || {
            format!("{}: {account} joins and is inside", at(step))
        });
        self.places.push(Place { account, standing: Standing::Waits, heard_ms: step.now_ms });
    }

    /// Somebody speaks who has a place.
    fn sign_of_life(
        &mut self,
        step: &Step,
        number: usize,
        may_stand: &[Standing],
        findings: &mut Findings,
    ) {
        let place = self.places.get_mut(number);
        let found = place.filter(|it| it.account == step.account);
        let standing = found.map(|place| {
            let before = place.standing;
            place.heard_ms = step.now_ms;
            if before == Standing::Left {
                place.standing = Standing::Waits;
            }
            before
        });
        let right = standing.is_some_and(|standing| may_stand.contains(&standing));
        findings.check(right, Invariant::AdmittedInOrder, || {
            format!("{}: {} speaks at place {number}: {standing:?}", at(step), step.account)
        });
    }

    fn lottery_closed(&mut self, step: &Step, outcome: &Value, findings: &mut Findings) {
        let entrants = outcome["entrants"].as_u64().unwrap_or(u64::MAX) as usize;
        findings.check(Some(entrants) == self.entrants, Invariant::LotteryAsSealed, || {
            format!("{}: {entrants} entrants, {:?} had joined", at(step), self.entrants)
        });
        self.entrants = Some(entrants);
        let digest = self.digest_of(&text(outcome, "performance"), entrants);
        let published = text(outcome, "digest");
        findings.check(digest.as_ref() == Some(&published), Invariant::LotteryAsSealed, || {
            format!("{}: the digest is {published}, the joins give {digest:?}", at(step))
        });
        self.digest = digest;
    }

    fn digest_of(&self, performance: &str, entrants: usize) -> Option<String> {
        let commitment = self.rules.as_ref()?.commitment.as_ref()?;
        let joins = self.places.get(..entrants)?;
        lottery::digest(performance, commitment, joins.iter().map(|place| &*place.account))
    }

    fn lottery_drawn(&mut self, step: &Step, outcome: &Value, findings: &mut Findings) {
        let seed = text(outcome, "seed");
        let sealed = self.rules.as_ref().and_then(|rules| rules.commitment.clone());
        let opens = lottery::commitment(&seed);
        findings.check(opens.is_some() && opens == sealed, Invariant::LotteryAsSealed, || {
            format!("{}: {sealed:?} was sealed, the seed gives {opens:?}", at(step))
        });
        let digest = self.digest.as_deref();
        let order =
            digest.zip(self.entrants).and_then(|(it, joins)| lottery::order(&seed, it, joins));
        let Some(order) = order else {
            return findings.note(Invariant::LotteryAsSealed, || {
                format!("{}: drawn without a seed, or before the entries had ended", at(step))
            });
        };
        self.drawn = vec![0; order.len()];
        for (rank, number) in (0..).zip(&order) {
            self.drawn[*number as usize] = rank;
        }
        self.order = order;
    }

    /// The place in the order of calls: the drawn ones first, then by number.
    fn rank(&self, number: usize) -> u32 {
        self.drawn.get(number).copied().unwrap_or(number as u32)
    }

    fn number_at(&self, rank: u32) -> usize {
        self.order.get(rank as usize).copied().unwrap_or(rank) as usize
    }

    /// It is somebody's turn: nobody before it waits, and nobody behind it was called.
    fn call(&mut self, step: &Step, number: usize, becomes: Standing, findings: &mut Findings) {
        let (rank, called) = (self.rank(number), self.called);
        let is_next = rank >= called
            && (called..rank).all(|passed| {
                let place = self.places.get(self.number_at(passed));
                place.is_some_and(|place| place.standing == Standing::Left)
            });
        findings.check(is_next, Invariant::AdmittedInOrder, || {
            format!("{}: join {number} is called as {rank}, after {called} calls", at(step))
        });
        self.called = called.max(rank.saturating_add(1));
        let before = self.places.get(number).map(|place| place.standing);
        findings.check(before == Some(Standing::Waits), Invariant::AdmittedOnce, || {
            format!("{}: join {number} is called and was {before:?}", at(step))
        });
        self.places.get_mut(number).into_iter().for_each(|it| it.standing = becomes);
    }

    fn admitted(&mut self, step: &Step, outcome: &Value, number: usize, findings: &mut Findings) {
        self.call(step, number, Standing::Admitted, findings);
        let (Some(rules), Some(place)) = (&self.rules, self.places.get(number)) else { return };
        let account = place.account.clone();
        let (per_minute, active_max) = (rules.per_minute, rules.active_max);
        let end_ms = millis(&outcome["session_ends_at"]);
        findings.check(
            end_ms == step.now_ms + rules.session_ms,
            Invariant::HoldsNeedAdmission,
            || format!("{}: the session of {account} ends at {end_ms}", at(step)),
        );
        let before = self.session_of.insert(account.clone(), end_ms);
        findings.check(before.is_none(), Invariant::AdmittedOnce, || {
            format!("{}: {account} is admitted and was inside", at(step))
        });
        self.sessions.insert((end_ms, account));
        let active = self.sessions.len();
        findings.check(active <= active_max, Invariant::ActiveWithinCap, || {
            format!("{}: {active} are inside, {active_max} may be", at(step))
        });
        let (used, since_ms) = self.used;
        let earned = (step.now_ms - since_ms).saturating_mul(per_minute);
        let used = (used - earned.max(0)).max(0) + ADMISSION_PARTS;
        self.used = (used, step.now_ms);
        let most = BURST_MS * per_minute + ADMISSION_PARTS;
        findings.check(used <= most, Invariant::AdmittedWithinRate, || {
            format!("{}: {used} of {most} parts at {per_minute} in a minute", at(step))
        });
    }

    fn turn_missed(&mut self, step: &Step, number: usize, findings: &mut Findings) {
        self.call(step, number, Standing::Missed, findings);
        let (Some(rules), Some(place)) = (&self.rules, self.places.get(number)) else { return };
        let silent_ms = step.now_ms - place.heard_ms;
        findings.check(silent_ms > rules.grace_ms, Invariant::PlaceKeptByBeats, || {
            format!("{}: join {number} misses its turn, silent for {silent_ms} ms", at(step))
        });
    }

    /// The outcome does not say whose session it is, but only one can be meant.
    fn session_ended(
        &mut self,
        step: &Step,
        reason: &str,
        bought: &[String],
        findings: &mut Findings,
    ) {
        let account = match reason {
            "left" => Some(step.account.clone()),
            "bought" => bought.iter().find(|it| self.session_of.contains_key(*it)).cloned(),
            _ => {
                let first = self.sessions.first().filter(|(end_ms, _)| *end_ms <= step.now_ms);
                first.map(|(_, account)| account.clone())
            }
        };
        let end = account.and_then(|account| {
            let end_ms = self.session_of.remove(&account)?;
            Some((end_ms, account))
        });
        let ended = end.is_some_and(|end| self.sessions.remove(&end));
        findings.check(ended, Invariant::HoldsNeedAdmission, || {
            format!("{}: nobody's session could end ({reason})", at(step))
        });
    }
}

impl Rules {
    fn of(rules: &Value) -> Option<Self> {
        let millis = |field: &str| rules[field].as_i64().map(|seconds| seconds * 1_000);
        Some(Self {
            per_minute: rules["admissions_per_minute"].as_i64()?,
            active_max: rules["active_buyers_max"].as_u64()? as usize,
            session_ms: millis("session_seconds")?,
            grace_ms: millis("grace_seconds")?,
            commitment: rules["lottery"]["commitment"].as_str().map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use boxoffice_topics::LotterySeed;
    use serde_json::json;

    use super::*;

    const PERFORMANCE: &str = "6f2b8a52-9a53-4f4e-9a39-111111111111";

    fn account(number: u128) -> String {
        format!("{number:032x}")
    }

    /// A line of three, at one admission in a second, with two inside at most.
    struct Scene {
        line: Line,
        findings: Findings,
    }

    impl Scene {
        fn new(lottery: bool) -> Self {
            let mut scene = Self { line: Line::default(), findings: Findings::default() };
            let mut rules = json!({"admissions_per_minute": 60, "active_buyers_max": 2,
                "session_seconds": 10, "grace_seconds": 10});
            if lottery {
                let commitment = LotterySeed::from_bytes([7; 32]).commitment().to_string();
                rules["lottery"] = json!({"commitment": commitment});
            }
            scene.say(0, "", json!({"type": "waiting_room_set", "rules": rules}));
            for number in 0..3 {
                scene.join(number);
            }
            scene
        }

        fn say(&mut self, now_ms: i64, account: &str, mut outcome: Value) {
            outcome["performance"] = json!(PERFORMANCE);
            let account = account.to_owned();
            let step = Step { now_ms, account: account.clone(), ..Step::default() };
            self.line.fold(&step, &outcome, &[account], &mut self.findings);
        }

        fn join(&mut self, number: u32) {
            let account = account(number.into());
            let joined =
                json!({"type": "waiting_room_joined", "account": account, "number": number});
            self.say(0, &account, joined);
        }

        fn admit(&mut self, now_ms: i64, number: u32) {
            let end = jiff::Timestamp::from_millisecond(now_ms + 10_000).expect("a moment");
            let ends_at = end.to_string();
            let admitted =
                json!({"type": "admitted", "number": number, "session_ends_at": ends_at});
            self.say(now_ms, "", admitted);
        }

        fn end(&mut self, now_ms: i64, account: &str, reason: &str) {
            self.say(now_ms, account, json!({"type": "session_ended", "reason": reason}));
        }

        #[track_caller]
        fn broken(&self, invariant: Invariant) {
            let broken: Vec<_> = self.findings.iter().map(|(it, _)| it).collect();
            assert_eq!(broken, [invariant], "{:?}", self.findings);
        }

        #[track_caller]
        fn clean(&self) {
            assert!(self.findings.is_clean(), "{:?}", self.findings);
        }
    }

    #[test]
    fn a_line_by_the_rules_is_clean() {
        let mut scene = Scene::new(false);
        scene.admit(0, 0);
        assert!(scene.line.may_hold(&account(0), 9_999));
        assert!(!scene.line.may_hold(&account(0), 10_000));
        assert!(!scene.line.may_hold(&account(1), 0));
        scene.say(500, &account(1), json!({"type": "waiting_room_left", "number": 1}));
        scene.admit(1_000, 2);
        scene.end(2_000, &account(0), "bought");
        scene.end(11_000, "", "expired");
        scene.clean();
        assert!(scene.line.sessions.is_empty());
    }

    #[test]
    fn whoever_is_passed_is_found() {
        let mut scene = Scene::new(false);
        scene.admit(0, 1);
        scene.broken(Invariant::AdmittedInOrder);
        let mut scene = Scene::new(false);
        scene.say(0, &account(9), json!({"type": "waiting_room_returned", "number": 1}));
        scene.broken(Invariant::AdmittedInOrder);
    }

    #[test]
    fn an_admission_of_somebody_who_does_not_wait_is_found() {
        let mut scene = Scene::new(false);
        scene.say(0, &account(0), json!({"type": "waiting_room_left", "number": 0}));
        scene.admit(0, 0);
        scene.broken(Invariant::AdmittedOnce);
    }

    #[test]
    fn a_join_of_somebody_who_is_inside_is_found() {
        let join_at = |now_ms: i64| {
            let mut scene = Scene::new(false);
            scene.admit(0, 0);
            let joined = json!({"type": "waiting_room_joined", "account": account(0), "number": 3});
            scene.say(now_ms, &account(0), joined);
            scene.end(10_001, "", "expired");
            scene
        };
        join_at(9_999).broken(Invariant::AdmittedOnce);
        join_at(10_000).clean();
    }

    #[test]
    fn an_admission_above_the_rate_is_found() {
        let mut scene = Scene::new(false);
        scene.admit(0, 0);
        scene.admit(0, 1);
        scene.clean();
        scene.end(1, &account(0), "left");
        scene.admit(1, 2);
        scene.broken(Invariant::AdmittedWithinRate);
    }

    #[test]
    fn one_too_many_inside_is_found() {
        let mut scene = Scene::new(false);
        (0..3).for_each(|number| scene.admit(i64::from(number) * 1_000, number));
        scene.broken(Invariant::ActiveWithinCap);
    }

    #[test]
    fn a_session_that_ends_early_or_lasts_too_long_is_found() {
        let mut scene = Scene::new(false);
        scene.admit(0, 0);
        scene.end(9_999, "", "expired");
        scene.broken(Invariant::HoldsNeedAdmission);
        let mut scene = Scene::new(false);
        let admitted =
            json!({"type": "admitted", "number": 0, "session_ends_at": "1970-01-01T00:00:11Z"});
        scene.say(0, "", admitted);
        scene.broken(Invariant::HoldsNeedAdmission);
    }

    #[test]
    fn a_turn_that_is_missed_in_spite_of_a_beat_is_found() {
        let missed = |number: u32| json!({"type": "turn_missed", "number": number});
        let mut scene = Scene::new(false);
        scene.say(5_000, &account(1), json!({"type": "heartbeat_seen", "number": 1}));
        scene.say(10_001, "", missed(0));
        scene.clean();
        scene.say(10_002, "", missed(1));
        scene.broken(Invariant::PlaceKeptByBeats);
    }

    fn drawn(seed: u8, joins: u32) -> Scene {
        let mut scene = Scene::new(true);
        scene.say(0, "", json!({"type": "sale_opened"}));
        let digest = scene.line.digest_of(PERFORMANCE, joins as usize).expect("a digest");
        let closed = json!({"type": "lottery_closed", "entrants": joins, "digest": digest});
        scene.say(0, "", closed);
        let seed = LotterySeed::from_bytes([seed; 32]).to_string();
        scene.say(0, "", json!({"type": "lottery_drawn", "seed": seed}));
        scene
    }

    #[test]
    fn a_lottery_is_drawn_from_its_seed_and_called_in_that_order() {
        let mut scene = drawn(7, 3);
        scene.join(3);
        let order = scene.line.order.clone();
        assert_eq!(order.len(), 3);
        for (second, number) in (0..).zip(order) {
            scene.admit(second * 1_000, number);
            scene.end(second * 1_000, &account(number.into()), "left");
        }
        scene.admit(3_000, 3);
        scene.clean();
        let mut scene = drawn(7, 3);
        let second = scene.line.order[1];
        scene.admit(0, second);
        scene.broken(Invariant::AdmittedInOrder);
    }

    #[test]
    fn a_lottery_with_another_seed_or_other_entrants_is_found() {
        drawn(8, 3).broken(Invariant::LotteryAsSealed);
        drawn(7, 2).broken(Invariant::LotteryAsSealed);
        let mut scene = Scene::new(true);
        scene.say(0, "", json!({"type": "lottery_drawn", "seed": null}));
        scene.broken(Invariant::LotteryAsSealed);
    }
}
