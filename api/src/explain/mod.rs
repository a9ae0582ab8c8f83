//! Why an intent was decided as it was: by which rule, and against which earlier record.
//!
//! A refusal about a seat, a hold, an order, a ticket, a coupon or a campaign has a record that stands
//! in its way: the last one before it that was about the same thing. A refusal by a limit has as many
//! as counted toward it. An order that waited has what became of it, and the wallet that refused it.
//! Others are not named: who asks learns that it was somebody else, and when.

mod campaign;
mod earlier;
mod from_log;
mod tally;
mod waited;
mod words;

use boxoffice_core::State;
use boxoffice_topics::codec::decode_whole;
use boxoffice_topics::envelope::EnvelopeError;
use boxoffice_topics::scaling::Post;
use boxoffice_topics::{
    AccountId, Intent, IntentId, Offset, Outcome, PartitionId, ScalingIntent, Step, Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;

pub use earlier::Subject;
pub use from_log::{ExplainError, from_log};
pub use tally::Tally;
pub use waited::{LaterJson, Waited, WalletTale};

use crate::json::moment;

/// What was asked: of a forwarded intent, what it carries.
///
/// # Errors
/// When what it carries is no intent.
pub fn asked_intent<'a>(intent: &'a Intent<'a>) -> Result<Intent<'a>, EnvelopeError> {
    match intent {
        Intent::Scaling(ScalingIntent::Bring { post: Post::Forward(forward), .. }) => {
            Ok(decode_whole(&forward.intent)?)
        }
        asked => Ok(asked.clone()),
    }
}

/// Why an intent was decided as it was.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExplanationJson {
    /// The intent.
    #[schema(example = "1018-2-77")]
    pub id: String,
    /// What was asked, as an intent's `type`.
    #[schema(example = "hold_seats")]
    pub asked: String,
    /// When it was decided.
    pub at: String,
    /// `accepted`, `refused` or `repeated`.
    pub decided: &'static str,
    /// The code of the rule that refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "seat_already_held")]
    pub rule: Option<&'static str>,
    /// What was decided, in plain words.
    #[schema(
        example = "Another hold has the seat. A-12-7 was held 41 ms earlier by another account."
    )]
    pub sentence: String,
    /// The figures of the rule, when it is one of numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub figures: Option<FiguresJson>,
    /// The record that stood in the way; of several, the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earlier: Option<EarlierJson>,
    /// Every record that counted toward the limit, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counted: Vec<EarlierJson>,
    /// What became of an order that had to wait for a coupon or for points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub later: Option<LaterJson>,
    /// That the record which stood in the way is too old to be found here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}

/// The figures of a rule: places, coupons, points or minor units, as the rule has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct FiguresJson {
    /// What the rule allows, or asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 4)]
    pub limit: Option<i64>,
    /// What counted already, or was there. Absent when that is too far back to be counted here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 3)]
    pub had: Option<i64>,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 2)]
    pub asked: Option<i64>,
}

/// A record that stood in the way.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EarlierJson {
    /// Its partition.
    pub partition: u16,
    /// Its offset.
    pub offset: u64,
    /// When it was decided.
    pub at: String,
    /// How many milliseconds before the intent, or before the refusal of an order that waited.
    pub milliseconds_before: i64,
    /// Who caused it: `you`, `another account`, `the payment provider` or `time`.
    pub by: &'static str,
    /// What it was about.
    #[schema(example = "A-12-7")]
    pub about: String,
    /// What had happened.
    #[schema(example = "held")]
    pub what: &'static str,
}

/// An intent with its step.
#[derive(Clone, Copy, Debug)]
pub struct Decided<'a> {
    /// The intent's name.
    pub id: IntentId,
    /// What was asked.
    pub intent: &'a Intent<'a>,
    /// What was decided.
    pub step: &'a Step,
}

/// What somebody has found about a decided intent.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What the refusal is about.
    pub subject: Option<Subject>,
    /// The last record about it.
    pub search: Search,
    /// What counted toward the limit.
    pub tally: Option<Tally>,
    /// What became of an order that waited.
    pub waited: Option<Waited>,
}

