"""An IMAP proxy on a loopback port that breaks things at a chosen place.

    import faultproxy
    from faultproxy import Fault
    with faultproxy.Proxy(server, Fault('cut', reply='UID MOVE')) as p:
        ... let the client talk to p.tls_port ...
    p.fired == 1; p.commands == ['CAPABILITY', 'LOGIN', ...]

It ends TLS on both sides, so it sees the protocol: which bytes are commands,
literals, answers.  A fault has a place and an action:

  command='APPEND'   before that command: the server never gets it
  reply='APPEND'     after it: the server has done it, and its tagged answer
                     is held back
      nth=2          the second of them (1 by default; over all connections)
      '*'            counts every command, whatever it is
  to_server=N        when N octets have gone to the server (N are delivered)
  to_client=N        when N octets have gone to the client
  literal=N          N octets into a literal that the client sends

  'cut'              both sides are closed in good order
  'rst'              both sides are reset
  'stall'            nothing moves any more, the connections stay
  'no' 'bad'         the answer is a tagged NO or BAD, not what it was (only
                     with command= and reply=)
  'bye'              an untagged BYE, then cut
  a callable         is called (e.g. to kill the client); then cut, or if it
                     returns PASS goes on as if nothing had been (only with
                     command= and reply=)

A fault fires `times` times (1 by default; then the proxy is transparent).

What it counts, over all connections: `connections`, `commands` (names in
order), `to_server` and `to_client` (octets), `turns` (how often the client
spoke after it had listened), `longest` (octets of the longest command line
without literals), `wire` (with keep=True: [('C' or 'S', bytes)], the lines
and literals as they passed).
"""

import re
import shutil
import socket
import ssl
import struct
import tempfile
import threading

import servers

HOST = '127.0.0.1'
PASS = 'pass'
CHUNK = 65536

LITERAL = re.compile(rb'\{(\d+)(\+?)\}\r?\n$')
COMMAND = re.compile(rb'([^\s+*(){%"\\]+) (UID )?([A-Za-z]+)')


class Fault:
    def __init__(self, action, command=None, reply=None, nth=1,
                 to_server=None, to_client=None, literal=None, times=1):
        places = [command, reply, to_server, to_client, literal]
        if sum(p is not None for p in places) != 1:
            raise ValueError('a fault has one place')
        if action in ('no', 'bad') and command is None and reply is None:
            raise ValueError('only a command can be answered')
        self.action, self.nth, self.times = action, nth, times
        self.command = command and command.upper()
        self.reply = reply and reply.upper()
        self.octets = {'C': to_server, 'S': to_client}
        self.literal = literal
        self.seen = 0	# commands so far that are of its kind


class Broken(Exception):
    """A fault has ended this connection."""


class Source:
    """One direction: lines and runs of octets out of a socket."""

    def __init__(self, sock, heard, raw):
        self.sock, self.heard, self.raw = sock, heard, raw
        self.held = b''

    def more(self):
        data = self.sock.recv(CHUNK)
        if data:
            self.heard()
        self.held += data
        return bool(data)

    def line(self):
        """Up to and with LF; what there is at the end of the stream, or
        when there are no lines any more."""
        at = 0
        while True:
            end = self.held.find(b'\n', at)
            if end >= 0:
                return self.take(end + 1)
            at = len(self.held)
            if (at and self.raw()) or not self.more():
                return self.take(at)

    def take(self, n):
        data, self.held = self.held[:n], self.held[n:]
        return data

    def some(self, n):
        """1 to N octets; none at the end of the stream."""
        if not self.held and not self.more():
            return b''
        return self.take(n)


