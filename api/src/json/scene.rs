//! What the numbers in an outcome mean: seats, sections and tickets by the state they came from.

use boxoffice_core::{Order, OrderState, Performance, State};
use boxoffice_topics::{LogId, Money, OrderId, PerformanceId, Places, SeatNumber};
use serde::Serialize;
use utoipa::ToSchema;

use super::inventory::StayJson;
use super::values::{MoneyJson, Shown};

/// What numbers in an outcome mean: seats and sections have labels in the state they came from.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The log's name, which is part of names that leave the system.
    pub log_id: LogId,
    /// The state of the partition, at the outcome or after it.
    pub state: &'a State,
}

impl std::fmt::Debug for Scene<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scene").field("log_id", &self.log_id).finish_non_exhaustive()
    }
}

/// A number of places in one section.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SectionQuantityOut {
    /// Code of the section.
    pub section: String,
    /// How many.
    pub quantity: u16,
}

/// One ticket: one place that somebody owns.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TicketJson {
    /// The order and the number of the ticket in it.
    #[schema(example = "1018-2-80.1")]
    pub id: String,
    /// Whose place it is.
    #[schema(value_type = String)]
    pub order: Shown<OrderId>,
    /// For which performance.
    #[schema(value_type = uuid::Uuid)]
    pub performance: Shown<PerformanceId>,
    /// The seat, in a reserved section.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seat: Option<String>,
    /// The section, in general admission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// The stay that it is a night of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stay: Option<StayJson>,
    /// What it cost.
    pub price: MoneyJson,
}

impl<'a> Scene<'a> {
    fn performance(self, id: PerformanceId) -> Option<&'a Performance> {
        self.state.performance(id)
    }

    /// Labels of the seats.
    #[must_use]
    pub fn seats(self, performance: PerformanceId, places: &Places) -> Vec<String> {
        let performance = self.performance(performance);
        let label = |seat: &SeatNumber| {
            performance.map_or_else(String::new, |performance| performance.seat_label(*seat))
        };
        places.seats.iter().map(label).collect()
    }

    /// Places of general admission.
    #[must_use]
    pub fn sections(self, id: PerformanceId, places: &Places) -> Vec<SectionQuantityOut> {
        let performance = self.performance(id);
        let quantity = |place: &boxoffice_topics::outcome::PlaceQuantity| SectionQuantityOut {
            section: performance.map_or("", |it| it.section_code(place.section)).to_owned(),
            quantity: place.quantity,
        };
        places.quantities.iter().map(quantity).collect()
    }

    /// The stay that places are.
    #[must_use]
    pub fn stay(self, id: PerformanceId, places: &Places) -> Option<StayJson> {
        self.performance(id)?.stay_of(places).map(StayJson::from)
    }

    /// One ticket for each place: seats first, then section by section.
    #[must_use]
    pub fn tickets(self, order: OrderId, id: PerformanceId, places: &Places) -> Vec<TicketJson> {
        let Some(performance) = self.performance(id) else {
            return Vec::new();
        };
        let nothing = Money::zero(performance.definition().currency);
        let stay = performance.stay_of(places);
        let seats = places.seats.iter().map(|seat| {
            let price = performance.price_of_seat(*seat).unwrap_or(nothing);
            (Some(performance.seat_label(*seat)), None, price)
        });
        let standing = places.quantities.iter().flat_map(|place| {
            let price = performance.price_of_section(place.section).unwrap_or(nothing);
            let code = performance.section_code(place.section);
            (0..place.quantity).map(move |_| (None, Some(code.to_owned()), price))
        });
        let ticket = |(number, (seat, section, price)): (u32, (_, _, Money))| TicketJson {
            id: format!("{order}.{number}"),
            order: Shown(order),
            performance: Shown(id),
            seat,
            section,
            stay: stay.map(StayJson::from),
            price: price.into(),
        };
        (1..).zip(seats.chain(standing)).map(ticket).collect()
    }

    /// The tickets that a confirmed order has, without those that went back.
    #[must_use]
    pub fn tickets_of(self, order: &Order) -> Vec<TicketJson> {
        if order.state != OrderState::Confirmed {
            return Vec::new();
        }
        let all = self.tickets(order.id, order.performance, &order.places);
        let numbered = (1..).zip(all).filter(|(number, _)| !order.is_refunded(*number));
        numbered.map(|(_, ticket)| ticket).collect()
    }
}
