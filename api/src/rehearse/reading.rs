//! Reads the log while the sale goes on, so that nothing is kept that was judged already.

use std::time::Duration;

use super::claims::Claims;
use super::client::GaveUp;
use super::model::Model;
use super::shop::Shop;
use super::trace::Trace;
use crate::http::auth::Names;

/// Pause after the end of the log was reached.
const READ_EVERY: Duration = Duration::from_secs(1);

/// Everything that was read, and what follows from it.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) trace: Trace,
    pub(super) model: Model,
    pub(super) claims: Claims,
}

impl Reading {
    pub(super) fn new(trace: Trace, model: Model) -> Self {
        Self { trace, model, claims: Claims::default() }
    }

    /// Reads up to the present end. What was told before that is in the log by then.
    pub(super) async fn catch_up(
        &mut self,
        shop: &Shop,
        names: Option<&Names>,
    ) -> Result<(), GaveUp> {
        let sent = shop.client.ledger.take_sent();
        self.trace.advance(&shop.client, &mut self.model).await?;
        self.claims.take(sent, &mut self.trace, names);
        Ok(())
    }

    /// Reads on until something has ended that goes on by itself.
    pub(super) async fn follow<T>(
        &mut self,
        shop: &Shop,
        names: Option<&Names>,
        until: impl Future<Output = T>,
    ) -> Result<T, GaveUp> {
        let mut until = std::pin::pin!(until);
        loop {
            if let Ok(ended) = tokio::time::timeout(READ_EVERY, &mut until).await {
                return Ok(ended);
            }
            self.catch_up(shop, names).await?;
        }
    }
}
