"""The protocol through Python's websockets package: what a user's first script would do."""
import asyncio
import json
import os
import sys
import unittest

import websockets

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from server import Accounts, Server  # noqa: E402


def said(message):
    return json.loads(message)


class PythonClient(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        # With room for minutes, whatever else keeps the machine busy.
        self.server = Server("--feed", "sim:?symbols=5&rate=2000&bursts=1",
                             "--max-queue-bytes", "100000000", "--bus-events", "1048576")
        self.addCleanup(self.server.__exit__, None)

    def connect(self, query="", **options):
        """Without max_queue=None the package waits 10 s in close() while unread messages fill its
        queue: it stops reading, and so never sees the server's answer."""
        return websockets.connect(f"ws://127.0.0.1:{self.server.port}/ws{query}", max_queue=None,
                                  open_timeout=60, ping_timeout=60, close_timeout=60, **options)

    async def test_subscribe_iterate_ping_close(self):
        async with self.connect() as client:
            hello = said(await client.recv())
            self.assertEqual((hello["type"], hello["protocol"]), ("hello", "pricecast.v1"))
            await client.send(json.dumps(
                {"op": "subscribe", "id": 1, "symbols": ["*"], "mode": "every"}))
            while said(await client.recv())["type"] != "subscribed":
                pass  # a feed may come up meanwhile
            accounts = Accounts()
            async for message in client:
                self.assertIsInstance(message, str)
                accounts.note(said(message))
                if accounts.delivered >= 3000:
                    break
            self.assertEqual(accounts.skipped, 0)
            self.assertEqual(len(accounts.last), 10)
            await asyncio.wait_for(await client.ping(b"payload"), 60)
            await client.send('{"op":"ping","id":"last"}')
            while (answer := said(await client.recv())).get("id") != "last":
                accounts.note(answer)
            self.assertEqual(answer["type"], "pong")
        self.assertEqual(client.close_code, 1000)

    async def test_subprotocol_url_and_compression_offer(self):
        async with self.connect("?symbols=*&kinds=trade", subprotocols=["pricecast.v1.json"],
                                compression="deflate") as client:
            self.assertEqual(client.subprotocol, "pricecast.v1.json")
            self.assertEqual(client.extensions, [])
            while (message := said(await client.recv()))["type"] != "update":
                pass
            self.assertEqual({item["kind"] for item in message["data"]}, {"trade"})

    async def test_many_clients_at_once_see_the_same(self):
        async def watch(count):
            prices = {}
            async with self.connect("?symbols=*&mode=every") as client:
                accounts = Accounts()
                async for message in client:
                    accounts.note(said(message))
                    for item in said(message).get("data", []):
                        stream = item["kind"], item["symbol"], item["seq"]
                        prices[stream] = item.get("price", item.get("bid"))
                    if accounts.delivered >= count:
                        return prices
        first, *others = await asyncio.gather(*(watch(2000) for _ in range(10)))
        for other in others:
            common = first.keys() & other.keys()
            self.assertGreater(len(common), 500)
            self.assertEqual([first[key] for key in common], [other[key] for key in common])

    async def test_the_end_is_announced(self):
        async with self.connect() as client:
            await client.recv()
            self.server.terminate()
            last = None
            with self.assertRaises(websockets.ConnectionClosedError) as closed:
                while True:
                    last = said(await client.recv())
            self.assertEqual(last["type"], "shutdown")
            self.assertEqual(closed.exception.rcvd.code, 1012)


if __name__ == "__main__":
    unittest.main()
