//! Tickets: what is asked about them, and what their holders and gates see.

use boxoffice_core::{GateCounts, HeldTicket, OrderState, State, TicketUses};
use boxoffice_topics::ticket::{Gate, Scan, TicketUse};
use boxoffice_topics::{Intent, PerformanceId, ScanId, TicketId, TicketIntent, TicketRules};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::parse::Tag;
use super::scene::{Scene, TicketJson};
use super::values::{Parsed, Text, moment, stamp};
use crate::http::auth::{Names, SUBJECT_BYTES_MAX};
use crate::http::problem::Problem;
use crate::tickets::{CodeError, TicketCode, TicketKeys};

/// What may be done with the tickets of one performance. Until a promoter has said so, a ticket
/// stays with its buyer and admits once, until a day after the beginning.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TicketRulesJson {
    /// How often a ticket may change hands; zero: never.
    #[schema(example = 1)]
    pub transfers_max: u8,
    /// Transfers close so many seconds before the performance begins.
    #[schema(maximum = 2_678_400, example = 3_600)]
    pub transfers_close_before_seconds: u32,
    /// How long an offer waits for its answer.
    #[schema(minimum = 60, maximum = 604_800, example = 86_400)]
    pub offer_ttl_seconds: u32,
    /// Whether who went out may come in again.
    pub reentry: bool,
    /// How long after the beginning a ticket still admits.
    #[schema(maximum = 2_678_400, example = 86_400)]
    pub admits_after_start_seconds: u32,
}

impl From<TicketRules> for TicketRulesJson {
    fn from(rules: TicketRules) -> Self {
        Self {
            transfers_max: rules.transfers_max,
            transfers_close_before_seconds: rules.transfers_close_before_ms / 1_000,
            offer_ttl_seconds: rules.offer_ttl_ms / 1_000,
            reentry: rules.reentry,
            admits_after_start_seconds: rules.admits_after_start_ms / 1_000,
        }
    }
}

impl From<TicketRulesJson> for TicketRules {
    /// What is too long for the log stays too long, and is refused there.
    fn from(rules: TicketRulesJson) -> Self {
        Self {
            transfers_max: rules.transfers_max,
            transfers_close_before_ms: rules.transfers_close_before_seconds.saturating_mul(1_000),
            offer_ttl_ms: rules.offer_ttl_seconds.saturating_mul(1_000),
            reentry: rules.reentry,
            admits_after_start_ms: rules.admits_after_start_seconds.saturating_mul(1_000),
        }
    }
}

/// Says what may be done with the tickets of a performance.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetTicketRules {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// Of which performance.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Parsed<PerformanceId>,
    /// The rules from now on.
    pub rules: TicketRulesJson,
}

/// Offers a ticket to another account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferTicket<'a> {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// The ticket.
    #[schema(value_type = String, example = "1018-2-80.1")]
    pub ticket: Parsed<TicketId>,
    /// To whom: the `sub` of the other buyer's token. Only its keyed hash is kept.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 256, example = "bob")]
    pub subject: Text<'a>,
}

/// About a ticket that is offered.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TicketOfferAnswer {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// The ticket.
    #[schema(value_type = String, example = "1018-2-80.1")]
    pub ticket: Parsed<TicketId>,
}

/// A ticket that is shown at a gate: its code, or its name.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScanTicket<'a> {
    #[serde(rename = "type", default, skip_serializing)]
    #[schema(ignore)]
    _kind: Tag,
    /// The performance that the gate admits to.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Parsed<PerformanceId>,
    /// The code, as it was scanned. Its signature is checked; no code is kept.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "BX1:NCFOXN...")]
    pub code: Option<Text<'a>>,
    /// The ticket, when somebody has found it without its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "1018-2-80.1")]
    pub ticket: Option<Parsed<TicketId>>,
    /// The gate.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 32, example = "North 3")]
    pub gate: Text<'a>,
    /// When, by the scanner's clock, if it had no connection. Which of two scans counts is decided
    /// by which one came first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub scanned_at: Option<Parsed<jiff::Timestamp>>,
    /// The scanner's own name for the scan. One that is sent again gets its first answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub scan: Option<Parsed<ScanId>>,
}

