//! Records of the topics as consumers and operators read them.
//!
//! These documents are built as trees: whoever reads whole topics is patient.

use boxoffice_log::TopicPartition;
use boxoffice_topics::coupon::CouponChoice;
use boxoffice_topics::envelope::StepHeader;
use boxoffice_topics::intent::{PaymentResult, RefundResult, SectionQuantity};
use boxoffice_topics::inventory::{Date, Selector};
use boxoffice_topics::scaling::Post;
use boxoffice_topics::{
    CouponIntent, Genesis, Header, Intent, InventoryIntent, Money, Offset, PerformanceDefinition,
    PerformanceId, PointsIntent, RefundIntent, ScalingIntent, SettlementIntent, Step, TicketIntent,
    WaitingRoomIntent,
};
use serde_json::{Value, json};

use super::campaign::CampaignJson;
use super::definition::DefinitionJson;
use super::message::MessageJson;
use super::outcome::OutcomeJson;
use super::points::PointsRuleJson;
use super::refund::RefundTermsJson;
use super::scene::Scene;
use super::settlement::SettlementTermsJson;
use super::shapes::civil_date;
use super::ticket::TicketRulesJson;
use super::values::moment;
use super::waiting_room::WaitingRoomRulesJson;

fn record(at: TopicPartition, offset: Offset, kind: &str, rest: Value) -> Value {
    let mut record = json!({
        "topic": at.topic.name(),
        "partition": at.partition.number(),
        "offset": offset.number(),
        "kind": kind,
    });
    if let (Value::Object(record), Value::Object(rest)) = (&mut record, rest) {
        record.extend(rest);
    }
    record
}

/// The first record of a partition.
#[must_use]
pub fn genesis_record(at: TopicPartition, offset: Offset, genesis: &Genesis) -> Value {
    let rest = json!({
        "log_id": genesis.log_id.to_string(),
        "created_at": moment(genesis.created_at).0.to_string(),
    });
    record(at, offset, "genesis", rest)
}

/// An intent.
#[must_use]
pub fn intent_record(
    at: TopicPartition,
    offset: Offset,
    header: &Header,
    intent: &Intent<'_>,
) -> Value {
    let rest = json!({
        "recorded_at": moment(header.recorded_at).0.to_string(),
        "account": header.account.to_string(),
        "key": header.key.to_string(),
        "fingerprint": format!("{:016x}", header.fingerprint),
        "traceparent": header.traceparent,
        "intent": intent_json(intent),
    });
    record(at, offset, "intent", rest)
}

/// A step.
#[must_use]
pub fn step_record(
    at: TopicPartition,
    offset: Offset,
    header: &StepHeader,
    step: &Step,
    scene: Scene<'_>,
) -> Value {
    let outcomes: Vec<_> = step.outcomes.iter().map(|it| OutcomeJson::of(it, scene)).collect();
    let rest = json!({
        "log_id": header.log_id.to_string(),
        "epoch": header.epoch,
        "input": header.input.number(),
        "chain": header.chain.to_string(),
        "now": moment(step.now).0.to_string(),
        "account": step.account.to_string(),
        "intent": step.intent.map(|intent| intent.to_string()),
        "outcomes": outcomes,
    });
    record(at, offset, "step", rest)
}

fn money(money: &Money) -> Value {
    json!({ "minor": money.minor, "currency": money.currency.code() })
}

