//! What counts toward a limit of an account, record by record: places that it holds and owns, coupons
//! that it has of a campaign.

use std::collections::BTreeMap;

use boxoffice_core::State;
use boxoffice_topics::{
    AccountId, CampaignId, CouponId, CouponIntent, CouponOutcome, HoldId, Intent, OrderId, Outcome,
    PerformanceId, RefundOutcome, Refusal, RefusalCode, Step, TicketId, TicketIntent,
    TicketOutcome,
};

use super::{FiguresJson, Finding};

/// The records that counted toward a limit at a moment, found by folding the steps before it.
#[derive(Clone, Debug)]
pub struct Tally {
    account: AccountId,
    of: Limited,
    figures: FiguresJson,
    counted: BTreeMap<Counted, (Finding, u32)>,
    /// No step before those that were folded is missing.
    is_complete: bool,
}

/// What is limited.
#[derive(Clone, Copy, Debug)]
enum Limited {
    Places(PerformanceId),
    Coupons(CampaignId),
}

/// What counts, by what it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Counted {
    Hold(HoldId),
    Order(OrderId),
    Ticket(TicketId),
    Coupon(CouponId),
}

impl Tally {
    /// What has to be counted; nothing when the refusal is by no limit of the account.
    pub(super) fn of(
        intent: &Intent<'_>,
        refusal: Refusal,
        account: AccountId,
        state: &State,
    ) -> Option<Self> {
        let (of, limit, asked) = match (refusal.code, intent) {
            (RefusalCode::AccountLimitExceeded, _) => {
                let (performance, asked) = places_asked(intent, state)?;
                let sale = state.performance(performance)?.definition().sale;
                (Limited::Places(performance), sale.account_seats_max, asked)
            }
            (
                RefusalCode::CouponLimitReached,
                Intent::Coupon(CouponIntent::ClaimCoupon { campaign, .. }),
            ) => {
                let limit = state.campaign(*campaign)?.definition().account_limit;
                (Limited::Coupons(*campaign), limit, 1)
            }
            _ => return None,
        };
        let figures =
            FiguresJson { limit: Some(limit.into()), had: None, asked: Some(asked.into()) };
        Some(Self { account, of, figures, counted: BTreeMap::new(), is_complete: false })
    }

    /// Takes the next step.
    pub fn fold(&mut self, step: &Step) {
        for outcome in &step.outcomes {
            match self.of {
                Limited::Places(performance) => self.fold_places(performance, outcome, step),
                Limited::Coupons(campaign) => self.fold_coupons(campaign, outcome, step),
            }
        }
    }

    /// Every step before the refusal was folded.
    pub fn complete(&mut self) {
        self.is_complete = true;
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The records in their order, each with what it was about.
    pub(super) fn counted(&self) -> Vec<(Finding, String)> {
        let mut records: Vec<_> = self
            .counted
            .iter()
            .map(|(counted, (finding, count))| (finding.clone(), about(*counted, *count)))
            .collect();
        records.sort_by_key(|(finding, _)| finding.offset);
        records
    }

    pub(super) fn figures(&self) -> FiguresJson {
        let had = self.counted.values().map(|(_, count)| i64::from(*count)).sum();
        FiguresJson { had: self.is_complete.then_some(had), ..self.figures }
    }

    fn fold_coupons(&mut self, of: CampaignId, outcome: &Outcome, step: &Step) {
        if let Outcome::Coupon(CouponOutcome::Issued { coupon, campaign, account, .. }) = outcome
            && *campaign == of
            && *account == self.account
        {
            self.counted.insert(Counted::Coupon(*coupon), (Finding::new(step, "issued"), 1));
        }
    }

    fn fold_places(&mut self, of: PerformanceId, outcome: &Outcome, step: &Step) {
        match outcome {
            Outcome::Held { hold, performance, account, places, .. }
                if *performance == of && *account == self.account =>
            {
                let held = (Finding::new(step, "held"), places.count());
                self.counted.insert(Counted::Hold(*hold), held);
            }
            Outcome::HoldReleased { hold } | Outcome::HoldExpired { hold, .. } => {
                self.counted.remove(&Counted::Hold(*hold));
            }
            Outcome::OrderPlaced { order, hold, .. } => {
                if let Some(held) = self.counted.remove(&Counted::Hold(*hold)) {
                    self.counted.insert(Counted::Order(*order), held);
                }
            }
            Outcome::OrderConfirmed { order, performance, account, places, reseated, .. }
                if *reseated && *performance == of && *account == self.account =>
            {
                let sold = (Finding::new(step, "sold again"), places.count());
                self.counted.insert(Counted::Order(*order), sold);
            }
            Outcome::OrderCancelled { order, .. } => {
                let is_of = |counted: &Counted| match counted {
                    Counted::Order(it) => it == order,
                    Counted::Ticket(ticket) => ticket.order == *order,
                    Counted::Hold(_) | Counted::Coupon(_) => false,
                };
                self.counted.retain(|counted, _| !is_of(counted));
            }
            Outcome::Refund(RefundOutcome::TicketsRefunded { order, lines, .. }) => {
                for line in lines {
                    self.ticket_goes(TicketId { order: *order, number: line.ticket });
                }
            }
            Outcome::Ticket(TicketOutcome::Transferred {
                ticket, performance, from, to, ..
            }) if *performance == of => {
                if *from == self.account {
                    self.ticket_goes(*ticket);
                }
                if *to == self.account {
                    let accepted = (Finding::new(step, "accepted"), 1);
                    self.counted.insert(Counted::Ticket(*ticket), accepted);
                }
            }
            _ => (),
        }
    }

    /// A ticket that came alone goes alone; others go out of their order.
    fn ticket_goes(&mut self, ticket: TicketId) {
        if self.counted.remove(&Counted::Ticket(ticket)).is_some() {
            return;
        }
        let order = Counted::Order(ticket.order);
        if let Some((_, count)) = self.counted.get_mut(&order) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.counted.remove(&order);
            }
        }
    }
}

/// How many places an intent asks for, of which performance.
fn places_asked(intent: &Intent<'_>, state: &State) -> Option<(PerformanceId, u32)> {
    Some(match intent {
        Intent::HoldSeats { performance, seats, .. } => {
            (*performance, u32::try_from(seats.len()).ok()?)
        }
        Intent::HoldBestAvailable { performance, quantity, .. } => {
            (*performance, u32::from(*quantity))
        }
        Intent::HoldGeneralAdmission { performance, sections, .. } => {
            (*performance, sections.iter().map(|wish| u32::from(wish.quantity)).sum())
        }
        Intent::HoldStay { performance, nights, rooms, .. } => {
            (*performance, u32::from(*nights) * u32::from(*rooms))
        }
        Intent::Ticket(TicketIntent::AcceptOffer { ticket }) => {
            (state.order(ticket.order)?.performance, 1)
        }
        _ => return None,
    })
}

fn about(counted: Counted, count: u32) -> String {
    let places =
        |count: u32| if count == 1 { "1 place".to_owned() } else { format!("{count} places") };
    match counted {
        Counted::Hold(hold) => format!("hold {hold} of {}", places(count)),
        Counted::Order(order) => format!("order {order} of {}", places(count)),
        Counted::Ticket(ticket) => format!("ticket {ticket}"),
        Counted::Coupon(coupon) => format!("coupon {coupon}"),
    }
}
