//! A server with one performance on sale, and the steps of a buyer.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Answer, Client, performance};
use crate::server::{Options, Server};

/// Payments travel over two hops of HTTP, on machines that may be busy.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A server with one performance on sale.
#[derive(Debug)]
pub struct House {
    /// The server.
    pub server: Server,
    /// Speaks for the promoter of the performance.
    pub promoter: Client,
    /// Id of the performance.
    pub performance: String,
}

/// An order as its buyer knows it.
#[derive(Clone, Debug)]
pub struct Order {
    /// Its id.
    pub id: String,
    /// What it costs, in won.
    pub total: i64,
    /// What the payment provider calls it.
    pub provider_order_id: String,
}

impl House {
    /// Starts a server and puts [`performance`] on sale.
    ///
    /// # Panics
    /// When any step is refused.
    pub async fn open(options: Options, rows: u32, seats: u32, account_seats_max: u32) -> Self {
        let server = Server::start(options).await;
        let promoter = server.client("promoter", "promoter");
        let created = promoter.intent(performance(rows, seats, account_seats_max)).await;
        assert_eq!(created.status, 200, "{created:?}");
        let performance = created.text("performance");
        let opened =
            promoter.intent(json!({ "type": "open_sale", "performance": performance })).await;
        assert_eq!(opened.status, 200, "{opened:?}");
        Self { server, promoter, performance }
    }

    /// A client of a buyer.
    #[must_use]
    pub fn buyer(&self, subject: &str) -> Client {
        self.server.client("buyer", subject)
    }

    /// Asks for seats by name.
    pub async fn hold(&self, buyer: &Client, seats: &[&str]) -> Answer {
        buyer.intent(self.hold_seats(seats)).await
    }

    /// The intent that asks for seats by name.
    #[must_use]
    pub fn hold_seats(&self, seats: &[&str]) -> Value {
        json!({ "type": "hold_seats", "performance": self.performance, "seats": seats })
    }

    /// Holds seats and places the order.
    ///
    /// # Panics
    /// When either is refused.
    pub async fn place(&self, buyer: &Client, seats: &[&str]) -> Order {
        let held = self.hold(buyer, seats).await;
        let placed =
            buyer.intent(json!({ "type": "place_order", "hold": held.text("hold") })).await;
        Order::from_placed(&placed)
    }

    /// Opens a payment at the server's sandbox provider and asks the server to take it.
    pub async fn pay(&self, buyer: &Client, order: &Order, behaviour: Value) -> Answer {
        self.pay_at(&self.server.sandbox(), buyer, order, behaviour).await
    }

    /// Opens a payment at a provider and asks the server to take it.
    pub async fn pay_at(
        &self,
        provider: &Client,
        buyer: &Client,
        order: &Order,
        behaviour: Value,
    ) -> Answer {
        let key = provider.open_payment(&order.provider_order_id, order.total, behaviour).await;
        buyer.intent(order.payment(&key)).await
    }

    /// Buys seats, from the hold to the tickets, and returns the order with its tickets.
    ///
    /// # Panics
    /// When any step is refused.
    pub async fn buy(&self, buyer: &Client, seats: &[&str]) -> Value {
        let order = self.place(buyer, seats).await;
        let paying = self.pay(buyer, &order, json!({ "kind": "approve" })).await;
        assert_eq!(paying.status, 200, "{paying:?}");
        order.wait_for(buyer, "confirmed").await
    }
}

impl Order {
    /// From the answer to `place_order`.
    ///
    /// # Panics
    /// When the answer is another.
    #[must_use]
    pub fn from_placed(placed: &Answer) -> Self {
        let total = placed.outcome()["total"]["minor"].as_i64();
        Self {
            id: placed.text("order"),
            total: total.unwrap_or_else(|| panic!("no total in {placed:?}")),
            provider_order_id: placed.text("provider_order_id"),
        }
    }

    /// The intent that pays it.
    #[must_use]
    pub fn payment(&self, payment_key: &str) -> Value {
        let amount = json!({ "minor": self.total, "currency": "KRW" });
        json!({
            "type": "pay_order",
            "order": self.id,
            "amount": amount,
            "payment_key": payment_key,
        })
    }

    /// Waits until the buyer sees the order in this state, and returns it.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn wait_for(&self, buyer: &Client, state: &str) -> Value {
        let deadline = Instant::now() + SETTLE_TIMEOUT;
        loop {
            let answer = buyer.get(&format!("/v1/orders/{}", self.id)).await;
            if answer.body["state"] == state {
                return answer.body;
            }
            assert!(Instant::now() < deadline, "the order is never {state}: {answer:?}");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

/// What the tickets of an order are for, in their order.
#[must_use]
pub fn places(order: &Value) -> Vec<String> {
    let tickets = order["tickets"].as_array().into_iter().flatten();
    let place =
        |ticket: &Value| ticket["seat"].as_str().or(ticket["section"].as_str()).map(str::to_owned);
    tickets.filter_map(place).collect()
}

/// Waits until a query returns this number.
///
/// # Panics
/// When the database cannot be asked, or never says so.
pub async fn wait_for_count(url: &str, query: &'static str, expected: i64) {
    use sqlx::{Connection, Executor, PgConnection, Row};

    let mut connection = PgConnection::connect(url).await.expect("the database");
    let deadline = Instant::now() + SETTLE_TIMEOUT;
    loop {
        let count = match connection.fetch_one(query).await {
            Ok(row) => Some(row.get::<i64, _>(0)),
            // The sink has not made its tables yet.
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => None,
            Err(error) => panic!("{query}: {error}"),
        };
        if count == Some(expected) {
            return;
        }
        assert!(Instant::now() < deadline, "{query}: {count:?}, never {expected}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