/// The intent as its client wrote it, without its secrets: whoever has the provider's name of a
/// payment could act on it, whoever has a campaign's code could claim, and the seed of a lottery
/// may have come too early.
fn intent_json(intent: &Intent<'_>) -> Value {
    let mut body = match intent {
        Intent::CreatePerformance { definition } => definition_json(definition),
        Intent::OpenSale { performance } | Intent::CloseSale { performance } => {
            json!({ "performance": performance.to_string() })
        }
        Intent::HoldSeats { performance, seats, .. } => {
            json!({ "performance": performance.to_string(), "seats": seats.as_slice() })
        }
        Intent::HoldBestAvailable {
            performance,
            quantity,
            section,
            price_level,
            accessible,
            ..
        } => {
            json!({
                "performance": performance.to_string(),
                "quantity": quantity,
                "section": section,
                "price_level": price_level,
                "accessible": accessible,
            })
        }
        Intent::HoldGeneralAdmission { performance, sections, .. } => {
            let item = |it: &SectionQuantity<'_>| json!({ "section": it.section, "quantity": it.quantity });
            let sections: Vec<_> = sections.iter().map(item).collect();
            json!({ "performance": performance.to_string(), "sections": sections })
        }
        Intent::RenewHold { hold } | Intent::ReleaseHold { hold } => {
            json!({ "hold": hold.to_string() })
        }
        Intent::PlaceOrder { hold, coupon, points_minor } => json!({
            "hold": hold.to_string(), "coupon": coupon.map(coupon_choice), "points": points_minor,
        }),
        Intent::PayOrder { order, amount, .. } => {
            json!({ "order": order.to_string(), "amount": money(amount) })
        }
        Intent::CancelOrder { order } => json!({ "order": order.to_string() }),
        Intent::RecordPaymentResult { payment, result } => {
            json!({ "payment": payment.to_string(), "result": payment_result(result) })
        }
        Intent::RecordRefundResult { payment, refund, result } => json!({
            "payment": payment.to_string(),
            "refund": refund.to_string(),
            "result": refund_result(result),
        }),
        Intent::HoldStay { performance, room_type, from, nights, rooms, .. } => {
            stay(*performance, room_type, *from, *nights, *rooms)
        }
        Intent::Inventory(intent) => inventory_intent(intent),
        Intent::Tick => json!({}),
        Intent::WaitingRoom(intent) => waiting_room_intent(intent),
        Intent::Coupon(intent) => coupon_intent(intent),
        Intent::Points(intent) => points_intent(intent),
        Intent::Ticket(intent) => ticket_intent(intent),
        Intent::Refund(intent) => refund_intent(intent),
        Intent::Settlement(intent) => settlement_intent(intent),
        Intent::Scaling(intent) => scaling_intent(intent),
        Intent::Deliver { from, message } => {
            json!({ "from": from.to_string(), "message": MessageJson::from(message) })
        }
    };
    body["type"] = json!(intent.name());
    body
}

fn definition_json(definition: &PerformanceDefinition) -> Value {
    let mut body = json!(DefinitionJson::from(definition));
    body["performance"] = json!(definition.performance.to_string());
    body
}

fn scaling_intent(intent: &ScalingIntent) -> Value {
    match intent {
        ScalingIntent::MoveSlots { slots, to, .. } => {
            let slots: Vec<_> = slots.iter().map(|slot| slot.number()).collect();
            json!({ "slots": slots, "to": to.number() })
        }
        ScalingIntent::Bring { from, post: Post::Forward(forward) } => json!({
            "from": from.to_string(), "origin": forward.origin.to_string(),
        }),
        ScalingIntent::Bring { from, post } => {
            json!({ "from": from.to_string(), "slot": post.slot().number() })
        }
    }
}

fn stay(performance: PerformanceId, room_type: &str, from: Date, nights: u16, rooms: u16) -> Value {
    json!({
        "performance": performance.to_string(),
        "room_type": room_type,
        "from": civil_date(from).to_string(),
        "nights": nights,
        "rooms": rooms,
    })
}

fn inventory_intent(intent: &InventoryIntent<'_>) -> Value {
    let mut body = json!({ "performance": intent.performance().to_string() });
    match intent {
        InventoryIntent::SetChannel { channel, rules, .. } => {
            body["channel"] = json!(channel);
            body["uses_max"] = json!(rules.uses_max);
            body["releases_at"] = json!(rules.releases_at.map(|at| moment(at).0.to_string()));
        }
        InventoryIntent::SetAside { channel, items, .. }
        | InventoryIntent::Release { channel, items, .. } => {
            body["channel"] = json!(channel);
            body["what"] = selection(items);
        }
        InventoryIntent::ReleaseAll { channel, .. } => body["channel"] = json!(channel),
        InventoryIntent::ReleaseCompanions { .. } => (),
    }
    body
}

