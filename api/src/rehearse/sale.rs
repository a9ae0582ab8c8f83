//! The sale itself: the promoter opens it, the buyers come, and it ends when the last has left.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::RehearseError;
use super::buyer::visit;
use super::client::{Answer, GaveUp};
use super::opening::{Promoter, ends, gather, refund_terms};
use super::population::Population;
use super::shop::Shop;
use super::venue::SaleTimes;
use crate::http::auth::Role;

/// The performances begin long after any rehearsal has ended.
const STARTS_IN: Duration = Duration::from_secs(30 * 24 * 3_600);

/// What the first terms keep of a ticket that goes back.
const REFUND_BASIS_POINTS: u16 = 1_000;

/// A sale that is planned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sale {
    pub(super) population: Population,
    pub(super) buyers: u32,
    pub(super) times: SaleTimes,
    /// How many coupons there are, when there is a campaign.
    pub(super) coupons: Option<NonZeroU32>,
}

/// A sale that is open.
#[derive(Debug)]
pub(super) struct OpenSale {
    shop: Arc<Shop>,
    begins: BTreeMap<u16, u64>,
}

impl Sale {
    /// Creates the performances and opens their sale. Before it opens, somebody tries.
    pub(super) async fn prepare(self, mut shop: Shop) -> Result<OpenSale, RehearseError> {
        let subject = shop.promoter();
        let token = shop.client.token(Role::Promoter, &subject)?;
        let who = (&*subject, &*token);
        // Campaigns and wallets live where they like, and slots go where they are wanted.
        let begins = ends(&shop, &token).await?;
        for index in 0..shop.performances.len() {
            self.create(&shop, who, index).await?;
        }
        if let Some(quantity) = self.coupons {
            let promoter = Promoter { shop: &shop, subject: &subject, token: &token };
            let campaign = promoter.campaign(quantity.get()).await?;
            shop.campaign = Some(campaign);
        }
        shop.gathered = Instant::now();
        let mut shop = Arc::new(shop);
        if shop.extras.points || shop.extras.waiting_room {
            gather(&shop, who, self.population, self.buyers).await;
        }
        for index in 0..shop.performances.len() {
            self.open(&shop, who, index).await?;
        }
        // Everybody who came early has gone back to the line by now.
        if let Some(shop) = Arc::get_mut(&mut shop) {
            shop.opened = Instant::now();
        }
        Ok(OpenSale { shop, begins })
    }

    async fn create(
        &self,
        shop: &Shop,
        who: (&str, &str),
        index: usize,
    ) -> Result<(), RehearseError> {
        let performance = &shop.performances[index];
        let key = |step: &str| format!("{}-{step}-{index}", shop.run);
        let mut create =
            shop.venue.create_performance(performance, &in_the_future(STARTS_IN), self.times);
        if shop.extras.refunds {
            create["refund_terms"] = refund_terms(REFUND_BASIS_POINTS);
        }
        ask(shop, who, &key("create"), &create).await?;
        let promoter = Promoter { shop, subject: who.0, token: who.1 };
        promoter.furnish(index, self.population.seed).await?;

        let early = format!("rehearsal-{}-early", shop.run);
        let early_token = shop.client.token(Role::Buyer, &early)?;
        let wish = json!({
            "type": "hold_best_available", "performance": performance, "quantity": 1,
        });
        let sent = shop.client.submit((&early, &early_token), &key("early"), &wish).await?;
        if sent.refused() != Some("sale_not_open") {
            let reply = &sent.reply;
            shop.client.ledger.surprise(|| format!("before the sale opened: {reply:?}"));
        }
        Ok(())
    }

    async fn open(
        &self,
        shop: &Shop,
        who: (&str, &str),
        index: usize,
    ) -> Result<(), RehearseError> {
        let open = json!({"type": "open_sale", "performance": shop.performances[index]});
        ask(shop, who, &format!("{}-open-{index}", shop.run), &open).await?;
        if shop.extras.waiting_room {
            let promoter = Promoter { shop, subject: who.0, token: who.1 };
            promoter.draw(index, self.population.seed).await?;
        }
        Ok(())
    }
}

impl OpenSale {
    pub(super) fn shop(&self) -> Arc<Shop> {
        Arc::clone(&self.shop)
    }

    /// The first offset that matters in each partition.
    pub(super) fn begins(&self) -> &BTreeMap<u16, u64> {
        &self.begins
    }

    /// Lets the buyers in, and returns how long it took until the last had left.
    pub(super) async fn hold(&self, population: Population, buyers: u32) -> Duration {
        let mut visits = JoinSet::new();
        for number in 0..buyers {
            visits.spawn(attend(self.shop(), population, number));
        }
        if self.shop.extras.refunds {
            visits.spawn(change_terms(self.shop(), population.surge / 2));
        }
        while let Some(ended) = visits.join_next().await {
            if let Err(error) = ended {
                self.shop.client.ledger.surprise(|| format!("a visit broke off: {error}"));
            }
        }
        self.shop.opened.elapsed()
    }
}

/// The whole visit of one buyer.
async fn attend(shop: Arc<Shop>, population: Population, number: u32) {
    let buyer = population.buyer(number, &shop.venue);
    if let Err(error) = visit(&shop, &buyer).await {
        let ending = buyer.ending;
        shop.client.ledger.surprise(|| format!("buyer {number} ({ending:?}): {error}"));
    }
    shop.tally.left.add(1);
}

/// In the middle of the sale other refund terms come, for some the kinder ones.
async fn change_terms(shop: Arc<Shop>, after: Duration) {
    tokio::time::sleep_until((shop.opened + after).into()).await;
    let subject = shop.promoter();
    let changed = async {
        let token = shop.client.token(Role::Promoter, &subject)?;
        let promoter = Promoter { shop: &shop, subject: &subject, token: &token };
        for index in 0..shop.performances.len() {
            promoter.change_terms(index).await?;
        }
        Ok::<(), RehearseError>(())
    };
    if let Err(error) = changed.await {
        shop.client.ledger.surprise(|| format!("other refund terms: {error}"));
    }
}

/// An intent that must succeed.
pub(super) async fn ask(
    shop: &Shop,
    who: (&str, &str),
    key: &str,
    intent: &Value,
) -> Result<Answer, GaveUp> {
    let answer = shop.client.submit(who, key, intent).await?;
    match answer.refused() {
        None => Ok(answer),
        Some(code) => Err(GaveUp::Unexpected {
            what: intent["type"].to_string(),
            status: reqwest::StatusCode::CONFLICT,
            body: code.to_owned(),
        }),
    }
}

fn in_the_future(time: Duration) -> String {
    let moment = jiff::Timestamp::now().saturating_add(time);
    moment.map_or_else(|_| "2100-01-01T00:00:00Z".to_owned(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two hundred thousand of them wait in half a gigabyte.
    const VISIT_BYTES_MAX: usize = 2_560;

    fn size_of_future<F: Future>(_: impl Fn(Arc<Shop>, Population, u32) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_visit_is_small() {
        let size = size_of_future(attend);
        assert!(size <= VISIT_BYTES_MAX, "{size}");
    }
}
