"""How connections come in: too many of them, too many from one address, more than there are
descriptors. Those that are refused are told so, and a place that becomes free is given away."""
import os
import resource
import sys
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from server import (  # noqa: E402
    RawClient, Server, connect, exchange, receive_until_closed, upgrade_request, wait_until)

SIM = ("--feed", "sim:?symbols=20&rate=500&bursts=1")


class Connections(unittest.TestCase):
    def test_500_clients_come_and_vanish(self):
        with Server(*SIM) as server:
            def vanish():
                clients = [RawClient(server, "/ws?symbols=*") for _ in range(500)]
                for i, client in enumerate(clients):
                    if i % 2:
                        client.reset()
                    else:
                        client.socket.close()
                wait_until(lambda: server.get("/api/v1/status")["clients"]["sessions"] == 0,
                           "the sessions' end")
            vanish()
            before = server.resident_bytes()
            vanish()
            self.assertLess(server.resident_bytes() - before, 32 << 20)
            # The one that asks is the only connection left.
            wait_until(lambda: server.get("/api/v1/status")["clients"]["connections"] <= 1,
                       "the connections' end")

    def place_becomes_free(self, server, clients):
        """One leaves, another is let in, and those who stayed are still served."""
        clients.pop().socket.close()
        def admitted():
            try:
                with RawClient(server) as again:
                    again.until_type("hello")
                    return True
            except (AssertionError, EOFError, ConnectionError):
                return False
        wait_until(admitted, "a place that has become free")
        for client in clients:
            client.ping()
            client.socket.close()

    def test_more_clients_than_allowed_are_refused_with_503(self):
        with Server(*SIM, "--max-clients", "10") as server:
            clients = [RawClient(server) for _ in range(10)]
            for client in clients:
                client.until_type("hello")
            answer = exchange(server, upgrade_request())
            self.assertTrue(answer.startswith(b"HTTP/1.1 503 "), answer)
            self.place_becomes_free(server, clients)

    def test_connect_holds_no_connection(self):
        with Server(*SIM, "--max-clients", "4") as server:
            for _ in range(12):
                answer = exchange(server, b"CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertNotIn(b" 200 ", answer)
            # The one that asks is the only one, as soon as the server has heard of the last end.
            wait_until(lambda: server.get("/api/v1/status")["clients"]["connections"] == 1,
                       "the connections' end")

    def test_one_address_has_its_own_limit(self):
        with Server(*SIM, "--max-clients-per-ip", "3") as server:
            clients = [RawClient(server) for _ in range(3)]
            for client in clients:
                client.until_type("hello")
            answer = exchange(server, upgrade_request())
            self.assertTrue(answer.startswith(b"HTTP/1.1 429 "), answer)
            self.assertIn(b"Retry-After: ", answer)
            self.assertIn(b'"code":"rate_limited"', answer)
            with connect(server, address="127.0.0.2") as other:
                other.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                metrics = receive_until_closed(other)
            self.assertIn(b"pricecast_connections_refused_per_ip_total 1\n", metrics)
            self.place_becomes_free(server, clients)

    def test_out_of_descriptors_it_refuses_and_recovers(self):
        limit = 100
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        with Server("--feed", "sim:?symbols=1&rate=1", "--heartbeat-ms", "250",
                    preexec_fn=few) as server:
            witness = RawClient(server)
            witness.until_type("hello")
            clients = [connect(server) for _ in range(2 * limit)]
            for client in clients:
                try:
                    client.sendall(upgrade_request())
                except ConnectionError:
                    pass
            refused = [client for client in clients if self.is_closed(client)]
            self.assertGreater(len(refused), limit)
            self.assertLess(len(refused), 2 * limit - limit // 4)
            witness.ping()
            cpu, begin = server.cpu_s(), time.monotonic()
            for _ in range(4):  # heartbeats tell that it has nothing else to do
                witness.until_type("heartbeat")
            share = (server.cpu_s() - cpu) / (time.monotonic() - begin)
            self.assertLess(share, 0.5, "of a CPU, while nothing is left to do")
            for client in clients:
                client.close()
            wait_until(lambda: self.sessions(server) == 1, "the sessions' end")
            with RawClient(server) as again:
                again.until_type("hello")
            witness.socket.close()
            self.assertLess(len(server.stderr().splitlines()), 20)

    def sessions(self, server):
        try:
            return server.get("/api/v1/status")["clients"]["sessions"]
        except OSError:
            return None  # refused as yet

    def is_closed(self, client):
        """Refused, or greeted? Waits for either."""
        try:
            return b"101" not in client.recv(12)
        except ConnectionError:
            return True


if __name__ == "__main__":
    unittest.main(verbosity=1)