fn selection(items: &[Selector<'_>]) -> Value {
    let [mut seats, mut rows, mut sections, mut places] = [const { Vec::new() }; 4];
    for item in items {
        match item {
            Selector::Seat(label) => seats.push(json!(label)),
            Selector::Row(label) => rows.push(json!(label)),
            Selector::Section(code) => sections.push(json!(code)),
            Selector::Places { section, quantity } => {
                places.push(json!({ "section": section, "quantity": quantity }));
            }
        }
    }
    json!({ "seats": seats, "rows": rows, "sections": sections, "places": places })
}

fn coupon_choice(choice: CouponChoice) -> String {
    match choice {
        CouponChoice::Best => "best".to_owned(),
        CouponChoice::Named(coupon) => coupon.to_string(),
        CouponChoice::Nothing => "none".to_owned(),
    }
}

fn waiting_room_intent(intent: &WaitingRoomIntent) -> Value {
    let performance = intent.performance().to_string();
    match intent {
        WaitingRoomIntent::Set { rules, .. } => {
            let rules = rules.as_ref().map(WaitingRoomRulesJson::from);
            json!({ "performance": performance, "rules": rules })
        }
        WaitingRoomIntent::DrawLottery { .. }
        | WaitingRoomIntent::Join { .. }
        | WaitingRoomIntent::Heartbeat { .. }
        | WaitingRoomIntent::Leave { .. } => json!({ "performance": performance }),
    }
}

fn coupon_intent(intent: &CouponIntent<'_>) -> Value {
    match intent {
        CouponIntent::CreateCampaign { definition } => {
            json!({ "definition": CampaignJson::from(&**definition) })
        }
        CouponIntent::ChangeCampaign { campaign, definition } => json!({
            "campaign": campaign.to_string(), "definition": CampaignJson::from(&**definition),
        }),
        CouponIntent::PauseCampaign { campaign }
        | CouponIntent::ResumeCampaign { campaign }
        | CouponIntent::ClaimCoupon { campaign, .. } => {
            json!({ "campaign": campaign.to_string() })
        }
    }
}

fn points_intent(intent: &PointsIntent) -> Value {
    match intent {
        PointsIntent::SetPointsRule { performance, rule } => {
            json!({ "performance": performance.to_string(), "rule": PointsRuleJson::from(*rule) })
        }
        PointsIntent::GrantPoints { account, amount, expires_at } => json!({
            "account": account.to_string(),
            "amount": money(amount),
            "expires_at": moment(*expires_at).0.to_string(),
        }),
    }
}

fn ticket_intent(intent: &TicketIntent<'_>) -> Value {
    match intent {
        TicketIntent::SetRules { performance, rules } => {
            json!({ "performance": performance.to_string(), "rules": TicketRulesJson::from(*rules) })
        }
        TicketIntent::Offer { ticket, to } => {
            json!({ "ticket": ticket.to_string(), "to": to.to_string() })
        }
        TicketIntent::AcceptOffer { ticket } | TicketIntent::EndOffer { ticket } => {
            json!({ "ticket": ticket.to_string() })
        }
        TicketIntent::CheckIn(scan) | TicketIntent::CheckOut(scan) => json!({
            "performance": scan.performance.to_string(),
            "ticket": scan.ticket.to_string(),
            "generation": scan.generation,
            "gate": scan.gate,
            "scanned_at": scan.scanned_at.map(|at| moment(at).0.to_string()),
            "scan": scan.scan.map(|scan| scan.to_string()),
        }),
    }
}

fn refund_intent(intent: &RefundIntent<'_>) -> Value {
    match intent {
        RefundIntent::RefundTickets { order, tickets, places, amount } => json!({
            "order": order.to_string(),
            "tickets": tickets.as_slice(),
            "places": places.as_slice(),
            "amount": amount.as_ref().map(money),
        }),
        RefundIntent::SetRefundTerms { performance, terms } => json!({
            "performance": performance.to_string(), "terms": RefundTermsJson::from(&**terms),
        }),
        RefundIntent::CancelPerformance { performance } => {
            json!({ "performance": performance.to_string() })
        }
    }
}

fn settlement_intent(intent: &SettlementIntent) -> Value {
    let SettlementIntent::SetSettlementTerms { performance, terms } = intent;
    json!({ "performance": performance.to_string(), "terms": SettlementTermsJson::from(*terms) })
}

fn payment_result(result: &PaymentResult<'_>) -> Value {
    match result {
        PaymentResult::Captured { amount } => {
            json!({ "type": "captured", "amount": money(amount) })
        }
        PaymentResult::Declined { code } => json!({ "type": "declined", "code": code }),
    }
}

fn refund_result(result: &RefundResult<'_>) -> Value {
    match result {
        RefundResult::Refunded { amount } => {
            json!({ "type": "refunded", "amount": money(amount) })
        }
        RefundResult::Failed { code } => json!({ "type": "failed", "code": code }),
    }
}
