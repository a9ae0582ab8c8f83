//! The audit: what the buyers were told, what the log says, what the provider booked and what
//! the views show must be one story.

use std::collections::BTreeMap;

use boxoffice_sinks::postgres::Totals;
use serde_json::Value;

use super::books::{Books, Money};
use super::client::{Client, GaveUp};
use super::coupons::CouponCount;
use super::findings::{Findings, Invariant};
use super::house::{Accounted, House, Owner};
use super::model::Model;
use super::reading::Reading;
use super::shapes::Parties;
use super::shop::Shop;
use super::wallets::PointsCount;
use crate::http::auth::{Names, Role};

/// Buyers whose tickets are looked at through their own eyes.
const BUYERS_ASKED_MAX: u32 = 200;

/// What an audit found out.
#[derive(Debug, Default)]
pub(super) struct Audit {
    /// Intents in the log, without ticks and what keys tell each other.
    pub(super) accepted: u64,
    /// Intents that were acknowledged to a buyer or promoter, by their keys.
    pub(super) acknowledged: u64,
    /// Intents that have a reply.
    pub(super) replies: u64,
    /// Refusals by code.
    pub(super) refused: BTreeMap<String, u64>,
    pub(super) sold_seats: u64,
    pub(super) double_sold: u64,
    /// Acknowledged intents that are not in the log.
    pub(super) lost: u64,
    pub(super) places: Accounted,
    pub(super) money: Money,
    pub(super) coupons: CouponCount,
    pub(super) points: PointsCount,
    pub(super) tickets: TicketCount,
    pub(super) findings: Findings,
}

/// What a report says of tickets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TicketCount {
    /// How many went back by themselves or with their orders.
    pub(super) returned: u64,
    /// How often one changed hands.
    pub(super) transferred: u64,
    /// How many admitted somebody.
    pub(super) admitted: u64,
}

/// Compares everything with everything. Everything must have been read.
pub(super) async fn audit(
    shop: &Shop,
    names: Option<&Names>,
    reading: Reading,
    books: &Books,
    buyers: u32,
) -> Result<Audit, GaveUp> {
    let Reading { mut trace, mut model, mut claims } = reading;
    claims.settle(&mut trace, names);
    trace.settle();
    model.settle(trace.begins());
    let mut audit = Audit {
        accepted: trace.accepted,
        acknowledged: claims.acknowledged,
        replies: trace.replies,
        lost: claims.lost,
        findings: std::mem::take(&mut model.findings),
        refused: std::mem::take(&mut model.refused),
        double_sold: model.double_sold,
        places: model.accounted(),
        coupons: model.coupons.count(),
        points: model.wallets.count(&model.orders),
        tickets: TicketCount {
            returned: model.orders.values().map(|order| order.returned.len() as u64).sum(),
            transferred: model.tickets.transferred,
            admitted: model.tickets.admitted_in_all(),
        },
        ..Audit::default()
    };
    audit.findings.absorb(trace.findings);
    audit.findings.absorb(claims.findings);
    audit.sold_seats = audit.places.sold;
    audit.check_ends(&model);
    audit.money = books.check(&model, &mut audit.findings);
    audit.check_availability(shop, &model).await?;
    audit.check_doors(shop, &model).await?;
    audit.check_tickets(shop, names, &model, buyers).await?;
    audit.check_settlements(shop, &model).await?;
    Ok(audit)
}

impl Audit {
    /// Nothing is open when the house is quiet.
    fn check_ends(&mut self, model: &Model) {
        for payment in model.unknown_payments() {
            self.findings.note(Invariant::PaymentsKnown, || payment);
        }
        for open in model.open_ends() {
            self.findings.note(Invariant::HoldsEnd, || open);
        }
    }

    async fn check_availability(&mut self, shop: &Shop, model: &Model) -> Result<(), GaveUp> {
        let subject = format!("rehearsal-{}-auditor", shop.run);
        let Ok(token) = shop.client.token(Role::Buyer, &subject) else { return Ok(()) };
        for (performance, house) in model.houses() {
            let path = format!("/v1/performances/{performance}/availability");
            let seen = shop.client.get(&token, &path).await?;
            self.check_house(shop, house, &seen);
        }
        Ok(())
    }

