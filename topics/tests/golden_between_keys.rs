//! Bytes of messages, coupons and points stay readable, and are written the same way today.
//!
//! `testdata/v1_between_keys.hex` is never edited: it has one line for each record. Fields that
//! older records gained are here with a value; `golden.rs` has them without.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write as _;

use boxoffice_topics::coupon::{
    CampaignScope, CouponChoice, CouponReduction, CouponTerms, Discount, Issuer,
};
use boxoffice_topics::envelope::{
    ChainHash, intent_from_record, intent_to_record, step_from_record, step_to_record,
};
use boxoffice_topics::outcome::EffectName;
use boxoffice_topics::points::{LotPart, PointsSource};
use boxoffice_topics::reductions::{Awaited, ReservingOrder};
use boxoffice_topics::{
    AccountId, CampaignDefinition, CampaignId, CouponId, CouponIntent, CouponOutcome, Currency,
    Header, HoldId, Intent, IntentId, IntentKey, LogId, LotId, Message, Money, Offset, OrderId,
    Outcome, PartitionId, PaymentId, PerformanceId, Places, PointsIntent, PointsOutcome,
    PointsRule, Reductions, RefusalCode, Slot, Step, Timestamp,
};

const GOLDEN: &str = include_str!("../testdata/v1_between_keys.hex");

const SHOW: PerformanceId = PerformanceId::from_u128(7);
const ACCOUNT: AccountId = AccountId::from_u128(9);
const AT: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn name(offset: u64) -> IntentId {
    let slot = Slot::new(1_018).unwrap();
    IntentId::new(slot, PartitionId::new(2).unwrap(), Offset::new(offset))
}

fn effect() -> EffectName {
    EffectName::new(PartitionId::new(2).unwrap(), Offset::new(80), 1)
}

fn won(minor: i64) -> Money {
    Money::new(minor, Currency::KRW)
}

fn terms(reduction: CouponReduction, issuer: Issuer) -> CouponTerms {
    CouponTerms {
        reduction,
        currency: Currency::KRW,
        minimum_spend_minor: 50_000,
        price_levels: vec!["R".into(), "S".into()],
        issuer,
        uses: 1,
        expires_at: AT.plus_days(30),
        returned_on_refund: true,
    }
}

fn percent() -> CouponTerms {
    let reduction = CouponReduction::Percent { basis_points: 1_000, cap_minor: Some(30_000) };
    terms(reduction, Issuer::Promoter)
}

fn campaign(scope: CampaignScope, terms: CouponTerms) -> Box<CampaignDefinition> {
    Box::new(CampaignDefinition {
        name: "Spring".into(),
        scope,
        code: Some("SPRING26".into()),
        opens_at: AT,
        closes_at: AT.plus_days(1),
        quantity: 100_000,
        account_limit: 1,
        terms,
    })
}

fn local() -> Box<CampaignDefinition> {
    let fixed = terms(CouponReduction::Fixed { amount_minor: 10_000 }, Issuer::Platform);
    campaign(CampaignScope::Performance { performance: SHOW }, fixed)
}

fn spanning() -> Box<CampaignDefinition> {
    let performances = vec![SHOW, PerformanceId::from_u128(8)];
    campaign(
        CampaignScope::Performances { slot: Slot::new(4_095).unwrap(), performances },
        percent(),
    )
}

fn messages() -> Vec<Message> {
    let (performance, account, amount) = (SHOW, ACCOUNT, won(5_000));
    let (campaign, coupon, order) = (CampaignId(name(60)), CouponId(name(61)), OrderId(name(78)));
    let (version, code, expires_at) = (1, RefusalCode::CouponUsedUp, AT);
    let terms = Box::new(percent());
    vec![
        Message::CampaignAnnounced { performance, campaign, version, terms },
        Message::CouponGranted { performance, campaign, version, coupon, account },
        Message::CouponSpent { performance, coupon },
        Message::ReserveCoupon { coupon, order, account },
        Message::CouponReserved { order, coupon },
        Message::CouponRefused { order, coupon, code },
        Message::CommitCoupon { coupon, order },
        Message::ReleaseCoupon { coupon, order },
        Message::ReturnCoupon { coupon, order },
        Message::ReservePoints { account, order, amount },
        Message::PointsReserved { order, account },
        Message::PointsRefused { order, code },
        Message::CommitPoints { account, order },
        Message::ReleasePoints { account, order },
        Message::EarnPoints { account, order, amount, expires_at },
        Message::RestorePoints { account, order, amount, expires_at },
        Message::TakeBackPoints { account, order, amount },
    ]
}

