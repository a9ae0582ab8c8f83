-- How far the result topics are written, and what later records are told by. It is no part of the
-- projection: a rebuild leaves it alone, and without it the topics are written again from the first
-- outcome, which their readers notice and drop.

CREATE TABLE result_progress (
    partition integer PRIMARY KEY,
    log_id uuid NOT NULL,
    next_offset bigint NOT NULL,
    chain bytea NOT NULL
);

-- The end of each partition of each topic.
CREATE TABLE result_tails (
    -- seats, orders, payments, coupons, admissions, tickets
    topic text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    -- The outcome of the last record.
    step_offset bigint NOT NULL,
    outcome_index integer NOT NULL,
    -- Where a record is known to be: a topic that ends before it has lost some.
    known_offset bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- Outcomes that later ones need to be readable: performances with their labels, channels with their
-- names. In the order in which they came.
CREATE TABLE result_definitions (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    outcome bytea NOT NULL
);

-- What holds that live and orders are for: later outcomes name the hold or the order alone.
CREATE TABLE result_subjects (
    -- The packed id of the hold or the order.
    subject_id bigint PRIMARY KEY,
    performance_id uuid NOT NULL,
    account_id uuid NOT NULL,
    places bytea NOT NULL,
    total_minor bigint NOT NULL,
    currency text NOT NULL
);
