-- A hold lives for minutes, and most rows of an on-sale are holds: whoever looks for those of an
-- account finds them by its orders. Keeping the index cost more than writing the rows.
DROP INDEX holds_by_account;
