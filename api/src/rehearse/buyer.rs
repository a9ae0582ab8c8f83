//! The script of one buyer: what each ending does, step by step.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::GaveUp;
use super::population::{Buyer, Ending, Wish};
use super::shop::Shop;
use super::venue::ACCOUNT_SEATS_MAX;
use super::visit::{Held, Ordered, Visit, held, pay_intent};
use crate::http::auth::AuthError;

/// How much longer than the deadline somebody waits who means to be late.
const LATENESS: Duration = Duration::from_millis(1_500);

/// A provider that takes this long is slow; the executor waits longer.
const SLOW_MILLIS: u64 = 2_000;

/// The provider takes money this long after it declined: while the buyer waits.
const LATE_MILLIS: u64 = 1_200;

/// The same, when the buyer has long gone: a declined order lives on for half a minute.
const VERY_LATE_MILLIS: u64 = 33_000;

/// Why a visit broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum VisitError {
    /// No answer.
    #[error(transparent)]
    GaveUp(#[from] GaveUp),
    /// No token.
    #[error(transparent)]
    Token(#[from] AuthError),
}

/// One visit from arrival to the end.
pub(super) async fn visit(shop: &Shop, buyer: &Buyer) -> Result<(), VisitError> {
    // Who came early is there when the doors open, and has better things to do than coupons.
    let is_there = buyer.habits.line.is_some_and(|line| line.comes_early);
    let arrives_after = if is_there { Duration::ZERO } else { buyer.arrives_after };
    tokio::time::sleep_until((shop.opened + arrives_after).into()).await;
    let mut visit = Visit::begin(shop, buyer).await?;
    if !is_there {
        visit.claim_coupons().await?;
    }
    if visit.get_in().await? {
        // Boxed, because most of a crowd is not inside.
        Box::pin(look_around(&mut visit, is_there)).await?;
        visit.get_out().await?;
    }
    Ok(())
}

/// What somebody does who is inside.
async fn look_around(visit: &mut Visit<'_>, claims: bool) -> Result<(), VisitError> {
    if claims {
        visit.claim_coupons().await?;
    }
    buy(visit).await?;
    visit.afterwards().await
}

async fn buy(visit: &mut Visit<'_>) -> Result<(), GaveUp> {
    if visit.buyer.ending == Ending::RepeatsEverything {
        return visit.repeat_everything().await;
    }
    let Some(held) = visit.hold().await? else { return Ok(()) };
    if let Some(order) = visit.order(&held).await? {
        visit.end(&order).await?;
    }
    Ok(())
}

fn approve() -> Value {
    json!({"kind": "approve"})
}

fn decline() -> Value {
    json!({"kind": "decline", "code": "REJECT_CARD_PAYMENT"})
}

impl Visit<'_> {
    /// From the hold to an order, for those who get that far.
    async fn order(&mut self, held: &Held) -> Result<Option<Ordered>, GaveUp> {
        let id = &held.id;
        match self.buyer.ending {
            Ending::AbandonsHold => return Ok(None),
            Ending::ReleasesHold => {
                self.ask(&json!({"type": "release_hold", "hold": id}), &[]).await?;
                let again = ["hold_already_released"];
                self.place_order(held, &again).await?;
                return Ok(None);
            }
            Ending::OrdersLate => {
                self.go_away(self.shop.hold_ttl + LATENESS).await;
                if self.place_order(held, &["hold_expired"]).await?.is_some() {
                    self.surprise(format!("hold {id} was ordered after its time"));
                }
                return Ok(None);
            }
            Ending::RenewsAndPays => {
                self.ask(&json!({"type": "renew_hold", "hold": id}), &[]).await?;
                let exhausted = ["hold_renewals_exhausted"];
                self.ask(&json!({"type": "renew_hold", "hold": id}), &exhausted).await?;
            }
            Ending::WantsTooMany => {
                let wish = Wish::Standing { quantity: ACCOUNT_SEATS_MAX };
                let intent = self.intent_for(&wish);
                self.ask(&intent, &["account_limit_exceeded", "capacity_exhausted"]).await?;
            }
            _ => (),
        }
        self.place_order(held, &[]).await
    }

    /// From the order to the end of the visit.
    async fn end(&mut self, order: &Ordered) -> Result<(), GaveUp> {
        if order.is_confirmed {
            return self.end_for_nothing(order).await;
        }
        match self.buyer.ending {
            Ending::AbandonsOrder => Ok(()),
            Ending::PaysLate => self.pay_late(order).await,
            Ending::CancelsOrder => self.cancel(order, &[]).await,
            Ending::PaysTwice => self.pay_twice(order).await,
            Ending::ReusesKey => self.reuse_key(order).await,
            Ending::PaysWrongAmount => {
                let payment_key = self.open_payment(order, &approve()).await?;
                let intent = pay_intent(order, order.total_minor - 1, &payment_key);
                let answer = self.ask(&intent, &["amount_mismatch"]).await?;
                if answer.refused().is_none() {
                    self.surprise(format!("order {} was paid with a wrong amount", order.id));
                }
                self.pay_and_wait(order, &approve()).await.map(drop)
            }
            Ending::DeclinedAndPaysAgain => {
                self.pay_and_wait(order, &decline()).await?;
                self.pay_and_wait(order, &approve()).await.map(drop)
            }
            Ending::DeclinedAndLeaves => self.pay_and_wait(order, &decline()).await.map(drop),
            Ending::ProviderIsSlow => {
                let slow = json!({"kind": "slow", "millis": SLOW_MILLIS});
                self.pay_and_wait(order, &slow).await.map(drop)
            }
            Ending::ProviderFailsAfterBooking => {
                let fails = json!({"kind": "fail_after_booking"});
                self.pay_and_wait(order, &fails).await.map(drop)
            }
            Ending::ProviderAnswersTwice => {
                let twice = json!({"kind": "answer_twice"});
                self.pay_and_wait(order, &twice).await.map(drop)
            }
            Ending::LateMoneyIsAwaited => {
                self.pay_with_late_money(order, LATE_MILLIS).await?;
                self.go_away(Duration::from_millis(LATE_MILLIS) + LATENESS).await;
                self.await_payment(order).await.map(drop)
            }
            Ending::LateMoneyAfterCancel => {
                self.pay_with_late_money(order, LATE_MILLIS).await?;
                self.cancel(order, &["payment_in_progress"]).await
            }
            Ending::LateMoneyAfterSecondPayment => {
                self.pay_with_late_money(order, LATE_MILLIS).await?;
                self.pay_and_wait(order, &approve()).await.map(drop)
            }
            Ending::LateMoneyAfterExpiry => self.pay_with_late_money(order, VERY_LATE_MILLIS).await,
            Ending::CancelsAfterConfirmation => {
                self.pay_and_wait(order, &approve()).await?;
                self.cancel(order, &[]).await?;
                self.cancel(order, &["order_already_refunded"]).await
            }
            _ => self.pay_and_wait(order, &approve()).await.map(drop),
        }
    }

    /// The same for an order that costs nothing: nobody can pay it, but it can be given back.
    async fn end_for_nothing(&mut self, order: &Ordered) -> Result<(), GaveUp> {
        self.count_sold(order);
        match self.buyer.ending {
            Ending::CancelsOrder | Ending::CancelsAfterConfirmation => {
                self.cancel(order, &[]).await?;
                self.cancel(order, &["order_already_refunded"]).await
            }
            _ => Ok(()),
        }
    }

    async fn pay_and_wait(&mut self, order: &Ordered, behaviour: &Value) -> Result<String, GaveUp> {
        // Late money of an earlier attempt may have paid the order already.
        let may = ["order_already_confirmed"];
        if self.pay(order, behaviour, &may).await?.refused().is_some() {
            return Ok("refused".to_owned());
        }
        self.await_payment(order).await
    }

    /// The provider declines now and takes the money by itself after a while.
    async fn pay_with_late_money(&mut self, order: &Ordered, millis: u64) -> Result<(), GaveUp> {
        let behaviour = json!({"kind": "decline_then_capture", "millis": millis});
        let state = self.pay_and_wait(order, &behaviour).await;
        self.shop.late_money.expect_in(Duration::from_millis(millis) + LATENESS);
        state.map(drop)
    }

    async fn pay_late(&mut self, order: &Ordered) -> Result<(), GaveUp> {
        let payment_key = self.open_payment(order, &approve()).await?;
        self.go_away(self.shop.payment_window + LATENESS).await;
        let intent = pay_intent(order, order.total_minor, &payment_key);
        let answer = self.ask(&intent, &["order_expired"]).await?;
        if answer.refused().is_none() {
            self.surprise(format!("order {} was paid after its time", order.id));
        }
        Ok(())
    }

    /// Whoever is slow finds that the time of an unpaid order has run out already.
    pub(super) async fn cancel(&mut self, order: &Ordered, may: &[&str]) -> Result<(), GaveUp> {
        self.owned = None;
        let may = [may, &["order_already_cancelled"]].concat();
        self.ask(&json!({"type": "cancel_order", "order": order.id}), &may).await.map(drop)
    }

    /// Two payments for one order at once: at most one is asked of the provider.
    async fn pay_twice(&mut self, order: &Ordered) -> Result<(), GaveUp> {
        let approve = approve();
        let first_key = self.open_payment(order, &approve).await?;
        let second_key = self.open_payment(order, &approve).await?;
        let first = pay_intent(order, order.total_minor, &first_key);
        let second = pay_intent(order, order.total_minor, &second_key);
        let keys = (self.new_key(), self.new_key());
        let (one, other) =
            tokio::join!(self.ask_under(&keys.0, &first), self.ask_under(&keys.1, &second));
        let (one, other) = (one?, other?);
        let may = ["payment_in_progress", "order_already_confirmed"];
        self.expect(&first, &one, &may);
        self.expect(&second, &other, &may);
        if one.refused().is_none() && other.refused().is_none() {
            self.surprise(format!("order {} is paid twice at once", order.id));
        }
        self.await_payment(order).await.map(drop)
    }

    /// One key for two different intents: the second is refused, the first stands.
    async fn reuse_key(&mut self, order: &Ordered) -> Result<(), GaveUp> {
        let payment_key = self.open_payment(order, &approve()).await?;
        let pay = pay_intent(order, order.total_minor, &payment_key);
        let key = self.new_key();
        let answer = self.ask_under(&key, &pay).await?;
        self.expect(&pay, &answer, &[]);
        let cancel = json!({"type": "cancel_order", "order": order.id});
        let other = self.ask_under(&key, &cancel).await?;
        if other.refused() != Some("idempotency_key_reused") {
            self.surprise(format!("a reused key got {:?}", other.reply));
        }
        self.await_payment(order).await.map(drop)
    }

    /// Everything twice under one key, at once or one after the other.
    async fn repeat_everything(&mut self) -> Result<(), GaveUp> {
        let wish = self.buyer.wishes.last().cloned().unwrap_or(Wish::Standing { quantity: 1 });
        let intent = self.intent_for(&wish);
        let key = self.new_key();
        let (one, other) =
            tokio::join!(self.ask_under(&key, &intent), self.ask_under(&key, &intent));
        let (one, other) = (one?, other?);
        self.expect_same(&intent, &one, &other);
        let Some(held) = held(&one) else { return Ok(()) };
        self.shop.tally.held.add(held.places);

        let intent = json!({"type": "place_order", "hold": held.id});
        let key = self.new_key();
        let answer = self.ask_under(&key, &intent).await?;
        self.expect(&intent, &answer, &[]);
        let again = self.ask_under(&key, &intent).await?;
        self.expect_same(&intent, &answer, &again);
        let Some(order) = self.await_order(&answer, held.places).await? else { return Ok(()) };
        if order.is_confirmed {
            self.count_sold(&order);
            return Ok(());
        }

        let payment_key = self.open_payment(&order, &approve()).await?;
        let intent = pay_intent(&order, order.total_minor, &payment_key);
        let key = self.new_key();
        let (one, other) =
            tokio::join!(self.ask_under(&key, &intent), self.ask_under(&key, &intent));
        let (one, other) = (one?, other?);
        self.expect_same(&intent, &one, &other);
        if one.refused().is_some() {
            return Ok(());
        }
        self.await_payment(&order).await?;
        let late = self.ask_under(&key, &intent).await?;
        self.expect_same(&intent, &one, &late);
        Ok(())
    }
}
