//! Putting a performance into the house, and opening and closing its sale.

use boxoffice_topics::{
    Offset, Outcome, PerformanceDefinition, PerformanceId, Refusal, RefusalCode,
};

use crate::decide::Asked;
use crate::performance::{Performance, SaleState, SaleSwitch};
use crate::refund;
use crate::state::{PERFORMANCES_MAX, State};

pub(crate) fn create_performance(
    asked: &Asked<'_>,
    definition: &PerformanceDefinition,
) -> Result<Outcome, Refusal> {
    if definition.validate().is_err() {
        return Err(RefusalCode::DefinitionInvalid.into());
    }
    if asked.state.performance(definition.performance).is_some() {
        return Err(RefusalCode::PerformanceAlreadyExists.into());
    }
    if asked.state.performances.len() >= PERFORMANCES_MAX {
        return Err(RefusalCode::PerformanceLimitReached.into());
    }
    Ok(Outcome::PerformanceCreated { definition: Box::new(definition.clone()) })
}

pub(crate) fn open_sale(asked: &Asked<'_>, id: PerformanceId) -> Result<Outcome, Refusal> {
    refund::check_not_cancelled(asked, id)?;
    match asked.performance(id)?.sale_state(asked.now) {
        SaleState::Open => Err(RefusalCode::SaleAlreadyOpen.into()),
        SaleState::Scheduled | SaleState::Closed => Ok(Outcome::SaleOpened { performance: id }),
    }
}

pub(crate) fn close_sale(asked: &Asked<'_>, id: PerformanceId) -> Result<Outcome, Refusal> {
    refund::check_not_cancelled(asked, id)?;
    match asked.performance(id)?.sale_state(asked.now) {
        SaleState::Closed => Err(RefusalCode::SaleAlreadyClosed.into()),
        SaleState::Scheduled | SaleState::Open => Ok(Outcome::SaleClosed { performance: id }),
    }
}

impl State {
    /// Adds a performance that is new, and what time does to it.
    pub(crate) fn begin_performance(&mut self, definition: &PerformanceDefinition, at: Offset) {
        self.add_performance(definition, at);
        self.arm_companions(definition.performance);
    }

    pub(crate) fn add_performance(&mut self, definition: &PerformanceDefinition, at: Offset) {
        let performance = Performance::new(definition.clone(), at);
        let index = self.performances.len();
        let before = self.performance_by_id.insert(performance.id(), index);
        assert!(before.is_none(), "a performance is created twice");
        self.performances.push(performance);
    }

    /// Opens or closes a sale, and its waiting room with it.
    pub(crate) fn switch_sale(&mut self, id: PerformanceId, switch: SaleSwitch) {
        self.performance_mut(id).switch = switch;
        self.schedule_room(id);
    }
}

#[cfg(test)]
mod tests {
    use boxoffice_topics::Timestamp;

    use crate::tables::{check, check_house, house};

    #[test]
    fn a_sale_opens_and_closes_by_hand() {
        check_house(
            house(),
            "promoter open        => refused performance_unknown
             promoter create      => created
             promoter create      => refused performance_already_exists
             alice    seats A-1-1 => refused sale_not_open
             promoter open        => opened
             promoter open        => refused sale_already_open
             alice    seats A-1-1 => held h1 A-1-1 100 asasked
             promoter close       => closed
             promoter close       => refused sale_already_closed
             alice    best 1      => refused sale_closed
             alice    floor FLOOR:1 => refused sale_closed
             alice    order h1    => placed o1 100
             promoter open        => opened
             promoter elsewhere   => refused performance_unknown",
        );
    }

    #[test]
    fn a_sale_opens_and_closes_by_schedule() {
        let mut house = house();
        house.sale.opens_at = Some(Timestamp::from_millis(1_000));
        house.sale.closes_at = Some(Timestamp::from_millis(2_000));
        check_house(
            house,
            "promoter create       => created
             alice    seats A-1-1  => refused sale_not_open
             after 1000            => nothing
             alice    seats A-1-1  => held h1 A-1-1 100 asasked
             after 1000            => nothing
             alice    seats A-1-2  => refused sale_closed
             promoter open         => opened
             alice    seats A-1-2  => held h2 A-1-2 100 asasked",
        );
    }

    #[test]
    fn a_sale_that_is_opened_early_closes_by_schedule() {
        let mut house = house();
        house.sale.closes_at = Some(Timestamp::from_millis(2_000));
        check_house(
            house,
            "promoter create       => created
             promoter open         => opened
             alice    seats A-1-1  => held h1 A-1-1 100 asasked
             after 2000            => nothing
             alice    seats A-1-2  => refused sale_closed",
        );
    }

    #[test]
    fn an_invalid_definition_is_refused() {
        let mut house = house();
        house.price_levels.clear();
        check_house(house, "promoter create => refused definition_invalid");
    }

    #[test]
    fn a_repeated_key_gets_the_first_answer() {
        check(
            "alice seats A-1-1 key=k1  => held h1 A-1-1 100 asasked
             alice seats A-1-1 key=k1  => repeated 3
             alice seats A-1-2 key=k1  => refused idempotency_key_reused
             alice seats A-1-1 key=k1  => repeated 3
             bob   seats A-1-1 key=k2  => refused seat_already_held@0
             alice release h1          => released h1
             bob   seats A-1-1 key=k2  => repeated 7
             after 86400000            => nothing
             after 1                   => nothing
             alice seats A-1-1 key=k1  => held h2 A-1-1 100 asasked",
        );
    }
}
