//! Where seats are: from labels to dense numbers and back. Derived from the definition and
//! never changed.

use std::ops::Range;

use boxoffice_topics::inventory::{RowSold, SeatRange};
use boxoffice_topics::{PerformanceDefinition, SeatNumber, Section, SectionKind, SectionNumber};
use rustc_hash::FxHashMap;

/// A row of seats; its seats are numbered side by side from `first`.
#[derive(Clone, Debug)]
pub(crate) struct RowLayout {
    pub(crate) section: SectionNumber,
    /// Index of the row in its section.
    pub(crate) in_section: u16,
    pub(crate) first: SeatNumber,
    pub(crate) first_label: u16,
    pub(crate) seats: u16,
    pub(crate) price_level: u16,
    /// One bit for each accessible seat.
    pub(crate) accessible: u128,
    /// One bit for each companion seat.
    pub(crate) companions: u128,
    /// A table, and how many of its seats may stay empty.
    pub(crate) table: Option<u16>,
}

impl RowLayout {
    /// All of its seats.
    pub(crate) fn range(&self) -> SeatRange {
        SeatRange { first: self.first, seats: self.seats.into() }
    }

    /// The bit of one of its seats.
    pub(crate) fn bit(&self, seat: SeatNumber) -> u128 {
        bit(u16::try_from(seat.0.saturating_sub(self.first.0)).unwrap_or(u16::MAX))
    }

    /// The bits of its seats that are in a range.
    pub(crate) fn bits_within(&self, range: SeatRange) -> u128 {
        let own = self.range();
        let index = |seat: u32| {
            let inside = seat.clamp(own.first.0, own.end()).saturating_sub(own.first.0);
            bits(u16::try_from(inside).unwrap_or(u16::MAX))
        };
        index(range.end()) & !index(range.first.0)
    }

    /// The bits of those of some seats that are its own.
    pub(crate) fn bits_of(&self, seats: &[SeatNumber]) -> u128 {
        let own = |seat: &&SeatNumber| (self.first.0..self.range().end()).contains(&seat.0);
        seats.iter().filter(own).fold(0, |bits, seat| bits | self.bit(*seat))
    }
}

/// A section that is sold by count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GeneralAdmission {
    pub(crate) capacity: u32,
    pub(crate) price_level: u16,
}

#[derive(Clone, Debug)]
struct SectionLayout {
    rows: Range<usize>,
    row_by_label: FxHashMap<Box<str>, usize>,
    general_admission: Option<GeneralAdmission>,
}

#[derive(Clone, Debug)]
pub(crate) struct Layout {
    sections: Vec<SectionLayout>,
    section_by_code: FxHashMap<Box<str>, SectionNumber>,
    rows: Vec<RowLayout>,
    /// Index of the row of each seat.
    row_of_seat: Vec<u16>,
    price_level_by_code: FxHashMap<Box<str>, u16>,
    /// Every row is sold seat by seat.
    is_plain: bool,
}

impl Layout {
    pub(crate) fn of(definition: &PerformanceDefinition) -> Self {
        let codes = definition.price_levels.iter().map(|level| Box::from(&*level.code));
        let mut layout = Self {
            sections: Vec::with_capacity(definition.sections.len()),
            section_by_code: FxHashMap::default(),
            rows: Vec::new(),
            row_of_seat: Vec::new(),
            price_level_by_code: codes.zip(0..).collect(),
            is_plain: true,
        };
        for (number, section) in (0..).zip(&definition.sections) {
            layout.add(SectionNumber(number), section);
        }
        layout
    }

    fn add(&mut self, number: SectionNumber, section: &Section) {
        let first_row = self.rows.len();
        let mut row_by_label = FxHashMap::default();
        for (in_section, row) in (0..).zip(section.rows()) {
            let index = self.rows.len();
            row_by_label.insert(Box::from(&*row.label), index);
            let first = u32::try_from(self.row_of_seat.len())
                .unwrap_or_else(|_| unreachable!("definitions have a seat limit"));
            let index = u16::try_from(index)
                .unwrap_or_else(|_| unreachable!("definitions have a row limit"));
            self.row_of_seat.extend(std::iter::repeat_n(index, row.seats.into()));
            let bit = |seat: &u16| bit(seat.saturating_sub(row.first_seat));
            let table = match row.sold {
                Some(RowSold::Whole { empty_seats_max }) => Some(empty_seats_max),
                Some(RowSold::WithCompanions { .. }) | None => None,
            };
            self.is_plain &= row.sold.is_none();
            self.rows.push(RowLayout {
                section: number,
                in_section,
                first: SeatNumber(first),
                first_label: row.first_seat,
                seats: row.seats,
                price_level: row.price_level,
                accessible: row.accessible.iter().map(bit).fold(0, |bits, bit| bits | bit),
                companions: row.companions().iter().map(bit).fold(0, |bits, bit| bits | bit),
                table,
            });
        }
        let general_admission = match section.kind {
            SectionKind::Reserved { .. } => None,
            SectionKind::GeneralAdmission { capacity, price_level } => {
                Some(GeneralAdmission { capacity, price_level })
            }
        };
        let rows = first_row..self.rows.len();
        self.sections.push(SectionLayout { rows, row_by_label, general_admission });
        self.section_by_code.insert(Box::from(&*section.code), number);
    }

