"""For the system tests in Python: the real server, and clients of bare sockets.

Everything waits for events; a deadline only turns a wait that would last for ever into a failure.
"""
import base64
import json
import os
import queue
import re
import selectors
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.request

PROGRAM = os.environ.get("PRICECAST_BIN")
if not PROGRAM:
    raise SystemExit("PRICECAST_BIN must name the server")
SOURCE_DIR = os.environ.get("PRICECAST_SOURCE_DIR", os.getcwd())
DEADLINE_S = 60  # for a machine that does much else; only a wait in vain lasts so long
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error|ThreadSanitizer")


class Server:
    """The program on a free port; use it in a `with`, at whose end it must stop well."""

    def __init__(self, *args, program=PROGRAM, wrap=(), preexec_fn=None, deadline_s=DEADLINE_S):
        self.log = tempfile.TemporaryFile("w+")
        self.deadline_s = deadline_s
        self.is_told = False
        self.process = subprocess.Popen(
            [*wrap, program, "--listen", "127.0.0.1:0", *args],
            stdout=subprocess.PIPE, stderr=self.log, text=True, preexec_fn=preexec_fn)
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            banner = self.process.stdout.readline() if ready.select(deadline_s) else ""
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", banner)
        if not found:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not start: {banner} {self.stderr()}")
        self.port = int(found[1])
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        code = self.stop()
        self.process.stdout.close()
        text = self.stderr()
        self.log.close()
        if kind is None:
            assert code == 0, f"exit code {code}: {text}"
            assert not SANITIZER.search(text), text

    def terminate(self):
        """Signals it once: a second signal would end it without its leave-taking."""
        if not self.is_told and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.is_told = True

    def stop(self):
        self.terminate()
        try:
            return self.process.wait(self.deadline_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "it had to be killed"

    def stderr(self):
        self.log.seek(0)
        return self.log.read()

    def get(self, path, timeout=DEADLINE_S):
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return json.load(answer)

    def post(self, path, value, timeout=DEADLINE_S):
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, json.dumps(value).encode())
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.load(answer)

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def cpu_s(self):
        with open(f"/proc/{self.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def connect(server, receive_buffer=None, timeout=DEADLINE_S, address=None):
    client = socket.socket()
    if address:
        client.bind((address, 0))
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(timeout)
    client.connect(("127.0.0.1", server.port))
    return client


def receive_until_closed(client):
    """All bytes up to the end, whether by FIN or RST."""
    chunks = []
    try:
        while chunk := client.recv(65536):
            chunks.append(chunk)
    except ConnectionError:
        pass
    return b"".join(chunks)


def exchange(server, *pieces):
    """Sends pieces, and returns everything until the server closes."""
    with connect(server) as client:
        try:
            for piece in pieces:
                client.sendall(piece)
        except ConnectionError:
            pass
        return receive_until_closed(client)


def upgrade_request(path="/ws", headers=""):
    key = base64.b64encode(os.urandom(16)).decode()
    return (f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"{headers}\r\n").encode()


def frame(payload, opcode=1, fin=True, rsv=0, masked=True, mask=None, length=None, wide=False):
    """One frame. `length` lies about the payload's; `wide` writes it in 64 bits."""
    count = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    mask_bit = 0x80 if masked else 0
    if wide or count > 0xffff:
        head += bytes([mask_bit | 127]) + struct.pack(">Q", count)
    elif count > 125:
        head += bytes([mask_bit | 126]) + struct.pack(">H", count)
    else:
        head += bytes([mask_bit | count])
    if not masked:
        return head + payload
    mask = mask or os.urandom(4)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


class RawClient:
    """A WebSocket of bare bytes: it can send anything, and reads only when told to."""

    def __init__(self, server, path="/ws", receive_buffer=None, headers=""):
        self.socket = connect(server, receive_buffer)
        self.buffer, self.chunks = b"", None
        try:
            self.socket.sendall(upgrade_request(path, headers))
            while b"\r\n\r\n" not in self.buffer:
                self._fill()
            head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
            assert head.startswith(b"HTTP/1.1 101 "), head
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def reset(self):
        """Closes with RST in place of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def read_ahead(self):
        """From now on a thread empties the socket, however slowly messages are taken."""
        self.chunks = queue.SimpleQueue()

        def empty():
            chunk = b"x"
            while chunk:
                try:
                    chunk = self.socket.recv(1 << 20)
                except OSError:
                    chunk = b""
                self.chunks.put(chunk)

        threading.Thread(target=empty, daemon=True).start()

    def _fill(self):
        chunk = self.chunks.get(timeout=DEADLINE_S) if self.chunks else self.socket.recv(1 << 16)
        if not chunk:
            raise EOFError
        self.buffer += chunk

    def _take(self, count):
        while len(self.buffer) < count:
            self._fill()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def receive_frame(self):
        """(opcode, payload) of the next frame; checks what every server frame must be."""
        first, second = self._take(2)
        assert first & 0x70 == 0 and second & 0x80 == 0, "reserved bits, or a mask"
        size = second & 0x7f
        if size == 126:
            size, = struct.unpack(">H", self._take(2))
        elif size == 127:
            size, = struct.unpack(">Q", self._take(8))
        assert size <= 1 << 20, "no message is longer than 1 MiB"
        return first & 0x0f, self._take(size)

    def receive(self):
        """The next message, or ("close", code)."""
        while True:
            opcode, payload = self.receive_frame()
            if opcode == 8:
                return "close", struct.unpack(">H", payload[:2])[0] if len(payload) > 1 else None
            if opcode == 1:
                return json.loads(payload)

    def until(self, wanted):
        """Reads until `wanted(message)` is true and returns all messages read."""
        read = []
        while not read or not wanted(read[-1]):
            read.append(self.receive())
            assert not isinstance(read[-1], tuple), f"closed: {read[-1]}"
        return read

    def until_type(self, kind):
        return self.until(lambda message: message["type"] == kind)

    def send(self, message):
        self.socket.sendall(frame(json.dumps(message).encode()))

    def ping(self):
        """A round trip through the server."""
        self.send({"op": "ping", "id": "ping"})
        return self.until(lambda message: message.get("id") == "ping")

    def closing_code(self):
        """Reads up to the close frame; None when the connection just ended."""
        try:
            while True:
                message = self.receive()
                if isinstance(message, tuple):
                    return message[1]
        except (EOFError, ConnectionError):
            return None


def stream_of(item):
    return item["kind"], item["source"], item["symbol"]


class Accounts:
    """Checks seq == previous + 1 + skipped on every stream, message by message."""

    def __init__(self):
        self.last = {}
        self.delivered = self.skipped = 0

    def note(self, message):
        for item in message.get("data", []):
            previous = self.last.get(stream_of(item))
            skipped = item.get("skipped", 0)
            if previous is not None:
                expected = previous + 1 + skipped
                assert item["seq"] == expected, f"{stream_of(item)}: {item['seq']}, not {expected}"
            self.last[stream_of(item)] = item["seq"]
            self.delivered += 1
            self.skipped += skipped


def wait_until(condition, what, deadline_s=DEADLINE_S):
    """Looks again and again, for what only the kernel or the server's counters can tell."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{deadline_s} s went by without {what}")
        time.sleep(0.01)
