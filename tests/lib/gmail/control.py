"""What a test may do to a server: an object, and the same over a socket.

    c = server.control
    c.reset(); c.set(same='merge'); c.load([{'raw': ..., 'labels': [...]}])
    c.fault('no', 'UID MOVE', where='after'); c.act(5, 'trash', id=...)
    before = c.dump(); ...; c.log(); c.counters()

Over a socket each line is one call, in JSON; see Client:

    {"call": "set", "with": {"same": "merge"}}
    {"is": null}	or {"error": "there is no switch ..."}
"""

import json
import socket
import threading

from .faults import Act, Fault
from . import store as stores

HOST = '127.0.0.1'


class Control:
    def __init__(self, server):
        self.server = server

    def store(self, user=None):
        return self.server.stores[user or self.server.user]

    # ------------------------------------------------------ whole state

    def reset(self, profile=None, **switches):
        """As new: no mail, no faults, no sessions, switches of the
        profile and these."""
        self.server.begin(profile or self.server.profile.name, switches)

    def set(self, **switches):
        self.server.switches.set(**switches)

    def switches(self):
        return self.server.switches.all()

    def save(self, user=None):
        self.saved = self.store(user).save()

    def restore(self, user=None):
        """The mail as it was; no faults or acts are left."""
        self.server.script.clear()
        self.server.clear_log()
        self.store(user).restore(self.saved)

    # ------------------------------------------------------------- mail

    def load(self, messages, user=None):
        """Puts messages there without any rule of APPEND.  Each has raw
        (octets, or text of octets), and may have labels, flags, date
        (seconds), place, folder (for servers without labels).  Returns
        their ids."""
        store, found = self.store(user), []
        with store.lock:
            for one in messages:
                found.append(self.load_one(store, **one))
            store.changed()
            store.effects.clear()
        return found

    def load_one(self, store, raw, labels=('\\Inbox',), flags=(),
                 date=1700000000, place='mail', folder='INBOX'):
        if isinstance(raw, str):
            raw = raw.encode('latin-1')
        if not store.labels:
            if folder not in store.folders:
                store.create(folder)
            return store.put(store.folders[folder], raw, date,
                             flags).message.guid
        m = stores.Message(store.new_id(), raw, date, flags,
                           labels if place == 'mail' else (), place)
        for label in m.labels:
            if label[0] != '\\' and label not in store.folders:
                store.new_folder(label, label)
        if '\\Starred' in m.labels:
            m.labels.discard('\\Starred')
            m.flags.add('\\Flagged')
        m.thread = store.thread_of(m)
        store.messages[m.guid] = m
        store.settle(m)
        return m.guid

    def dump(self, user=None, raw=False):
        """{'folders': {name: {validity, next, uids: {uid: id}}},
        'messages': {id: {id, thread, message_id, place, labels, flags,
        date, size, digest, deleted[, raw]}}}"""
        return self.store(user).dump(raw)

    def ids(self, user=None):
        """{Message-ID: [id]}"""
        found = {}
        for m in self.store(user).messages.values():
            found.setdefault(m.message_id, []).append(m.guid)
        return found

    # ------------------------------------------------ faults, counters

    def fault(self, do, command='*', **more):
        fault = Fault(do, command, **more)
        self.server.script.faults.append(fault)
        return None

    def fired(self):
        return self.server.script.fired

    def calm(self):
        """No faults, no acts, nothing that was put off."""
        self.server.script.clear()

    def counters(self):
        names = [e['name'] for e in self.server.log]
        return dict(self.server.counters, commands=len(names), names=names)

    def log(self):
        return self.server.log

    # --------------------------------------------------- other clients

    def act(self, nth, verb, command='*', when='before', user=None, **how):
        """Another client does VERB before (or after) the NTH command; see
        the act_ methods."""
        do = getattr(self, 'act_' + verb)
        self.server.script.acts.append(Act(
            lambda: do(user=user, **how), command, nth, when))

    def now(self, verb, user=None, **how):
        """Another client does it now."""
        return getattr(self, 'act_' + verb)(user=user, **how)

    def message(self, store, id):
        """None if it is gone: the act is nothing then."""
        if id in store.messages:
            return store.messages[id]
        for m in store.messages.values():
            if m.message_id == id:
                return m
        return None

    def act_label(self, id, add=(), remove=(), user=None):
        """ID: of the message, or its Message-ID (the first of them)."""
        store = self.store(user)
        with store.lock:
            m = self.message(store, id)
            if m is None:
                return
            for label in set(add):
                if label[0] != '\\' and label not in store.folders:
                    store.new_folder(label, label)
            for sign, labels in (('+', add), ('-', remove)):
                if labels:
                    store.change_labels(m, sign, set(labels))
            store.changed()

    def act_flags(self, id, add=(), remove=(), user=None):
        store = self.store(user)
        with store.lock:
            m = self.message(store, id)
            if m is None:
                return
            m.flags = (m.flags | set(add)) - set(remove)
            self.moved(store, m)

    def act_trash(self, id, user=None, place='trash'):
        store = self.store(user)
        with store.lock:
            m = self.message(store, id)
            if m is None:
                return
            if store.labels:
                store.take_away(m, place)
                store.changed()
            else:
                name, = m.placements
                folder = store.folders[name]
                store.move(folder, [m.placements[name]], store.folders[
                    {'trash': 'Trash', 'spam': 'Junk'}[place]])

    def act_star_on_web(self, id, user=None):
        store = self.store(user)
        with store.lock:
            m = self.message(store, id)
            m.star_of_web = True
            m.flags.add('\\Flagged')
            self.moved(store, m)

    def act_delete(self, id, user=None):
        """For ever."""
        store = self.store(user)
        with store.lock:
            m = self.message(store, id)
            if m is None:
                return
            if store.labels:
                m.purged_once = True
                store.purge(m)
            else:
                name, = m.placements
                store.expunge(store.folders[name], [m.placements[name]])
            store.changed()

    def act_deliver(self, user=None, **message):
        return self.load([message], user)

    def act_create(self, name, user=None):
        store = self.store(user)
        with store.lock:
            store.create(name)

    def act_rename(self, name, to, user=None):
        store = self.store(user)
        with store.lock:
            store.rename(name, to)

    def act_renumber(self, folder, user=None):
        """UIDVALIDITY and all UIDs of a folder change."""
        store = self.store(user)
        with store.lock:
            f = store.folders[folder]
            f.renumber(f.validity + 1000)
            store.changed()

    def act_empty_trash(self, user=None):
        store = self.store(user)
        with store.lock:
            for m in list(store.messages.values()):
                if m.place == 'trash':
                    m.purged_once = True
                    store.purge(m)
            store.changed()

    def moved(self, store, m):
        store.settle(m)
        store.changed()


