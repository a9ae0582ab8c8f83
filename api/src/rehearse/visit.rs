//! The steps of a buyer's visit: hold, open a payment, pay, wait for the end.
//!
//! Each step sends one intent and says which refusals a buyer must put up with. What a buyer does
//! in which order is the script's business.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::SemaphorePermit;

use super::client::{Answer, GaveUp};
use super::ledger::Reply;
use super::population::{Buyer, Wish};
use super::shapes::{Parties, ShapeWish, TOO_MANY_FANS};
use super::shop::Shop;
use super::venue::CURRENCY;
use crate::http::auth::{AuthError, Role};

/// Refusals that mean "somebody else was faster".
const LOST_FIGHTS: [&str; 4] =
    ["seat_already_held", "seat_already_sold", "no_seats_available", "capacity_exhausted"];

/// Refusals that time brings to anybody who is slow, for instance because the server was away.
const TOO_LATE: [&str; 2] = ["hold_expired", "order_expired"];

/// A session in a waiting room ends for those who are slow, too.
const OUT_AGAIN: &str = "admission_required";

/// First and longest pause between two looks at an order.
const LOOK_MIN: Duration = Duration::from_millis(40);
const LOOK_MAX: Duration = Duration::from_millis(800);

/// Looks at one order: more than any provider of the sandbox, or any other key, needs.
pub(super) const LOOKS_MAX: usize = 150;

/// A hold, as its owner knows it.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) id: String,
    pub(super) places: u64,
}

/// An order, as its owner knows it.
#[derive(Clone, Debug)]
pub(super) struct Ordered {
    pub(super) id: String,
    pub(super) places: u64,
    pub(super) total_minor: i64,
    pub(super) provider_order_id: String,
    /// There was nothing to pay.
    pub(super) is_confirmed: bool,
}

/// One buyer's visit.
#[derive(Debug)]
pub(super) struct Visit<'a> {
    pub(super) shop: &'a Shop,
    pub(super) buyer: &'a Buyer,
    subject: String,
    token: String,
    keys: u32,
    /// The coupon that the order is to take.
    pub(super) coupon: Option<String>,
    /// An order was confirmed.
    pub(super) bought: bool,
    /// It, unless it was given back.
    pub(super) owned: Option<Ordered>,
    inside: Option<SemaphorePermit<'a>>,
}

impl<'a> Visit<'a> {
    /// Comes in, when there is room.
    pub(super) async fn begin(shop: &'a Shop, buyer: &'a Buyer) -> Result<Self, AuthError> {
        let subject = shop.subject(buyer.number);
        let token = shop.client.token(Role::Buyer, &subject)?;
        let inside = shop.doors.acquire().await.ok();
        let (coupon, owned) = (None, None);
        Ok(Self { shop, buyer, subject, token, keys: 0, coupon, bought: false, owned, inside })
    }

    /// Goes away for a while and makes room for others.
    pub(super) async fn go_away(&mut self, time: Duration) {
        self.go_out();
        tokio::time::sleep(time).await;
        self.come_in().await;
    }

    /// Makes room for others.
    pub(super) fn go_out(&mut self) {
        self.inside = None;
    }

    /// Comes in again, when there is room.
    pub(super) async fn come_in(&mut self) {
        self.inside = self.shop.doors.acquire().await.ok();
    }

