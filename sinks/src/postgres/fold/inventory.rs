//! Channels, what is set aside for them and what was bought with their codes.

use boxoffice_topics::inventory::{
    ChannelNumber, ChannelRules, ChannelUse, SeatRange, SectionPlaces,
};
use boxoffice_topics::{HoldId, InventoryOutcome, PerformanceId};

use super::{At, Fold, seat_number, uuid};
use crate::postgres::columns::{AllotmentKind, Moment};
use crate::postgres::error::Error;
use crate::postgres::rows::{AllotmentRow, ChannelHoldRow, ChannelRow, CompanionReleaseRow};

impl Fold {
    pub(super) fn apply_inventory(
        &mut self,
        at: At,
        outcome: &InventoryOutcome,
    ) -> Result<(), Error> {
        match outcome {
            InventoryOutcome::ChannelSet { performance, channel, code, rules } => {
                self.set_channel(at, (*performance, *channel), code, rules);
            }
            InventoryOutcome::SetAside { performance, channel, seats, places } => {
                let of = (*performance, *channel);
                self.move_places(at, of, AllotmentKind::SetAside, seats, places);
                self.channels.change(&key(of))?.released_at = None;
            }
            InventoryOutcome::Released { performance, channel, seats, places, is_all } => {
                let of = (*performance, *channel);
                self.move_places(at, of, AllotmentKind::Released, seats, places);
                if *is_all {
                    self.channels.change(&key(of))?.released_at = Some(at.now);
                }
            }
            InventoryOutcome::CompanionsReleased { performance } => {
                let performance_id = uuid(performance.as_u128());
                let row = CompanionReleaseRow { performance_id, released_at: at.now };
                self.companion_releases.put(row);
            }
        }
        Ok(())
    }

    /// Takes a hold that has places of a channel.
    pub(super) fn add_channel_hold(
        &mut self,
        hold: HoldId,
        performance: PerformanceId,
        of: ChannelUse,
    ) {
        self.channel_holds.put(ChannelHoldRow {
            hold_id: hold.0.packed(),
            performance_id: uuid(performance.as_u128()),
            channel: of.channel.0.into(),
        });
    }

    fn set_channel(
        &mut self,
        at: At,
        of: (PerformanceId, ChannelNumber),
        code: &str,
        rules: &ChannelRules,
    ) {
        let (performance_id, channel) = key(of);
        let before = self.channels.get(&(performance_id, channel));
        let row = ChannelRow {
            performance_id,
            channel,
            name: code.to_owned(),
            uses_max: rules.uses_max.map(i64::from),
            releases_at: rules.releases_at.map(Moment),
            released_at: before.and_then(|before| before.released_at),
            created_at: before.map_or(at.now, |before| before.created_at),
            changed_at: at.now,
        };
        self.channels.put(row);
    }

    fn move_places(
        &mut self,
        at: At,
        of: (PerformanceId, ChannelNumber),
        kind: AllotmentKind,
        seats: &[SeatRange],
        places: &[SectionPlaces],
    ) {
        let (performance_id, channel) = key(of);
        let seats =
            seats.iter().map(|range| (Some(seat_number(range.first)), None, range.seats.into()));
        let places = places
            .iter()
            .map(|places| (None, Some(places.section.0.into()), places.quantity.into()));
        for (number, (first_seat, section, quantity)) in (1..).zip(seats.chain(places)) {
            self.allotments.put(AllotmentRow {
                performance_id,
                channel,
                step_offset: at.name.offset().number().cast_signed(),
                outcome_index: at.name.index().into(),
                number,
                kind,
                first_seat,
                section,
                quantity,
                moved_at: at.now,
            });
        }
    }
}

/// The key of a channel's row.
pub(in crate::postgres) fn key(
    (performance, channel): (PerformanceId, ChannelNumber),
) -> (uuid::Uuid, i32) {
    (uuid(performance.as_u128()), channel.0.into())
}
