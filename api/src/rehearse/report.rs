//! What a rehearsal prints: one JSON object for programs, or a page for people.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::audit::{Audit, TicketCount};
use super::findings::Invariant;
use super::scaling::Scaled;
use super::verdict::{Compared, Verdict};

/// Everything that a rehearsal found out.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) seed: u64,
    pub(super) buyers: u32,
    pub(super) performances: Vec<String>,
    /// From the opening to the last buyer's last answer.
    pub(super) sale_time: Duration,
    /// What was moved meanwhile.
    pub(super) scaling: Vec<Scaled>,
    pub(super) answered: u64,
    pub(super) retries: u64,
    pub(super) latency_micros: Histogram<u64>,
    pub(super) audit: Audit,
    /// None when it could not be compared.
    pub(super) replay_identical: Option<bool>,
    /// None when there is no database, or it could not be compared.
    pub(super) postgres_identical: Option<bool>,
    /// Where the data directory was kept.
    pub(super) data_dir: Option<PathBuf>,
}

impl Report {
    /// Takes over what was found after the server had ended.
    pub(super) fn take(&mut self, verdict: Verdict) {
        let findings = &mut self.audit.findings;
        let mut note = |invariant, compared: Option<Compared>| {
            let Compared { records, differences } = compared?;
            findings.held(invariant, records.saturating_sub(differences.len() as u64));
            let identical = differences.is_empty();
            for difference in differences {
                findings.note(invariant, || difference);
            }
            Some(identical)
        };
        self.replay_identical = note(Invariant::ReplayIdentical, verdict.replay);
        self.postgres_identical = note(Invariant::PostgresIdentical, verdict.postgres);
        if let Some(totals) = verdict.totals {
            self.audit.check_rows(totals);
        }
    }

    /// Whether every promise was kept.
    pub(super) fn is_clean(&self) -> bool {
        self.audit.findings.is_clean()
    }

    fn intents_per_second(&self) -> f64 {
        self.answered as f64 / self.sale_time.as_secs_f64().max(0.001)
    }

    fn latency_ms(&self, quantile: f64) -> f64 {
        self.latency_micros.value_at_quantile(quantile) as f64 / 1_000.0
    }

    /// The report for programs.
    pub(super) fn to_json(&self) -> Value {
        let audit = &self.audit;
        let violations: Vec<Value> = audit
            .findings
            .iter()
            .map(|(invariant, finding)| {
                json!({
                    "invariant": invariant.code(), "promise": invariant.promise(),
                    "count": finding.count, "details": finding.details,
                })
            })
            .collect();
        json!({
            "buyers": self.buyers,
            "seed": self.seed,
            "performances": self.performances,
            "accepted": audit.accepted,
            "acknowledged": audit.acknowledged,
            "replies": audit.replies,
            "retries": self.retries,
            "sold_seats": audit.sold_seats,
            "double_sold": audit.double_sold,
            "lost": audit.lost,
            "refused": audit.refused,
            "seats": {
                "sold": audit.places.sold, "free": audit.places.free, "held": audit.places.held,
            },
            "money": {
                "captured": audit.money.captured, "refunded": audit.money.refunded,
                "tickets": audit.money.tickets, "kept": audit.money.kept, "discounts": audit.money.discounts,
                "points": audit.money.points,
            },
            "coupons": {"issued": audit.coupons.issued, "used": audit.coupons.used},
            "points": {
                "spent": audit.points.spent, "earned": audit.points.earned,
                "left": audit.points.left,
            },
            "tickets": {
                "returned": audit.tickets.returned, "transferred": audit.tickets.transferred,
                "admitted": audit.tickets.admitted,
            },
            "scaling": self.scaling.iter().map(scaled).collect::<Vec<_>>(),
            "sale_seconds": rounded(self.sale_time.as_secs_f64()),
            "intents_per_second": rounded(self.intents_per_second()),
            "latency_ms": {
                "p50": rounded(self.latency_ms(0.5)), "p99": rounded(self.latency_ms(0.99)),
                "max": rounded(self.latency_micros.max() as f64 / 1_000.0),
            },
            "replay_identical": self.replay_identical,
            "postgres_identical": self.postgres_identical,
            "data_dir": self.data_dir,
            "violations": violations,
            "invariants": self.invariants(),
        })
    }

