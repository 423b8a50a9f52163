"""Clients that do not keep up: what becomes of them, what the server tells about them, and that
nobody else notices. They are real sockets with small buffers that are not read."""
import os
import re
import sys
import time
import unittest
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from server import Accounts, RawClient, Server, wait_until  # noqa: E402

FAST = ("--feed", "sim:?symbols=50&rate=5000&bursts=1", "--shards", "2")
SMALL = 4096  # bytes of a receive buffer


def metrics(server):
    """All of one moment, by name."""
    url = f"http://127.0.0.1:{server.port}/metrics"
    with urllib.request.urlopen(url) as answer:
        text = answer.read().decode()
    return {name: float(value)
            for name, value in re.findall(r"^pricecast_(\S+) (\S+)$", text, re.MULTILINE)}


def metric(server, name):
    return metrics(server)[name]


def ended(server, reason):
    return metric(server, f'sessions_closed_total{{reason="{reason}"}}')


class Stuck(unittest.TestCase):
    # Time and room enough that nobody gets stuck or falls back because the test itself is late.
    STUCK = (*FAST, "--stuck-timeout", "5", "--max-queue-bytes", "100000000",
             "--bus-events", "1048576")

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

    def hears_why(self, server):
        """A stuck client that begins to read when it is being closed. Returns what errors it was told
        and the close code, or None when it came too late."""
        with RawClient(server, "/ws?symbols=*&mode=every", receive_buffer=SMALL) as client:
            while True:
                clients = server.get("/api/v1/clients")["clients"]
                if not clients:
                    return None
                if clients[0].get("closing"):
                    self.assertEqual(clients[0]["closing"], "stuck")
                    break
            errors = []
            try:
                while True:
                    message = client.receive()
                    if isinstance(message, tuple):
                        return errors, message[1]
                    if message["type"] == "error":
                        errors.append(message)
            except (EOFError, ConnectionError):
                return None

    def test_who_reads_after_all_hears_why(self):
        with Server(*FAST, "--stuck-timeout", "1", "--shards", "1") as server:
            for _ in range(100):  # it may come too late again and again, as slow as the machine is
                heard = self.hears_why(server)
                if heard:
                    break
            errors, code = heard
            self.assertEqual((errors[-1]["code"], code), ("slow_consumer", 4408))
            self.assertIn("nothing was taken", errors[-1]["message"])

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


class Clients(unittest.TestCase):
    def clients(self, server, query=""):
        return server.get(f"/api/v1/clients{query}")

    def test_who_does_not_read_comes_first_with_the_reason(self):
        with Server(*FAST, "--shards", "3", "--max-queue-bytes", "50000000") as server, \
                RawClient(server, "/ws?symbols=*&mode=every&max_age_ms=3600000",
                          receive_buffer=SMALL) as stalled, \
                RawClient(server, "/ws?symbols=*&max_rate=20") as fast:
            fast.read_ahead()
            def slowest():
                return self.clients(server)["clients"][0]
            # How the kernel finds out takes it a moment.
            wait_until(lambda: slowest()["verdict"] == "client" and
                       slowest()["pending"]["events"] > 10, "the verdict")
            answer = self.clients(server)
            self.assertEqual((answer["total"], answer["offset"]), (2, 0))
            first, second = answer["clients"]
            address = "%s:%u" % stalled.socket.getsockname()
            self.assertEqual((first["peer"], first["transport"], first["encoding"]),
                             (address, "ws", "json"))
            self.assertEqual(first["topics"], 1)
            self.assertEqual(first["deliveries"], [{"mode": "every", "max_age_ms": 3600000}])
            self.assertGreater(first["pending"]["bytes"], 1000)
            self.assertGreater(first["delivered"]["items"], 0)
            self.assertGreater(first["tcp"]["unsent_bytes"], 0)
            self.assertEqual(second["deliveries"], [{"mode": "latest", "max_rate": 20}])
            self.assertGreater(second["since"], 1e15)
            # Once it reads, nothing waits any more, and what had waited was old.
            stalled.read_ahead()
            def caught_up():
                mine = [c for c in self.clients(server)["clients"] if c["peer"] == address][0]
                return mine["pending"]["events"] == 0 and mine
            mine = []
            wait_until(lambda: mine.append(caught_up()) or mine[-1], "the rest")
            self.assertEqual(mine[-1]["verdict"], "ok")
            self.assertEqual(mine[-1]["skipped"], 0)
            self.assertGreater(mine[-1]["age_us"]["max"], first["blocked_ms"] * 500)

    def test_pages_of_many_shards_have_each_session_once(self):
        with Server("--feed", "sim:?symbols=1&rate=1", "--shards", "4") as server:
            clients = [RawClient(server, "/ws?symbols=*") for _ in range(25)]
            for client in clients:
                client.until_type("snapshot")
            seen = []
            for offset in (0, 10, 20, 30):
                page = self.clients(server, f"?limit=10&offset={offset}")
                self.assertEqual((page["total"], page["offset"]), (25, offset))
                self.assertEqual(len(page["clients"]), min(10, max(0, 25 - offset)))
                seen += [client["id"] for client in page["clients"]]
            # Between pages the order may change: only the whole is sure.
            ids = [client["id"] for client in self.clients(server, "?limit=1000")["clients"]]
            self.assertEqual(len(set(ids)), 25)
            self.assertLessEqual(set(seen), set(ids))
            for client in clients:
                client.socket.close()

    def test_bad_queries_and_foreign_pages_are_refused(self):
        with Server(*FAST) as server:
            for query in ("?limit=0", "?limit=1001", "?limit=x", "?offset=-1"):
                with self.assertRaises(urllib.error.HTTPError) as refused:
                    self.clients(server, query)
                self.assertEqual(refused.exception.code, 400, query)
                refused.exception.close()
            request = urllib.request.Request(f"http://127.0.0.1:{server.port}/api/v1/clients",
                                             headers={"Origin": "https://elsewhere.example"})
            with self.assertRaises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request)
            self.assertEqual(refused.exception.code, 403)
            refused.exception.close()


