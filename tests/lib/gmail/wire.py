"""The octets of one connection: lines, literals, TLS, DEFLATE."""

import select
import socket
import struct
import zlib

CHUNK = 65536


class Closed(Exception):
    """The client has gone, or the connection is to end."""


class Wire:
    """COUNTERS has octets_in, octets_out, turns, longest; LIMIT() says how
    long a line may be."""

    def __init__(self, sock, counters, limit=lambda: CHUNK):
        self.sock, self.counters, self.limit = sock, counters, limit
        self.buffer = b''
        self.too_long = False	# the last line was, and was cut
        self.inflate = self.deflate = None
        self.listening = True

    def more(self):
        try:
            data = self.sock.recv(CHUNK)
        except OSError:
            data = b''
        if not data:
            raise Closed
        if not self.listening:
            self.counters['turns'] += 1
        self.listening = True
        self.counters['octets_in'] += len(data)
        if self.inflate:
            try:
                data = self.inflate.decompress(data)
            except zlib.error:
                raise Closed from None
        self.buffer += data

    def line(self):
        """With its line end; one that is longer than the limit is cut."""
        start, self.too_long = 0, False
        while True:
            end = self.buffer.find(b'\n', start)
            if end >= 0:
                break
            start = len(self.buffer)
            if start > self.limit():
                self.too_long = True
                self.buffer = self.buffer[:200]
                start = 200
            self.more()
        line, self.buffer = self.buffer[:end + 1], self.buffer[end + 1:]
        self.too_long |= len(line) > self.limit()
        self.counters['longest'] = max(self.counters['longest'], len(line))
        return line

    def take(self, n):
        pieces = []
        while True:
            piece, self.buffer = self.buffer[:n], self.buffer[n:]
            pieces.append(piece)
            n -= len(piece)
            if not n:
                return b''.join(pieces)
            self.more()

    def send(self, data):
        if not data:
            return
        self.listening = False
        if self.deflate:
            data = self.deflate.compress(data) + self.deflate.flush(
                zlib.Z_SYNC_FLUSH)
        self.counters['octets_out'] += len(data)
        try:
            self.sock.sendall(data)
        except OSError:
            raise Closed from None

    def start_tls(self, context):
        """What was sent in the clear behind the command is thrown away."""
        self.buffer = b''
        try:
            # stop() has to find the socket while we shake hands.
            self.sock = context.wrap_socket(
                self.sock, server_side=True, do_handshake_on_connect=False)
            self.sock.do_handshake()
        except OSError:
            raise Closed from None

    def compress(self):
        self.inflate = zlib.decompressobj(-15)
        self.deflate = zlib.compressobj(wbits=-15)
        if self.buffer:
            self.buffer = self.inflate.decompress(self.buffer)

    def wait(self, other, timeout=None):
        """Until there is something to read here, or on OTHER (a socket)."""
        if self.buffer or getattr(self.sock, 'pending', int)():
            return True
        ready, _, _ = select.select([self.sock, other], [], [], timeout)
        if other in ready:
            other.recv(CHUNK)
        return self.sock in ready

    def silence(self):
        """Listens and says nothing until the client goes."""
        while True:
            self.more()
            self.buffer = b''

    def stop(self):
        """From another thread: the one that reads here closes it."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self, reset=False):
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack('ii', 1, 0))
        else:
            self.stop()
        self.sock.close()
