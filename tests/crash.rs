//! The real binary killed in the middle of load, again and again: whatever it acknowledged is
//! still so, whatever it did not can be asked again, and in the end everything adds up.
//!
//! `BOXOFFICE_CRASH_CYCLES` says how often (default 5).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use boxoffice_tests::client::{Answer, Client};
use boxoffice_tests::house::{House, Order, places, wait_for_count};
use boxoffice_tests::server::Options;
use boxoffice_tests::services::Database;
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

const BUYERS: usize = 16;
const ROWS: u32 = 40;
const ROW_SEATS: u32 = 50;
/// Answers between two kills; odd, so that the kills wander through the steps of a purchase.
const ANSWERS_PER_CYCLE: usize = 97;
/// How long a buyer waits before asking again a server that is away, or said that it cannot.
const PAUSE: Duration = Duration::from_millis(20);

/// An intent that the server answered: from then on the answer may not change.
struct Acknowledged {
    buyer: usize,
    id: String,
    status: u16,
    said: Value,
}

/// What the buyers know.
struct Ledger {
    acknowledged: Mutex<Vec<Acknowledged>>,
    answers: watch::Sender<usize>,
    orders: Mutex<BTreeMap<String, usize>>,
    phase: watch::Sender<Phase>,
}

/// What the buyers do after the purchase that they are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Buy,
    Wait,
    Leave,
}

struct Buyer {
    number: usize,
    client: Client,
    provider: Client,
    performance: String,
    ledger: Arc<Ledger>,
}

impl Buyer {
    /// Buys seat after seat, two buyers after the same ones.
    async fn run(self) {
        let mut phase = self.ledger.phase.subscribe();
        for round in 0.. {
            let phase = *phase.wait_for(|phase| *phase != Phase::Wait).await.unwrap();
            if phase == Phase::Leave {
                return;
            }
            self.buy(round).await;
        }
    }

    async fn buy(&self, round: usize) {
        let seat = (round * BUYERS / 2 + self.number / 2) % (ROWS * ROW_SEATS) as usize;
        let (row, number) = (seat / ROW_SEATS as usize + 1, seat % ROW_SEATS as usize + 1);
        let label = format!("A-{row}-{number}");
        let hold = json!({
            "type": "hold_seats",
            "performance": self.performance,
            "seats": [label],
        });
        let held = self.ask(&hold, &format!("hold-{round}")).await;
        if held.status != 200 {
            assert!(held.code().starts_with("seat_already_"), "{held:?}");
            return;
        }
        let place = json!({ "type": "place_order", "hold": held.text("hold") });
        let placed = self.ask(&place, &format!("place-{round}")).await;
        let order = Order::from_placed(&placed);
        self.ledger.orders.lock().await.insert(order.id.clone(), self.number);
        let key = self.open_payment(&order).await;
        let paying = self.ask(&order.payment(&key), &format!("pay-{round}")).await;
        assert_eq!(paying.status, 200, "{paying:?}");
    }