fn intents() -> Vec<Intent<'static>> {
    let (hold, campaign) = (HoldId(name(77)), CampaignId(name(60)));
    let place = |coupon, points_minor| Intent::PlaceOrder { hold, coupon, points_minor };
    let rule = PointsRule { earned_basis_points: 100, earned_days: 180, restored_days: 30 };
    let mut intents = vec![
        place(Some(CouponChoice::Best), None),
        place(Some(CouponChoice::Nothing), Some(5_000)),
        place(Some(CouponChoice::Named(CouponId(name(61)))), None),
        Intent::Coupon(CouponIntent::CreateCampaign { definition: local() }),
        Intent::Coupon(CouponIntent::CreateCampaign { definition: spanning() }),
        Intent::Coupon(CouponIntent::ChangeCampaign { campaign, definition: local() }),
        Intent::Coupon(CouponIntent::PauseCampaign { campaign }),
        Intent::Coupon(CouponIntent::ResumeCampaign { campaign }),
        Intent::Coupon(CouponIntent::ClaimCoupon { campaign, code: None }),
        Intent::Coupon(CouponIntent::ClaimCoupon { campaign, code: Some("SPRING26") }),
        Intent::Points(PointsIntent::SetPointsRule { performance: SHOW, rule }),
        Intent::Points(PointsIntent::GrantPoints {
            account: ACCOUNT,
            amount: won(5_000),
            expires_at: AT,
        }),
    ];
    let deliver = |message| Intent::Deliver { from: effect(), message };
    intents.extend(messages().into_iter().map(deliver));
    intents
}

fn coupon_outcomes() -> Vec<CouponOutcome> {
    let (performance, account) = (SHOW, ACCOUNT);
    let (campaign, coupon, order) = (CampaignId(name(60)), CouponId(name(61)), OrderId(name(78)));
    let (version, number) = (1, 99_999);
    vec![
        CouponOutcome::CampaignCreated { campaign, definition: local() },
        CouponOutcome::CampaignChanged { campaign, definition: spanning(), version },
        CouponOutcome::CampaignPaused { campaign },
        CouponOutcome::CampaignResumed { campaign },
        CouponOutcome::Issued { coupon, campaign, account, version, number },
        CouponOutcome::Reserved { coupon, order },
        CouponOutcome::Used { coupon, order },
        CouponOutcome::Released { coupon, order },
        CouponOutcome::Returned { coupon, order },
        CouponOutcome::Announced { performance, campaign, version, terms: Box::new(percent()) },
        CouponOutcome::Granted { performance, campaign, version, coupon, account },
        CouponOutcome::Spent { performance, coupon },
    ]
}

fn points_outcomes() -> Vec<PointsOutcome> {
    let (account, order, amount) = (ACCOUNT, OrderId(name(78)), won(5_000));
    let (lot, expires_at, debt_paid_minor) = (LotId(name(50)), AT, 20);
    let parts = vec![LotPart { lot, minor: 4_000 }, LotPart { lot: LotId(name(51)), minor: 1_000 }];
    let credited = |source| PointsOutcome::Credited {
        account,
        lot,
        amount,
        debt_paid_minor,
        expires_at,
        source,
    };
    let rule = PointsRule { earned_basis_points: 100, earned_days: 180, restored_days: 30 };
    vec![
        PointsOutcome::RuleSet { performance: SHOW, rule },
        credited(PointsSource::Granted),
        credited(PointsSource::Earned(order)),
        credited(PointsSource::Restored(order)),
        PointsOutcome::Reserved { account, order, amount, parts: parts.clone() },
        PointsOutcome::Committed { account, order, amount },
        PointsOutcome::Released { account, order, amount, debt_paid_minor },
        PointsOutcome::TakenBack { account, order, amount, parts, debt_minor: 300 },
        PointsOutcome::Expired { account, lot, amount },
    ]
}

