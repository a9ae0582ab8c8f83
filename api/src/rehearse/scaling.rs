//! The operator of a rehearsal: spreads the slots over other numbers of partitions while they sell.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::RehearseError;
use super::client::{Client, GaveUp};
use super::shop::Shop;
use crate::http::auth::Role;

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long one step may take: many times what the moves of a large house take.
const STEP_MAX: Duration = Duration::from_secs(300);

/// One step that is done, as the server says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scaled {
    /// Over how many partitions the slots are spread.
    pub(super) to: u16,
    pub(super) moves: u64,
    pub(super) slots: u64,
    /// Moves of slots with performances.
    pub(super) with_performances: u64,
    /// The median of how long the intents of those waited.
    pub(super) pause_median: Duration,
    /// The longest of them.
    pub(super) pause_max: Duration,
}

impl Scaled {
    /// `None` while the server is not done with it.
    fn seen(to: u16, partitions: &Value) -> Option<Self> {
        let scaling = &partitions["scaling"];
        if scaling["to"] != to || scaling["state"] != "done" {
            return None;
        }
        let number = |field: &str| scaling["moves"][field].as_u64().unwrap_or(0);
        Some(Self {
            to,
            moves: number("count"),
            slots: number("slots"),
            with_performances: number("with_performances"),
            pause_median: Duration::from_micros(number("pause_median_us")),
            pause_max: Duration::from_micros(number("pause_max_us")),
        })
    }
}

/// Who asks for the steps, beside the line of the buyers.
#[derive(Debug)]
pub(super) struct Operator {
    pub(super) client: Client,
    pub(super) shop: Arc<Shop>,
}

/// Steps that are taken by themselves, whoever reads the log meanwhile.
#[derive(Debug)]
pub(super) struct Steps(JoinHandle<Vec<Scaled>>);

impl Steps {
    /// What was done, when all of it is.
    pub(super) async fn done(self, shop: &Shop) -> Vec<Scaled> {
        self.0.await.unwrap_or_else(|error| {
            shop.client.ledger.surprise(|| format!("a scaling broke off: {error}"));
            Vec::new()
        })
    }
}

impl Operator {
    /// Begins so long after the opening.
    pub(super) fn start(self, steps: Vec<u16>, after: Duration) -> Steps {
        Steps(tokio::spawn(self.scale(steps, after)))
    }

    /// Whatever could not be done is a surprise, and the sale goes on.
    async fn scale(self, steps: Vec<u16>, after: Duration) -> Vec<Scaled> {
        let mut done = Vec::new();
        tokio::time::sleep_until((self.shop.opened + after).into()).await;
        for to in steps {
            match self.step(to).await {
                Ok(scaled) => done.push(scaled),
                Err(error) => {
                    self.shop.client.ledger.surprise(|| format!("scale to {to}: {error}"));
                    break;
                }
            }
        }
        done
    }

    async fn step(&self, to: u16) -> Result<Scaled, RehearseError> {
        let Self { client, shop } = self;
        let token = client.token(Role::Operator, &format!("rehearsal-{}-operator", shop.run))?;
        let asked = Instant::now();
        let mut seen = client.post(&token, "/v1/partitions/scale", &json!({ "to": to })).await?;
        loop {
            if let Some(scaled) = Scaled::seen(to, &seen) {
                return Ok(scaled);
            }
            let scaling = &seen["scaling"];
            let has_failed = scaling["to"] == to && scaling["state"] == "failed";
            if has_failed || asked.elapsed() > STEP_MAX {
                let (what, patience) = (format!("scale to {to}"), asked.elapsed());
                return Err(GaveUp::Silence { what, patience, last: scaling.to_string() }.into());
            }
            tokio::time::sleep(LOOK_EVERY).await;
            seen = client.get(&token, "/v1/partitions").await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_done_when_the_server_says_so_of_this_one() {
        let seen = |state: &str| {
            let moves = json!({"count": 3, "slots": 9, "with_performances": 2,
                "pause_median_us": 4_000, "pause_max_us": 5_000, "bytes_max": 7});
            json!({"scaling": {"to": 8, "state": state, "slots_left": 0, "moves": moves}})
        };
        assert_eq!(Scaled::seen(8, &seen("moving")), None);
        assert_eq!(Scaled::seen(4, &seen("done")), None);
        let done = Scaled {
            to: 8,
            moves: 3,
            slots: 9,
            with_performances: 2,
            pause_median: Duration::from_millis(4),
            pause_max: Duration::from_millis(5),
        };
        assert_eq!(Scaled::seen(8, &seen("done")), Some(done));
    }
}
