//! What the words of a table ask for.

use boxoffice_topics::coupon::{
    CampaignDefinition, CampaignScope, CouponChoice, CouponIntent, CouponReduction, CouponTerms,
    Issuer,
};
use boxoffice_topics::intent::{PaymentResult, RefundResult, SectionQuantity};
use boxoffice_topics::{
    CampaignId, CouponId, Currency, HoldId, Intent, IntentId, Money, OrderId, PaymentId,
    PerformanceDefinition, PerformanceId, PointsIntent, PointsRule, Slot, Timestamp,
};

use super::inventory::{code_hash, inventory_intent, stay};
use super::settlement::settlement_intent;
use super::{Name, SHOW, Table, account};

impl Table {
    pub(super) fn intent<'a>(
        &self,
        house: &PerformanceDefinition,
        what: &str,
        all: &[&'a str],
    ) -> Intent<'a> {
        let option = |name: &str| all.iter().find_map(|word| word.strip_prefix(name));
        let performance =
            option("at=").map_or(SHOW, |id| PerformanceId::from_u128(id.parse().unwrap()));
        let is_own = |word: &&str| !word.starts_with("at=") && !word.starts_with("with=");
        let rest: Vec<_> = all.iter().copied().filter(is_own).collect();
        let code = option("with=").map(code_hash);
        match what {
            "create" => Intent::CreatePerformance {
                definition: Box::new(PerformanceDefinition { performance, ..house.clone() }),
            },
            "open" => Intent::OpenSale { performance },
            "close" => Intent::CloseSale { performance },
            "elsewhere" => Intent::OpenSale { performance: PerformanceId::from_u128(2) },
            "seats" => {
                Intent::HoldSeats { performance, seats: rest.iter().copied().collect(), code }
            }
            "best" => Intent::HoldBestAvailable {
                performance,
                quantity: rest[0].parse().expect("a quantity"),
                section: option("section="),
                price_level: option("level="),
                accessible: rest.contains(&"accessible"),
                code,
            },
            "floor" => Intent::HoldGeneralAdmission {
                performance,
                sections: rest
                    .iter()
                    .map(|wish| wish.split_once(':').expect("section:quantity"))
                    .map(|(section, quantity)| (section, quantity.parse().expect("a quantity")))
                    .map(|(section, quantity)| SectionQuantity { section, quantity })
                    .collect(),
                code,
            },
            "renew" => Intent::RenewHold { hold: self.hold(rest[0]) },
            "release" => Intent::ReleaseHold { hold: self.hold(rest[0]) },
            "order" => Intent::PlaceOrder {
                hold: self.hold(rest[0]),
                coupon: option("coupon=").map(|coupon| match coupon {
                    "best" => CouponChoice::Best,
                    "none" => CouponChoice::Nothing,
                    named => CouponChoice::Named(self.coupon(named)),
                }),
                points_minor: option("points=").map(|points| points.parse().expect("points")),
            },
            "points" | "rule" => Intent::Points(self.points_intent(what, &rest)),
            "campaign" | "change" | "pause" | "resume" | "claim" => {
                Intent::Coupon(self.coupon_intent(what, all))
            }
            "pay" => Intent::PayOrder {
                order: self.order(rest[0]),
                amount: won(rest[1]),
                payment_key: rest.get(2).copied().unwrap_or("key"),
            },
            "cancel" => Intent::CancelOrder { order: self.order(rest[0]) },
            "captured" => Intent::RecordPaymentResult {
                payment: self.payment(rest[0]),
                result: PaymentResult::Captured { amount: won(rest[1]) },
            },
            "declined" => Intent::RecordPaymentResult {
                payment: self.payment(rest[0]),
                result: PaymentResult::Declined { code: "REJECT" },
            },
            "refund" | "terms" | "calloff" => {
                Intent::Refund(self.refund_intent(performance, what, &rest))
            }
            "fees" => Intent::Settlement(settlement_intent(performance, &rest)),
            "refunded" | "unrefunded" => self.refund_result(what, &rest),
            "tickets" | "offer" | "accept" | "unoffer" | "in" | "out" => {
                self.ticket_intent(performance, what, &rest)
            }
            "stay" => stay(performance, &rest, code),
            "channel" | "aside" | "back" | "companions" => {
                Intent::Inventory(inventory_intent(performance, what, &rest))
            }
            other => self.waiting_room_intent(performance, other, &rest),
        }
    }

    fn refund_result<'a>(&self, what: &str, rest: &[&'a str]) -> Intent<'a> {
        let Some(Name::Refund(refund, payment)) = self.names.get(rest[0]).copied() else {
            panic!("unknown refund {}", rest[0])
        };
        let result = match what {
            "refunded" => RefundResult::Refunded { amount: won(rest[1]) },
            _ => RefundResult::Failed { code: "CLOSED" },
        };
        Intent::RecordRefundResult { payment, refund, result }
    }

    fn hold(&self, name: &str) -> HoldId {
        match self.names.get(name) {
            Some(Name::Hold(hold)) => *hold,
            _ => HoldId(no_such_thing()),
        }
    }

    pub(super) fn order(&self, name: &str) -> OrderId {
        match self.names.get(name) {
            Some(Name::Order(order)) => *order,
            _ => OrderId(no_such_thing()),
        }
    }

    fn payment(&self, name: &str) -> PaymentId {
        match self.names.get(name) {
            Some(Name::Payment(payment)) => *payment,
            _ => PaymentId(no_such_thing()),
        }
    }

    /// `points alice 100 until=5000`, and `rule 1000 earned=7 restored=3`.
    fn points_intent(&self, what: &str, rest: &[&str]) -> PointsIntent {
        let option = |name: &str| rest.iter().find_map(|word| word.strip_prefix(name));
        let days = |name: &str| option(name).map_or(1, |days| days.parse().expect("days"));
        match what {
            "points" => PointsIntent::GrantPoints {
                account: account(rest[0]),
                amount: Money {
                    currency: option("currency=").map_or(Currency::KRW, |c| c.parse().unwrap()),
                    ..won(rest[1])
                },
                expires_at: Timestamp::from_millis(
                    option("until=").map_or(1_000_000_000, |at| at.parse().expect("a moment")),
                ),
            },
            _ => PointsIntent::SetPointsRule {
                performance: SHOW,
                rule: PointsRule {
                    earned_basis_points: rest[0].parse().expect("basis points"),
                    earned_days: days("earned="),
                    restored_days: days("restored="),
                },
            },
        }
    }

    fn coupon_intent<'a>(&self, what: &str, rest: &[&'a str]) -> CouponIntent<'a> {
        let definition = || Box::new(campaign(rest));
        match what {
            "campaign" => CouponIntent::CreateCampaign { definition: definition() },
            "change" => CouponIntent::ChangeCampaign {
                campaign: self.campaign(rest[0]),
                definition: Box::new(campaign(&rest[1..])),
            },
            "pause" => CouponIntent::PauseCampaign { campaign: self.campaign(rest[0]) },
            "resume" => CouponIntent::ResumeCampaign { campaign: self.campaign(rest[0]) },
            "claim" => CouponIntent::ClaimCoupon {
                campaign: self.campaign(rest[0]),
                code: rest.get(1).copied(),
            },
            other => panic!("unknown word {other}"),
        }
    }

    fn campaign(&self, name: &str) -> CampaignId {
        match self.names.get(name) {
            Some(Name::Campaign(campaign)) => *campaign,
            _ => CampaignId(no_such_thing()),
        }
    }

    fn coupon(&self, name: &str) -> CouponId {
        match self.names.get(name) {
            Some(Name::Coupon(coupon)) => *coupon,
            _ => CouponId(no_such_thing()),
        }
    }
}

