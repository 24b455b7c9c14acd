"""Those whom tamis tells something: a desktop, a web server, a mail server.

    bus = peers.Bus()                   # a private session bus
    desk = peers.Desktop(bus, 'markup') # tests/channels/notifyd on it
    desk.next(), desk.rest()            # what it was asked to show
    web = peers.Web(); web.url; web.requests; web.answers = [503, 200]
    post = peers.Post(); post.mails; post.replies = {'DATA': '451 later'}

All on loopback, ended by close().  They do what RFC 9112 and RFC 5321 say,
as far as one client needs it, and what they are told to do wrong.
"""

import base64
import contextlib
import json
import os
import select
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import servers

HOST = '127.0.0.1'
NOTIFYD = os.path.join(os.path.dirname(os.environ.get('TAMIS') or ''),
                       'tests/channels/notifyd')


def read_line(stream, seconds=20):
    """A line of a program's output, or None."""
    ready, _, _ = select.select([stream], [], [], seconds)
    if not ready:
        return None
    return stream.readline().decode()


class Bus:
    """dbus-daemon with nothing on it."""

    def __init__(self, folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix='tamis-bus.')
        self.own_folder = folder is None
        self.address = 'unix:path=%s/bus' % self.folder
        with open(self.folder + '/bus.conf', 'w') as f:
            f.write('<busconfig><type>session</type>'
                    '<listen>%s</listen><auth>EXTERNAL</auth>'
                    '<policy context="default"><allow own="*"/>'
                    '<allow send_destination="*" eavesdrop="true"/>'
                    '<allow eavesdrop="true"/></policy></busconfig>'
                    % self.address)
        self.p = subprocess.Popen(
            ['dbus-daemon', '--config-file=%s/bus.conf' % self.folder,
             '--nofork', '--nopidfile', '--print-address'],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL, bufsize=0)
        if not read_line(self.p.stdout):
            raise RuntimeError('dbus-daemon does not start')

    def close(self):
        self.p.kill()
        self.p.wait()
        self.p.stdout.close()
        if self.own_folder:
            shutil.rmtree(self.folder, True)


class Desktop:
    def __init__(self, bus, *words):
        self.p = subprocess.Popen(
            [NOTIFYD] + list(words), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, bufsize=0,
            env={'DBUS_SESSION_BUS_ADDRESS': bus.address,
                 'PATH': os.environ['PATH']})
        line = read_line(self.p.stdout)
        if line != 'ready\n':
            raise RuntimeError('notifyd does not start: %r' % line)

    def next(self, seconds=20):
        """A note as a dict, or None when none comes."""
        note = {}
        while True:
            line = read_line(self.p.stdout, seconds)
            if not line:
                return None
            if line == '\n':
                return note
            key, _, value = line.rstrip('\n').partition('=')
            note[key] = value

    def rest(self):
        """All that it was shown and nobody took yet."""
        notes = []
        while True:
            note = self.next(0.3)
            if not note:
                return notes
            notes.append(note)

    def close(self):
        if self.p:
            self.p.stdin.close()
            self.p.wait()
            self.p.stdout.close()
        self.p = None


class Listener:
    """A thread a connection; subclasses have talk(stream, socket)."""

    def __init__(self, tls):
        self.tls = tls
        self.folder = tempfile.mkdtemp(prefix='tamis-peer.')
        self.ca_file = servers.authority().ca_file
        self.context = None
        if tls:
            cert, key = servers.authority().certificate(self.folder)
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(cert, key)
        self.changed = threading.Condition()
        self.socket = socket.create_server((HOST, 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,),
                             daemon=True).start()

    def serve(self, s):
        try:
            s.settimeout(30)
            self.talk(s)
        except (OSError, ValueError):
            pass
        finally:
            s.close()

    def wrap(self, s):
        return self.context.wrap_socket(s, server_side=True)

    def wait(self, there, seconds=20):
        """Until THERE() is true; its value."""
        with self.changed:
            self.changed.wait_for(there, seconds)
            return there()

    def close(self):
        with contextlib.suppress(OSError):      # wakes who waits for it
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        shutil.rmtree(self.folder, True)


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path = method, path
        self.headers, self.body = headers, body

    def json(self):
        return json.loads(self.body)