    /// The id of the performance that this is about.
    pub(super) fn performance(&self) -> &'a str {
        &self.shop.performances[self.buyer.performance]
    }

    /// Reads a resource with the buyer's eyes.
    pub(super) async fn look(&self, path: &str) -> Result<Value, GaveUp> {
        Box::pin(self.shop.client.get(&self.token, path)).await
    }

    /// Notes what nobody should see.
    pub(super) fn surprise(&self, detail: String) {
        self.shop.client.ledger.surprise(|| detail);
    }

    /// A key that was never used.
    pub(super) fn new_key(&mut self) -> String {
        self.keys += 1;
        format!("{}-{}-{}", self.shop.run, self.buyer.number, self.keys)
    }

    /// Sends an intent under a key.
    pub(super) async fn ask_under(&self, key: &str, intent: &Value) -> Result<Answer, GaveUp> {
        // Boxed, as every request is, so that a crowd that waits takes little memory.
        let who = (&*self.subject, &*self.token);
        let answer = Box::pin(self.shop.client.submit(who, key, intent)).await?;
        self.shop.tally.intents.add(1);
        if answer.refused().is_some() {
            self.shop.tally.refused.add(1);
        }
        Ok(answer)
    }

    /// Sends an intent, which may be refused for one of these reasons or because of the time.
    pub(super) async fn ask(&mut self, intent: &Value, may: &[&str]) -> Result<Answer, GaveUp> {
        let key = self.new_key();
        let answer = self.ask_under(&key, intent).await?;
        self.expect(intent, &answer, may);
        Ok(answer)
    }

    /// Notes a refusal that cannot be explained.
    pub(super) fn expect(&self, intent: &Value, answer: &Answer, may: &[&str]) {
        let is_out = |code: &str| code == OUT_AGAIN && self.shop.room.is_some();
        if let Some(code) = answer.refused()
            && !may.contains(&code)
            && !TOO_LATE.contains(&code)
            && !is_out(code)
        {
            let ending = self.buyer.ending;
            self.shop.client.ledger.surprise(|| format!("{code} for {intent} ({ending:?})"));
        }
    }

    /// Notes that two answers to the same intent differ.
    pub(super) fn expect_same(&self, intent: &Value, first: &Answer, second: &Answer) {
        if first.reply != second.reply {
            let (first, second): (&Reply, &Reply) = (&first.reply, &second.reply);
            self.shop
                .client
                .ledger
                .surprise(|| format!("{intent} under one key: {first:?}, then {second:?}"));
        }
    }

    /// The intent for a wish.
    pub(super) fn intent_for(&self, wish: &Wish) -> Value {
        let performance = self.performance();
        match wish {
            Wish::Seats(seats) => {
                json!({"type": "hold_seats", "performance": performance, "seats": seats})
            }
            Wish::BestAvailable { quantity, price_level, accessible } => {
                let mut intent = json!({
                    "type": "hold_best_available", "performance": performance,
                    "quantity": quantity, "accessible": accessible,
                });
                if let Some(code) = price_level {
                    intent["price_level"] = json!(code);
                }
                intent
            }
            Wish::Standing { quantity } => {
                let section = self.shop.venue.standing.section;
                json!({
                    "type": "hold_general_admission", "performance": performance,
                    "sections": [{"section": section, "quantity": quantity}],
                })
            }
        }
    }

    /// Tries one wish after the other until something is held.
    pub(super) async fn hold(&mut self) -> Result<Option<Held>, GaveUp> {
        let buyer = self.buyer;
        if let Some(shape) = buyer.habits.shape
            && let Some(held) = self.hold_shape(shape).await?
        {
            return Ok(Some(held));
        }
        for wish in &buyer.wishes {
            let intent = self.intent_for(wish);
            let answer = self.ask(&intent, &LOST_FIGHTS).await?;
            if let Some(held) = held(&answer) {
                self.check_open_to_all(&answer);
                self.shop.tally.held.add(held.places);
                return Ok(Some(held));
            }
            if answer.refused() == Some(OUT_AGAIN) {
                break;
            }
        }
        Ok(None)
    }

    /// Tries to hold something of another shape.
    async fn hold_shape(&mut self, shape: ShapeWish) -> Result<Option<Held>, GaveUp> {
        let (wish, code, refusal) = shape.parts();
        let mut intent = self.intent_for(&wish);
        intent["code"] = json!(code);
        let may: Vec<&str> =
            LOST_FIGHTS.into_iter().chain(refusal).chain([TOO_MANY_FANS]).collect();
        let answer = self.ask(&intent, &may).await?;
        let held = held(&answer);
        if held.is_some() && refusal.is_some() {
            self.surprise(format!("{intent} is held"));
        }
        if let Some(held) = &held {
            self.shop.tally.held.add(held.places);
        }
        Ok(held)
    }

    /// Nobody gets without a code what is set aside for those who have one.
    fn check_open_to_all(&self, answer: &Answer) {
        let seats = answer.outcome("held").and_then(|held| held["seats"].as_array());
        let mut labels = seats.into_iter().flatten().filter_map(Value::as_str);
        if let Some(seat) = labels.find(|seat| Parties::is_set_aside(seat)) {
            self.surprise(format!("{seat} is held without its code"));
        }
    }

    /// Opens a payment at the provider, which will treat it in this way.
    pub(super) async fn open_payment(
        &self,
        order: &Ordered,
        behaviour: &Value,
    ) -> Result<String, GaveUp> {
        let client = &self.shop.client;
        let opening = client.open_payment(&order.provider_order_id, order.total_minor, behaviour);
        Box::pin(opening).await
    }

    /// Opens a payment and pays with it.
    pub(super) async fn pay(
        &mut self,
        order: &Ordered,
        behaviour: &Value,
        may: &[&str],
    ) -> Result<Answer, GaveUp> {
        let payment_key = self.open_payment(order, behaviour).await?;
        self.ask(&pay_intent(order, order.total_minor, &payment_key), may).await
    }

    /// Looks at an order until its payment is known, and returns its state.
    pub(super) async fn await_payment(&mut self, order: &Ordered) -> Result<String, GaveUp> {
        let path = format!("/v1/orders/{}", order.id);
        let mut pause = LOOK_MIN;
        for _ in 0..LOOKS_MAX {
            tokio::time::sleep(pause).await;
            let seen = self.look(&path).await?;
            let state = seen["state"].as_str().unwrap_or_default();
            if state != "paying" {
                if state == "confirmed" {
                    self.count_sold(order);
                }
                return Ok(state.to_owned());
            }
            pause = pause.mul_f64(1.5).min(LOOK_MAX);
        }
        self.shop.client.ledger.surprise(|| format!("order {} stays paying", order.id));
        Ok("paying".to_owned())
    }
}

