//! The payment executor of a node, and the sandbox provider when the node runs it.

use std::sync::Arc;

use boxoffice_core::{Payment, PaymentState, PendingEffect, State};
use boxoffice_ingest::{Draft, Ingest};
use boxoffice_sinks::payments::sandbox::{self, SandboxConfig};
use boxoffice_sinks::payments::toss::{SecretKey, TossClient, TossConfig};
use boxoffice_sinks::payments::{
    Effect, Executor, ExecutorConfig, ExecutorError, ExecutorHandle, ExecutorParts, FollowFrom,
    ResultIntents, SubmitError,
};
use boxoffice_topics::{AccountId, Intent, IntentKey, OrderId, PaymentId};
use tokio::task::JoinHandle;

use super::sinks::Parts;
use super::{NodeError, SANDBOX_DIR};
use crate::config::Config;
use crate::http::server;
use crate::views::{Progress, Views, Waiter};

/// The sandbox moves no money: its secret is none.
const SANDBOX_SECRET: &str = "test_sk_boxoffice";

/// What is still waited for, and where the outcomes go on.
#[derive(Default)]
pub(super) struct Pending {
    effects: Vec<Effect>,
    follow_from: Vec<FollowFrom>,
}

/// Effects without a result, as the views are now.
pub(super) fn pending(views: &Views) -> Pending {
    let mut pending = Pending::default();
    for partition in views.partitions() {
        let look = views.look_at(partition);
        let state = look.state();
        pending.effects.extend(state.pending_effects().map(effect));
        // What waits in slots that are under way waits with their receiver soon, under the same names.
        let under_way = state.departing_state();
        pending.effects.extend(under_way.iter().flat_map(State::pending_effects).map(effect));
        pending.follow_from.push(FollowFrom { partition, offset: state.next_offset() });
    }
    pending
}

fn effect(pending: PendingEffect<'_>) -> Effect {
    match pending {
        PendingEffect::Capture { name, payment } => Effect::Capture {
            name,
            payment: payment.id,
            order: payment.order,
            amount: payment.amount,
            payment_key: payment.payment_key.clone(),
        },
        PendingEffect::Refund { refund, payment } => Effect::Refund {
            name: refund.name,
            payment: payment.id,
            order: payment.order,
            amount: refund.amount,
            payment_key: payment.payment_key.clone(),
            reason: refund.reason,
        },
    }
}

/// Hands results in as intents.
struct Results {
    ingest: Ingest<Arc<Waiter>>,
}

impl ResultIntents for Results {
    async fn submit(&self, intent: Intent<'_>, key: IntentKey) -> Result<(), SubmitError> {
        let waiter = Arc::new(Waiter::for_acceptance());
        let (_, partition) = self.ingest.route(&intent).ok_or(SubmitError::Stopped)?;
        let draft =
            Draft { account: AccountId::default(), key, traceparent: None, intent: &intent };
        let queued = self.ingest.submit(partition, draft, Arc::clone(&waiter));
        queued.map_err(|error| {
            if error.is_retriable() {
                return SubmitError::Busy;
            }
            tracing::error!(error = %error, "a payment's result was not taken");
            SubmitError::Stopped
        })?;
        match waiter.wait().await {
            Progress::Refused(error) if error.is_retriable() => Err(SubmitError::Busy),
            Progress::Refused(_) => Err(SubmitError::Stopped),
            _ => Ok(()),
        }
    }
}

/// The executor, while it works.
#[derive(Debug)]
pub(super) struct Payments {
    handle: ExecutorHandle,
    executor: JoinHandle<Result<(), ExecutorError>>,
}

impl Payments {
    /// Goes on with what is pending, and follows what comes after it.
    pub(super) fn start(parts: &Parts, pending: Pending) -> Result<Self, NodeError> {
        let failed = |error: &dyn std::fmt::Display| NodeError::Payments(error.to_string());
        let settings = &parts.config.payments;
        let mut toss = TossConfig::new(secret(&parts.config)?);
        if let Some(base_url) = parts.sandbox_url.as_ref().or(settings.base_url.as_ref()) {
            toss.base_url = base_url.as_str().into();
        }
        let parts = ExecutorParts {
            log: parts.log.clone(),
            provider: TossClient::new(&toss).map_err(|error| failed(&error))?,
            results: Results { ingest: parts.ingest.clone() },
            lookup: lookup(Arc::clone(&parts.views)),
        };
        let Pending { effects, follow_from } = pending;
        let (executor, handle) =
            Executor::new(parts, effects, follow_from, ExecutorConfig::default());
        Ok(Self { handle, executor: tokio::spawn(executor.run()) })
    }

    pub(super) const fn handle(&self) -> &ExecutorHandle {
        &self.handle
    }

    /// Returns when the executor has failed. Dropping the future loses nothing.
    pub(super) async fn failed(&mut self) -> NodeError {
        match (&mut self.executor).await {
            Ok(Err(error)) => NodeError::Payments(error.to_string()),
            Ok(Ok(())) | Err(_) => NodeError::Ended("the payment executor"),
        }
    }

    /// Effects that are under way are taken up again by the next start.
    pub(super) async fn stop(self) {
        self.handle.stop();
        if !self.executor.is_finished()
            && let Ok(Err(error)) = self.executor.await
        {
            tracing::warn!(error = %error, "the payment executor did not end well");
        }
    }
}

fn secret(config: &Config) -> Result<SecretKey, NodeError> {
    let Some(file) = &config.payments.secret_key_file else {
        return Ok(SecretKey::new(SANDBOX_SECRET));
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| NodeError::Payments(format!("{}: {error}", file.display())))?;
    Ok(SecretKey::new(text.trim()))
}

/// The sandbox provider of a node.
#[derive(Debug)]
pub(super) struct Sandbox {
    pub(super) url: String,
    task: JoinHandle<()>,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sandbox {
    /// Starts it, when the node has one. Its webhooks come to the node at `url`.
    pub(super) async fn start(config: &Config, url: &str) -> Result<Option<Self>, NodeError> {
        if !config.runs_sandbox() {
            return Ok(None);
        }
        let address = config.payments.sandbox_listen;
        let listen = |error| NodeError::Listen { address, error };
        let listener = server::bind(address).await.map_err(listen)?;
        let sandbox_url = format!("http://{}", listener.local_addr().map_err(listen)?);
        let mut sandbox = SandboxConfig::new(secret(config)?);
        sandbox.directory = Some(config.data_dir.join(SANDBOX_DIR));
        sandbox.webhook_url = Some(format!("{url}/v1/webhooks/toss"));
        let task = tokio::spawn(async move {
            if let Err(error) = sandbox::serve(listener, sandbox).await {
                tracing::error!(error = %error, "the sandbox provider stopped");
            }
        });
        Ok(Some(Self { url: sandbox_url, task }))
    }
}

/// Finds the attempt that a hint is about, among what the log knows. An order can have had
/// earlier attempts: money that comes late for one of them must be found too.
fn lookup(views: Arc<Views>) -> impl Fn(OrderId, &str) -> Option<PaymentId> + Send + Sync {
    move |order, payment_key| {
        let look = views.look(order.0.slot());
        let state = look.state();
        let order = state.order(order)?;
        let meant = |attempt: &&Payment| &*attempt.payment_key == payment_key;
        let attempt = state.attempts(order).find(meant)?;
        (attempt.state != PaymentState::Captured).then_some(attempt.id)
    }
}
