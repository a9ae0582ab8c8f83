-- States of partitions, by log, partition and next offset, cut into pieces: a value of many
-- megabytes would be held several times in the server's memory.
CREATE TABLE boxoffice_processors.snapshots (
    log_id      uuid NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint NOT NULL,
    piece       integer NOT NULL,
    bytes       bytea NOT NULL,
    PRIMARY KEY (log_id, partition, next_offset, piece)
);

-- The server's compression is slower than the network.
ALTER TABLE boxoffice_processors.snapshots ALTER COLUMN bytes SET STORAGE EXTERNAL;