    /// Asks until there is an answer, with the same key each time.
    async fn ask(&self, intent: &Value, key: &str) -> Answer {
        loop {
            match self.client.try_intent(intent, Some(key)).await {
                Ok(answer) if answer.status != 503 => {
                    self.note(&answer).await;
                    return answer;
                }
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    async fn note(&self, answer: &Answer) {
        assert!(answer.status < 500, "{answer:?}");
        self.ledger.acknowledged.lock().await.push(Acknowledged {
            buyer: self.number,
            id: answer.body["id"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned(),
            status: answer.status,
            said: said(answer),
        });
        self.ledger.answers.send_modify(|answers| *answers += 1);
    }

    async fn open_payment(&self, order: &Order) -> String {
        let body = json!({ "orderId": order.provider_order_id, "amount": order.total });
        loop {
            let request = self.provider.request(reqwest::Method::POST, "/sandbox/payments");
            match Client::send(request.json(&body)).await {
                Ok(answer) => return answer.body["paymentKey"].as_str().unwrap().to_owned(),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

/// The part of an answer that stands for ever.
fn said(answer: &Answer) -> Value {
    if answer.status == 200 { answer.body["outcomes"].clone() } else { json!(answer.code()) }
}

async fn check_acknowledged(clients: &[Client], acknowledged: &[Acknowledged]) {
    for intent in acknowledged {
        let now = clients[intent.buyer].get(&format!("/v1/intents/{}", intent.id)).await;
        assert_eq!(now.status, intent.status, "{} was acknowledged: {now:?}", intent.id);
        assert_eq!(said(&now), intent.said, "{} had another answer", intent.id);
    }
}

fn cycles() -> usize {
    let text = std::env::var("BOXOFFICE_CRASH_CYCLES").unwrap_or_else(|_| "5".to_owned());
    text.parse().expect("BOXOFFICE_CRASH_CYCLES is a number")
}

/// Every seat has one owner, and every paid won has a ticket. Returns the seats that were sold.
async fn check_books(house: &House, clients: &[Client], orders: &BTreeMap<String, usize>) -> usize {
    let mut sold = BTreeSet::new();
    for (order, buyer) in orders {
        let order = Order { id: order.clone(), total: 0, provider_order_id: String::new() };
        let confirmed = order.wait_for(&clients[*buyer], "confirmed").await;
        for place in places(&confirmed) {
            assert!(sold.insert(place.clone()), "{place} was sold twice");
        }
    }
    let books = house.server.sandbox().get("/sandbox/books").await;
    assert_eq!(books.body["captured"], 50_000 * sold.len(), "{books:?}");
    assert_eq!(books.body["refunded"], 0, "{books:?}");
    sold.len()
}

/// A command of the binary that must find nothing.
fn check_command(house: &House, arguments: &[&str]) {
    let output = house.server.run(arguments);
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {text} {errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed_under_load() {
    let database = Database::fresh().await;
    let options = Options { database: database.url().to_owned(), ..Options::default() };
    let mut house = House::open(options, ROWS, ROW_SEATS, 60_000).await;
    let ledger = Arc::new(Ledger {
        acknowledged: Mutex::default(),
        answers: watch::Sender::new(0),
        orders: Mutex::default(),
        phase: watch::Sender::new(Phase::Buy),
    });
    let clients: Vec<Client> =
        (0..BUYERS).map(|number| house.buyer(&format!("buyer-{number}"))).collect();
    let mut buyers = JoinSet::new();
    for (number, client) in clients.iter().enumerate() {
        let buyer = Buyer {
            number,
            client: client.clone(),
            provider: house.server.sandbox(),
            performance: house.performance.clone(),
            ledger: ledger.clone(),
        };
        buyers.spawn(buyer.run());
    }

    let mut answers = ledger.answers.subscribe();
    for _ in 0..cycles() {
        let target = *answers.borrow() + ANSWERS_PER_CYCLE;
        tokio::select! {
            answered = answers.wait_for(|answers| *answers >= target) => drop(answered.unwrap()),
            failed = buyers.join_next() => panic!("a buyer gave up: {failed:?}"),
        }
        house.server.kill();
        // The purchases that the kill has torn go on while the answers before it are checked.
        ledger.phase.send_replace(Phase::Wait);
        let acknowledged = std::mem::take(&mut *ledger.acknowledged.lock().await);
        house.server.start_again().await;
        check_acknowledged(&clients, &acknowledged).await;
        ledger.phase.send_replace(Phase::Buy);
    }

    ledger.phase.send_replace(Phase::Leave);
    while let Some(ended) = buyers.join_next().await {
        ended.unwrap();
    }
    check_acknowledged(&clients, &ledger.acknowledged.lock().await).await;
    let sold = check_books(&house, &clients, &*ledger.orders.lock().await).await;
    let sold = i64::try_from(sold).unwrap();
    wait_for_count(database.url(), "SELECT count(*) FROM tickets", sold).await;
    wait_for_count(database.url(), "SELECT count(DISTINCT place) FROM tickets", sold).await;

    assert!(house.server.stop().success(), "the server ends badly");
    check_command(&house, &["log", "verify"]);
    check_command(&house, &["replay", "--verify", "--database", database.url()]);
}
