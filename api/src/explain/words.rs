//! Plain words for what was decided.

use boxoffice_topics::{
    CouponOutcome, InventoryOutcome, Outcome, PointsOutcome, RefundOutcome, TicketOutcome,
    WaitingRoomOutcome,
};

use super::{EarlierJson, FiguresJson, LaterJson};

/// Whether a reply accepts, the code of its rule, and a sentence.
pub(super) fn verdict(
    reply: Option<&Outcome>,
) -> (&'static str, Option<&'static str>, &'static str) {
    match reply {
        Some(Outcome::Refused { refusal }) => {
            ("refused", Some(refusal.code.as_str()), refusal.code.meaning())
        }
        Some(Outcome::Repeated { .. }) => {
            ("repeated", None, "The same was asked before, and its answer stands.")
        }
        Some(outcome) => ("accepted", None, accepted(outcome)),
        None => ("accepted", None, "Nothing was due."),
    }
}

/// The sentence, what became of it, what stood in the way, and the figures.
pub(super) fn sentence(
    said: &str,
    later: Option<&LaterJson>,
    earlier: Option<&EarlierJson>,
    figures: Option<&FiguresJson>,
) -> String {
    let parts = [later.map(became), earlier.map(stood_in_the_way), figures.and_then(in_figures)];
    parts.into_iter().flatten().fold(said.to_owned(), |said, part| format!("{said} {part}"))
}

fn stood_in_the_way(earlier: &EarlierJson) -> String {
    let EarlierJson { about, what, milliseconds_before, by, .. } = earlier;
    let (first, rest) = about.split_at(1);
    let about = format!("{}{rest}", first.to_uppercase());
    // Time acts by itself: what it did is said already.
    let by = if *by == "time" { String::new() } else { format!(" by {by}") };
    format!("{about} was {what} {} earlier{by}.", span(*milliseconds_before))
}

fn became(later: &LaterJson) -> String {
    let LaterJson { what, milliseconds_after, meaning, .. } = later;
    let because = meaning.map_or(String::new(), |meaning| format!(" {meaning}"));
    format!("It was {what} {} later.{because}", span(*milliseconds_after))
}

fn in_figures(figures: &FiguresJson) -> Option<String> {
    let part = |what: &str, figure: Option<i64>| figure.map(|figure| format!("{what} {figure}"));
    let FiguresJson { limit, had, asked } = *figures;
    let parts = [part("limit", limit), part("had", had), part("asked for", asked)];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("In figures: {}.", parts.join(", ")))
}

/// A time that people can imagine, rounded down.
fn span(milliseconds: i64) -> String {
    match milliseconds {
        ..10_000 => format!("{milliseconds} ms"),
        10_000..600_000 => format!("{} s", milliseconds / 1_000),
        600_000.. => format!("{} min", milliseconds / 60_000),
    }
}

fn accepted(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Refused { .. } | Outcome::Repeated { .. } => "",
        Outcome::PerformanceCreated { .. } => "The performance was put into the house.",
        Outcome::SaleOpened { .. } => "The sale was opened.",
        Outcome::SaleClosed { .. } => "The sale was closed.",
        Outcome::Held { .. } => "Every place was free and within the limits, so it was held.",
        Outcome::HoldRenewed { .. } => "The hold lived and could be renewed, so it lasts longer.",
        Outcome::HoldReleased { .. } => "The hold was given back, and its places are free.",
        Outcome::HoldExpired { .. } => "The time of the hold ran out, and its places are free.",
        Outcome::OrderPlaced { .. } => "The hold lived, so it became an order.",
        Outcome::OrderReserving(_) => "The order waits for a coupon or for points.",
        Outcome::OrderNotPlaced { .. } => "The order did not get what it waited for.",
        Outcome::OrderConfirmed { .. } => "The order is paid, and its places are sold.",
        Outcome::OrderCancelled { .. } => "The order ended, and its places are free.",
        Outcome::PaymentRequested { .. } => "The amount was right, so the money is asked for.",
        Outcome::PaymentCaptured { .. } => "The provider took the money.",
        Outcome::PaymentDeclined { .. } => "The provider declined; the order can be paid again.",
        Outcome::RefundRequested { .. } => "Money is on its way back.",
        Outcome::PaymentRefunded { .. } => "The money was given back.",
        Outcome::RefundFailed { .. } => "The provider refused to give the money back.",
        Outcome::WaitingRoom(outcome) => about_waiting(outcome),
        Outcome::Coupon(outcome) => about_coupons(outcome),
        Outcome::Points(outcome) => about_points(outcome),
        Outcome::Ticket(outcome) => about_tickets(outcome),
        Outcome::Refund(outcome) => about_refunds(outcome),
        Outcome::Settlement(_) => "Other fees are taken of orders from now on.",
        Outcome::Inventory(outcome) => about_inventory(outcome),
        Outcome::MessageSent { .. } | Outcome::MessageReceived { .. } => "One key told another.",
        Outcome::Scaling(outcome) if outcome.answered_in().is_some() => {
            "The performance had moved to another partition, which answers."
        }
        Outcome::Scaling(_) => "Slots move to another partition.",
    }
}