    /// The seat with the label `section-row-seat`; a number has one spelling.
    pub(crate) fn seat(&self, label: &str) -> Option<SeatNumber> {
        let (section, rest) = label.split_once('-')?;
        let (row, seat) = rest.split_once('-')?;
        let section = self.sections.get(usize::from(self.section(section)?.0))?;
        let row = self.rows.get(*section.row_by_label.get(row)?)?;
        let canonical = seat.bytes().all(|byte| byte.is_ascii_digit())
            && (seat == "0" || !seat.starts_with('0'));
        let number: u16 = canonical.then(|| seat.parse().ok()).flatten()?;
        let index = number.checked_sub(row.first_label)?;
        let inside = index < row.seats;
        inside.then(|| SeatNumber(row.first.0.saturating_add(index.into())))
    }

    /// The row with the label `section-row`.
    pub(crate) fn row(&self, label: &str) -> Option<&RowLayout> {
        let (section, row) = label.split_once('-')?;
        let section = self.sections.get(usize::from(self.section(section)?.0))?;
        self.rows.get(*section.row_by_label.get(row)?)
    }

    /// All seats of a section; `None` in general admission.
    pub(crate) fn seats_of(&self, section: SectionNumber) -> Option<SeatRange> {
        let rows = self.rows.get(self.rows_of(section))?;
        let (first, last) = (rows.first()?.first, rows.last()?.range().end());
        Some(SeatRange { first, seats: last.saturating_sub(first.0) })
    }

    /// Whether every row is sold seat by seat.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain
    }

    pub(crate) fn label(&self, of: &PerformanceDefinition, seat: SeatNumber) -> Option<String> {
        let row = self.row_of(seat)?;
        let section = of.sections.get(usize::from(row.section.0))?;
        let label = &section.rows().get(usize::from(row.in_section))?.label;
        let index = seat.0.checked_sub(row.first.0)?;
        let number = u32::from(row.first_label).checked_add(index)?;
        Some(format!("{}-{label}-{number}", section.code))
    }

    pub(crate) fn section(&self, code: &str) -> Option<SectionNumber> {
        self.section_by_code.get(code).copied()
    }

    pub(crate) fn price_level(&self, code: &str) -> Option<u16> {
        self.price_level_by_code.get(code).copied()
    }

    pub(crate) fn sections(&self) -> usize {
        self.sections.len()
    }

    pub(crate) fn general_admission(&self, section: SectionNumber) -> Option<GeneralAdmission> {
        self.sections.get(usize::from(section.0))?.general_admission
    }

    /// Indexes of the rows of a section.
    pub(crate) fn rows_of(&self, section: SectionNumber) -> Range<usize> {
        self.sections.get(usize::from(section.0)).map_or(0..0, |section| section.rows.clone())
    }

    pub(crate) fn rows(&self) -> &[RowLayout] {
        &self.rows
    }

    pub(crate) fn seat_count(&self) -> usize {
        self.row_of_seat.len()
    }

    pub(crate) fn row_index_of(&self, seat: SeatNumber) -> Option<usize> {
        let index = self.row_of_seat.get(usize::try_from(seat.0).ok()?)?;
        Some(usize::from(*index))
    }

    /// The rows that have seats of a range, with their indexes.
    pub(crate) fn rows_within(
        &self,
        range: SeatRange,
    ) -> impl Iterator<Item = (usize, &RowLayout)> {
        let last = SeatNumber(range.end().saturating_sub(1));
        let rows = self.row_index_of(range.first).zip(self.row_index_of(last));
        let rows = rows.map_or(0..0, |(first, last)| first..last.saturating_add(1));
        rows.clone().zip(self.rows.get(rows).unwrap_or(&[]))
    }

    pub(crate) fn row_of(&self, seat: SeatNumber) -> Option<&RowLayout> {
        self.rows.get(self.row_index_of(seat)?)
    }
}

/// The bit of a seat in the bits of its row.
pub(crate) fn bit(index: u16) -> u128 {
    1_u128.checked_shl(index.into()).unwrap_or(0)
}

/// As many bits as a row has seats.
pub(crate) fn bits(seats: u16) -> u128 {
    bit(seats).wrapping_sub(1)
}
