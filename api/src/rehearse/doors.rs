//! The evening: guests show their tickets at the doors, some of them twice, and some with codes of
//! before; and a performance that will not be shown after all.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::RehearseError;
use super::afterwards::Guest;
use super::client::GaveUp;
use super::sale::ask;
use super::shop::Shop;
use crate::http::auth::Role;

/// Gates of each house.
const GATES: u32 = 4;

/// One guest of so many shows a code a second time, and one of as many stays at home.
const GUESTS_PER_SCAMP: u32 = 10;

/// One gate's scanner.
struct Scanner<'s> {
    shop: &'s Shop,
    subject: String,
    token: String,
    /// Precedes the keys of this guest's scans.
    key: String,
    scans: u32,
}

/// Lets everybody in who has a ticket for one of the performances that are shown.
pub(super) async fn open_doors(shop: &Arc<Shop>, shown: usize) {
    let most = shop.doors.available_permits();
    let mut tasks = JoinSet::new();
    let guests = shop.guests.take();
    for guest in guests.into_iter().filter(|guest| guest.performance < shown) {
        if tasks.len() >= most {
            note(shop, tasks.join_next().await);
        }
        let shop = Arc::clone(shop);
        tasks.spawn(async move { arrive(&shop, &guest).await });
    }
    while !tasks.is_empty() {
        note(shop, tasks.join_next().await);
    }
}

type Arrived = Option<Result<Result<(), RehearseError>, tokio::task::JoinError>>;

fn note(shop: &Shop, arrived: Arrived) {
    let error = match arrived {
        Some(Ok(Err(error))) => error.to_string(),
        Some(Err(error)) => error.to_string(),
        Some(Ok(Ok(()))) | None => return,
    };
    shop.client.ledger.surprise(|| format!("a guest broke off: {error}"));
}

/// One guest, with every ticket of theirs.
async fn arrive(shop: &Shop, guest: &Guest) -> Result<(), RehearseError> {
    let mut scanner = Scanner::at(shop, guest)?;
    if let Some((code, refusal)) = &guest.old_code {
        scanner.refuse(guest, code, refusal).await?;
    }
    let lot = guest.number % GUESTS_PER_SCAMP;
    if lot == 1 {
        return Ok(());
    }
    let token = shop.client.token(Role::Buyer, &shop.subject(guest.number))?;
    let mine = shop.client.get(&token, "/v1/me/tickets").await?;
    let here = shop.performances[guest.performance].as_str();
    let tickets = mine["tickets"].as_array().into_iter().flatten();
    let mut codes: Vec<String> = tickets
        .filter(|ticket| ticket["performance"] == here)
        .filter_map(|ticket| ticket["code"].as_str().map(str::to_owned))
        .collect();
    if let Some((friend, ticket)) = &guest.gift {
        let token = shop.client.token(Role::Buyer, friend)?;
        let seen = shop.client.get(&token, &format!("/v1/tickets/{ticket}")).await?;
        codes.extend(seen["code"].as_str().map(str::to_owned));
    }
    for code in &codes {
        scanner.admit(guest, code).await?;
        if lot == 2 {
            scanner.refuse(guest, code, "ticket_already_used").await?;
        }
    }
    Ok(())
}

impl<'s> Scanner<'s> {
    fn at(shop: &'s Shop, guest: &Guest) -> Result<Self, RehearseError> {
        let subject = format!("rehearsal-{}-gate-{}", shop.run, guest.number % GATES);
        let token = shop.client.token(Role::Gate, &subject)?;
        let key = format!("{}-{}-scan", shop.run, guest.number);
        Ok(Self { shop, subject, token, key, scans: 0 })
    }

    async fn scan(&mut self, guest: &Guest, code: &str) -> Result<Option<String>, GaveUp> {
        let intent = self.intent(guest, code);
        self.scans += 1;
        let key = format!("{}-{}", self.key, self.scans);
        let who = (&*self.subject, &*self.token);
        let answer = self.shop.client.submit(who, &key, &intent).await?;
        self.shop.tally.intents.add(1);
        Ok(answer.refused().map(str::to_owned))
    }

    fn intent(&self, guest: &Guest, code: &str) -> Value {
        let performance = &self.shop.performances[guest.performance];
        let gate = format!("Gate {}", guest.number % GATES + 1);
        json!({"type": "check_in", "performance": performance, "code": code, "gate": gate})
    }

    async fn admit(&mut self, guest: &Guest, code: &str) -> Result<(), GaveUp> {
        if let Some(refusal) = self.scan(guest, code).await? {
            let number = guest.number;
            self.shop.client.ledger.surprise(|| format!("guest {number}: {refusal}"));
        }
        Ok(())
    }

    async fn refuse(&mut self, guest: &Guest, code: &str, refusal: &str) -> Result<(), GaveUp> {
        let answer = self.scan(guest, code).await?;
        if answer.as_deref() != Some(refusal) {
            let number = guest.number;
            let ledger = &self.shop.client.ledger;
            ledger.surprise(|| format!("guest {number}: {answer:?}, not {refusal}"));
        }
        Ok(())
    }
}

/// Says that a performance will not be shown. Nobody can hold anything of it from then on.
pub(super) async fn call_off(shop: &Shop, index: usize) -> Result<(), RehearseError> {
    let subject = shop.promoter();
    let token = shop.client.token(Role::Promoter, &subject)?;
    let performance = &shop.performances[index];
    let cancel = json!({"type": "cancel_performance", "performance": performance});
    ask(shop, (&subject, &token), &format!("{}-call-off", shop.run), &cancel).await?;
    let late = format!("rehearsal-{}-late", shop.run);
    let token = shop.client.token(Role::Buyer, &late)?;
    let wish = json!({"type": "hold_best_available", "performance": performance, "quantity": 1});
    let answer = shop.client.submit((&late, &token), &format!("{}-late", shop.run), &wish).await?;
    if answer.refused() != Some("performance_cancelled") {
        let reply = &answer.reply;
        shop.client.ledger.surprise(|| format!("after the performance was called off: {reply:?}"));
    }
    Ok(())
}
