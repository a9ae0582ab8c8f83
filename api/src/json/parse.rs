//! From bytes to documents, with errors that name the place.
//!
//! The usual body is read once and nothing else is paid for. Only a body that fails is read
//! again with its path tracked.

use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use super::intent::IntentRequest;
use super::values::Text;
use crate::http::problem::Problem;

/// Reads one document that borrows from the body.
///
/// # Errors
/// 400 when the body is not JSON, 422 with a path when it is another document.
pub fn parse<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|_| explain::<T>(body))
}

fn explain<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Problem {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let result: Result<T, _> = serde_path_to_error::deserialize(&mut deserializer);
    match result {
        Err(error) => {
            let path = error.path().to_string();
            problem(error.inner(), path)
        }
        Ok(_) => match deserializer.end() {
            Err(error) => problem(&error, String::new()),
            Ok(()) => Problem::malformed("json_malformed", "the body could not be read"),
        },
    }
}

fn problem(error: &serde_json::Error, path: String) -> Problem {
    let detail = error.to_string();
    let problem = match error.classify() {
        Category::Data => Problem::invalid("body_invalid", detail),
        Category::Syntax | Category::Eof | Category::Io => {
            Problem::malformed("json_malformed", detail)
        }
    };
    if matches!(path.as_str(), "" | "." | "?") { problem } else { problem.path(path) }
}

/// The field that says which intent it is. Everything else is skipped without recursion.
#[derive(Deserialize)]
#[serde(expecting = "an object with a `type`")]
struct Peek<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
}

/// Accepts the `type` field that the first look has read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tag;

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(from).map(|_| Self)
    }
}

/// Reads an intent: first its type, then exactly the fields of that type.
///
/// # Errors
/// As [`parse`], and 422 for an unknown type.
pub fn parse_intent(body: &[u8]) -> Result<IntentRequest<'_>, Problem> {
    let peek: Peek<'_> = parse(body)?;
    Ok(match peek.kind.as_str() {
        "hold_seats" => IntentRequest::HoldSeats(parse(body)?),
        "hold_best_available" => IntentRequest::HoldBestAvailable(parse(body)?),
        "hold_general_admission" => IntentRequest::HoldGeneralAdmission(parse(body)?),
        "renew_hold" => IntentRequest::RenewHold(parse(body)?),
        "release_hold" => IntentRequest::ReleaseHold(parse(body)?),
        "place_order" => IntentRequest::PlaceOrder(parse(body)?),
        "pay_order" => IntentRequest::PayOrder(parse(body)?),
        "cancel_order" => IntentRequest::CancelOrder(parse(body)?),
        "create_performance" => IntentRequest::CreatePerformance(Box::new(parse(body)?)),
        "open_sale" => IntentRequest::OpenSale(parse(body)?),
        "close_sale" => IntentRequest::CloseSale(parse(body)?),
        "set_waiting_room" => IntentRequest::SetWaitingRoom(parse(body)?),
        "draw_lottery" => IntentRequest::DrawLottery(parse(body)?),
        "join_waiting_room" => IntentRequest::JoinWaitingRoom(parse(body)?),
        "heartbeat" => IntentRequest::Heartbeat(parse(body)?),
        "leave_waiting_room" => IntentRequest::LeaveWaitingRoom(parse(body)?),
        "create_campaign" => IntentRequest::CreateCampaign(Box::new(parse(body)?)),
        "change_campaign" => IntentRequest::ChangeCampaign(Box::new(parse(body)?)),
        "pause_campaign" => IntentRequest::PauseCampaign(parse(body)?),
        "resume_campaign" => IntentRequest::ResumeCampaign(parse(body)?),
        "claim_coupon" => IntentRequest::ClaimCoupon(parse(body)?),
        "set_points_rule" => IntentRequest::SetPointsRule(parse(body)?),
        "grant_points" => IntentRequest::GrantPoints(parse(body)?),
        "hold_stay" => IntentRequest::HoldStay(parse(body)?),
        "set_channel" => IntentRequest::SetChannel(parse(body)?),
        "set_aside" => IntentRequest::SetAside(parse(body)?),
        "release_channel" => IntentRequest::ReleaseChannel(parse(body)?),
        "release_companions" => IntentRequest::ReleaseCompanions(parse(body)?),
        "set_ticket_rules" => IntentRequest::SetTicketRules(parse(body)?),
        "offer_ticket" => IntentRequest::OfferTicket(parse(body)?),
        "accept_ticket" => IntentRequest::AcceptTicket(parse(body)?),
        "end_ticket_offer" => IntentRequest::EndTicketOffer(parse(body)?),
        "check_in" => IntentRequest::CheckIn(parse(body)?),
        "check_out" => IntentRequest::CheckOut(parse(body)?),
        "refund_tickets" => IntentRequest::RefundTickets(parse(body)?),
        "set_refund_terms" => IntentRequest::SetRefundTerms(parse(body)?),
        "cancel_performance" => IntentRequest::CancelPerformance(parse(body)?),
        "set_settlement_terms" => IntentRequest::SetSettlementTerms(parse(body)?),
        _ => {
            let detail = format!("expected one of {}", IntentRequest::TYPES.join(", "));
            return Err(Problem::invalid("intent_type_unknown", detail).path("type"));
        }
    })
}

