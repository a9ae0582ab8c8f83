//! What buyers do with tickets that they have: give some back, or give one to a friend.

use std::sync::{Mutex, PoisonError};

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::buyer::VisitError;
use super::client::GaveUp;
use super::habits::{GiftHabit, RefundHabit};
use super::shapes::PARTIES_STAY;
use super::shop::Shop;
use super::visit::{Ordered, Visit};
use crate::http::auth::Role;

/// Buyers who have the same friend: enough that some friends are given more than they may have.
const BUYERS_OF_A_FRIEND: u32 = 40;

/// Somebody who will come to the doors.
#[derive(Clone, Debug)]
pub(super) struct Guest {
    pub(super) number: u32,
    pub(super) performance: usize,
    /// A code that admits nobody any more, and the refusal that it gets.
    pub(super) old_code: Option<(String, &'static str)>,
    /// The friend who has one of the tickets, and which.
    pub(super) gift: Option<(String, String)>,
}

/// Everybody who will come to the doors.
#[derive(Debug, Default)]
pub(super) struct Guests(Mutex<Vec<Guest>>);

impl Guests {
    fn add(&self, guest: Guest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(guest);
    }

    /// Takes all of them out.
    pub(super) fn take(&self) -> Vec<Guest> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shop {
    /// The subject of the friend of some buyers.
    pub(super) fn friend_of(&self, number: u32) -> String {
        format!("rehearsal-{}-friend-{}", self.run, number / BUYERS_OF_A_FRIEND)
    }
}

impl Visit<'_> {
    /// What becomes of the tickets that somebody has bought, before the doors open.
    pub(super) async fn afterwards(&mut self) -> Result<(), VisitError> {
        let Some(order) = self.owned.take() else { return Ok(()) };
        let mut guest = Guest {
            number: self.buyer.number,
            performance: self.buyer.performance,
            old_code: None,
            gift: None,
        };
        if let Some(habit) = self.buyer.habits.refund {
            let number = if habit == RefundHabit::AsQuoted { order.places } else { 1 };
            let shows = self.shop.extras.tickets;
            let ticket = format!("{}.{number}", order.id);
            let code = if shows { self.code_of(&ticket).await? } else { None };
            let is_back = self.give_back(&order, habit).await?;
            guest.old_code = code.filter(|_| is_back).map(|code| (code, "ticket_void"));
        } else if let Some(habit) = self.buyer.habits.gift {
            self.give_away(&order, habit, &mut guest).await?;
        }
        if self.shop.extras.tickets {
            self.shop.guests.add(guest);
        }
        Ok(())
    }

    /// Whether a ticket went back: what stays of an order must be something that can be bought.
    async fn give_back(&mut self, order: &Ordered, habit: RefundHabit) -> Result<bool, GaveUp> {
        match habit {
            RefundHabit::OneTicket => {
                let is_back = self.refund(order, 1, &[]).await?;
                self.refund(order, 1, &["ticket_already_refunded", "order_already_refunded"])
                    .await?;
                Ok(is_back)
            }
            RefundHabit::AsQuoted => self.refund_as_quoted(order).await,
            RefundHabit::OneByOne => {
                let mut is_back = false;
                for number in 1..=order.places {
                    let went = self.refund(order, number, &[]).await?;
                    is_back |= went && number == 1;
                }
                let over = ["order_already_refunded", "ticket_already_refunded"];
                self.refund(order, 1, &over).await?;
                Ok(is_back)
            }
            RefundHabit::WholeOrder => {
                self.cancel(order, &[]).await?;
                self.cancel(order, &["order_already_refunded"]).await?;
                Ok(true)
            }
        }
    }

    async fn refund(&mut self, order: &Ordered, number: u64, may: &[&str]) -> Result<bool, GaveUp> {
        // An order that has no ticket left is cancelled until its money is back.
        let may = [may, &["order_already_cancelled"], &PARTIES_STAY].concat();
        let intent = json!({"type": "refund_tickets", "order": order.id, "tickets": [number]});
        Ok(self.ask(&intent, &may).await?.refused().is_none())
    }

