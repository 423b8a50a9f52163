"""What a recording keeps when the server is killed, or the disk is full.

PRICECAST_CRASHES sets how often the server is killed, PRICECAST_TEST_SEED when."""
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from server import DEADLINE_S, PROGRAM, Server, wait_until  # noqa: E402

FEED_TOOL = os.environ.get("PRICECAST_FEED",
                           os.path.join(os.path.dirname(PROGRAM), "pricecast-feed"))
CRASHES = int(os.environ.get("PRICECAST_CRASHES", "12"))
SEED = int(os.environ.get("PRICECAST_TEST_SEED", "1"))
FLUSH_S = 1  # what recorder.h promises; the rest is for a busy disk
PATIENCE_S = 4
SIM = ("--feed", "sim:?symbols=20&rate=5000&bursts=1")


def cat(*paths):
    """The events the tool reads, its exit code and what it had to say."""
    done = subprocess.run([FEED_TOOL, "cat", *paths], capture_output=True, text=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode, done.stderr


def stored_text(path):
    """What a file holds, unpacked by another program than ours; cat for lack of one."""
    if path.endswith(".zst"):
        unpack = ["zstd", "-dcq"] if shutil.which("zstd") else [FEED_TOOL, "cat"]
        return subprocess.run([*unpack, path], capture_output=True, check=False).stdout
    with open(path, "rb") as file:
        stored = file.read()
    return zlib.decompressobj(wbits=31).decompress(stored) if path.endswith(".gz") else stored


def stored_items(path):
    """The items as they stand in a file; a torn line is left out."""
    text = stored_text(path)
    lines = text[:text.rfind(b"\n") + 1].splitlines()
    return [json.loads(line) for line in lines if line.startswith(b'{"kind"')]


def waited_s(pid):
    """How long its threads together were ready to run, but had no CPU."""
    total_ns = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat") as stat:
            total_ns += int(stat.read().split()[1])
    return total_ns / 1e9


def stream_of(item):
    return item["source"], item["symbol"], item["kind"]


class Recording(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pricecast-record-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.random = random.Random(SEED)

    def path(self, name):
        return os.path.join(self.folder, name)

    def record_and_kill(self, path, *args):
        """Returns the wall clock's time just before, less what the machine made the server wait."""
        server = Server(*SIM, "--record", path, *args)
        time.sleep(self.random.random() * 2.5)
        killed_s = time.time() - waited_s(server.pid)
        server.process.kill()
        server.process.wait()
        server.process.stdout.close()
        server.log.close()
        return killed_s

    def check_unbroken(self, items):
        """Every stream counts from 1 without a hole."""
        last = {}
        for item in items:
            self.assertEqual(item["seq"], last.get(stream_of(item), 0) + 1)
            last[stream_of(item)] = item["seq"]

    def test_a_killed_server_leaves_all_but_the_last_second(self):
        for crash in range(CRASHES):
            path = self.path(f"{crash}" + ("", ".gz", ".zst")[crash % 3])
            killed_s = self.record_and_kill(path)
            items, code, said = cat(path)
            with self.subTest(path=path, said=said, events=len(items)):
                self.check_unbroken(items)
                if items:
                    lost_s = killed_s - items[-1]["recv"] / 1e6
                    self.assertLess(lost_s, FLUSH_S + PATIENCE_S)
                    self.assertIn(code, (0, 1))
                    # zstd(1) may keep the last block to itself when a frame has no end.
                    stored = stored_items(path)
                    self.assertTrue(stored == items[:len(stored)], "other events")
                    self.assertTrue(path.endswith(".zst") or len(stored) == len(items))

    def test_what_a_killed_server_left_can_be_replayed(self):
        path = self.path("a.zst")
        server = Server(*SIM, "--record", path)
        wait_until(lambda: os.path.getsize(path) > 10000, "a recording")
        server.process.kill()
        server.process.wait()
        server.process.stdout.close()
        server.log.close()
        copy = self.path("b.jsonl")
        with Server("--feed", path, "--speed", "max", "--lossless", "--exit-at-end",
                    "--record", copy) as replay:
            replay.process.wait(DEADLINE_S)
        self.assertEqual(cat(path)[0], cat(copy)[0])

    def test_the_next_run_goes_on_in_the_next_part(self):
        known = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True,
                               check=True).stdout
        if "--record-rotate" not in known:
            self.skipTest("this server does not rotate")
        path = self.path("a.jsonl.zst")
        runs = 3
        for _ in range(runs):
            self.record_and_kill(path, "--record-rotate", "day")
        parts = sorted(os.listdir(self.folder))
        self.assertGreaterEqual(len(parts), runs)
        self.assertEqual(parts[0], "a-0001.jsonl.zst")
        for part in parts:
            self.check_unbroken(cat(self.path(part))[0])

    def test_a_recording_of_a_recording_is_the_same(self):
        first, second, third = (self.path(name) for name in ("a.jsonl", "b.gz", "c.zst"))
        for source, target in (("sim:?symbols=20&seed=5", first), (first, second),
                               (second, third)):
            with Server("--feed", source, "--to", "+20s", "--speed", "max", "--lossless",
                        "--exit-at-end", "--record", target) as server:
                server.process.wait(DEADLINE_S)
        self.assertGreater(len(cat(first)[0]), 30000)
        self.assertEqual(cat(first)[0], stored_items(first))
        self.assertEqual(stored_items(first), stored_items(second))
        self.assertEqual(stored_items(first), stored_items(third))

    def test_the_broadcast_goes_on_when_the_disk_is_full(self):
        def limit_files():
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))

        for ending in ("", ".gz", ".zst"):
            path = self.path("full" + ending)
            with Server(*SIM, "--record", path, preexec_fn=limit_files) as server:
                wait_until(lambda: "broadcast goes on: File too large" in server.stderr(),
                           "a message")
                seq = self.newest_seq(server)
                wait_until(lambda: self.newest_seq(server) > seq, "another event")
            items, _, _ = cat(path)
            self.assertGreater(len(items), 1000)
            self.check_unbroken(items)

    def test_a_run_that_ends_by_itself_fails_when_not_all_was_recorded(self):
        def limit_files():
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))

        for limit, status in ((None, 0), (limit_files, 1)):
            process = subprocess.run(
                [PROGRAM, "--listen", "127.0.0.1:0", *SIM, "--to", "+30s", "--speed", "max",
                 "--exit-at-end", "--record", self.path(f"run{status}")],
                preexec_fn=limit, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
            self.assertEqual(process.returncode, status, process.stderr)
            self.assertEqual("File too large" in process.stderr, status == 1)

    def test_a_replay_as_fast_as_it_can_waits_for_the_recorder(self):
        path = self.path("all.zst")
        process = subprocess.run(
            [PROGRAM, "--listen", "127.0.0.1:0", "--feed", "sim:?rate=20000&seed=1", "--to", "+5s",
             "--speed", "max", "--bus-events", "1024", "--exit-at-end", "--record", path],
            capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertNotIn("missed", process.stderr)
        items, _, _ = cat(path)
        self.assertIn(f"ended: {len(items)} events", process.stderr)
        self.assertGreater(len(items), 50000)
        self.check_unbroken(items)

    def test_a_file_system_that_is_full_ends_the_recording_only(self):
        folder = self.path("small")
        os.mkdir(folder)
        mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", folder]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
            self.skipTest("only root may mount a file system")
        self.addCleanup(subprocess.run, ["umount", folder], check=False)
        for ending in ("", ".gz", ".zst"):
            path = os.path.join(folder, "full" + ending)
            with Server(*SIM, "--record", path) as server:
                wait_until(lambda: "broadcast goes on: No space left on device" in server.stderr(),
                           "a message")
                seq = self.newest_seq(server)
                wait_until(lambda: self.newest_seq(server) > seq, "another event")
                recorder = server.get("/api/v1/status")["recorder"]
                self.assertTrue(recorder["failed"])
                wait_until(lambda: server.get("/api/v1/status")["recorder"]["missed"] > 0,
                           "a count of what is missed")
            items, _, _ = cat(path)
            self.assertGreater(len(items), 500)
            self.check_unbroken(items)
            os.remove(path)

    def newest_seq(self, server):
        data = server.get("/api/v1/latest?symbols=ALFA-USD")["data"]
        return max((item["seq"] for item in data), default=0)


if __name__ == "__main__":
    unittest.main(verbosity=1)
