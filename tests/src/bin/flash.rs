//! A flash issue of coupons: far more requests than coupons, over real HTTP, while the server is
//! killed and started again. Ends with 1 unless exactly the coupons there were are issued, to as
//! many accounts, and every coupon that somebody was told of is in the log.
//!
//! `flash [requests] [coupons] [kills]`, in release. One account in four asks twice at once. Whoever
//! gets no answer asks again under the same key.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use boxoffice_tests::client::{Client, performance};
use boxoffice_tests::server::{Options, Server};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const CONNECTIONS: usize = 128;
const PARTITIONS: u16 = 4;
/// The campaign spans so many performances, so it lives under a key of its own.
const PERFORMANCES: usize = 3;
/// Of so many requests in a row, the last two are of one account.
const REQUESTS_PER_TWICE: u64 = 5;
/// While the server is away.
const PAUSE: Duration = Duration::from_millis(50);
const PAGE_RECORDS: u64 = 1_000;
const SECRET: &str = "a flash issue has its own secret: nobody else is asked";
/// The year 2100.
const EXPIRES_AT: u64 = 4_102_444_800;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |otherwise| arguments.next().map_or(Ok(otherwise), |text| text.parse());
    let (requests, coupons, kills) = (number(1_000_000)?, number(100_000)?, number(5)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(issue(requests, coupons, kills))
}

