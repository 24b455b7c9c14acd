"""A client that says what it is told to and shows what it hears.

    t = talk.Talk(server)
    t('LOGIN alice secret')		-> the tagged answer, without the tag
    t.lines				-> the untagged ones, octets and all
    t.ok('UID FETCH 1 (FLAGS)')		-> t.lines; fails unless it was OK
"""

import re
import socket

import servers


class Talk:
    def __init__(self, server, user='alice', select=None, timeout=10):
        raw = socket.create_connection((server.host, server.tls_port),
                                       timeout)
        self.sock = servers.tls_context(server.ca_file).wrap_socket(
            raw, server_hostname='localhost')
        self.file = self.sock.makefile('rb')
        self.tags = 0
        self.lines, self.early = [], None
        self.greeting = self.line()
        if user:
            self.ok('LOGIN %s secret' % user)
        if select:
            self.ok('SELECT "%s"' % select)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.file.close()
        self.sock.close()

    def line(self):
        """One answer with its literals; b'' at the end."""
        text = b''
        while True:
            line = self.file.readline()
            text += line
            m = re.search(rb'\{(\d+)\}\r\n\Z', line)
            if not m:
                return text
            text += self.file.read(int(m.group(1)))

    def send(self, *pieces):
        """Text, and octets (sent as literals, each after a "+")."""
        self.tags += 1
        tag = b'T%d' % self.tags
        line = tag + b' '
        for p in pieces:
            if isinstance(p, bytes):
                self.sock.sendall(line + b'{%d}\r\n' % len(p))
                said = self.line()
                if not said.startswith(b'+'):
                    self.early = said
                    return tag
                line = p
            else:
                line += p.encode()
        self.sock.sendall(line + b'\r\n')
        return tag

    def __call__(self, *pieces):
        self.early = None
        tag = self.send(*pieces)
        return self.answer(tag)

    def answer(self, tag):
        self.lines = []
        while True:
            line = self.early or self.line()
            self.early = None
            if not line:
                return None
            if line.startswith(tag + b' '):
                return line[len(tag) + 1:].rstrip(b'\r\n').decode()
            if line.startswith(b'+ '):
                return '+'
            self.lines.append(line.rstrip(b'\r\n'))

    def ok(self, *pieces):
        said = self(*pieces)
        if said is None or not said.startswith('OK'):
            raise AssertionError('%r: %s' % (pieces[:1], said))
        return self.lines

    def append(self, mailbox, raw, flags='', date=None):
        return self('APPEND "%s" (%s) %s' % (
            mailbox, flags, '"%s" ' % date if date else ''), raw)

    # ------------------------------------------------------- answers

    def fetch(self, uid, items):
        """{item: text} of one message; {} if there is none."""
        self.ok('UID FETCH %s (%s)' % (uid, items))
        for line in self.lines:
            m = re.match(rb'\* \d+ FETCH \((.*)\)\Z', line, re.S)
            if m:
                return split(m.group(1))
        return {}

    def labels(self, uid):
        text = self.fetch(uid, 'X-GM-LABELS')['X-GM-LABELS']
        return sorted(w.decode().strip('"').replace('\\\\', '\\')
                      for w in re.findall(rb'"(?:[^"\\]|\\.)*"|[^ ()]+',
                                          text))

    def search(self, keys):
        lines = [x for x in self.ok('UID SEARCH ' + keys)
                 if x.startswith(b'* SEARCH')]
        return [int(n) for n in lines[0].split(b' (')[0].split()[2:]]

    def said(self, what):
        """The untagged lines that hold WHAT."""
        return [x for x in self.lines if what.encode() in x]


def split(data):
    """Items of a FETCH answer, by name."""
    found, at = {}, 0
    word = re.compile(rb' ?(BODY\[[^\]]*\](?:<\d+>)?|[A-Z0-9.-]+) ')
    while at < len(data):
        m = word.match(data, at)
        name, at = m.group(1).decode(), m.end()
        end = value_end(data, at)
        value, at = data[at:end], end
        lit = re.match(rb'\{\d+\}\r\n', value)
        found[name] = value[lit.end():] if lit else value
    return found


def value_end(data, at):
    depth = 0
    while True:
        m = re.match(rb'\{(\d+)\}\r\n', data[at:at + 30])
        if m:
            at += m.end() + int(m.group(1))
        elif data[at:at + 1] == b'"':
            at += re.match(rb'"(?:[^"\\]|\\.)*"', data[at:]).end()
        elif data[at:at + 1] == b'(':
            depth, at = depth + 1, at + 1
            continue
        elif data[at:at + 1] == b')':
            depth, at = depth - 1, at + 1
        elif data[at:at + 1] == b' ':
            at += 1
            continue
        else:
            at += re.match(rb'[^ ()"]+', data[at:]).end()
        if depth == 0:
            return at