/// `10 off=20` or `10 percent=1000 cap=30`: ten coupons, and what each takes off. Further words
/// are `min=`, `levels=`, `limit=`, `uses=`, `code=`, `from=`, `until=`, `expires=`, `by=platform`,
/// `return`, `currency=`, and `spans=1,2` for performances by number.
fn campaign(words: &[&str]) -> CampaignDefinition {
    let option = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
    let count = |name: &str| option(name).map(|text| text.parse::<i64>().expect("a number"));
    let moment = |name: &str, default| Timestamp::from_millis(count(name).unwrap_or(default));
    let list = |name: &str| option(name).into_iter().flat_map(|list| list.split(','));
    let performances = list("spans=").map(|id| PerformanceId::from_u128(id.parse().unwrap()));
    let performances: Vec<_> = performances.collect();
    let scope = if performances.is_empty() {
        let performance = count("at=").map_or(SHOW, |id| PerformanceId::from_u128(id as u128));
        CampaignScope::Performance { performance }
    } else {
        CampaignScope::Performances { slot: Slot::new(0).unwrap(), performances }
    };
    let reduction = match count("off=") {
        Some(amount_minor) => CouponReduction::Fixed { amount_minor },
        None => CouponReduction::Percent {
            basis_points: count("percent=").expect("off= or percent=") as u16,
            cap_minor: count("cap="),
        },
    };
    CampaignDefinition {
        name: "Friends".into(),
        scope,
        code: option("code=").map(Into::into),
        opens_at: moment("from=", 0),
        closes_at: moment("until=", 1_000_000),
        quantity: words[0].parse().expect("how many coupons"),
        account_limit: count("limit=").unwrap_or(1) as u16,
        terms: CouponTerms {
            reduction,
            currency: option("currency=").map_or(Currency::KRW, |code| code.parse().unwrap()),
            minimum_spend_minor: count("min=").unwrap_or(0),
            price_levels: list("levels=").map(Into::into).collect(),
            issuer: if words.contains(&"by=platform") {
                Issuer::Platform
            } else {
                Issuer::Promoter
            },
            uses: count("uses=").unwrap_or(1) as u16,
            expires_at: moment("expires=", 1_000_000),
            returned_on_refund: words.contains(&"return"),
        },
    }
}

fn no_such_thing() -> IntentId {
    "0-0-999999".parse().expect("an id")
}

pub(super) fn won(text: &str) -> Money {
    Money::new(text.parse().expect("an amount"), Currency::KRW)
}
