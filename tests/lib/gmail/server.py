"""The listener, and what all sessions share."""

import hashlib
import os
import socket
import ssl
import threading
import time

import servers
from .control import Control, ControlSocket
from .faults import Script
from .fetching import internal_date
from .profiles import PROFILES
from .session import Session
from .switches import Switches

COUNTERS = ('connections', 'octets_in', 'octets_out', 'turns', 'longest')


def tls_context():
    """One certificate for all of a run of tests/run (or of a script)."""
    authority = servers.authority()
    folder = authority.folder + '/gmail'
    with servers.locked(authority.folder + '/lock'):
        if not os.path.exists(folder + '/done'):
            os.makedirs(folder, exist_ok=True)
            authority.certificate(folder)
            with open(folder + '/done', 'w'):
                pass
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder + '/cert.pem', folder + '/key.pem')
    return context


class Server(servers.Peer):
    """See the package.  Ports as those of servers.Server: `port` speaks
    plain IMAP with STARTTLS, `tls_port` TLS from the start."""

    def __init__(self, profile='gmail', users=servers.USERS,
                 control_port=False, seed=0, **switches):
        servers.Peer.__init__(self)
        self.user, self.password = users[0], servers.PASSWORD
        self.users, self.seed = users, seed
        self.owner = servers.owner_of	# of an OAuth 2 token
        self.token = 'tamis' + os.urandom(6).hex()
        self.lock = threading.Lock()
        self.script = Script()
        self.stores = {}
        self.sessions, self.dead = set(), []
        self.errors = []	# mistakes of this server itself
        self.numbers = 0
        self.tls = tls_context()
        self.listeners = []
        self.wants_control_port, self.control_port = control_port, None
        self.control = Control(self)
        self.begin(profile, switches)

    # --------------------------------------------------------- profiles

    def begin(self, profile, switches):
        """All empty, as new; sessions that are there end."""
        self.drop_sessions()
        self.profile = PROFILES[profile]
        self.switches = Switches(**dict(self.profile.switches, **switches))
        self.stores = {
            user: self.profile.store(self.switches, self.seed)
            for user in self.users}
        self.script.clear()
        self.clear_log()

    def clear_log(self):
        self.log, self.ids = [], []
        self.counters = dict.fromkeys(COUNTERS, 0)

    # ---------------------------------------------------------- running

    def start(self):
        for secure in (False, True):
            listener = socket.create_server((servers.HOST, 0))
            self.listeners.append(listener)
            port = listener.getsockname()[1]
            if secure:
                self.tls_port = port
            else:
                self.port = port
            threading.Thread(target=self.accept, args=(listener, secure),
                             daemon=True).start()
        if self.wants_control_port:
            self.control_socket = ControlSocket(self.control)
            self.control_port = self.control_socket.port
            self.listeners.append(self.control_socket.listener)
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.close()

    def close(self):
        for listener in self.listeners:
            try:
                listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            listener.close()
        self.listeners = []
        self.drop_sessions()
        errors, self.errors = self.errors, []
        if errors:
            raise AssertionError('the server itself failed:\n' +
                                 '\n'.join(errors[:3]))

    stop = close

    def drop_sessions(self):
        with self.lock:
            there = list(self.sessions)
        for session in there:
            session.stop()
        for session in there:
            if session is not threading.current_thread():
                session.join(10)
        self.dead = []

    def accept(self, listener, secure):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.numbers += 1
                self.counters['connections'] += 1
                session = Session(self, sock, self.numbers, secure)
                self.sessions.add(session)
            session.start()

    def gone(self, session):
        with self.lock:
            self.sessions.discard(session)
            if session.store and not session.said_bye:
                self.dead.append((session.user, time.monotonic() +
                                  self.switches.dead_linger))

    def admits(self, user):
        """Is there room for one more session of that user?"""
        now = time.monotonic()
        with self.lock:
            self.dead = [d for d in self.dead if d[1] > now]
            there = sum(s.user == user for s in self.sessions) + \
                sum(d[0] == user for d in self.dead)
        return there < self.switches.connection_limit

    def settle(self):
        """Waits until no session is left."""
        until = time.monotonic() + 10
        while self.sessions and time.monotonic() < until:
            time.sleep(0.001)

    # ------------------------------------------------- as crash.py asks

    def save(self):
        self.control.save()

    def restore(self):
        """Sessions of the last run may still be ending."""
        self.settle()
        self.control.restore()

    def boxes(self):
        """What dump_all says, from the store itself."""
        store, found = self.stores[self.user], {}
        with store.lock:
            for folder in store.folders.values():
                if folder.uids and store.shown(folder):
                    found[folder.name] = [
                        as_dumped(folder[u]) for u in folder.uids]
        return found

    # -------------------------------------------------------------- log

    def log_command(self, session, command):
        """Returns the number of its entry, from 0."""
        with self.lock:
            self.log.append({
                'session': session.number, 'name': command.name,
                'command': command.shown(), 'effects': [],
                'folder': session.folder.name if session.folder else None,
                'answer': None})
            return len(self.log) - 1

    def log_effects(self, number, effects):
        if number is not None and number < len(self.log):
            self.log[number]['effects'] += [list(e) for e in effects]

    def log_answer(self, number, answer):
        if number < len(self.log):
            self.log[number]['answer'] = answer


def as_dumped(placement):
    m = placement.message
    return servers.Message(
        placement.uid, frozenset(m.all_flags(placement)), m.message_id,
        internal_date(m.date).decode().strip('"'), len(m.raw),
        hashlib.sha256(m.raw).hexdigest())
