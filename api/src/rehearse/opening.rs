//! Before the doors open: waiting rooms with their lotteries, a campaign, points for some, and
//! those who come early.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use boxoffice_topics::LotterySeed;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::task::{JoinError, JoinSet};

use super::RehearseError;
use super::client::GaveUp;
use super::population::{Buyer, Population};
use super::sale::ask;
use super::shapes::set_aside;
use super::shop::Shop;
use super::venue::CURRENCY;
use crate::http::auth::Role;

/// What a coupon takes off: the price of the cheapest seat, so that some orders cost nothing.
const COUPON_MINOR: i64 = 99_000;

/// The share of what was paid that comes back as points, of 10,000.
const EARNED_BASIS_POINTS: u16 = 100;

/// What each place costs beside its price, when tickets may go back.
const BOOKING_FEE_MINOR: i64 = 2_000;

/// The most that the first step of the ladder keeps of a ticket: less than a tenth of most, more
/// than that of those which coupons and points pay.
const FIXED_REFUND_FEE_MINOR: i64 = 9_000;

/// When nothing of a rehearsal matters any more.
const FAR_FUTURE: &str = "2099-01-01T00:00:00Z";

/// How long the seed of a lottery is awaited.
const DRAW_WITHIN_SECONDS: u32 = 60;

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The rules of each waiting room.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoomRules {
    pub(super) admissions_per_minute: u32,
    pub(super) active_max: u32,
    pub(super) session_seconds: u32,
    pub(super) grace_seconds: u32,
}

/// The promoter, before the sale.
pub(super) struct Promoter<'s> {
    pub(super) shop: &'s Shop,
    pub(super) subject: &'s str,
    pub(super) token: &'s str,
}

impl Promoter<'_> {
    async fn ask(&self, step: &str, intent: &Value) -> Result<Value, GaveUp> {
        let key = format!("{}-{step}", self.shop.run);
        let answer = ask(self.shop, (self.subject, self.token), &key, intent).await?;
        let outcome = answer.outcomes().first().cloned();
        Ok(outcome.unwrap_or_default())
    }

    /// Sets the waiting room of a performance, and the rule of its points.
    pub(super) async fn furnish(&self, index: usize, seed: u64) -> Result<(), GaveUp> {
        let performance = &self.shop.performances[index];
        if let Some(room) = self.shop.room {
            let commitment = lottery_seed(seed, index).commitment().to_string();
            let rules = json!({
                "admissions_per_minute": room.admissions_per_minute,
                "active_buyers_max": room.active_max,
                "session_seconds": room.session_seconds,
                "grace_seconds": room.grace_seconds,
                "lottery": {"commitment": commitment, "closes_before_seconds": 0,
                    "draw_within_seconds": DRAW_WITHIN_SECONDS},
            });
            let set =
                json!({"type": "set_waiting_room", "performance": performance, "rules": rules});
            self.ask(&format!("room-{index}"), &set).await?;
        }
        if self.shop.extras.points {
            let rule = json!({"earned_basis_points": EARNED_BASIS_POINTS, "earned_days": 365,
                "restored_days": 30});
            let set = json!({"type": "set_points_rule", "performance": performance, "rule": rule});
            self.ask(&format!("points-{index}"), &set).await?;
        }
        if self.shop.extras.shapes {
            for (step, intent) in ["channel", "aside"].into_iter().zip(set_aside(performance)) {
                self.ask(&format!("{step}-{index}"), &intent).await?;
            }
        }
        if self.shop.extras.tickets {
            let set = json!({"type": "set_ticket_rules", "performance": performance, "rules": ticket_rules()});
            self.ask(&format!("tickets-{index}"), &set).await?;
        }
        Ok(())
    }

    /// Other terms for those who buy from now on; the kinder ones are for everybody.
    pub(super) async fn change_terms(&self, index: usize) -> Result<(), GaveUp> {
        let performance = &self.shop.performances[index];
        let basis_points = if index.is_multiple_of(2) { 3_000 } else { 500 };
        let terms = refund_terms(basis_points);
        let set = json!({"type": "set_refund_terms", "performance": performance, "terms": terms});
        self.ask(&format!("terms-{index}"), &set).await.map(drop)
    }

    /// One campaign over all performances; returns its id.
    pub(super) async fn campaign(&self, quantity: u32) -> Result<String, GaveUp> {
        let mut definition = json!({
            "name": "Dress rehearsal", "code": null, "opens_at": "2020-01-01T00:00:00Z",
            "closes_at": FAR_FUTURE, "quantity": quantity, "account_limit": 1,
            "terms": {
                "reduction": {"type": "fixed", "amount_minor": COUPON_MINOR},
                "currency": CURRENCY, "issuer": "promoter", "uses": 1,
                "expires_at": FAR_FUTURE, "returned_on_refund": true,
            },
        });
        let mut performances = self.shop.performances.clone();
        performances.sort_unstable();
        match &*performances {
            [one] => definition["performance"] = json!(one),
            _ => definition["performances"] = json!(performances),
        }
        let create = json!({"type": "create_campaign", "definition": definition});
        let created = self.ask("campaign", &create).await?;
        Ok(created["campaign"].as_str().unwrap_or_default().to_owned())
    }

    /// Reveals the seed, neither too early nor a wrong one.
    pub(super) async fn draw(&self, index: usize, seed: u64) -> Result<(), GaveUp> {
        let performance = &self.shop.performances[index];
        let path = format!("/v1/performances/{performance}/waiting-room");
        let began = Instant::now();
        let patience = Duration::from_secs(DRAW_WITHIN_SECONDS.into());
        while self.shop.client.get(self.token, &path).await?["lottery"]["state"] == "open"
            && began.elapsed() < patience
        {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let reveal = |seed: LotterySeed| {
            let seed = seed.to_string();
            json!({"type": "draw_lottery", "performance": performance, "seed": seed})
        };
        let wrong = reveal(lottery_seed(seed.wrapping_add(1), index));
        let key = format!("{}-mistake-{index}", self.shop.run);
        let who = (self.subject, self.token);
        let answer = self.shop.client.submit(who, &key, &wrong).await?;
        if answer.refused() != Some("seed_mismatch") {
            let reply = &answer.reply;
            self.shop.client.ledger.surprise(|| format!("another seed: {reply:?}"));
        }
        self.ask(&format!("draw-{index}"), &reveal(lottery_seed(seed, index))).await?;
        Ok(())
    }
}

