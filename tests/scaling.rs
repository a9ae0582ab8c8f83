//! The real binary killed in the middle of a scaling, again and again, under load: what it
//! acknowledged is still so, slots are in one partition each, and in the end everything adds up.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use boxoffice_tests::client::{Answer, Client, performance};
use boxoffice_tests::house::{Order, wait_for_count};
use boxoffice_tests::server::{Options, Server};
use boxoffice_tests::services::Database;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

const SHOWS: usize = 24;
const BUYERS: usize = 8;
const ROW_SEATS: usize = 50;
/// Partitions that the log is made with, and those that it is scaled to, one kill in each.
const PARTITIONS: u16 = 4;
const SCALED_TO: [u16; 6] = [8, 3, 7, 1, 8, 4];
/// How long a buyer waits before asking again a server that is away.
const PAUSE: Duration = Duration::from_millis(20);

/// What the server answered: from then on it may not change.
struct Acknowledged {
    buyer: usize,
    id: String,
    said: Value,
}

struct Buyer {
    number: usize,
    client: Client,
    provider: Client,
    shows: Arc<[String]>,
    is_over: Arc<AtomicBool>,
    /// Whoever checks what was acknowledged lets nobody buy meanwhile.
    checking: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<Vec<Acknowledged>>>,
}

impl Buyer {
    /// Buys seats of its own, in one show after another. Returns the orders.
    async fn run(self) -> Vec<String> {
        let mut orders = Vec::new();
        for round in 0..SHOWS * ROW_SEATS {
            while self.checking.load(Ordering::Relaxed) {
                tokio::time::sleep(PAUSE).await;
            }
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            let (show, seat) = (round % SHOWS, round / SHOWS + 1);
            let label = format!("A-{}-{seat}", self.number + 1);
            let hold = json!({
                "type": "hold_seats", "performance": self.shows[show], "seats": [label],
            });
            let held = self.ask(&hold, &format!("hold-{round}")).await;
            let place = json!({ "type": "place_order", "hold": held.text("hold") });
            let placed = self.ask(&place, &format!("place-{round}")).await;
            let order = Order::from_placed(&placed);
            let key = self.open_payment(&order).await;
            self.ask(&order.payment(&key), &format!("pay-{round}")).await;
            orders.push(order.id);
        }
        orders
    }