impl Visit<'_> {
    /// Somebody has tickets.
    pub(super) fn count_sold(&mut self, order: &Ordered) {
        self.bought = true;
        self.owned = Some(order.clone());
        self.shop.tally.sold.add(order.places);
    }
}

impl Shop {
    /// The subject of the buyer with this number.
    pub(super) fn subject(&self, number: u32) -> String {
        format!("rehearsal-{}-{number}", self.run)
    }

    /// The subject of the promoter of every performance.
    pub(super) fn promoter(&self) -> String {
        format!("rehearsal-{}-promoter", self.run)
    }
}

/// The intent that pays an order.
pub(super) fn pay_intent(order: &Ordered, amount_minor: i64, payment_key: &str) -> Value {
    json!({
        "type": "pay_order", "order": order.id, "payment_key": payment_key,
        "amount": {"minor": amount_minor, "currency": CURRENCY},
    })
}

/// The hold in an answer.
pub(super) fn held(answer: &Answer) -> Option<Held> {
    let outcome = answer.outcome("held")?;
    let seats = outcome["seats"].as_array().map_or(0, Vec::len) as u64;
    let sections = outcome["sections"].as_array().map_or(&[][..], Vec::as_slice);
    let standing: u64 = sections.iter().filter_map(|section| section["quantity"].as_u64()).sum();
    Some(Held { id: outcome["hold"].as_str()?.to_owned(), places: seats + standing })
}

/// The order in an answer.
pub(super) fn ordered(answer: &Answer, places: u64) -> Option<Ordered> {
    let outcome = answer.outcome("order_placed")?;
    let is_confirmed = answer.outcome("order_confirmed").is_some();
    Ordered::read(outcome, &outcome["order"], places, is_confirmed)
}

impl Ordered {
    /// The order that somebody looks at.
    pub(super) fn seen(order: &Value, places: u64) -> Option<Self> {
        Self::read(order, &order["id"], places, order["state"] == "confirmed")
    }

    fn read(order: &Value, id: &Value, places: u64, is_confirmed: bool) -> Option<Self> {
        Some(Self {
            id: id.as_str()?.to_owned(),
            places,
            total_minor: order["total"]["minor"].as_i64()?,
            provider_order_id: order["provider_order_id"].as_str()?.to_owned(),
            is_confirmed,
        })
    }
}