    /// What the gates count is what the log says.
    async fn check_doors(&mut self, shop: &Shop, model: &Model) -> Result<(), GaveUp> {
        let Ok(token) = shop.client.token(Role::Promoter, &shop.promoter()) else { return Ok(()) };
        if !shop.extras.tickets {
            return Ok(());
        }
        for (performance, _) in model.houses() {
            let path = format!("/v1/performances/{performance}/check-ins");
            let seen = shop.client.get(&token, &path).await?;
            self.check_gates(performance, model.tickets.admitted(performance), &seen);
        }
        Ok(())
    }

    fn check_gates(&mut self, performance: &str, expected: u64, seen: &Value) {
        self.findings.check(seen["admitted"] == expected, Invariant::DoorsAgree, || {
            format!("{performance}: the log has {expected} entries, the gates have {seen}")
        });
    }

    /// What Postgres adds up to is what was counted here.
    pub(super) fn check_rows(&mut self, rows: Totals) {
        let Money { captured, refunded, .. } = self.money;
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let counted = Totals {
            tickets: number(self.places.sold),
            captured_minor: captured,
            refunded_minor: refunded,
            entries: number(self.tickets.admitted),
        };
        let pairs = [
            ("tickets", rows.tickets, counted.tickets),
            ("captured", rows.captured_minor, counted.captured_minor),
            ("refunded", rows.refunded_minor, counted.refunded_minor),
            ("entries", rows.entries, counted.entries),
        ];
        for (what, rows, counted) in pairs {
            self.findings.check(rows == counted, Invariant::RowsAddUp, || {
                format!("{what}: the rows say {rows}, the audit {counted}")
            });
        }
    }

    fn check_house(&mut self, shop: &Shop, house: &House, seen: &Value) {
        let sections = seen["sections"].as_array().map_or(&[][..], Vec::as_slice);
        let section = |code: &str| sections.iter().find(|section| section["code"] == code);
        let standing = section(house.standing_section()).and_then(|it| it["remaining"].as_u64());
        let expected = u64::from(house.standing_remaining());
        self.findings.check(standing == Some(expected), Invariant::AvailabilityAgrees, || {
            format!("{expected} standing places are left, the map says {standing:?}")
        });
        for row in &shop.venue.rows {
            let rows = section(&row.section).and_then(|section| section["rows"].as_array());
            let seen = rows.and_then(|rows| rows.iter().find(|seen| seen["label"] == row.label));
            let letters = seen.and_then(|row| row["seats"].as_str()).unwrap_or_default();
            let expected: String =
                (0..row.seats).map(|index| letter(house, &row.label_of(index))).collect();
            self.findings.check(letters == expected, Invariant::AvailabilityAgrees, || {
                let (section, label) = (&row.section, &row.label);
                format!("{section}-{label}: the log gives {expected}, the map shows {letters}")
            });
        }
    }

    /// Finance looks at the settlement of every performance.
    async fn check_settlements(&mut self, shop: &Shop, model: &Model) -> Result<(), GaveUp> {
        let subject = format!("rehearsal-{}-finance", shop.run);
        let Ok(token) = shop.client.token(Role::Operator, &subject) else { return Ok(()) };
        for (performance, _) in model.houses() {
            let path = format!("/v1/settlements?performance={performance}&limit=1");
            let shown = shop.client.get(&token, &path).await?;
            model.settlements.check_shown(performance, &shown, &mut self.findings);
        }
        Ok(())
    }