class Web(Listener):
    """ANSWERS: statuses to give, the last of them for ever; 'hang' (no
    answer), 'close' (none, and the end), 'long' (200 and no end), or
    (status, {header: value})."""

    def __init__(self, tls=True):
        self.requests, self.answers = [], [200]
        super().__init__(tls)
        self.url = '%s://localhost:%d/hook' % (
            'https' if tls else 'http', self.port)

    def answer(self):
        return self.answers.pop(0) if len(self.answers) > 1 else \
            self.answers[0]

    def talk(self, s):
        if self.tls:
            s = self.wrap(s)
        with s, s.makefile('rb') as f:
            method, path, _ = f.readline().decode().split()
            headers = {}
            for line in iter(f.readline, b'\r\n'):
                name, _, value = line.decode('latin-1').partition(':')
                headers[name.lower()] = value.strip()
            body = f.read(int(headers.get('content-length', 0)))
            with self.changed:
                self.requests.append(Request(method, path, headers, body))
                answer = self.answer()
                self.changed.notify_all()
            if answer == 'hang':
                time.sleep(30)
            elif answer == 'long':
                s.sendall(b'HTTP/1.1 200 OK\r\n\r\n')
                while True:
                    s.sendall(b'x' * 65536)
            elif answer != 'close':
                status, more = answer if isinstance(answer, tuple) else (
                    answer, {})
                lines = ['HTTP/1.1 %d Word' % status,
                         'Content-Length: 2', 'Connection: close']
                lines += ['%s: %s' % i for i in more.items()]
                s.sendall(('\r\n'.join(lines) + '\r\n\r\nok').encode())


class Mail:
    def __init__(self, sender, to, data, user):
        self.sender, self.to = sender, to
        self.data, self.user = data, user


class Post(Listener):
    """An SMTP server: TLS from the start, or STARTTLS.  REPLIES: what to
    say to a command (its first word, or 'END' for the dot) in place of what
    is right; 'close' ends the connection without a word."""

    def __init__(self, tls=True, starttls=True, password='secret'):
        self.mails, self.replies, self.commands = [], {}, []
        self.starttls = starttls and not tls
        self.password = password
        super().__init__(True)
        self.implicit = tls
        self.url = '%s://localhost:%d' % ('smtps' if tls else 'smtp',
                                          self.port)

    def say(self, word, right):
        text = self.replies.get(word, right)
        if text == 'close':
            self.s.close()
            raise OSError
        return (text + '\r\n').encode()

    def login(self, words, f):
        """Who it is, by PLAIN; None: it is not."""
        text = words[2] if len(words) > 2 else ''
        if not text:
            self.s.sendall(b'334 \r\n')
            text = f.readline().decode()
        _, user, password = base64.b64decode(text).decode().split('\0')
        return user if password == self.password else None

    def talk(self, s):
        secure = self.implicit
        if secure:
            s = self.wrap(s)
        self.s = s
        f = s.makefile('rb')
        user = sender = None
        to = []
        s.sendall(self.say('HELLO', '220 localhost ready'))
        while True:
            line = f.readline()
            if not line:
                return
            words = line.decode('utf-8', 'replace').split()
            word = words[0].upper() if words else ''
            with self.changed:
                self.commands.append(word)
            reply = '250 ok'
            if word == 'EHLO':
                more = ['250-localhost', '250-SIZE 99999999',
                        '250-8BITMIME']
                if not secure and self.starttls:
                    more.append('250-STARTTLS')
                if secure:
                    more.append('250-AUTH PLAIN')
                more.append('250 HELP')
                reply = '\r\n'.join(more)
            elif word == 'STARTTLS':
                s.sendall(self.say(word, '220 go on'))
                if word in self.replies:
                    continue
                f.close()
                s = self.s = self.wrap(s)
                f = s.makefile('rb')
                secure = True
                continue
            elif word == 'AUTH':
                user = self.login(words, f)
                reply = '235 welcome' if user else '535 wrong password'
            elif word == 'MAIL':
                sender = line.decode().split('<')[1].split('>')[0]
            elif word == 'RCPT':
                if word not in self.replies:
                    to.append(line.decode().split('<')[1].split('>')[0])
            elif word == 'DATA':
                s.sendall(self.say(word, '354 go on'))
                if word in self.replies:
                    continue
                data = b''
                for row in iter(f.readline, b'.\r\n'):
                    if not row:
                        return
                    data += row[1:] if row.startswith(b'.') else row
                with self.changed:
                    self.mails.append(Mail(sender, to, data, user))
                    self.changed.notify_all()
                to = []
                word = 'END'
            elif word == 'QUIT':
                reply = '221 bye'
            s.sendall(self.say(word, reply))
            if word == 'QUIT':
                return
