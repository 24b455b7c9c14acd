"""Tiny SOCKS and HTTP proxies on loopback ports.

    import proxies
    with proxies.Socks5() as p:		# or Http()
        ... let the client connect through p.url ...
    p.asked == [('name', 'localhost', 993)]

`asked` holds what clients wanted, in order: ('name' or 'address', host,
port); with user= and password= they must log in, `logins` holds what they
said; refuse=True says no to everybody.
"""

import base64
import socket
import struct
import threading

HOST = '127.0.0.1'


def receive(s, n):
    data = b''
    while len(data) < n:
        piece = s.recv(n - len(data))
        if not piece:
            raise OSError('ended early')
        data += piece
    return data


class Proxy:
    scheme = None

    def __init__(self, user=None, password=None, refuse=False):
        self.user, self.password, self.refuse = user, password, refuse
        self.asked, self.logins = [], []
        self.listener = socket.create_server((HOST, 0))
        self.port = self.listener.getsockname()[1]
        self.url = '%s://%s%s:%d' % (
            self.scheme, '%s:%s@' % (user, password) if user else '', HOST,
            self.port)
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,),
                             daemon=True).start()

    def serve(self, client):
        try:
            with client:
                place = self.talk(client)
                if place is None:
                    return
                with socket.create_connection((HOST, place[1])) as server:
                    self.granted(client)
                    back = threading.Thread(
                        target=copy, args=(server, client), daemon=True)
                    back.start()
                    copy(client, server)
                    back.join()
        except OSError:
            pass

    def wants(self, kind, host, port):
        self.asked.append((kind, host, port))
        return (host, port)


def copy(source, target):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Socks5(Proxy):
    """RFC 1928, RFC 1929; `scheme` is "socks5h" (the proxy resolves names)
    unless told otherwise."""
    scheme = 'socks5h'

    def talk(self, s):
        version, n = receive(s, 2)
        methods = receive(s, n)
        wanted = 2 if self.user else 0
        if version != 5 or wanted not in methods:
            s.sendall(b'\5\xff')
            return None
        s.sendall(bytes([5, wanted]))
        if self.user and not self.login(s):
            return None
        version, command, _, kind = receive(s, 4)
        if kind == 3:
            host = receive(s, receive(s, 1)[0]).decode()
        else:
            family, size = {1: (socket.AF_INET, 4),
                            4: (socket.AF_INET6, 16)}[kind]
            host = socket.inet_ntop(family, receive(s, size))
        port, = struct.unpack('!H', receive(s, 2))
        place = self.wants('name' if kind == 3 else 'address', host, port)
        if self.refuse or command != 1:
            s.sendall(b'\5\2\0\1\0\0\0\0\0\0')
            return None
        return place

    def login(self, s):
        receive(s, 1)
        user = receive(s, receive(s, 1)[0]).decode()
        password = receive(s, receive(s, 1)[0]).decode()
        self.logins.append((user, password))
        good = (user, password) == (self.user, self.password)
        s.sendall(b'\1\0' if good else b'\1\1')
        return good

    def granted(self, s):
        s.sendall(b'\5\0\0\1\0\0\0\0\0\0')


class Http(Proxy):
    """CONNECT (RFC 9110 section 9.3.6) with Basic authentication."""
    scheme = 'http'

    def talk(self, s):
        head = b''
        while not head.endswith(b'\r\n\r\n'):
            head += receive(s, 1)
        lines = head.decode().split('\r\n')
        method, target, _ = lines[0].split(' ')
        host, _, port = target.rpartition(':')
        place = self.wants('name', host, int(port))
        if self.user and not self.login(lines[1:]):
            s.sendall(b'HTTP/1.1 407 Who are you\r\nProxy-Authenticate: '
                      b'Basic realm="x"\r\nContent-Length: 0\r\n'
                      b'Connection: close\r\n\r\n')
            return None
        if self.refuse or method != 'CONNECT':
            s.sendall(b'HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n')
            return None
        return place

    def login(self, lines):
        for line in lines:
            name, _, value = line.partition(': ')
            if name.lower() == 'proxy-authorization':
                said = base64.b64decode(value.split(' ')[1]).decode()
                self.logins.append(tuple(said.split(':', 1)))
                return said == '%s:%s' % (self.user, self.password)
        return False

    def granted(self, s):
        s.sendall(b'HTTP/1.1 200 Go on\r\n\r\n')
