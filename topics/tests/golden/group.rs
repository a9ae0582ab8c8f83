//! A group of variants that came later: a line for each intent, then one for a step with every outcome.

use super::*;

/// Today writes exactly these lines.
#[track_caller]
pub(super) fn check_written(golden: &str, intents: &[Intent<'_>], step: &Step) {
    let mut records: Vec<_> =
        intents.iter().map(|intent| intent_to_record(&header(), intent)).collect();
    records.push(step_to_record_alone(step));
    let written = records.iter().map(|record| hex(record) + "\n").collect::<String>();
    assert!(written == golden, "the bytes of records changed:\n{written}");
}

/// Today reads these lines as they were meant.
#[track_caller]
pub(super) fn check_read(golden: &str, intents: &[Intent<'_>], step: &Step) {
    let records: Vec<_> = golden.lines().map(unhex).collect();
    let (last, asked) = records.split_last().unwrap();
    let read: Vec<_> = asked.iter().map(|record| intent_from_record(record).unwrap().1).collect();
    assert_eq!(read, intents);
    assert_eq!(step_from_record(last).unwrap().1, *step);
}