    /// Asks until there is an answer, with the same key each time. Nothing of this is refused.
    async fn ask(&self, intent: &Value, key: &str) -> Answer {
        loop {
            match self.client.try_intent(intent, Some(key)).await {
                Ok(answer) if answer.status == 200 => {
                    self.note(&answer).await;
                    return answer;
                }
                Ok(answer) => assert!([202, 503].contains(&answer.status), "{answer:?}"),
                Err(_) => (),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn note(&self, answer: &Answer) {
        let id = answer.body["id"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned();
        let (buyer, said) = (self.number, answer.body["outcomes"].clone());
        self.acknowledged.lock().await.push(Acknowledged { buyer, id, said });
    }

    async fn open_payment(&self, order: &Order) -> String {
        let body = json!({ "orderId": order.provider_order_id, "amount": order.total });
        loop {
            let request = self.provider.request(Method::POST, "/sandbox/payments");
            match Client::send(request.json(&body)).await {
                Ok(answer) => return answer.body["paymentKey"].as_str().unwrap().to_owned(),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

async fn put_on_sale(server: &Server) -> Arc<[String]> {
    let promoter = server.client("promoter", "promoter");
    let mut shows = Vec::new();
    for _ in 0..SHOWS {
        let created = promoter.intent(performance(BUYERS as u32, ROW_SEATS as u32, 60_000)).await;
        let show = created.text("performance");
        promoter.intent(json!({ "type": "open_sale", "performance": show })).await;
        shows.push(show);
    }
    shows.into()
}

/// Asks for a scaling that is cut short.
async fn begin_to_scale(operator: &Client, to: u16) {
    let request = operator.request(Method::POST, "/v1/partitions/scale");
    let begun = Client::send(request.json(&json!({ "to": to }))).await.unwrap();
    assert_eq!(begun.status, 202, "{begun:?}");
}

async fn check_acknowledged(clients: &[Client], acknowledged: &[Acknowledged]) {
    for Acknowledged { buyer, id, said } in acknowledged {
        let now = clients[*buyer].get(&format!("/v1/intents/{id}")).await;
        assert_eq!(now.status, 200, "{id} was acknowledged: {now:?}");
        assert_eq!(&now.body["outcomes"], said, "{id} had another answer");
    }
}

/// A command of the binary that must find nothing.
fn check_command(server: &Server, arguments: &[&str]) -> String {
    let output = server.run(arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {text} {errors}");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_server_is_killed_while_it_scales() {
    let database = Database::fresh().await;
    let options = Options {
        database: database.url().to_owned(),
        partitions: PARTITIONS,
        ..Options::default()
    };
    let mut server = Server::start(options).await;
    let shows = put_on_sale(&server).await;
    let (is_over, checking) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let acknowledged = Arc::<Mutex<_>>::default();
    let clients: Vec<Client> =
        (0..BUYERS).map(|number| server.client("buyer", &format!("buyer-{number}"))).collect();
    let mut buyers = JoinSet::new();
    for (number, client) in clients.iter().enumerate() {
        let buyer = Buyer {
            number,
            client: client.clone(),
            provider: server.sandbox(),
            shows: Arc::clone(&shows),
            is_over: Arc::clone(&is_over),
            checking: Arc::clone(&checking),
            acknowledged: Arc::clone(&acknowledged),
        };
        buyers.spawn(buyer.run());
    }
    let operator = server.client("operator", "operator");
    for (number, to) in (0..).zip(SCALED_TO) {
        begin_to_scale(&operator, to).await;
        tokio::time::sleep(Duration::from_millis(100 + 100 * number)).await;
        server.kill();
        checking.store(true, Ordering::Relaxed);
        server.start_again().await;
        let known = std::mem::take(&mut *acknowledged.lock().await);
        check_acknowledged(&clients, &known).await;
        checking.store(false, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    // Whoever asks again gets the rest.
    let url = format!("http://127.0.0.1:{}", server.port());
    let scaled = check_command(&server, &["partitions", "scale", "--to", "8", "--url", &url]);
    assert!(scaled.contains("8 partitions"), "{scaled}");
    is_over.store(true, Ordering::Relaxed);
    let mut orders = BTreeSet::new();
    while let Some(ended) = buyers.join_next().await {
        for order in ended.unwrap() {
            assert!(orders.insert(order), "one order was given to two");
        }
    }
    check_acknowledged(&clients, &acknowledged.lock().await).await;
    let seen = operator.get("/v1/partitions").await.body;
    let slots = seen["partitions"].as_array().unwrap().iter().map(|it| it["slots"].as_u64());
    let slots: Vec<u64> = slots.map(Option::unwrap).collect();
    assert_eq!(slots.iter().sum::<u64>(), 4_096, "{seen}");
    assert!(slots.iter().all(|slots| (510..=514).contains(slots)), "{seen}");
    let sold = i64::try_from(orders.len()).unwrap();
    wait_for_count(database.url(), "SELECT count(*) FROM tickets", sold).await;
    let places = "SELECT count(DISTINCT (performance_id, place)) FROM tickets";
    wait_for_count(database.url(), places, sold).await;
    let listed = check_command(&server, &["partitions", "list", "--url", &url]);
    assert_eq!(listed.lines().count(), 9, "{listed}");

    assert!(server.stop().success(), "the server ends badly");
    check_command(&server, &["log", "verify"]);
    check_command(&server, &["replay", "--verify", "--database", database.url()]);
}