/// A list of at most `LIMIT` items, refused at the item that is too many.
pub(super) fn bounded<'de, D, T, const LIMIT: usize>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct List<T, const LIMIT: usize>(std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const LIMIT: usize> serde::de::Visitor<'de> for List<T, LIMIT> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "a list of at most {LIMIT} items")
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(item) = items.next_element()? {
                if list.len() == LIMIT {
                    return Err(A::Error::invalid_length(LIMIT + 1, &self));
                }
                list.push(item);
            }
            Ok(list)
        }
    }

    from.deserialize_seq(List::<T, LIMIT>(std::marker::PhantomData))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[track_caller]
    fn refused(body: &[u8]) -> (StatusCode, String) {
        let problem = parse_intent(body).unwrap_err();
        let mut text = Vec::new();
        problem.write_to(&mut text);
        (problem.status(), String::from_utf8(text).unwrap())
    }

    #[test]
    fn an_error_names_the_path() {
        let (status, text) = refused(
            br#"{"type":"hold_seats","performance":"6f2b8a52-9a53-4f4e-9a39-111111111111","seats":["A-1-1",2]}"#,
        );
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(text.contains(r#""path":"seats[1]""#), "{text}");
    }

    #[test]
    fn unknown_and_repeated_fields_are_refused() {
        for body in [
            r#"{"type":"place_order","hold":"1-2-3","price":1}"#,
            r#"{"type":"place_order","hold":"1-2-3","hold":"1-2-3"}"#,
            r#"{"type":"place_order"}"#,
            r#"{"type":"place_order","hold":"1-2-x"}"#,
            r#"{"type":"tick"}"#,
            r#"["place_order"]"#,
        ] {
            assert_eq!(refused(body.as_bytes()).0, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        }
    }

    #[test]
    fn what_is_not_json_is_400_at_any_depth() {
        let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        let nested = [br#"{"type":"place_order","hold":"#.as_slice(), &deep, b"}"].concat();
        for body in [b"".as_slice(), b"{", b"{\"type\":\"place_order\"} x", &b"[".repeat(100_000)] {
            assert!(refused(body).0.is_client_error());
        }
        assert_eq!(refused(&nested).0, StatusCode::UNPROCESSABLE_ENTITY);
    }

    #[test]
    fn escaped_texts_are_read() {
        let body = br#"{"type":"hold_seats","performance":"6f2b8a52-9a53-4f4e-9a39-111111111111","seats":["\u0041-1-1"]}"#;
        let IntentRequest::HoldSeats(hold) = parse_intent(body).unwrap() else { panic!() };
        assert_eq!(hold.seats[0].as_str(), "A-1-1");
    }
}