class Proxy:
    """
    SERVER has port or tls_port, and ca_file (see servers.py), or is a port
    number of a plain server.  The proxy listens on `port` (plain) and
    `tls_port` (TLS, certificate of the same authority); both lead to the
    server's TLS port where there is one.
    """

    def __init__(self, server, *faults, keep=False):
        self.server = server
        self.faults = list(faults)
        self.keep = keep
        self.lock = threading.RLock()
        self.closed = threading.Event()
        self.connections = self.to_server = self.to_client = 0
        self.turns = self.longest = self.fired = 0
        self.commands, self.wire, self.errors = [], [], []
        self.sockets = set()
        self.rewrite = None
        self.folder = tempfile.mkdtemp(prefix='tamis-p.')
        self.ca_file = servers.authority().ca_file
        cert, key = servers.authority().certificate(self.folder)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        self.host = HOST
        self.listeners = []
        self.port = self.listen(False)
        self.tls_port = self.listen(True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.closed.set()
        with self.lock:
            for s in self.listeners + list(self.sockets):
                shut(s)
        shutil.rmtree(self.folder, ignore_errors=True)

    def arm(self, *faults):
        """Other faults, and all counts from nothing; the listening ports
        stay.  For between two runs of a client."""
        with self.lock:
            self.faults = list(faults)
            self.connections = self.to_server = self.to_client = 0
            self.turns = self.longest = self.fired = 0
            self.commands, self.wire = [], []

    # ---------------------------------------------------- connections

    def listen(self, tls):
        s = socket.create_server((HOST, 0))
        self.listeners.append(s)
        threading.Thread(target=self.accept, args=(s, tls),
                         daemon=True).start()
        return s.getsockname()[1]

    def accept(self, listener, tls):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                listener.close()
                return
            threading.Thread(target=self.serve, args=(client, tls),
                             daemon=True).start()

    def serve(self, client, tls):
        try:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                client = self.context.wrap_socket(client, server_side=True)
            server = self.dial()
        except OSError:
            client.close()
            return
        with self.lock:
            self.connections += 1
            self.sockets |= {client, server}
        Connection(self, client, server).run()
        with self.lock:
            self.sockets -= {client, server}
        client.close()
        server.close()

    def dial(self):
        if isinstance(self.server, int):
            s = socket.create_connection((HOST, self.server))
        else:
            s = socket.create_connection((HOST, self.server.tls_port))
            s = servers.tls_context(self.server.ca_file).wrap_socket(
                s, server_hostname='localhost')
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    # --------------------------------------------------------- faults

    def find(self, where, name):
        """The fault that fires at this command or reply, if any."""
        with self.lock:
            hit = None
            for f in self.faults:
                if getattr(f, where) not in (name, '*'):
                    continue
                f.seen += 1
                if hit is None and f.times > 0 and f.seen >= f.nth:
                    f.times -= 1
                    hit = f
            return hit

    def room(self, way, n, into_literal):
        """How many of N octets may pass, and the fault behind them."""
        with self.lock:
            passed = self.to_server if way == 'C' else self.to_client
            for f in self.faults:
                if f.times <= 0:
                    continue
                left = None
                if f.octets[way] is not None:
                    left = f.octets[way] - passed
                elif f.literal is not None and into_literal is not None:
                    left = f.literal - into_literal
                if left is not None and 0 <= left <= n:
                    f.times -= 1
                    return left, f
            return n, None


class Connection:
    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.listened = True
        self.pending = {}	# tag: command name
        self.authenticating = None	# tag: lines are answers to challenges
        self.idling = False
        self.opaque = False	# compressed or encrypted from here on
        self.stalled = self.resetting = False
        self.from_client = Source(client, self.client_spoke, self.is_raw)
        self.from_server = Source(server, self.server_spoke, self.is_raw)
        self.writing = threading.Lock()	# to the client

    def is_raw(self):
        return self.opaque

    def run(self):
        back = threading.Thread(target=self.guard,
                                args=(self.answers,), daemon=True)
        back.start()
        self.guard(self.orders)
        back.join()

    def guard(self, work):
        try:
            work()
        except (Broken, OSError, ValueError):
            pass
        except Exception as e:	# a mistake of ours: the test shall see it
            self.proxy.errors.append(repr(e))
        if self.stalled:
            self.proxy.closed.wait()
        if not self.resetting:	# the other direction ends by this, too
            shut(self.client)
            shut(self.server)

    def reset(self):
        """A reset goes out when the last of the two threads has let go of
        the sockets and they are closed: so wakes the other one without a
        word to the peers."""
        self.resetting = True
        for s in (self.client, self.server):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                         struct.pack('ii', 1, 0))
            socket.socket.shutdown(s, socket.SHUT_RD)

    def client_spoke(self):
        with self.proxy.lock:
            if self.listened:
                self.proxy.turns += 1
                self.listened = False

    def server_spoke(self):
        self.listened = True

    # ---------------------------------------------- client to server

    def orders(self):
        while True:
            line = self.from_client.line()
            if not line:
                return
            if self.opaque:
                self.pass_on('C', line)
                self.copy('C', self.from_client)
                return
            if not self.begins_command(line):
                self.pass_on('C', line)
                continue
            m = COMMAND.match(line)
            tag, name = m.group(1), m.group(3).upper().decode()
            if m.group(2):
                name = 'UID ' + name
            with self.proxy.lock:
                self.proxy.commands.append(name)
            if name == 'AUTHENTICATE':
                self.authenticating = tag
            self.idling = name == 'IDLE'
            self.pending[tag] = name
            fault = self.proxy.find('command', name)
            if fault and self.act(fault, tag) != PASS:
                self.pending.pop(tag, None)
                self.authenticating, self.idling = None, False
                self.skip_literals(line)
                continue
            self.pass_on('C', line)
            self.pass_literals('C', line, self.from_client)

    def begins_command(self, line):
        if self.authenticating:
            return False
        if self.idling and line.strip().upper() == b'DONE':
            self.idling = False
            return False
        return COMMAND.match(line) is not None

    def skip_literals(self, line):
        """Of a command that was refused: what comes unasked is dropped."""
        while True:
            m = LITERAL.search(line)
            if not m or not m.group(2):
                return
            left = int(m.group(1))
            while left:
                data = self.from_client.some(left)
                if not data:
                    return
                left -= len(data)
            line = self.from_client.line()

    # ---------------------------------------------- server to client

    def answers(self):
        while True:
            line = self.from_server.line()
            if not line:
                return
            if self.proxy.rewrite:
                line = self.proxy.rewrite(line)
            tag, _, rest = line.partition(b' ')
            name = self.pending.pop(tag, None)
            if name is None:
                self.pass_on('S', line)
                self.pass_literals('S', line, self.from_server)
                continue
            if tag == self.authenticating:
                self.authenticating = None
            fault = self.proxy.find('reply', name)
            if fault and self.act(fault, tag) != PASS:
                continue
            if name in ('COMPRESS', 'STARTTLS') and rest[:2] == b'OK':
                self.opaque = True
            self.pass_on('S', line)
            if self.opaque:
                self.copy('S', self.from_server)
                return

    # ------------------------------------------------------- passing

    def copy(self, way, source):
        while True:
            data = source.some(CHUNK)
            if not data:
                return
            self.pass_on(way, data)

    def pass_literals(self, way, line, source):
        if way == 'C':
            length = len(line)
        while True:
            m = LITERAL.search(line)
            if not m:
                break
            size = left = int(m.group(1))
            while left:
                data = source.some(left)
                if not data:
                    raise Broken
                self.pass_on(way, data, size - left if way == 'C' else None)
                left -= len(data)
            line = source.line()
            if not line:
                raise Broken
            self.pass_on(way, line)
            if way == 'C':
                length += len(line)
        if way == 'C':
            with self.proxy.lock:
                self.proxy.longest = max(self.proxy.longest, length)

    def pass_on(self, way, data, into_literal=None):
        if self.stalled:
            self.proxy.closed.wait()
        n, fault = self.proxy.room(way, len(data), into_literal)
        self.send(way, data[:n])
        if fault:
            self.act(fault, None)
            raise Broken

    def send(self, way, data):
        proxy = self.proxy
        with proxy.lock:
            if way == 'C':
                proxy.to_server += len(data)
            else:
                proxy.to_client += len(data)
            if proxy.keep and data:
                proxy.wire.append((way, data))
        if way == 'C':
            self.server.sendall(data)
        else:
            with self.writing:
                self.client.sendall(data)

    def act(self, fault, tag):
        with self.proxy.lock:
            self.proxy.fired += 1
        action = fault.action
        if action in ('no', 'bad') and tag:
            text = tag + (b' NO [UNAVAILABLE] not now\r\n'
                          if action == 'no' else b' BAD not understood\r\n')
            self.send('S', text)
            return
        if action == 'stall':
            self.stalled = True
            raise Broken
        if action == 'bye':
            self.send('S', b'* BYE going down\r\n')
        elif action == 'rst':
            self.reset()
        elif callable(action) and action() == PASS:
            return PASS
        raise Broken


def shut(s):
    """Ends both directions. It does not close: another thread may be about
    to read, and the number of the descriptor must not be given away."""
    try:
        socket.socket.shutdown(s, socket.SHUT_RDWR)
    except OSError:
        pass
