//! The payment executor of a node, and the sandbox provider when the node runs it.

use std::sync::Arc;

use boxoffice_core::{Payment, PaymentState, PendingEffect, State};
use boxoffice_ingest::{Draft, Ingest};
use boxoffice_log::AnyLog;
use boxoffice_sinks::payments::sandbox::{self, SandboxConfig};
use boxoffice_sinks::payments::toss::{SecretKey, TossClient, TossConfig};
use boxoffice_sinks::payments::{
    Effect, Executor, ExecutorConfig, ExecutorError, ExecutorHandle, ExecutorParts, FollowFrom,
    ResultIntents, SubmitError,
};
use boxoffice_topics::{AccountId, Intent, IntentKey, OrderId, PaymentId};
use tokio::task::JoinHandle;

use super::{NodeError, SANDBOX_DIR};
use crate::config::{Config, Provider};
use crate::http::server;
use crate::views::{Progress, Views, Waiter};

/// The sandbox moves no money: its secret is none.
const SANDBOX_SECRET: &str = "test_sk_boxoffice";

/// What the recovered states still wait for, and where the outcomes go on.
pub(super) struct Pending {
    effects: Vec<Effect>,
    follow_from: Vec<FollowFrom>,
}

/// Effects without a result in recovered states.
pub(super) fn pending(states: &[State]) -> Pending {
    // What waits in slots that are under way waits with their receiver soon, under the same names.
    let under_way: Vec<State> = states.iter().filter_map(State::departing_state).collect();
    let all = states.iter().chain(&under_way);
    let effects = all.flat_map(State::pending_effects).map(effect).collect();
    let follow_from = states
        .iter()
        .map(|state| FollowFrom { partition: state.partition(), offset: state.next_offset() });
    Pending { effects, follow_from: follow_from.collect() }
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

/// The payment side of a running node.
#[derive(Debug)]
pub(super) struct Payments {
    handle: ExecutorHandle,
    executor: JoinHandle<Result<(), ExecutorError>>,
    sandbox: Option<(String, JoinHandle<()>)>,
}

impl Payments {
    pub(super) async fn start(
        config: &Config,
        url: &str,
        log: &AnyLog,
        views: &Arc<Views>,
        ingest: &Ingest<Arc<Waiter>>,
        pending: Pending,
    ) -> Result<Self, NodeError> {
        let settings = &config.payments;
        let failed = |error: &dyn std::fmt::Display| NodeError::Payments(error.to_string());
        let secret = match &settings.secret_key_file {
            Some(file) => std::fs::read_to_string(file)
                .map(|text| text.trim().to_owned())
                .map_err(|error| failed(&format!("{}: {error}", file.display())))?,
            None => SANDBOX_SECRET.to_owned(),
        };
        let secret = SecretKey::new(secret);
        let runs_sandbox = settings.provider == Provider::Sandbox && settings.base_url.is_none();
        let sandbox = match runs_sandbox {
            true => Some(run_sandbox(config, url, secret.clone()).await?),
            false => None,
        };
        let mut toss = TossConfig::new(secret);
        let base_url = sandbox.as_ref().map(|(url, _)| url).or(settings.base_url.as_ref());
        if let Some(base_url) = base_url {
            toss.base_url = base_url.as_str().into();
        }
        let parts = ExecutorParts {
            log: log.clone(),
            provider: TossClient::new(&toss).map_err(|error| failed(&error))?,
            results: Results { ingest: ingest.clone() },
            lookup: lookup(Arc::clone(views)),
        };
        let Pending { effects, follow_from } = pending;
        let (executor, handle) =
            Executor::new(parts, effects, follow_from, ExecutorConfig::default());
        Ok(Self { handle, executor: tokio::spawn(executor.run()), sandbox })
    }

    pub(super) const fn handle(&self) -> &ExecutorHandle {
        &self.handle
    }

    pub(super) fn sandbox_url(&self) -> Option<&str> {
        self.sandbox.as_ref().map(|(url, _)| url.as_str())
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
        if let Some((_, sandbox)) = self.sandbox {
            sandbox.abort();
        }
    }
}

async fn run_sandbox(
    config: &Config,
    url: &str,
    secret_key: SecretKey,
) -> Result<(String, JoinHandle<()>), NodeError> {
    let address = config.payments.sandbox_listen;
    let listen = |error| NodeError::Listen { address, error };
    let listener = server::bind(address).await.map_err(listen)?;
    let sandbox_url = format!("http://{}", listener.local_addr().map_err(listen)?);
    let mut sandbox = SandboxConfig::new(secret_key);
    sandbox.directory = Some(config.data_dir.join(SANDBOX_DIR));
    sandbox.webhook_url = Some(format!("{url}/v1/webhooks/toss"));
    let task = tokio::spawn(async move {
        if let Err(error) = sandbox::serve(listener, sandbox).await {
            tracing::error!(error = %error, "the sandbox provider stopped");
        }
    });
    Ok((sandbox_url, task))
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