fn outcomes() -> Vec<Outcome> {
    let (performance, account) = (SHOW, ACCOUNT);
    let (hold, order) = (HoldId(name(77)), OrderId(name(78)));
    let discount = Some(Discount {
        coupon: CouponId(name(61)),
        campaign: CampaignId(name(60)),
        issuer: Issuer::Promoter,
        amount: won(30_000),
    });
    let (price, points) = (won(330_000), Some(won(5_000)));
    let reductions = Reductions { price, discount, points, booking_fee: None };
    let waits = |awaits| {
        Outcome::OrderReserving(ReservingOrder {
            order,
            hold,
            performance,
            account,
            price,
            discount,
            any_coupon: true,
            awaits,
            deadline: AT,
            points_wanted_minor: 5_000,
            points,
            since: AT,
        })
    };
    let mut outcomes = vec![
        Outcome::OrderPlaced {
            order,
            hold,
            performance,
            account,
            total: reductions.total(),
            pay_by: AT,
            reductions: Some(Box::new(reductions)),
        },
        Outcome::OrderConfirmed {
            order,
            payment: Some(PaymentId(name(79))),
            performance,
            account,
            places: Places::default(),
            reseated: false,
            earned: Some(won(2_950)),
        },
        Outcome::MessageReceived { from: effect() },
        waits(Awaited::Coupon),
        waits(Awaited::Points),
        Outcome::OrderNotPlaced {
            order,
            hold,
            account,
            reason: RefusalCode::ReservationTimedOut,
            hold_expires_at: AT,
        },
    ];
    outcomes.extend(messages().into_iter().map(|message| Outcome::MessageSent { message }));
    outcomes.extend(coupon_outcomes().into_iter().map(Outcome::from));
    outcomes.extend(points_outcomes().into_iter().map(Outcome::from));
    outcomes
}

fn header() -> Header {
    Header {
        recorded_at: AT,
        account: ACCOUNT,
        key: IntentKey::from_u128(11),
        fingerprint: 0,
        traceparent: None,
    }
}

fn step() -> Step {
    Step {
        offset: Offset::new(77),
        now: AT,
        account: ACCOUNT,
        key: IntentKey::from_u128(11),
        fingerprint: 13,
        intent: Some(name(77)),
        outcomes: outcomes(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

#[test]
fn today_writes_the_bytes_of_version_one() {
    let log_id = LogId::from_u128(5);
    let last = step_to_record(log_id, 3, ChainHash::of_log(log_id), &step(), &mut Vec::new()).0;
    let mut records: Vec<_> =
        intents().iter().map(|intent| intent_to_record(&header(), intent)).collect();
    records.push(last);
    let written = records.iter().map(|record| hex(record) + "\n").collect::<String>();
    assert!(written == GOLDEN, "the bytes of records changed:\n{written}");
}

#[test]
fn today_reads_the_bytes_of_version_one() {
    let records: Vec<_> = GOLDEN.lines().map(unhex).collect();
    let (last, asked) = records.split_last().unwrap();
    let read: Vec<_> = asked.iter().map(|record| intent_from_record(record).unwrap().1).collect();
    assert_eq!(read, intents());
    assert_eq!(step_from_record(last).unwrap().1, step());
}

#[test]
fn definitions_say_what_is_wrong_with_them() {
    let wrong = |change: &dyn Fn(&mut CampaignDefinition)| {
        let mut definition = *spanning();
        change(&mut definition);
        definition.validate().map_or_else(|error| error.field, |()| "nothing".into())
    };
    assert_eq!(wrong(&|_| ()), "nothing");
    assert_eq!(wrong(&|campaign| campaign.name.clear()), "name");
    assert_eq!(wrong(&|campaign| campaign.code = Some(String::new())), "code");
    assert_eq!(wrong(&|campaign| campaign.quantity = 1_000_001), "quantity");
    assert_eq!(wrong(&|campaign| campaign.terms.uses = 0), "terms.uses");
    assert_eq!(
        wrong(&|campaign| campaign.terms.price_levels.push("R-1".into())),
        "terms.price_levels[2]"
    );
    assert_eq!(
        wrong(&|campaign| {
            let (slot, performances) = (Slot::new(0).unwrap(), vec![]);
            campaign.scope = CampaignScope::Performances { slot, performances };
        }),
        "scope.performances"
    );
}