/// A ladder by which something is kept of every ticket that goes back in the weeks before.
pub(super) fn refund_terms(basis_points: u16) -> Value {
    json!({"booking_fee_minor": BOOKING_FEE_MINOR, "ladder": {"utc_offset_minutes": 540, "steps": [
        {"days_before": 10, "basis_points": basis_points, "fixed_minor": FIXED_REFUND_FEE_MINOR},
        {"days_before": 1, "basis_points": 5_000}]}})
}

/// A ticket may change hands once, and nobody comes in again who went out.
fn ticket_rules() -> Value {
    json!({"transfers_max": 1, "transfers_close_before_seconds": 3_600,
        "offer_ttl_seconds": 86_400, "reentry": false, "admits_after_start_seconds": 7_200})
}

/// The seed of a performance's lottery: the same for the same seed of the rehearsal, for the draw
/// depends on who joined as well.
fn lottery_seed(seed: u64, index: usize) -> LotterySeed {
    let mut bytes = [0; 32];
    StdRng::seed_from_u64(seed.wrapping_add(index as u64)).fill(&mut bytes);
    LotterySeed::from_bytes(bytes)
}

/// Gives points to those who have some, and lets in line who comes early.
pub(super) async fn gather(
    shop: &Arc<Shop>,
    promoter: (&str, &str),
    population: Population,
    buyers: u32,
) {
    let most = shop.doors.available_permits();
    let mut tasks = JoinSet::new();
    let check = |ended: Option<Result<(), JoinError>>| {
        if let Some(Err(error)) = ended {
            shop.client.ledger.surprise(|| format!("somebody early broke off: {error}"));
        }
    };
    for number in 0..buyers {
        if tasks.len() >= most {
            check(tasks.join_next().await);
        }
        let (shop, subject, token) =
            (Arc::clone(shop), promoter.0.to_owned(), promoter.1.to_owned());
        tasks.spawn(async move {
            let buyer = population.buyer(number, &shop.venue);
            let welcomed = welcome(&shop, (&subject, &token), &buyer).await;
            if let Err(error) = welcomed {
                shop.client.ledger.surprise(|| format!("buyer {number}, early: {error}"));
            }
        });
    }
    while !tasks.is_empty() {
        check(tasks.join_next().await);
    }
}

async fn welcome(shop: &Shop, promoter: (&str, &str), buyer: &Buyer) -> Result<(), RehearseError> {
    let subject = shop.subject(buyer.number);
    let key = |step: &str| format!("{}-{}-{step}", shop.run, buyer.number);
    if let Some(points) = buyer.habits.points {
        let grant = json!({
            "type": "grant_points", "subject": subject, "expires_at": FAR_FUTURE,
            "amount": {"minor": points.granted_minor, "currency": CURRENCY},
        });
        ask(shop, promoter, &key("gift"), &grant).await?;
    }
    if buyer.habits.line.is_some_and(|line| line.comes_early) {
        let token = shop.client.token(Role::Buyer, &subject)?;
        let performance = &shop.performances[buyer.performance];
        let join = json!({"type": "join_waiting_room", "performance": performance});
        ask(shop, (&subject, &token), &key("early"), &join).await?;
    }
    Ok(())
}

/// Where every partition ends now: what comes after is of the rehearsal, or beside it.
pub(super) async fn ends(shop: &Shop, token: &str) -> Result<BTreeMap<u16, u64>, GaveUp> {
    let readiness = shop.client.get(token, "/readyz").await?;
    let partitions = readiness["partitions"].as_array().map_or(&[][..], Vec::as_slice);
    let end = |partition: &Value| {
        let number = u16::try_from(partition["partition"].as_u64()?).ok()?;
        Some((number, partition["released_end"].as_u64()?))
    };
    Ok(partitions.iter().filter_map(end).collect())
}
