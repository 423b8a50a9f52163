"""Clients that do not keep up: what becomes of them, what the server tells about them, and that
nobody else notices. They are real sockets with small buffers that are not read."""
import json
import os
import re
import sys
import time
import unittest
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from server import Accounts, RawClient, Server, wait_until  # noqa: E402

FAST = ("--feed", "sim:?symbols=50&rate=5000&bursts=1", "--shards", "2")
SMALL = 4096  # bytes of a receive buffer


def metric(server, name):
    url = f"http://127.0.0.1:{server.port}/metrics"
    with urllib.request.urlopen(url) as answer:
        text = answer.read().decode()
    found = re.search(rf"^pricecast_{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found, name
    return float(found[1])


def ended(server, reason):
    return metric(server, f'sessions_closed_total{{reason="{reason}"}}')


class Stuck(unittest.TestCase):
    STUCK = (*FAST, "--stuck-timeout", "2")

    def test_who_takes_nothing_is_closed_and_others_are_not(self):
        with Server(*self.STUCK) as server, \
                RawClient(server, "/ws?symbols=*&mode=every") as fast, \
                RawClient(server, "/ws?symbols=*", receive_buffer=SMALL) as slow:
            stuck = [RawClient(server, f"/ws?symbols=*&mode={mode}", receive_buffer=SMALL)
                     for mode in ("latest", "every")]
            accounts, slow_accounts = Accounts(), Accounts()
            fast.read_ahead()
            while ended(server, "stuck") < len(stuck):
                accounts.note(fast.receive())
                slow_accounts.note(slow.receive())  # a message now and then is enough
            fast.send({"op": "ping", "id": "ping"})
            for client, noted in ((fast, accounts), (slow, slow_accounts)):
                client.send({"op": "ping", "id": "alive"})
                for message in client.until(lambda m: m.get("id") == "alive"):
                    noted.note(message)
            self.assertEqual(accounts.skipped, 0)
            self.assertEqual(server.get("/api/v1/status")["clients"]["sessions"], 2)
            for client in stuck:
                client.socket.close()

    def test_an_idle_client_is_not_stuck(self):
        with Server("--feed", "push:", "--stuck-timeout", "1", "--heartbeat-ms", "250") as server, \
                RawClient(server, "/ws?symbols=*") as idle:
            for _ in range(12):
                idle.until_type("heartbeat")
            self.assertEqual(ended(server, "stuck"), 0)

    def test_ends_are_counted_by_reason(self):
        with Server(*FAST) as server:
            with RawClient(server) as client:
                client.until_type("hello")
            wait_until(lambda: ended(server, "client") == 1, "the client's end")
            with RawClient(server) as client:
                for _ in range(10):
                    client.send({"op": "nonsense"})
                self.assertEqual(client.closing_code(), 1008)
            wait_until(lambda: ended(server, "bad_messages") == 1, "the bad client's end")


class MaxAge(unittest.TestCase):
    def test_what_waits_too_long_is_replaced_and_counted(self):
        path = "/ws?symbols=*&mode=every&max_age_ms=200"
        with Server(*FAST, "--max-queue-bytes", "100000000") as server, \
                RawClient(server, path, receive_buffer=SMALL) as slow, \
                RawClient(server, "/ws?symbols=*&mode=every") as other:
            accounts, others = Accounts(), Accounts()
            other.read_ahead()
            for message in slow.until_type("snapshot"):
                accounts.note(message)
            while metric(server, "max_age_exceeded_total") == 0:
                others.note(other.receive())
            messages = slow.until(lambda m: m["type"] == "error")
            self.assertEqual(messages[-1]["code"], "slow_consumer")
            self.assertIn("max_age_ms", messages[-1]["message"])
            for message in messages:
                accounts.note(message)
            self.assertEqual(accounts.skipped, 0, "before it was told")
            while accounts.skipped == 0:
                accounts.note(slow.receive())
            self.assertEqual(metric(server, "slow_consumers_total"), 0)
            self.assertEqual(others.skipped, 0)


class Freshness(unittest.TestCase):
    STAGES = ("source_to_ingest", "ingest_to_bus", "bus_to_write", "loop_lag")

    def publish(self, server, ts):
        item = {"kind": "trade", "symbol": "A", "source": "x", "ts": ts, "price": "1"}
        url = f"http://127.0.0.1:{server.port}/api/v1/publish"
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(item).encode())):
            pass

    def test_each_stage_is_measured(self):
        with Server("--feed", "push:", "--heartbeat-ms", "250") as server, \
                RawClient(server, "/ws?symbols=*") as client:
            client.until_type("snapshot")
            self.publish(server, int((time.time() - 2) * 1e6))
            client.until_type("update")
            client.until_type("heartbeat")
            stages = server.get("/api/v1/status")["freshness_us"]
            self.assertEqual(tuple(stages), self.STAGES)
            self.assertEqual([stages[name]["count"] for name in self.STAGES[:3]], [1, 1, 1])
            self.assertGreater(stages["source_to_ingest"]["p50"], 1e6)
            self.assertGreater(stages["bus_to_write"]["max"], 0)
            self.assertLess(stages["bus_to_write"]["max"], 30e6)
            self.assertGreater(stages["loop_lag"]["count"], 0)
            for name in self.STAGES:
                prefix = f"{name}_seconds"
                count = metric(server, f"{prefix}_count")
                self.assertEqual(count, metric(server, f'{prefix}_bucket{{le="+Inf"}}'))
                self.assertLessEqual(metric(server, f'{prefix}_bucket{{le="1"}}'), count)
            self.assertEqual(metric(server, 'source_to_ingest_seconds_bucket{le="1"}'), 0)
            self.assertGreater(metric(server, "source_to_ingest_seconds_sum"), 1)

    def test_the_past_of_a_recording_is_no_latency(self):
        with Server() as server, RawClient(server, "/ws?symbols=*") as client:
            client.until_type("update")
            wait_until(lambda: metric(server, "bus_to_write_seconds_count") > 0, "a write")
            self.assertEqual(metric(server, "ingest_to_bus_seconds_count"), 0)


class Limits(unittest.TestCase):
    def test_patterns_of_a_session(self):
        with Server(*FAST) as server, RawClient(server) as client:
            patterns = [f"X{i}*" for i in range(256)]
            client.send({"op": "subscribe", "id": 1, "symbols": patterns})
            client.until(lambda m: m["type"] == "subscribed" and len(m["pending"]) == 256)
            client.send({"op": "subscribe", "id": 2, "symbols": ["Y*"]})
            answer = client.until(lambda m: m.get("id") == 2)[-1]
            self.assertEqual((answer["type"], answer["code"]), ("error", "limit_exceeded"))
            client.send({"op": "subscribe", "id": 3, "symbols": ["ALFA-USD", "X7*"]})
            client.until(lambda m: m["type"] == "subscribed" and m["id"] == 3)
            self.assertEqual(metric(server, "limit_exceeded_total"), 1)


if __name__ == "__main__":
    unittest.main(verbosity=1)
