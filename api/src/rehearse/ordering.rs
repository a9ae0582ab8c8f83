//! From a hold to an order, with a coupon and points: an order that asks other keys for something
//! is looked at until it is placed, or not.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::client::{Answer, GaveUp};
use super::habits::CouponHabit;
use super::visit::{Held, LOOKS_MAX, Ordered, Visit, ordered};

/// Pause between two looks at something that takes a few syncs.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Looks at a coupon until a performance elsewhere knows of it.
const COUPON_LOOKS_MAX: usize = 50;

impl Visit<'_> {
    /// Claims a coupon on arrival, or two.
    pub(super) async fn claim_coupons(&mut self) -> Result<(), GaveUp> {
        let (Some(campaign), Some(habit)) = (&self.shop.campaign, self.buyer.habits.coupon) else {
            return Ok(());
        };
        let claim = json!({"type": "claim_coupon", "campaign": campaign});
        let answer = self.ask(&claim, &["coupons_exhausted"]).await?;
        if habit == CouponHabit::ClaimsTwice {
            let refusals = ["coupons_exhausted", "coupon_limit_reached"];
            let again = self.ask(&claim, &refusals).await?;
            if again.refused().is_none() && answer.refused().is_none() {
                self.surprise("an account has two coupons".to_owned());
            }
        }
        if habit == CouponHabit::Names
            && let Some(issued) = answer.outcome("coupon_issued")
        {
            self.coupon = self.known_coupon(&issued["coupon"]).await?;
        }
        Ok(())
    }

    /// The coupon, once the performance knows of it.
    async fn known_coupon(&self, coupon: &Value) -> Result<Option<String>, GaveUp> {
        let performance = json!(self.performance());
        for _ in 0..COUPON_LOOKS_MAX {
            let mine = self.look("/v1/me/coupons").await?;
            let mut coupons = mine["coupons"].as_array().into_iter().flatten();
            let known = coupons.any(|it| {
                let known_in = it["performances"].as_array();
                it["id"] == *coupon && known_in.is_some_and(|known| known.contains(&performance))
            });
            if known {
                return Ok(coupon.as_str().map(str::to_owned));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(None)
    }

    /// Orders what is held; without coupon and points when they are not to be had.
    pub(super) async fn place_order(
        &mut self,
        held: &Held,
        may: &[&str],
    ) -> Result<Option<Ordered>, GaveUp> {
        let intent = self.order_intent(held);
        let answer = self.ask(&intent, may).await?;
        let order = self.await_order(&answer, held.places).await?;
        if order.is_some() || answer.outcome("order_reserving").is_none() {
            return Ok(order);
        }
        let plain = json!({"type": "place_order", "hold": held.id, "coupon": "none"});
        let answer = self.ask(&plain, may).await?;
        Ok(ordered(&answer, held.places))
    }

    fn order_intent(&self, held: &Held) -> Value {
        let mut intent = json!({"type": "place_order", "hold": held.id});
        if self.buyer.habits.coupon == Some(CouponHabit::Declines) {
            intent["coupon"] = json!("none");
        } else if let Some(coupon) = &self.coupon {
            intent["coupon"] = json!(coupon);
        }
        if let Some(points) = self.buyer.habits.points {
            intent["points"] = json!(points.spent_minor);
        }
        intent
    }

    /// The order in an answer, looked at until it is placed; none when it is not.
    pub(super) async fn await_order(
        &self,
        answer: &Answer,
        places: u64,
    ) -> Result<Option<Ordered>, GaveUp> {
        let Some(reserving) = answer.outcome("order_reserving") else {
            return Ok(ordered(answer, places));
        };
        let id = reserving["order"].as_str().unwrap_or_default();
        let path = format!("/v1/orders/{id}");
        for _ in 0..LOOKS_MAX {
            tokio::time::sleep(LOOK_EVERY).await;
            let seen = match self.look(&path).await {
                Err(GaveUp::Unexpected { status: StatusCode::NOT_FOUND, .. }) => return Ok(None),
                seen => seen?,
            };
            if seen["state"] != "reserving" {
                return Ok(Ordered::seen(&seen, places));
            }
        }
        self.surprise(format!("order {id} waits for ever"));
        Ok(None)
    }
}