CALLS = ('reset', 'set', 'switches', 'save', 'restore', 'load', 'dump',
         'ids', 'fault', 'fired', 'calm', 'counters', 'log', 'act', 'now')


class ControlSocket:
    def __init__(self, control):
        self.control = control
        self.listener = socket.create_server((HOST, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,),
                             daemon=True).start()

    def serve(self, sock):
        with sock, sock.makefile('rwb') as f:
            for line in f:
                try:
                    asked = json.loads(line)
                    name = asked['call']
                    if name not in CALLS:
                        raise ValueError('there is no call "%s"' % name)
                    found = {'is': getattr(self.control, name)(
                        *asked.get('args', ()), **asked.get('with', {}))}
                    said = json.dumps(found, default=sorted)
                except Exception as e:	# told to the one who asked
                    said = json.dumps({'error': '%s: %s' % (
                        type(e).__name__, e)})
                f.write(said.encode() + b'\n')
                f.flush()


class Client:
    """The other end; its methods are those of Control.  Keys of objects
    come back as text: JSON knows no others."""

    def __init__(self, port):
        self.sock = socket.create_connection((HOST, port))
        self.file = self.sock.makefile('rwb')

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.file.close()
        self.sock.close()

    def __getattr__(self, name):
        def call(*args, **how):
            self.file.write(json.dumps({
                'call': name, 'args': args, 'with': how}).encode() + b'\n')
            self.file.flush()
            said = json.loads(self.file.readline())
            if 'error' in said:
                raise ValueError(said['error'])
            return said['is']
        if name not in CALLS:
            raise AttributeError(name)
        return call