class MaxAge(unittest.TestCase):
    def test_what_waits_too_long_is_replaced_and_counted(self):
        path = "/ws?symbols=*&mode=every&max_age_ms=200"
        with Server(*FAST, "--max-queue-bytes", "100000000", "--bus-events", "1048576") as server, \
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
            delivery = server.get("/api/v1/status")["delivery"]
            self.assertEqual((delivery["slow_consumers"], delivery["max_age_exceeded"]), (0, 1))
            self.assertEqual(others.skipped, 0)


class Freshness(unittest.TestCase):
    STAGES = ("source_to_ingest", "ingest_to_bus", "bus_to_write", "loop_lag")

    def publish(self, server, ts):
        item = {"kind": "trade", "symbol": "A", "source": "x", "ts": ts, "price": "1"}
        server.post("/api/v1/publish", item)

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
            self.assertLess(stages["bus_to_write"]["max"], 600e6)
            self.assertGreater(stages["loop_lag"]["count"], 0)
            figures = metrics(server)
            for name in self.STAGES:
                count = figures[f"{name}_seconds_count"]
                self.assertEqual(count, figures[f'{name}_seconds_bucket{{le="+Inf"}}'])
                self.assertLessEqual(figures[f'{name}_seconds_bucket{{le="1"}}'], count)
            self.assertEqual(figures['source_to_ingest_seconds_bucket{le="1"}'], 0)
            self.assertGreater(figures["source_to_ingest_seconds_sum"], 1)

    def test_the_past_of_a_recording_is_no_latency(self):
        with Server() as server, RawClient(server, "/ws?symbols=*") as client:
            client.until_type("update")
            wait_until(lambda: metric(server, "bus_to_write_seconds_count") > 0, "a write")
            self.assertEqual(metric(server, "ingest_to_bus_seconds_count"), 0)


class Threads(unittest.TestCase):
    def test_the_kernel_spreads_connections_over_the_threads(self):
        with Server("--feed", "sim:?symbols=2&rate=50", "--shards", "4") as server:
            clients = [RawClient(server, "/ws?symbols=*") for _ in range(200)]
            for client in clients:
                client.until_type("update")
            shards = [c["shard"] for c in server.get("/api/v1/clients?limit=1000")["clients"]]
            self.assertEqual(len(shards), 200)
            # By chance alone, fewer than ten of 200 on one of four come once in 10^12 runs.
            for shard in range(4):
                self.assertGreater(shards.count(shard), 10, shards)
            for client in clients:
                client.socket.close()

    def test_there_are_as_many_as_cpus_the_process_may_run_on(self):
        allowed = sorted(os.sched_getaffinity(0))
        for cpus in {len(allowed), 1}:
            with Server(*FAST[:2], preexec_fn=lambda: os.sched_setaffinity(0, allowed[:cpus])) \
                    as server:
                self.assertEqual(server.get("/api/v1/status")["shards"], cpus)


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
