//! Tickets, and the keys that their codes are verified with.

pub mod keys;
pub mod show;

use boxoffice_topics::{AccountId, TicketId};

use crate::http::router::Services;
use crate::json::{HeldTicketJson, code_of};
use crate::views::Look;

/// A ticket as one account sees it: with its code when it has the ticket and can still use it.
pub(super) fn shown(
    app: &Services,
    look: &Look<'_>,
    id: TicketId,
    account: AccountId,
) -> Option<HeldTicketJson> {
    let mut document = HeldTicketJson::of(id, look.scene())?;
    let held = look.state().ticket(id)?;
    if held.holder() == account && document.state != "void" {
        document.code = Some(app.ticket_keys.sign(&code_of(id, &held, look.state())));
    }
    Some(document)
}