impl SetTicketRules {
    pub(super) fn to_intent(&self) -> Intent<'static> {
        let (performance, rules) = (self.performance.0, self.rules.into());
        Intent::Ticket(TicketIntent::SetRules { performance, rules })
    }
}

impl OfferTicket<'_> {
    pub(super) fn to_intent(&self, names: &Names) -> Result<Intent<'static>, Problem> {
        let subject = self.subject.as_str();
        if !(1..=SUBJECT_BYTES_MAX).contains(&subject.len()) {
            let detail = format!("must be 1 to {SUBJECT_BYTES_MAX} bytes");
            return Err(Problem::invalid("body_invalid", detail).path("subject"));
        }
        let (ticket, to) = (self.ticket.0, names.account(subject));
        Ok(Intent::Ticket(TicketIntent::Offer { ticket, to }))
    }
}

impl TicketOfferAnswer {
    pub(super) fn to_acceptance(&self) -> Intent<'static> {
        Intent::Ticket(TicketIntent::AcceptOffer { ticket: self.ticket.0 })
    }

    pub(super) fn to_end(&self) -> Intent<'static> {
        Intent::Ticket(TicketIntent::EndOffer { ticket: self.ticket.0 })
    }
}

impl ScanTicket<'_> {
    pub(super) fn to_check_in(&self, keys: &TicketKeys) -> Result<Intent<'_>, Problem> {
        Ok(Intent::Ticket(TicketIntent::CheckIn(self.to_scan(keys)?)))
    }

    pub(super) fn to_check_out(&self, keys: &TicketKeys) -> Result<Intent<'_>, Problem> {
        Ok(Intent::Ticket(TicketIntent::CheckOut(self.to_scan(keys)?)))
    }

    fn to_scan(&self, keys: &TicketKeys) -> Result<Scan<'_>, Problem> {
        let (ticket, generation) = match (&self.code, self.ticket) {
            (Some(code), None) => {
                let code = keys.verify(code.as_str()).map_err(refused_code)?;
                (code.ticket, Some(code.generation))
            }
            (None, Some(ticket)) => (ticket.0, None),
            (Some(_), Some(_)) | (None, None) => {
                let detail = "name either the `code` or the `ticket`";
                return Err(Problem::invalid("body_invalid", detail).path("code"));
            }
        };
        let scanned_at = self.scanned_at.map(|at| stamp(at, "scanned_at")).transpose()?;
        Ok(Scan {
            performance: self.performance.0,
            ticket,
            generation,
            gate: self.gate.as_str(),
            scanned_at,
            scan: self.scan.map(|scan| scan.0),
        })
    }
}

fn refused_code(error: CodeError) -> Problem {
    let code = match error {
        CodeError::Malformed | CodeError::Version(_) => "ticket_code_malformed",
        CodeError::KeyUnknown => "ticket_key_unknown",
        CodeError::Forged => "ticket_code_forged",
    };
    Problem::invalid(code, error.to_string()).path("code")
}

/// Where and when a ticket was used.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TicketUseJson {
    /// The gate.
    #[schema(example = "North 3")]
    pub gate: String,
    /// The moment, by the scanner's clock when it had no connection.
    pub at: String,
}

impl From<&TicketUse> for TicketUseJson {
    fn from(used: &TicketUse) -> Self {
        Self { gate: used.gate.to_string(), at: moment(used.at).0.to_string() }
    }
}

/// An offer that waits for its answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TicketOfferJson {
    /// Its id.
    #[schema(example = "1018-2-91")]
    pub id: String,
    /// When it lapses.
    pub lapses_at: String,
}

/// A ticket, with what its holder has of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HeldTicketJson {
    /// The ticket.
    #[serde(flatten)]
    pub ticket: TicketJson,
    /// `valid`, `inside`, `outside` (somebody came in with it and went out), or `void`.
    pub state: &'static str,
    /// How often it has changed hands. Codes of before admit nobody.
    pub generation: u16,
    /// How often it may still change hands.
    pub transfers_left: u16,
    /// The offer to another account that waits for its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<TicketOfferJson>,
    /// Where and when somebody came in with it the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<TicketUseJson>,
    /// What the holder shows at the gate, for a QR code in alphanumeric mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Until when the code admits.
    pub code_expires_at: String,
}

