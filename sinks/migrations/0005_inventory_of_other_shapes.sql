-- Tables, companion seats, nights of rooms, and what is set aside for channels. Every row is
-- written from the partition of its performance.

CREATE TABLE channels (
    performance_id uuid NOT NULL,
    -- The how-manieth channel of the performance, from zero.
    channel integer NOT NULL,
    name text NOT NULL,
    -- Holds and orders that the code can have at a time; without a value, as many as there are.
    -- The code is not here, and no hash of it: what people type is found from its hash by trying.
    uses_max bigint,
    releases_at timestamptz,
    -- When all of it was given back to everybody; without a value it was not, or it was filled
    -- again since.
    released_at timestamptz,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (performance_id, channel)
);

-- What was set aside and what was given back, once and for ever: seats with numbers side by side,
-- or places of one section.
CREATE TABLE allotments (
    performance_id uuid NOT NULL,
    channel integer NOT NULL,
    -- The outcome that moved them. A performance is in one partition, so this is the order in time.
    step_offset bigint NOT NULL,
    outcome_index integer NOT NULL,
    -- From one, in the order in which the outcome has them.
    number integer NOT NULL,
    -- set_aside, released
    kind text NOT NULL,
    -- Numbered seats have the first of them, places of general admission their section.
    first_seat integer,
    section integer,
    quantity bigint NOT NULL,
    moved_at timestamptz NOT NULL,
    PRIMARY KEY (performance_id, channel, step_offset, outcome_index, number)
);

-- Holds that were made with a channel's code and have places of the channel. An order names its
-- hold, so this says through which channel a ticket was sold.
CREATE TABLE channel_holds (
    hold_id bigint PRIMARY KEY,
    performance_id uuid NOT NULL,
    channel integer NOT NULL
);

-- Since when companion seats are seats like any other.
CREATE TABLE companion_releases (
    performance_id uuid PRIMARY KEY,
    released_at timestamptz NOT NULL
);

-- Seats that are not sold one by one.
CREATE TABLE shaped_seats (
    performance_id uuid NOT NULL,
    seat integer NOT NULL,
    -- table, companion
    shape text NOT NULL,
    PRIMARY KEY (performance_id, seat)
);

-- Sections that are the nights of rooms.
CREATE TABLE nights (
    performance_id uuid NOT NULL,
    section integer NOT NULL,
    room_type text NOT NULL,
    -- The first moment of its date in UTC.
    night timestamptz NOT NULL,
    PRIMARY KEY (performance_id, section)
);

-- One line for each channel: what was set aside in all and given back, and the orders that were
-- made with its code.
CREATE VIEW channel_counts AS
SELECT c.performance_id, c.channel, c.name, COALESCE(a.set_aside, 0) AS set_aside,
       COALESCE(a.released, 0) AS released, COALESCE(o.orders_open, 0) AS orders_open,
       COALESCE(o.orders_confirmed, 0) AS orders_confirmed
  FROM channels c
  LEFT JOIN (SELECT performance_id, channel,
                    sum(quantity) FILTER (WHERE kind = 'set_aside') AS set_aside,
                    sum(quantity) FILTER (WHERE kind = 'released') AS released
               FROM allotments GROUP BY performance_id, channel) a USING (performance_id, channel)
  LEFT JOIN (SELECT h.performance_id, h.channel,
                    count(*) FILTER (WHERE orders.state IN ('reserving', 'placed', 'paying'))
                        AS orders_open,
                    count(*) FILTER (WHERE orders.state = 'confirmed') AS orders_confirmed
               FROM channel_holds h JOIN orders USING (hold_id)
              GROUP BY h.performance_id, h.channel) o USING (performance_id, channel);