/// How far back somebody has looked for the record that stood in the way.
#[derive(Clone, Debug, Default)]
pub enum Search {
    /// It is this one, with the outcome that is about the subject.
    Found(Finding),
    /// There is none.
    #[default]
    Nothing,
    /// What is further back was not looked at.
    GaveUp,
}

/// A record that stood in the way.
#[derive(Clone, Debug)]
pub struct Finding {
    offset: Offset,
    at: Timestamp,
    account: AccountId,
    is_tick: bool,
    what: &'static str,
}

impl Finding {
    /// What a step says about a subject.
    #[must_use]
    pub fn in_step(step: &Step, subject: &Subject) -> Option<Self> {
        let what = step.outcomes.iter().rev().find_map(|outcome| subject.what(outcome))?;
        Some(Self::new(step, what))
    }

    fn new(step: &Step, what: &'static str) -> Self {
        Self {
            offset: step.offset,
            at: step.now,
            account: step.account,
            is_tick: step.intent.is_none(),
            what,
        }
    }

    fn shown(&self, decided: &Decided<'_>, partition: PartitionId, about: String) -> EarlierJson {
        let by = if self.is_tick {
            "time"
        } else if self.account == decided.step.account {
            "you"
        } else if self.account == AccountId::default() {
            "the payment provider"
        } else {
            "another account"
        };
        let milliseconds_before = decided.step.now.as_millis() - self.at.as_millis();
        EarlierJson {
            partition: partition.number(),
            offset: self.offset.number(),
            at: moment(self.at).0.to_string(),
            milliseconds_before,
            by,
            about,
            what: self.what,
        }
    }
}

impl<'a> Decided<'a> {
    /// What the refusal is about, when some record stood in its way. Labels are looked up in a
    /// state that knows the performance.
    #[must_use]
    pub fn subject(&self, state: &State) -> Option<Subject> {
        match self.step.reply() {
            Some(Outcome::Refused { refusal }) => Subject::of(self.intent, *refusal, state),
            _ => None,
        }
    }

    /// What has to be counted to explain the refusal, when it is one by a limit of the account.
    #[must_use]
    pub fn tally(&self, state: &State) -> Option<Tally> {
        match self.step.reply() {
            Some(Outcome::Refused { refusal }) => {
                Tally::of(self.intent, *refusal, self.step.account, state)
            }
            _ => None,
        }
    }

    /// The explanation, with what was found.
    #[must_use]
    pub fn explain(&self, evidence: &Evidence) -> ExplanationJson {
        let Evidence { subject, search, tally, waited } = evidence;
        let (decided, rule, said) = words::verdict(self.step.reply());
        let shown =
            |finding: &Finding, about: String| finding.shown(self, self.id.partition(), about);
        let counted: Vec<_> = tally.iter().flat_map(Tally::counted).collect();
        let counted: Vec<_> = counted.iter().map(|(it, about)| shown(it, about.clone())).collect();
        let earlier = match (subject, search) {
            (Some(subject), Search::Found(found)) => Some(shown(found, subject.to_string())),
            _ => counted.last().cloned(),
        };
        let earlier = earlier.or_else(|| waited.as_ref()?.earlier(self));
        let figures = tally.as_ref().map(Tally::figures);
        let figures = figures.or_else(|| subject.as_ref()?.figures());
        let figures = figures.or_else(|| waited.as_ref()?.figures());
        let later = waited.as_ref().and_then(|waited| waited.shown(self));
        let is_too_old = matches!((subject, search), (Some(_), Search::GaveUp))
            || tally.as_ref().is_some_and(|tally| !tally.is_complete())
            || waited.as_ref().is_some_and(Waited::is_cut_short);
        ExplanationJson {
            id: self.id.to_string(),
            asked: self.intent.name().to_owned(),
            at: moment(self.step.now).0.to_string(),
            decided,
            rule,
            sentence: words::sentence(said, later.as_ref(), earlier.as_ref(), figures.as_ref()),
            figures,
            earlier,
            counted,
            later,
            note: is_too_old.then_some(TOO_OLD),
        }
    }
}

/// What is said of what is too far back.
const TOO_OLD: &str = "the record that stood in the way is too old to be found online; \
     `boxoffice explain` reads the whole log";