impl HeldTicketJson {
    /// A ticket in its scene, without its code; nothing while its order is unpaid.
    #[must_use]
    pub fn of(id: TicketId, scene: Scene<'_>) -> Option<Self> {
        let held = scene.state.ticket(id)?;
        let order = held.order;
        if matches!(order.state, OrderState::Placed | OrderState::Paying) {
            return None;
        }
        let shown = scene.tickets(order.id, order.performance, &order.places);
        let ticket = shown.into_iter().nth(usize::from(id.number).checked_sub(1)?)?;
        let rules = scene.state.ticket_rules(order.performance);
        Some(Self {
            ticket,
            state: state_name(id, &held),
            generation: held.generation(),
            transfers_left: u16::from(rules.transfers_max).saturating_sub(held.generation()),
            offer: held.offer().map(|offer| TicketOfferJson {
                id: offer.transfer.to_string(),
                lapses_at: moment(offer.until).0.to_string(),
            }),
            used: held.uses().and_then(|uses| uses.last.as_ref()).map(TicketUseJson::from),
            code: None,
            code_expires_at: moment(scene.state.admits_until(id)).0.to_string(),
        })
    }
}

fn state_name(id: TicketId, held: &HeldTicket<'_>) -> &'static str {
    if held.order.state != OrderState::Confirmed || held.order.is_refunded(id.number) {
        return "void";
    }
    match held.uses() {
        Some(TicketUses { is_inside: true, .. }) => "inside",
        Some(TicketUses { entries: 1.., .. }) => "outside",
        Some(_) | None => "valid",
    }
}

/// What the code of a ticket says.
#[must_use]
pub fn code_of(id: TicketId, held: &HeldTicket<'_>, state: &State) -> TicketCode {
    let performance = held.order.performance;
    let (generation, expires_at) = (held.generation(), state.admits_until(id));
    TicketCode { performance, ticket: id, generation, expires_at }
}

/// A page of tickets. Tickets of one order stay together.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TicketPageJson {
    /// Tickets of the buyer's own orders that the buyer still has, by place of their order in the
    /// log, partition by partition.
    pub tickets: Vec<HeldTicketJson>,
    /// Tickets that came from other accounts; on the first page only.
    pub received: Vec<HeldTicketJson>,
    /// Tickets that other accounts offer to the buyer, without codes; on the first page only.
    pub offered: Vec<HeldTicketJson>,
    /// Pass it as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What went through the gates of a performance.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CheckInsJson {
    /// The performance.
    pub performance: String,
    /// Tickets that somebody came in with.
    pub admitted: u32,
    /// Tickets that somebody is inside with.
    pub inside: u32,
    /// Gate by gate, by name.
    pub gates: Vec<GateJson>,
}

/// What went through one gate.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GateJson {
    /// The gate.
    #[schema(example = "North 3")]
    pub gate: String,
    /// How often somebody came in for the first time.
    pub entries: u32,
    /// How often somebody came in again after having gone out.
    pub reentries: u32,
    /// How often somebody went out.
    pub exits: u32,
    /// How often a ticket was shown that somebody was inside with.
    pub conflicts: u32,
}

impl CheckInsJson {
    /// The gates of a performance.
    #[must_use]
    pub fn of(performance: PerformanceId, state: &State) -> Self {
        let gates: Vec<_> = state.gates(performance).map(GateJson::from).collect();
        let sum = |of: fn(&GateJson) -> u32| gates.iter().map(of).sum::<u32>();
        let admitted = sum(|gate| gate.entries);
        let came_in = admitted.saturating_add(sum(|gate| gate.reentries));
        Self {
            performance: performance.to_string(),
            admitted,
            inside: came_in.saturating_sub(sum(|gate| gate.exits)),
            gates,
        }
    }
}

impl From<(&Gate, &GateCounts)> for GateJson {
    fn from((gate, counts): (&Gate, &GateCounts)) -> Self {
        let GateCounts { entries, reentries, exits, conflicts } = *counts;
        Self { gate: gate.to_string(), entries, reentries, exits, conflicts }
    }
}