async fn issue(requests: u64, coupons: u64, kills: u64) -> Outcome<ExitCode> {
    let secret = tempfile::NamedTempFile::new()?;
    std::fs::write(secret.path(), SECRET)?;
    let mut server = start(secret.path()).await;
    let rush = Arc::new(Rush::new(&server, requests, coupons).await?);
    let started = Instant::now();
    let mut visitors = JoinSet::new();
    for _ in 0..CONNECTIONS {
        visitors.spawn(Arc::clone(&rush).visit());
    }
    for kill in 1..=kills {
        while rush.answered() < requests * kill / (kills + 1) {
            tokio::time::sleep(PAUSE).await;
        }
        server.kill();
        writeln!(std::io::stderr(), "killed after {} answers", rush.answered())?;
        server.start_again().await;
    }
    while let Some(visitor) = visitors.join_next().await {
        visitor?;
    }
    let elapsed = started.elapsed();
    let issued = issued(&server.anonymous().with_token(token("operator", "auditor")?)).await?;
    let told = rush.told.lock().unwrap_or_else(PoisonError::into_inner);
    let coupons_issued: BTreeSet<&str> = issued.iter().map(|(_, coupon)| &**coupon).collect();
    let accounts: BTreeSet<&str> = issued.iter().map(|(account, _)| &**account).collect();
    let lost = told.coupons.iter().filter(|it| !coupons_issued.contains(&***it)).count();
    let is_exact = [issued.len(), coupons_issued.len(), accounts.len(), told.coupons.len()]
        == [usize::try_from(coupons.min(rush.accounts()))?; 4];
    let report = json!({
        "requests": requests, "answers": rush.answered(), "kills": kills,
        "issued": issued.len(), "accounts": accounts.len(), "told": told.coupons.len(),
        "lost": lost, "refused": told.refused, "retries": rush.retries.load(Ordering::Relaxed),
        "seconds": elapsed.as_secs_f64(),
        "requests_per_second": requests as f64 / elapsed.as_secs_f64(),
    });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(if is_exact && lost == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A server that believes tokens signed here: a process for each of a million would take hours.
async fn start(secret: &Path) -> Server {
    let busy = Options::default().extra_config;
    let extra_config = format!("{busy}\n[auth]\nsecret_file = {secret:?}");
    Server::start(Options { partitions: PARTITIONS, extra_config, ..Options::default() }).await
}

fn token(role: &str, subject: &str) -> Outcome<String> {
    let claims = json!({"sub": subject, "role": role, "exp": EXPIRES_AT});
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    Ok(jsonwebtoken::encode(&Header::default(), &claims, &key)?)
}

/// What everybody was told.
#[derive(Debug, Default)]
struct Told {
    coupons: BTreeSet<String>,
    refused: BTreeMap<String, u64>,
}

/// Everybody who wants a coupon.
#[derive(Debug)]
struct Rush {
    client: Client,
    claim: Value,
    requests: u64,
    next: AtomicU64,
    answered: AtomicU64,
    retries: AtomicU64,
    told: Mutex<Told>,
}

impl Rush {
    async fn new(server: &Server, requests: u64, coupons: u64) -> Outcome<Self> {
        let client = server.anonymous();
        let promoter = client.with_token(token("promoter", "house")?);
        let mut performances = Vec::new();
        for _ in 0..PERFORMANCES {
            performances.push(promoter.intent(performance(1, 1, 4)).await.text("performance"));
        }
        let definition = json!({
            "name": "Flash", "performances": performances, "code": null,
            "opens_at": "2020-01-01T00:00:00Z", "closes_at": "2099-01-01T00:00:00Z",
            "quantity": coupons, "account_limit": 1,
            "terms": {
                "reduction": {"type": "fixed", "amount_minor": 10_000}, "currency": "KRW",
                "issuer": "promoter", "uses": 1, "expires_at": "2099-01-01T00:00:00Z",
                "returned_on_refund": true,
            },
        });
        let create = json!({"type": "create_campaign", "definition": definition});
        let campaign = promoter.intent(create).await.text("campaign");
        Ok(Self {
            client,
            claim: json!({"type": "claim_coupon", "campaign": campaign}),
            requests,
            next: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            told: Mutex::default(),
        })
    }

    fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// The account of a request.
    const fn account(request: u64) -> u64 {
        let (block, place) = (request / REQUESTS_PER_TWICE, request % REQUESTS_PER_TWICE);
        let last = REQUESTS_PER_TWICE - 2;
        block * (last + 1) + if place < last { place } else { last }
    }

    const fn accounts(&self) -> u64 {
        if self.requests == 0 { 0 } else { Self::account(self.requests - 1) + 1 }
    }

    /// Asks for one after another until everybody has asked.
    async fn visit(self: Arc<Self>) {
        loop {
            let request = self.next.fetch_add(1, Ordering::Relaxed);
            if request >= self.requests {
                return;
            }
            let subject = format!("buyer-{}", Self::account(request));
            let token = token("buyer", &subject).expect("a token of a known secret");
            self.ask(&self.client.with_token(token), &format!("flash-{request}")).await;
        }
    }

    /// Asks until there is an answer.
    async fn ask(&self, client: &Client, key: &str) {
        let answer = loop {
            match client.try_intent(&self.claim, Some(key)).await {
                Ok(answer) if matches!(answer.status, 200 | 409) => break answer,
                Ok(answer) if answer.status < 500 => panic!("{answer:?}"),
                Ok(_) | Err(_) => {
                    self.retries.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if answer.status == 200 {
            told.coupons.insert(answer.text("coupon"));
        } else {
            *told.refused.entry(answer.code().to_owned()).or_default() += 1;
        }
        self.answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// Account and name of every coupon that the log has issued, as any consumer reads it.
async fn issued(consumer: &Client) -> Outcome<Vec<(String, String)>> {
    let mut issued = Vec::new();
    for partition in 0..PARTITIONS {
        let mut next = 1;
        loop {
            let path = format!(
                "/v1/topics/outcomes/partitions/{partition}/records?from={next}&limit={PAGE_RECORDS}"
            );
            let page = consumer.get(&path).await;
            let records = page.body["records"].as_array().ok_or(format!("{path}: {page:?}"))?;
            let Some(last) = records.last() else { break };
            next = last["offset"].as_u64().ok_or("a record without an offset")? + 1;
            for record in records {
                let account = record["account"].as_str().unwrap_or_default();
                let outcomes = record["outcomes"].as_array().into_iter().flatten();
                for outcome in outcomes.filter(|outcome| outcome["type"] == "coupon_issued") {
                    let coupon = outcome["coupon"].as_str().ok_or("a coupon without a name")?;
                    issued.push((account.to_owned(), coupon.to_owned()));
                }
            }
        }
    }
    Ok(issued)
}
