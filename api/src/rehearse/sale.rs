//! The sale itself: the promoter opens it, the buyers come, and it ends when the last has left.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::RehearseError;
use super::buyer::visit;
use super::client::{Answer, GaveUp};
use super::ledger::Place;
use super::population::Population;
use super::shop::Shop;
use super::venue::SaleTimes;
use crate::http::auth::Role;

/// The performances begin long after any rehearsal has ended.
const STARTS_IN: Duration = Duration::from_secs(30 * 24 * 3_600);

/// A sale that is open.
#[derive(Debug)]
pub(super) struct Sale {
    shop: Arc<Shop>,
    begins: BTreeMap<u16, u64>,
}

impl Sale {
    /// Creates the performances and opens their sale. Before it opens, somebody tries.
    pub(super) async fn prepare(mut shop: Shop, times: SaleTimes) -> Result<Self, RehearseError> {
        let mut begins = BTreeMap::new();
        let promoter = format!("rehearsal-{}-promoter", shop.run);
        let token = shop.client.token(Role::Promoter, &promoter)?;
        let early = format!("rehearsal-{}-early", shop.run);
        let early_token = shop.client.token(Role::Buyer, &early)?;
        let starts_at = in_the_future(STARTS_IN);
        for (index, performance) in shop.performances.iter().enumerate() {
            let key = |step: &str| format!("{}-{step}-{index}", shop.run);
            let create = shop.venue.create_performance(performance, &starts_at, times);
            let created = ask(&shop, (&promoter, &token), &key("create"), &create).await?;
            let place = created.place.unwrap_or(Place { partition: 0, offset: 1 });
            let begin = begins.entry(place.partition).or_insert(place.offset);
            *begin = place.offset.min(*begin);

            let wish = json!({
                "type": "hold_best_available", "performance": performance, "quantity": 1,
            });
            let sent = shop.client.submit((&early, &early_token), &key("early"), &wish).await?;
            if sent.refused() != Some("sale_not_open") {
                let reply = &sent.reply;
                shop.client.ledger.surprise(|| format!("before the sale opened: {reply:?}"));
            }
            let open = json!({"type": "open_sale", "performance": performance});
            ask(&shop, (&promoter, &token), &key("open"), &open).await?;
        }
        shop.opened = Instant::now();
        Ok(Self { shop: Arc::new(shop), begins })
    }

    pub(super) fn shop(&self) -> Arc<Shop> {
        Arc::clone(&self.shop)
    }

    /// The first offset that matters in each partition that has one of the performances.
    pub(super) fn begins(&self) -> &BTreeMap<u16, u64> {
        &self.begins
    }

    /// Lets the buyers in, and returns how long it took until the last had left.
    pub(super) async fn hold(&self, population: Population, buyers: u32) -> Duration {
        let mut visits = JoinSet::new();
        for number in 0..buyers {
            let shop = self.shop();
            visits.spawn(async move {
                let buyer = population.buyer(number, &shop.venue);
                if let Err(error) = visit(&shop, &buyer).await {
                    let ending = buyer.ending;
                    shop.client.ledger.surprise(|| format!("buyer {number} ({ending:?}): {error}"));
                }
                shop.tally.left.add(1);
            });
        }
        while let Some(ended) = visits.join_next().await {
            if let Err(error) = ended {
                self.shop.client.ledger.surprise(|| format!("a visit broke off: {error}"));
            }
        }
        self.shop.opened.elapsed()
    }
}

/// An intent of the promoter, which must succeed.
async fn ask(shop: &Shop, who: (&str, &str), key: &str, intent: &Value) -> Result<Answer, GaveUp> {
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
