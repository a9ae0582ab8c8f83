//! A buyer in a waiting room: joins, shows that somebody is there, looks as often as the server
//! says, and goes in, or home.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::GaveUp;
use super::habits::Manner;
use super::opening::RoomRules;
use super::visit::Visit;

/// How much longer than the grace time somebody is silent.
const SILENCE: Duration = Duration::from_millis(2_500);

/// Times that somebody starts behind again after a missed turn or a session that ran out.
const REJOINS_MAX: usize = 3;

/// The longest pause between two looks at the line is this part of a session: who is called before
/// the turn was expected has the rest of it. A page looks more often, as the server tells it to; a
/// crowd of them on one machine would do little else.
const SESSION_PARTS: (u32, u32) = (2, 3);

/// Looks at one line: with the longest pause between two of them, most of a day.
const LOOKS_MAX: usize = 1_000;

impl Visit<'_> {
    /// Waits until the buyer is inside; false when the buyer goes home instead.
    pub(super) async fn get_in(&mut self) -> Result<bool, GaveUp> {
        let Some(habit) = self.buyer.habits.line else { return Ok(true) };
        // Who waits is not in anybody's way.
        self.go_out();
        if habit.pushes_in {
            self.push_in().await?;
        }
        let mut heard = self.shop.gathered;
        if !habit.comes_early {
            self.join().await?;
            heard = Instant::now();
        }
        match habit.manner {
            Manner::Waits => (),
            Manner::Refreshes => self.join().await?,
            Manner::Leaves => {
                self.leave().await?;
                return Ok(false);
            }
            Manner::LeavesAndReturns => {
                self.leave().await?;
                self.join().await?;
            }
            Manner::Dozes => tokio::time::sleep(self.grace() / 2).await,
            Manner::FallsSilent => tokio::time::sleep(self.grace() + SILENCE).await,
        }
        let admitted = self.wait(heard).await?;
        self.come_in().await;
        Ok(admitted)
    }

    /// Who is done without having bought makes room for others, unless they forget it.
    pub(super) async fn get_out(&mut self) -> Result<(), GaveUp> {
        match self.buyer.habits.line {
            Some(habit) if !habit.stays_inside && !self.bought => self.leave().await,
            _ => Ok(()),
        }
    }

    async fn push_in(&mut self) -> Result<(), GaveUp> {
        let Some(wish) = self.buyer.wishes.first() else { return Ok(()) };
        let intent = self.intent_for(wish);
        let answer = self.ask(&intent, &["admission_required"]).await?;
        if answer.refused().is_none() {
            let number = self.buyer.number;
            self.shop.client.ledger.surprise(|| format!("buyer {number} holds without admission"));
        }
        Ok(())
    }

    async fn join(&mut self) -> Result<(), GaveUp> {
        self.ask_room("join_waiting_room", &[]).await
    }

    /// The turn may be over by now, and nobody may have been heard.
    async fn beat(&mut self) -> Result<(), GaveUp> {
        self.ask_room("heartbeat", &["not_waiting"]).await
    }

    /// The turn may be over by now, or the session.
    async fn leave(&mut self) -> Result<(), GaveUp> {
        self.ask_room("leave_waiting_room", &["not_waiting"]).await
    }

    async fn ask_room(&mut self, kind: &str, may: &[&str]) -> Result<(), GaveUp> {
        let intent = json!({"type": kind, "performance": self.performance()});
        self.ask(&intent, may).await.map(drop)
    }

    /// Looks at the line until it is over; false when the buyer gives up. `heard` is the last sign
    /// of life.
    async fn wait(&mut self, mut heard: Instant) -> Result<bool, GaveUp> {
        let mut rejoins = 0;
        for _ in 0..LOOKS_MAX {
            let standing = self.standing().await?;
            match standing["state"].as_str().unwrap_or_default() {
                "inside" | "through" => return Ok(true),
                "outside" if rejoins < REJOINS_MAX => {
                    rejoins += 1;
                    heard = Instant::now();
                    self.join().await?;
                    continue;
                }
                "outside" => return Ok(false),
                _ => (),
            }
            let next_poll = self.next_look(&standing);
            let next_beat = (self.grace() / 2).saturating_sub(heard.elapsed());
            tokio::time::sleep(next_poll.min(next_beat)).await;
            if next_beat <= next_poll {
                heard = Instant::now();
                self.beat().await?;
            }
        }
        let number = self.buyer.number;
        self.shop.client.ledger.surprise(|| format!("buyer {number} waits for ever"));
        Ok(false)
    }

    async fn standing(&self) -> Result<Value, GaveUp> {
        let path = format!("/v1/performances/{}/waiting-room", self.performance());
        Ok(self.look(&path).await?["standing"].take())
    }

    /// As soon as the server says, or when half of the expected wait is over.
    fn next_look(&self, standing: &Value) -> Duration {
        let seconds = |field: &str| Duration::from_secs(standing[field].as_u64().unwrap_or(1));
        let half = seconds("estimate_seconds") / 2;
        let (part, whole) = SESSION_PARTS;
        seconds("next_poll_seconds").max(half.min(self.session() * part / whole))
    }

    fn session(&self) -> Duration {
        self.of_room(|room| room.session_seconds)
    }

    fn grace(&self) -> Duration {
        self.of_room(|room| room.grace_seconds)
    }

    fn of_room(&self, seconds: impl Fn(&RoomRules) -> u32) -> Duration {
        Duration::from_secs(self.shop.room.as_ref().map_or(0, seconds).into())
    }
}