    /// The report for people.
    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let audit = &self.audit;
        let (places, money) = (audit.places, audit.money);
        writeln!(to, "{} buyers, seed {}", self.buyers, self.seed)?;
        writeln!(
            to,
            "  {} intents accepted, {} replies, {} sent again",
            audit.accepted, audit.replies, self.retries
        )?;
        writeln!(
            to,
            "  {:.0} intents/s over {:.1} s; latency p50 {:.1} ms, p99 {:.1} ms",
            self.intents_per_second(),
            self.sale_time.as_secs_f64(),
            self.latency_ms(0.5),
            self.latency_ms(0.99)
        )?;
        writeln!(to, "  places: {} sold, {} free, {} held", places.sold, places.free, places.held)?;
        writeln!(
            to,
            "  money: {} captured, {} refunded, {} in tickets, {} kept of others",
            money.captured, money.refunded, money.tickets, money.kept
        )?;
        self.write_reductions(to)?;
        self.write_scaling(to)?;
        writeln!(to, "refused")?;
        for (code, count) in &audit.refused {
            writeln!(to, "  {count:>8}  {code}")?;
        }
        writeln!(to, "audit")?;
        for invariant in Invariant::ALL {
            self.write_invariant(to, *invariant)?;
        }
        if let Some(data_dir) = &self.data_dir {
            writeln!(to, "data directory: {}", data_dir.display())?;
        }
        Ok(())
    }

    /// Tickets, coupons and points, when there were any.
    fn write_reductions(&self, to: &mut impl Write) -> io::Result<()> {
        let Audit { coupons, points, money, tickets, .. } = &self.audit;
        let TicketCount { returned, transferred, admitted } = *tickets;
        if returned + transferred + admitted > 0 {
            writeln!(
                to,
                "  tickets: {returned} given back, {transferred} given away, {admitted} admitted"
            )?;
        }
        if coupons.issued > 0 {
            let (issued, used, off) = (coupons.issued, coupons.used, money.discounts);
            writeln!(to, "  coupons: {issued} issued, {used} used, {off} off live tickets")?;
        }
        if points.left > 0 || points.spent > 0 {
            let (spent, earned, left) = (points.spent, points.earned, points.left);
            writeln!(to, "  points: {spent} spent, {earned} earned, {left} left")?;
        }
        Ok(())
    }

    /// What was moved, when something was.
    fn write_scaling(&self, to: &mut impl Write) -> io::Result<()> {
        self.scaling.iter().try_for_each(|step| {
            writeln!(
                to,
                "  {} partitions: {} moves, {} slots; {} with performances, which waited {:.1} ms \
                 (median), {:.1} ms at most",
                step.to,
                step.moves,
                step.slots,
                step.with_performances,
                millis(step.pause_median),
                millis(step.pause_max)
            )
        })
    }

    fn write_invariant(&self, to: &mut impl Write, invariant: Invariant) -> io::Result<()> {
        let (id, promise) = (invariant.id(), invariant.promise());
        let findings = &self.audit.findings;
        let checked = findings.checked(invariant);
        let Some(finding) = findings.of(invariant) else {
            let verdict = if checked > 0 { "held" } else { "not checked" };
            return writeln!(to, "  {id:<4} {verdict:<11} {checked:>9}  {promise}");
        };
        let broken = finding.count;
        writeln!(to, "  {id:<4} BROKEN      {checked:>9}  {promise}: {broken} times")?;
        finding.details.iter().try_for_each(|detail| writeln!(to, "         {detail}"))
    }

    /// Every promise, with how many facts were checked and how it was broken.
    fn invariants(&self) -> Vec<Value> {
        let findings = &self.audit.findings;
        let line = |invariant: &Invariant| {
            let broken = findings.of(*invariant);
            json!({
                "id": invariant.id(), "code": invariant.code(), "promise": invariant.promise(),
                "checked": findings.checked(*invariant),
                "violations": broken.map_or(0, |finding| finding.count),
                "details": broken.map_or(&[][..], |finding| &finding.details),
            })
        };
        Invariant::ALL.iter().map(line).collect()
    }
}

/// One step of a scaling for programs.
fn scaled(step: &Scaled) -> Value {
    json!({
        "to": step.to, "moves": step.moves, "slots": step.slots,
        "with_performances": step.with_performances,
        "pause_median_ms": rounded(millis(step.pause_median)),
        "pause_max_ms": rounded(millis(step.pause_max)),
    })
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}