    /// Some buyers look at their tickets.
    async fn check_tickets(
        &mut self,
        shop: &Shop,
        names: Option<&Names>,
        model: &Model,
        buyers: u32,
    ) -> Result<(), GaveUp> {
        let Some(names) = names else { return Ok(()) };
        let (tickets_of, received_by) = (model.tickets_of(), model.tickets.received_by());
        let coupons_of = model.coupons.free_of();
        let stride = (buyers / BUYERS_ASKED_MAX).max(1);
        for number in (0..buyers).step_by(stride as usize) {
            let subject = shop.subject(number);
            let Ok(token) = shop.client.token(Role::Buyer, &subject) else { continue };
            let (seen, _) = count_tickets(&shop.client, &token).await?;
            let account = names.account(&subject).to_string();
            let expected = tickets_of.get(account.as_str()).copied().unwrap_or(0);
            self.findings.check(seen == expected, Invariant::TicketsAgree, || {
                format!("buyer {number} sees {seen} tickets, the log gave {expected}")
            });
            if shop.extras.tickets {
                let friend = shop.friend_of(number);
                let Ok(token) = shop.client.token(Role::Buyer, &friend) else { continue };
                let (_, seen) = count_tickets(&shop.client, &token).await?;
                let account = names.account(&friend).to_string();
                let expected = received_by.get(account.as_str()).copied().unwrap_or(0);
                self.findings.check(seen == expected, Invariant::TicketsAgree, || {
                    format!("{friend} sees {seen} tickets of others, the log gave {expected}")
                });
            }
            if shop.extras.points || shop.extras.coupons {
                let seen = wallet(&shop.client, &token).await?;
                let (free, owed) = model.wallets.balance(&account);
                let coupons = coupons_of.get(account.as_str()).copied().unwrap_or(0);
                let expected = (free, owed, coupons);
                self.findings.check(seen == expected, Invariant::WalletsAgree, || {
                    format!("buyer {number} sees {seen:?}, the log gave {expected:?}")
                });
            }
        }
        Ok(())
    }
}

/// Tickets that somebody bought, and tickets that came from others.
async fn count_tickets(client: &Client, token: &str) -> Result<(u64, u64), GaveUp> {
    let page = client.get(token, "/v1/me/tickets").await?;
    let count = |field: &str| page[field].as_array().map_or(0, Vec::len) as u64;
    Ok((count("tickets"), count("received")))
}

/// Points that can be spent, points that are owed, and how many coupons there are.
async fn wallet(client: &Client, token: &str) -> Result<(i64, i64, u64), GaveUp> {
    let points = client.get(token, "/v1/me/points").await?;
    let of_currency = points["balances"].as_array().into_iter().flatten();
    let (mut free, mut owed) = (0, 0);
    for balance in of_currency {
        free += balance["balance"]["minor"].as_i64().unwrap_or(0);
        owed += balance["owed_minor"].as_i64().unwrap_or(0);
    }
    let coupons = client.get(token, "/v1/me/coupons").await?;
    Ok((free, owed, coupons["coupons"].as_array().map_or(0, Vec::len) as u64))
}

fn letter(house: &House, seat: &str) -> char {
    match house.owner(seat) {
        Some(Owner::Nobody) if Parties::is_set_aside(seat) => 'u',
        Some(Owner::Nobody) => 'f',
        Some(Owner::Hold(_) | Owner::Order(_)) => 'h',
        Some(Owner::Ticket(_)) | None => 's',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_that_count_something_else_are_found() {
        let mut audit = Audit::default();
        audit.check_gates("p", 2, &serde_json::json!({"admitted": 2}));
        assert!(audit.findings.is_clean());
        audit.check_gates("p", 2, &serde_json::json!({"admitted": 3}));
        assert!(audit.findings.of(Invariant::DoorsAgree).is_some());
    }

    #[test]
    fn rows_that_do_not_add_up_are_found() {
        let audit = || Audit {
            places: Accounted { sold: 3, ..Accounted::default() },
            money: Money { captured: 30, refunded: 10, ..Money::default() },
            tickets: TicketCount { admitted: 2, ..TicketCount::default() },
            ..Audit::default()
        };
        let right = Totals { tickets: 3, captured_minor: 30, refunded_minor: 10, entries: 2 };
        let mut clean = audit();
        clean.check_rows(right);
        assert!(clean.findings.is_clean(), "{:?}", clean.findings);
        let wrong = [
            Totals { tickets: 4, ..right },
            Totals { captured_minor: 29, ..right },
            Totals { refunded_minor: 11, ..right },
            Totals { entries: 1, ..right },
        ];
        for rows in wrong {
            let mut audit = audit();
            audit.check_rows(rows);
            assert_eq!(audit.findings.of(Invariant::RowsAddUp).map(|it| it.count), Some(1));
        }
    }
}
