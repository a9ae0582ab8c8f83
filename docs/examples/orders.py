"""Follows one partition of the orders of a log and prints what confirmed orders came to, performance by
performance.

    pip install fluvio
    python orders.py 127.0.0.1:9003 boxoffice-orders 0 orders-0.json

Run one for each partition: this client (0.21) waits for a record with Python's lock in its hand, so that
threads of one program would wait for each other. Position and sums are in one file, which is replaced as
a whole: however often the program is ended and started again, it counts each order once.

The rule by which records count is that of docs/WIRE.md, "Result topics".
"""

import json
import os
import sys

from fluvio import ConsumerConfigExtBuilder, Fluvio, FluvioConfig, Offset

# More than a segment of the topic (16 MiB) and one write (9 MiB): see WIRE.md.
FETCH_BYTES = 26 << 20


class Hole(Exception):
    """A record is missing: nothing may be taken any more."""


def split(name):
    """LOG-PARTITION-OFFSET-INDEX, as what it belongs to and its place there."""
    of, offset, index = name.rsplit("-", 2)
    return of, (int(offset), int(index))


def is_next(last, record):
    """Whether a record is the one after the last that was taken; a repeat is not."""
    if record["after"] == last:
        return True
    if last is not None:
        (of, place), (last_of, last_place) = split(record["id"]), split(last)
        if of == last_of and place <= last_place:
            return False
    raise Hole(f"after {last} came {record['id']}, which follows {record['after']}")


def take(progress, record):
    """Takes a record when it is the next one, and says whether it counts as revenue."""
    if not is_next(progress["last"], record):
        return False
    progress["last"] = record["id"]
    if record["type"] != "order_confirmed":
        return False
    of = f"{record['performance']} in {record['total']['currency']}"
    progress["revenue"][of] = progress["revenue"].get(of, 0) + record["total"]["minor"]
    return True


def save(file, progress):
    """Replaces the file as a whole."""
    with open(file + ".new", "w", encoding="utf-8") as new:
        json.dump(progress, new)
    os.replace(file + ".new", file)


def follow(endpoint, topic, partition, file):
    """Reads the partition from where it was left."""
    progress = {"next": 0, "last": None, "revenue": {}}
    if os.path.exists(file):
        with open(file, encoding="utf-8") as saved:
            progress = json.load(saved)
    settings = ConsumerConfigExtBuilder(topic)
    settings.partition(partition)
    settings.offset_start(Offset.absolute(progress["next"]))
    settings.max_bytes(FETCH_BYTES)
    client = Fluvio.connect_with_config(FluvioConfig.new(endpoint))
    for message in client.consumer_with_config(settings.build()):
        if message.offset() != progress["next"]:
            raise Hole(f"offset {message.offset()} came instead of {progress['next']}")
        counts = take(progress, json.loads(message.value_string()))
        progress["next"] += 1
        save(file, progress)
        if counts:
            print(progress["revenue"], flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit("usage: orders.py HOST:PORT TOPIC PARTITION FILE")
    follow(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