const fn about_waiting(outcome: &WaitingRoomOutcome) -> &'static str {
    match outcome {
        WaitingRoomOutcome::Joined { .. } => "The account got the next place of the row.",
        WaitingRoomOutcome::Returned { .. } => "The account is back at the place that it had.",
        WaitingRoomOutcome::Left { .. } => "The account waits no longer.",
        WaitingRoomOutcome::Inside { .. } => "The account is inside already.",
        _ => "The waiting room did as its rules say.",
    }
}

const fn about_coupons(outcome: &CouponOutcome) -> &'static str {
    match outcome {
        CouponOutcome::Issued { .. } => "There were coupons left, so the account got one.",
        _ => "The campaign or the coupon is as was asked.",
    }
}

const fn about_points(outcome: &PointsOutcome) -> &'static str {
    match outcome {
        PointsOutcome::RuleSet { .. } => "Orders earn points by another rule from now on.",
        PointsOutcome::Credited { .. } => "Points came into the wallet.",
        _ => "Points were moved.",
    }
}

const fn about_tickets(outcome: &TicketOutcome) -> &'static str {
    match outcome {
        TicketOutcome::RulesSet { .. } => "Other rules of tickets are in force.",
        TicketOutcome::Offered { .. } => "The ticket is offered until its answer or its deadline.",
        TicketOutcome::Transferred { .. } => "The offer stood, so the ticket has another holder.",
        TicketOutcome::OfferEnded { .. } => "The offer ended, and the ticket stays where it is.",
        TicketOutcome::CheckedIn { .. } => "Nobody was inside with the ticket, so it admitted.",
        TicketOutcome::CheckedOut { .. } => "The ticket was inside, so its holder may come back.",
        TicketOutcome::UsedAgain { .. } => "Somebody was inside with the ticket already.",
    }
}

const fn about_refunds(outcome: &RefundOutcome) -> &'static str {
    match outcome {
        RefundOutcome::TicketsRefunded { .. } => "The tickets went back by the terms of the order.",
        RefundOutcome::TermsSet { .. } => "Other refund terms are in force.",
        RefundOutcome::PerformanceCancelled { .. } => {
            "The performance will not be shown, and everything goes back."
        }
    }
}

const fn about_inventory(outcome: &InventoryOutcome) -> &'static str {
    match outcome {
        InventoryOutcome::ChannelSet { .. } => "The channel has these rules from now on.",
        InventoryOutcome::SetAside { .. } => "Every place was free, so it is set aside.",
        InventoryOutcome::Released { .. } => "The places are for sale to everybody.",
        InventoryOutcome::CompanionsReleased { .. } => {
            "Companion seats are for sale like any other."
        }
    }
}

#[cfg(test)]
mod tests {
    use boxoffice_topics::RefusalCode;

    use super::*;

    #[test]
    fn every_rule_has_a_sentence() {
        for code in RefusalCode::ALL {
            let said = code.meaning();
            assert!(said.ends_with('.') && !said.starts_with(' '), "{}: {said}", code.as_str());
        }
    }

    #[test]
    fn a_sentence_says_what_stood_in_the_way_and_when() {
        let earlier = EarlierJson {
            partition: 1,
            offset: 7,
            at: String::new(),
            milliseconds_before: 41,
            by: "another account",
            about: "seat B-12-1".into(),
            what: "held",
        };
        let said = "Another hold has the seat.";
        assert_eq!(
            sentence(said, None, Some(&earlier), None),
            "Another hold has the seat. Seat B-12-1 was held 41 ms earlier by another account."
        );
        assert_eq!(sentence(said, None, None, None), said);
        let figures = FiguresJson { limit: Some(4), had: Some(3), asked: Some(2) };
        assert_eq!(
            sentence("Too many.", None, None, Some(&figures)),
            "Too many. In figures: limit 4, had 3, asked for 2."
        );
        let times = [41, 12_345, 600_000].map(span);
        assert_eq!(times, ["41 ms", "12 s", "10 min"]);
    }
}