    /// What was quoted comes back, or nothing.
    async fn refund_as_quoted(&mut self, order: &Ordered) -> Result<bool, GaveUp> {
        let path = format!("/v1/orders/{}/refund-quote?tickets={}", order.id, order.places);
        let quoted = match self.look(&path).await {
            Err(GaveUp::Unexpected { status: StatusCode::CONFLICT, .. })
                if self.shop.extras.shapes =>
            {
                return self.refund(order, order.places, &[]).await;
            }
            quoted => quoted?,
        };
        let amount = &quoted["amount"];
        let refund = |amount: &Value| {
            json!({"type": "refund_tickets", "order": order.id, "tickets": [order.places],
                "amount": amount})
        };
        let mut more = amount.clone();
        more["minor"] = json!(amount["minor"].as_i64().unwrap_or(0) + 1);
        let answer = self.ask(&refund(&more), &["refund_amount_changed"]).await?;
        if answer.refused().is_none() {
            self.surprise(format!("order {} gives back more than was quoted", order.id));
        }
        // Midnight may have come between the quote and the request.
        let answer = self.ask(&refund(amount), &["refund_amount_changed"]).await?;
        let told = answer.outcome("refund_requested").map(|requested| &requested["amount"]);
        if let Some(told) = told.filter(|told| *told != amount) {
            self.surprise(format!("{amount} was quoted for {}, {told} comes back", order.id));
        }
        Ok(answer.refused().is_none())
    }

    async fn give_away(
        &mut self,
        order: &Ordered,
        habit: GiftHabit,
        guest: &mut Guest,
    ) -> Result<(), VisitError> {
        let ticket = format!("{}.1", order.id);
        let friend = self.shop.friend_of(self.buyer.number);
        let old_code = self.code_of(&ticket).await?;
        let offer = json!({"type": "offer_ticket", "ticket": ticket, "subject": friend});
        self.ask(&offer, &[]).await?;
        let about = |kind: &str| json!({"type": kind, "ticket": ticket});
        match habit {
            GiftHabit::IsDeclined => {
                self.friend_asks(&friend, &about("end_ticket_offer"), &[]).await?;
                return Ok(());
            }
            GiftHabit::Withdraws => {
                self.ask(&about("end_ticket_offer"), &[]).await?;
                let late = ["transfer_not_offered"];
                self.friend_asks(&friend, &about("accept_ticket"), &late).await?;
                return Ok(());
            }
            GiftHabit::Gives | GiftHabit::IsPassedOn | GiftHabit::IsRegretted => (),
        }
        let full = ["account_limit_exceeded"];
        if !self.friend_asks(&friend, &about("accept_ticket"), &full).await? {
            return Ok(());
        }
        guest.old_code = old_code.map(|code| (code, "ticket_replaced"));
        guest.gift = Some((friend.clone(), ticket.clone()));
        if habit == GiftHabit::IsPassedOn {
            let on = json!({"type": "offer_ticket", "ticket": ticket, "subject": "somebody else"});
            if self.friend_asks(&friend, &on, &["transfer_limit_reached"]).await? {
                self.surprise(format!("{ticket} changes hands too often"));
            }
        }
        if habit == GiftHabit::IsRegretted {
            self.cancel(order, &["ticket_given_away"]).await?;
        }
        Ok(())
    }

    /// The friend asks for something; whether it was granted.
    async fn friend_asks(
        &mut self,
        friend: &str,
        intent: &Value,
        may: &[&str],
    ) -> Result<bool, VisitError> {
        let token = self.shop.client.token(Role::Buyer, friend)?;
        let key = self.new_key();
        let answer = self.shop.client.submit((friend, &token), &key, intent).await?;
        self.expect(intent, &answer, may);
        Ok(answer.refused().is_none())
    }

    async fn code_of(&self, ticket: &str) -> Result<Option<String>, GaveUp> {
        let seen = self.look(&format!("/v1/tickets/{ticket}")).await?;
        Ok(seen["code"].as_str().map(str::to_owned))
    }
}
